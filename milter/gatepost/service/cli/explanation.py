"""An answer to "why was this flagged?", as a value: what was decided, what it is the sum of, and what would have flipped it.

It is made from a record and a policy alone, so a message judged now and one from last month's log are explained alike. The
points of the classifier are shared out over what it read; all sums hold to the last digit that is shown.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from gatepost.checks.content import shares
from gatepost.checks.content.shares import Shares
from gatepost.checks.content.speak import speak
from gatepost.decision.decide import decide
from gatepost.decision.flip import Answer, Flip, answer, smallest_absence, smallest_presences
from gatepost.decision.policy import Policy
from gatepost.evidence import Evidence
from gatepost.ledger.record import Record, shown
from gatepost.verdict import outcome_word


@dataclass(frozen=True, slots=True)
class Line:
    """What one thing adds to the classifier's opinion, in hundredths of log-odds and of points; `token` is "" for base and rest."""

    token: str
    words: str
    logit: int
    points: int


@dataclass(frozen=True, slots=True)
class Reading:
    """The classifier's finding, taken apart: its code, its points, what excused it or "", and the lines that sum to the points.

    `lines` begin with the base, what is believed before anything is read, and end with the rest, all that is not named;
    between them the strongest come first.
    """

    code: str
    points: float
    excuse: str
    lines: tuple[Line, ...]

    @property
    def logit(self) -> int:
        """The log-odds of being unwanted, in hundredths: the sum of all lines."""
        return sum(line.logit for line in self.lines)


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why one message got its verdict. `replayed` is the answer that the policy at hand would give on the same evidence."""

    name: str
    record: Record
    policy: Policy
    answer: Answer
    replayed: Answer
    reading: Reading | None
    absence: Flip | None
    presences: tuple[Flip, ...]

    def distances(self) -> Iterator[tuple[Answer, float, float]]:
        """Give each threshold: what happens from it on, where it lies, and the points missing (negative: passed by so much)."""
        limits = self.policy.thresholds
        for what, at in (
            (Answer.MARKED, limits.tag),
            (Answer.HELD, limits.quarantine),
            (Answer.REFUSED, limits.reject),
        ):
            yield what, at, round(at - self.record.verdict.score, 1)


def explain(name: str, record: Record, policy: Policy) -> Explanation:
    """Take a verdict apart. Never raises."""
    direction, evidence = record.envelope.direction, record.evidence
    return Explanation(
        name=name,
        record=record,
        policy=policy,
        answer=answer(record.verdict, policy.thresholds),
        replayed=answer(decide(policy, direction, evidence), policy.thresholds),
        reading=_reading(record),
        absence=smallest_absence(policy, direction, evidence),
        presences=smallest_presences(policy, direction, evidence),
    )


def _reading(record: Record) -> Reading | None:
    """Share the classifier's points out over what it read; None where it had nothing to read.

    Where it read what is attached as well as the message itself, the reading with more points is the one that is told.
    """
    found = [reading for item in record.evidence if (reading := _reading_of(record, item))]
    return max(found, key=lambda reading: abs(reading.points), default=None)


def _reading_of(record: Record, item: Evidence) -> Reading | None:
    told = shares.read(item.facts) if item.check in {"content", "attached"} else None
    if told is None:
        return None
    part = next((part for part in record.verdict.because if part.code == item.code), None)
    given, excuse = (part.points, part.excuse) if part else (0.0, "")
    return Reading(item.code, given, excuse, tuple(_lines(told, given)))


def _lines(told: Shares, given: float) -> Iterator[Line]:
    base, *each, rest = shares.points(told, given)
    yield Line("", "before anything is read", told.base, base)
    for part, points in zip(told.parts, each, strict=True):
        yield Line(part.token, speak(part.token), part.hundredths, points)
    yield Line("", "all other words and facts together", told.rest, rest)


def plain_data(explanation: Explanation) -> dict[str, Any]:
    """Give an explanation as plain data: the form of `gatepost explain --json` (docs/model.md)."""
    record, verdict = explanation.record, explanation.record.verdict
    return {
        "file": shown(explanation.name),
        "id": shown(record.record_id),
        "outcome": outcome_word(verdict.outcome),
        "answer": str(explanation.answer),
        "score": verdict.score,
        "class": str(verdict.label),
        "spam_probability": verdict.probability,
        "degraded": [shown(name) for name in verdict.degraded],
        "reason": shown(record.reason),
        "because": [
            {"code": shown(part.code), "points": part.points, "detail": shown(part.detail)}
            | ({"excuse": shown(part.excuse)} if part.excuse else {})
            for part in verdict.because
        ],
        "classifier": _reading_data(explanation.reading),
        "thresholds": [
            {"answer": str(what), "from": at, "missing": missing} for what, at, missing in explanation.distances()
        ],
        "without": _flip_data(explanation.absence) if explanation.absence else None,
        "with": [_flip_data(flip) for flip in explanation.presences],
        "replayed": str(explanation.replayed),
    }


def _reading_data(reading: Reading | None) -> dict[str, Any] | None:
    if reading is None:
        return None
    return {
        "code": shown(reading.code),
        "points": reading.points,
        "logit": reading.logit / 100,
        "parts": [
            {"token": shown(line.token), "words": line.words, "logit": line.logit / 100, "points": line.points / 100}
            for line in reading.lines
        ],
    }


def _flip_data(flip: Flip) -> dict[str, Any]:
    return {"code": shown(flip.code), "points": flip.points, "answer": str(flip.answer)}
