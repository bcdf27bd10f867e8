"""The learners of the model search, each behind the same call: fit on some messages, score all of them.

Where training has the method (logistic regression, naive Bayes, their average) its own function is called, so that the
search measures what ships. The others:

- linear SVM: squared hinge loss, the same sample weights;
- naive Bayes with Fisher's chi-square, as bogofilter combines words (Robinson 2003, "A Statistical Approach to the Spam
  Problem"), with bogofilter's own constants;
- gradient-boosted trees (Friedman 2001, the histogram form) on facts and numbers, which linear models see only in steps.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt
import scipy.sparse
from scipy.special import gammainc, gammaincc
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from bench.search_matrix import Chosen, Matrices
from gatepost.training import fit
from gatepost.training.fit import (
    Bools,
    Floats,
    Linear,
    fit_bayes,
    fit_unwanted,
    nuisance,
    sample_weights,
)
from gatepost.training.table import Table

SEED: Final = 2611

WEIGHT_BYTES: Final = 3
"""Bytes of one token in a shipped model: a fingerprint and a weight of 16 bits."""

# bogofilter 1.2.5: robs, robx and min_dev of bogofilter.cf.
_STRENGTH: Final = 0.0178
_UNKNOWN: Final = 0.52
_LEAST_DEVIATION: Final = 0.375
_TINY: Final = 1e-300

_SVM_STRENGTH: Final = 0.01
_COMMON_FACT: Final = 30


class Fit(Protocol):
    """Something fitted."""

    @property
    def size(self) -> int:
        """Bytes of what has to be kept of it."""

    def scores(self, inputs: Any) -> Floats:
        """Score messages; more is more suspicious."""


class Learner(Protocol):
    """A way of learning."""

    @property
    def name(self) -> str:
        """What its fits are called."""

    def inputs(self, matrices: Matrices, learned: Bools) -> Any:
        """Give what it sees of all messages, one row each, where these are learned from."""

    def fit(self, inputs: Any, matrices: Matrices, learned: Bools) -> Fit:
        """Learn."""


@dataclass(frozen=True, slots=True)
class Sum:
    """A linear model: one weight for each token."""

    linear: Linear

    @property
    def size(self) -> int:
        """Bytes of the weights."""
        return WEIGHT_BYTES * int(self.linear.weights.size)

    def scores(self, inputs: scipy.sparse.csr_matrix) -> Floats:
        """Add up the weights."""
        return self.linear.scores(inputs)


@dataclass(frozen=True, slots=True)
class OnTokens:
    """A learner over the columns of a view."""

    name: str
    view: str
    method: Callable[[Chosen, Table, Bools], Fit]
    memory: bool = False

    def inputs(self, matrices: Matrices, learned: Bools) -> scipy.sparse.csr_matrix:
        """Give the matrix of the view."""
        return matrices.chosen(self.view, learned, memory=self.memory).matrix

    def fit(self, inputs: scipy.sparse.csr_matrix, matrices: Matrices, learned: Bools) -> Fit:
        """Learn by the method."""
        general = matrices.chosen(self.view, learned, memory=self.memory).general
        return self.method(Chosen(inputs, general), matrices.material.table, learned)


def regression(chosen: Chosen, table: Table, learned: Bools) -> Fit:
    """Fit plain logistic regression, as strong as in the recipe."""
    return _logistic(chosen.matrix[learned], chosen.matrix.shape[1], table, learned)


def regression_within(chosen: Chosen, table: Table, learned: Bools) -> Fit:
    """Fit logistic regression beside columns that say which pack a message is from, as the recipe does."""
    both = scipy.sparse.hstack([chosen.matrix[learned], nuisance(table)[learned]]).tocsr()
    return _logistic(both, chosen.matrix.shape[1], table, learned)


def _logistic(rows: scipy.sparse.csr_matrix, words: int, table: Table, learned: Bools) -> Fit:
    """Fit logistic regression and keep the first columns."""
    model = LogisticRegression(C=fit._STRENGTH, max_iter=100, tol=1e-3)
    model.fit(rows, table.unwanted[learned], sample_weight=sample_weights(table)[learned])
    return Sum(Linear(model.coef_[0][:words].astype(np.float64), float(model.intercept_[0])))


def support_vectors(chosen: Chosen, table: Table, learned: Bools) -> Fit:
    """Fit a linear SVM."""
    model = LinearSVC(C=_SVM_STRENGTH, tol=1e-3, random_state=SEED)
    model.fit(chosen.matrix[learned], table.unwanted[learned], sample_weight=sample_weights(table)[learned])
    return Sum(Linear(model.coef_[0].astype(np.float64), float(model.intercept_[0])))


def bayes(chosen: Chosen, table: Table, learned: Bools) -> Fit:
    """Fit multinomial naive Bayes."""
    return Sum(fit_bayes(chosen.matrix, table, learned))


def recipe(chosen: Chosen, table: Table, learned: Bools) -> Fit:
    """Fit logistic regression and naive Bayes, averaged: what `gatepost train` does."""
    return Sum(fit_unwanted(chosen.matrix, chosen.general, table, learned, SEED))


class Fisher:
    """For each token how strongly it speaks for unwanted mail, from 0 to 1, combined by Fisher's chi-square."""

    def __init__(self, spamminess: Floats) -> None:
        self.spamminess = spamminess
        clear = np.abs(spamminess - 0.5) >= _LEAST_DEVIATION
        logs = (np.where(clear, -np.log(side), 0.0) for side in (1 - spamminess, spamminess))
        self._columns = np.stack([clear.astype(np.float64), *logs], 1)

    @property
    def size(self) -> int:
        """Bytes of the table."""
        return WEIGHT_BYTES * int(self.spamminess.size)

    def scores(self, inputs: scipy.sparse.csr_matrix) -> Floats:
        """Give the log-odds of `(1 + H - S) / 2`, which keeps digits where that is all but 0 or 1."""
        count, spam, ham = (inputs.sign() @ self._columns).T
        count = np.maximum(count, 1e-9)
        # Chi-square with 2n degrees of freedom at 2x is the gamma distribution of shape n at x.
        high = gammainc(count, spam) + gammaincc(count, ham)
        low = gammainc(count, ham) + gammaincc(count, spam)
        return np.asarray(np.log(np.maximum(high, _TINY)) - np.log(np.maximum(low, _TINY)))


