"""OneNote sections (MS-ONESTORE): the files that lie in them, a click away and without the mark of coming from outside."""

from __future__ import annotations

import re
from typing import Final
from uuid import UUID

from gatepost.checks.attachments.formats import Kind
from gatepost.checks.attachments.kinds import kind_of
from gatepost.checks.attachments.notes import Notes
from gatepost.mail import file_limits

_FILE_DATA: Final = UUID("{BDE316E7-2665-4511-A4C4-8D4D0B7A9EAC}").bytes_le
"""Begins a FileDataStoreObject (MS-ONESTORE 2.6.13): this, the length in 8 bytes, 12 bytes, the file."""
_HEADER: Final = 36
_RUN_BY_A_CLICK: Final = frozenset({Kind.TEXT, Kind.SCRIPT, Kind.HTML, Kind.LNK, Kind.SHORTCUT, Kind.XML})
"""Kinds that have no business in a section but to be opened: their names, which are not read, make them script."""
_RUN: Final = re.compile(rb"(?:[\x20-\x7e]\0){6,}")


def inspect_onenote(notes: Notes, data: bytes) -> None:
    """Give the files of a section as members, and its text; never raises."""
    at, count, kinds = data.find(_FILE_DATA), 0, set()
    while at >= 0 and count < file_limits.FILE_MEMBERS:
        size = int.from_bytes(data[at + 16 : at + 24], "little")
        content = data[at + _HEADER : at + _HEADER + size]
        kind = kind_of(content, "")
        if kind not in {Kind.IMAGE, Kind.EMPTY}:
            kinds.add(str(kind))
            notes.hold("", content)
        if kind in _RUN_BY_A_CLICK:
            notes.find("script", f"holds a script or shortcut that a click opens ({kind})")
        count += 1
        at = data.find(_FILE_DATA, at + _HEADER)
    if kinds:
        notes.find("object", f"holds files that a click opens ({', '.join(sorted(kinds))})")
    text = b"\n".join(run[0] for _, run in zip(range(2_000), _RUN.finditer(data), strict=False))
    notes.read(text.replace(b"\0", b"").decode("ascii", "replace"))
