"""Look into one file: to each kind its inspector.

This module and those below it load libraries that read hostile formats; they run in the jail (world/jail), never in a worker.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from gatepost.checks.attachments import codes, letters, lnk, odf, ole, onenote, ooxml, page, pdf, polyglot, rtf, signed
from gatepost.checks.attachments.formats import Kind
from gatepost.checks.attachments.item import Inspection
from gatepost.checks.attachments.macros import SAVED, inspect_saved, inspect_vba
from gatepost.checks.attachments.markup import runs_script
from gatepost.checks.attachments.notes import Notes, decoded
from gatepost.checks.attachments.openers import opened_as
from gatepost.mail import file_limits

log: Final = logging.getLogger(__name__)


_SINGLE: Final = re.compile(
    "progid\\s{0,5}=\\s{0,5}[\"'](?:Word|Excel|PowerPoint)\\.|schemas\\.microsoft\\.com/office/(?:2006/xmlPackage|word/2003/wordml)"
    "|urn:schemas-microsoft-com:office"
)
"""What a document of Office in one XML file says it is."""
_SAVED_PAGE: Final = b"mime-version"
"""Word opens as a saved web page (MHTML) whatever has this line, also a PDF (JPCERT/CC: MalDoc in PDF)."""


def _office_xml(notes: Notes, data: bytes) -> None:
    if b"macrosPresent" in data or b"binData" in data or b"vbaProject" in data:
        inspect_vba(notes, data)
    ooxml.inspect_single(notes, data[: file_limits.OFFICE_PART_BYTES])
    letters.inspect_markup(notes, data)


def _xml(notes: Notes, data: bytes) -> None:
    # A comment may push what the document says it is past where its kind is looked for.
    if _SINGLE.search(decoded(data[: file_limits.OFFICE_PART_BYTES])):
        _office_xml(notes, data)
    if b"urn:oasis:names:tc:opendocument" in data:
        odf.inspect_flat(notes, data[: file_limits.OFFICE_PART_BYTES])
    # Elements of XHTML and SVG run as script wherever they stand in a document.
    if b"1999/xhtml" in data or runs_script(data[: file_limits.OFFICE_PART_BYTES]):
        page.inspect_page(notes, data)
    else:
        letters.inspect_markup(notes, data)


_INSPECTORS: Final[Mapping[str, Callable[[Notes, bytes], None]]] = {
    Kind.HTML: page.inspect_page,
    Kind.SVG: page.inspect_drawing,
    Kind.SCRIPT: page.inspect_script,
    Kind.XML: _xml,
    Kind.OFFICE_XML: _office_xml,
    Kind.OOXML: ooxml.inspect_ooxml,
    Kind.ODF: odf.inspect_odf,
    Kind.RTF: rtf.inspect_rtf,
    Kind.ONENOTE: onenote.inspect_onenote,
    Kind.LNK: lnk.inspect_lnk,
    Kind.SHORTCUT: lnk.inspect_shortcut,
    Kind.IMAGE: codes.inspect_image,
    Kind.CALENDAR: letters.inspect_folded,
    Kind.VCARD: letters.inspect_folded,
    Kind.TNEF: letters.inspect_container,
    Kind.MAIL: letters.inspect_mail,
    Kind.MHT: letters.inspect_saved_page,
}

_TABLE_KINDS: Final = frozenset({Kind.HTML, Kind.XML, Kind.OFFICE_XML})
"""Kinds that a spreadsheet reads as a table where their name says so."""


def inspect_file(kind: str, name: str, data: bytes, passwords: Iterable[str] = ()) -> Inspection:
    """Look into one file. Takes its kind (kinds.py), its name, its bytes, and passwords to try on encrypted documents.

    A file that its name has opened as another kind than its bytes say is looked into as both. Archives are not opened here.
    Never raises: an inspector that fails is a finding, `attachment.error`.
    """
    notes = Notes()
    _try(notes, kind, name, data, passwords)
    for other in opened_as(kind, name, data):
        _try(notes, other, name, data, passwords)
    return notes.done()


def _try(notes: Notes, kind: str, name: str, data: bytes, passwords: Iterable[str]) -> None:
    try:
        _inspect(notes, kind, name, data, passwords)
        polyglot.inspect_behind(notes, kind, data)
    except Exception as error:
        log.exception("inspecting a file of kind %s failed", kind)
        notes.find("error", f"could not be looked into ({type(error).__name__})")


def _saved_page(data: bytes) -> int | None:
    """Say where the header of a saved web page begins, at the start of a line. A plain search: an expression takes ten times as long."""
    lower = data.lower()
    at = lower.find(_SAVED_PAGE)
    while at >= 0:
        end = at + len(_SAVED_PAGE)
        if lower[max(0, at - 1) : at] in (b"", b"\n") and lower[end : end + 20].lstrip(b" \t").startswith(b":"):
            return at
        at = lower.find(_SAVED_PAGE, end)
    return None


def _inspect(notes: Notes, kind: str, name: str, data: bytes, passwords: Iterable[str]) -> None:
    if kind == Kind.PDF:
        pdf.inspect_pdf(notes, data, passwords)
        if (start := _saved_page(data)) is not None:
            notes.hold("", data[start:])
    elif kind in {Kind.OLE, Kind.MSI, Kind.MSG}:
        ole.inspect_ole(notes, data, passwords)
    elif kind in {Kind.TEXT, Kind.UUE, Kind.POSTSCRIPT}:
        letters.inspect_text(notes, name, data)
        signed.inspect_signed(notes, name, data)
    elif data.startswith(SAVED):
        inspect_saved(notes, data)
    elif kind == Kind.DATA:
        signed.inspect_signed(notes, name, data)
    elif inspector := _INSPECTORS.get(kind):
        inspector(notes, data)
        if kind in _TABLE_KINDS:
            letters.inspect_table(notes, name, decoded(data[: file_limits.MARKUP_BYTES]))
