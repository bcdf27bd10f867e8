"""Objects inside of documents: the packages that OLE wraps around files (MS-OLEDS 2.3.6)."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from oletools.oleobj import OleNativeStream

from gatepost.checks.attachments.notes import Notes

URL_MONIKER: Final = UUID("79EAC9E0-BAF9-11CE-8C82-00AA004BA90B").bytes_le
"""The class of links to web addresses (urlmon.h): within an object it makes the document fetch and run what is there."""


def native(notes: Notes, stream: bytes) -> None:
    """Give the file in an Ole10Native stream as a member; never raises."""
    try:
        packed = OleNativeStream(bindata=stream)
    except Exception as error:  # noqa: BLE001  oletools raises what it meets
        notes.find("damaged", f"holds a package that cannot be opened ({type(error).__name__})")
        notes.hold("", stream)
        return
    name = packed.filename or packed.src_path or ""
    if packed.is_link or not packed.data:
        notes.find("external", f"holds a link to a file elsewhere ({name[:120]})")
        return
    notes.find("object", f"holds a file that a click opens ({name[:120] or 'unnamed'})")
    notes.hold(name, bytes(packed.data))
