"""From packs to a model directory, start to end: read, choose tokens, fit, hold out, calibrate, measure, write.

The same packs, seed and library versions give the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from gatepost.checks.content.tokens import FEATURES_VERSION
from gatepost.training.calibrate import Curve, fit_curve, fit_phish_curve
from gatepost.training.columns import build_matrix, choose_columns
from gatepost.training.corpus import CorpusError
from gatepost.training.evaluate import Metrics, later_rows, phish_metrics, rows_by_pack
from gatepost.training.fit import (
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
from gatepost.training.table import MAX_ROWS, Progress, Table, table_of_packs
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
) -> Trained:
    """Train on packs and write a model directory to `out`, which must not exist or be empty.

    What was read stays in the folder `work` for the next time, and is not used where `fresh`; at most `max_rows`
    messages are learned from. Raises CorpusError where a pack cannot be read or there is no ham or nothing unwanted in
    them.
    """
    table = table_of_packs(packs, work, jobs, progress, max_rows=max_rows, fresh=fresh)
    _require_both(table)
    columns = choose_columns(table, BITS)
    if not columns.size:
        raise CorpusError("the packs share too few words to learn from: give more mail")
    matrix = build_matrix(table, columns, LENGTH_POWER)
    progress("choosing tokens", int(columns.size))
    by_source, by_group = folds_by_source(table, seed), folds_by_group(table, seed)
    everything = np.ones(len(table), bool)

    unseen = held_out_scores(
        matrix, by_source, lambda rows: fit_unwanted(matrix, table, rows, seed), "holding out sources", progress
    )
    kinds = held_out_scores(
        matrix, by_group, lambda rows: fit_phish(matrix, table, rows, seed), "holding out phish", progress
    )
    curve, kind_curve = fit_curve(table, unseen), fit_phish_curve(table, kinds)
    known = held_out_scores(
        matrix, by_group, lambda rows: fit_unwanted(matrix, table, rows, seed), "holding out groups", progress
    )
    later = later_rows(table)
    ahead = fit_unwanted(matrix, table, ~later, seed).scores(matrix)
    bayes = held_out_scores(
        matrix, by_source, lambda rows: fit_bayes(matrix, table, rows), "comparing naive Bayes", progress
    )
    plain = held_out_scores(
        matrix, by_source, lambda rows: fit_regression(matrix, table, rows, seed), "comparing regression", progress
    )
    metrics: Metrics = {
        "by source": rows_by_pack(table, unseen, curve, everything),
        "by group": rows_by_pack(table, known, curve, everything),
        "by time": rows_by_pack(table, ahead, curve, later),
        "naive bayes by source": rows_by_pack(table, bayes, fit_curve(table, bayes), everything),
        "regression by source": rows_by_pack(table, plain, fit_curve(table, plain), everything),
        "phish": phish_metrics(table, kinds, kind_curve),
        "lowered": round(curve.lowered, 3),
        "left out": table.left_out,
        "not drawn": table.not_drawn,
    }
    progress("fitting", 1)
    unwanted, phish = fit_unwanted(matrix, table, everything, seed), fit_phish(matrix, table, everything, seed)
    recipe = Recipe(out.name, BITS, LENGTH_POWER, FEATURES_VERSION, seed, table)
    write_model(out, recipe, columns, (unwanted, curve), (phish, kind_curve), metrics)
    return Trained(out, metrics)


def _require_both(table: Table) -> None:
    """Insist on both kinds of mail."""
    ham = int((table.labels == "ham").sum())
    if not ham or ham == len(table):
        missing = "ham" if not ham else "spam or phish"
        raise CorpusError(f"the packs hold no {missing}: both kinds are needed to learn the difference")


__all__ = ["Curve", "Floats", "Linear", "Trained", "train_model"]
