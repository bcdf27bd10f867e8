"""Fitting: two logistic regressions over one matrix, and the folds that keep what is tested out of what is learned.

The first separates unwanted mail (spam and phish) from ham, the second phish from other spam. Logistic regression is the
baseline that every better model has to beat: its weights add up, so each verdict can be explained exactly.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import scipy.sparse
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import MultinomialNB

from gatepost.training.table import Progress, Table

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

FOLDS: Final = 5
_STRENGTH: Final = 0.1
_PHISH_STRENGTH: Final = 0.03
_PLENTY: Final = 3000
# Few and invented, or of a kind that no other pack has: what is scarce in public corpora and common in mailboxes.
_EMPHASIS: Final = {"transactional": 8.0, "bounces": 2.0, "spamassassin/hard_ham": 2.0, "spamassassin/hard_ham_2": 2.0}


@dataclass(frozen=True, slots=True)
class Linear:
    """A fitted linear model: `scores = matrix @ weights + bias`, natural log-odds of the training mix."""

    weights: Floats
    bias: float

    def scores(self, matrix: scipy.sparse.csr_matrix) -> Floats:
        """Give the log-odds of each row."""
        return np.asarray(matrix @ self.weights + self.bias)


def sample_weights(table: Table) -> Floats:
    """Weigh rows so that a big pack does not drown the others: beyond 3,000 of a kind influence grows by the root."""
    weights = np.ones(len(table))
    for pack in sorted(set(table.packs.tolist())):
        for unwanted in (0, 1):
            members = (table.packs == pack) & (table.unwanted == unwanted)
            if members.any():
                weights[members] = min(1.0, (_PLENTY / members.sum()) ** 0.5)
    for name, factor in _EMPHASIS.items():
        weights[(table.packs == name) | (table.sources == name)] *= factor
    return weights


def fit_unwanted(matrix: scipy.sparse.csr_matrix, table: Table, rows: Bools, seed: int) -> Linear:
    """Fit unwanted mail against ham on some rows."""
    return _fit(matrix[rows], table.unwanted[rows], sample_weights(table)[rows], _STRENGTH, seed)


def fit_phish(matrix: scipy.sparse.csr_matrix, table: Table, rows: Bools, seed: int) -> Linear:
    """Fit phish against other unwanted mail on some rows; without phish or without spam it says which one there is."""
    rows = rows & (table.unwanted == 1)
    target = (table.labels[rows] == "phish").astype(np.int64)
    if len(set(target.tolist())) < 2:
        return Linear(np.zeros(matrix.shape[1]), 4.0 if target.any() else -4.0)
    weights = np.where(target == 1, target.size / (2 * target.sum()), target.size / (2 * (target.size - target.sum())))
    return _fit(matrix[rows], target, weights, _PHISH_STRENGTH, seed)


def _fit(
    matrix: scipy.sparse.csr_matrix, target: npt.NDArray[Any], weights: Floats, strength: float, seed: int
) -> Linear:
    """Fit one logistic regression; the solver draws no random numbers, the seed is passed on for the day it does."""
    model = LogisticRegression(C=strength, solver="lbfgs", max_iter=100, tol=1e-3, random_state=seed)
    model.fit(matrix, target, sample_weight=weights)
    return Linear(model.coef_[0].astype(np.float64), float(model.intercept_[0]))


def fit_bayes(matrix: scipy.sparse.csr_matrix, table: Table, rows: Bools) -> Linear:
    """Fit multinomial naive Bayes on token presence: the comparison row of the card."""
    presence = (matrix[rows] > 0).astype(np.float64)
    model = MultinomialNB(alpha=0.1).fit(presence, table.unwanted[rows], sample_weight=sample_weights(table)[rows])
    odds = model.feature_log_prob_[1] - model.feature_log_prob_[0]
    return Linear(odds, float(model.class_log_prior_[1] - model.class_log_prior_[0]))


def folds_by_group(table: Table, seed: int) -> npt.NDArray[np.int64]:
    """Assign each near-duplicate group to one fold, by a hash of its name and the seed."""
    return np.array([_bucket(f"{seed}:{group}") for group in table.groups.tolist()], np.int64)


def folds_by_source(table: Table, seed: int) -> npt.NDArray[np.int64]:
    """Assign whole sources to folds, so that each row is scored by a model that never saw its source.

    Within a pack sources go to the lightest fold so far, largest first; a pack that is one source is cut into five
    stretches of its own order, which for packs in order of arrival are stretches of time.
    """
    folds = np.zeros(len(table), np.int64)
    for pack in sorted(set(table.packs.tolist())):
        members = np.flatnonzero(table.packs == pack)
        sources = table.sources[members]
        names, sizes = np.unique(sources, return_counts=True)
        if names.size < FOLDS:
            for name in names:
                rows = members[sources == name]
                folds[rows] = np.arange(rows.size) * FOLDS // rows.size
            continue
        load = np.zeros(FOLDS)
        for at in np.lexsort((np.array([_bucket(f"{seed}:{name}") for name in names]), -sizes)):
            fold = int(np.argmin(load))
            load[fold] += sizes[at]
            folds[members[sources == names[at]]] = fold
    return folds


def _bucket(text: str) -> int:
    """Give a fold number by hash: the same in every process."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") % FOLDS


def held_out_scores(
    matrix: scipy.sparse.csr_matrix,
    folds: npt.NDArray[np.int64],
    fit: Callable[[Bools], Linear],
    stage: str,
    progress: Progress,
) -> Floats:
    """Score every row by the model fitted on the other folds."""
    scores = np.zeros(matrix.shape[0])
    for fold in range(FOLDS):
        inside = folds == fold
        if inside.any() and not inside.all():
            scores[inside] = fit(~inside).scores(matrix[inside])
        progress(stage, fold + 1)
    return scores
