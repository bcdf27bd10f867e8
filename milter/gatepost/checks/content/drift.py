"""Whether the mail of today still looks like the mail a model learned from, in the arithmetic of credit scoring.

A model learns once and mail goes on. When what it sees moves away from what it learned from (other scores, words it has
never met, other builds of message), its figures no longer hold, long before somebody complains. Two histograms are compared
by the population stability index (PSI; Siddiqi, "Credit Risk Scorecards", 2006): the sum of (seen - expected) *
ln(seen / expected) over their bins. Below 0.1 nothing moved, from 0.25 on the model is no longer judging what it was made for.

What is compared are populations (population.py), each of their two sides with its like. Everything here is arithmetic on
numbers that somebody else counted: watch.py live, training/reference.py in training.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from gatepost.checks.content.population import BINS, SIDES, Population, Side

WATCH_FROM: Final = 0.1
"""PSI from which a population has begun to move (the convention of credit scoring)."""

STALE_FROM: Final = 0.25
"""PSI from which a population has moved (the same convention)."""

ENOUGH: Final = 300
"""Messages of one side below which nothing is said: with 300 chance alone gives ten bins a PSI of 0.03, far from 0.1."""

OLD_MONTHS: Final = 18
"""Months after which a model is old, whatever the figures say: the wording of spam turns over faster."""

MOVED_SHOWN: Final = 3
"""Facts that are named as having moved most; so many have to move together before facts alone change the verdict, because
one newsletter that changes its layout can move one."""


class Drift(StrEnum):
    """How far the mail of today is from what it is compared with."""

    OK = "ok"
    WATCH = "watch"
    STALE = "stale"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Movement:
    """What moved: `scores`, `known words` or a fact, on which side, and the PSI; `expected` and `seen` are means or rates."""

    what: str
    side: str
    expected: float
    seen: float
    psi: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """The answer: a verdict, the PSI that led to it, every measure, the facts that moved most, and a sentence."""

    verdict: Drift
    psi: float = 0.0
    measures: tuple[Movement, ...] = ()
    moved: tuple[Movement, ...] = ()
    why: str = ""


def psi(expected: Sequence[float], seen: Sequence[float], expected_of: float, seen_of: float) -> float:
    """Give the population stability index of two histograms of shares made from so many messages each.

    Half a message is added to each bin, so that an empty one weighs what its absence proves and no more.
    """
    total = 0.0
    for before, now in zip(expected, seen, strict=True):
        was = (before * expected_of + 0.5) / (expected_of + 0.5 * len(expected))
        has = (now * seen_of + 0.5) / (seen_of + 0.5 * len(seen))
        total += (has - was) * math.log(has / was)
    return total


def compare(expected: Population, seen: Population, *, words_count: bool = True) -> Comparison:
    """Compare the mail seen with what was expected, side by side; a side of fewer than ENOUGH messages is passed over.

    `words_count` False lets unknown words lead to `watch` at most: a model knows the words of its own training mail better
    than those of any mail after it, so some distance is there from the first day.
    """
    measures: list[Movement] = []
    facts: list[Movement] = []
    worst = 0.0
    for name, before, now in zip(SIDES, expected.sides, seen.sides, strict=True):
        if before.messages < ENOUGH or now.messages < ENOUGH:
            continue
        scores = _histogram("scores", name, before, now)
        known = _histogram("known words", name, before, now)
        of_side = _facts(name, before, now) if now.looked >= ENOUGH else []
        together = of_side[MOVED_SHOWN - 1].psi if len(of_side) >= MOVED_SHOWN else 0.0
        words = known.psi if words_count else min(known.psi, (WATCH_FROM + STALE_FROM) / 2)
        worst = max(worst, scores.psi, words, together)
        measures += [scores, known]
        facts += of_side
    if not measures:
        return Comparison(Drift.UNKNOWN, why=f"too few messages{_short(expected, seen)}")
    moved = tuple(sorted(facts, key=lambda fact: -fact.psi)[:MOVED_SHOWN])
    return Comparison(verdict(worst), worst, tuple(measures), moved)


def _short(expected: Population, seen: Population) -> str:
    """Say what is short where no side can be compared: the mail seen, or of a side that has enough of it what was expected."""
    pairs = zip(SIDES, expected.sides, seen.sides, strict=True)
    few = [f"{before.messages:.0f} of {ENOUGH} {name}" for name, before, now in pairs if now.messages >= ENOUGH]
    if few:
        return f" in what it is compared with: {', '.join(few)}"
    return f": {max(side.messages for side in seen.sides):.0f} of {ENOUGH} of one side"


def verdict(index: float) -> Drift:
    """Give the word for a PSI."""
    return Drift.OK if index < WATCH_FROM else Drift.WATCH if index < STALE_FROM else Drift.STALE


def _histogram(what: str, side: str, before: Side, now: Side) -> Movement:
    """Compare one histogram of a side; expected and seen are its means, taken at the middle of the bins."""
    was, has = (before.scores, now.scores) if what == "scores" else (before.known, now.known)
    low, width = (SIDES.index(side) / 2, 0.5 / BINS) if what == "scores" else (0.0, 1 / BINS)
    means = [sum(share * (low + width * (place + 0.5)) for place, share in enumerate(shares)) for shares in (was, has)]
    return Movement(what, side, means[0], means[1], psi(was, has, before.messages, now.messages))


def _facts(side: str, before: Side, now: Side) -> list[Movement]:
    """Compare the facts that both sides counted, the one that moved most first."""
    found = []
    for name in before.facts.keys() & now.facts.keys():
        was, has = before.facts[name], now.facts[name]
        moved = psi((was, 1 - was), (has, 1 - has), before.looked, now.looked)
        found.append(Movement(name, side, was, has, moved))
    return sorted(found, key=lambda fact: (-fact.psi, fact.what))


def age_in_months(name: str, year: int, month: int) -> int | None:
    """Give how many months before a month a model named `base-YYYYMM` (or `...-YYYYMM`) was made; None for other names."""
    digits = name.rpartition("-")[2]
    if not (digits.isascii() and digits.isdigit() and len(digits) == 6 and 1 <= int(digits[4:]) <= 12):
        return None
    return max(0, (year - int(digits[:4])) * 12 + month - int(digits[4:]))
