"""Files that are two things at once: a picture, a document or a page in front, an archive behind.

A ZIP file is read from its end (APPNOTE 4.3.6), a picture from its beginning, so both may be the same bytes: whoever looks
at the front sees a picture, whoever opens it with the other program gets what it was sent for.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from gatepost.checks.attachments.formats import Kind
from gatepost.checks.attachments.notes import Notes

_END: Final = b"PK\x05\x06"
_RECORD: Final = struct.Struct("<HIIH")
_FRONTS: Final = frozenset(
    {Kind.IMAGE, Kind.PDF, Kind.HTML, Kind.SVG, Kind.RTF, Kind.MEDIA, Kind.TEXT, Kind.XML, Kind.OLE, Kind.DATA}
)
_CONTAINERS: Final = frozenset({Kind.DATA, Kind.OLE})
"""Kinds within which whole files are an ordinary thing: what is signed (CMS), and what is embedded in old documents."""
_SLACK: Final = 2
"""Bytes behind an archive that do not count: a line end of the transport."""
_BEHIND: Final = (
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"MSCF\0\0\0\0", "a cabinet"),
)


def inspect_behind(notes: Notes, kind: str, data: bytes) -> None:
    """Find an archive behind another file, and give it as a member; never raises."""
    if kind not in _FRONTS:
        return
    found = _zip_behind(data)
    if found is not None:
        # Signed containers and documents carry whole files within them, too; but those do not end there.
        if found.at_end and kind not in _CONTAINERS:
            notes.find("polyglot", f"is both {_called(kind)} and a ZIP archive")
        notes.hold("", data[found.start :])
        return
    if kind == Kind.IMAGE:
        for magic, called in _BEHIND:
            at = data.find(magic, 16)
            if at > 0:
                notes.find("polyglot", f"is an image with {called} behind it")
                notes.hold("", data[at:])
                return


def _called(kind: str) -> str:
    return {Kind.PDF: "a PDF", Kind.IMAGE: "an image", Kind.HTML: "a web page", Kind.MEDIA: "a sound or film"}.get(
        Kind(kind), f"a file of another kind ({kind})"
    )


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
