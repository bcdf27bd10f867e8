"""Passwords tried on encrypted files: what opened one file of a message is tried first on the next."""

from __future__ import annotations

from collections.abc import Iterable, Iterator


class Keys:
    """The passwords that a message offers, the last one that fitted first."""

    def __init__(self, passwords: Iterable[str]) -> None:
        self._passwords = list(dict.fromkeys(passwords))

    def __iter__(self) -> Iterator[str]:
        """Give the passwords in the order in which to try them."""
        return iter(tuple(self._passwords))

    def fitted(self, password: str) -> None:
        """Note that a password opened something."""
        self._passwords.remove(password)
        self._passwords.insert(0, password)
