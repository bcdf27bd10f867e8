"""Base64 (RFC 2045 6.8), and the ways in which decoders differ over what is not quite base64.

Where a body keeps to the alphabet and is padded at its end alone, all decoders agree. Elsewhere each of the known behaviours
gives a reading of its own: to end at padding, to begin anew after it, to skip it, to take `=` for a zero; to drop strange
characters, the rest of their line, or all that follows; to decode line by line. "Inbox Invasion" (CCS 2024, section 4.3) and
S. Ullrich's mime-is-broken collect which client does what.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable, Iterator
from typing import Final

from gatepost.mail import limits
from gatepost.mail.charset import decode_base64
from gatepost.mail.decode.unsure import Unsure

ALPHABET: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_SPACE: Final = b" \t\r\n"
_NOT_BASE64: Final = bytes(set(range(256)) - set(ALPHABET))
_NOT_BASE64_OR_PAD: Final = bytes(set(_NOT_BASE64) - set(b"="))
_NOT_BASE64_OR_PAD_OR_LINE: Final = bytes(set(_NOT_BASE64_OR_PAD) - set(b"\n"))
_STRANGE: Final = re.compile(rb"[^A-Za-z0-9+/= \t\r\n]")
_STRANGE_TO_LINE_END: Final = re.compile(rb"[^A-Za-z0-9+/= \t\r\n][^\r\n]*")
_STRANGE_LINE: Final = re.compile(rb"^[^\n]*[^A-Za-z0-9+/= \t\r\n][^\n]*\n?", re.MULTILINE)
_EMPTY_LINE: Final = re.compile(rb"\n[ \t\r]{0,80}\n")
DATA_LINE: Final = re.compile(rb"^[A-Za-z0-9+/]{16,}={0,2}[ \t\r]*$", re.MULTILINE)
_SHORTEST_PARAGRAPH: Final = 60
_LINES_BYTES: Final = 4096
_LOOK_BYTES: Final = 200
_LOOK_LEAST: Final = 8


def is_clean(raw: bytes) -> bool:
    """Say whether all decoders agree on a body: whole groups of the alphabet in lines, and padding at the end alone.

    Of the lines only the first are measured: a mailer has one length.
    """
    end = raw.rstrip(_SPACE + b"=")
    kept = len(raw.translate(None, _NOT_BASE64))
    padding = raw.count(b"=")
    return (
        len(raw.translate(None, ALPHABET + _SPACE + b"=")) == 0
        and raw.find(b"=", 0, len(end)) < 0
        and padding == -kept % 4 < 3
        and _EMPTY_LINE.search(end) is None
        and not any(len(line) % 4 for line in end[:_LINES_BYTES].split()[:-1])
    )


def looks_like(raw: bytes) -> bool:
    """Say whether a body looks like base64 though nothing declares it: its beginning has no other characters."""
    head = raw[:_LOOK_BYTES].lstrip()
    return len(head) >= _LOOK_LEAST and not head.translate(None, ALPHABET + _SPACE + b"=")


def is_sloppy(raw: bytes) -> bool:
    """Say whether a body is not clean in ways over which decoders do not differ in any file that they give.

    Padding that is missing, empty lines between whole groups, and text that follows the data, as list software appends it: of
    that decoders make a few bytes of noise behind the whole file.
    """
    strange = _STRANGE.search(raw)
    padding = raw.find(b"=")
    ends = [position for position in (strange.start() if strange else -1, padding) if position >= 0]
    end = min(ends, default=len(raw))
    if end != padding:
        end = raw.rfind(b"\n", 0, end) + 1 if strange else end
    tail = raw[end:].lstrip(b"= \t\r\n")
    paragraphs = [len(piece.translate(None, _SPACE)) for piece in _EMPTY_LINE.split(raw[:end].rstrip(), 64)]
    return (
        DATA_LINE.search(tail) is None
        and (not tail or b" " in tail[:64] or tail[:2] == b"--")
        and all(size % 4 == 0 and size >= _SHORTEST_PARAGRAPH for size in paragraphs[:-1])
    )


def others(raw: bytes, usual: bytes, unsure: Unsure) -> Iterator[bytes]:
    """Give what decoders make of a body beside the usual reading, each once; nothing for a clean one. Never raises.

    Takes the body as transferred, what it usually decodes to and what the message has left for this. At most a dozen readings,
    none longer than the body; past limits.VIRUS_REPAIRS places the rest is read as it stands.
    """
    if is_clean(raw):
        return
    seen = {hash(usual)}
    for way in _WAYS if unsure.take(len(raw), raw.count(b"=")) else _WAYS[:1]:
        found = way(raw)
        if found and hash(found) not in seen:
            seen.add(hash(found))
            yield found


def _all_of_it(raw: bytes) -> bytes:
    """Decode what is of the alphabet, without regard to anything else."""
    kept = raw.translate(None, _NOT_BASE64)
    kept = kept[: len(kept) - (len(kept) % 4 == 1)]
    return binascii.a2b_base64(kept + b"=" * (-len(kept) % 4))


def _anew_after_padding(raw: bytes) -> bytes:
    return b"".join(_all_of_it(piece) for piece in raw.split(b"=", limits.VIRUS_REPAIRS) if piece)


def _padding_as_zero(raw: bytes) -> bytes:
    """Decode `=` within the data as the digit 0 (`A`), as Safari does."""
    kept = raw.translate(None, _NOT_BASE64_OR_PAD)
    body = kept.rstrip(b"=")
    return _all_of_it(body.replace(b"=", b"A"))


def _by_groups(raw: bytes) -> bytes:
    """Decode each group of four by itself, wherever in it the padding stands."""
    kept = raw.translate(None, _NOT_BASE64_OR_PAD)
    found: list[bytes] = []
    position = 0
    for _ in range(limits.VIRUS_REPAIRS):
        padding = kept.find(b"=", position)
        if padding < 0:
            break
        group = padding - padding % 4
        found += (_all_of_it(kept[position:group]), _all_of_it(kept[group : group + 4]))
        position = group + 4
    return b"".join((*found, _all_of_it(kept[position:])))


def _by_lines(raw: bytes) -> bytes:
    """Decode line by line, dropping what does not fill a group."""
    *lines, rest = raw.translate(None, _NOT_BASE64_OR_PAD_OR_LINE).split(b"\n", limits.VIRUS_REPAIRS)
    whole: list[bytes] = []
    plain: list[bytes] = []
    for line in (*lines, rest.replace(b"\n", b"")):
        plain.append(line[: len(line) - len(line) % 4])
        if b"=" in line:
            # What lines without padding hold is decoded at once.
            padded = plain.pop()
            whole += (decode_base64(b"".join(plain)), decode_base64(padded))
            plain.clear()
    return b"".join((*whole, decode_base64(b"".join(plain))))


def _to_strange(raw: bytes) -> bytes:
    strange = _STRANGE.search(raw)
    return decode_base64(raw[: strange.start()]) if strange else b""


def _without_ends_of_lines(raw: bytes) -> bytes:
    return _all_of_it(_STRANGE_TO_LINE_END.sub(b"", raw, count=limits.VIRUS_REPAIRS))


def _without_strange_lines(raw: bytes) -> bytes:
    return decode_base64(_STRANGE_LINE.sub(b"", raw, count=limits.VIRUS_REPAIRS))


def _by_paragraphs(raw: bytes) -> bytes:
    return b"".join(decode_base64(piece) for piece in _EMPTY_LINE.split(raw, limits.VIRUS_REPAIRS))


def _after_first_paragraph(raw: bytes) -> bytes:
    empty = _EMPTY_LINE.search(raw)
    return decode_base64(raw[empty.end() :]) if empty else b""


def _url_safe(raw: bytes) -> bytes:
    """Decode the alphabet of RFC 4648 5, which some decoders accept beside the usual one."""
    return decode_base64(raw.translate(bytes.maketrans(b"-_", b"+/")))


_WAYS: Final[tuple[Callable[[bytes], bytes], ...]] = (
    _all_of_it,
    _anew_after_padding,
    _by_groups,
    _padding_as_zero,
    _by_lines,
    _by_paragraphs,
    _after_first_paragraph,
    _without_strange_lines,
    _without_ends_of_lines,
    _to_strange,
    _url_safe,
)
