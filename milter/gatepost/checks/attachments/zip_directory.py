"""What a ZIP file says it holds: by its directory at the end, and by the headers in front of each file.

Both say the same in an honest archive. Programs differ in which of them they believe (a directory reader, a streaming reader,
one that takes the first end record, one that takes the last), so where the two differ both are given out and the difference is a
finding: "attachment.ambiguous". Section numbers are those of PKWARE's APPNOTE 6.3.10.
"""

from __future__ import annotations

import re
import struct
import zlib
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from gatepost.checks.attachments.entry import clean_name
from gatepost.checks.attachments.names import extension
from gatepost.mail import file_limits

LOCAL: Final = b"PK\x03\x04"
CENTRAL: Final = b"PK\x01\x02"
END: Final = b"PK\x05\x06"
_END64: Final = b"PK\x06\x06"
_LOCATOR64: Final = b"PK\x06\x07"

LOCAL_HEAD: Final = struct.Struct("<4sHHHHHIIIHH")  # 4.3.7
CENTRAL_HEAD: Final = struct.Struct("<4sHHHHHHIIIHHHHHII")  # 4.3.12
END_HEAD: Final = struct.Struct("<4sHHHHIIH")  # 4.3.16

ENCRYPTED: Final = 0x0001  # 4.4.4
SIZES_BEHIND: Final = 0x0008
_UTF8: Final = 0x0800
_VERSION_MAX: Final = 63  # 4.4.3.2
_METHODS: Final = frozenset({0, 1, 6, 8, 9, 10, 12, 14, 18, 19, 20, 93, 94, 95, 96, 97, 98, 99})  # 4.4.5
_LOCAL_AT: Final = re.compile(
    rb"PK\x03\x04[\x00-\x%02x].{3}[%b]\x00" % (_VERSION_MAX, b"".join(b"\\x%02x" % each for each in sorted(_METHODS))),
    re.DOTALL,
)
"""What local_entry() may take for a header: the mark alone, a million times, costs no more than a search."""
_FULL: Final = 0xFFFFFFFF
_ZIP64_EXTRA: Final = 0x0001  # 4.5.3
_NAME_EXTRA: Final = 0x7075  # 4.6.9


@dataclass(frozen=True, slots=True)
class ZipEntry:
    """One file of a ZIP archive, by one of the two accounts of it.

    `data_start` to `data_start + packed` are its bytes; `stray` says that the directory does not list it this way, `apart` that
    its archive stands behind something else. `other_name` is
    the name that programs go by which do not take `name`: the plain one where the Unicode path field has another, or that of a
    field which is not valid.
    """

    name: str
    raw_name: bytes
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    time: int
    start: int
    data_start: int
    extra: bytes
    stray: bool = False
    apart: bool = False
    other_name: str = ""

    @property
    def end(self) -> int:
        """Where its bytes end."""
        return self.data_start + self.packed

    @property
    def folder(self) -> bool:
        """Whether it is only the name of a folder."""
        return self.name.endswith(("/", "\\")) and not self.size


@dataclass(frozen=True, slots=True)
class End:
    """Where the directory of an archive begins, how many entries it claims, and how far the archive was moved."""

    directory: int
    entries: int
    shift: int


def find_end(data: bytes) -> End | None:
    """Find the last end record whose directory is where it should be, or None: this is no ZIP file, or one cut off."""
    stop = len(data)
    first = max(0, stop - file_limits.ZIP_TAIL_BYTES)
    for _ in range(8):
        at = data.rfind(END, first, stop)
        if at < 0:
            return None
        end = _read_end(data, at)
        if end is not None:
            return end
        stop = at + 3
    return None


def _read_end(data: bytes, at: int) -> End | None:
    if at + END_HEAD.size > len(data):
        return None
    _, _, _, _, entries, size, start, _ = END_HEAD.unpack_from(data, at)
    close = at
    if (entries == 0xFFFF or _FULL in (size, start)) and data[at - 20 : at - 16] == _LOCATOR64:
        found = data.rfind(_END64, max(0, at - 20 - 65_536), at - 20)
        if found >= 0 and found + 56 <= at:
            entries, size, start = struct.unpack_from("<QQQ", data, found + 32)
            close = found
    directory = close - size
    if not entries:
        return End(at, 0, 0) if not size else None
    if directory < 0 or data[directory : directory + 4] != CENTRAL:
        # The directory is not in front of its end record; some programs go by the offset alone.
        return End(start, entries, 0) if data[start : start + 4] == CENTRAL else None
    return End(directory, entries, directory - start)


def listed(data: bytes, end: End) -> Iterator[ZipEntry]:
    """Give the files as the directory lists them, one by one, until it ends or breaks off."""
    at = end.directory
    while data[at : at + 4] == CENTRAL and at + CENTRAL_HEAD.size <= len(data):
        fields = CENTRAL_HEAD.unpack_from(data, at)
        (_, _, _, flags, method, time, _, crc, packed, size, name_size, extra_size, comment_size, _, _, _, start) = (
            fields
        )
        at += CENTRAL_HEAD.size
        raw_name = data[at : at + name_size]
        extra = data[at + name_size : at + name_size + extra_size]
        at += name_size + extra_size + comment_size
        size, packed, start = _wide(extra, size, packed, start)
        start += end.shift
        name, other = _names(raw_name, flags, extra)
        entry = ZipEntry(name, raw_name, flags, method, crc, packed, size, time, start, start, extra, other_name=other)
        yield replace(entry, data_start=_data_start(data, start))


