"""From rows to a matrix: the tokens worth keeping become columns.

Public corpora give themselves away: a token that only one pack uses teaches which pack a message is from, not whether it
is wanted. So a token is general only where at least two packs use it, and none of them almost alone. Tokens of one pack are
kept beside them as memory where the pack has wanted and unwanted mail: they say nothing on mail from elsewhere, which does
not have them, and what mail like this was when it comes again. Mail that was written for training comes from nowhere and
never comes again: what it alone uses is left out.

Rows are gone through in stretches: their hashes are in files and need never be in memory together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt
import scipy.sparse

from gatepost.checks.content.stretches import damping
from gatepost.training.table import Hashed, Table

_COLUMN_MESSAGES: Final = 4
_MEMORY_MESSAGES: Final = 3
_SECOND_SHARE: Final = 0.15
WRITTEN: Final = "invented"
"""The pack of mail that was written for training (models/invented)."""

_AT_ONCE: Final = 1 << 22
"""Token hashes counted at a time: less than 300 MB, even where each is another token."""

_STRETCH: Final = 1 << 20
"""Token hashes of rows that are gone through together."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Token hashes that become columns, in ascending order; `general` marks those that carry over to other mail."""

    hashes: Hashed
    general: npt.NDArray[np.bool_]

    @property
    def size(self) -> int:
        """How many there are."""
        return int(self.hashes.size)


def _stretches(
    hashes: Sequence[Hashed], rows: npt.NDArray[np.int64], at_once: int
) -> Iterator[tuple[Hashed, npt.NDArray[np.int64]]]:
    """Cut rows into stretches of about so many tokens: all tokens of a stretch, and how many each of its rows has."""
    some: list[Hashed] = []
    size = 0
    for row in rows.tolist():
        some.append(hashes[row])
        size += some[-1].size
        if size >= at_once:
            yield np.concatenate(some), np.array([each.size for each in some], np.int64)
            some, size = [], 0
    if some:
        yield np.concatenate(some), np.array([each.size for each in some], np.int64)


