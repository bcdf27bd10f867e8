"""The learned model: plain arrays and JSON whose hashes are checked on load. Nothing is unpickled, nothing is executed.

A model directory holds

    weights.npz     fingerprint (uint8), unwanted, phish, bulk (int16): one entry for each of 2**bits buckets
    features.json   what the arrays mean: format, features version, bits, steps, biases, calibration
    metrics.json    what it was measured to do     card.md   what it was made of
    SHA256SUMS      of the files above, in the form of sha256sum(1)

A token's bucket is the low `bits` bits of its CRC-32 and its fingerprint the high eight. A bucket belongs to one token of
the training mail; a token with another fingerprint is one the model has not met and counts nothing, so unknown words do
not borrow the weights of known ones (feature hashing, Weinberger et al. 2009, without its collisions in 255 of 256 cases).

Weights are whole numbers times a step: sums are exact, the same on every machine, and so are the parts of an explanation.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
from bisect import insort
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from gatepost.checks.content import stretches
from gatepost.checks.content._loops import look_up, strongest, weigh
from gatepost.checks.content.caution import FORM, caution
from gatepost.checks.content.stretches import Stretch
from gatepost.checks.content.tokens import FEATURES_VERSION, Features

FORMAT: Final = 4
"""The layout of the directory; rises when a reader of the old one would misread the new one."""

LABELS: Final = ("ham", "bulk", "spam", "phish")
HEADS: Final = ("unwanted", "phish", "bulk")
RECORD: Final = np.dtype([("fingerprint", "u1"), ("spare", "u1"), *((head, "i2") for head in HEADS)])
"""An entry of a model in memory: eight bytes beside each other, since scoring waits for memory more than for anything else."""

_BITS: Final = range(10, 23)
_JSON_BYTES: Final = 1024 * 1024


class ModelError(ValueError):
    """A model cannot be used; the message is one line for the administrator, naming the directory and the reason."""


class Part(NamedTuple):
    """One token's share in the opinion, or that of its form: `points` is what it adds to the calibrated logit of being unwanted."""

    token: str
    points: float


@dataclass(frozen=True, slots=True)
class Opinion:
    """What the model thinks of one message.

    `logit` is the calibrated log-odds of being unwanted (spam or phish), `probability` the same in [0, 1]. `phish` is the
    probability of phish among unwanted mail, `bulk` that of having the form of commercial bulk mail, whoever wants it.
    `base` plus the points of all `parts` is the logit; parts are sorted by size, and the form of the message is one (caution.py). Where one stretch of the text is worse than
    the whole (stretches.py), the logit, the parts and `phish` are those of this `stretch`.
    """

    logit: float
    probability: float
    phish: float
    base: float
    parts: tuple[Part, ...]
    known: int
    bulk: float = 0.0
    stretch: Stretch | None = None


@dataclass(frozen=True, slots=True)
class Scale:
    """How a sum of whole-number weights becomes a calibrated logit: `slope * (bias + step * sum * length) + offset`."""

    step: float
    bias: float
    slope: float
    offset: float

    def base(self) -> float:
        """Give the logit of a message without any known token."""
        return self.slope * self.bias + self.offset

    def factor(self, tokens: float, power: float) -> float:
        """Give what one unit of weight adds to the logit of a message of so many known tokens."""
        return self.slope * self.step * stretches.damp(tokens, power)


class _Sums(NamedTuple):
    """How many tokens a model knows, the sum of their weights by each head, and the strongest with theirs by the first."""

    known: int
    unwanted: int
    phish: int
    bulk: int
    strong: list[int]
    weights: list[float]


