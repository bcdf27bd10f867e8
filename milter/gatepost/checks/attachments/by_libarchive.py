"""The many archive formats that libarchive reads, and streams that hold one compressed file.

libarchive is asked for the one format that the file is known to be: with all of them switched on, text can pass for an archive.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import islice
from typing import Any, Final

import libarchive
from libarchive import ffi

from gatepost.checks.attachments.bounds import Meter
from gatepost.checks.attachments.entry import Entry, Listing, clean_name, name_findings
from gatepost.checks.attachments.formats import Kind
from gatepost.checks.attachments.kinds import is_disguised, kind_of, skippable
from gatepost.checks.attachments.names import extension
from gatepost.checks.attachments.obstacles import LOCKED, Stopped, locked

# Kind to libarchive's names for its format and for the compression around it.
FORMATS: Final[Mapping[str, tuple[str, str]]] = {
    Kind.TAR: ("tar", "none"),
    Kind.CAB: ("cab", "none"),
    Kind.LHA: ("lha", "none"),
    Kind.CPIO: ("cpio", "none"),
    Kind.AR: ("ar", "none"),
    Kind.XAR: ("xar", "none"),
    Kind.ISO: ("iso9660", "none"),
    Kind.UDF: ("iso9660", "none"),  # a bridge disk has both directories (ECMA-167); a pure one is told as unopened
    Kind.RPM: ("cpio", "all"),
    Kind.SEVENZIP: ("7zip", "none"),
}
STREAMS: Final[Mapping[str, str]] = {
    Kind.GZIP: "gzip",
    Kind.BZIP2: "bzip2",
    Kind.XZ: "xz",
    Kind.LZMA: "lzma",
    Kind.LZIP: "lzip",
    Kind.ZSTD: "zstd",
    Kind.LZ4: "lz4",
    Kind.COMPRESS: "compress",
}
"""Kinds that hold one compressed file, with libarchive's names of their methods."""

_BLOCK: Final = 256 * 1024
_AS_THEY_ARE: Final = frozenset({"tar", "cpio", "ar", "iso9660"})
_RAR5: Final = b"Rar!\x1a\x07\x01\x00"
_GZIP_EXTRA: Final = 0x04  # RFC 1952 2.3.1
_GZIP_NAME: Final = 0x08
_GZIP_NAME_BYTES: Final = 1_024

# What libarchive's messages mean (its own sources; there are no codes).
_ENCRYPTED: Final = re.compile(r"encrypt|crypto|passphrase|password", re.IGNORECASE)
_MEMORY: Final = re.compile(r"memory|allocat", re.IGNORECASE)
_TOO_OFTEN: Final = re.compile(r"too many filters", re.IGNORECASE)
_UNKNOWN: Final = re.compile(r"unsupported|not supported|unavailable|unrecognized|unknown", re.IGNORECASE)

_SUFFIX: Final = re.compile(r"\.(?:gz|gzip|bz2?|bzip2|xz|lzma|lz|zst|zstd|lz4|z)$", re.IGNORECASE)
_FILES: Final = frozenset({0, 0o100000})  # RAR leaves the type open
_is_encrypted: Final = ffi.ffi("entry_is_encrypted", [ffi.c_archive_entry_p], ffi.c_int)


def open_by_libarchive(kind: str, name: str, data: bytes, meter: Meter) -> Iterator[Entry | Listing]:
    """Give the files of an archive, or the one file of a stream. Raises Stopped with the reason why it cannot be read on."""
    try:
        if kind in STREAMS:
            yield from _named_stream(kind, name, data[skippable(data) :], meter)
            return
        form, compression = FORMATS[kind]
        if compression == "none":
            yield _listing(form, data, meter)
        hidden = is_disguised(kind, data)
        for entry in _archive(form, compression, data, meter):
            yield replace(entry, unseen=True) if hidden else entry
    except libarchive.ArchiveError as error:
        raise _stopped(str(error.msg)) from None


def open_rar(data: bytes, meter: Meter) -> Iterator[Entry]:
    """Give the files of a RAR archive of either format as far as they are not encrypted. Raises Stopped as above."""
    try:
        yield from _archive("rar5" if data.startswith(_RAR5) else "rar", "none", data, meter)
    except libarchive.ArchiveError as error:
        raise _stopped(str(error.msg)) from None


def _named_stream(kind: str, name: str, data: bytes, meter: Meter) -> Iterator[Entry]:
    """Give what _stream gives, and of a stream that does not even begin to unpack the name of its file."""
    given = False
    try:
        for entry in _stream(kind, name, data, meter):
            given = True
            yield entry
    except libarchive.ArchiveError as error:
        for inner in () if given else _inner_names(kind, name, data):
            yield _entry(inner, b"", [error])
        raise


