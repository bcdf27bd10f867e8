"""Stretches: what is said in one place, judged by itself.

A model that adds up words can be talked round with wanted ones: a pitch of twenty words followed by a page of a novel is,
in sum, a page of a novel (Lowd and Meek, "Good Word Attacks on Statistical Spam Filters", CEAS 2005). So a long text is also
judged in stretches of eighty words, each overlapping the next by half, together with what is known of the message as a whole
(its subject, sender, links and looks). Where one of them alone is worse than all together, by a margin, its score counts.

The margin keeps the ordinary digest, advertisement in a footer or quoted complaint from being judged by its worst line. It
grows with the number of stretches: of many, one looks bad by chance. With these numbers, on packs that a model never saw, ranking
gains and catches at 1 % and 0.1 % false positives stay; half the margin costs catches, half as much again only some of the ranking.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from gatepost.checks.content._loops import members_of, sum_stretches

STEP: Final = 40
"""Words from the beginning of one stretch to that of the next; a stretch has twice as many."""

LONG: Final = 3 * STEP
"""Words from which on a text is more than one stretch."""

MARGIN: Final = 1.0
GROWTH: Final = 0.5
"""Log-odds of the training mix by which a stretch must be worse than the whole: MARGIN + GROWTH * ln(stretches)."""

DENSE_FROM: Final = 30
"""Known tokens from which on the length of what is judged damps each token's weight; what is shorter is not amplified."""

Places = npt.NDArray[np.int32]
"""Which token stands where: two rows, for each word of the text its own token, and that of it and the next; -1 for none."""

NO_PLACES: Final[Places] = np.zeros((2, 0), np.int32)
"""The places of a text that is one stretch."""

_Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Stretch:
    """Words `first` to `last` (from 1) of a text that has `words`."""

    first: int
    last: int
    words: int

    def __str__(self) -> str:
        """Say it to people: `words 41 to 120 of 300`."""
        return f"words {self.first} to {self.last} of {self.words}"


def damping(tokens: npt.ArrayLike, power: float) -> _Floats:
    """Give the factor on the weight of each token of what has so many known tokens."""
    return np.asarray(1 / np.maximum(tokens, DENSE_FROM) ** power)


def damp(tokens: float, power: float) -> float:
    """Give the same for one number of tokens."""
    return 1 / math.pow(max(tokens, DENSE_FROM), power)


def add_up(places: Places, weights: _Floats) -> _Floats:
    """Sum the weights of the tokens of each stretch, every token once; tokens that have no place belong to all of them.

    `weights` has one row for each kind of weight and a column for each token of the message; the result has a column
    for each stretch. Sums of whole numbers are exact.
    """
    rows = np.ascontiguousarray(weights, np.float64)
    sums = sum_stretches(np.ascontiguousarray(places, np.int32), rows, len(rows), STEP)
    return np.frombuffer(sums, np.float64).reshape(len(rows), -1)


def worst(sums: Sequence[float], sizes: Sequence[float], power: float) -> tuple[int, float]:
    """Give the number of the stretch with the highest score, and that score less the margin.

    Takes for each stretch the sum of its weights and how many known tokens it has.
    """
    scores = [total * damp(size, power) for total, size in zip(sums, sizes, strict=True)]
    score = max(scores)
    return scores.index(score), score - margin(len(scores))


def margin(stretches: int) -> float:
    """Give the margin for so many stretches."""
    return MARGIN + GROWTH * math.log(stretches)


def members(places: Places, tokens: int, stretch: int) -> tuple[npt.NDArray[np.bool_], Stretch]:
    """Give which of so many tokens a stretch has, and which words it is."""
    first, last = stretch * STEP, min((stretch + 2) * STEP, places.shape[1])
    inside = np.frombuffer(members_of(np.ascontiguousarray(places, np.int32), tokens, first, last), np.bool_)
    return inside, Stretch(first + 1, last, places.shape[1])
