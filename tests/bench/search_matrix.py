"""From hashes to matrices: the columns are chosen from the messages that are learned from, and from no other.

A matrix is that of training (columns.py): a token is a column where enough messages and two packs use it, and a present
one counts `1 / max(known tokens, 30) ** 0.25`. Unlike there, mail that is held out has no say in the choice, so that a
held-out pack is as strange as one the search has never read. To make that quick, tokens are numbered once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt
import scipy.sparse

from bench.search_read import Flat, Material
from gatepost.checks.content.stretches import damping
from gatepost.training import columns
from gatepost.training.fit import Bools
from gatepost.training.table import Hashed
from gatepost.training.train import BITS, LENGTH_POWER

VIEWS: Final = ("words", "tokens", "facts", "grams", "fields")
"""What a matrix can be made of: words alone, words and facts, facts alone, character runs, header fields."""

_KEPT_VIEWS: Final = 2
_KEPT_MATRICES: Final = 8


@dataclass(frozen=True, slots=True)
class View:
    """Messages by numbered tokens: `present` holds a one for each token of a message, `tokens` their hashes."""

    present: scipy.sparse.csr_matrix
    tokens: Hashed


@dataclass(frozen=True, slots=True)
class Chosen:
    """All messages by the columns that some of them chose; `general` marks those that carry over to other mail."""

    matrix: scipy.sparse.csr_matrix
    general: Bools


class Matrices:
    """The matrices of a search, each made when it is first asked for; the last few stay."""

    def __init__(self, material: Material) -> None:
        self.material = material
        self._view: Callable[[str], View] = lru_cache(_KEPT_VIEWS)(self._make_view)
        self._made = lru_cache(_KEPT_MATRICES)(self._make)

    def view(self, name: str) -> View:
        """Give the messages by the tokens of a view."""
        return self._view(name)

    def chosen(self, name: str, learned: Bools, *, memory: bool = False) -> Chosen:
        """Give all messages by the columns that the messages learned from choose; with `memory` also what one pack uses."""
        return self._made(name, learned.tobytes(), memory)

    def _make_view(self, name: str) -> View:
        flat = self.material.flats[name if name in ("grams", "fields") else "tokens"]
        if name in ("words", "facts"):
            flat = _only(flat, np.isin(flat.hashes, self.material.facts, invert=name == "words"))
        return number_tokens(flat)

    def _make(self, name: str, learned: bytes, memory: bool) -> Chosen:
        view, table = self.view(name), self.material.table
        rows = np.frombuffer(learned, bool)
        names = sorted(set(table.packs[rows].tolist()))
        members = [np.flatnonzero(rows & (table.packs == pack)) for pack in names]
        both = [columns.remembers(name, table.unwanted[each]) for name, each in zip(names, members, strict=True)]
        places, general = choose(view, members, both, memory=memory)
        return Chosen(weighed(view.present[:, places]), general)


def _only(flat: Flat, wanted: npt.NDArray[np.bool_]) -> Flat:
    """Give the hashes that are wanted."""
    counts = np.concatenate([[0], np.cumsum(wanted)])
    return Flat(flat.hashes[wanted], counts[flat.ends])


def number_tokens(flat: Flat) -> View:
    """Give each token of all messages a number, and the messages by these."""
    tokens, numbers = np.unique(flat.hashes, return_inverse=True)
    starts = np.concatenate([[0], flat.ends])
    ones = np.ones(flat.hashes.size, np.float32)
    shape = (flat.ends.size, tokens.size)
    present = scipy.sparse.csr_matrix((ones, numbers.astype(np.int32), starts), shape=shape)
    present.sort_indices()
    return View(present, tokens)


def choose(
    view: View, members: Sequence[npt.NDArray[np.int64]], both: Sequence[bool], *, memory: bool
) -> tuple[npt.NDArray[np.int64], Bools]:
    """Choose the columns from the messages of each pack by the rules of training, and say which of them are general.

    `both` marks packs that are remembered: with `memory`, what they alone use is a column too.
    """
    counts, most = np.zeros(view.tokens.size, np.int64), np.zeros(view.tokens.size, np.int64)
    first, second = np.zeros(view.tokens.size), np.zeros(view.tokens.size)
    for pack, rows in enumerate(members):
        times = np.bincount(view.present[rows].indices, minlength=view.tokens.size)
        counts += times
        rate = times / rows.size
        second = np.maximum(second, np.minimum(first, rate))
        most = np.where(rate > first, pack, most)
        first = np.maximum(first, rate)
    general = counts >= columns._COLUMN_MESSAGES
    if len(members) > 1:
        general &= (second > 0) & (second >= columns._SECOND_SHARE * first)
    kept = general | (memory & (counts >= columns._MEMORY_MESSAGES) & np.array(both)[most])
    places = _alone(view.tokens, counts, general, np.flatnonzero(kept))
    return places, general[places]


def _alone(
    tokens: Hashed, counts: npt.NDArray[np.int64], general: Bools, places: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Keep one token of each bucket of a model: a general one, the most frequent, of equals the smallest hash."""
    buckets = tokens[places] & np.uint32((1 << BITS) - 1)
    order = np.lexsort((tokens[places], -counts[places], ~general[places], buckets))
    alone = np.ones(order.size, bool)
    alone[1:] = buckets[order][1:] != buckets[order][:-1]
    return np.sort(places[order[alone]])


def weighed(present: scipy.sparse.csr_matrix) -> scipy.sparse.csr_matrix:
    """Damp the tokens of long messages as training does."""
    known = np.diff(present.indptr)
    present.data = np.repeat(damping(known, LENGTH_POWER).astype(np.float32), known)
    return present