def _stream(kind: str, name: str, data: bytes, meter: Meter) -> Iterator[Entry]:
    method = STREAMS[kind]
    head = _beginning(method, data)
    if kind_of(head, "") == Kind.TAR:
        # Read as one, it may be larger than a single file may.
        for entry in _archive("tar", method, data, meter):
            yield replace(entry, unseen=True) if is_disguised(Kind.TAR, head) else entry
        return
    with libarchive.memory_reader(data, "raw", method) as reader:
        for found in reader:
            meter.count()
            broken: list[libarchive.ArchiveError] = []
            content = meter.collect(_until_broken(found, broken), lambda: reader.bytes_read)
            if content == data:
                raise Stopped("unopened", f"is packed in a way that is not opened here ({method})")
            for inner in _inner_names(kind, name, data):
                yield _entry(inner, content, broken)
            if broken:
                raise broken[0]


def _beginning(method: str, data: bytes) -> bytes:
    """Give what a stream begins with, enough to know a tar archive by; b"" of one that is damaged there."""
    with libarchive.memory_reader(data, "raw", method) as reader:
        for entry in reader:
            return next(_until_broken(entry, []), b"")
    return b""


def _inner_names(kind: str, name: str, data: bytes) -> Iterator[str]:
    """Name what is in a stream: as the stream's own name says without its last ending.

    A gzip file may say another name (RFC 1952 2.3, FNAME), which some programs go by: it is given too if it ends otherwise.
    """
    stem = _SUFFIX.sub("", name)
    yield stem
    if kind == Kind.GZIP and (own := clean_name(_gzip_name(data))) and extension(own) != extension(stem):
        yield own


def _gzip_name(data: bytes) -> bytes:
    """Give the name in the header of a gzip file's first member, or b""."""
    flags, at = data[3] if len(data) > 10 else 0, 10
    if not flags & _GZIP_NAME:
        return b""
    if flags & _GZIP_EXTRA:
        at += 2 + int.from_bytes(data[at : at + 2], "little")
    return data[at : at + _GZIP_NAME_BYTES].partition(b"\0")[0]


def _until_broken(entry: Any, broken: list[libarchive.ArchiveError]) -> Iterator[bytes]:
    """Give the blocks of a file as far as it can be unpacked; what ended it early goes into `broken`."""
    try:
        yield from entry.get_blocks(_BLOCK)
    except libarchive.ArchiveError as error:
        broken.append(error)


def _entry(name: str, content: bytes, broken: Iterable[libarchive.ArchiveError]) -> Entry:
    """Give a file, or of one that broke off its name, the reason, and what came out of it."""
    findings = (*name_findings(name), *(_stopped(str(error.msg)).finding for error in broken))
    return Entry(name, content if content or not broken else None, len(content), findings)


def _listing(archive: str, data: bytes, meter: Meter) -> Listing:
    """Give the names in an archive, as far as they can be read without unpacking anything."""
    entries = []
    try:
        with libarchive.memory_reader(data, archive, "none") as reader:
            for entry in islice(reader, meter.bounds.files):
                if entry.filetype in _FILES:
                    name = clean_name(entry.pathname)
                    entries.append(Entry(name, None, entry.size or 0, name_findings(name)))
    except libarchive.ArchiveError:
        pass  # The reader that comes after meets it too, and says so.
    return Listing(tuple(entries))


def _archive(archive: str, compression: str, data: bytes, meter: Meter) -> Iterator[Entry]:
    # Of what is not compressed libarchive takes a file in one piece, and counts it only afterwards.
    whole = len(data) if compression == "none" and archive in _AS_THEY_ARE else 0
    with libarchive.memory_reader(data, archive, compression) as reader:
        for entry in reader:
            meter.count()
            name = clean_name(entry.pathname)
            findings = name_findings(name)
            if _is_encrypted(entry._entry_p):  # noqa: SLF001  the binding does not give it
                yield Entry(name, None, entry.size or 0, (*findings, LOCKED))
                continue
            if entry.filetype not in _FILES:
                # Folders, links and devices have no content of their own; what matters is where they would lie.
                if findings:
                    yield Entry(name, None, 0, findings)
                continue
            broken: list[libarchive.ArchiveError] = []
            content = meter.collect(_until_broken(entry, broken), lambda: whole or reader.bytes_read)
            yield _entry(name, content, broken)
            if broken:
                raise broken[0]


def _stopped(message: str) -> Stopped:
    """Tell libarchive's complaints apart."""
    if _ENCRYPTED.search(message):
        return locked()
    if _TOO_OFTEN.search(message):
        return Stopped("limit", "is compressed more times over than is opened")
    if _MEMORY.search(message):
        return Stopped("limit", "needs more memory to open than is given to it")
    if _UNKNOWN.search(message):
        return Stopped("unopened", f"is packed in a way that is not opened here ({message})")
    return Stopped("damaged", f"is damaged or cut off ({message})")
