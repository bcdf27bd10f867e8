"""What each error budget comes to: the threshold that it chooses, and what that does to mail.

A site that asks for fewer errors catches less. The table says how much less, for five budgets: first on the mail that was held
out when the model was made, which is where the threshold comes from, then on mail that was given to be measured. The two
need not agree: the bound speaks of mail like the held-out sources, and a site's own may be another kind.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from gatepost.checks.content.budget import Budget, Choice, choose_called
from gatepost.training.report import Rate, Report, Scores, rate_json, rate_of

RATES: Final = (0.01, 0.003, 0.001, 0.0003, 0.0001)
"""The budgets shown: the largest share of ham that may be marked."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What a threshold does to the mail of one source: None where it has no such mail."""

    source: str
    marked: Rate | None
    caught: Rate | None

    def as_json(self) -> dict[str, Any]:
        """Give the effect for machines."""
        return {
            "source": self.source,
            "ham marked": rate_json(self.marked),
            "unwanted caught": rate_json(self.caught),
        }


@dataclass(frozen=True, slots=True)
class Line:
    """One budget: the threshold that the held-out mail chooses, and its effect on given mail, by source and in total."""

    choice: Choice
    sources: tuple[Effect, ...]
    total: Effect | None

    @property
    def mean_caught(self) -> float | None:
        """The share of held-out unwanted mail caught, every kind counting alike; None where there is none."""
        shares = self.choice.caught.values()
        return sum(shares) / len(shares) if shares else None

    def as_json(self) -> dict[str, Any]:
        """Give the line for machines; shares, not percentages. What is under `held out` the model itself says."""
        choice = self.choice
        return {
            "max_false_positive_rate": choice.rate,
            "probability": choice.probability,
            "logit": choice.logit,
            "shown": choice.shown,
            "bound": choice.bound,
            "held out": {
                "ham": choice.ham,
                "marked": choice.wrong,
                "share marked": {kind: round(share, 6) for kind, share in choice.marked.items()},
                "worst": choice.worst_kind,
                "share caught": {kind: round(share, 4) for kind, share in choice.caught.items()},
            },
            "sources": [effect.as_json() for effect in self.sources],
            "total": self.total.as_json() if self.total else None,
        }


def budget_table(budget: Budget, spam_from: float, measured: Report | None = None) -> tuple[Line, ...]:
    """Give a line for each of RATES, with the effect on measured mail if there is some.

    As at a site, nothing is marked that is not called spam, from the probability `spam_from` on.
    """
    return tuple(_line(choose_called(budget, rate, spam_from), measured) for rate in RATES)


def _line(choice: Choice, measured: Report | None) -> Line:
    if measured is None:
        return Line(choice, (), None)
    pairs = zip(measured.rows, measured.scores, strict=True)
    effects = tuple(_effect(row.source, scores, choice.logit) for row, scores in pairs)
    return Line(choice, effects, _effect("total", measured.everything, choice.logit))


def _effect(source: str, scores: Scores, logit: float) -> Effect:
    return Effect(source, rate_of(scores.ham >= logit), rate_of(scores.unwanted >= logit))
