"""A record read back from its plain data, so that what happened once can be explained and replayed later.

The data may come from any log and any version: what is not of the right shape makes no record, and never an exception.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from gatepost.evidence import Evidence, Status
from gatepost.ledger.record import Record
from gatepost.mail.envelope import Direction, Envelope
from gatepost.verdict import Accept, Because, Defer, Label, Outcome, Quarantine, Reject, Verdict

_BEYOND: Final = 1e12
"""Unix time has ten digits and will for centuries; scores and seconds stay far below."""


def names(data: Mapping[str, Any]) -> set[str]:
    """Give what a record is called: its id, its queue id, or the file that was scanned."""
    return {name for key in ("id", "queue_id", "file") if isinstance(name := data.get(key), str) and name}


def recalled(data: Mapping[str, Any]) -> Record | None:
    """Give the record that `entry()` or `judgement()` once turned into plain data; None for data of another shape.

    Of the envelope only the direction comes back, and of the edits nothing: they are not what a verdict was made from.
    """
    try:
        return Record(
            record_id=str(data.get("id", "")),
            at=_number(data.get("at", 0.0)),
            envelope=Envelope(
                queue_id=str(data.get("queue_id", "")),
                direction=Direction(data.get("direction", Direction.INBOUND.value)),
            ),
            evidence=tuple(_evidence(item) for item in data["evidence"]),
            verdict=_verdict(data),
            reason=str(data.get("reason", "")),
            reply=None if data.get("reply") is None else str(data["reply"]),
            seconds=_number(data.get("seconds", 0.0)),
            message_id=str(data.get("message_id", "")),
            versions={str(name): str(version) for name, version in data.get("versions", {}).items()},
        )
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError):
        return None


def _number(given: Any) -> float:
    """Give a number as records hold them; ValueError for one that is not finite, or beyond any time or score."""
    number = float(given)
    if not abs(number) < _BEYOND:
        raise ValueError(number)
    return number


def _evidence(data: Mapping[str, Any]) -> Evidence:
    return Evidence(
        check=str(data["check"]),
        code=str(data["code"]),
        status=Status(data["status"]),
        detail=str(data["detail"]),
        value=_number(data.get("value", 1.0)),
        facts={str(name): str(fact) for name, fact in data.get("facts", {}).items()},
    )


def _verdict(data: Mapping[str, Any]) -> Verdict:
    probability = data.get("spam_probability")
    return Verdict(
        outcome=_outcome(str(data["outcome"]), str(data.get("reply") or "")),
        score=_number(data["score"]),
        because=tuple(
            Because(str(part["code"]), _number(part["points"]), str(part["detail"]), str(part.get("excuse", "")))
            for part in data["because"]
        ),
        label=Label(data["class"]),
        probability=None if probability is None else _number(probability),
        degraded=tuple(map(str, data.get("degraded", ()))),
    )


def _outcome(word: str, reply: str) -> Outcome:
    """Give the outcome of its word; ValueError for a word that is none."""
    match word:
        case "accept":
            return Accept()
        case "quarantine":
            return Quarantine("")
        case "defer":
            return Defer((4, 7, 1), reply)
        case "reject":
            return Reject((5, 7, 1), reply)
        case _:
            raise ValueError(word)
