"""Writing a model directory: arrays, their description, metrics, card and checksums, byte for byte reproducible."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gatepost.checks.content.model import FORMAT, HEADS, LABELS
from gatepost.training.calibrate import Curve
from gatepost.training.card import write_card
from gatepost.training.columns import Columns
from gatepost.training.corpus import unfinished
from gatepost.training.evaluate import Metrics
from gatepost.training.fit import Linear
from gatepost.training.shards import naming, sync_folder
from gatepost.training.table import Table


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a model was made: its name, the shape of its arrays, the seed, and the table it learned from."""

    name: str
    bits: int
    power: float
    features_version: int
    seed: int
    table: Table


def write_model(
    out: Path,
    recipe: Recipe,
    columns: Columns,
    heads: Mapping[str, tuple[Linear, Curve]],
    metrics: Metrics,
    budget: Mapping[str, Any],
) -> None:
    """Write the files of a model into `out`: all of them or, where that fails, none; replaces files of the same names.

    `heads` has the fitted model and curve for each of HEADS, `budget` what an error budget is chosen from. Raises OSError that names
    the file.
    """
    buckets = columns.hashes & np.uint32((1 << recipe.bits) - 1)
    arrays = {"fingerprint": np.zeros(1 << recipe.bits, np.uint8)}
    arrays["fingerprint"][buckets] = (columns.hashes >> np.uint32(24)).astype(np.uint8)
    meta: dict[str, Any] = {
        "format": FORMAT,
        "name": recipe.name,
        "features_version": recipe.features_version,
        "hash": "crc32",
        "bits": recipe.bits,
        "labels": list(LABELS),
        "length_power": recipe.power,
        "tokens": columns.size,
        "general": int(columns.general.sum()),
        "seed": recipe.seed,
        **budget,
    }
    for name in HEADS:
        linear, curve = heads[name]
        step = float(np.abs(linear.weights).max() or 1.0) / 32767
        arrays[name] = np.zeros(1 << recipe.bits, np.int16)
        arrays[name][buckets] = np.round(linear.weights / step).astype(np.int16)
        meta[name] = {"step": step, "bias": linear.bias, "slope": curve.slope, "offset": curve.offset}
    files = {
        "weights.npz": _npz(arrays),
        "features.json": _json(meta),
        "metrics.json": _json(metrics),
        "card.md": write_card(recipe.name, recipe.table, metrics, recipe.seed).encode(),
    }
    sums = "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in sorted(files.items()))
    _write_all(out, {**files, "SHA256SUMS": sums.encode("ascii")})


def _write_all(out: Path, files: Mapping[str, bytes]) -> None:
    """Write files so that none is there before all are whole and on the disk; they get their names in the order given."""
    # Put together within `out`, not beside it: that may be a mount point, or where the caller stands.
    missing = [folder for folder in (out, *out.parents) if not folder.exists()]
    parts = unfinished(out)
    try:
        if parts.exists():  # a training was stopped here
            for name in files:
                (out / name).unlink(missing_ok=True)
            shutil.rmtree(parts)
        parts.mkdir(parents=True)
        for name, data in files.items():
            with naming(parts / name), (parts / name).open("wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
    except BaseException:
        shutil.rmtree(parts, ignore_errors=True)
        for folder in missing:
            with suppress(OSError):
                folder.rmdir()
        raise
    for name in files:
        (parts / name).replace(out / name)
    sync_folder(out)
    parts.rmdir()  # only now is the model finished: until here the same command may go on
    sync_folder(out)


def _npz(arrays: dict[str, npt.NDArray[Any]]) -> bytes:
    """Pack arrays as numpy does, with fixed dates so that the same arrays give the same bytes."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, array in arrays.items():
            one = io.BytesIO()
            np.lib.format.write_array(one, array, allow_pickle=False)
            info = zipfile.ZipInfo(f"{name}.npy", (1980, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, one.getvalue())
    return packed.getvalue()


def _json(value: object) -> bytes:
    """Give JSON with sorted keys and a final line end."""
    return (json.dumps(value, indent=1, sort_keys=True, allow_nan=False) + "\n").encode()
