"""7z archives that are encrypted: libarchive, which reads the others, knows nothing of AES; py7zr does."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import py7zr
from py7zr.io import Py7zIO, WriterFactory

from gatepost.checks.attachments.bounds import Meter
from gatepost.checks.attachments.entry import Entry, clean_name, name_findings
from gatepost.checks.attachments.keys import Keys
from gatepost.checks.attachments.obstacles import LOCKED, OPENED, Stopped, locked


def open_encrypted_7z(data: bytes, keys: Keys, meter: Meter) -> Iterator[Entry]:
    """Give the files of an encrypted 7z archive, opened by one of the passwords; without one, the names if they can be read.

    Raises Stopped when no password fits and past a limit.
    """
    for password in keys:
        before = meter.files, meter.taken
        kept = _Kept(meter, len(data))
        try:
            with py7zr.SevenZipFile(io.BytesIO(data), password=password) as archive:
                archive.extractall(factory=kept)
        except Stopped:
            raise
        except Exception:  # noqa: BLE001  a wrong password shows as any kind of damage
            meter.files, meter.taken = before
            continue
        keys.fitted(password)
        yield from kept.entries()
        return
    yield from _names(data, meter)
    raise locked()


def _names(data: bytes, meter: Meter) -> Iterator[Entry]:
    """Give the files without content, where the archive's list of them is not encrypted as well."""
    try:
        with py7zr.SevenZipFile(io.BytesIO(data)) as archive:
            found = [(clean_name(file.filename), file.uncompressed) for file in archive.list() if not file.is_directory]
    except Exception:  # noqa: BLE001  an encrypted list shows as any kind of damage
        return
    for name, size in found:
        meter.count()
        yield Entry(name, None, size or 0, (*name_findings(name), LOCKED))


class _Held(Py7zIO):
    """One file as py7zr writes it, counted as it comes."""

    def __init__(self, meter: Meter, packed: int) -> None:
        self._meter = meter
        self._packed = packed
        self._size = 0
        self._blocks: list[bytes] = []

    def write(self, s: bytes | bytearray) -> int:
        self._size += len(s)
        self._meter.take(len(s), self._size, self._packed)
        self._blocks.append(bytes(s))
        return len(s)

    def read(self, size: int | None = None) -> bytes:  # noqa: ARG002  nothing is read back
        return b""

    def seek(self, offset: int, whence: int = 0) -> int:  # noqa: ARG002  nothing is read back
        return 0

    def flush(self) -> None:
        """Keep what is written as it is."""

    def size(self) -> int:
        return self._size

    def content(self) -> bytes:
        """Give the whole file."""
        return b"".join(self._blocks)


class _Kept(WriterFactory):
    """Where py7zr writes to: memory, under the message's limits."""

    def __init__(self, meter: Meter, packed: int) -> None:
        self._meter = meter
        self._packed = packed
        self._files: list[tuple[str, _Held]] = []

    def create(self, filename: str) -> Any:
        self._meter.count()
        held = _Held(self._meter, self._packed)
        self._files.append((filename, held))
        return held

    def entries(self) -> Iterator[Entry]:
        """Give what was written, each file once."""
        for filename, held in self._files:
            name, content = clean_name(filename), held.content()
            findings = (
                *name_findings(name),
                OPENED,
            )
            yield Entry(name, content, len(content), findings, unseen=True)
