"""Gatepost in the accuracy benchmark: a model trained on the fold's mail, used as the live check uses it.

Where later mail of the same sources is scored, its labels are taught as well, as `gatepost learn` would at that site: what is
only true there belongs in the site's layer, and the other filters have but one place for both.

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
from typing import ClassVar, Final

import gatepost
from bench.accuracy_filter import Done, Filter, FilterError
from bench.accuracy_mail import Mail, manifest_line, write_manifest
from gatepost.arrival.replay import Stored
from gatepost.checks.content.family import Settings, build
from gatepost.checks.content.site import SiteMemory
from gatepost.training.corpus import CorpusError
from gatepost.training.online import Met, meet
from gatepost.training.sources import Letter
from gatepost.training.train import train_model
from gatepost.training.workfolder import STAGE

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
        """Train a model on packs that hold just these messages, and teach them where they are the site's own."""
        try:
            train_on(_packs(mail, self.folder / "packs"), self.folder / "base-209901", done)
        except CorpusError as error:
            raise FilterError(f"Gatepost: {error}") from error
        self.check = build(Settings(model=str(self.folder / "base-209901")))
        self.site = SiteMemory()
        for met in self._met(mail if self.known else ()):
            met.taught(self.site)

    def score(self, mail: Sequence[Mail], done: Done) -> list[float]:
        """Score each message as `gatepost evaluate` does; a message without text gets even odds."""
        scores = []
        for met in self._met(mail):
            scores.append(met.predicted(self.site)[0])
            done(1)
        return scores

    def _met(self, mail: Sequence[Mail]) -> Iterator[Met]:
        """Read messages."""
        for each in mail:
            stored = Stored(each.path.name, each.path.read_bytes(), cut=False)
            yield meet(self.check, Letter(0, each.unwanted, stored))


@cache
def _digest() -> str:
    """Give a digest of code and word lists as they were when it was first asked for: they may be edited while a run goes on."""
    root = Path(gatepost.__file__).parent
    files = sorted(file for part in _SOURCES for kind in ("*.py", "*.txt", "*.c") for file in (root / part).glob(kind))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:8]


def train_on(packs: list[Path], out: Path, done: Done) -> None:
    """Train a model as `gatepost train --quick` does."""
    told = 0

    def progress(stage: str, reached: int, total: int | None = None) -> None:
        nonlocal told
        if stage == STAGE:
            done(reached - told)
            told = reached

    train_model(packs, out, SEED, _JOBS, progress, measure=False)


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
