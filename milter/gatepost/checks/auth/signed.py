"""What DKIM and ARC share: canonical header and body, and one signature's arithmetic.

They are ours and not dkimpy's. Its canonical body is quadratic in runs of white space and would be made anew for every
signature of a message; its canonical header knows no white space before a colon, loses white space behind b=, and empties
whatever looks like b= in another tag. Tests compare both with dkimpy where it is right.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from gatepost.checks.auth.dkim_key import Key
from gatepost.mail.header import Header
from gatepost.mail.message import Message

_LINE_END: Final = re.compile(rb"\r?\n")
_WHITE_SPACE: Final = re.compile(rb"[ \t]+")


class SignedMessage:
    """A message on its way through several verifications; canonical fields and bodies, and hashes of these, are kept."""

    def __init__(self, message: Message) -> None:
        self.message = message
        self._fields: dict[int, bytes] = {}
        self._bodies: dict[bytes, bytes] = {}
        self._hashes: dict[tuple[bytes, int, str], bytes] = {}

    def field(self, field: Header, canon: bytes) -> bytes:
        """Give one of the message's own fields as it is signed: fifty seals of a chain may cover the same megabyte."""
        if canon != b"relaxed":
            return field.line
        known = self._fields.get(id(field))
        if known is None:
            known = self._fields[id(field)] = canonical_field(field, canon)
        return known

    def body(self, canon: bytes) -> bytes:
        """Give the canonical body; `canon` is b"simple" or b"relaxed"."""
        if canon not in self._bodies:
            make = relaxed_body if canon == b"relaxed" else simple_body
            self._bodies[canon] = make(self.message.body)
        return self._bodies[canon]

    def body_hash(self, canon: bytes, length: int | None = None, hash_name: str = "sha256") -> bytes:
        """Give the hash of the canonical body, or of its first `length` bytes (RFC 6376 3.7)."""
        body = self.body(canon)
        end = len(body) if length is None else min(length, len(body))
        key = (canon, end, hash_name)
        if key not in self._hashes:
            self._hashes[key] = hashlib.new(hash_name, memoryview(body)[:end], usedforsecurity=False).digest()
        return self._hashes[key]


def simple_body(body: bytes) -> bytes:
    """Make the body canonical by RFC 6376 3.4.3: no empty lines at its end, exactly one CRLF."""
    return _without_empty_lines(body) + b"\r\n"


def relaxed_body(body: bytes) -> bytes:
    """Make the body canonical by RFC 6376 3.4.4; linear in its length, unlike dkimpy's."""
    body = body.replace(b"\t", b" ")
    while b"  " in body:
        body = body.replace(b"  ", b" ")
    kept = _without_empty_lines(body.replace(b" \r\n", b"\r\n").removesuffix(b" "))
    return kept + b"\r\n" if kept else b""


def _without_empty_lines(body: bytes) -> bytes:
    """Cut off every CRLF at the end, in one pass; a bare CR or LF is no line end."""
    tail = body[len(body.rstrip(b"\r\n")) :].replace(b"\r\n", b"\0")
    count = len(tail) - len(tail.rstrip(b"\0"))
    return body[: len(body) - 2 * count]


@dataclass(frozen=True, slots=True)
class Claim:
    """What one signature claims: its own `field`, an `algorithm` of a=, the form of the header (c=), the octets of b=."""

    field: Header
    algorithm: bytes
    canon: bytes
    mark: bytes


def signs(claim: Claim, signed: SignedMessage, covered: Sequence[Header], key: Key) -> bool:
    """Say whether a claim signs these fields of a message, in this order, and its own under a key (RFC 6376 3.7).

    The hash of the body is the caller's business, and so is whether the key may be used.
    """
    octets = b"".join([signed.field(field, claim.canon) for field in covered])
    own = canonical_field(_without_mark(claim.field), claim.canon).removesuffix(b"\r\n")
    return key.verifies(octets + own, claim.algorithm, claim.mark)


def select(headers: Sequence[Header], names: Sequence[bytes], own: Header) -> list[Header]:
    """Give the fields that a list of names in lower case signs, in its order (RFC 6376 5.4.2).

    A name that comes twice is the last field, then the one above it. What is not there is signed as nothing. A From field
    more than are named is taken in, too: readers are shown one of them, and not a signed one perhaps (RFC 6376 8.15).
    `own` is the signature's own field, which the names cannot mean: it was not there yet (RFC 6376 3.5, h=).
    """
    of_name: dict[bytes, list[Header]] = {name: [] for name in names}
    for header in headers:
        if header.key in of_name and header is not own:
            of_name[header.key].append(header)
    asked = [*names, b"from"] if b"from" in of_name else names
    return [of_name[name].pop() for name in asked if of_name[name]]


def canonical_field(field: Header, canon: bytes) -> bytes:
    """Give a field as it is signed: as it stands, or `relaxed` (RFC 6376 3.4.1 and 3.4.2). Linear in its length."""
    if canon != b"relaxed":
        return field.line
    value = _WHITE_SPACE.sub(b" ", _LINE_END.sub(b"", field.value)).strip(b" ")
    return b"%b:%b\r\n" % (field.key, value)


def _without_mark(field: Header) -> Header:
    """Empty the b= tag of a signature's own field, white space around its value included (RFC 6376 3.7)."""
    parts = field.value.split(b";")
    for number, part in enumerate(parts):
        name, equals, _ = part.partition(b"=")
        if name.strip() == b"b":
            parts[number] = name + equals
    return Header(field.name, b";".join(parts))
