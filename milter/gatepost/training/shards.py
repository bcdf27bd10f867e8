"""Shards: the tokens of a thousand messages in one file, so that mail is read once and never twice.

Reading mail is most of the work of a training, and all that learning needs of a message are its token hashes and where
in a long text each stands. They are written down piece by piece while mail is read. A training that was killed reads on
where the last finished piece ends;
one with the same mail begins with everything read. And fitting maps the files instead of holding the hashes.

A shard is finished or it is not there: it is written under a temporary name, synced, and renamed. Its name says of which
mail it is, by digest: of the archive's bytes (of a folder the names, sizes and times of its files), of the code that makes
tokens, and of the libraries that this code rests on. Layout, all numbers little-endian:

    256 bytes   JSON, filled with spaces: counts and the CRC-32 of everything else
    4 x tokens  the token hashes, message after message (uint32)
    4 x rows    how many tokens each message has (uint32)
    4 x rows    in how many places its text has them: two for each word of a long text (uint32)
    2 x places  for each place the number of the token that stands there, from 1; 0 for none (uint16)
    the rest    a line of JSON for each message: pack, source, label, year, group, foreign
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final
from zlib import crc32

import numpy as np
import numpy.typing as npt

from gatepost.training.reading import Row

FORMAT: Final = 2
"""Rises whenever a shard of the same mail would be other bytes."""

PIECE: Final = 1024
"""Messages of one shard: what a killed training loses at most."""

_HEAD: Final = 256
_CHUNK: Final = 1 << 20
_U32: Final = np.dtype("<u4")
_U16: Final = np.dtype("<u2")


class DamagedError(ValueError):
    """A shard is not what was written: cut, altered, or of another format."""


@dataclass(frozen=True, slots=True)
class Origin:
    """One message of a shard but for its tokens."""

    pack: str
    source: str
    label: str
    year: int
    group: str
    foreign: bool


@dataclass(frozen=True, slots=True)
class _Head:
    """What a shard says of itself: messages read, rows among them (messages with text), and whether the pack ends."""

    format: int
    messages: int
    rows: int
    tokens: int
    places: int
    origins: int
    last: bool
    crc: int


@dataclass(frozen=True, slots=True)
class Shard:
    """One finished shard: messages read, rows kept of them, tokens and places of those; `last` where the pack ends with it."""

    path: Path
    messages: int
    rows: int
    tokens: int
    places: int
    last: bool

    @property
    def bytes(self) -> int:
        """Bytes on disk."""
        return self.path.stat().st_size

    def hashes(self) -> npt.NDArray[np.uint32]:
        """Map the token hashes of all rows, one after another: no memory is taken but what the system can take back."""
        if not self.tokens:
            return np.zeros(0, _U32)
        return np.asarray(np.memmap(self.path, _U32, "r", _HEAD, (self.tokens,)))

    def ends(self) -> npt.NDArray[np.int64]:
        """Give where each row's hashes end, in `hashes`."""
        counts = np.fromfile(self.path, _U32, self.rows, offset=_HEAD + 4 * self.tokens)
        return np.cumsum(counts, dtype=np.int64)

    def stands(self) -> npt.NDArray[np.uint16]:
        """Map what stands in the places of all rows, one after another: the number of a token of the row, from 1; 0 for none."""
        if not self.places:
            return np.zeros(0, _U16)
        offset = _HEAD + 4 * self.tokens + 8 * self.rows
        return np.asarray(np.memmap(self.path, _U16, "r", offset, (self.places,)))

    def place_ends(self) -> npt.NDArray[np.int64]:
        """Give where each row's places end, in `stands`."""
        counts = np.fromfile(self.path, _U32, self.rows, offset=_HEAD + 4 * self.tokens + 4 * self.rows)
        return np.cumsum(counts, dtype=np.int64)

    def origins(self) -> Iterator[Origin]:
        """Give the origin of each row, in order."""
        with self.path.open("rb") as stream:
            stream.seek(_HEAD + 4 * self.tokens + 8 * self.rows + 2 * self.places)
            for line in stream:
                yield Origin(**json.loads(line))