def fisher(chosen: Chosen, table: Table, learned: Bools) -> Fit:
    """Count in what share of unwanted mail and of ham each token is, and shrink rare ones to bogofilter's prior."""
    weights = sample_weights(table)
    counts, rates = [], []
    for unwanted in (0, 1):
        rows = learned & (table.unwanted == unwanted)
        counts.append(chosen.matrix[rows].sign().T @ weights[rows])
        rates.append(counts[-1] / weights[rows].sum())
    seen = counts[0] + counts[1]
    share = np.divide(rates[1], rates[0] + rates[1], out=np.full(seen.size, _UNKNOWN), where=seen > 0)
    return Fisher((_STRENGTH * _UNKNOWN + seen * share) / (_STRENGTH + seen))


@dataclass(frozen=True, slots=True)
class Forest:
    """Fitted trees; a message of bare text, of which they know nothing, gets 0."""

    model: HistGradientBoostingClassifier

    @property
    def size(self) -> int:
        """Bytes as pickled."""
        return len(pickle.dumps(self.model))

    def scores(self, inputs: npt.NDArray[np.float32]) -> Floats:
        """Give the log-odds by the trees."""
        return np.where(np.isnan(inputs[:, 0]), 0.0, self.model.decision_function(inputs))


@dataclass(frozen=True, slots=True)
class Trees:
    """Gradient-boosted trees on the numbers and the facts that occur often."""

    name: str = "trees"

    def inputs(self, matrices: Matrices, learned: Bools) -> npt.NDArray[np.float32]:
        """Give numbers and facts; which facts are common is asked of the messages learned from."""
        present = matrices.view("facts").present
        common = np.bincount(present[learned].indices, minlength=present.shape[1]) >= _COMMON_FACT
        return np.hstack([matrices.material.numbers, present[:, np.flatnonzero(common)].toarray()])

    def fit(self, inputs: npt.NDArray[np.float32], matrices: Matrices, learned: Bools) -> Fit:
        """Grow 150 trees of 16 leaves on the messages that have header fields."""
        table, rows = matrices.material.table, learned & ~matrices.material.bare
        model = HistGradientBoostingClassifier(
            max_iter=150,
            learning_rate=0.08,
            max_leaf_nodes=16,
            min_samples_leaf=60,
            l2_regularization=5,
            early_stopping=False,
            random_state=SEED,
        )
        model.fit(inputs[rows], table.unwanted[rows], sample_weight=sample_weights(table)[rows])
        return Forest(model)
