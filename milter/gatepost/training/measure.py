"""The maths of measuring a classifier: ranking, catches at a false-positive rate, intervals, calibration.

A score is a number that grows with the suspicion. Two questions are asked of it. Does it put unwanted mail above ham
(the area under the ROC curve, and the share caught while hardly any ham is)? And when it says 90 %, is it right nine
times in ten (calibration)? A rate from few messages is uncertain, so rates come with an interval, and a rate that the
messages cannot show at all is not given: nobody has seen one false positive in ten thousand among nine hundred.

Pure functions over numpy arrays. Scores may be minus infinity: a message that no threshold ever catches.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.special import betaincinv

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

BINS: Final = 15
"""Bins of equal width for the calibration error (Guo et al. 2017, "On Calibration of Modern Neural Networks")."""

CONFIDENCE: Final = 0.95
"""How sure an interval is to hold the true rate."""


def one_minus_auc(ham: Floats, unwanted: Floats) -> float:
    """Give the share of (ham, unwanted) pairs in the wrong order, ties counting half; neither may be empty.

    This is the Mann-Whitney statistic, and one minus the area under the ROC curve.
    """
    ranked = np.sort(ham)
    above = ham.size - np.searchsorted(ranked, unwanted, "right")
    level = ham.size - np.searchsorted(ranked, unwanted, "left") - above
    return float((above.sum() + level.sum() / 2) / (ham.size * unwanted.size))


def can_show(ham: int, rate: float) -> bool:
    """Say whether so many ham messages can show a false-positive rate: at least one of them may be wrong."""
    return int(rate * ham) >= 1


def threshold(ham: Floats, rate: float) -> float:
    """Give the score that at most this share of ham exceeds; 0 where there is no ham."""
    if not ham.size:
        return 0.0
    ranked = np.sort(ham)[::-1]
    return float(ranked[min(int(rate * ranked.size), ranked.size - 1)])


def interval(hits: int, trials: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Give the bounds of a rate by Clopper and Pearson (1934): exact, so never narrower than promised.

    Takes `hits` of `trials`; with no trial at all everything is possible: 0 and 1.
    """
    tail = (1 - confidence) / 2
    low = float(betaincinv(hits, trials - hits + 1, tail)) if hits else 0.0
    high = float(betaincinv(hits + 1, trials - hits, 1 - tail)) if hits < trials else 1.0
    return low, high


def roc(ham: Floats, unwanted: Floats) -> tuple[Floats, Floats]:
    """Give the ROC curve as shares of ham and of unwanted mail above each threshold, from (0, 0) to (1, 1).

    Both shares only rise. Neither side may be empty.
    """
    levels = np.unique(np.concatenate((ham, unwanted)))[::-1]
    wrong, caught = (
        np.concatenate(([0.0], (side.size - np.searchsorted(np.sort(side), levels, "left")) / side.size))
        for side in (ham, unwanted)
    )
    return wrong, caught


@dataclass(frozen=True, slots=True)
class Bin:
    """One bar of a reliability plot: messages with a probability in [start, end), and how many of them are unwanted.

    `predicted` is their mean probability.
    """

    start: float
    end: float
    messages: int
    unwanted: int
    predicted: float


def reliability(unwanted: npt.NDArray[np.int64], odds: Floats) -> tuple[Bin, ...]:
    """Sort messages (1: unwanted, 0: ham) by their probability into BINS bins; empty ones are left out."""
    places = np.minimum((odds * BINS).astype(np.int64), BINS - 1)
    return tuple(
        Bin(
            each / BINS,
            (each + 1) / BINS,
            int((places == each).sum()),
            int(unwanted[places == each].sum()),
            float(odds[places == each].mean()),
        )
        for each in range(BINS)
        if (places == each).any()
    )


def calibration_error(bins: tuple[Bin, ...]) -> float:
    """Give the expected calibration error (Naeini et al. 2015): how far predicted and true shares lie apart, on average."""
    total = sum(each.messages for each in bins)
    return sum(abs(each.unwanted / each.messages - each.predicted) * each.messages / total for each in bins)
