"""What arrival needs of the rest of Gatepost: somebody who judges, and somebody who words the answer.

Arrival knows SMTP events and nothing of checks, scores or headers. The five stages meet in `service/assemble.py`, which
hands arrival a `Judge` and an `Answers`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from gatepost.mail.envelope import Envelope
from gatepost.mail.header import Header
from gatepost.mail.message import Message
from gatepost.verdict import Edit, Outcome, Verdict


class Listener(Protocol):
    """Hears one message while it arrives: its header block with the empty line, then its body, as they will be judged."""

    def hear(self, piece: bytes) -> None:
        """Take the next bytes. Returns at once, never blocks."""
        ...

    def stop(self) -> None:
        """Stop listening: the message is over, judged or not. May be called again."""
        ...


class Judge(Protocol):
    """Judges mail; called from many threads at once."""

    def warm(self, envelope: Envelope) -> None:
        """Take note of a client at CONNECT and of a sender at MAIL: start what can be started. Returns at once, never blocks."""
        ...

    def foresee(self, field: Header) -> None:
        """Take note of a From or DKIM-Signature field while the rest still comes. Returns at once, never blocks."""
        ...

    def admit(self, envelope: Envelope) -> Outcome:
        """Answer at RCPT; the recipient asked about is the envelope's last. Cheap. Reject and Defer refuse this recipient."""
        ...

    def refused(self, envelope: Envelope) -> None:
        """Take note that the MTA refused a recipient whom nobody knows, the envelope's last. Cheap; answers nothing."""
        ...

    def listen(self, envelope: Envelope) -> Listener | None:
        """Give somebody who hears a large message while the rest still comes, or None. Returns at once, never blocks."""
        ...

    def judge(self, envelope: Envelope, message: Message, heard: Listener | None = None) -> Verdict:
        """Answer at the end of a message; `heard` is whoever listened to it."""
        ...

    def clean(self, envelope: Envelope, message: Message) -> Sequence[Edit]:
        """Give what must be done to a message that nobody could judge before it is let through: no forged verdict stays."""
        ...


class Kind(StrEnum):
    """What an answer does."""

    CONTINUE = "continue"
    ACCEPT = "accept"
    REJECT = "reject"
    TEMPFAIL = "tempfail"


@dataclass(frozen=True, slots=True)
class Answer:
    """An outcome in the MTA's words.

    `rcode` ("550"), `xcode` ("5.7.1") and the `text` lines make the SMTP reply of a refusal and are already safe to send;
    without an `rcode` the MTA words it itself. `quarantine` is the reason for holding the message, or None.
    """

    kind: Kind
    rcode: str = ""
    xcode: str = ""
    text: tuple[str, ...] = ()
    quarantine: str | None = None


Answers = Callable[[Outcome], Answer]
