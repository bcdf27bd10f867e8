"""Text of all kinds, and mail inside of mail: what a person reads in it, and what is attached to it."""

from __future__ import annotations

import re
from itertools import islice
from typing import Final

from gatepost.checks.attachments.names import extension
from gatepost.checks.attachments.notes import Notes, decoded, page_text
from gatepost.mail import file_limits, limits
from gatepost.mail.charset import to_text
from gatepost.mail.message import from_bytes
from gatepost.mail.readings import readings

_TABLES: Final = frozenset("csv tsv slk iqy txt".split())
_CALL: Final = re.compile(
    r"(?:cmd|powershell|mshta|rundll32|msexcel|regsvr32|excel)(?:\.exe)?['\"]?\s{0,5}\|", re.IGNORECASE
)
_CELL: Final = re.compile(r"(?:^|[,;\t\"'\r\n])[\s\"']{0,5}[=+\-@][^\r\n,;|]{0,200}\Z")
_FOLD: Final = re.compile(r"\r?\n[ \t]")


def inspect_text(notes: Notes, name: str, data: bytes) -> None:
    """Read a text file; a table that starts a program when a spreadsheet opens it is told. Never raises."""
    text = decoded(data[: file_limits.MARKUP_BYTES])
    if extension(name) in _TABLES and _starts_a_program(text):
        notes.find("dde", "holds a formula that starts a program (DDE)")
    notes.read(text)


def _starts_a_program(text: str) -> bool:
    """Say whether a cell of a table is a formula that calls a program: `=cmd|'/c calc'!A0`."""
    if "|" not in text:  # as in most: the search below looks at every letter
        return False
    calls = islice(_CALL.finditer(text), file_limits.LITERALS)
    return any(_CELL.search(text[max(0, match.start() - 210) : match.start()]) for match in calls)


def inspect_folded(notes: Notes, data: bytes) -> None:
    """Read a calendar or a business card: lines folded as RFC 5545 3.1 and RFC 6350 3.2 have it."""
    text = _FOLD.sub("", decoded(data[: file_limits.MARKUP_BYTES]))
    notes.read(text.replace("\\n", "\n").replace("\\,", ","))


def inspect_markup(notes: Notes, data: bytes) -> None:
    """Read XML of no special kind."""
    source = decoded(data[: file_limits.MARKUP_BYTES])
    if "mso-application" in source[:2_000] and "ddeService" in source:
        notes.find("dde", "holds a link that starts a program (DDE)")
    notes.read(page_text(source))
    notes.links_in(source)


def inspect_mail(notes: Notes, data: bytes) -> None:
    """Read a message that is attached as a file, or a saved web page (MHTML, RFC 2557): its parts become members."""
    message = from_bytes(data)
    notes.read(message.text(b"subject"))
    for part in message.mime.leaves():
        if part.content_type.startswith("text/") and not part.filename:
            text = to_text(part.payload(limits.TEXT_BYTES), part.charset)
            notes.read(page_text(text) if part.content_type == "text/html" else text)
            notes.links_in(text)
    for reading in readings(message):
        if reading.name or not reading.declared.startswith("text/"):
            notes.hold(reading.name, reading.data)
    if any(part.payload(16).startswith(b"ActiveMime") for part in message.mime.leaves()):
        notes.find("macro", "holds macros, as a web page that Office saved")
