"""From packs to a model directory, start to end: read, choose tokens, fit, hold out, calibrate, measure, write.

The same packs, seed and library versions give the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
import scipy.sparse

from gatepost.checks.content.caution import caution
from gatepost.checks.content.model import HEADS
from gatepost.checks.content.tokens import FEATURES_VERSION
from gatepost.training.calibrate import Curve, fit_bulk_curve, fit_curve, fit_phish_curve
from gatepost.training.checkpoints import Checkpoints
from gatepost.training.columns import Columns, build_matrix, choose_columns
from gatepost.training.corpus import CorpusError, model_name
from gatepost.training.evaluate import Metrics, budget_data, bulk_metrics, later_rows, phish_metrics, rows_by_pack
from gatepost.training.fit import (
    Bools,
    Floats,
    Linear,
    bulk_target,
    fit_bulk,
    fit_phish,
    fit_unwanted,
    folds_by_group,
    folds_by_pack,
    folds_by_source,
    held_out_rows,
    held_out_scores,
    packs_cut,
)
from gatepost.training.reference import presence, reference
from gatepost.training.stretched import score_rows
from gatepost.training.table import MAX_ROWS, Progress, Table, table_of_packs
from gatepost.training.workfolder import opened
from gatepost.training.write import Recipe, write_model

BITS: Final = 21
LENGTH_POWER: Final = 0.25


@dataclass(frozen=True, slots=True)
class Trained:
    """What a training run gives: where it was written, what was measured, and the packs whose own sources were cut for that."""

    directory: Path
    metrics: Metrics
    cut: tuple[str, ...] = ()


def train_model(
    packs: list[Path],
    out: Path,
    seed: int,
    jobs: int,
    progress: Progress,
    *,
    work: Path | None = None,
    fresh: bool = False,
    max_rows: int = MAX_ROWS,
    measure: bool = True,
    aside: frozenset[str] = frozenset(),
) -> Trained:
    """Train on packs and write a model directory to `out`, which must not exist or be empty.

    What was read and fitted stays in the folder `work` until it is needed again, unless `fresh`; at most `max_rows`
    messages are learned from, and none whose SHA-256 is in `aside`. Without `measure` the comparisons are left out: the same model with fewer numbers beside
    it. Raises CorpusError where a pack cannot be read or there is no ham or nothing unwanted in them.
    """
    with opened(work) as folder:
        table = table_of_packs(packs, folder, jobs, progress, max_rows=max_rows, fresh=fresh, aside=aside)
        _require_both(table)
        progress("choosing tokens", 0)
        columns = choose_columns(table, BITS)
        if not columns.size:
            raise CorpusError("the packs share too few words to learn from: give more mail")
        matrix = build_matrix(table, columns.hashes, LENGTH_POWER)
        progress("choosing tokens", columns.size)
        kept = Checkpoints(folder, matrix, table, seed, fresh=fresh)
        mail = _Mail(table, columns, matrix, seed, len(aside), kept)
        return _fit_and_write(mail, out, progress, measure=measure)


@dataclass(frozen=True, slots=True)
class _Heads:
    """The three models of one fit."""

    unwanted: Linear
    phish: Linear
    bulk: Linear


@dataclass(frozen=True, slots=True)
class _Mail:
    """What is learned from, and the fits that are there already."""

    table: Table
    columns: Columns
    matrix: scipy.sparse.csr_matrix
    seed: int
    aside: int
    kept: Checkpoints

    def unwanted(self, rows: Bools) -> Linear:
        """Fit unwanted mail against ham."""
        general = self.columns.general
        return self.kept.fitted(
            "unwanted", lambda rows: fit_unwanted(self.matrix, general, self.table, rows, self.seed)
        )(rows)

    def phish(self, rows: Bools) -> Linear:
        """Fit phish against other unwanted mail."""
        return self.kept.fitted("phish", lambda rows: fit_phish(self.matrix, self.table, rows, self.seed))(rows)

    def bulk(self, rows: Bools) -> Linear:
        """Fit the form of bulk mail against other mail."""
        hashes = self.columns.hashes
        return self.kept.fitted("bulk", lambda rows: fit_bulk(self.matrix, hashes, self.table, rows, self.seed))(rows)

    def spoken(self, linear: Linear, rows: Bools) -> Floats:
        """Score rows by the worst of what they say."""
        return score_rows(linear, rows, self.matrix, self.table, self.columns, LENGTH_POWER)

    def heads(self, rows: Bools) -> _Heads:
        """Fit all three on the same rows."""
        return _Heads(self.unwanted(rows), self.phish(rows), self.bulk(rows))

    def judged(self, heads: _Heads, rows: Bools, phish: Curve, bulk: Curve) -> Floats:
        """Score rows as live mail is judged: by the worst of what they say, with caution where they have the form of bulk mail."""
        form, kind = (
            bulk.probabilities(self.whole(heads.bulk, rows)),
            phish.probabilities(self.whole(heads.phish, rows)),
        )
        return self.spoken(heads.unwanted, rows) - caution(form, kind)

    def whole(self, linear: Linear, rows: Bools) -> Floats:
        """Score rows by all of what they say."""
        return linear.scores(self.matrix[rows])


def _fit_and_write(mail: _Mail, out: Path, progress: Progress, *, measure: bool) -> Trained:
    """Hold out, calibrate, measure, fit on everything and write; then the fits are of no more use."""
    table, seed = mail.table, mail.seed
    everything = np.ones(len(table), bool)
    by_group = folds_by_group(table, seed)
    kinds = held_out_scores(by_group, mail.phish, mail.whole, "holding out phish", progress)
    forms = held_out_scores(by_group, mail.bulk, mail.whole, "holding out bulk", progress)
    phish, bulk = fit_phish_curve(table, kinds), fit_bulk_curve(table, forms)
    judged = partial(mail.judged, phish=phish, bulk=bulk)
    unseen = held_out_scores(folds_by_source(table, seed), mail.heads, judged, "holding out sources", progress)
    curve = fit_curve(table, unseen)
    metrics: Metrics = {
        "by source": rows_by_pack(table, unseen, curve, everything),
        **(_comparisons(mail, curve, judged, progress) if measure else {view: [] for view in _COMPARISONS}),
        "phish": phish_metrics(table, kinds, phish),
        "bulk": bulk_metrics(table, *bulk_target(table), bulk.probabilities(forms)),
        "lowered": round(curve.lowered, 3),
        "left out": table.left_out,
        "set aside": mail.aside,
        "not drawn": table.not_drawn,
        "reference": _reference(mail, curve.probabilities(unseen)),
    }
    heads = {}
    for done, (fit, its_curve) in enumerate(((mail.unwanted, curve), (mail.phish, phish), (mail.bulk, bulk))):
        progress("fitting", done, len(HEADS))
        heads[fit.__name__] = (fit(everything), its_curve)
    progress("fitting", len(HEADS), len(HEADS))
    recipe = Recipe(model_name(out), BITS, LENGTH_POWER, FEATURES_VERSION, seed, table)
    write_model(out, recipe, mail.columns, heads, metrics, budget_data(table, curve.logits(unseen)))
    mail.kept.clear()
    return Trained(out, metrics, packs_cut(table))


_COMPARISONS: Final = ("by pack", "by group", "by time")


def _comparisons(mail: _Mail, curve: Curve, judged: Callable[[_Heads, Bools], Floats], progress: Progress) -> Metrics:
    """Measure what calibration does not need: whole packs and near-duplicate groups held out, and learning from the past."""
    table = mail.table
    packs, groups, later = folds_by_pack(table), folds_by_group(table, mail.seed), later_rows(table)
    elsewhere = held_out_scores(packs, mail.heads, judged, "holding out packs", progress)
    known = held_out_scores(groups, mail.heads, judged, "holding out groups", progress)
    ahead = judged(mail.heads(~later), np.ones(len(table), bool))
    rows = (
        rows_by_pack(table, elsewhere, curve, held_out_rows(packs, table.unwanted)),
        rows_by_pack(table, known, curve, held_out_rows(groups, table.unwanted)),
        rows_by_pack(table, ahead, curve, later & held_out_rows(later.astype(np.int64), table.unwanted)),
    )
    return dict(zip(_COMPARISONS, rows, strict=True))


def _reference(mail: _Mail, probabilities: Floats) -> Metrics:
    """Give what drift is told from: how the training mail looked to a model that had not seen it."""
    sizes = np.array([max(hashes.size, 1) for hashes in mail.table.hashes])
    return reference(probabilities, np.diff(mail.matrix.indptr) / sizes, 0.0, presence(mail.table.hashes))


def _require_both(table: Table) -> None:
    """Insist on both kinds of mail."""
    ham = int((table.labels == "ham").sum())
    if not ham or ham == len(table):
        missing = "ham" if not ham else "spam or phish"
        raise CorpusError(f"the packs hold no {missing}: both kinds are needed to learn the difference")


__all__ = ["Curve", "Floats", "Linear", "Trained", "train_model"]
