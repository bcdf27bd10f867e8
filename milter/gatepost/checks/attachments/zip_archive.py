"""ZIP files, opened both ways: as the directory lists them, and as the headers in front of the files do (zip_directory.py).

Encrypted files are given to libarchive one at a time, which knows both ways of ZIP encryption (APPNOTE 6 and WinZip AES).
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice, pairwise
from typing import Final

import libarchive

from gatepost.checks.attachments.bounds import Bounds, Meter
from gatepost.checks.attachments.entry import Entry, Listing, name_findings
from gatepost.checks.attachments.inflate import FAILURES, ZIP_METHODS
from gatepost.checks.attachments.item import Finding
from gatepost.checks.attachments.keys import Keys
from gatepost.checks.attachments.obstacles import LOCKED, OPENED, Exhausted, Stopped, obstacle
from gatepost.checks.attachments.zip_directory import (
    ENCRYPTED,
    SIZES_BEHIND,
    ZipEntry,
    find_end,
    listed,
    local_entry,
    rewritten,
    strays,
)
from gatepost.mail import file_limits

_SCANNED_METHODS: Final = frozenset({0, 8, 9, 12})
"""Compression methods that ClamAV undoes in a ZIP file (libclamav, unzip.c)."""
_AES: Final = 99
_BLOCK: Final = 256 * 1024
_TOO_MANY: Final = obstacle("limit", "holds more files that its directory does not list than are opened")


def open_zip(data: bytes, keys: Keys, meter: Meter) -> Iterator[Entry | Finding | Listing]:
    """Give the files of a ZIP archive one by one, and findings about the archive as a whole.

    Raises Stopped (Exhausted) where a limit ends it.
    """
    end = find_end(data)
    entries: list[ZipEntry] = []
    closed: Stopped | None = None
    for entry in listed(data, end) if end else ():
        try:
            meter.count()
        except Stopped as stop:
            closed = stop
            break
        entries.append(entry)
    if min((entry.start for entry in entries), default=0) > 0:
        # Something stands in front of it: other programs, the scanner among them, take that for the archive.
        entries = [replace(entry, apart=True) for entry in entries]
    if end is None:
        yield obstacle("damaged", "has no directory: it is cut off, or not what it seems")
    yield Listing(tuple(_closed(entry) for entry in entries if not entry.folder))
    yield from _overlaps(data, entries, meter)
    for entry in entries:
        yield from _accounts(data, entry, keys, meter)
    if closed:
        raise closed
    yield from _strays(data, entries, keys, meter, listed_none=end is None)


def rebuilt(data: bytes) -> bytes:
    """Give an archive written anew from the headers in front of its files, as programs mend one whose directory is lost.

    At most file_limits.ZIP_STRAY_HEADERS files; those that cannot be unpacked are left out.
    """
    meter = Meter(Bounds(bytes=file_limits.OFFICE_BYTES))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for entry in islice(strays(data, []), file_limits.ZIP_STRAY_HEADERS):
            try:
                content = _content(data, entry, meter)
            except Exhausted:
                break
            except (*FAILURES, Stopped):
                continue
            archive.writestr(zipfile.ZipInfo(entry.name or "unnamed"), content or b"")
    return out.getvalue()


def _overlaps(data: bytes, entries: list[ZipEntry], meter: Meter) -> Iterator[Finding]:
    """Find files that share their bytes ("A better zip bomb", WOOT 2019): no program writes that by accident."""
    ordered = sorted((entry for entry in entries if not entry.folder), key=lambda entry: entry.start)
    if all(before.end <= after.start for before, after in pairwise(ordered)):
        return
    if sum(entry.size for entry in ordered) > meter.bounds.ratio * len(data):
        raise Stopped("bomb", "holds files that share their bytes and unpack to an amount out of proportion")
    yield obstacle("ambiguous", "holds files that share their bytes")


def _accounts(data: bytes, entry: ZipEntry, keys: Keys, meter: Meter) -> Iterator[Entry | Finding]:
    """Give a file as the directory has it, and once more as its own header has it, if that is another file."""
    local = local_entry(data, entry.start)
    if local is None:
        yield obstacle("ambiguous", f"lists {entry.name!r} at a place where there is no file")
        return
    yield from _read(data, entry, keys, meter)
    if local.other_name and local.other_name not in {entry.name, entry.other_name}:
        yield from _read(data, replace(entry, name=local.other_name, other_name="", stray=True), keys, meter)
    differing = _differing(entry, local)
    if differing:
        yield obstacle(
            "ambiguous", f"gives {entry.name!r} another {differing} in its directory than in front of the file"
        )
        sized = local if local.packed else replace(local, packed=entry.packed, size=entry.size)
        yield from _read(data, replace(sized, stray=True), keys, meter)


def _differing(entry: ZipEntry, local: ZipEntry) -> str:
    """Name what the two accounts of a file differ in, "" where they agree."""
    if entry.name.replace("\\", "/") != local.name.replace("\\", "/") and entry.raw_name != local.raw_name:
        return "name"
    if entry.method != local.method:
        return "compression"
    if (entry.flags ^ local.flags) & ENCRYPTED:
        return "encryption"
    known = not local.flags & SIZES_BEHIND and local.packed
    return "size" if known and (entry.packed, entry.size) != (local.packed, local.size) else ""


def _strays(
    data: bytes, entries: list[ZipEntry], keys: Keys, meter: Meter, *, listed_none: bool
) -> Iterator[Entry | Finding]:
    for number, entry in enumerate(strays(data, entries)):
        if not number and not listed_none:
            yield obstacle("ambiguous", f"holds {entry.name!r}, which its directory does not list")
        if number == file_limits.ZIP_STRAY_HEADERS:
            yield _TOO_MANY
        meter.count()
        if number < file_limits.ZIP_STRAY_HEADERS:
            yield from _read(data, entry, keys, meter)
        elif not entry.folder:
            closed = _closed(entry)
            yield replace(closed, findings=(*closed.findings, _TOO_MANY))


def _closed(entry: ZipEntry) -> Entry:
    """Give a file by its name alone."""
    return Entry(entry.name, None, entry.size, name_findings(entry.name))


def _read(data: bytes, entry: ZipEntry, keys: Keys, meter: Meter) -> Iterator[Entry | Finding]:
    """Give a file, and once more by its other name if it has one."""
    if entry.folder:
        return
    for given in _unpacked(data, entry, keys, meter):
        yield given
        if entry.other_name:
            yield replace(given, name=entry.other_name)
    if entry.other_name:
        yield obstacle("ambiguous", f"gives {entry.name!r} another name ({entry.other_name!r}) in a field of its own")


def _unpacked(data: bytes, entry: ZipEntry, keys: Keys, meter: Meter) -> Iterator[Entry]:
    findings = name_findings(entry.name)
    if entry.flags & ENCRYPTED or entry.method == _AES:
        yield _decrypted(data, entry, keys, meter, findings)
        return
    unseen = entry.stray or entry.apart or entry.method not in _SCANNED_METHODS
    try:
        content = _content(data, entry, meter)
    except FAILURES:
        findings += (obstacle("damaged", "is damaged or cut off within its archive"),)
        yield Entry(entry.name, None, entry.size, findings)
    except Stopped as stop:
        yield Entry(entry.name, None, entry.size, (*findings, stop.finding))
        if type(stop) is not Stopped:
            raise
    else:
        if content is None:
            findings += (obstacle("unopened", f"is compressed by method {entry.method}, which is not known here"),)
            yield Entry(entry.name, None, entry.size, findings)
        else:
            yield Entry(entry.name, content, len(content), findings, unseen)


def _content(data: bytes, entry: ZipEntry, meter: Meter) -> bytes | None:
    """Unpack one file; None for an unknown method. Raises Stopped, and the errors in FAILURES."""
    packed = memoryview(data)[entry.data_start : entry.end]
    if entry.method == 0:
        return meter.collect((bytes(packed),), lambda: len(packed))
    method = ZIP_METHODS.get(entry.method)
    if method is None:
        return None
    unpacking = method(packed)
    return meter.collect(unpacking.blocks(entry.size), lambda: unpacking.consumed)


def _decrypted(data: bytes, entry: ZipEntry, keys: Keys, meter: Meter, findings: tuple[Finding, ...]) -> Entry:
    """Try the passwords on one file."""
    archive = rewritten(data, entry)
    for password in keys:
        before = meter.taken
        content = _by_password(archive, password, entry, meter)
        if content is not None:
            keys.fitted(password)
            findings += (OPENED,)
            return Entry(entry.name, content, len(content), findings, unseen=True)
        meter.taken = before
    findings += (LOCKED,)
    return Entry(entry.name, None, entry.size, findings)


def _by_password(archive: bytes, password: str, entry: ZipEntry, meter: Meter) -> bytes | None:
    """Give the content if the password fits. Raises Stopped past a limit."""
    try:
        with libarchive.memory_reader(archive, "zip", "none", passphrase=password) as reader:
            for found in reader:
                content = meter.collect(found.get_blocks(_BLOCK), lambda: reader.bytes_read)
                # One password in 256 passes the first check of the older encryption (APPNOTE 6.1.6); the checksum decides.
                return content if entry.method == _AES or zlib.crc32(content) == entry.crc else None
    except (libarchive.ArchiveError, ValueError):
        pass
    return None
