"""How many of a site's labelled messages hold a token: a table that grows cheaply and takes counts back exactly.

Sorted arrays of growing size, as in a log-structured merge tree (O'Neil et al. 1996): a change becomes a small array, and
arrays of like size are merged. Twelve bytes a token, and no collisions: a word counts for itself alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gatepost.checks.content.lesson import Tokens

Counted = npt.NDArray[np.int32]
"""A row (ham, unwanted) for each token."""


@dataclass(frozen=True, slots=True)
class Change:
    """A message to count, `sign` 1, or to take back, -1."""

    tokens: Tokens
    unwanted: bool
    sign: int


class Counts:
    """Messages of each kind by token. Not safe between threads by itself."""

    def __init__(self) -> None:
        self._levels: list[tuple[Tokens, Counted]] = []

    def add(self, changes: Sequence[Change]) -> None:
        """Count messages, or take them back."""
        if not changes:
            return
        sizes = [change.tokens.size for change in changes]
        tokens = np.concatenate([change.tokens for change in changes])
        counts = np.zeros((tokens.size, 2), np.int32)
        kinds = np.repeat([int(change.unwanted) for change in changes], sizes)
        counts[np.arange(tokens.size), kinds] = np.repeat([change.sign for change in changes], sizes)
        self._levels.append(_merged(tokens, counts))
        while len(self._levels) > 1 and self._levels[-2][0].size <= 2 * self._levels[-1][0].size:
            (tokens, counts), (others, more) = self._levels.pop(), self._levels.pop()
            self._levels.append(_merged(np.concatenate((tokens, others)), np.concatenate((counts, more))))

    def of(self, tokens: Tokens) -> Counted:
        """Give the counts of tokens, in their order."""
        found = np.zeros((tokens.size, 2), np.int32)
        for known, counts in self._levels:
            if known.size:
                at = np.minimum(np.searchsorted(known, tokens), known.size - 1)
                hit = known[at] == tokens
                found[hit] += counts[at[hit]]
        return found


def _merged(tokens: Tokens, counts: Counted) -> tuple[Tokens, Counted]:
    """Sort, add up the counts of equal tokens, and leave out what came to nothing."""
    if not tokens.size:
        return tokens, counts
    order = np.argsort(tokens, kind="stable")
    tokens, counts = tokens[order], counts[order]
    starts = np.flatnonzero(np.concatenate(([True], tokens[1:] != tokens[:-1])))
    sums = np.add.reduceat(counts, starts, axis=0, dtype=np.int32)
    kept = sums.any(axis=1)
    return tokens[starts][kept], sums[kept]
