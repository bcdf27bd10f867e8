"""Passwords that a message gives."""

from __future__ import annotations

from gatepost.mail.message import Message


def candidates(message: Message) -> tuple[str, ...]:  # noqa: ARG001
    """Give none yet."""
    return ()
