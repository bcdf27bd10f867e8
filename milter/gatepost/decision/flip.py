"""What would have flipped a verdict: the least that another answer would have taken.

No second arithmetic: each question is put to `decide()` itself, once without a code that was found, once with a code that
was not. So excuses, forced actions and rounding count here as they do in the verdict. Pure, like everything in this stage.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
    return _smallest(policy, direction, evidence, trials)


def smallest_presence(policy: Policy, direction: Direction, evidence: Sequence[Evidence]) -> Flip | None:
    """Give the code that was not found and with which, in full, the answer would be another; of several, the one that moves least.

    Only codes with a weight are tried. Where a check found something that counts, its other codes are not: they may exclude
    each other. The classifier has one finding a message, so there the other finding takes its place.
    """
    return _smallest(policy, direction, evidence, _additions(policy, direction, evidence))


def _additions(
    policy: Policy, direction: Direction, evidence: Sequence[Evidence]
) -> Iterator[tuple[str, list[Evidence]]]:
    """Give each code that could have been found, with the evidence there would be then."""
    there = {item.code for item in evidence}
    counting = {part.code.partition(".")[0] for part in decide(policy, direction, evidence).because}
    for code in sorted(code for code, weight in policy.weights.items() if weight and code not in there):
        check = code.partition(".")[0]
        if code in _OF_WHICH_ONE:
            yield code, [*(item for item in evidence if item.code not in _OF_WHICH_ONE), Evidence(check, code)]
        elif check not in counting:
            yield code, [*evidence, Evidence(check, code)]


def _smallest(
    policy: Policy, direction: Direction, evidence: Sequence[Evidence], trials: Iterator[tuple[str, list[Evidence]]]
) -> Flip | None:
    """Put every trial to `decide()`; gives the one that changes the answer by the fewest points, or None."""
    verdict = decide(policy, direction, evidence)
    now = answer(verdict, policy.thresholds)
    flips: list[Flip] = []
    for code, other in trials:
        then = decide(policy, direction, other)
        became = answer(then, policy.thresholds)
        if became is not now:
            flips.append(Flip(code, round(then.score - verdict.score, 1), became))
    return min(flips, key=lambda flip: (abs(flip.points), flip.code), default=None)
