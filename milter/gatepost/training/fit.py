"""Fitting: three linear models over one matrix, and the folds that keep what is tested out of what is learned.

The first separates unwanted mail (spam and phish) from ham, the second phish from other spam, the third the form of
commercial bulk mail from everything else, whoever wants it. Their weights add up, so each verdict can be explained
exactly; nothing tried beside them did better on mail from elsewhere by enough to give that up (the card has the table).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from zlib import crc32

import numpy as np
import numpy.typing as npt
import scipy.sparse
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import MultinomialNB

from gatepost.checks.content.relations import BULK_WORDS
from gatepost.training.columns import WRITTEN
from gatepost.training.table import Progress, Table

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
_Fitted = TypeVar("_Fitted")

FOLDS: Final = 5
_STRENGTH: Final = 0.3
_PHISH_STRENGTH: Final = 0.03
_SMOOTHING: Final = 0.1
# Regression leaves memory out, so Bayes alone would give a word of one pack a small say beside one of two.
_MEMORY_SCALE: Final = 3.0
_PLENTY: Final = 3000
_PACK_SCALE: Final = 2.0
_FOREIGN_SCALE: Final = 3.0
# Few and invented, or of a kind that no other pack has: what is scarce in public corpora and common in mailboxes.
_EMPHASIS: Final = {
    "transactional": 16.0,
    "bounces": 2.0,
    "spamassassin/hard_ham": 6.0,
    "spamassassin/hard_ham_2": 6.0,
}
_FOREIGN_HAM: Final = 3.0
# Regression fits what few messages say better than Bayes does, which only counts.
_INVENTED_IN_REGRESSION: Final = 4.0
_INVENTED_IN_BAYES: Final = 8.0


@dataclass(frozen=True, slots=True)
class Linear:
    """A fitted linear model: `scores = matrix @ weights + bias`, natural log-odds of the training mix."""

    weights: Floats
    bias: float

    def scores(self, matrix: scipy.sparse.csr_matrix) -> Floats:
        """Give the log-odds of each row."""
        return np.asarray(matrix @ self.weights + self.bias)


def sample_weights(table: Table, invented: float = _INVENTED_IN_REGRESSION) -> Floats:
    """Weigh rows so that a big pack does not drown the others: beyond 3,000 of a kind influence grows by the root.

    `invented` is the weight of each message of the invented pack.
    """
    weights = np.ones(len(table))
    for pack in sorted(set(table.packs.tolist())):
        for unwanted in (0, 1):
            members = (table.packs == pack) & (table.unwanted == unwanted)
            if members.any():
                weights[members] = min(1.0, (_PLENTY / members.sum()) ** 0.5)
    for name, factor in {**_EMPHASIS, WRITTEN: invented}.items():
        weights[(table.packs == name) | (table.sources == name)] *= factor
    weights[table.foreign & (table.unwanted == 0)] *= _FOREIGN_HAM
    return weights


def nuisance(table: Table) -> scipy.sparse.csr_matrix:
    """Give columns that say where a message is from instead of what it says: its pack, and that it is not English.

    They take part in fitting and are then dropped. What they can explain (spam is 60 % of one pack and 14 % of another;
    mail that is not English is mostly spam in public corpora) the words need not explain, so words keep what separates
    wanted from unwanted mail *within* a pack and a language. Packs of one kind only share the remaining level.
    """
    columns = [np.where(table.foreign, _FOREIGN_SCALE, 0.0)]
    for pack in sorted(set(table.packs.tolist())):
        members = table.packs == pack
        if len(set(table.unwanted[members].tolist())) == 2:
            columns.append(np.where(members, _PACK_SCALE, 0.0))
    return scipy.sparse.csr_matrix(np.array(columns, np.float32).T)


def fit_unwanted(matrix: scipy.sparse.csr_matrix, general: Bools, table: Table, rows: Bools, seed: int) -> Linear:
    """Fit unwanted mail against ham on some rows: logistic regression and naive Bayes, averaged.

    Both are sums over tokens, so their average is one linear model. The two err differently: regression shares weight
    between words that occur together, Bayes does not, which serves it better on mail from elsewhere. Regression sees the
    `general` columns only: what it learned from memory it would not learn from words that carry over.
    """
    words = matrix.shape[1]
    if _of_one_kind(table.unwanted[rows]):
        return _constant(table.unwanted[rows], words)
    carried = matrix[:, general]
    both = scipy.sparse.hstack([carried[rows], nuisance(table)[rows]]).tocsr()
    regression = _fit(both, table.unwanted[rows], sample_weights(table)[rows], _STRENGTH, seed)
    share = regression.weights[: carried.shape[1]]
    bayes = fit_bayes(matrix, table, rows).weights
    size = float(np.std(carried[rows] @ bayes[general]))
    scale = float(np.std(carried[rows] @ share)) / size if size else 0.0
    weights = scale * np.where(general, bayes, _MEMORY_SCALE * bayes) / 2
    weights[general] += share / 2
    return Linear(weights, regression.bias / 2)


def phish_weights(table: Table) -> Floats:
    """Weigh unwanted rows so that phish and spam weigh alike, and among each the packs.

    Spam of today then counts as much as spam of twenty years ago, or "phish" would come to mean "recent".
    """
    weights = np.zeros(len(table))
    spam = (table.unwanted == 1) & (table.labels != "phish")
    for kind in (table.labels == "phish", spam):
        packs = sorted(set(table.packs[kind].tolist()))
        for pack in packs:
            members = kind & (table.packs == pack)
            weights[members] = table.unwanted.sum() / (2 * len(packs) * members.sum())
    return weights


def fit_phish(matrix: scipy.sparse.csr_matrix, table: Table, rows: Bools, seed: int) -> Linear:
    """Fit phish against other unwanted mail on some rows; without phish or without spam it says which one there is."""
    rows = rows & (table.unwanted == 1)
    target = (table.labels[rows] == "phish").astype(np.int64)
    if _of_one_kind(target):
        return _constant(target, matrix.shape[1])
    weights = phish_weights(table)[rows]
    return _fit(matrix[rows], target, weights, _PHISH_STRENGTH, seed)


# What the form of bulk mail is told by.
_WAY_OUT: Final = "=unsubscribe"
_LEGAL_LINES: Final = ("=legal-1", "=legal-2", "=legal-3", "=postal")
_MANY_LEGAL: Final = ("=legal-2", "=legal-3")
_SEVERAL_LINKS: Final = ("=links-2", "=links-3", "=links-4")


def bulk_target(table: Table) -> tuple[npt.NDArray[np.int64], Bools]:
    """Give which rows have the form of commercial bulk mail (1) and which do not (0), and the rows where that is clear.

    Bulk mail says how to leave it, and it says who sends it in legal or postal lines, or is a page with several links.
    Neither a way out nor legal lines is not bulk. What lies between teaches nothing.
    """
    way_out = _having(table, (_WAY_OUT,))
    legal, many = _having(table, _LEGAL_LINES), _having(table, _MANY_LEGAL)
    page = _having(table, ("=html",)) & _having(table, _SEVERAL_LINKS)
    bulk = way_out & (legal | page)
    return bulk.astype(np.int64), bulk | ~(way_out | many | _having(table, ("unsubscribe",)))


def _having(table: Table, tokens: tuple[str, ...]) -> Bools:
    """Say which rows have one of a few tokens."""
    wanted = np.array([crc32(token.encode()) for token in tokens], np.uint32)
    return np.array([np.isin(wanted, hashes).any() for hashes in table.hashes], bool)


def bulk_weights(table: Table, target: npt.NDArray[np.int64]) -> Floats:
    """Weigh rows so that bulk and other mail weigh alike, and among each the packs."""
    weights = np.zeros(len(table))
    for kind in (0, 1):
        packs = sorted(set(table.packs[target == kind].tolist()))
        for pack in packs:
            members = (target == kind) & (table.packs == pack)
            weights[members] = len(table) / (2 * len(packs) * members.sum())
    return weights


def fit_bulk(
    matrix: scipy.sparse.csr_matrix, columns: npt.NDArray[np.uint32], table: Table, rows: Bools, seed: int
) -> Linear:
    """Fit the form of commercial bulk mail on some rows, each seen twice: as it is, and without what it is told by.

    The furniture alone would explain everything, and bulk mail in words that nobody listed would not be known by its
    other words; without the furniture, mail that has it would be less than certain.
    """
    target, clear = bulk_target(table)
    rows = rows & clear
    if _of_one_kind(target[rows]):
        return _constant(target[rows], matrix.shape[1])
    told = np.array([crc32(token.encode()) for token in (_WAY_OUT, *_LEGAL_LINES, *BULK_WORDS)], np.uint32)
    without = matrix[rows] @ scipy.sparse.diags((~np.isin(columns, told)).astype(np.float32))
    both = scipy.sparse.vstack([matrix[rows], without]).tocsr()
    weights = np.tile(bulk_weights(table, target)[rows] / 2, 2)
    return _fit(both, np.tile(target[rows], 2), weights, _STRENGTH, seed)


def _of_one_kind(target: npt.NDArray[np.int64]) -> bool:
    """Say whether there is nothing to tell apart, as in a fold that holds all the ham there is."""
    return target.size == 0 or bool((target == target[0]).all())


def _constant(target: npt.NDArray[np.int64], words: int) -> Linear:
    """Give the model that says "the one kind there was", without a word for it."""
    return Linear(np.zeros(words), 4.0 if target.any() else -4.0)


def _fit(
    matrix: scipy.sparse.csr_matrix, target: npt.NDArray[Any], weights: Floats, strength: float, seed: int
) -> Linear:
    """Fit one logistic regression; the solver draws no random numbers, the seed is passed on for the day it does."""
    model = LogisticRegression(C=strength, solver="lbfgs", max_iter=100, tol=1e-3, random_state=seed)
    model.fit(matrix, target, sample_weight=weights)
    return Linear(model.coef_[0].astype(np.float64), float(model.intercept_[0]))


def fit_bayes(matrix: scipy.sparse.csr_matrix, table: Table, rows: Bools) -> Linear:
    """Fit multinomial naive Bayes on token presence; ham and unwanted mail that is not English weigh alike."""
    if _of_one_kind(table.unwanted[rows]):
        return _constant(table.unwanted[rows], matrix.shape[1])
    weights = sample_weights(table, _INVENTED_IN_BAYES)
    foreign = table.foreign & rows
    kinds = [foreign & (table.unwanted == each) for each in (0, 1)]
    if all(kind.any() for kind in kinds):
        whole = weights[foreign].sum()
        for kind in kinds:
            weights[kind] *= whole / 2 / weights[kind].sum()
    presence = (matrix[rows] > 0).astype(np.float64)
    model = MultinomialNB(alpha=_SMOOTHING).fit(presence, table.unwanted[rows], sample_weight=weights[rows])
    odds = model.feature_log_prob_[1] - model.feature_log_prob_[0]
    # What is in none of these rows says nothing; smoothing would give it the odds of the kind that has fewer words.
    odds[np.asarray(presence.sum(axis=0)).ravel() == 0] = 0.0
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
        if names.size < FOLDS:  # as packs_cut() says
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


def packs_cut(table: Table) -> tuple[str, ...]:
    """Give the packs of too few sources to hold whole ones out: folds_by_source() cuts each of these into stretches."""
    packs = sorted(set(table.packs.tolist()))
    return tuple(pack for pack in packs if len(set(table.sources[table.packs == pack].tolist())) < FOLDS)


def folds_by_pack(table: Table) -> npt.NDArray[np.int64]:
    """Assign whole packs to folds: packs with both kinds of mail one each, those of one kind together (the last fold)."""
    folds = np.full(len(table), -1, np.int64)
    for fold, pack in enumerate(name for name in sorted(set(table.packs.tolist())) if _has_both(table, name)):
        folds[table.packs == pack] = fold
    folds[folds < 0] = folds.max() + 1
    return folds


def held_out_rows(folds: npt.NDArray[np.int64], unwanted: npt.NDArray[np.int64]) -> Bools:
    """Say which rows some model was tested on: those of folds beside which there are both kinds of mail to learn from."""
    found = np.zeros(folds.size, bool)
    for fold in set(folds.tolist()):
        found[folds == fold] = not _of_one_kind(unwanted[folds != fold])
    return found


def _has_both(table: Table, pack: str) -> bool:
    return len(set(table.unwanted[table.packs == pack].tolist())) == 2


def _bucket(text: str) -> int:
    """Give a fold number by hash: the same in every process."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") % FOLDS


def held_out_scores(
    folds: npt.NDArray[np.int64],
    fit: Callable[[Bools], _Fitted],
    score: Callable[[_Fitted, Bools], Floats],
    stage: str,
    progress: Progress,
) -> Floats:
    """Score every row by the model fitted on the other folds; `score` gives the scores of the rows it is asked for."""
    scores = np.zeros(folds.size)
    for fold in range(int(folds.max()) + 1):
        inside = folds == fold
        if inside.any() and not inside.all():
            scores[inside] = score(fit(~inside), inside)
        progress(stage, fold + 1, int(folds.max()) + 1)
    return scores
