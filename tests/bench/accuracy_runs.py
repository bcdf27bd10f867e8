"""Running a filter over a fold, and remembering what came out: a run that was interrupted goes on where it was.

A finished pair of filter and fold is one file. Its name holds a digest of everything that it depends on: the filter's
version, the code that drives it, the messages in their order. Nothing else is ever read from the folder.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from bench.accuracy_filter import Done, Filter
from bench.accuracy_mail import Fold


@dataclass(frozen=True, slots=True)
class Run:
    """What one filter did in one fold: how many messages it learned from, the seconds, the score of each message by key."""

    filter: str
    version: str
    fold: str
    learned: int
    train_seconds: float
    score_seconds: float
    scores: dict[str, float]


Stage = Callable[[str, int], Done]
"""Told what begins and how many messages it has; gives what is to be told of its progress."""


def run(kind: type[Filter], fold: Fold, folder: Path, stage: Stage) -> Run:
    """Give the run of a filter over a fold, from the folder where it is known. Raises FilterError."""
    known = folder / f"{kind.name}-{fold.name}-{_digest(kind, fold)}.json"
    if known.is_file():
        return Run(**json.loads(known.read_text()))
    found = _measured(kind, fold, stage)
    folder.mkdir(parents=True, exist_ok=True)
    part = known.with_suffix(".part")
    part.write_text(json.dumps(asdict(found)))
    part.replace(known)
    return found


def _measured(kind: type[Filter], fold: Fold, stage: Stage) -> Run:
    """Train and score, and take the time of both."""
    with tempfile.TemporaryDirectory(prefix="gatepost-accuracy-") as place, kind(Path(place)) as rival:
        rival.known = fold.known
        begin = time.monotonic()
        rival.train(fold.train, stage(f"{kind.name}, {fold.name}: learning", len(fold.train)))
        learned = time.monotonic()
        scores = rival.score(fold.test, stage(f"{kind.name}, {fold.name}: scoring", len(fold.test)))
        ended = time.monotonic()
    named = {mail.key: score for mail, score in zip(fold.test, scores, strict=True)}
    return Run(
        kind.name,
        kind.version(),
        fold.name,
        len(fold.train),
        round(learned - begin, 3),
        round(ended - learned, 3),
        named,
    )


def _digest(kind: type[Filter], fold: Fold) -> str:
    """Give a short digest of what a run depends on."""
    parts = hashlib.sha256(kind.version().encode())
    parts.update(_code(kind.name))
    for mail in (*fold.train, None, *fold.test):
        parts.update(b"\0" if mail is None else f"{mail.key} {mail.path.stat().st_size}\n".encode())
    return parts.hexdigest()[:16]


@cache
def _code(name: str) -> bytes:
    """Give the code that drives a filter, as it was when it was first asked for."""
    code = Path(__file__).with_name(f"accuracy_{name}.py")
    return b"".join(file.read_bytes() for file in (code, code.with_suffix(".pl")) if file.is_file())
