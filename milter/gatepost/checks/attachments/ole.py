"""Compound files (MS-CFB): Office documents before 2007, encrypted ones since, Outlook messages.

Read by olefile; encryption is undone by msoffcrypto with the passwords that the message gives, and with the one that Excel
tries by itself (MS-OFFCRYPTO 2.4.2.1: `VelvetSweatshop`), which attackers use to hide a workbook that opens without asking.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable
from itertools import chain, islice
from typing import Final

import msoffcrypto
import olefile

from gatepost.checks.attachments.elsewhere import in_own_network
from gatepost.checks.attachments.macros import VBA_SIGNS, inflated, inspect_vba, inspect_workbook
from gatepost.checks.attachments.notes import Notes
from gatepost.checks.attachments.objects import URL_MONIKER, native
from gatepost.mail import file_limits

_DEFAULT_PASSWORD: Final = "VelvetSweatshop"
_EQUATION_CLASS: Final = "0002CE02-0000-0000-C000-000000000046"
_DDE: Final = re.compile(rb"\x13[\s\x00\"]{0,40}D\x00?D\x00?E", re.IGNORECASE)
_TEMPLATE: Final = re.compile("(?:https?://|\\\\\\\\)[\\x21-\\x7e]{4,200}\\.dot[mx]?")
_LINK_BYTES: Final = re.compile(rb"https?://[\x21-\x7e]{4,500}")
_LINK_WIDE: Final = re.compile(rb"h\0t\0t\0p\0s?\0?:\0/\0/\0(?:[\x21-\x7e]\0){4,500}")
_WORDS: Final = re.compile(r"[^\W\d_]{2,}")


def inspect_ole(notes: Notes, data: bytes, passwords: Iterable[str] = ()) -> None:
    """Read a compound file: a document, a message, or both at once; embedded and decrypted files become members.

    Takes passwords to try. Never raises.
    """
    try:
        with olefile.OleFileIO(io.BytesIO(data)) as ole:
            if _encrypted(notes, data, ole, passwords):
                return
            # Programs go by the one stream that they know, so a document with the streams of a message is a document, too.
            if ole.exists("__properties_version1.0"):
                _message(notes, ole)
            _streams(notes, ole)
    except Exception as error:  # noqa: BLE001  olefile raises what it meets in a damaged file
        notes.find("damaged", f"is a compound file that cannot be read ({type(error).__name__})")
    if any(sign in data for sign in VBA_SIGNS):
        inspect_vba(notes, data)
    if URL_MONIKER in data:
        notes.find("remote-object", "fetches an object from elsewhere when it is opened")
    _links(notes, data)


def _encrypted(notes: Notes, data: bytes, ole: olefile.OleFileIO, passwords: Iterable[str]) -> bool:
    """Decrypt a document that is encrypted; says whether it is."""
    try:
        office = msoffcrypto.OfficeFile(io.BytesIO(data))
        if not office.is_encrypted():
            return False
    except Exception:  # noqa: BLE001  no Office document, or a damaged one
        if not ole.exists("EncryptedPackage"):
            return False
        notes.find("encrypted", "is an encrypted document of an unknown kind")
        return True
    for password in chain((_DEFAULT_PASSWORD,), passwords):  # lazily: each takes time, which is counted
        if plain := _decrypt(office, password):
            if password != _DEFAULT_PASSWORD:
                notes.find("decrypted", "opens with a password that the message gives")
            else:
                notes.find(
                    "hidden-encryption",
                    "is encrypted with the password that Excel tries by itself, which only hides it from filters",
                )
            notes.hold("", plain, unseen=True)
            return True
    notes.find("encrypted", "is a document that needs a password to be read")
    return True


def _decrypt(office: msoffcrypto.format.base.BaseOfficeFile, password: str) -> bytes:
    """Give the decrypted document, or b"" for a wrong password."""
    plain = io.BytesIO()
    try:
        office.load_key(password=password, **({"verify_password": True} if office.format == "ooxml" else {}))
        office.decrypt(plain)
    except Exception:  # noqa: BLE001  a wrong password shows in many ways
        return b""
    content = plain.getvalue()
    return content if content.startswith((b"PK", b"\xd0\xcf\x11\xe0")) else b""


def _streams(notes: Notes, ole: olefile.OleFileIO) -> None:
    """Look at the streams that say what a document does."""
    paths = ole.listdir(streams=True, storages=True)
    if len(paths) > file_limits.COMPOUND_STREAMS:
        notes.find("partial", f"holds more than the {file_limits.COMPOUND_STREAMS:,} streams that are looked at")
    for path in paths[: file_limits.COMPOUND_STREAMS]:
        name = path[-1].lower()
        if name == "\x01ole10native":
            native(notes, ole.openstream(path).read())
        elif name == "equation native" or ole.getclsid(path).upper() == _EQUATION_CLASS:
            notes.find(
                "equation", "holds an Equation Editor object, whose program runs attackers' code (CVE-2017-11882)"
            )
        elif name in {"workbook", "book"} and len(path) == 1:
            inspect_workbook(notes, ole.openstream(path).read())
        elif name == "worddocument" and len(path) == 1:
            _word(notes, ole.openstream(path).read())
        elif name == "powerpoint document" and len(path) == 1:
            _presentation(notes, ole.openstream(path).read())
        elif name == "package" and len(path) > 1:
            notes.hold("", ole.openstream(path).read())
        elif name in {"1table", "0table"} and (
            match := _TEMPLATE.search(ole.openstream(path).read().replace(b"\0", b"").decode("latin-1"))
        ):
            word = "external" if in_own_network(match[0]) else "template"
            notes.find(word, f"fetches its template from elsewhere ({match[0][:120]})")


def _word(notes: Notes, stream: bytes) -> None:
    """Take the text of a Word document from where its header says (MS-DOC 2.5: fcMin, fcMac), and look for DDE fields."""
    if _DDE.search(stream):
        notes.find("dde", "holds a field that starts a program (DDE)")
    begin, end = int.from_bytes(stream[0x18:0x1C], "little"), int.from_bytes(stream[0x1C:0x20], "little")
    raw = stream[begin:end] if 0 < begin < end <= len(stream) else stream[0x400:]
    raw = raw[: 2 * file_limits.FILE_TEXT_CHARACTERS]
    wide = raw[1::2].count(0) > len(raw) // 4
    text = raw.decode("utf-16-le" if wide else "cp1252", "replace")
    notes.read(" ".join(line for line in re.split(r"[\x00-\x1f]+", text) if _WORDS.search(line)))


_STORAGE: Final = re.compile(rb"[\x00\x10]\x00\x11\x10.{4}(?:.{4}(?=\x78)|(?=\xd0\xcf\x11\xe0))", re.DOTALL)
"""Begins an ExOleObjStg or VbaProjectStg (MS-PPT 2.10.34, 2.10.40): a compound file, packed with zlib behind its size, or plain."""


def _presentation(notes: Notes, stream: bytes) -> None:
    """Open the storages of a PowerPoint document: its macros, which lie in them packed, and its objects, as members."""
    left, projects = file_limits.OFFICE_BYTES, 0
    for match in islice(_STORAGE.finditer(stream), file_limits.COMPOUND_STREAMS):
        storage = _storage(stream, match.end(), min(left, file_limits.OFFICE_PART_BYTES))
        left -= len(storage)
        if not storage.startswith(olefile.MAGIC):
            continue
        if any(sign in storage for sign in VBA_SIGNS) and projects < file_limits.FILE_MEMBERS:
            projects += 1
            inspect_vba(notes, storage)
        else:
            notes.hold("", storage, unseen=True)
        if left <= 0:
            notes.find("partial", f"holds more than the {file_limits.OFFICE_BYTES:,} bytes that are looked at")
            return


def _storage(stream: bytes, at: int, limit: int) -> bytes:
    return inflated(stream, at, limit) if stream[at : at + 1] == b"\x78" else stream[at : at + limit]


def _links(notes: Notes, data: bytes) -> None:
    """Note the links that stand anywhere in the file, in either width."""
    for match in _LINK_BYTES.finditer(data):
        notes.link(match[0].decode("ascii"))
    for match in _LINK_WIDE.finditer(data):
        notes.link(match[0].replace(b"\0", b"").decode("ascii"))


_PROPERTY: Final = "__substg1.0_"
_SUBJECT, _BODY, _HTML, _NAME, _SHORT_NAME, _CONTENT = "0037", "1000", "1013", "3707", "3704", "3701"


def _message(notes: Notes, ole: olefile.OleFileIO) -> None:
    """Read an Outlook message (MS-OXMSG): its text, and its attachments as members."""
    for tag in (_SUBJECT, _BODY):
        notes.read(_wide(_property(ole, [], tag)))
    notes.links_in(_property(ole, [], _HTML).decode("utf-8", "replace"))
    attached = [
        path for path in ole.listdir(streams=False, storages=True) if path[-1].startswith("__attach_version1.0_")
    ]
    for path in attached[: file_limits.FILE_MEMBERS]:
        name = _property(ole, path, _NAME) or _property(ole, path, _SHORT_NAME)
        notes.hold(_wide(name), _property(ole, path, _CONTENT))


def _wide(text: bytes) -> str:
    """Give a Unicode property's text, which a NUL may end."""
    return text.decode("utf-16-le", "replace").partition("\0")[0]


def _property(ole: olefile.OleFileIO, place: list[str], tag: str) -> bytes:
    """Give one property's stream: as Unicode, as bytes, or 8-bit text brought to UTF-16."""
    for kind in ("001F", "0102", "001E"):
        path = [*place, f"{_PROPERTY}{tag}{kind}"]
        if ole.exists(path):
            raw = bytes(ole.openstream(path).read())
            return raw.decode("cp1252", "replace").encode("utf-16-le") if kind == "001E" else raw
    return b""
