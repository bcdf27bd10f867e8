"""Attacks on form: the same message in a wrapping that a filter may not open, or without any text to read."""

from __future__ import annotations

import base64
import codecs
import html
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from random import Random
from typing import Final

from gatepost.training.attacks_draft import Draft, in_base64
from gatepost.training.attacks_page import Change, change_page, pieces, text_as_markup
from gatepost.training.attacks_words import numbered

Form = Callable[[Draft, Random], Draft]
"""Takes a draft, gives it in another form."""

_COLUMNS: Final = 4
_BLOCK: Final = re.compile(r"</?(?:p|br|div|tr|li|h[1-6]|table)[\s/>]", re.IGNORECASE)
# A picture of one pixel (GIF89a): what it shows is beside the point, as no filter reads it.
_PIXEL: Final = base64.b64encode(
    b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,"
    b"\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"
)


def image_linked(draft: Draft, rng: Random) -> Draft:
    """Show a picture from elsewhere in place of the text."""
    name = f"{rng.randrange(10**6):06d}"
    page = (
        f'<html><body><a href="http://click.example/{name}"><img src="http://img.example/{name}.png" '
        'width="600" height="800" border="0"></a></body></html>'
    )
    return replace(draft, plain=None, html=page)


def image_attached(draft: Draft, rng: Random) -> Draft:
    """Show an attached picture in place of the text."""
    name = f"{rng.randrange(10**6):06d}"
    entity = (
        f"Content-Type: image/gif; name={name}.gif\r\nContent-Transfer-Encoding: base64\r\n"
        f"Content-ID: <{name}>\r\nContent-Disposition: inline; filename={name}.gif\r\n\r\n"
    ).encode() + _PIXEL
    page = f'<html><body><img src="cid:{name}"></body></html>'
    return replace(draft, plain=None, html=page, attached=(*draft.attached, entity))


def subject_only(draft: Draft, rng: Random) -> Draft:  # noqa: ARG001  the form of all attacks
    """Say everything in the subject: the text is empty, attachments are gone."""
    said = draft.subject or " ".join((draft.plain or "").split()[:12])
    return replace(draft, subject=said, plain="\n", html=None, attached=())


def references(draft: Draft, rng: Random) -> Draft:
    """Write the page's words as character references."""
    return replace(draft, plain=None, html=change_page(draft.page(), lambda word: numbered(word, rng)))


def encoded_twice(draft: Draft, rng: Random) -> Draft:
    """Write the words as character references, and each byte of those in quoted-printable."""
    page = change_page(draft.page(), lambda word: numbered(word, rng))
    data = page.replace("\n", "\r\n").encode("utf-8", "replace")
    octets = [f"={byte:02X}" for byte in data]
    body = "=\r\n".join("".join(octets[start : start + 24]) for start in range(0, len(octets), 24))
    return replace(draft, plain=None, html=page, html_wire=("utf-8", body.encode(), "quoted-printable"))


def columns(draft: Draft, rng: Random) -> Draft:  # noqa: ARG001  the form of all attacks
    """Write the text as a table whose columns, one beside the other, show it: read row by row it is cut to pieces."""
    text = (draft.plain or "") if draft.html is None else _visible(draft.html)
    lines = [line for line in text.split("\n") if line.strip()]
    width = max(1, max(map(len, lines), default=1) // _COLUMNS)
    cells = []
    for column in range(_COLUMNS):
        last = column == _COLUMNS - 1
        part = "\n".join(line[column * width : None if last else (column + 1) * width] for line in lines)
        cells.append(f'<td style="white-space:pre;padding:0">{text_as_markup(part)}</td>')
    table = f'<table cellpadding="0" cellspacing="0" style="font-family:monospace"><tr>{"".join(cells)}</tr></table>'
    return replace(draft, plain=None, html=f"<html><body>{table}</body></html>")


def markup_words(draft: Draft, change: Change) -> Draft:
    """Rewrite the words of the page by markup; a text becomes a page for it, and no text says the same beside it."""
    return replace(draft, plain=None, html=change_page(draft.page(), change))


def _visible(page: str) -> str:
    """Give the text of a page, a line for each block."""
    texts = ("\n" if markup and _BLOCK.match(piece) else "" if markup else piece for markup, piece in pieces(page))
    return html.unescape("".join(texts))


def _recoded(label: str, encode: Callable[[str], bytes]) -> Form:
    """Give the attack that sends every text in an encoding, under a label, in base64."""

    def recode(draft: Draft, rng: Random) -> Draft:  # noqa: ARG001  the form of all attacks
        def wire(text: str) -> tuple[str, bytes, str]:
            return label, in_base64(encode(text.replace("\n", "\r\n"))), "base64"

        return replace(
            draft,
            plain_wire=None if draft.plain is None else wire(draft.plain),
            html_wire=None if draft.html is None else wire(draft.html),
        )

    return recode


def _utf7(text: str) -> bytes:
    """Encode every letter, not only those that need it (RFC 2152 allows both)."""
    out: list[str] = []
    for line in text.split("\r\n"):
        words = (
            "+" + base64.b64encode(word.encode("utf-16-be", "replace")).decode().rstrip("=") + "-" if word else ""
            for word in line.split(" ")
        )
        out.append(" ".join(words))
    return "\r\n".join(out).encode("ascii")


def _escapes(text: str) -> bytes:
    """Put the escape sequence for ASCII into the words: in ISO-2022-JP it changes nothing (RFC 1468)."""
    ascii_only = text.encode("ascii", "replace")
    return b" ".join(
        word if len(word) < 4 or b"<" in word or b"=" in word else word[:2] + b"\x1b(B" + word[2:]
        for word in ascii_only.split(b" ")
    )


CHARSETS: Final[Mapping[str, Form]] = {
    "utf-7": _recoded("utf-7", _utf7),
    "utf-16": _recoded("utf-16", lambda text: text.encode("utf-16", "replace")),
    "byte-order-mark": _recoded("utf-8", lambda text: codecs.BOM_UTF16_LE + text.encode("utf-16-le", "replace")),
    "escapes": _recoded("iso-2022-jp", _escapes),
    "unknown": _recoded("x-user-defined", lambda text: text.encode("utf-8", "replace")),
    "wrong": _recoded("koi8-r", lambda text: text.encode("utf-8", "replace")),
}
"""Charsets that clients know and few senders use, or that are not the one declared."""
