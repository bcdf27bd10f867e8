"""RTF documents: objects that lie in them, fields that run commands, templates fetched from elsewhere.

Objects are found by oletools (rtfobj), which knows how Word's parser is led astray. A letter has none of them.
"""

from __future__ import annotations

import re
from typing import Final

from oletools.rtfobj import RtfObject, RtfObjParser

from gatepost.checks.attachments.notes import Notes
from gatepost.checks.attachments.objects import URL_MONIKER
from gatepost.mail import file_limits

_TEMPLATE: Final = re.compile(rb"\\\*\s{0,10}\\template\s{0,20}([^{}]{4,2000})\}", re.IGNORECASE)
_DDE: Final = re.compile(rb"\\fldinst[^}]{0,200}?(DDEAUTO|DDE)\b[^}]{0,300}", re.IGNORECASE)
_INCLUDE: Final = re.compile(
    rb"\\fldinst[^}]{0,100}INCLUDE(?:TEXT|PICTURE)[^}]{0,20}((?:https?:|\\\\\\\\)[^}\s\"]{3,300})", re.IGNORECASE
)
_WORD: Final = re.compile(rb"\\\*?[a-z]{1,32}-?\d{0,10} ?|[{}\r\n]|\\'[0-9a-f]{2}|\\[^a-z]", re.IGNORECASE)
_BLOB: Final = re.compile(
    rb"\{\\\*?\\?(?:pict|objdata|fonttbl|stylesheet|themedata|colortbl|datastore|info|generator)\b[^{}]{0,8000000}",
    re.IGNORECASE,
)
_LINK: Final = re.compile(rb"HYPERLINK\s{0,10}\"([^\"]{4,2000})\"", re.IGNORECASE)


def inspect_rtf(notes: Notes, data: bytes) -> None:
    """Read an RTF document; files in it become members. Never raises."""
    if len(data) > file_limits.RTF_BYTES:
        notes.find("partial", "was parsed at its beginning only")
        data = data[: file_limits.RTF_BYTES]
    if b"objdata" in data or b"\\bin" in data:
        _objects(notes, data)
    if match := _TEMPLATE.search(data):
        target = match[1].strip().decode("latin-1")
        if "://" in target or target.startswith("\\\\") or "\\'" in target or "\\u" in target:
            notes.find("template", f"fetches its template from elsewhere ({target[:120]})")
    if match := _DDE.search(data):
        notes.find("dde", "holds a field that starts a program (DDE)")
    if match := _INCLUDE.search(data):
        notes.find("external", f"fetches content from {match[1].decode('latin-1')[:120]}")
    for match in _LINK.finditer(data):
        notes.link(match[1].decode("latin-1"))
    notes.read(_WORD.sub(b" ", _BLOB.sub(b" ", data[: file_limits.MARKUP_BYTES])).decode("cp1252", "replace"))


def _objects(notes: Notes, data: bytes) -> None:
    parser = RtfObjParser(data)
    try:
        parser.parse()
    except Exception as error:  # noqa: BLE001  the parser raises what it meets
        notes.find("damaged", f"is an RTF document that cannot be parsed ({type(error).__name__})")
    for each in parser.objects[: file_limits.FILE_MEMBERS]:
        _object(notes, each)


def _object(notes: Notes, found: RtfObject) -> None:
    """Say what one object is, and give its content as a member."""
    raw = (found.hexdata or b"").lower()
    if URL_MONIKER.hex().encode() in raw:
        notes.find("remote-object", "fetches an object from elsewhere when it is opened")
    called = (found.class_name or b"").rstrip(b"\0").decode("latin-1")
    if called.lower().startswith("equation") or b"Equation Native".hex().encode() in raw:
        notes.find("equation", "holds an Equation Editor object, whose program runs attackers' code (CVE-2017-11882)")
    elif found.is_package:
        notes.find("object", f"holds a file that a click opens ({found.filename or 'unnamed'})")
        notes.hold(str(found.filename or ""), found.olepkgdata or b"")
        return
    else:
        notes.find("object", f"holds an object ({called[:60] or 'of no known class'})")
    notes.hold("", found.oledata or found.rawdata or b"")
