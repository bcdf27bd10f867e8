"""Encodings older than MIME, and beside it: uuencode, yEnc, BinHex 4.0. Clients still open them, declared or not.

A text may hold any number of uuencoded (POSIX uuencode) or yEnc (yEnc 1.3) files between its lines; Outlook and others show
them as attachments. The decoders take damaged lines as they come and never raise.
"""

from __future__ import annotations

import binascii
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from gatepost.mail import limits
from gatepost.mail.charset import decode_base64

_UU_BEGIN: Final = re.compile(
    rb"^begin(?P<base64>-base64)?[ \t]{1,20}[0-7]{3,4}[ \t]{0,20}(?P<name>[^\r\n]{0,300})\r?\n", re.MULTILINE
)
# Whole lines of 45 bytes are decoded many at once: as base64, whose digits stand in another order.
_UU_LINES: Final = re.compile(rb"(?P<full>(?:M[ -`]{60}\r?\n)+)|(?P<line>[^\r\n]*)(?:\r?\n|\r|\Z)")
_UU_FULL: Final = re.compile(rb"^M", re.MULTILINE)
_UU_END: Final = re.compile(rb"^(?:end|====)[ \t\r]*$", re.MULTILINE)
_Y_BEGIN: Final = re.compile(
    rb"^=ybegin [^\r\n]{0,300}?name=(?P<name>[^\r\n]{0,300})\r?\n(?:=ypart [^\r\n]{0,300}\r?\n)?", re.MULTILINE
)
_Y_TOTAL: Final = re.compile(
    rb"^=ybegin [^\r\n]{0,200}?part=(\d{1,6})[^\r\n]{0,200}? total=(\d{1,6})[^\r\n]*\r?\n", re.MULTILINE
)
_Y_END: Final = re.compile(rb"^=yend", re.MULTILINE)
_Y_SHIFT: Final = bytes((byte - 42) % 256 for byte in range(256))
_Y_UNESCAPED: Final = bytes((byte - 64) % 256 for byte in range(256))

