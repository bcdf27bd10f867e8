"""A model that knows two words, for tests that need a model directory of their own: to break it, or to be independent of the shipped one."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np

from gatepost.checks.content.model import FORMAT, HEADS, LABELS
from gatepost.checks.content.tokens import FEATURES_VERSION

BITS = 12


def write_model(
    directory: Path, *, spam: str = "viagra", ham: str = "minutes", held_out: dict[str, Any] | None = None
) -> Path:
    """Write the model into a directory: one word speaks for spam, one for ham, no other word counts.

    `held_out` has the `tails` and `caught` of its features.json, from which an error budget chooses its threshold.
    """
    directory.mkdir(parents=True, exist_ok=True)
    arrays: dict[str, Any] = {"fingerprint": np.zeros(1 << BITS, np.uint8)}
    arrays |= {head: np.zeros(1 << BITS, np.int16) for head in HEADS}
    for word, weight in ((spam, 8000), (ham, -8000)):
        token = crc32(word.encode())
        bucket = token & ((1 << BITS) - 1)
        arrays["fingerprint"][bucket], arrays["unwanted"][bucket] = token >> 24, weight
    np.savez_compressed(directory / "weights.npz", **arrays)
    scale = {"step": 0.001, "bias": 0.0, "slope": 5.0, "offset": 0.0}
    meta = {"format": FORMAT, "features_version": FEATURES_VERSION, "name": directory.name, "labels": list(LABELS)}
    meta |= {"hash": "crc32", "bits": BITS, "length_power": 0.5, "unwanted": scale, "phish": scale}
    # Nothing in it has the form of bulk mail.
    meta |= {"bulk": {**scale, "offset": -5000.0}} | (held_out or {})
    (directory / "features.json").write_text(json.dumps(meta))
    (directory / "metrics.json").write_text("{}")
    (directory / "card.md").write_text("Two words.\n")
    seal(directory)
    return directory


def seal(directory: Path) -> None:
    """Write SHA256SUMS anew."""
    names = ("weights.npz", "features.json", "metrics.json", "card.md")
    sums = (f"{hashlib.sha256((directory / name).read_bytes()).hexdigest()}  {name}\n" for name in names)
    (directory / "SHA256SUMS").write_text("".join(sums))
