"""The verdict as an SMTP reply: three numbers and one safe line (RFC 5321 4.2, RFC 3463)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from gatepost.effects import text
from gatepost.verdict import Accept, Defer, Outcome, Quarantine, Reject

_REPLY_CHARACTERS: Final = 400
"""RFC 5321 4.5.3.1.5 allows 512 octets a reply line, codes included."""


@dataclass(frozen=True, slots=True)
class Reply:
    """`code` 451 or 550, `status` the enhanced code as text, `text` one line."""

    code: int
    status: str
    text: str

    def __str__(self) -> str:
        """Give the reply as the sender sees it."""
        return f"{self.code} {self.status} {self.text}"


def identified(outcome: Outcome, record_id: str) -> Outcome:
    """Give the outcome with the record's id in the text that the sender sees, so that a complaint finds its record."""
    match outcome:
        case Accept() | Quarantine():
            return outcome
        case Defer(text=words) | Reject(text=words):
            return replace(outcome, text=f"{words} (id {record_id})")


def reply(outcome: Outcome) -> Reply | None:
    """Give the reply that refuses or defers a message, or None when it is taken."""
    match outcome:
        case Accept() | Quarantine():
            return None
        case Defer(code=status, text=words):
            code = 451
        case Reject(code=status, text=words):
            code = 550
    return Reply(code, ".".join(map(str, status)), text.line(words, _REPLY_CHARACTERS))
