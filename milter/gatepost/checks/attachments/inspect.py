"""Look into one file: to each kind its inspector.

This module and those below it load libraries that read hostile formats; they run in the jail (world/jail), never in a worker.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from gatepost.checks.attachments import codes, letters, lnk, ole, onenote, ooxml, page, pdf, polyglot, rtf
from gatepost.checks.attachments.formats import Kind
from gatepost.checks.attachments.item import Inspection
from gatepost.checks.attachments.macros import inspect_vba
from gatepost.checks.attachments.notes import Notes

log: Final = logging.getLogger(__name__)


def _office_xml(notes: Notes, data: bytes) -> None:
    if b"macrosPresent" in data or b"binData" in data or b"vbaProject" in data:
        inspect_vba(notes, data)
    letters.inspect_markup(notes, data)


def _xml(notes: Notes, data: bytes) -> None:
    # Elements of XHTML run as script wherever they stand in a document.
    if b"1999/xhtml" in data:
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
    Kind.ODF: ooxml.inspect_odf,
    Kind.MSG: ole.inspect_msg,
    Kind.RTF: rtf.inspect_rtf,
    Kind.ONENOTE: onenote.inspect_onenote,
    Kind.LNK: lnk.inspect_lnk,
    Kind.SHORTCUT: lnk.inspect_shortcut,
    Kind.IMAGE: codes.inspect_image,
    Kind.CALENDAR: letters.inspect_folded,
    Kind.VCARD: letters.inspect_folded,
    Kind.MAIL: letters.inspect_mail,
    Kind.MHT: letters.inspect_mail,
}


def inspect_file(kind: str, name: str, data: bytes, passwords: Sequence[str] = ()) -> Inspection:
    """Look into one file. Takes its kind (kinds.py), its name, its bytes, and passwords to try on encrypted documents.

    Archives are not opened here. Never raises: an inspector that fails is a finding, `attachment.error`.
    """
    notes = Notes()
    try:
        _inspect(notes, kind, name, data, passwords)
        polyglot.inspect_behind(notes, kind, data)
    except Exception as error:
        log.exception("inspecting a file of kind %s failed", kind)
        notes.find("error", f"could not be looked into ({type(error).__name__})")
    return notes.done()


def _inspect(notes: Notes, kind: str, name: str, data: bytes, passwords: Sequence[str]) -> None:
    if kind == Kind.PDF:
        pdf.inspect_pdf(notes, data, passwords)
    elif kind in {Kind.OLE, Kind.MSI}:
        ole.inspect_ole(notes, data, passwords)
    elif kind in {Kind.TEXT, Kind.UUE, Kind.POSTSCRIPT}:
        letters.inspect_text(notes, name, data)
    elif inspector := _INSPECTORS.get(kind):
        inspector(notes, data)