@dataclass(frozen=True, slots=True)
class Model:
    """A loaded model: a read-only table of RECORDs, shared by threads and by forked workers."""

    version: str
    power: float
    unwanted_scale: Scale
    phish_scale: Scale
    bulk_scale: Scale
    table: npt.NDArray[np.void]

    def judge(self, features: Features, parts: int = 8, each_way: int = 0) -> Opinion:
        """Score one message; gives the opinion with its `parts` strongest tokens (all of them for a negative number).

        Where fewer than `each_way` of them speak for it or against it, the next of that direction come along.
        """
        hashes, most = features.hashes(), features.size if parts < 0 else parts
        said = whole = _Sums(*weigh(hashes, self.table, most))
        bulk = self._odds(self.bulk_scale, whole.bulk, whole.known)
        phish = self._odds(self.phish_scale, whole.phish, whole.known)
        form = Part(FORM, -self.unwanted_scale.slope * caution(bulk, phish))
        inside, stretch, less = None, None, 0.0
        if features.places.size and (worse := self._worst(features.places, hashes, whole)):
            inside, stretch, less = worse
            said = _Sums(*weigh(hashes, self.table, most, inside))
            phish = self._odds(self.phish_scale, said.phish, said.known)
        base = self.unwanted_scale.base() - self.unwanted_scale.slope * less
        factor = self.unwanted_scale.factor(said.known, self.power)
        logit = base + factor * said.unwanted + form.points
        shown = list(map(Part, features.name(said.strong), [factor * weight for weight in said.weights]))
        told = _with_form(shown, form, parts)
        if len(said.strong) == parts and one_sided(told, each_way):
            places, weights = self._further(hashes, inside, each_way)
            more = list(map(Part, features.name(places), [factor * weight for weight in weights]))
            told = with_both(told, [form, *more], each_way)
        return Opinion(logit, _sigmoid(logit), phish, base, told, whole.known, bulk, stretch)

    def _further(
        self, hashes: npt.NDArray[np.uint32], inside: npt.NDArray[np.bool_] | None, each_way: int
    ) -> tuple[list[int], list[float]]:
        """Give the `each_way` strongest tokens of either direction, `inside` alone where it is given, and their weights."""
        weights = np.frombuffer(look_up(hashes, self.table), np.float64).reshape(2, -1)[1]
        places = strongest_each_way(weights if inside is None else weights * inside, each_way)
        return places, weights[places].tolist()

    def _odds(self, scale: Scale, weights: float, tokens: float) -> float:
        """Give the probability by one of the other heads, from the sum of the weights of so many known tokens."""
        return _sigmoid(scale.base() + scale.factor(tokens, self.power) * weights)

    def _worst(
        self, places: stretches.Places, hashes: npt.NDArray[np.uint32], whole: _Sums
    ) -> tuple[npt.NDArray[np.bool_], Stretch, float] | None:
        """Give the tokens of a stretch that is worse than the whole, with it and its margin; None where there is none."""
        rows = np.frombuffer(look_up(hashes, self.table), np.float64).reshape(2, -1)
        sizes, sums = stretches.add_up(places, rows).tolist()
        step = self.unwanted_scale.step
        most, score = stretches.worst([step * each for each in sums], sizes, self.power)
        if score <= step * whole.unwanted * stretches.damp(whole.known, self.power):
            return None
        inside, stretch = stretches.members(places, rows.shape[1], most)
        return inside, stretch, stretches.margin(len(sums))


def one_sided(parts: Sequence[Part], each_way: int) -> bool:
    """Say whether fewer than `each_way` of the parts, none of which is 0, are of one direction."""
    return not each_way <= sum([part.points > 0 for part in parts]) <= len(parts) - each_way


def strongest_each_way(weights: npt.NDArray[np.float64], each_way: int) -> list[int]:
    """Give which of the weights are furthest above 0, and then which are furthest below."""
    return [place for sign in (1.0, -1.0) for place in strongest(np.maximum(sign * weights, 0.0), each_way)]


def with_both(parts: Sequence[Part], others: Iterable[Part], each_way: int) -> tuple[Part, ...]:
    """Give parts, and of the others what either direction lacks to its `each_way` strongest; both sorted by size."""
    found = list(parts)
    if one_sided(parts, each_way):
        for part in sorted(set(others).difference(parts), key=lambda part: (-abs(part.points), part.token)):
            if part.points and sum([each.points * part.points > 0 for each in found]) < each_way:
                found.append(part)
        found.sort(key=lambda part: -abs(part.points))
    return tuple(found)


def _with_form(shown: list[Part], form: Part, parts: int) -> tuple[Part, ...]:
    """Give parts, sorted by size, with that of the form among them: the `parts` strongest, all for a negative number."""
    insort(shown, form, key=lambda part: -abs(part.points))
    return tuple(shown if parts < 0 else shown[:parts])


