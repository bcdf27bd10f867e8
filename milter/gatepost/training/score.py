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
from typing import Any, Final, TypeVar

import numpy as np

from gatepost.arrival.replay import Stored
from gatepost.checks.content.classifier import ContentCheck
from gatepost.checks.content.model import Opinion
from gatepost.checks.content.tokens import Features, extract
from gatepost.ledger.record import shown
from gatepost.training.measure import Floats
from gatepost.training.sources import Letter

_LOG: Final = logging.getLogger(__name__)
_BATCH: Final = 64
_BATCH_BYTES: Final = 4 * 1024 * 1024
_QUEUED_PER_JOB: Final = 3

Scored = tuple[float, float, bool]
"""Log-odds of being unwanted, probability of it, and whether the check broke on the message.

On a message without text the check has no opinion and gives no points, as at even odds: so it is ranked, just below them, and its
probability is not a number. No mark is set that low.
"""

EVEN: Final = math.nextafter(0.0, -1.0)
"""The log-odds of a message of which the check has no opinion."""


Read = tuple[Features, Opinion] | bool
"""What the model makes of a message; where it has no opinion, whether that is because the check broke."""

_T = TypeVar("_T")


def read(check: ContentCheck, stored: Stored) -> Read:
    """Read one message as the check does; never raises."""
    try:
        features = extract(stored.message())
        return (features, check.model.judge(features, 0)) if features.readable else False
    except Exception as error:  # noqa: BLE001  # the pipeline too goes on without a check that breaks
        _LOG.warning("%s: the content check broke: %s: %s", shown(stored.name), type(error).__name__, shown(str(error)))
        return True


def scored(seen: Read) -> Scored:
    """Give the score of a message that was read."""
    if isinstance(seen, bool):
        return EVEN, math.nan, seen
    return seen[1].logit, seen[1].probability, False


def score(check: ContentCheck, stored: Stored) -> Scored:
    """Score one message; never raises."""
    return scored(read(check, stored))


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
    for batch in worked(lambda some: _score_batch(check, some), batches(letters), jobs):
        for source, unwanted, scored in batch:
            found[source][unwanted].add(scored)
        done(len(batch))
    return found


_Batch = list[tuple[int, bool, Scored]]


def batches(letters: Iterable[Letter]) -> Iterator[list[Letter]]:
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


def worked(work: Callable[[list[Letter]], list[_T]], parcels: Iterable[list[Letter]], jobs: int) -> Iterator[list[_T]]:
    """Do the same work on each batch and give the results in order, in so many forked processes; few are read ahead."""
    if jobs == 1:
        yield from map(work, parcels)
        return
    global _work  # noqa: PLW0603 - the way through fork
    _work = work
    waiting: deque[Future[list[_T]]] = deque()
    with ProcessPoolExecutor(jobs) as pool:
        for batch in parcels:
            waiting.append(pool.submit(_inherited, batch))
            if len(waiting) >= jobs * _QUEUED_PER_JOB:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


_work: Callable[[list[Letter]], Any] | None = None
"""What a scoring process does with a batch; it is inherited through fork and never pickled."""


def _inherited(batch: list[Letter]) -> Any:
    assert _work is not None  # noqa: S101 - set before the fork, in worked
    return _work(batch)
