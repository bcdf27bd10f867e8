"""From scores to probabilities that can be believed, and that err on the side of delivering mail.

Platt's method (1999): one logistic curve over held-out scores. The scores are those of rows whose whole *source* was held
out, with every pack counting alike, because mail at a new site comes from sources the model never saw. On top of that
the curve is moved down until at most one ham message in a hundred of unseen sources passes 90 %.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

from gatepost.training.fit import Floats, bulk_target, phish_weights
from gatepost.training.table import Table

HAM_SHARE: Final = 0.01
"""Ham of unseen sources, every pack counting alike, that may pass CEILING."""

CEILING: Final = 0.9
"""The probability that this share may pass."""


@dataclass(frozen=True, slots=True)
class Curve:
    """`slope * score + offset` is the calibrated log-odds; `lowered` is how far caution moved it down."""

    slope: float
    offset: float
    lowered: float = 0.0

    def logits(self, scores: Floats) -> Floats:
        """Give the calibrated log-odds for each score."""
        return np.asarray(self.slope * scores + self.offset)

    def probabilities(self, scores: Floats) -> Floats:
        """Give the probability for each score."""
        return np.asarray(1 / (1 + np.exp(-np.clip(self.slope * scores + self.offset, -50, 50))))


def even_weights(table: Table) -> Floats:
    """Weigh rows so that each pack's ham counts alike among ham, each pack's spam among spam, and both sides alike."""
    weights = np.zeros(len(table))
    for unwanted in (0, 1):
        packs = sorted(set(table.packs[table.unwanted == unwanted].tolist()))
        for pack in packs:
            members = (table.packs == pack) & (table.unwanted == unwanted)
            weights[members] = 1 / (members.sum() * len(packs))
    return weights


def fit_curve(table: Table, scores: Floats) -> Curve:
    """Fit the curve for unwanted mail on held-out scores."""
    weights = even_weights(table)
    platt = LogisticRegression(C=1e6).fit(scores[:, None], table.unwanted, sample_weight=weights * len(table))
    slope, offset = max(float(platt.coef_[0, 0]), 1e-3), float(platt.intercept_[0])
    ham = table.unwanted == 0
    order = np.argsort(-scores[ham], kind="stable")
    share = np.cumsum(weights[ham][order])
    limit = scores[ham][order][min(int(np.searchsorted(share, HAM_SHARE * share[-1])), order.size - 1)]
    lowered = max(0.0, slope * float(limit) + offset - float(np.log(CEILING / (1 - CEILING))))
    return Curve(slope, offset - lowered, lowered)


def fit_phish_curve(table: Table, scores: Floats) -> Curve:
    """Fit the curve for phish among unwanted mail; the identity where there is only one of them."""
    rows = table.unwanted == 1
    return _platt(scores[rows], (table.labels[rows] == "phish").astype(np.int64), phish_weights(table)[rows])


def fit_bulk_curve(table: Table, scores: Floats) -> Curve:
    """Fit the curve for the form of bulk mail; the identity where there is only one kind.

    Every pack counts alike, and within it bulk mail as much as there is of it: what is filed as bulk is read later or not
    at all, so even odds must mean that it is bulk as often as not.
    """
    target, clear = bulk_target(table)
    _, packs, sizes = np.unique(table.packs[clear], return_inverse=True, return_counts=True)
    return _platt(scores[clear], target[clear], scores[clear].size / sizes.size / sizes[packs])


def _platt(scores: Floats, target: npt.NDArray[np.int64], weights: Floats) -> Curve:
    """Fit one curve on held-out scores."""
    if len(set(target.tolist())) < 2:
        return Curve(1.0, 0.0)
    platt = LogisticRegression(C=1e6).fit(scores[:, None], target, sample_weight=weights)
    return Curve(max(float(platt.coef_[0, 0]), 1e-3), float(platt.intercept_[0]))
