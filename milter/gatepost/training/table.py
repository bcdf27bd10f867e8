"""From labelled mail to numbers: one row of token hashes per message, then a sparse matrix over the tokens worth keeping.

Public corpora give themselves away: a token that only one pack uses teaches which pack a message is from, not whether it
is wanted. So a token is kept only where at least two packs use it, and none of them almost alone. Near-duplicates are
kept twice at most.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Final

import numpy as np
import numpy.typing as npt
import scipy.sparse

from gatepost.checks.content.model import DENSE_FROM
from gatepost.checks.content.tokens import extract
from gatepost.mail.message import from_bytes
from gatepost.training.corpus import Sample

Progress = Callable[[str, int], None]
"""Told the name of a stage and how much of it is done so far."""

_TWINS: Final = 2
_BATCH: Final = 256
_COLUMN_MESSAGES: Final = 4
_SECOND_SHARE: Final = 0.03
# A text of a dozen tokens with fewer than three of the commonest English words is taken for another language.
_ENGLISH: Final = frozenset(b"the and to of for you is in this that with are be it your have on from will".split())
_SOME_TOKENS: Final = 12
_SOME_ENGLISH: Final = 3


@dataclass(frozen=True, slots=True)
class Row:
    """One message: where it comes from, what it is, and the hashes of its tokens."""

    pack: str
    source: str
    label: str
    year: int
    group: str
    foreign: bool
    hashes: npt.NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows as columns of equal length; `foreign` marks text that is not English; `left_out` counts near-duplicates and messages without text."""

    packs: npt.NDArray[np.str_]
    sources: npt.NDArray[np.str_]
    labels: npt.NDArray[np.str_]
    years: npt.NDArray[np.int64]
    groups: npt.NDArray[np.str_]
    foreign: npt.NDArray[np.bool_]
    hashes: list[npt.NDArray[np.uint32]]
    left_out: int

    def __len__(self) -> int:
        return len(self.hashes)

    @property
    def unwanted(self) -> npt.NDArray[np.int64]:
        """1 for spam and phish, 0 for ham."""
        return np.asarray(self.labels != "ham", np.int64)


def read_row(sample: Sample) -> Row | None:
    """Turn one sample into a row; None where it has no text."""
    features = extract(from_bytes(sample.data))
    if not features.readable:
        return None
    hashes = features.hashes()
    group = sample.group or hashlib.sha256(np.sort(hashes).tobytes()).hexdigest()[:16]
    foreign = len(features.tokens) >= _SOME_TOKENS and len(_ENGLISH.intersection(features.tokens)) < _SOME_ENGLISH
    return Row(sample.pack, sample.source, sample.label, sample.year, group, foreign, hashes)


def _read_batch(batch: list[Sample]) -> list[Row | None]:
    """Read a batch of samples in a worker process."""
    return [read_row(sample) for sample in batch]


def _batches(samples: Iterable[Sample]) -> Iterator[list[Sample]]:
    """Cut a stream into batches."""
    stream = iter(samples)
    while batch := list(islice(stream, _BATCH)):
        yield batch


def read_table(samples: Iterable[Sample], jobs: int, progress: Progress) -> Table:
    """Read all samples into a table, with `jobs` processes; memory is four bytes a token and one round of batches."""
    rows: list[Row] = []
    seen: Counter[tuple[str, str]] = Counter()
    done = left_out = 0
    batches = _batches(samples)
    with ProcessPoolExecutor(jobs) as pool:
        while round_of := list(islice(batches, 8 * jobs)):
            for row in (row for rows in pool.map(_read_batch, round_of) for row in rows):
                done += 1
                if row is None or seen[row.label, row.group] >= _TWINS:
                    left_out += 1
                    continue
                seen[row.label, row.group] += 1
                rows.append(row)
            progress("reading mail", done)
    return _table(rows, left_out)


def _table(rows: list[Row], left_out: int) -> Table:
    """Turn rows into columns; sources of fewer than 20 messages count as their pack."""
    sizes = Counter(row.source for row in rows)
    return Table(
        np.array([row.pack for row in rows], str),
        np.array([row.source if sizes[row.source] >= 20 else row.pack for row in rows], str),
        np.array([row.label for row in rows], str),
        np.array([row.year for row in rows], np.int64),
        np.array([row.group for row in rows], str),
        np.array([row.foreign for row in rows], bool),
        [row.hashes for row in rows],
        left_out,
    )


def choose_columns(table: Table, bits: int) -> npt.NDArray[np.uint32]:
    """Choose the token hashes that become columns, in ascending order; each has a bucket of its own.

    A token is chosen where at least four messages and two packs use it, and the pack that uses it second most does so at
    3 % of the first one's rate or more (with a single pack these two do not apply). Where two tokens would share a
    bucket the more frequent one gets it.
    """
    every = np.concatenate(table.hashes)
    tokens, counts = np.unique(every, return_counts=True)
    names = sorted(set(table.packs.tolist()))
    first = np.zeros(tokens.size)
    second = np.zeros(tokens.size)
    for name in names:
        members = np.flatnonzero(table.packs == name)
        used, times = np.unique(np.concatenate([table.hashes[i] for i in members]), return_counts=True)
        rate = np.zeros(tokens.size)
        rate[np.searchsorted(tokens, used)] = times / members.size
        second = np.maximum(second, np.minimum(first, rate))
        first = np.maximum(first, rate)
    keep = counts >= _COLUMN_MESSAGES
    if len(names) > 1:
        keep &= (second > 0) & (second >= _SECOND_SHARE * first)
    tokens, counts = tokens[keep], counts[keep]
    buckets = tokens & np.uint32((1 << bits) - 1)
    order = np.lexsort((tokens, -counts, buckets))
    alone = np.ones(order.size, bool)
    alone[1:] = buckets[order][1:] != buckets[order][:-1]
    return np.sort(tokens[order[alone]])


def build_matrix(table: Table, columns: npt.NDArray[np.uint32], power: float) -> scipy.sparse.csr_matrix:
    """Give the matrix of rows by columns: a present token counts `1 / max(known tokens, 30) ** power`."""
    indices, starts = [], [0]
    for hashes in table.hashes:
        place = np.searchsorted(columns, hashes)
        place[place == columns.size] = 0
        found = np.sort(place[columns[place] == hashes]) if columns.size else place[:0]
        indices.append(found.astype(np.int32))
        starts.append(starts[-1] + found.size)
    sizes = np.diff(starts)
    values = np.repeat((1 / np.maximum(sizes, DENSE_FROM) ** power).astype(np.float32), sizes)
    shape = (len(table), columns.size)
    return scipy.sparse.csr_matrix((values, np.concatenate(indices), np.array(starts)), shape=shape)
