"""Signed files and messages in one piece with their signature (CMS SignedData, RFC 5652; S/MIME, RFC 8551 3.5.2): `smime.p7m`, `contract.pdf.p7m`.

Mail clients and signing tools show what lies within the signature, and a scanner sees ASN.1 around it, or pieces of it. Nothing is
verified here: who signed it says nothing about what it is.
"""

from __future__ import annotations

import re
from typing import Final

from gatepost.checks.attachments.names import extension
from gatepost.checks.attachments.notes import Notes
from gatepost.mail import file_limits
from gatepost.mail.charset import decode_base64

_SIGNED: Final = bytes.fromhex("06092a864886f70d010702")
"""The object identifier of SignedData, tag and length included."""
_LOOK: Final = 64
_SEQUENCE, _OCTETS, _CONSTRUCTED_OCTETS, _EXPLICIT = 0x30, 0x04, 0x24, 0xA0
_PEM: Final = re.compile(rb"\s{0,100}-----BEGIN [A-Z0-9 ]{3,20}-----\r?\n")
_DEPTH: Final = 8
_MAIL: Final = re.compile(rb"(?:mime-version|content-[a-z-]{1,30}):", re.IGNORECASE)
_PACKINGS: Final = frozenset({"p7m", "p7s", "p7c", "pk7", "der", "pem"})


def inspect_signed(notes: Notes, name: str, data: bytes) -> None:
    """Give what is signed as a member, called as the file without its last ending; nothing for other data. Never raises."""
    content = signed_content(data)
    if _MAIL.match(content):
        notes.hold("signed.eml", content)
    elif content:
        notes.hold(name.rpartition(".")[0] if extension(name) in _PACKINGS else name, content)


def signed_content(data: bytes) -> bytes:
    """Give what lies within a signature, in DER, BER or base64; b"" where there is none, or not all of it."""
    if match := _PEM.match(data):
        end = data.find(b"-----END", match.end())
        data = decode_base64(data[match.end() : end if end >= 0 else None])
    elif data[:2] == b"MI":  # how any of it begins in base64
        data = decode_base64(data)
    if _SIGNED not in data[:_LOOK]:
        return b""
    try:
        at = _past(data, _into(data, 0, _SEQUENCE))  # ContentInfo, its type
        at = _into(data, _into(data, at, _EXPLICIT), _SEQUENCE)
        at = _past(data, _past(data, at))  # version, digest algorithms
        at = _past(data, _into(data, at, _SEQUENCE))  # EncapsulatedContentInfo, its type
        return _octets(data, _into(data, at, _EXPLICIT))
    except (IndexError, ValueError):
        return b""


def _head(data: bytes, at: int) -> tuple[int, int, int]:
    """Read a tag and a length (X.690 8.1): gives the tag, where the content begins, and where it ends, -1 for "until it ends"."""
    tag, size, at = data[at], data[at + 1], at + 2
    if size == 0x80:
        return tag, at, -1
    if size > 0x80:
        count = size & 0x7F
        size, at = int.from_bytes(data[at : at + count], "big"), at + count
    return tag, at, at + size


def _into(data: bytes, at: int, tag: int) -> int:
    """Step into an element of a tag."""
    found, start, _ = _head(data, at)
    if found != tag:
        raise ValueError(found)
    return start


def _past(data: bytes, at: int, depth: int = _DEPTH) -> int:
    """Step over an element."""
    _, start, end = _head(data, at)
    if end >= 0:
        return end
    if not depth:
        raise ValueError(at)
    for _ in range(file_limits.SIGNED_PIECES):
        if data[start : start + 2] == b"\0\0":
            return start + 2
        start = _past(data, start, depth - 1)
    raise ValueError(at)


def _octets(data: bytes, at: int) -> bytes:
    """Give an octet string, one piece or several (X.690 8.7)."""
    tag, start, end = _head(data, at)
    if tag == _OCTETS:
        return data[start:end]
    if tag != _CONSTRUCTED_OCTETS:
        return b""
    pieces: list[bytes] = []
    while len(pieces) < file_limits.SIGNED_PIECES and (start < end if end >= 0 else data[start : start + 2] != b"\0\0"):
        tag, begin, start = _head(data, start)
        if tag != _OCTETS or start < begin:
            break
        pieces.append(data[begin:start])
    return b"".join(pieces)
