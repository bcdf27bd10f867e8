"""From packs to a model directory, start to end: read, choose tokens, fit, hold out, calibrate, measure, write.

The same packs, seed and library versions give the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import scipy.sparse

from gatepost.checks.content.tokens import FEATURES_VERSION
from gatepost.training.calibrate import Curve, fit_curve, fit_phish_curve
from gatepost.training.checkpoints import Checkpoints
from gatepost.training.columns import build_matrix, choose_columns
from gatepost.training.corpus import CorpusError
from gatepost.training.evaluate import Metrics, later_rows, phish_metrics, rows_by_pack
from gatepost.training.fit import (
    Bools,
    Floats,
    Linear,
    fit_bayes,
    fit_phish,
    fit_regression,
    fit_unwanted,
    folds_by_group,
    folds_by_source,
    held_out_scores,
)
from gatepost.training.table import MAX_ROWS, Hashed, Progress, Table, table_of_packs
from gatepost.training.workfolder import opened
from gatepost.training.write import Recipe, write_model

BITS: Final = 20
LENGTH_POWER: Final = 0.25


@dataclass(frozen=True, slots=True)
class Trained:
    """What a training run gives: where it was written, and what was measured."""

    directory: Path
    metrics: Metrics


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
) -> Trained:
    """Train on packs and write a model directory to `out`, which must not exist or be empty.

    What was read and fitted stays in the folder `work` until it is needed again, unless `fresh`; at most `max_rows`
    messages are learned from. Without `measure` the comparisons are left out: the same model with fewer numbers beside
    it. Raises CorpusError where a pack cannot be read or there is no ham or nothing unwanted in them.
    """
    with opened(work) as folder:
        table = table_of_packs(packs, folder, jobs, progress, max_rows=max_rows, fresh=fresh)
        _require_both(table)
        progress("choosing tokens", 0)
        columns = choose_columns(table, BITS)
        if not columns.size:
            raise CorpusError("the packs share too few words to learn from: give more mail")
        matrix = build_matrix(table, columns, LENGTH_POWER)
        progress("choosing tokens", int(columns.size))
        kept = Checkpoints(folder, matrix, table, seed, fresh=fresh)
        return _fit_and_write(_Mail(table, columns, matrix, seed, kept), out, progress, measure=measure)


@dataclass(frozen=True, slots=True)
class _Mail:
    """What is learned from, and the fits that are there already."""

    table: Table
    columns: Hashed
    matrix: scipy.sparse.csr_matrix
    seed: int
    kept: Checkpoints

    def unwanted(self, rows: Bools) -> Linear:
        """Fit unwanted mail against ham."""
        return self.kept.fitted("unwanted", lambda rows: fit_unwanted(self.matrix, self.table, rows, self.seed))(rows)

    def phish(self, rows: Bools) -> Linear:
        """Fit phish against other unwanted mail."""
        return self.kept.fitted("phish", lambda rows: fit_phish(self.matrix, self.table, rows, self.seed))(rows)

    def bayes(self, rows: Bools) -> Linear:
        """Fit naive Bayes, to compare with."""
        return self.kept.fitted("bayes", lambda rows: fit_bayes(self.matrix, self.table, rows))(rows)

    def regression(self, rows: Bools) -> Linear:
        """Fit plain logistic regression, to compare with."""
        return self.kept.fitted("plain", lambda rows: fit_regression(self.matrix, self.table, rows, self.seed))(rows)


def _fit_and_write(mail: _Mail, out: Path, progress: Progress, *, measure: bool) -> Trained:
    """Hold out, calibrate, measure, fit on everything and write; then the fits are of no more use."""
    table, matrix, seed = mail.table, mail.matrix, mail.seed
    everything = np.ones(len(table), bool)
    by_source, by_group = folds_by_source(table, seed), folds_by_group(table, seed)
    unseen = held_out_scores(matrix, by_source, mail.unwanted, "holding out sources", progress)
    kinds = held_out_scores(matrix, by_group, mail.phish, "holding out phish", progress)
    curve, kind_curve = fit_curve(table, unseen), fit_phish_curve(table, kinds)
    metrics: Metrics = {
        "by source": rows_by_pack(table, unseen, curve, everything),
        **(_comparisons(mail, curve, progress) if measure else {view: [] for view in _COMPARISONS}),
        "phish": phish_metrics(table, kinds, kind_curve),
        "lowered": round(curve.lowered, 3),
        "left out": table.left_out,
        "not drawn": table.not_drawn,
    }
    progress("fitting", 0, 2)
    unwanted = mail.unwanted(everything)
    progress("fitting", 1, 2)
    phish = mail.phish(everything)
    progress("fitting", 2, 2)
    recipe = Recipe(out.name, BITS, LENGTH_POWER, FEATURES_VERSION, seed, table)
    write_model(out, recipe, mail.columns, (unwanted, curve), (phish, kind_curve), metrics)
    mail.kept.clear()
    return Trained(out, metrics)


_COMPARISONS: Final = ("by group", "by time", "naive bayes by source", "regression by source")


def _comparisons(mail: _Mail, curve: Curve, progress: Progress) -> Metrics:
    """Measure what calibration does not need: other ways of holding out, and simpler models."""
    table, matrix = mail.table, mail.matrix
    everything = np.ones(len(table), bool)
    by_source, by_group = folds_by_source(table, mail.seed), folds_by_group(table, mail.seed)
    known = held_out_scores(matrix, by_group, mail.unwanted, "holding out groups", progress)
    later = later_rows(table)
    ahead = mail.unwanted(~later).scores(matrix)
    bayes = held_out_scores(matrix, by_source, mail.bayes, "comparing naive Bayes", progress)
    plain = held_out_scores(matrix, by_source, mail.regression, "comparing regression", progress)
    rows = (
        rows_by_pack(table, known, curve, everything),
        rows_by_pack(table, ahead, curve, later),
        rows_by_pack(table, bayes, fit_curve(table, bayes), everything),
        rows_by_pack(table, plain, fit_curve(table, plain), everything),
    )
    return dict(zip(_COMPARISONS, rows, strict=True))


def _require_both(table: Table) -> None:
    """Insist on both kinds of mail."""
    ham = int((table.labels == "ham").sum())
    if not ham or ham == len(table):
        missing = "ham" if not ham else "spam or phish"
        raise CorpusError(f"the packs hold no {missing}: both kinds are needed to learn the difference")


__all__ = ["Curve", "Floats", "Linear", "Trained", "train_model"]
