"""What opens a file, where that is not what its first bytes say: systems go by the name, and programs pass over what they do not know.

A page that begins with `GIF89a` is a picture by its bytes (kinds.py), and a browser shows the page. So a file is looked into as both.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from gatepost.checks.attachments.formats import ZIP_KINDS, Kind
from gatepost.checks.attachments.kinds import PAGES, PDF_WITHIN
from gatepost.checks.attachments.names import SHORTCUT, extension

_OPENED_BY_NAME: Final = {
    **dict.fromkeys(PAGES, Kind.HTML),
    **dict.fromkeys(SHORTCUT - {"lnk", "themepack", "diagcab"}, Kind.SHORTCUT),
    **dict.fromkeys(("mht", "mhtml"), Kind.MHT),
    **dict.fromkeys(("csv", "tsv"), Kind.TEXT),
    "svg": Kind.SVG,
    "eml": Kind.MAIL,
}
"""Extensions whose programs read a file as what its name says and pass over what they do not understand, a mark at its front
among it."""
_BY_DECLARED: Final = {"text/html": ".html", "application/xhtml+xml": ".xhtml", "image/svg+xml": ".svg"}
_NEAR: Final = {
    Kind.HTML: frozenset({Kind.HTML, Kind.SVG}),
    Kind.MHT: frozenset({Kind.MHT, Kind.MAIL}),
    Kind.MAIL: frozenset({Kind.MHT, Kind.MAIL}),
    Kind.TEXT: frozenset({Kind.TEXT, Kind.UUE, Kind.POSTSCRIPT, Kind.OLE, *ZIP_KINDS}),
}
"""Kinds that are looked into in the same way, or that the program knows by their bytes whatever the name."""
_CARRIERS: Final = frozenset({*ZIP_KINDS, Kind.TAR, Kind.CPIO, Kind.AR})
"""Archives in which a whole PDF may stand near the beginning."""


def opened_as(kind: str, name: str, data: bytes) -> Iterator[Kind]:
    """Say as what programs that open a file read it beside what its bytes say it is, which is `kind`; mostly nothing."""
    ext = extension(name)
    if kind != Kind.PDF and b"%PDF-" in data[:PDF_WITHIN] and (ext == "pdf" or kind not in _CARRIERS):
        yield Kind.PDF
    asked = _OPENED_BY_NAME.get(ext)
    if asked is not None and kind not in _NEAR.get(asked, {asked}):
        yield asked


def called(name: str, declared: str) -> str:
    """Give the name by which a file is opened: its own, or, where it has no extension, one that its declared type stands for."""
    return name if extension(name) else name + _BY_DECLARED.get(declared, "")