def _sigmoid(logit: float) -> float:
    """Give the probability of a log-odds; never overflows."""
    return 1 / (1 + math.exp(-logit)) if logit >= 0 else math.exp(logit) / (1 + math.exp(logit))


def load_model(directory: Path) -> Model:
    """Load a model directory; raises ModelError, one line, where it is missing, altered, or made for other features."""
    if not directory.is_dir():
        raise ModelError(f"model {directory}: no such directory")
    sums = _sums(directory)
    meta = _json(_checked(directory, "features.json", sums), directory)
    _checked(directory, "metrics.json", sums)  # What status and evaluate tell of the model must be of this one.
    if meta.get("format") != FORMAT:
        raise ModelError(f"model {directory}: format {meta.get('format')!r}, this Gatepost reads format {FORMAT}")
    if meta.get("features_version") != FEATURES_VERSION:
        raise ModelError(
            f"model {directory}: made for features version {meta.get('features_version')!r}, this Gatepost makes "
            f"version {FEATURES_VERSION}: train it again"
        )
    if meta.get("labels") != list(LABELS) or meta.get("hash") != "crc32" or meta.get("bits") not in _BITS:
        raise ModelError(f"model {directory}: features.json names labels, a hash or a size that are not known")
    try:
        with np.load(io.BytesIO(_checked(directory, "weights.npz", sums)), allow_pickle=False) as arrays:
            return _build(meta, {name: arrays[name] for name in ("fingerprint", *HEADS)}, directory)
    except ModelError:
        raise
    except Exception as error:
        # A damaged archive makes the libraries below raise whatever they come upon.
        raise ModelError(f"model {directory}: cannot be read ({error})".replace("\n", " ")) from error


def _build(meta: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]], directory: Path) -> Model:
    """Put a model together from checked parts."""
    size = (1 << int(meta["bits"]),)
    kinds = {"fingerprint": np.uint8, **dict.fromkeys(HEADS, np.int16)}
    for name, kind in kinds.items():
        if arrays[name].dtype != kind or arrays[name].shape != size:
            raise ModelError(f"model {directory}: array {name} has a wrong type or size")
    scales = [Scale(*(float(meta[name][key]) for key in ("step", "bias", "slope", "offset"))) for name in HEADS]
    power = float(meta["length_power"])
    if not all(map(math.isfinite, (power, *(getattr(s, f) for s in scales for f in Scale.__slots__)))):
        raise ModelError(f"model {directory}: features.json holds a number that is not finite")
    unwanted, phish, bulk = scales
    return Model(str(meta["name"]), power, unwanted, phish, bulk, table_of(arrays))


def table_of(arrays: Mapping[str, npt.NDArray[Any]]) -> npt.NDArray[np.void]:
    """Put the arrays of a model, by name and of one length, together to a read-only table of RECORDs."""
    table = np.zeros(len(arrays["fingerprint"]), RECORD)
    for name in ("fingerprint", *HEADS):
        table[name] = arrays[name]
    table.flags.writeable = False
    return table


def _sums(directory: Path) -> dict[str, str]:
    """Read SHA256SUMS: file name to hex digest."""
    try:
        lines = (directory / "SHA256SUMS").read_text("ascii").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"model {directory}: SHA256SUMS cannot be read") from error
    found = (line.split(maxsplit=1) for line in lines if len(line.split(maxsplit=1)) == 2)
    return {name.lstrip("*"): digest for digest, name in found}


def _checked(directory: Path, name: str, sums: Mapping[str, str]) -> bytes:
    """Read a file of the model whose hash must be the one in SHA256SUMS."""
    try:
        data = (directory / name).read_bytes()
    except OSError as error:
        raise ModelError(f"model {directory}: {name} is missing or cannot be read") from error
    if hashlib.sha256(data).hexdigest() != sums.get(name):
        raise ModelError(f"model {directory}: {name} does not match its checksum in SHA256SUMS")
    return data


def _json(data: bytes, directory: Path) -> dict[str, Any]:
    """Read features.json, which must be one object."""
    try:
        meta = json.loads(data[:_JSON_BYTES])
    except ValueError as error:
        raise ModelError(f"model {directory}: features.json is not JSON") from error
    if not isinstance(meta, dict):
        raise ModelError(f"model {directory}: features.json is not an object")
    return meta
