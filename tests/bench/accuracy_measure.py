"""From scores to figures: one row for each filter and source, and whether Gatepost is ahead of the others there.

A source with ham and unwanted mail is measured by itself. One that has a single kind is ranked against the other kind of
all other sources, each scored by the same filter while it was held out. Two filters are compared on the messages that
both have scored, and only there: a filter that was given fewer is not compared with another's worst ham.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from bench.accuracy_runs import Run
from gatepost.training.measure import Floats, can_show, one_minus_auc, threshold

RATE: Final = 0.001
"""The share of ham that may be wrong in the comparison."""

WIDE_RATE: Final = 0.01

Scores = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Row:
    """What one filter does with one source; rates from 0 to 1, None where there is no such mail.

    `ham` and `unwanted` count the source's own messages. `others_ham` is the share of its ham above the score that 1 % of
    the ham of all other sources exceeds. `few` says that the ham is too little to show one wrong in a thousand:
    `caught_at_rate` is then the share above every single ham message.
    """

    source: str
    filter: str
    ham: int
    unwanted: int
    one_minus_auc: float
    caught_at_wide_rate: float
    caught_at_rate: float
    few: bool
    others_ham: float | None
    ham_by_default: float | None
    caught_by_default: float | None
    learned: int
    train_seconds: float
    per_second: float


@dataclass(frozen=True, slots=True)
class Sides:
    """The scores that a source is measured by: ham and unwanted mail, by key."""

    ham: Scores
    unwanted: Scores


def source_of(key: str) -> str:
    """Give the pack in a message's key."""
    return key.partition("/")[0]


def _is_ham(key: str) -> bool:
    return key.split("/", 2)[1] == "ham"


def sides(scores: Scores, source: str) -> Sides:
    """Give what a source is measured by: its own mail, and of a kind that it lacks the mail of all others."""
    found = []
    for ham in (True, False):
        kind = {key: score for key, score in scores.items() if _is_ham(key) == ham}
        own = {key: score for key, score in kind.items() if source_of(key) == source}
        found.append(own or kind)
    return Sides(*found)


def all_scores(runs: Sequence[Run]) -> dict[str, float]:
    """Give the scores of all folds of one filter together; each message was scored once."""
    return {key: score for run in runs for key, score in run.scores.items()}


def measure_row(runs: Sequence[Run], source: str, cutoff: float) -> Row | None:
    """Measure one filter on one source; None where ham or unwanted mail is missing altogether."""
    scores = all_scores(runs)
    both = sides(scores, source)
    if not both.ham or not both.unwanted:
        return None
    run = next(each for each in runs if any(source_of(key) == source for key in each.scores))
    own_ham = _array(both.ham) if any(source_of(key) == source for key in both.ham) else None
    own_unwanted = _array(both.unwanted) if any(source_of(key) == source for key in both.unwanted) else None
    others = _array({key: each for key, each in scores.items() if _is_ham(key) and source_of(key) != source})
    auc, wide, narrow = figures(both)
    return Row(
        source=source,
        filter=run.filter,
        ham=0 if own_ham is None else own_ham.size,
        unwanted=0 if own_unwanted is None else own_unwanted.size,
        one_minus_auc=auc,
        caught_at_wide_rate=wide,
        caught_at_rate=narrow,
        few=not can_show(len(both.ham), RATE),
        others_ham=_above(own_ham, np.nextafter(threshold(others, WIDE_RATE), np.inf)) if others.size else None,
        ham_by_default=_above(own_ham, cutoff),
        caught_by_default=_above(own_unwanted, cutoff),
        learned=run.learned,
        train_seconds=run.train_seconds,
        per_second=len(run.scores) / run.score_seconds if run.score_seconds else 0.0,
    )


def figures(both: Sides) -> tuple[float, float, float]:
    """Give 1-AUC, and the shares caught at 1 % and at 0.1 % of ham wrong."""
    ham, unwanted = _array(both.ham), _array(both.unwanted)
    wide, narrow = (float((unwanted > threshold(ham, rate)).mean()) for rate in (WIDE_RATE, RATE))
    return one_minus_auc(ham, unwanted), wide, narrow


def is_ahead(own: Sides, rival: Sides) -> bool:
    """Say whether the first is ahead of the second on 1-AUC and on the share caught at 0.1 %, on the mail both scored.

    Level counts as ahead only where nothing is left to win.
    """
    mine, theirs = _common(own, rival), _common(rival, own)
    if not mine.ham or not mine.unwanted:
        return False
    auc, _, caught = figures(mine)
    other_auc, _, other_caught = figures(theirs)
    return (auc < other_auc or auc == 0.0) and (caught > other_caught or caught == 1.0)


def compare(runs: Mapping[str, Sequence[Run]], source: str, own: str) -> dict[str, bool]:
    """Say for each other filter whether `own` is ahead of it on a source."""
    mine = sides(all_scores(runs[own]), source)
    return {name: is_ahead(mine, sides(all_scores(each), source)) for name, each in runs.items() if name != own}


def _common(one: Sides, other: Sides) -> Sides:
    """Give the first's scores of what the second scored too."""
    return Sides(
        {key: score for key, score in one.ham.items() if key in other.ham},
        {key: score for key, score in one.unwanted.items() if key in other.unwanted},
    )


def _array(scores: Scores) -> Floats:
    return np.fromiter(scores.values(), np.float64, len(scores))


def _above(scores: Floats | None, level: float) -> float | None:
    """Give the share that reaches a level, None without mail."""
    return None if scores is None else float((scores >= level).mean())
