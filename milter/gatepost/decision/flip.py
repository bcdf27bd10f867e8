"""What would have flipped a verdict: the least that another answer would have taken.

No second arithmetic: each question is put to `decide()` itself, once without a code that was found, once with a code that
was not. So excuses, forced actions and rounding count here as they do in the verdict. Pure, like everything in this stage.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from gatepost.decision.decide import decide
from gatepost.decision.policy import Policy, Thresholds
from gatepost.evidence import Evidence
from gatepost.mail.envelope import Direction
from gatepost.verdict import Accept, Defer, Quarantine, Reject, Verdict


class Answer(StrEnum):
    """What becomes of a message, as its recipient sees it; marked mail is delivered mail that is called spam."""

    DELIVERED = "delivered"
    MARKED = "marked as spam"
    HELD = "held"
    DEFERRED = "deferred"
    REFUSED = "refused"


_OF_WHICH_ONE: Final = frozenset({"content.spam", "content.phish", "content.ham", "content.unsure", "content.none"})
"""What the classifier says of a message is one of these."""

_Trial = tuple[str, list[Evidence]]
"""A code, and the evidence there would be without it, or with it."""


@dataclass(frozen=True, slots=True)
class Flip:
    """One piece of evidence that makes the difference: its code, by how much the score changes, and the answer then."""

    code: str
    points: float
    answer: Answer


def answer(verdict: Verdict, thresholds: Thresholds) -> Answer:
    """Say what becomes of a message."""
    match verdict.outcome:
        case Accept():
            return Answer.MARKED if verdict.score >= thresholds.tag else Answer.DELIVERED
        case Quarantine():
            return Answer.HELD
        case Defer():
            return Answer.DEFERRED
        case Reject():
            return Answer.REFUSED


def smallest_absence(policy: Policy, direction: Direction, evidence: Sequence[Evidence]) -> Flip | None:
    """Give the code that was found and without which the answer would be another; of several, the one that moves least."""
    codes = sorted({item.code for item in evidence})
    trials = ((code, [item for item in evidence if item.code != code]) for code in codes)
    return _least(_flips(policy, direction, evidence, trials))


def smallest_presences(policy: Policy, direction: Direction, evidence: Sequence[Evidence]) -> tuple[Flip, ...]:
    """Give what was not found and with which, in full, the answer would be another: the code that moves least, each way.

    Tried are the codes that have a weight and those that excuse others. Where a check found something that counts, its other
    codes are not tried: they may exclude each other. The classifier has one finding a message, so there the other finding
    takes its place. The flip that moves least comes first.
    """
    found = list(_flips(policy, direction, evidence, _additions(policy, direction, evidence)))
    milder = _least(flip for flip in found if flip.points < 0)
    harder = _least(flip for flip in found if flip.points >= 0)
    return tuple(sorted((flip for flip in (milder, harder) if flip), key=_moved))


def _additions(policy: Policy, direction: Direction, evidence: Sequence[Evidence]) -> Iterator[_Trial]:
    """Give each code that could have been found, with the evidence there would be then."""
    there = {item.code for item in evidence}
    counting = {part.code.partition(".")[0] for part in decide(policy, direction, evidence).because}
    weighed = {code for code, weight in policy.weights.items() if weight}
    excusing = {excuse for excuses in policy.excuses.values() for excuse in excuses}
    for code in sorted((weighed | excusing) - there):
        check = code.partition(".")[0]
        if code in _OF_WHICH_ONE:
            yield code, [*(item for item in evidence if item.code not in _OF_WHICH_ONE), Evidence(check, code)]
        elif check not in counting:
            yield code, [*evidence, Evidence(check, code)]


def _flips(
    policy: Policy, direction: Direction, evidence: Sequence[Evidence], trials: Iterable[_Trial]
) -> Iterator[Flip]:
    """Put every trial to `decide()`; gives those that change the answer."""
    verdict = decide(policy, direction, evidence)
    now = answer(verdict, policy.thresholds)
    for code, other in trials:
        then = decide(policy, direction, other)
        became = answer(then, policy.thresholds)
        if became is not now:
            yield Flip(code, round(then.score - verdict.score, 1), became)


def _least(flips: Iterable[Flip]) -> Flip | None:
    return min(flips, key=_moved, default=None)


def _moved(flip: Flip) -> tuple[float, str]:
    return abs(flip.points), flip.code
