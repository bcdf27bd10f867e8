"""What training knows of each message: one row, its token hashes read from the shards when they are asked for.

Near-duplicates are kept twice at most. However much mail there is, at most `max_rows` messages are learned from, and
their hashes stay in the shards: what is in memory grows with that limit, and by some fifty bytes a message while they are
chosen.
"""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, TypeVar, overload

import numpy as np
import numpy.typing as npt

from gatepost.checks.content.stretches import Places
from gatepost.training.corpus import Sample
from gatepost.training.reading import Readers
from gatepost.training.shards import PIECE, Origin, Shard, write_shard
from gatepost.training.workfolder import STAGE, Progress, read_packs

MAX_ROWS: Final = 400_000
"""Messages learned from at most, unless said otherwise."""

_TWINS: Final = 2
_SOME_MESSAGES: Final = 20
_NO_SPANS: Final = np.zeros((0, 2), np.int64)
Hashed = npt.NDArray[np.uint32]
_Row = TypeVar("_Row")


class _Rows(Sequence[_Row]):
    """What the mapped shards have of each row, read when it is asked for."""

    def __init__(
        self, flats: Sequence[npt.NDArray[Any]], at: npt.NDArray[np.int32], spans: npt.NDArray[np.int64]
    ) -> None:
        """Take the values of each shard, and for each row the number of its shard and from where to where it goes."""
        self._flats, self._at, self._spans = flats, at, spans

    def __len__(self) -> int:
        return len(self._at)

    @overload
    def __getitem__(self, row: int) -> _Row: ...
    @overload
    def __getitem__(self, row: slice) -> list[_Row]: ...
    def __getitem__(self, row: int | slice) -> _Row | list[_Row]:
        if isinstance(row, slice):
            return [self[each] for each in range(*row.indices(len(self)))]
        start, stop = self._spans[row]
        return self._read(self._flats[self._at[row]][start:stop])

    @abstractmethod
    def _read(self, values: npt.NDArray[Any]) -> _Row:
        """Give a row as it is used."""


class Hashes(_Rows[Hashed]):
    """The token hashes of each row."""

    def _read(self, values: npt.NDArray[Any]) -> Hashed:
        return values

    @property
    def sizes(self) -> npt.NDArray[np.int64]:
        """How many tokens each row has."""
        return self._spans[:, 1] - self._spans[:, 0]


class Stands(_Rows[Places]):
    """Where in its text the tokens of each row stand."""

    def _read(self, values: npt.NDArray[Any]) -> Places:
        return values.astype(np.int32).reshape(2, -1) - np.int32(1)


@dataclass(frozen=True, slots=True)
class Table:
    """Rows as columns of equal length; `foreign` marks text that is not English; `left_out` counts near-duplicates and messages without text.

    `not_drawn` counts messages that would have been rows, had there not been too many. Where `places` are not given, every
    text is judged as a whole.
    """

    packs: npt.NDArray[np.str_]
    sources: npt.NDArray[np.str_]
    labels: npt.NDArray[np.str_]
    years: npt.NDArray[np.int64]
    groups: npt.NDArray[np.str_]
    foreign: npt.NDArray[np.bool_]
    hashes: Sequence[Hashed]
    left_out: int
    not_drawn: int = 0
    places: Sequence[Places] | None = None

    def __len__(self) -> int:
        return len(self.hashes)

    @property
    def unwanted(self) -> npt.NDArray[np.int64]:
        """1 for spam and phish, 0 for ham."""
        return np.asarray(self.labels != "ham", np.int64)


def read_table(samples: Iterable[Sample], jobs: int, progress: Progress, max_rows: int = MAX_ROWS) -> Table:
    """Read all samples into a table, with `jobs` processes; its hashes are in files that end with it."""
    stream = iter(samples)
    shards: list[Shard] = []
    with TemporaryDirectory(prefix="gatepost-train-") as folder, Readers(jobs) as readers:
        while not shards or not shards[-1].last:
            path = Path(folder) / f"{len(shards):06d}.shard"
            shards.append(write_shard(path, readers.read(islice(stream, PIECE))))
            progress(STAGE, sum(shard.messages for shard in shards))
        return table_of(shards, max_rows)


def table_of_packs(
    packs: list[Path],
    work: Path,
    jobs: int,
    progress: Progress,
    *,
    max_rows: int = MAX_ROWS,
    fresh: bool = False,
    aside: frozenset[str] = frozenset(),
) -> Table:
    """Read packs into a table by way of the shards in an opened work folder, which stay for the next time.

    Once mapped they outlive their names. Raises what `workfolder.read_packs` does.
    """
    return table_of(read_packs(packs, work, jobs, progress, fresh=fresh, aside=aside), max_rows)