def write_shard(path: Path, rows: Iterable[Row | None], *, whole: int = PIECE) -> Shard:
    """Write the rows of one piece, None for a message without text; fewer than `whole` are the last of a pack.

    A reader sees all of it or nothing, whenever this process or the machine stops. Raises OSError, and what `rows`
    raises.
    """
    unfinished = path.with_suffix(".tmp")
    counts: list[int] = []
    stands: list[npt.NDArray[np.uint16]] = []
    origins: list[bytes] = []
    messages = crc = 0
    with naming(unfinished), unfinished.open("wb") as stream:
        stream.write(b" " * _HEAD)
        for row in rows:
            messages += 1
            if row is None:
                continue
            data = np.ascontiguousarray(row.hashes, _U32).tobytes()
            stream.write(data)
            crc = crc32(data, crc)
            counts.append(row.hashes.size)
            stands.append((row.places.ravel() + 1).astype(_U16))
            origins.append(_origin_line(row))
        sizes = np.array([counts, [each.size for each in stands]], _U32)
        tail = sizes.tobytes() + b"".join(each.tobytes() for each in stands) + b"".join(origins)
        stream.write(tail)
        crc = crc32(tail, crc)
        tokens, places = (int(each.sum(dtype=np.int64)) for each in sizes)
        last = messages < whole
        size = sum(map(len, origins))
        stream.seek(0)
        stream.write(_head_line(_Head(FORMAT, messages, len(counts), tokens, places, size, last, crc)))
        put_in_place(stream, path)
    return Shard(path, messages, len(counts), tokens, places, last)


def put_in_place(stream: BinaryIO, path: Path) -> None:
    """Give an open file that is written in the folder of `path` its name, and make both last through a power cut."""
    stream.flush()
    os.fsync(stream.fileno())
    Path(stream.name).replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder last through a power cut."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Let an error of writing say which file it is about: the system names it only where a file is opened."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = str(path)
        raise


def open_shard(path: Path) -> Shard:
    """Open a finished shard; raises DamagedError where its length or checksum is wrong, OSError where it is not there."""
    with path.open("rb") as stream:
        head = _read_head(stream.read(_HEAD))
        size = os.fstat(stream.fileno()).st_size
        if size != _HEAD + 4 * head.tokens + 8 * head.rows + 2 * head.places + head.origins:
            raise DamagedError(f"{path}: {size} bytes long, which is not what it says")
        crc = 0
        while chunk := stream.read(_CHUNK):
            crc = crc32(chunk, crc)
    if _sealed(head, crc) != head.crc:
        raise DamagedError(f"{path}: its checksum is wrong")
    return Shard(path, head.messages, head.rows, head.tokens, head.places, head.last)


def _origin_line(row: Row) -> bytes:
    origin = Origin(row.pack, row.source, row.label, row.year, row.group, row.foreign)
    return json.dumps(asdict(origin), separators=(",", ":")).encode() + b"\n"


def _head_line(head: _Head) -> bytes:
    """Give the head with its checksum, which covers the counts too."""
    fields = asdict(head) | {"crc": _sealed(head, head.crc)}
    return json.dumps(fields).encode().ljust(_HEAD - 1) + b"\n"


def _sealed(head: _Head, crc: int) -> int:
    """Go on with the checksum of everything behind the head over what the head says."""
    counts = (head.format, head.messages, head.rows, head.tokens, head.places, head.origins, int(head.last))
    return crc32(np.array(counts, "<i8").tobytes(), crc)


def _read_head(data: bytes) -> _Head:
    """Read a head; raises DamagedError where it is none, or of another format."""
    try:
        fields: Any = json.loads(data)
        head = _Head(**fields)
        numbers = [head.messages, head.rows, head.tokens, head.places, head.origins, head.crc]
    except (ValueError, TypeError) as error:
        raise DamagedError("this is no shard") from error
    if head.format != FORMAT or not all(type(number) is int and 0 <= number < 1 << 48 for number in numbers):
        raise DamagedError("this shard is of another format")
    return head
