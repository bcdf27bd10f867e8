"""Macros in Office documents: VBA, read by oletools (olevba), and Excel 4 macro sheets.

A macro is common inside of companies and rare in mail from strangers; what tells an attack is that it runs by itself when
the document is opened, and what it then calls (MITRE ATT&CK T1204.002, T1137).
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator
from itertools import islice
from typing import Final

from oletools.olevba import VBA_Parser, detect_autoexec, detect_suspicious, filter_vba

from gatepost.checks.attachments.notes import Notes
from gatepost.mail import file_limits

_STARTS: Final = frozenset(
    "shell wscript.shell run createobject shellexecute shellexecutea powershell urldownloadtofilea winhttp xmlhttp msxml2.xmlhttp "
    "adodb.stream createthread virtualalloc callbyname getobject environ lib write savetofile kill regwrite".split()
)
"""Keywords of olevba that start, fetch or write something; its others (Chr, Open, Hex) stand in honest macros too."""

SAVED: Final = b"ActiveMime"
"""Begins macros in a document that Office saved as text."""
_ZLIB: Final = re.compile(rb"\x78[\x01\x5e\x9c\xda]")
_ZLIB_HEAD: Final = 2
_COMPOUND: Final = b"\xd0\xcf\x11\xe0"
_BLOCK: Final = 16 * 1024

VBA_SIGNS: Final = ("_VBA_PROJECT".encode("utf-16-le"), b"Attribut\x00")
"""What any compound file with VBA holds: the name of its project stream, or compressed code (olevba looks for the same)."""


def inspect_vba(notes: Notes, data: bytes) -> None:
    """Analyse the VBA code of a document of any Office format; never raises."""
    try:
        parser = VBA_Parser("document", data=data, disable_pcode=True)
        parser.no_xlm = True
        if not parser.detect_vba_macros():
            return
        notes.find("macro", "holds macros")
        code = _code(parser)
    except Exception as error:  # noqa: BLE001  olevba raises what it meets
        notes.find("macro", f"holds macros that cannot be read ({type(error).__name__})")
        return
    judge_code(notes, code)


def inspect_saved(notes: Notes, data: bytes) -> None:
    """Unpack the macros of a document that Office saved as XML or as a web page (ActiveMime); never raises.

    The compound file lies packed with zlib behind a header of 50 bytes, which need not be of that length.
    """
    notes.find("macro", "holds macros, as a document that Office saved as text")
    for match in islice(_ZLIB.finditer(data, 0, 1_024), 20):
        content = inflated(data, match.start(), file_limits.OFFICE_PART_BYTES)
        if content.startswith(_COMPOUND):
            inspect_vba(notes, content)
            notes.hold("", content)
            return


def inflated(data: bytes, at: int, limit: int) -> bytes:
    """Give what is packed with zlib (RFC 1950) from a place on, up to a limit; what was read before it breaks off.

    The checksum behind it is not asked: nor do readers that repair what is damaged.
    """
    inflater, pieces, left = zlib.decompressobj(wbits=-zlib.MAX_WBITS), [], limit
    at += _ZLIB_HEAD
    # In small blocks, because zlib keeps a copy of what it has not used.
    try:
        while left > 0 and at < len(data) and not inflater.eof:
            piece = inflater.decompress(inflater.unconsumed_tail + data[at : at + _BLOCK], left)
            at += _BLOCK
            pieces.append(piece)
            left -= len(piece)
    except zlib.error:
        pass
    return b"".join(pieces)


def _code(parser: VBA_Parser) -> str:
    """Join the code of all modules, bounded; what cannot be decoded is left out."""
    pieces, left = [], file_limits.MACRO_CHARACTERS
    for _, _, _, code in parser.extract_all_macros():
        text = code if isinstance(code, str) else code.decode("latin-1")
        pieces.append(text[:left])
        left -= len(text)
        if left <= 0:
            break
    return "\n".join(pieces)


def judge_code(notes: Notes, code: str) -> None:
    """Say what VBA code does: whether it runs by itself, and what it starts."""
    plain = filter_vba(code)
    triggers = sorted({str(keyword) for keyword, _ in detect_autoexec(plain)})
    starts = sorted({str(keyword) for keyword, _ in detect_suspicious(plain) if str(keyword).lower() in _STARTS})
    if triggers:
        calls = f" and calls {', '.join(starts[:4])}" if starts else ""
        notes.find("autoopen", f"holds a macro that runs by itself ({', '.join(triggers[:3])}){calls}")
    if starts:
        notes.find("suspicious-macro", f"holds a macro that calls {', '.join(starts[:6])}")
    notes.links_in(plain)


def inspect_workbook(notes: Notes, stream: bytes) -> None:
    """Find Excel 4 macro sheets in a Workbook stream (MS-XLS 2.4.28 BoundSheet8), and names that run them at opening."""
    hidden = ""
    for kind, body in _records(stream):
        if kind == 0x85 and len(body) > 6 and body[5] == 1:
            hidden = " (hidden)" if body[4] & 3 else hidden
            notes.find("macro", f"holds an Excel 4 macro sheet{hidden}")
        # Lbl, 2.4.150: a built-in name of one character, 1 for Auto_Open and 2 for Auto_Close.
        elif kind == 0x18 and len(body) > 15 and body[0] & 0x20 and body[3] == 1 and body[15] in {1, 2}:
            notes.find("autoopen", "holds an Excel 4 macro that runs by itself")


def _records(stream: bytes) -> Iterator[tuple[int, bytes]]:
    """Give the records of the workbook's globals, which end with EOF (0x0A)."""
    at = 0
    for _ in range(file_limits.OFFICE_PARTS * 4):
        if at + 4 > len(stream):
            return
        kind, size = struct.unpack_from("<HH", stream, at)
        if kind == 0x0A:
            return
        yield kind, stream[at + 4 : at + 4 + size]
        at += 4 + size