def table_of(shards: Sequence[Shard], max_rows: int = MAX_ROWS) -> Table:
    """Make the table of all rows in shards that are no third copy, and no more than `max_rows`.

    Where there are more, each label of each pack may keep equally many, and those that have fewer keep all. Which ones
    is decided by a hash of their near-duplicate group: the same mail gives the same rows, and hardly different ones
    where some mail was added.
    """
    keys, kinds = _keys(shards)
    unique = _without_third_copies(keys)
    chosen = _drawn(keys, kinds, unique, max_rows)
    origins, hashes, places = _rows(shards, chosen)
    sizes = Counter(origin.source for origin in origins)
    return Table(
        np.array([origin.pack for origin in origins], str),
        np.array([origin.source if sizes[origin.source] >= _SOME_MESSAGES else origin.pack for origin in origins], str),
        np.array([origin.label for origin in origins], str),
        np.array([origin.year for origin in origins], np.int64),
        np.array([origin.group for origin in origins], str),
        np.array([origin.foreign for origin in origins], bool),
        hashes,
        left_out=sum(shard.messages for shard in shards) - int(unique.sum()),
        not_drawn=int(unique.sum()) - len(origins),
        places=places,
    )


def _keys(shards: Sequence[Shard]) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int32]]:
    """Give for each row of all shards the hash of its label and group, and the number of its pack and label."""
    count = sum(shard.rows for shard in shards)
    keys, kinds = np.zeros(count, np.uint64), np.zeros(count, np.int32)
    numbers: dict[tuple[str, str], int] = {}
    for row, origin in enumerate(origin for shard in shards for origin in shard.origins()):
        name = f"{origin.label}\0{origin.group}".encode("utf-8", "surrogatepass")
        keys[row] = int.from_bytes(blake2b(name, digest_size=8).digest(), "big")
        kinds[row] = numbers.setdefault((origin.pack, origin.label), len(numbers))
    return keys, kinds


def _without_third_copies(keys: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_]:
    """Mark the first two rows of each key."""
    order = np.argsort(keys, kind="stable")
    ranked = keys[order]
    third = np.zeros(keys.size, bool)
    third[_TWINS:] = ranked[_TWINS:] == ranked[:-_TWINS]
    kept = np.ones(keys.size, bool)
    kept[order[third]] = False
    return kept


def _drawn(
    keys: npt.NDArray[np.uint64], kinds: npt.NDArray[np.int32], unique: npt.NDArray[np.bool_], limit: int
) -> npt.NDArray[np.bool_]:
    """Mark the rows to learn from: all unique ones, or `limit` of them, the same share for each kind where it has that many."""
    sizes = np.bincount(kinds[unique])
    if sizes.sum() <= limit:
        return unique
    chosen = np.zeros(keys.size, bool)
    left = limit
    for place, kind in enumerate(np.argsort(sizes, kind="stable")):
        members = np.flatnonzero(unique & (kinds == kind))
        quota = left // (sizes.size - place)
        chosen[members[np.argsort(keys[members], kind="stable")[:quota]]] = True
        left -= min(quota, members.size)
    return chosen


def _rows(shards: Sequence[Shard], chosen: npt.NDArray[np.bool_]) -> tuple[list[Origin], Hashes, Stands]:
    """Give the origins, the hashes and the places of the chosen rows."""
    origins: list[Origin] = []
    at = [np.zeros(0, np.int32)]
    spans, stands = [_NO_SPANS], [_NO_SPANS]
    first = 0
    for number, shard in enumerate(shards):
        mine = chosen[first : first + shard.rows]
        first += shard.rows
        at.append(np.full(int(mine.sum()), number, np.int32))
        spans.append(_spans(shard.ends())[mine])
        stands.append(_spans(shard.place_ends())[mine])
        origins += [origin for origin, wanted in zip(shard.origins(), mine, strict=True) if wanted]
    shard_of = np.concatenate(at)
    return (
        origins,
        Hashes([shard.hashes() for shard in shards], shard_of, np.concatenate(spans)),
        Stands([shard.stands() for shard in shards], shard_of, np.concatenate(stands)),
    )


def _spans(ends: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Give from where to where each goes."""
    return np.stack([ends - np.diff(ends, prepend=0), ends], 1)


__all__ = ["MAX_ROWS", "Hashed", "Hashes", "Progress", "Table", "read_table", "table_of", "table_of_packs"]
