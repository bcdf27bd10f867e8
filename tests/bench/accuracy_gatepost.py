"""Gatepost in the accuracy benchmark: a model trained on the fold's mail, used as the live check uses it.

The whole seam to the package's own training is `train_on`; scores come from the code that judges live mail.
"""

from __future__ import annotations

import hashlib
import math
import os
import shutil
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Final

import numpy as np

import gatepost
from bench.accuracy_filter import Done, Filter, FilterError
from bench.accuracy_mail import Mail, manifest_line, write_manifest
from gatepost.arrival.replay import Stored
from gatepost.checks.content.family import Settings, build
from gatepost.checks.content.tokens import FEATURES_VERSION
from gatepost.training.calibrate import Curve, fit_curve
from gatepost.training.columns import build_matrix, choose_columns
from gatepost.training.corpus import CorpusError, Sample, read_pack
from gatepost.training.fit import Linear, fit_unwanted, folds_by_source, held_out_scores
from gatepost.training.score import score
from gatepost.training.table import read_table
from gatepost.training.train import BITS, LENGTH_POWER
from gatepost.training.write import Recipe, write_model

SEED: Final = 1
_SOURCES: Final = ("mail", "checks/content", "training")
_JOBS: Final = min(2, os.cpu_count() or 1)


class Gatepost(Filter):
    """One model directory; the score is the calibrated log-odds of being unwanted."""

    name: ClassVar[str] = "gatepost"
    cutoff: ClassVar[float] = math.log(Settings().spam_from / (1 - Settings().spam_from))

    @classmethod
    def version(cls) -> str:
        """Give the version with a digest of the code that decides: another classifier is measured anew."""
        return f"Gatepost, this tree ({_digest()})"

    def train(self, mail: Sequence[Mail], done: Done) -> None:
        """Train a model on packs that hold just these messages."""
        try:
            train_on(_packs(mail, self.folder / "packs"), self.folder / "base-209901", done)
        except CorpusError as error:
            raise FilterError(f"Gatepost: {error}") from error

    def score(self, mail: Sequence[Mail], done: Done) -> list[float]:
        """Score each message as `gatepost evaluate` does; a message without text gets minus infinity."""
        check = build(Settings(model=str(self.folder / "base-209901")))
        scores = []
        for each in mail:
            scores.append(score(check, Stored(each.path.name, each.path.read_bytes(), cut=False))[0])
            done(1)
        return scores


@cache
def _digest() -> str:
    """Give a digest of the code as it was when it was first asked for: it may be edited while a run goes on."""
    root = Path(gatepost.__file__).parent
    files = sorted(file for part in _SOURCES for file in (root / part).glob("*.py"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:8]


def train_on(packs: list[Path], out: Path, done: Done) -> None:
    """Train a model as `gatepost train` does, without its comparisons and without the model for phish."""
    samples = _told(packs, done)
    table = read_table(samples, _JOBS, _quiet)
    columns = choose_columns(table, BITS)
    if not columns.size:
        raise CorpusError("the packs share too few words to learn from: give more mail")
    matrix = build_matrix(table, columns, LENGTH_POWER)
    unseen = held_out_scores(
        matrix,
        folds_by_source(table, SEED),
        lambda rows: fit_unwanted(matrix, table, rows, SEED),
        "holding out sources",
        _quiet,
    )
    unwanted = fit_unwanted(matrix, table, np.ones(len(table), bool), SEED), fit_curve(table, unseen)
    phish = Linear(np.zeros(columns.size), 0.0), Curve(1.0, 0.0)
    recipe = Recipe(out.name, BITS, LENGTH_POWER, FEATURES_VERSION, SEED, table)
    nothing_measured: defaultdict[str, Any] = defaultdict(list, phish={})
    write_model(out, recipe, columns, unwanted, phish, nothing_measured)


def _quiet(stage: str, done: int, total: int | None = None) -> None:
    """Tell nobody: the samples are counted as they are read."""


def _told(packs: list[Path], done: Done) -> Iterator[Sample]:
    """Stream all samples, telling how far it is."""
    for pack in packs:
        for sample in read_pack(pack):
            yield sample
            done(1)


def _packs(mail: Sequence[Mail], folder: Path) -> list[Path]:
    """Make pack folders of messages, by links where the file system allows it."""
    lines: dict[str, list[str]] = defaultdict(list)
    for each in mail:
        place = folder / f"train-{each.pack}" / each.label
        place.mkdir(parents=True, exist_ok=True)
        try:
            os.link(each.path, place / each.path.name)
        except OSError:
            shutil.copyfile(each.path, place / each.path.name)
        lines[each.pack].append(manifest_line(each))
    for pack, listed in lines.items():
        write_manifest(folder / f"train-{pack}", listed)
    return [folder / f"train-{pack}" for pack in sorted(lines)]