def _data_start(data: bytes, start: int) -> int:
    """Give where a file's bytes begin: behind the name and the extra fields of its local header."""
    if data[start : start + 4] != LOCAL or start + LOCAL_HEAD.size > len(data):
        return start
    name_size, extra_size = struct.unpack_from("<HH", data, start + 26)
    return int(start + LOCAL_HEAD.size + name_size + extra_size)


def local_entry(data: bytes, at: int) -> ZipEntry | None:
    """Read the header in front of a file, or give None for what is none. Sizes that stand behind the file are left at 0."""
    if data[at : at + 4] != LOCAL or at + LOCAL_HEAD.size > len(data):
        return None
    _, version, flags, method, time, _, crc, packed, size, name_size, extra_size = LOCAL_HEAD.unpack_from(data, at)
    start = at + LOCAL_HEAD.size
    body = start + name_size + extra_size
    if version & 0xFF > _VERSION_MAX or method not in _METHODS or not name_size or body > len(data):
        return None
    raw_name, extra = data[start : start + name_size], data[start + name_size : body]
    size, packed, _ = _wide(extra, size, packed, 0)
    name, other = _names(raw_name, flags, extra)
    return ZipEntry(
        name, raw_name, flags, method, crc, packed, size, time, at, body, extra, stray=True, other_name=other
    )


def strays(data: bytes, entries: list[ZipEntry]) -> Iterator[ZipEntry]:
    """Give the files whose headers stand outside of everything that the directory lists.

    Where the bytes of one end is looked for with file_limits.ZIP_STRAY_HEADERS of them only: each may cost a look at all that
    follows. Of the rest the names are known.
    """
    spans = sorted((entry.start, entry.end) for entry in entries)
    starts = [start for start, _ in spans]
    match, found = _LOCAL_AT.search(data), 0
    while match:
        at = match.start()
        index = bisect_right(starts, at) - 1
        if index >= 0 and at < spans[index][1]:
            match = _LOCAL_AT.search(data, max(spans[index][1], at + 4))
            continue
        entry = local_entry(data, at)
        if entry is not None:
            found += 1
            entry = _with_end(data, entry) if found <= file_limits.ZIP_STRAY_HEADERS else entry
            yield entry
        match = _LOCAL_AT.search(data, max(entry.end, at + 4) if entry else at + 4)


def _with_end(data: bytes, entry: ZipEntry) -> ZipEntry:
    """Give a file the bytes up to the next header where its own does not say how many there are."""
    if entry.packed and entry.end <= len(data):
        return entry
    stop = len(data)
    for mark in (LOCAL, CENTRAL, b"PK\x07\x08"):
        at = data.find(
            mark, entry.data_start, stop
        )  # no further than the nearest found: many headers cost one look each
        stop = at if at >= 0 else stop
    return replace(entry, packed=stop - entry.data_start)


def _wide(extra: bytes, size: int, packed: int, start: int) -> tuple[int, int, int]:
    """Take sizes and offset from the ZIP64 field (4.5.3) where the plain ones are full."""
    field = _extra(extra, _ZIP64_EXTRA)
    values = [int.from_bytes(field[at : at + 8], "little") for at in range(0, len(field) - 7, 8)]
    wide = iter(values)
    size = next(wide, size) if size == _FULL else size
    packed = next(wide, packed) if packed == _FULL else packed
    start = next(wide, start) if start == _FULL else start
    return size, packed, start


def _extra(extra: bytes, wanted: int) -> bytes:
    """Give one extra field's content, or b""."""
    at = 0
    while at + 4 <= len(extra):
        tag, size = struct.unpack_from("<HH", extra, at)
        if tag == wanted:
            return extra[at + 4 : at + 4 + size]
        at += 4 + size
    return b""


def _names(raw: bytes, flags: int, extra: bytes) -> tuple[str, str]:
    """Decode a name, and the other one that a file may have, or "".

    The Unicode path field (4.6.9) counts if it has the checksum of the plain name; some programs know nothing of the field, and
    some do not compare.
    """
    plain = clean_name(raw.decode("utf-8", "replace") if flags & _UTF8 else raw)
    if "\0" in plain:
        return plain.partition("\0")[0], plain  # Programs written in C know only what stands before it.
    field = _extra(extra, _NAME_EXTRA)
    if len(field) <= 5 or field[0] != 1:
        return plain, ""
    wide = clean_name(field[5:])
    if int.from_bytes(field[1:5], "little") != zlib.crc32(raw):
        return plain, wide if wide != plain else ""
    # Where the plain name is the same in another alphabet, nothing hangs on it.
    return wide, plain if extension(plain) != extension(wide) else ""


def rewritten(data: bytes, entry: ZipEntry) -> bytes:
    """Give an archive that holds this one file as it is, encrypted or not, so that another reader can be asked about it."""
    name = b"file"
    # The sizes are known, but the flag decides which byte checks a password (6.1.6): it stays as it is.
    size, packed = min(entry.size, _FULL - 1), min(entry.packed, _FULL - 1)
    fields = (entry.flags, entry.method, entry.time, 0, entry.crc, packed, size)
    extra = _kept_extra(entry.extra)
    local = LOCAL_HEAD.pack(LOCAL, 51, *fields, len(name), len(extra)) + name + extra
    body = data[entry.data_start : entry.end]
    central = CENTRAL_HEAD.pack(CENTRAL, 51, 51, *fields, len(name), len(extra), 0, 0, 0, 0, 0) + name + extra
    end = END_HEAD.pack(END, 0, 0, 1, 1, len(central), len(local) + len(body), 0)
    return b"".join((local, body, central, end))


def _kept_extra(extra: bytes) -> bytes:
    """Keep the field that says how a file is encrypted (WinZip AES, 0x9901)."""
    field = _extra(extra, 0x9901)
    return struct.pack("<HH", 0x9901, len(field)) + field if field else b""