_BINHEX: Final = b"!\"#$%&'()*+,-012345689@ABCDEFGHIJKLMNPQRSTUVXYZ[`abcdefhijklmpqr"
_UU: Final = bytes(range(0x20, 0x60))
_BASE64: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_UU_TO_BASE64: Final = bytes.maketrans(_UU + b"`", _BASE64 + b"A")
_TO_BASE64: Final = bytes.maketrans(_BINHEX, _BASE64)
_NOT_BINHEX: Final = bytes(set(range(256)) - set(_BINHEX))
BINHEX_MARK: Final = b"(This file must be converted with BinHex"
"""What stands in front of a BinHex file (RFC 1741 A)."""
_BINHEX_START: Final = re.compile(rb"^:", re.MULTILINE)
_BINHEX_HEADER_BYTES: Final = 1024
"""More than the header in front of the fork has, together with the longest repetition."""
_RUN: Final = re.compile(rb"(.)\x90(.)|\x90\x00", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Embedded:
    """A file found within a text: its name as written, or "", and its content."""

    name: str
    content: bytes = field(repr=False)


@dataclass(slots=True)
class Mending:
    """How many more lines of uuencode that are not whole ones are decoded, one by one, in all texts of one message."""

    left: int = limits.VIRUS_REPAIRS


def embedded_files(text: bytes, mending: Mending | None = None) -> Iterator[Embedded]:
    """Give the uuencoded and yEnc files that stand in a text, at most limits.EMBEDDED_FILES of each kind; never raises."""
    if not _announces(text):
        return
    left, mending = limits.DECODED_BYTES, mending or Mending()
    for begin, body in _bodies(text, _UU_BEGIN, _UU_END):
        content = decode_base64(body) if begin["base64"] else uudecode(body, left, mending)
        left -= len(content)
        if content:
            yield Embedded(_name(begin), content)
    if b"=ybegin" in text:
        yield from _yenc_files(text)


def has_more_files(text: bytes) -> bool:
    """Say whether more than limits.EMBEDDED_FILES of one kind stand in a text."""
    return _announces(text) and any(
        next(islice(opening.finditer(text), limits.EMBEDDED_FILES, None), None) for opening in (_UU_BEGIN, _Y_BEGIN)
    )


def odd_lines(text: bytes) -> int:
    """Give how many lines of a text may have to be decoded one by one (Mending); none where it announces no uuencoded file."""
    return text.count(b"\n") - text.count(b"\nM") if _announces(text) and _UU_BEGIN.search(text) else 0


def _announces(text: bytes) -> bool:
    """Say whether a text may hold files: both kinds announce themselves with a line; a text without it costs these searches."""
    return b"begin" in text and (b"\nbegin" in text or b"=ybegin" in text or text.startswith(b"begin"))


def _bodies(
    text: bytes, opening: re.Pattern[bytes], closing: re.Pattern[bytes]
) -> Iterator[tuple[re.Match[bytes], bytes]]:
    """Give each file's first line and its lines, which end at a last line, at the next file or with the text."""
    begins = list(islice(opening.finditer(text), limits.EMBEDDED_FILES + 1))
    ends = [begin.start() for begin in begins[1:]] + [len(text)]
    for begin, limit in list(zip(begins, ends, strict=False))[: limits.EMBEDDED_FILES]:
        end = closing.search(text, begin.end(), limit)
        yield begin, text[begin.end() : end.start() if end else limit]


def _name(begin: re.Match[bytes]) -> str:
    return begin["name"].decode("utf-8", "replace").strip()


def _yenc_files(text: bytes) -> Iterator[Embedded]:
    """Give yEnc files, those of several parts put together in the order in which the parts come."""
    pieces: dict[str, list[bytes]] = {}
    for begin, body in _bodies(text, _Y_BEGIN, _Y_END):
        pieces.setdefault(_name(begin), []).append(ydecode(body))
    yield from (Embedded(name, whole) for name, found in pieces.items() if (whole := b"".join(found)))


def is_fragment(text: bytes) -> bool:
    """Say whether a text holds yEnc parts of a file, but not all of them.

    A part has a second line (`=ypart`) or a last one (`=yend`, yEnc 1.3); a text that speaks of the first line has neither.
    """
    if b"=ybegin" not in text:
        return False
    begins = list(islice(_Y_TOTAL.finditer(text), limits.EMBEDDED_FILES))
    ends = [begin.start() for begin in begins[1:]] + [len(text)]
    found = [
        (int(begin[1]), int(begin[2]))
        for begin, limit in zip(begins, ends, strict=False)
        if text.startswith(b"=ypart ", begin.end()) or _Y_END.search(text, begin.end(), limit)
    ]
    return bool(found) and len({part for part, _ in found}) < max(total for _, total in found)


def uudecode(body: bytes, most: int = limits.DECODED_BYTES, mending: Mending | None = None) -> bytes:
    """Decode uuencoded lines, with or without `begin` and `end` around them; a line that is none is skipped.

    Ends with the line that makes it `most` bytes: one that lost its characters still stands for 45.
    """
    begin = _UU_BEGIN.search(body)
    out: list[bytes] = []
    size, mending = 0, mending or Mending()
    for match in _UU_LINES.finditer(body, begin.end() if begin else 0):
        mending.left -= not match["full"]
        if mending.left < 0 or match["line"] == b"end" or size >= most:
            break
        if match["full"]:
            text = _UU_FULL.sub(b"", match["full"]).translate(_UU_TO_BASE64, b"\r\n")
            out.append(binascii.a2b_base64(text))
        elif match["line"] and 0x20 <= match["line"][0] <= 0x60:
            out.append(_uu_line(match["line"]))
        else:
            continue
        size += len(out[-1])
    return b"".join(out)


def _uu_line(line: bytes) -> bytes:
    """Decode one line by the length that it announces; missing characters are spaces that were lost on the way."""
    length = (line[0] - 0x20) & 0x3F
    needed = (length + 2) // 3 * 4
    try:
        return binascii.a2b_uu(line[: 1 + needed].ljust(1 + needed))
    except binascii.Error:
        return b""


def ydecode(body: bytes) -> bytes:
    """Decode yEnc lines: each byte shifted by 42, `=` before one that is shifted by 64 more."""
    data = body.replace(b"\r", b"").replace(b"\n", b"")
    first, *rest = data.split(b"=", limits.VIRUS_REPAIRS)
    unescaped = b"".join([first, *(piece[:1].translate(_Y_UNESCAPED) + piece[1:] for piece in rest)])
    return unescaped.translate(_Y_SHIFT)


def yenc_body(raw: bytes) -> bytes:
    """Decode a body whose transfer encoding is yEnc: the file within it, or all of it where no `=ybegin` stands."""
    found = next(_yenc_files(raw), None)
    return found.content if found else ydecode(raw)


def unbinhex(raw: bytes, most: int = limits.DECODED_BYTES) -> bytes:
    """Give the data fork of a BinHex 4.0 file (RFC 1741 A), or what can be had of it; never raises.

    Repetitions are written out up to a little more than `most` bytes.
    """
    start = _BINHEX_START.search(raw)
    encoded = raw[start.end() : raw.find(b":", start.end()) % (len(raw) + 1)] if start else raw
    kept = encoded.translate(None, _NOT_BINHEX).translate(_TO_BASE64)
    kept = kept[: len(kept) - (len(kept) % 4 == 1)]
    data = binascii.a2b_base64(kept + b"=" * (-len(kept) % 4))
    spent = 0

    def run(match: re.Match[bytes]) -> bytes:
        nonlocal spent
        if match[1] is None:
            return b"\x90"
        count = match[2][0]
        spent += count
        if spent > most + _BINHEX_HEADER_BYTES:
            return b""
        return match[1] + b"\x90" if count == 0 else match[1] * count

    plain = _RUN.sub(run, data)
    # A header: length of the name, the name, a zero, type, creator, flags, length of the data fork, of the other, a CRC.
    header = 1 + (plain[0] if plain else 0) + 1 + 4 + 4 + 2
    size = int.from_bytes(plain[header : header + 4], "big")
    fork = plain[header + 10 : header + 10 + size]
    return fork or plain


def gunzip(data: bytes, most: int = limits.DECODED_BYTES) -> bytes:
    """Undo gzip (RFC 1952), at most `most` bytes of it, at least one; gives what could be had."""
    inflater = zlib.decompressobj(wbits=31)
    try:
        # 0 would mean no limit at all.
        return inflater.decompress(data, max(most, 1))
    except zlib.error:
        return b""
