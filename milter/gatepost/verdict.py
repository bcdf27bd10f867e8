"""What is to be done with a message, and why: the one answer that the five stages work towards."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal


class Label(StrEnum):
    """What kind of mail the message was taken for."""

    HAM = "ham"
    BULK = "bulk"
    SPAM = "spam"
    PHISH = "phish"


@dataclass(frozen=True, slots=True)
class Accept:
    """Deliver, with the verdict in the headers."""


@dataclass(frozen=True, slots=True)
class Quarantine:
    """Hold for a person to look at."""

    reason: str


@dataclass(frozen=True, slots=True)
class Defer:
    """Answer 4xx: the sender tries again. `code` is the enhanced status (RFC 3463); `connection`: all of it, not one recipient."""

    code: tuple[Literal[4], int, int]
    text: str
    connection: bool = False


@dataclass(frozen=True, slots=True)
class Reject:
    """Answer 5xx: the sender is told. `code` is the enhanced status (RFC 3463); `connection`: all of it, not one recipient."""

    code: tuple[Literal[5], int, int]
    text: str
    connection: bool = False


# There is no Discard: it loses mail silently.
Outcome = Accept | Quarantine | Defer | Reject


@dataclass(frozen=True, slots=True)
class AddHeader:
    """Insert a field; `index` 0 is the very top, above the MTA's own Received. None appends. `value` is one safe line."""

    name: str
    value: str
    index: int | None = None


@dataclass(frozen=True, slots=True)
class RemoveHeader:
    """Delete the nth field (1 is the topmost) of a name, as counted when the message was received."""

    name: str
    nth: int


@dataclass(frozen=True, slots=True)
class ReplaceBody:
    """Put another body in the place of the one received; CRLF line ends."""

    body: bytes = field(repr=False)


Edit = AddHeader | RemoveHeader | ReplaceBody


@dataclass(frozen=True, slots=True)
class Because:
    """One part of the score: the evidence code, its points, and the sentence that goes with it.

    `excuse` is the code of the evidence that excused this one, which then has no points; else "".
    """

    code: str
    points: float
    detail: str = ""
    excuse: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer: `score` is always the sum of the points in `because`.

    `label` and `probability` repeat the classifier's opinion (None when it had none). `degraded` names the dependencies
    that did not answer, so that a clean score is never mistaken for a complete one. `edits` are made by `effects/`.
    """

    outcome: Outcome
    score: float
    because: tuple[Because, ...] = ()
    label: Label = Label.HAM
    probability: float | None = None
    degraded: tuple[str, ...] = ()
    edits: tuple[Edit, ...] = ()


def outcome_word(outcome: Outcome) -> str:
    """Give the outcome's word in headers, JSON and metrics: accept, quarantine, defer or reject."""
    match outcome:
        case Accept():
            return "accept"
        case Quarantine():
            return "quarantine"
        case Defer():
            return "defer"
        case Reject():
            return "reject"
