"""The many archive formats that libarchive reads, and streams that hold one compressed file.

libarchive is asked for the one format that the file is known to be: with all of them switched on, text can pass for an archive.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

import libarchive
from libarchive import ffi

from gatepost.checks.attachments.bounds import Meter
from gatepost.checks.attachments.entry import Entry, clean_name, name_findings
from gatepost.checks.attachments.formats import Kind
from gatepost.checks.attachments.kinds import kind_of
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
    Kind.UUE: "uu",
}
"""Kinds that hold one compressed file, with libarchive's names of their methods."""

_BLOCK: Final = 256 * 1024
_AS_THEY_ARE: Final = frozenset({"tar", "cpio", "ar", "iso9660"})
_TAR_HEAD_BYTES: Final = 512
_RAR5: Final = b"Rar!\x1a\x07\x01\x00"

# What libarchive's messages mean (its own sources; there are no codes).
_ENCRYPTED: Final = re.compile(r"encrypt|crypto|passphrase|password", re.IGNORECASE)
_MEMORY: Final = re.compile(r"memory|allocat", re.IGNORECASE)
_TOO_OFTEN: Final = re.compile(r"too many filters", re.IGNORECASE)
_UNKNOWN: Final = re.compile(r"unsupported|not supported|unavailable|unrecognized|unknown", re.IGNORECASE)

_SUFFIX: Final = re.compile(r"\.(?:gz|gzip|bz2?|bzip2|xz|lzma|lz|zst|zstd|lz4|z|uue?|xxe)$", re.IGNORECASE)
_FILES: Final = frozenset({0, 0o100000})  # RAR leaves the type open
_is_encrypted: Final = ffi.ffi("entry_is_encrypted", [ffi.c_archive_entry_p], ffi.c_int)

_UUE_NAME: Final = re.compile(rb"^begin(?:-base64)? [0-7]{3,4} ([^\r\n]{1,255})", re.MULTILINE)


def open_by_libarchive(kind: str, name: str, data: bytes, meter: Meter) -> Iterator[Entry]:
    """Give the files of an archive, or the one file of a stream. Raises Stopped with the reason why it cannot be read on."""
    try:
        if kind in STREAMS:
            yield from _stream(kind, name, data, meter)
        else:
            yield from _archive(*FORMATS[kind], data, meter)
    except libarchive.ArchiveError as error:
        raise _stopped(str(error.msg)) from None


def open_rar(data: bytes, meter: Meter) -> Iterator[Entry]:
    """Give the files of a RAR archive of either format as far as they are not encrypted. Raises Stopped as above."""
    try:
        yield from _archive("rar5" if data.startswith(_RAR5) else "rar", "none", data, meter)
    except libarchive.ArchiveError as error:
        raise _stopped(str(error.msg)) from None


def _stream(kind: str, name: str, data: bytes, meter: Meter) -> Iterator[Entry]:
    method = STREAMS[kind]
    if _holds_tar(method, data):
        # Read as one, it may be larger than a single file may.
        yield from _archive("tar", method, data, meter)
        return
    with libarchive.memory_reader(data, "raw", method) as reader:
        for entry in reader:
            meter.count()
            content = meter.collect(entry.get_blocks(_BLOCK), lambda: reader.bytes_read)
            if content == data:
                raise Stopped("unopened", f"is packed in a way that is not opened here ({method})")
            yield Entry(_inner_name(kind, name, data), content, len(content))


def _holds_tar(method: str, data: bytes) -> bool:
    with libarchive.memory_reader(data, "raw", method) as reader:
        for entry in reader:
            return kind_of(next(iter(entry.get_blocks(_TAR_HEAD_BYTES)), b""), "") == Kind.TAR
    return False


def _inner_name(kind: str, name: str, data: bytes) -> str:
    """Name what is in a stream: as a uuencoded file says, else as the stream's own name says without its last ending."""
    if kind == Kind.UUE and (found := _UUE_NAME.search(data)):
        return clean_name(found[1])
    return _SUFFIX.sub("", name)


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
            content = meter.collect(entry.get_blocks(_BLOCK), lambda: whole or reader.bytes_read)
            yield Entry(name, content, len(content), findings)


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
