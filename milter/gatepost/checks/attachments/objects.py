"""Objects inside of documents: the packages that OLE wraps around files (MS-OLEDS 2.3.6)."""

from __future__ import annotations

from oletools.oleobj import OleNativeStream

from gatepost.checks.attachments.notes import Notes


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
