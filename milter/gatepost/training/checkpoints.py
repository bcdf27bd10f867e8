"""Fitted models kept in the work folder until the training is through: a killed training does not fit them again.

Held-out measuring fits the same kind of model many times, each on other rows, and on much mail each takes a minute. A fit
is named by a digest of all it depends on: the matrix, what is known of its rows, the rows it learns from, the seed, the
code and the libraries. So a fit that is found is the one that would come out.
"""

from __future__ import annotations

import hashlib
import platform
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Final
from zlib import crc32

import numpy as np
import scipy
import scipy.sparse
import sklearn

from gatepost.training.fit import Bools, Linear
from gatepost.training.shards import naming, put_in_place
from gatepost.training.table import Table

_FOLDER: Final = "fits"
_FLOAT: Final = np.dtype("<f8")


class Checkpoints:
    """The fits of one training, below its work folder; those of another training that did not end are deleted."""

    def __init__(
        self, work: Path, matrix: scipy.sparse.csr_matrix, table: Table, seed: int, *, fresh: bool = False
    ) -> None:
        self._all = work / _FOLDER
        self._folder = self._all / _digest(matrix, table, seed)
        if fresh or not self._folder.is_dir():
            self.clear()
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def fitted(self, name: str, fit: Callable[[Bools], Linear]) -> Callable[[Bools], Linear]:
        """Give the same fit, looked up first and kept afterwards; `name` tells kinds of fits apart."""

        def kept(rows: Bools) -> Linear:
            path = self._folder / f"{name}-{hashlib.sha256(rows.tobytes()).hexdigest()[:16]}"
            found = _read(path)
            if found is None:
                found = fit(rows)
                _write(path, found)
            return found

        return kept

    def clear(self) -> None:
        """Forget all fits: the training is through."""
        shutil.rmtree(self._all, ignore_errors=True)


def _read(path: Path) -> Linear | None:
    """Give a kept fit; None where there is none or it is damaged."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    if len(data) < 12 or crc32(data[4:]) != int.from_bytes(data[:4], "little"):
        return None
    numbers = np.frombuffer(data, _FLOAT, offset=4).astype(np.float64)
    return Linear(numbers[1:], float(numbers[0]))


def _write(path: Path, linear: Linear) -> None:
    data = np.concatenate([[linear.bias], linear.weights]).astype(_FLOAT).tobytes()
    with naming(path), path.with_name(f".{path.name}").open("wb") as stream:
        stream.write(crc32(data).to_bytes(4, "little") + data)
        put_in_place(stream, path)


def _digest(matrix: scipy.sparse.csr_matrix, table: Table, seed: int) -> str:
    """Give a digest of what all fits of a training depend on."""
    digest = hashlib.sha256(_code())
    digest.update(f"{seed} {matrix.shape}".encode())
    known = (table.packs, table.sources, table.labels, table.years, table.groups, table.foreign)
    for array in (matrix.indptr, matrix.indices, matrix.data, *known):
        digest.update(f"{array.dtype} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).view(np.uint8).data if array.size else b"")
    return digest.hexdigest()[:16]


@cache
def _code() -> bytes:
    """Give a digest of the code that fits, as it was when this process began, and of the libraries below it."""
    digest = hashlib.sha256(
        repr((platform.python_version(), np.__version__, scipy.__version__, sklearn.__version__)).encode()
    )
    for file in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(file.read_bytes())
    return digest.digest()
