"""Text of all kinds, and mail inside of mail: what a person reads in it, and what is attached to it."""

from __future__ import annotations

import base64
import html
import re
from itertools import islice
from typing import Final

from gatepost.checks.attachments.names import extension
from gatepost.checks.attachments.notes import Notes, decoded, page_text
from gatepost.mail import file_limits, limits
from gatepost.mail.charset import to_text
from gatepost.mail.decode import legacy, tnef, transfer
from gatepost.mail.message import MBOX_LINE, Message, from_bytes
from gatepost.mail.readings import Reading, ambiguities, readings

_TABLES: Final = frozenset("csv tsv slk iqy txt xls xlt xlsx xlsm dif prn tab".split())
_CALL: Final = re.compile(
    r"\w['\"]{0,2}\s{0,5}\|\s{0,5}(?:'[^'\r\n]{0,2000}'|\"[^\"\r\n]{0,2000}\"|[^\s'\"|!,;]{1,200})\s{0,5}![\w$'\"]"
)
"""A call through DDE: a program, a topic and an item, `cmd|'/c calc'!A0`; any program is called that way."""
_TAG: Final = re.compile(r"<[^<>]{0,4000}>")
_SERVER: Final = re.compile(r"[A-Za-z]\w{0,30}\Z")
_FORMULA: Final = re.compile(r"(?:^|[,;\t\"'])[\s\"']{0,5}[=+\-@]", re.MULTILINE)
_FORMULA_HEAD: Final = 10
"""Characters that the beginning of a formula takes at most."""
_BINARY: Final = re.compile(
    r"^[\w.-]{1,40}(?P<parameters>;[^\r\n]{0,2000}?ENCODING=\"?B(?:ASE64)?\b[^:\r\n]{0,2000}):[ \t]{0,20}(?P<value>[A-Za-z0-9+/=]+)",
    re.IGNORECASE | re.MULTILINE,
)
"""A property whose value is a file: RFC 5545 3.1.3, and PHOTO and the like of RFC 2426."""
_BASE64_VALUE: Final = re.compile(r";base64,([A-Za-z0-9+/=]+)", re.IGNORECASE)
"""A value that is a file as well: a data: URI (RFC 2397), as RFC 6350 has it."""
_BEFORE_VALUE: Final = 200
_FILE_NAME: Final = re.compile(r"FILENAME=\"?([^\";:\r\n]{1,255})", re.IGNORECASE)
_FOLD: Final = re.compile(r"\r?\n[ \t]")
_NEXT_MESSAGE: Final = re.compile(rb"\nFrom [^\n]{1,200}\n(?=[!-9;-~]{1,80}:)")
"""Where the next message of a mailbox begins (RFC 4155), as lenient readers have it: at any such line with a field below it."""

_LOOK: Final = 4_096
_PAGE_TYPES: Final = frozenset({"text/html", "application/xhtml+xml", "image/svg+xml"})


def inspect_text(notes: Notes, name: str, data: bytes) -> None:
    """Read a text file; a table that starts a program when a spreadsheet opens it is told. Never raises.

    Files within the text (uuencode, yEnc, BinHex) become members.
    """
    text = decoded(data[: file_limits.MARKUP_BYTES])
    inspect_table(notes, name, text)
    notes.read(text)
    for file in legacy.embedded_files(data):
        notes.hold(file.name, file.content)
    if legacy.BINHEX_MARK in data[:_LOOK]:
        notes.hold("", legacy.unbinhex(data))


def inspect_table(notes: Notes, name: str, text: str) -> None:
    """Tell of a table, by its name one, with a cell that starts a program when a spreadsheet opens it.

    Takes its text, or the source of a page or of XML: their cells hold formulas as text and in attributes.
    """
    if extension(name) not in _TABLES:
        return
    if "<" in text:
        text = html.unescape(f"{_TAG.sub(chr(10), text)}\n{text}")
    # Most have no such letter, and the search looks at every one.
    if "|" in text and _starts_a_program(text):
        notes.find("dde", "holds a formula that starts a program (DDE)")


def _starts_a_program(text: str) -> bool:
    """Say whether a cell of a table is a formula that calls a program: `=cmd|'/c calc'!A0`."""
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
    for match in islice(_BASE64_VALUE.finditer(text), file_limits.FILE_MEMBERS + 1):
        if "data:" in text[max(0, match.start() - _BEFORE_VALUE) : match.start()].lower():
            notes.hold("", _from_base64(match[1]))
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


def inspect_container(notes: Notes, data: bytes) -> None:
    """Open a TNEF container (winmail.dat) and those in it: its files become members."""
    found = tnef.opened(data)
    for file in found.files:
        notes.hold(file.name, file.content)
    if found.cut:
        notes.find("limit", "holds more files than are opened")


def inspect_saved_page(notes: Notes, data: bytes) -> None:
    """Read a saved web page (MHTML, RFC 2557): a message whose pages a browser opens, scripts and all."""
    for part in islice(from_bytes(data).mime.leaves(), file_limits.FILE_MEMBERS):
        if part.content_type in _PAGE_TYPES and not part.filename:
            notes.hold("", part.payload())
    inspect_mail(notes, data)


def inspect_mail(notes: Notes, data: bytes) -> None:
    """Read messages that are attached as a file: their parts become members."""
    first, *more = _messages(data)
    for each in more:
        notes.hold("", each)
    message = from_bytes(first)
    notes.read(message.text(b"subject"))
    shown = set()
    for part in message.mime.leaves():
        if part.content_type.startswith("text/") and not part.filename:
            text = to_text(part.payload(limits.TEXT_BYTES), part.charset)
            notes.read(page_text(text) if part.content_type == "text/html" else text)
            notes.links_in(text)
            shown.add(hash(part.payload()))
    for reading in readings(message):
        if reading.name or not reading.declared.startswith("text/") or _is_other(message, reading, shown):
            notes.hold(reading.name, reading.data)
    for differ in ambiguities(message)[:1]:
        notes.find("ambiguous-mail", f"is a message that mail clients do not read alike: {differ.detail}")
    if any(part.payload(16).startswith(b"ActiveMime") for part in message.mime.leaves()):
        notes.find("macro", "holds macros, as a web page that Office saved")


def _messages(data: bytes) -> list[bytes]:
    """Cut a mailbox (RFC 4155) into its messages, as many as are opened and one more; any other file is one."""
    if not MBOX_LINE.match(data):
        return [data]
    starts = [0, *(match.start() + 1 for match in islice(_NEXT_MESSAGE.finditer(data), file_limits.FILE_MEMBERS + 1))]
    return [data[start:end] for start, end in zip(starts, [*starts[1:], len(data)], strict=True)]


def _is_other(message: Message, reading: Reading, shown: set[int]) -> bool:
    """Say whether a text is what only some clients read, and no mere blemish of quoted-printable."""
    parts = message.mime.parts
    blemish = reading.part <= len(parts) and transfer.known(parts[reading.part - 1].encoding) == "quoted-printable"
    return not blemish and hash(reading.data) not in shown
