"""What is attached, by name and by first bytes: tokens about kinds of files, never about one file.

A file's extension says what opens it, its first bytes what it is. An invoice that is called `.pdf` and is a program is a
trap; so both are read, and that they disagree is a token of its own. Sixteen bytes of each attachment are looked at; what
is inside is for the attachment and virus checks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import Final

from gatepost.mail.mime import Mime, Part

_EXTENSION: Final = re.compile(r"\.([a-z0-9]{1,6})\Z", re.IGNORECASE)
_REPORTS: Final = frozenset({"multipart/report", "message/delivery-status", "text/calendar", "message/rfc822"})
_PARTS: Final = 100
"""Parts of a message that are looked at."""
_MAGIC_BYTES: Final = 16

_KINDS: Final = {
    extension: kind
    for kind, extensions in {
        "program": "exe scr com pif bat cmd js jse vbs vbe wsf hta lnk ps1 jar msi cpl iso img vhd apk",
        "archive": "zip rar 7z gz tgz bz2 xz ace cab arj lzh tar z uue",
        "page": "htm html shtml xhtml mht svg",
        "office": "doc docx docm dot xls xlsx xlsm xlsb ppt pptx pptm rtf one odt ods csv",
        "image": "gif jpg jpeg png bmp tif tiff webp heic ico",
        "pdf": "pdf",
        "calendar": "ics vcs",
        "text": "txt patch diff log asc sig c h py md vcf eml",
    }.items()
    for extension in extensions.split()
}
# The first bytes of a file, and what it is then. Office files are archives since 2007 (PK) and compound files before.
_MAGIC: Final = (
    (b"%PDF", "pdf"),
    (b"PK\x03\x04", "zip"),
    (b"MZ", "program"),
    (b"\x7fELF", "program"),
    (b"L\x00\x00\x00\x01\x14\x02\x00", "program"),
    (b"Rar!", "archive"),
    (b"7z\xbc\xaf\x27\x1c", "archive"),
    (b"\x1f\x8b", "archive"),
    (b"MSCF", "archive"),
    (b"\xd0\xcf\x11\xe0", "compound"),
    (b"{\\rtf", "rtf"),
    (b"\x89PNG", "image"),
    (b"\xff\xd8\xff", "image"),
    (b"GIF8", "image"),
)
_PAGE: Final = (b"<!doctype", b"<html", b"<script", b"<head", b"<svg")
_PRINTABLE: Final = bytes((9, 10, 12, 13, *range(32, 127)))
# What each kind of name may hold; a kind that is not here may hold anything.
_HOLDS: Final = {
    "pdf": {"pdf"},
    "office": {"zip", "compound", "rtf", "text", "page", "other"},
    "image": {"image", "text", "other"},
    "page": {"page", "text", "other"},
    "text": {"text", "page", "other"},
    "calendar": {"text", "other"},
    "archive": {"zip", "archive", "compound", "text", "other"},
}


def attachment_tokens(mime: Mime) -> Iterator[str]:
    """Give the kinds of what is attached, by name (`=att-pdf`) and first bytes (`=is-zip`, `=type-mismatch`).

    Beside them, the parts that make a report or an invitation, and what is odd about the MIME structure.
    """
    for part in islice(mime.parts, _PARTS):
        if part.content_type in _REPORTS:
            yield f"={part.content_type}"
        elif part.disposition == "attachment" or part.filename:
            yield from _file_tokens(part)
    for defect in sorted(mime.defects):
        yield f"=mime-{defect}"


def _file_tokens(part: Part) -> Iterator[str]:
    """Give what one attached file is called and is."""
    match = _EXTENSION.search(part.filename[-40:])
    called = _KINDS.get(match[1].lower(), "other") if match else "other"
    found = _magic(part.payload(_MAGIC_BYTES))
    if called != "image":
        yield f"=att-{called}"
    if found in {"pdf", "zip", "program", "archive", "compound", "page"}:
        yield f"=is-{found}"
    if found and found not in _HOLDS.get(called, {found}):
        yield "=type-mismatch"


def _magic(data: bytes) -> str:
    """Name a file by its first bytes: `text` for what is printable, `other` for what is not known, "" for nothing."""
    if not data:
        return ""
    for first, kind in _MAGIC:
        if data.startswith(first):
            return kind
    start = data.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if start.startswith(_PAGE):
        return "page"
    return "other" if start.translate(None, _PRINTABLE) else "text"
