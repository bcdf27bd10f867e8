"""A message taken apart into what its sender wrote, so that an attack can change that and put a message together again.

A sender writes a subject, a text, perhaps the same as HTML, and attaches things. How these are wrapped (nesting,
transfer encodings, line lengths) is the work of a mailer and carries nothing: a Draft keeps what was written and forgets
the wrapping. Whatever a Draft is made from, hostile bytes included, what comes out is a well-formed message: RFC 5322
lines, RFC 2045 encodings, closed boundaries.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, replace
from typing import Final
from zlib import crc32

from gatepost.mail import limits
from gatepost.mail.charset import to_text
from gatepost.mail.header import Header
from gatepost.mail.message import Message, from_bytes
from gatepost.mail.mime import Part
from gatepost.training.attacks_page import Change, as_page, change_page, change_words, inside, text_as_markup

_OURS: Final = frozenset({b"mime-version", b"subject"})
_FIELD_NAME: Final = re.compile(rb"[!-9;-~]{1,76}")
_UNSENDABLE: Final = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]|[^\n]{996}")
_LONG_LINE: Final = re.compile(rb"[^\n]{900}")
_ATTACHED: Final = 50
"""Attachments carried over; an attack on words loses nothing with the rest."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What somebody wrote: other header fields, the subject, the text, the page, and attachments as whole entities.

    `plain` or `html` is None where there is none. `twins` says that the two are alternatives of each other (RFC 2046
    5.1.4), of which a client shows the page. `plain_type` and `html_type` replace the charset and the encoding of the
    part when an attack chose them itself: `(charset, encoded body, transfer encoding)`.
    """

    headers: tuple[Header, ...]
    subject: str
    plain: str | None
    html: str | None
    twins: bool
    attached: tuple[bytes, ...] = ()
    plain_wire: tuple[str, bytes, str] | None = None
    html_wire: tuple[str, bytes, str] | None = None

    def words(self, change: Change, page: Change | None = None) -> Draft:
        """Change each word of the subject, the text and, by `page` where it is given, of the page's visible text."""
        return replace(
            self,
            subject=change_words(self.subject, change),
            plain=None if self.plain is None else change_words(self.plain, change),
            html=None if self.html is None else change_page(self.html, page or change),
        )

    def page(self) -> str:
        """Give the page, or the text as one, for attacks that need markup."""
        return as_page(self.plain or "") if self.html is None else self.html

    def below(self, text: str) -> Draft:
        """Add a text in view, below what is there."""
        return replace(
            self,
            plain=None if self.plain is None and self.html is not None else f"{self.plain or ''}\n\n{text}\n",
            html=None if self.html is None else inside(self.html, text_as_markup(text), at_end=True),
        )


def take_apart(data: bytes) -> Draft:
    """Take a stored message apart; any bytes do, and it never raises. Text is cut at limits.HTML_BYTES characters."""
    message = from_bytes(data)
    texts: dict[str, list[str]] = {"text/plain": [], "text/html": []}
    attached: list[bytes] = []
    twins, inside_of = False, 0
    for part in message.mime.parts:
        if inside_of and part.depth > inside_of:
            continue
        inside_of = 0
        if part.content_type == "message/rfc822":
            inside_of = part.depth or 0
            attached.append(_entity(part))
        elif part.container:
            twins |= part.content_type == "multipart/alternative"
        elif part.content_type in texts and part.disposition != "attachment" and not part.filename:
            text = to_text(part.payload(limits.HTML_BYTES), part.charset)
            texts[part.content_type].append(text.replace("\r\n", "\n").replace("\r", "\n"))
        else:
            attached.append(_entity(part))
    plain, html = ("\n".join(texts[kind]) if texts[kind] else None for kind in ("text/plain", "text/html"))
    return Draft(
        _kept(message),
        message.text(b"subject"),
        plain,
        html,
        twins=twins,
        attached=tuple(filter(None, attached[:_ATTACHED])),
    )


def put_together(draft: Draft) -> bytes:
    """Give the message of a draft, CRLF line ends; the same draft gives the same bytes."""
    parts: list[bytes] = []
    if draft.plain is not None or draft.html is None:
        parts.append(_text_entity("plain", draft.plain or "", draft.plain_wire))
    if draft.html is not None:
        parts.append(_text_entity("html", draft.html, draft.html_wire))
    if len(parts) == 2 and draft.twins:
        parts = [_multipart("alternative", parts)]
    parts += draft.attached
    body = parts[0] if len(parts) == 1 else _multipart("mixed", parts)
    fields = b"".join(header.line for header in draft.headers)
    return fields + b"Subject:" + _subject(draft.subject) + b"\r\nMIME-Version: 1.0\r\n" + body


