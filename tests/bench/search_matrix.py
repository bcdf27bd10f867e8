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
from gatepost.checks.content.model import DENSE_FROM
from gatepost.training import columns
from gatepost.training.fit import Bools
from gatepost.training.table import Hashed
from gatepost.training.train import BITS, LENGTH_POWER

VIEWS: Final = ("words", "tokens", "facts", "grams", "fields")
"""What a matrix can be made of: words alone, words and facts, facts alone, character runs, header fields."""

_KEPT_MATRICES: Final = 4


@dataclass(frozen=True, slots=True)
class View:
    """Messages by numbered tokens: `present` holds a one for each token of a message, `tokens` their hashes."""

    present: scipy.sparse.csr_matrix
    tokens: Hashed


class Matrices:
    """The matrices of a search, each made when it is first asked for; the last few stay."""

    def __init__(self, material: Material) -> None:
        self.material = material
        self._view: Callable[[str], View] = lru_cache(1)(self._make_view)
        self._made = lru_cache(_KEPT_MATRICES)(self._make)

    def view(self, name: str) -> View:
        """Give the messages by the tokens of a view."""
        return self._view(name)

    def matrix(self, name: str, learned: Bools) -> scipy.sparse.csr_matrix:
        """Give all messages by the columns that the messages learned from choose."""
        return self._made(name, learned.tobytes())

    def _make_view(self, name: str) -> View:
        flat = self.material.flats[name if name in ("grams", "fields") else "tokens"]
        if name in ("words", "facts"):
            flat = _only(flat, np.isin(flat.hashes, self.material.facts, invert=name == "words"))
        return number_tokens(flat)

    def _make(self, name: str, learned: bytes) -> scipy.sparse.csr_matrix:
        view, packs = self.view(name), self.material.table.packs
        rows = np.frombuffer(learned, bool)
        chosen = choose(view, [np.flatnonzero(rows & (packs == pack)) for pack in sorted(set(packs[rows].tolist()))])
        return weighed(view.present[:, chosen])


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


def choose(view: View, members: Sequence[npt.NDArray[np.int64]]) -> npt.NDArray[np.int64]:
    """Choose the columns from the messages of each pack, by the rules of training."""
    used = []
    for rows in members:
        times = np.bincount(view.present[rows].indices, minlength=view.tokens.size)
        there = np.flatnonzero(times)
        used.append((view.tokens[there], times[there]))
    tokens, counts = columns._shared(used, [rows.size for rows in members])
    alone, _ = columns._alone(tokens, counts, BITS)
    return np.searchsorted(view.tokens, np.sort(alone))


def weighed(present: scipy.sparse.csr_matrix) -> scipy.sparse.csr_matrix:
    """Damp the tokens of long messages as training does."""
    known = np.diff(present.indptr)
    present.data = np.repeat((1 / np.maximum(known, DENSE_FROM) ** LENGTH_POWER).astype(np.float32), known)
    return present
