"""What the candidates of the model search know of each message, read from the packs once and kept.

Of each message: the tokens that training hashes; the numbers that looks.py cuts into steps; runs of five characters of
subject and text; words of the header fields, for the control that shows how much the fields alone give away. Every
candidate then sees the same messages in the same order, and reading, which costs most, is done once for all of them.

A file of the work folder holds one pack. Its name changes with the pack, the code that reads and the limit.
"""

from __future__ import annotations

import json
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from gatepost.checks.content import looks
from gatepost.checks.content.text import normalise, read_text
from gatepost.checks.content.tokens import extract
from gatepost.mail.message import Message, from_bytes
from gatepost.training import workfolder
from gatepost.training.corpus import CorpusError, Sample, pack_name, read_pack
from gatepost.training.reading import Row, read_row
from gatepost.training.shards import Origin
from gatepost.training.table import Hashed, Table

GRAM: Final = 5
"""Bytes of a character run."""

GRAM_BITS: Final = 22
_TWINS: Final = 2
_SOURCE: Final = 20
_GRAM_CHARACTERS: Final = 2_000
_FIELDS: Final = 60
_VALUE: Final = 200
# An odd multiplier, and Murmur3's finaliser: every bit of a hash depends on every byte of the run.
_PRIME, _MIX = np.uint32(16_777_619), (np.uint32(0x85EBCA6B), np.uint32(0xC2B2AE35))
_BARE: Final = (b"from", b"date", b"message-id")
Floats = npt.NDArray[np.float32]
Told = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Flat:
    """Hashes of all messages, one message after another, and where each one ends."""

    hashes: Hashed
    ends: npt.NDArray[np.int64]

    def rows(self) -> list[Hashed]:
        """Give the hashes of each message."""
        return np.split(self.hashes, self.ends[:-1]) if self.ends.size else []


@dataclass(frozen=True, slots=True)
class Material:
    """All that was read: the table training would have, hashes by kind, numbers, and which messages are bare text.

    `numbers` is NaN and `bare` True where a message has no header fields but the subject. `facts` are the hashes of
    tokens that are no words. `digest` names all of it.
    """

    table: Table
    flats: Mapping[str, Flat]
    facts: Hashed
    numbers: Floats
    bare: npt.NDArray[np.bool_]
    digest: str


@dataclass(frozen=True, slots=True)
class _Seen:
    """One message."""

    row: Row
    facts: Hashed
    numbers: tuple[float, ...]
    grams: Hashed
    fields: Hashed
    bare: bool


def read_material(packs: Sequence[Path], folder: Path, limit: int | None, jobs: int, tell: Told) -> Material:
    """Read packs, or find them read in `folder`; at most `limit` messages of each pack and label. Raises CorpusError."""
    folder.mkdir(parents=True, exist_ok=True)
    code = zlib.crc32(Path(__file__).read_bytes())
    found, names = [], []
    for pack in packs:
        path = folder / f"{workfolder._drawer_name(pack, frozenset())}-{code:08x}-{limit or 'all'}.npz"
        if not path.is_file():
            tell(f"reading {pack_name(pack)}")
            _write(path, _read(pack, limit, jobs))
        with np.load(path) as arrays:
            found.append({name: arrays[name] for name in arrays.files})
        names.append(path.name)
    return _joined(found, f"{zlib.crc32(repr(names).encode()):08x}")


def _read(pack: Path, limit: int | None, jobs: int) -> list[_Seen]:
    """Read the messages of a pack that have text."""
    samples = list(_chosen(list(read_pack(pack)), limit))
    with get_context("fork").Pool(jobs) as pool:
        return [seen for seen in pool.imap(_see, samples, chunksize=32) if seen is not None]


def _chosen(samples: list[Sample], limit: int | None) -> Iterator[Sample]:
    """Give at most `limit` samples of each label, by a hash of their names, in the order of the pack."""
    if limit is None:
        yield from samples
        return
    ranked = sorted(range(len(samples)), key=lambda at: zlib.crc32(samples[at].name.encode("utf-8", "replace")))
    taken: Counter[str] = Counter()
    kept = set()
    for at in ranked:
        taken[samples[at].label] += 1
        if taken[samples[at].label] <= limit:
            kept.add(at)
    yield from (sample for at, sample in enumerate(samples) if at in kept)


def _see(sample: Sample) -> _Seen | None:
    """Read one message; None where it has no text."""
    row = read_row(sample)
    if row is None:
        return None
    message = from_bytes(sample.data)
    facts = [zlib.crc32(token) for token in extract(message).tokens if token[:1] == b"="]
    bare = not any(message.every(name) for name in _BARE)
    numbers = (float("nan"),) * len(looks.STEPS) if bare else number_row(message)
    return _Seen(row, np.array(facts, np.uint32), numbers, grams(message), fields(message), bare)


def number_row(message: Message) -> tuple[float, ...]:
    """Give the numbers behind the steps of looks.py, in the order of its STEPS."""
    reading, subject = read_text(message), normalise(message.text(b"subject"))[0]
    text = reading.text[: looks._LOOKED_AT]
    spoken = looks._text_numbers(looks.letters_of(text))
    numbers = spoken | looks._page_numbers(message, reading) | looks._subject_numbers(subject)
    return tuple(float(numbers[name]) for name in looks.STEPS)