def choose_columns(table: Table, bits: int, at_once: int = _AT_ONCE) -> Columns:
    """Choose the token hashes that become columns; each has a bucket of its own.

    A token is general where at least four messages and two packs use it, and the pack that uses it second most does so at
    15 % of the first one's rate or more (with a single pack these two do not apply). Other tokens are memory where at
    least three messages use them and the pack that uses them most is remembered (`remembers`). Where tokens would share a
    bucket a general one gets it before memory, and the more frequent one of equals.

    Counts are exact and memory is bounded: the range of hashes is cut into parts, so that about `at_once` tokens fall
    into each, and the shards are gone through once for each part.
    """
    names = sorted(set(table.packs.tolist()))
    members = [np.flatnonzero(table.packs == name) for name in names]
    both = np.array([remembers(name, table.unwanted[rows]) for name, rows in zip(names, members, strict=True)], bool)
    parts = 1 + sum(int(each.size) for each in table.hashes) // at_once
    borders = [(1 << 32) * part // parts for part in range(parts + 1)]
    chosen = _Counted(np.zeros(0, np.uint32), np.zeros(0, np.int64), np.zeros(0, bool))
    for low, high in pairwise(borders):
        used = [_counted(table.hashes, rows, low, high) for rows in members]
        chosen = _alone(chosen.plus(_kept(used, [rows.size for rows in members], both)), bits)
    order = np.argsort(chosen.tokens)
    return Columns(chosen.tokens[order], chosen.general[order])


def remembers(pack: str, unwanted: npt.NDArray[np.int64]) -> bool:
    """Say whether tokens that only this pack uses are memory: it has both kinds of mail, and they are somebody's."""
    return pack != WRITTEN and len(set(unwanted.tolist())) == 2


@dataclass(frozen=True, slots=True)
class _Counted:
    """Tokens, in how many messages each is, and whether it is general."""

    tokens: Hashed
    counts: npt.NDArray[np.int64]
    general: npt.NDArray[np.bool_]

    def plus(self, more: _Counted) -> _Counted:
        return _Counted(
            np.concatenate([self.tokens, more.tokens]),
            np.concatenate([self.counts, more.counts]),
            np.concatenate([self.general, more.general]),
        )

    def take(self, which: npt.NDArray[np.int64] | npt.NDArray[np.bool_]) -> _Counted:
        return _Counted(self.tokens[which], self.counts[which], self.general[which])


def _counted(
    hashes: Sequence[Hashed], rows: npt.NDArray[np.int64], low: int, high: int
) -> tuple[Hashed, npt.NDArray[np.int64]]:
    """Count in how many of the rows each token from `low` up to `high` is."""
    found = [tokens[(tokens >= low) & (tokens <= high - 1)] for tokens, _ in _stretches(hashes, rows, _STRETCH)]
    return np.unique(np.concatenate(found or [np.zeros(0, np.uint32)]), return_counts=True)


def _kept(used: list[tuple[Hashed, npt.NDArray[np.int64]]], sizes: list[int], both: npt.NDArray[np.bool_]) -> _Counted:
    """Give the tokens worth keeping from those of each pack; `both` marks packs with both kinds of mail."""
    tokens = np.unique(np.concatenate([np.zeros(0, np.uint32), *(found for found, _ in used)]))
    counts, most = np.zeros(tokens.size, np.int64), np.zeros(tokens.size, np.int64)
    first, second = np.zeros(tokens.size), np.zeros(tokens.size)
    for pack, ((found, times), size) in enumerate(zip(used, sizes, strict=True)):
        places = np.searchsorted(tokens, found)
        counts[places] += times
        rate = np.zeros(tokens.size)
        rate[places] = times / size
        second = np.maximum(second, np.minimum(first, rate))
        most = np.where(rate > first, pack, most)
        first = np.maximum(first, rate)
    general = counts >= _COLUMN_MESSAGES
    if len(used) > 1:
        general &= (second > 0) & (second >= _SECOND_SHARE * first)
    memory = (counts >= _MEMORY_MESSAGES) & both[most]
    return _Counted(tokens, counts, general).take(general | memory)


def _alone(found: _Counted, bits: int) -> _Counted:
    """Keep one token of each bucket: a general one, the most frequent, of equals the smallest hash."""
    buckets = found.tokens & np.uint32((1 << bits) - 1)
    order = np.lexsort((found.tokens, -found.counts, ~found.general, buckets))
    alone = np.ones(order.size, bool)
    alone[1:] = buckets[order][1:] != buckets[order][:-1]
    return found.take(order[alone])


def build_matrix(table: Table, columns: Hashed, power: float) -> scipy.sparse.csr_matrix:
    """Give the matrix of rows by columns: a present token counts `1 / max(known tokens, 30) ** power`.

    It takes eight bytes for each token of a row that is a column.
    """
    indices: list[npt.NDArray[np.int32]] = []
    sizes: list[npt.NDArray[np.int64]] = []
    for tokens, lengths in _stretches(table.hashes, np.arange(len(table)), _STRETCH):
        place = np.searchsorted(columns, tokens)
        place[place == columns.size] = 0
        known = columns[place] == tokens if columns.size else np.zeros(tokens.size, bool)
        row = np.repeat(np.arange(lengths.size), lengths)[known]
        # Within each row in ascending order.
        ordered = np.sort(row * max(columns.size, 1) + place[known])
        indices.append((ordered % max(columns.size, 1)).astype(np.int32))
        sizes.append(np.bincount(row, minlength=lengths.size))
    known_tokens = np.concatenate(sizes or [np.zeros(0, np.int64)])
    starts = np.concatenate([[0], np.cumsum(known_tokens)])
    values = np.repeat(damping(known_tokens, power).astype(np.float32), known_tokens)
    flat = np.concatenate(indices or [np.zeros(0, np.int32)])
    return scipy.sparse.csr_matrix((values, flat, starts), shape=(len(table), columns.size))
