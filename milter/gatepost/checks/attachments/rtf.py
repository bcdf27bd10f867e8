"""RTF documents: objects that lie in them, fields that run commands, templates fetched from elsewhere.

Objects are found by oletools (rtfobj), which knows how Word's parser is led astray. A letter has none of them.
"""

from __future__ import annotations

import re
import struct
from itertools import islice
from typing import Final

from oletools.rtfobj import RtfObject, RtfObjParser

from gatepost.checks.attachments.elsewhere import in_own_network, is_remote
from gatepost.checks.attachments.fields import starts_program
from gatepost.checks.attachments.notes import Notes
from gatepost.checks.attachments.objects import URL_MONIKER
from gatepost.mail import file_limits

_DESTINATION: Final = re.compile(rb"\\(fldinst|template)(?![a-z])", re.IGNORECASE)
_TOKEN: Final = re.compile(
    rb"\\([a-z]{1,32})(-?\d{1,10})? ?|((?:\\'[0-9a-f]{2})+)|\\(.)|([{}])|([^\\{}\r\n]+)|.", re.IGNORECASE | re.DOTALL
)
_PASSED_OVER: Final = frozenset(
    b"pict object objdata fonttbl colortbl stylesheet info shppict nonshppict shp shptxt footnote".split()
)
"""Groups within a field that are no part of its code, as all that begin with a star and are not read."""
_READ: Final = frozenset((b"fldinst", b"template", b"field", b"fldrslt"))
_INCLUDE: Final = re.compile(r"INCLUDE(?:TEXT|PICTURE)\s{1,20}\"?((?:https?:|\\\\)[^\s\"]{3,300})", re.IGNORECASE)
_WORD: Final = re.compile(rb"\\\*?[a-z]{1,32}-?\d{0,10} ?|[{}\r\n]|\\'[0-9a-f]{2}|\\[^a-z]", re.IGNORECASE)
_BLOB: Final = re.compile(
    rb"\{\\\*?\\?(?:pict|objdata|fonttbl|stylesheet|themedata|colortbl|datastore|info|generator)\b[^{}]{0,8000000}",
    re.IGNORECASE,
)
_MARK: Final = re.compile(rb"[\\{}]")
_BEFORE_OBJECT: Final = 4_096
"""Bytes in front of an object's data that are parsed with it: the groups that it stands in, and its class."""
_LINK: Final = re.compile(rb"HYPERLINK\s{0,10}\"([^\"]{4,2000})\"", re.IGNORECASE)


def inspect_rtf(notes: Notes, data: bytes) -> None:
    """Read an RTF document; files in it become members. Never raises."""
    if len(data) > file_limits.RTF_BYTES:
        notes.find("partial", "was parsed at its beginning only")
        data = data[: file_limits.RTF_BYTES]
    if b"objdata" in data or b"\\bin" in data:
        _objects(notes, _within_bounds(notes, data))
    fields, templates = _codes(data)
    for template in templates:
        target = template.strip().strip('"')
        if is_remote(target) or "://" in target[:20]:
            word = "external" if in_own_network(target) else "template"
            notes.find(word, f"fetches its template from elsewhere ({target[:120]})")
    if starts_program(fields):
        notes.find("dde", "holds a field that starts a program (DDE)")
    if include := _INCLUDE.search(fields):
        notes.find("external", f"fetches content from {include[1][:120]}")
    for match in _LINK.finditer(data):
        notes.link(match[1].decode("latin-1"))
    notes.read(_WORD.sub(b" ", _BLOB.sub(b" ", data[: file_limits.MARKUP_BYTES])).decode("cp1252", "replace"))


def _codes(data: bytes) -> tuple[str, list[str]]:
    """Give the code of all fields, and the templates, as a reader sees them: without groups, runs and escapes.

    Each group is read once, to where it closes, so the time is linear.
    """
    fields, templates, at = [], [], 0
    while match := _DESTINATION.search(data, at):
        text, at = _group(data, match.end())
        if match[1].lower() == b"template":
            templates.append(text)
        else:
            fields.append(f" {text} ")
    return "".join(fields), templates


def _group(data: bytes, at: int) -> tuple[str, int]:
    """Give the text of the group that data is in at a place, and where it ends."""
    pieces: list[str] = []
    depth, hidden, skip, skipping, fresh, starred = 1, 0, 1, 0, False, False
    while depth and (token := _TOKEN.match(data, at)):
        at = token.end()
        word, number, code, symbol, brace, plain = token.groups()
        if brace:
            depth += 1 if brace == b"{" else -1
            hidden = hidden if depth >= hidden else 0
            fresh, starred = brace == b"{", False
            continue
        if word:
            word = word.lower()
            if word == b"bin":
                at += max(0, int(number or b"0"))
            elif word == b"uc":
                skip = min(max(0, int(number or b"1")), 9)
            elif fresh and not hidden and (word in _PASSED_OVER or (starred and word not in _READ)):
                hidden = depth
            elif word == b"u" and number and not hidden:
                pieces.append(struct.pack("<H", int(number) & 0xFFFF).decode("utf-16-le", "replace"))
                skipping = skip
            fresh = False
            continue
        if symbol == b"*":
            starred = fresh
            continue
        fresh = False
        if hidden or not (piece := _plain(code, symbol, plain)):
            continue
        pieces.append(piece[skipping:])
        skipping = max(0, skipping - len(piece))
    return "".join(pieces), at


def _plain(code: bytes | None, symbol: bytes | None, plain: bytes | None) -> str:
    if code:
        return bytes.fromhex(code.replace(b"\\'", b"").decode("ascii")).decode("cp1252", "replace")
    if symbol:
        return {b"~": " ", b"_": "-", b"-": "", b"\n": " ", b"\r": " "}.get(symbol, symbol.decode("latin-1"))
    return plain.decode("cp1252", "replace") if plain else ""


def _within_bounds(notes: Notes, data: bytes) -> bytes:
    """Give what of a document is parsed for objects: all of it, or, of one with too many marks, from the first object on."""
    if sum(data.count(mark) for mark in (b"\\", b"{", b"}")) <= file_limits.RTF_MARKS:
        return data
    notes.find("partial", "was searched for objects within bounds only")
    places = (data.find(b"objdata"), data.find(b"\\bin"))
    start = max(0, min(place for place in places if place >= 0) - _BEFORE_OBJECT)
    last = next(islice(_MARK.finditer(data, start), file_limits.RTF_MARKS, None), None)
    return data[start : last.start() if last else None]


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
