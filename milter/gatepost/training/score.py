"""Scores of labelled mail, by the code that judges live mail.

Each message goes the way it goes in the milter: parsed by `mail.message`, read by the content check's `extract`, scored
by its `Model.judge`, called spam where the check would say so. Messages are streamed; what stays are two numbers each.
"""

from __future__ import annotations

import logging
import math
from array import array
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from gatepost.arrival.replay import Stored
from gatepost.checks.content.classifier import ContentCheck
from gatepost.checks.content.tokens import extract
from gatepost.ledger.record import shown
from gatepost.training.measure import Floats
from gatepost.training.sources import Letter

_LOG: Final = logging.getLogger(__name__)
_BATCH: Final = 64
_BATCH_BYTES: Final = 4 * 1024 * 1024
_QUEUED_PER_JOB: Final = 3

Scored = tuple[float, float, bool]
"""Log-odds of being unwanted, probability of it, and whether the check broke on the message.

A message without text gets no opinion from the check: minus infinity and not a number, so that no threshold catches it.
"""

_NOTHING: Final[Scored] = (-math.inf, math.nan, False)


def score(check: ContentCheck, stored: Stored) -> Scored:
    """Score one message; never raises."""
    try:
        features = extract(stored.message())
        if not features.readable:
            return _NOTHING
        opinion = check.model.judge(features, 0)
    except Exception as error:  # noqa: BLE001  # the pipeline too goes on without a check that breaks
        _LOG.warning("%s: the content check broke: %s: %s", shown(stored.name), type(error).__name__, shown(str(error)))
        return -math.inf, math.nan, True
    return opinion.logit, opinion.probability, False


@dataclass(slots=True)
class Side:
    """The ham or the unwanted mail of one source: log-odds and probabilities in order, and how many broke the check."""

    logits: array[float] = field(default_factory=lambda: array("d"))
    odds: array[float] = field(default_factory=lambda: array("d"))
    broken: int = 0

    def add(self, scored: Scored) -> None:
        """Take in the score of one message."""
        self.logits.append(scored[0])
        self.odds.append(scored[1])
        self.broken += scored[2]

    def arrays(self) -> tuple[Floats, Floats]:
        """Give log-odds and probabilities as arrays of their own."""
        return np.array(self.logits, np.float64), np.array(self.odds, np.float64)


Sides = tuple[Side, Side]
"""Ham, then unwanted mail."""


def score_all(
    check: ContentCheck, letters: Iterable[Letter], sources: int, jobs: int, done: Callable[[int], None]
) -> list[Sides]:
    """Score a stream of messages and give the scores by source, the same for any number of `jobs` (processes).

    `done` is told of each batch how many messages it had. Raises what reading the messages raises.
    """
    found = [(Side(), Side()) for _ in range(sources)]
    batches = _batches(letters)
    for batch in _scored(check, batches) if jobs == 1 else _scored_in_processes(check, batches, jobs):
        for source, unwanted, scored in batch:
            found[source][unwanted].add(scored)
        done(len(batch))
    return found


_Batch = list[tuple[int, bool, Scored]]


def _batches(letters: Iterable[Letter]) -> Iterator[list[Letter]]:
    """Cut a stream into batches that are small both in messages and in bytes."""
    batch: list[Letter] = []
    size = 0
    for letter in letters:
        batch.append(letter)
        size += len(letter.stored.data)
        if len(batch) >= _BATCH or size >= _BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _score_batch(check: ContentCheck, batch: list[Letter]) -> _Batch:
    return [(letter.source, letter.unwanted, score(check, letter.stored)) for letter in batch]


def _scored(check: ContentCheck, batches: Iterable[list[Letter]]) -> Iterator[_Batch]:
    for batch in batches:
        yield _score_batch(check, batch)


_check: ContentCheck | None = None
"""The check of a scoring process; it is inherited through fork and never pickled."""


def _inherited(batch: list[Letter]) -> _Batch:
    assert _check is not None  # noqa: S101 - set before the fork, in _scored_in_processes
    return _score_batch(_check, batch)


def _scored_in_processes(check: ContentCheck, batches: Iterable[list[Letter]], jobs: int) -> Iterator[_Batch]:
    """Score in forked processes; batches come back in order, and few are read ahead."""
    global _check  # noqa: PLW0603 - the way through fork
    _check = check
    waiting: deque[Future[_Batch]] = deque()
    with ProcessPoolExecutor(jobs) as pool:
        for batch in batches:
            waiting.append(pool.submit(_inherited, batch))
            if len(waiting) >= jobs * _QUEUED_PER_JOB:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
