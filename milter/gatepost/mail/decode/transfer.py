"""The transfer encodings (RFC 2045 6) by name: which are known, what they make of a body, and which a field may mean.

Beside the five of RFC 2045 clients know a few that never were standards: uuencode, yEnc and BinHex under several names, and
`gzip64`, which is base64 over gzip.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from gatepost.mail import limits
from gatepost.mail.charset import decode_base64, header_text
from gatepost.mail.decode import base64, legacy, quoted_printable
from gatepost.mail.decode.unsure import Unsure

PLAIN: Final = frozenset({"", "7bit", "8bit", "binary"})
"""The encodings that change nothing; no field at all means 7bit."""

_ALIASES: Final[Mapping[str, str]] = {
    name: encoding
    for encoding, names in {
        "base64": "base64",
        "quoted-printable": "quoted-printable",
        "uuencode": "uuencode x-uuencode uue x-uue x-uu",
        "yenc": "yenc x-yenc yencode x-yencode",
        "binhex": "binhex binhex40 mac-binhex mac-binhex40 x-binhex x-binhex40",
        "gzip64": "gzip64 x-gzip64",
    }.items()
    for name in names.split()
}
# Each takes the body and how many bytes are wanted of it; those that make no more of it than it has bytes need not care.
_DECODERS: Final[Mapping[str, Callable[[bytes, int], bytes]]] = {
    "base64": lambda raw, _: decode_base64(raw),
    "quoted-printable": lambda raw, _: quoted_printable.decode(raw),
    "uuencode": legacy.uudecode,
    "yenc": lambda raw, _: legacy.yenc_body(raw),
    "binhex": legacy.unbinhex,
    "gzip64": lambda raw, most: legacy.gunzip(decode_base64(raw), most),
}
# What a misspelt name of an encoding still holds. The order is that of how often clients guess.
_HINTS: Final = (
    ("base64", re.compile(r"64|bas")),
    ("quoted-printable", re.compile(r"quot|print|qp")),
    ("uuencode", re.compile(r"uu")),
    ("yenc", re.compile(r"yenc")),
    ("binhex", re.compile(r"hex")),
)
_CLEAN: Final = re.compile(rb"[ \t]*(?:\r?\n[ \t]+)?([A-Za-z0-9-]{1,30})[ \t]*\Z")
_VALUE_BYTES: Final = 4096
_LOOK_BYTES: Final = 64 * 1024
_NOISE: Final = re.compile(r"[^a-z0-9-]")
_COMMENT: Final = re.compile(r"\([^()]*\)")


def known(encoding: str) -> str:
    """Give the one name of an encoding for its lower-case name in a field; "" for those that change nothing or are not known."""
    return _ALIASES.get(encoding, "")


def decode(raw: bytes, encoding: str, most: int = limits.DECODED_BYTES) -> bytes:
    """Undo a transfer encoding as most clients do; an unknown one is taken as it stands. Never raises.

    Of an encoding that a few bytes blow up little more than `most` bytes are made, at least one.
    """
    decoder = _DECODERS.get(_ALIASES.get(encoding, ""))
    return decoder(raw, most) if decoder else raw


def others(raw: bytes, encoding: str, usual: bytes, unsure: Unsure) -> Iterator[bytes]:
    """Give what clients make of a body under an encoding beside the usual reading, each once. Never raises.

    `unsure` is what the message has left for this.
    """
    name = known(encoding)
    if name == "base64":
        yield from base64.others(raw, usual, unsure)
    elif name == "quoted-printable":
        yield from quoted_printable.others(raw, usual, unsure)


def is_clean(raw: bytes, encoding: str) -> bool:
    """Say whether all clients make the same file of a body under an encoding, be it sloppy."""
    name = known(encoding)
    if name == "base64":
        return base64.is_clean(raw) or base64.is_sloppy(raw)
    return name != "quoted-printable" or quoted_printable.is_clean(raw)


def is_plain_field(values: tuple[bytes, ...]) -> bool:
    """Say whether Content-Transfer-Encoding can be read in one way: at most one field, with nothing but a known name."""
    if not values:
        return True
    clean = _CLEAN.match(values[0]) if len(values) == 1 else None
    if clean is None:
        return False
    name = clean[1].decode().lower()
    return name in PLAIN or name in _ALIASES


def possible(values: tuple[bytes, ...]) -> list[str]:
    """Give every encoding that some client may read out of fields that are not plain, "" (none) among them."""
    found: dict[str, None] = {}
    for value in values:
        text = value[:_VALUE_BYTES].decode("latin-1").lower()
        forms = (text, _COMMENT.sub("", text), header_text(value[:_VALUE_BYTES]).lower(), _COMMENT.sub(" ", text))
        for form in forms:
            squeezed = _NOISE.sub("", form)
            found.update((name, None) for name, hint in _HINTS if hint.search(squeezed))
            if "gzip64" in squeezed:
                found["gzip64"] = None
    # Some take what they do not know for base64.
    return list(dict.fromkeys((*found, "base64", "")))


def begins_as(raw: bytes, encoding: str) -> bool:
    """Say whether the beginning of a body is in an encoding, where RFC 2045 allows none and the field may be a mistake."""
    return known(encoding) != "base64" or base64.looks_like(raw)


def plausible(raw: bytes, encoding: str) -> bool:
    """Say whether a body may have been written in an encoding, so that a client that undoes it shows something."""
    name = known(encoding)
    if name == "base64":
        return base64.looks_like(raw) or base64.DATA_LINE.search(raw[:_LOOK_BYTES]) is not None
    if name == "quoted-printable":
        return quoted_printable.looks_like(raw)
    return True
