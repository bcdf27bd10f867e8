"""Files that are two things at once: a picture, a document or a page in front, an archive behind.

A ZIP file is read from its end (APPNOTE 4.3.6), a picture from its beginning, so both may be the same bytes: whoever looks
at the front sees a picture, whoever opens it with the other program gets what it was sent for.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from gatepost.checks.attachments.formats import Kind
from gatepost.checks.attachments.kinds import looks_like_prose
from gatepost.checks.attachments.notes import Notes
from gatepost.mail import file_limits

_END: Final = b"PK\x05\x06"
_RECORD: Final = struct.Struct("<HIIH")
_FRONTS: Final = frozenset(
    {
        *(Kind.IMAGE, Kind.PDF, Kind.HTML, Kind.SVG, Kind.RTF, Kind.MEDIA, Kind.TEXT, Kind.XML, Kind.OLE, Kind.DATA),
        *(Kind.POSTSCRIPT, Kind.FONT, Kind.SCRIPT, Kind.SHORTCUT, Kind.OFFICE_XML, Kind.CALENDAR, Kind.VCARD),
    }
)
_CONTAINERS: Final = frozenset({Kind.DATA, Kind.OLE})
"""Kinds within which whole files are an ordinary thing: what is signed (CMS), and what is embedded in old documents."""
_GLANCE: Final = 512
"""Bytes of the front by which a text is known."""
_SLACK: Final = 2
"""Bytes behind an archive that do not count: a line end of the transport."""
_RAR: Final = b"Rar!\x1a\x07"
_SEVENZIP: Final = b"7z\xbc\xaf\x27\x1c"
_CABINET: Final = b"MSCF\0\0\0\0"
_BEHIND: Final = ((_RAR, "a RAR archive"), (_SEVENZIP, "a 7z archive"), (_CABINET, "a cabinet"))
"""Archives that their programs find behind something else, for the sake of those that unpack themselves."""


def inspect_behind(notes: Notes, kind: str, data: bytes) -> None:
    """Find an archive behind another file, and give it as a member; never raises."""
    if kind not in _FRONTS:
        return
    found = _zip_behind(data)
    if found is not None:
        # Signed containers and documents carry whole files within them, too; but those do not end there.
        if found.at_end and kind not in _CONTAINERS:
            notes.find("polyglot", f"is both {_called(kind)} and a ZIP archive")
        notes.hold("", data[found.start :], unseen=True)
    for at, called in archives_behind(data):
        if found is not None and at >= found.start:
            continue  # It lies in the ZIP archive.
        # What a PDF holds as a file of its own begins a stream (ISO 32000-1 7.3.8).
        apart = kind not in _CONTAINERS and not data[at - 8 : at].endswith((b"stream\n", b"stream\r\n"))
        if apart or looks_like_prose(data[: min(at, _GLANCE)]):
            notes.find("polyglot", f"is {_called(kind)} with {called} behind it")
        notes.hold("", data[at:], unseen=True)


def archives_behind(data: bytes) -> Iterator[tuple[int, str]]:
    """Give where the first RAR archive, the first 7z archive and the first cabinet behind something else begin, and what it is."""
    for magic, called in _BEHIND:
        at = data.find(magic, 1)
        for _ in range(file_limits.ARCHIVE_MARKS):
            if at < 0:
                break
            if _begins(magic, data, at):
                yield at, called
                break
            at = data.find(magic, at + 1)


def _begins(magic: bytes, data: bytes, at: int) -> bool:
    """Say whether an archive really begins at its mark, by what its program would refuse it for."""
    if magic == _RAR:
        return data[at + 6 : at + 7] == b"\0" or data[at + 6 : at + 8] == b"\1\0"
    if magic == _CABINET:
        return data[at + 24 : at + 26] == b"\3\1"  # MS-CAB 2.1: the version
    return data[at + 8 : at + 12] == zlib.crc32(data[at + 12 : at + 32]).to_bytes(4, "little")


def _called(kind: str) -> str:
    names = {Kind.PDF: "a PDF", Kind.IMAGE: "an image", Kind.HTML: "a web page", Kind.MEDIA: "a sound or film"}
    return names.get(Kind(kind), f"a file of another kind ({kind})")


@dataclass(frozen=True, slots=True)
class _Behind:
    """A ZIP archive within another file: where it begins, and whether the file ends with it."""

    start: int
    at_end: bool


def _zip_behind(data: bytes) -> _Behind | None:
    """Find a ZIP archive at the end of data, or near it.

    The directory must stand where its end record says and be followed by it, so that the four letters alone, or an archive
    somewhere in the middle of a document, make none.
    """
    end = data.rfind(_END, max(0, len(data) - 66_000))
    if end < 0 or end + 22 > len(data):
        return None
    count, size, offset, comment = _RECORD.unpack_from(data, end + 10)
    directory: int = end - size
    start: int = directory - offset
    if not count or end + 22 + comment > len(data) or directory < 0 or data[directory : directory + 4] != b"PK\x01\x02":
        return None
    if start == 0:
        # Some tools keep offsets from the front of the whole file: then the first local header says where the archive begins.
        start = data.find(b"PK\x03\x04")
    if not 0 < start < directory or data[start : start + 4] != b"PK\x03\x04":
        return None
    return _Behind(start, at_end=len(data) - (end + 22 + comment) <= _SLACK)