def _kept(message: Message) -> tuple[Header, ...]:
    """Choose the fields that stay as they are: not those about the body, and not what no mailer would send."""
    return tuple(
        header
        for header in message.headers
        if header.key not in _OURS and not header.key.startswith(b"content-") and _sendable(header)
    )


def _entity(part: Part) -> bytes:
    """Give an attachment with its own header: as it was sent where that is well-formed, else as bytes in base64.

    A message within the message has no encoding to hide in (RFC 2046 5.2.1): b"" where it is broken.
    """
    fields = [header for header in part.headers if header.key.startswith(b"content-") and _sendable(header)]
    raw = part.raw
    clean = (
        raw.isascii() and b"\x00" not in raw and b"\n" not in raw.replace(b"\r\n", b"") and not _LONG_LINE.search(raw)
    )
    if part.container:
        inner = from_bytes(raw)
        whole = clean and inner.headers and b"\r\n\r\n" in raw and not inner.mime.defects and not inner.mime.exhausted
        return b"Content-Type: message/rfc822\r\n\r\n" + raw if whole else b""
    structured = part.content_type.startswith(("multipart/", "message/"))
    if clean and part.encoding == "base64" and not structured:
        return b"".join(header.line for header in fields) + b"\r\n" + raw
    kept = (header.line for header in fields if header.key != b"content-transfer-encoding")
    named = (line for line in kept if not (structured and line[:13].lower() == b"content-type:"))
    return b"".join(named) + b"Content-Transfer-Encoding: base64\r\n\r\n" + in_base64(part.payload())


def _sendable(header: Header) -> bool:
    """Say whether a field could have come from a mailer: printable, folded, with lines that are not too long."""
    unfolded = header.value.replace(b"\r\n", b"\n").replace(b"\n ", b"").replace(b"\n\t", b"")
    return bool(_FIELD_NAME.fullmatch(header.name)) and not _UNSENDABLE.search(unfolded)


def _text_entity(kind: str, text: str, wire: tuple[str, bytes, str] | None) -> bytes:
    """Give a text part: as it stands where it is ASCII with short lines, else base64."""
    if wire is None:
        data = text.replace("\n", "\r\n").encode("utf-8", "replace")
        plain = data.isascii() and b"\x00" not in data and not _LONG_LINE.search(data)
        wire = ("utf-8", data, "7bit") if plain else ("utf-8", in_base64(data), "base64")
    charset, data, encoding = wire
    head = f'Content-Type: text/{kind}; charset="{charset}"\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n'
    return head.encode("ascii") + data + b"\r\n"


def in_base64(data: bytes) -> bytes:
    """Encode bytes as base64 in lines of 76 (RFC 2045 6.8)."""
    return base64.encodebytes(data).replace(b"\n", b"\r\n")


def _multipart(kind: str, parts: list[bytes]) -> bytes:
    """Wrap entities; the boundary is chosen so that none of them holds it."""
    number = 0
    while True:
        boundary = b"=_%08x_%d" % (crc32(b"".join(parts)), number)
        if not any(boundary in part for part in parts):
            break
        number += 1
    head = b'Content-Type: multipart/%b; boundary="%b"\r\n\r\n' % (kind.encode(), boundary)
    return head + b"".join(b"--%b\r\n%b\r\n" % (boundary, part) for part in parts) + b"--%b--\r\n" % boundary


def _subject(text: str) -> bytes:
    """Encode a subject: as it is where it is short ASCII, else encoded words of at most 75 characters (RFC 2047 2)."""
    text = " ".join(text.split())
    if text.isascii() and text.isprintable() and len(text) < 900 and "=?" not in text:
        return b" " + text.encode()
    # Ten characters take at most 40 bytes, 56 characters of base64.
    chunks = [text[start : start + 10].encode("utf-8", "replace") for start in range(0, min(len(text), 1000), 10)]
    return b"\r\n".join(b" =?utf-8?B?%b?=" % base64.b64encode(chunk) for chunk in chunks)
