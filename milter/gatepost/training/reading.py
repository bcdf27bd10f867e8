"""From messages to rows: each message's token hashes, with where it is from and what it is called, in several processes.

Rows come back in the order of the messages, whatever the number of processes. Few messages are read ahead, so what is in
memory at a time does not depend on how many there are. A reading process ends when its parent does, however that ended:
a killed training leaves nothing behind that holds memory or files.
"""

from __future__ import annotations

import hashlib
import os
import signal
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from multiprocessing import connection, get_context, parent_process
from threading import Thread
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from gatepost.checks.content.stretches import NO_PLACES, Places
from gatepost.checks.content.tokens import extract
from gatepost.mail.message import from_bytes
from gatepost.training.corpus import CorpusError, Sample

_BATCH: Final = 64
_BATCH_BYTES: Final = 4 * 1024 * 1024
_QUEUED_PER_JOB: Final = 3
# A text of a dozen tokens with fewer than three of the commonest English words is taken for another language.
_ENGLISH: Final = frozenset(b"the and to of for you is in this that with are be it your have on from will".split())
_SOME_TOKENS: Final = 12
_SOME_ENGLISH: Final = 3


@dataclass(frozen=True, slots=True)
class Row:
    """One message: where it comes from, what it is, the hashes of its tokens, and where in a long text these stand."""

    pack: str
    source: str
    label: str
    year: int
    group: str
    foreign: bool
    hashes: npt.NDArray[np.uint32]
    places: Places = field(default_factory=lambda: NO_PLACES)


def read_row(sample: Sample) -> Row | None:
    """Turn one sample into a row; None where it has no text."""
    features = extract(from_bytes(sample.data))
    if not features.readable:
        return None
    hashes = features.hashes()
    group = sample.group or hashlib.sha256(np.sort(hashes).tobytes()).hexdigest()[:16]
    english = len(_ENGLISH.intersection(features.said.text.split()))
    foreign = features.size >= _SOME_TOKENS and english < _SOME_ENGLISH
    return Row(sample.pack, sample.source, sample.label, sample.year, group, foreign, hashes, features.places)


class Readers:
    """So many processes that read messages; use it as a context. They start when the first message comes."""

    def __init__(self, jobs: int) -> None:
        self._jobs = jobs
        # Forked: the reader's modules are there already, and its memory is the parent's.
        self._pool = ProcessPoolExecutor(jobs, get_context("fork"), _begin)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def read(self, samples: Iterable[Sample]) -> Generator[Row | None, None, None]:
        """Give a row for each sample, in order.

        Raises what reading the samples raises, and CorpusError where a process died (the system was short of memory).
        """
        waiting: deque[Future[list[Row | None]]] = deque()
        try:
            for batch in _batches(samples):
                waiting.append(self._pool.submit(_read_batch, batch))
                if len(waiting) >= self._jobs * _QUEUED_PER_JOB:
                    yield from waiting.popleft().result()
            while waiting:
                yield from waiting.popleft().result()
        except BrokenProcessPool as error:
            raise CorpusError(
                "a process that reads mail was killed; try again, with fewer --jobs if memory is short"
            ) from error


def _begin() -> None:
    """Prepare a reading process: an interrupt is the parent's to handle, and its end is the end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Wait for the parent's end. Without this a reader whose parent was killed would wait for work for ever."""
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)


def _read_batch(batch: list[Sample]) -> list[Row | None]:
    """Read a batch of samples in a reading process."""
    return [read_row(sample) for sample in batch]


def _batches(samples: Iterable[Sample]) -> Iterator[list[Sample]]:
    """Cut a stream into batches that are small both in messages and in bytes."""
    batch: list[Sample] = []
    size = 0
    for sample in samples:
        batch.append(sample)
        size += len(sample.data)
        if len(batch) >= _BATCH or size >= _BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