def grams(message: Message) -> Hashed:
    """Give the hashes of the runs of five bytes in subject and text, in lower case, digits as 0, blanks as one."""
    text = f"{normalise(message.text(b'subject'))[0]} | {read_text(message).text[:_GRAM_CHARACTERS]}".lower()
    data = " ".join("".join("0" if sign.isdigit() else sign for sign in text).split()).encode("utf-8", "replace")
    if len(data) < GRAM:
        return np.zeros(0, np.uint32)
    runs = np.lib.stride_tricks.sliding_window_view(np.frombuffer(data, np.uint8), GRAM).astype(np.uint32)
    hashes = np.zeros(runs.shape[0], np.uint32)
    for place in range(GRAM):
        hashes = hashes * _PRIME + runs[:, place] + np.uint32(1)
    for factor in _MIX:
        hashes = (hashes ^ (hashes >> np.uint32(15))) * factor
    return np.unique(hashes >> np.uint32(32 - GRAM_BITS))


def fields(message: Message) -> Hashed:
    """Give the hashes of what the header fields but the subject say: names, neighbours, and the words of their values."""
    names = [header.name.strip().lower() for header in message.headers[:_FIELDS]]
    found = {b"n:" + name for name in names} | {b"o:" + one + b":" + two for one, two in pairwise(names)}
    for name, header in zip(names, message.headers, strict=False):
        if name != b"subject":
            found |= {b"v:" + name + b":" + word for word in header.value[:_VALUE].lower().split()}
    return np.unique(np.fromiter(map(zlib.crc32, found), np.uint32, len(found)))


def _write(path: Path, seen: list[_Seen]) -> None:
    """Keep what was read of a pack; a name is given to a whole file only."""
    origins = [_origin(each.row) for each in seen]
    hashes = {"tokens": [each.row.hashes for each in seen]}
    hashes |= {"grams": [each.grams for each in seen], "fields": [each.fields for each in seen]}
    arrays: dict[str, Any] = {"origins": np.frombuffer(json.dumps(origins).encode(), np.uint8)}
    for name, rows in hashes.items():
        arrays[name] = np.concatenate([np.zeros(0, np.uint32), *rows])
        arrays[f"{name}-sizes"] = np.array([row.size for row in rows], np.int64)
    arrays["facts"] = np.unique(np.concatenate([np.zeros(0, np.uint32), *(each.facts for each in seen)]))
    arrays["numbers"] = np.array([each.numbers for each in seen], np.float32).reshape(-1, len(looks.STEPS))
    arrays["bare"] = np.array([each.bare for each in seen], bool)
    part = path.with_suffix(".part.npz")
    np.savez(part, **arrays)
    part.replace(path)


def _origin(row: Row) -> dict[str, object]:
    return asdict(Origin(row.pack, row.source, row.label, row.year, row.group, row.foreign))


def _joined(packs: Sequence[Mapping[str, npt.NDArray[np.generic]]], digest: str) -> Material:
    """Put the packs together, near-duplicates twice at most, as training does."""
    origins = [Origin(**each) for pack in packs for each in json.loads(pack["origins"].tobytes())]
    if not any(each.label == "ham" for each in origins) or all(each.label == "ham" for each in origins):
        raise CorpusError("the packs hold mail of one kind only: there is nothing to search a model for")
    kept = _without_third_copies(origins)
    flats = {name: _flat(packs, name, kept) for name in ("tokens", "grams", "fields")}
    return Material(
        table=_table(
            [each for each, keep in zip(origins, kept, strict=True) if keep], flats["tokens"], int((~kept).sum())
        ),
        flats=flats,
        facts=np.unique(np.concatenate([pack["facts"] for pack in packs])).astype(np.uint32),
        numbers=np.concatenate([pack["numbers"] for pack in packs])[kept].astype(np.float32),
        bare=np.concatenate([pack["bare"] for pack in packs])[kept].astype(bool),
        digest=digest,
    )


def _without_third_copies(origins: Sequence[Origin]) -> npt.NDArray[np.bool_]:
    """Mark the first two messages of each label and near-duplicate group."""
    times: Counter[tuple[str, str]] = Counter()
    kept = np.zeros(len(origins), bool)
    for at, origin in enumerate(origins):
        times[origin.label, origin.group] += 1
        kept[at] = times[origin.label, origin.group] <= _TWINS
    return kept


def _flat(packs: Sequence[Mapping[str, npt.NDArray[np.generic]]], name: str, kept: npt.NDArray[np.bool_]) -> Flat:
    """Give one kind of hashes of the kept messages."""
    sizes = np.concatenate([pack[f"{name}-sizes"] for pack in packs]).astype(np.int64)
    hashes = np.concatenate([pack[name] for pack in packs]).astype(np.uint32)
    return Flat(hashes[np.repeat(kept, sizes)], np.cumsum(sizes[kept]))


def _table(origins: Sequence[Origin], tokens: Flat, left_out: int) -> Table:
    """Give the table that training would make; a source of few messages counts as its pack."""
    sizes = Counter(origin.source for origin in origins)
    origins = [each if sizes[each.source] >= _SOURCE else replace(each, source=each.pack) for each in origins]
    return Table(
        packs=np.array([each.pack for each in origins], str),
        sources=np.array([each.source for each in origins], str),
        labels=np.array([each.label for each in origins], str),
        years=np.array([each.year for each in origins], np.int64),
        groups=np.array([each.group for each in origins], str),
        foreign=np.array([each.foreign for each in origins], bool),
        hashes=tokens.rows(),
        left_out=left_out,
    )


__all__ = ["Flat", "Material", "fields", "grams", "number_row", "read_material"]
