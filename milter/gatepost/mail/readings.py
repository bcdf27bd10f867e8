"""Every way a part of a message may be opened: what the virus scanner and the attachment check look at.

Where a MIME structure is well formed and an encoding is declared once and kept to, there is one way, and only what does not
stand in the raw message already is given out. Where clients differ, each of their readings is:

- an odd structure (`Mime.defects`) or an unknown transfer encoding: the content as it stands, under base64 and under
  quoted-printable;
- base64 that is padded in the middle: some decoders stop there, others go on with the next group;
- quoted-printable lines that end in `=` and white space: a soft line break to some (RFC 2045 6.7 (3)), two characters to others;
- an attachment in base64 that is not declared as such;
- a multipart in base64, which RFC 2045 6.4 forbids and some clients open.

All is bounded: a part is read a handful of ways, each at most as long as the part, and the caller stops at VIRUS_PARTS.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from gatepost.mail import limits
from gatepost.mail.charset import decode_base64
from gatepost.mail.message import Message
from gatepost.mail.mime import Mime, Part, parse_mime

_PLAIN: Final = frozenset({"", "7bit", "8bit", "binary"})
_ENCODED: Final = frozenset({"base64", "quoted-printable"})
_BASE64: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=\r\n"
_SOFT_BREAK: Final = re.compile(rb"=[ \t]+(?=\r?\n)")
_LOOK_BYTES: Final = 200


@dataclass(frozen=True, slots=True)
class Reading:
    """One content that a part may be opened as.

    `part` counts the parts of the message from 1; `name` is its file name or ""; `declared` its lower-case content type.
    """

    part: int
    name: str
    declared: str
    data: bytes


def readings(message: Message) -> Iterator[Reading]:
    """Give every content that a part of a message may be opened as, without repeats; the raw message is not among them."""
    # Python's hash is seeded per process, so a sender cannot make two contents collide.
    seen: set[int] = set()
    for reading in _all(message.mime):
        if reading.data and hash(reading.data) not in seen:
            seen.add(hash(reading.data))
            yield reading


def _all(mime: Mime) -> Iterator[Reading]:
    odd = bool(mime.defects)
    for number, part in enumerate(mime.parts, start=1):
        if not part.container:
            for data in _contents(part, odd=odd):
                yield Reading(number, part.filename, part.content_type, data)
        if part.content_type.startswith("multipart/") and part.encoding in _ENCODED:
            kept = tuple(header for header in part.headers if header.key == b"content-type")
            # One level is enough: what is nested deeper this way is itself an encoded part, read as such below.
            for inner in parse_mime(kept, part.payload()).leaves():
                for data in _contents(inner, odd=True):
                    yield Reading(number, inner.filename, inner.content_type, data)


def _contents(part: Part, *, odd: bool) -> Iterator[bytes]:
    """Give the contents one leaf may be opened as."""
    unsure = odd or part.encoding not in _PLAIN | _ENCODED
    attached = bool(part.filename) or not part.content_type.startswith("text/")
    raw = part.raw
    if unsure or attached or part.encoding in _ENCODED:
        yield part.payload()
    if unsure:
        yield raw
    if unsure or part.encoding == "base64" or (attached and _looks_like_base64(raw)):
        yield from _from_base64(raw, whole=part.encoding != "base64")
    if unsure or part.encoding == "quoted-printable":
        yield from _from_quoted_printable(raw, whole=part.encoding != "quoted-printable")


def _from_base64(raw: bytes, *, whole: bool) -> Iterator[bytes]:
    """Give the usual reading if `whole`, and the one that goes on after padding where there is more after it."""
    if whole:
        yield decode_base64(raw)
    padding = raw.find(b"=")
    if padding >= 0 and raw[padding:].strip(b"= \t\r\n"):
        yield b"".join(decode_base64(piece) for piece in raw.split(b"=", limits.VIRUS_REPAIRS) if piece)


def _from_quoted_printable(raw: bytes, *, whole: bool) -> Iterator[bytes]:
    """Give the usual reading if `whole`, and the one without white space at the end of lines where that matters."""
    if whole:
        yield binascii.a2b_qp(raw)
    if b"= " in raw or b"=\t" in raw:
        yield binascii.a2b_qp(_SOFT_BREAK.sub(b"=", raw, count=limits.VIRUS_REPAIRS))


def _looks_like_base64(raw: bytes) -> bool:
    head = raw[:_LOOK_BYTES]
    return len(head) >= 40 and not head.translate(None, _BASE64)
