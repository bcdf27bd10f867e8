"""Text of all kinds, and mail inside of mail: what a person reads in it, and what is attached to it."""

from __future__ import annotations

import base64
import re
from itertools import islice
from typing import Final

from gatepost.checks.attachments.names import extension
from gatepost.checks.attachments.notes import Notes, decoded, page_text
from gatepost.mail import file_limits, limits
from gatepost.mail.charset import to_text
from gatepost.mail.message import from_bytes
from gatepost.mail.readings import readings

_TABLES: Final = frozenset("csv tsv slk iqy txt xls xlt xlsx xlsm dif prn tab".split())
_CALL: Final = re.compile(
    r"\w['\"]{0,2}\s{0,5}\|\s{0,5}(?:'[^'\r\n]{0,2000}'|\"[^\"\r\n]{0,2000}\"|[^\s'\"|!,;]{1,200})\s{0,5}![\w$'\"]"
)
"""A call through DDE: a program, a topic and an item, `cmd|'/c calc'!A0`; any program is called that way."""
_SERVER: Final = re.compile(r"[A-Za-z]\w{0,30}\Z")
_FORMULA: Final = re.compile(r"(?:^|[,;\t\"'])[\s\"']{0,5}[=+\-@]", re.MULTILINE)
_FORMULA_HEAD: Final = 10
"""Characters that the beginning of a formula takes at most."""
_BINARY: Final = re.compile(
    r"^[\w.-]{1,40}(?P<parameters>;[^\r\n]{0,2000}?ENCODING=\"?B(?:ASE64)?\b[^:\r\n]{0,2000}):[ \t]{0,20}(?P<value>[A-Za-z0-9+/=]+)",
    re.IGNORECASE | re.MULTILINE,
)
"""A property whose value is a file: RFC 5545 3.1.3, and PHOTO and the like of RFC 2426."""
_FILE_NAME: Final = re.compile(r"FILENAME=\"?([^\";:\r\n]{1,255})", re.IGNORECASE)
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
    text = text.replace("\r", "\n")
    line = seen = 0
    for match in _CALL.finditer(text):
        call = match.start() + 1
        line = text.rfind("\n", max(line, seen), call) + 1 or line
        # What stands in front of an earlier call in the line was looked at with that.
        if _FORMULA.search(text, max(line, seen), call) and _SERVER.search(text, call - 31 if call > 31 else 0, call):
            return True
        seen = call - _FORMULA_HEAD
    return False


def inspect_folded(notes: Notes, data: bytes) -> None:
    """Read a calendar or a business card: lines folded as RFC 5545 3.1 and RFC 6350 3.2 have it."""
    text = _FOLD.sub("", decoded(data[: file_limits.CARD_BYTES]))
    for line in islice(_BINARY.finditer(text), file_limits.FILE_MEMBERS + 1):
        name = _FILE_NAME.search(line["parameters"])
        notes.hold(name[1] if name else "", _from_base64(line["value"]))
    text = _BINARY.sub("", text)
    notes.read(text[: file_limits.MARKUP_BYTES].replace("\\n", "\n").replace("\\,", ","))


def _from_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text)
    except ValueError:  # not ASCII, or not padded
        return b""


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
