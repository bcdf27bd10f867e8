"""Held-out scores as the live check would give them: of a whole message, or of the worst stretch of its text."""

from __future__ import annotations

from typing import Final

import numpy as np
import scipy.sparse

from gatepost.checks.content import stretches
from gatepost.training.columns import Columns
from gatepost.training.fit import Bools, Floats, Linear
from gatepost.training.table import Table

_NEVER: Final = -np.inf


def score_rows(
    linear: Linear, rows: Bools, matrix: scipy.sparse.csr_matrix, table: Table, columns: Columns, power: float
) -> Floats:
    """Give the log-odds of the marked rows, in their order; `matrix` is that of the columns, damped by `power`."""
    whole = linear.scores(matrix[rows])
    if table.places is None:
        return whole
    return np.maximum(whole, [_worst(linear, table, int(row), columns, power) for row in np.flatnonzero(rows)])


def _worst(linear: Linear, table: Table, row: int, columns: Columns, power: float) -> float:
    """Give the score of the worst stretch of a row less the margin; minus infinity where its text is one stretch."""
    places = table.places[row] if table.places is not None else stretches.NO_PLACES
    if not places.size or not columns.size:
        return _NEVER
    hashes = table.hashes[row]
    found = np.minimum(np.searchsorted(columns.hashes, hashes), columns.size - 1)
    met = columns.hashes[found] == hashes
    sums, sizes = stretches.add_up(places, np.stack([np.where(met, linear.weights[found], 0.0), met]))
    _, score = stretches.worst(sums.tolist(), sizes.tolist(), power)
    return score + linear.bias
