"""What DKIM and ARC share: the canonical body and its hash, and one signature's arithmetic.

dkimpy does the arithmetic and the canonical header. The canonical body is ours: dkimpy's is quadratic in runs of white
space, and it would be made anew for every signature of a message.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

import dkim

from gatepost.checks.auth.dkim_key import Key
from gatepost.mail.message import Message

_ED25519_MARK_BYTES: Final = 64

SILENT: Final = logging.getLogger("gatepost.dkimpy")
"""dkimpy logs an error for whatever a sender writes wrong; ours is evidence, and the log is not the sender's to fill."""
SILENT.disabled = True


class SignedMessage:
    """A message on its way through several verifications; canonical bodies and their hashes are kept."""

    def __init__(self, message: Message) -> None:
        self.message = message
        self._bodies: dict[bytes, bytes] = {}
        self._hashes: dict[tuple[bytes, int, str], bytes] = {}

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

    def fields(self, names: Collection[bytes]) -> list[tuple[bytes, bytes]]:
        """Give the fields of these names (lower case), in order, in the form dkimpy works on."""
        return [(header.name, header.value + b"\r\n") for header in self.message.headers if header.key in names]


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
    """What one signature claims: `names` is its h= list in lower case, `canon` that of the header, `mark` base64."""

    field: tuple[bytes, bytes]
    names: Sequence[bytes]
    algorithm: bytes
    canon: bytes
    mark: bytes


def verifies(claim: Claim, fields: Sequence[tuple[bytes, bytes]], key: Key) -> bool:
    """Say whether a claim signs the named fields and its own field under a key (RFC 6376 3.7).

    `fields` are all candidates in order, as dkimpy has them. The body hash is the caller's business. What dkimpy cannot
    compute does not verify.
    """
    if key.kind == b"ed25519" and len(claim.mark) != (_ED25519_MARK_BYTES + 2) // 3 * 4:
        return False
    signer = dkim.DKIM(minkey=0, logger=SILENT)  # whether a key is long enough is judged by whoever asks
    signer.headers = list(fields)
    signer.pk, signer.keysize, signer.ktag, signer.seqtlsrpt = key.public, key.bits, key.kind, False
    if key.fast is not None and claim.algorithm == b"rsa-sha256":
        signer.pk, signer.ktag = key.fast, b"ed25519"  # the way through dkimpy that leaves the arithmetic to the key
    tags = {b"a": claim.algorithm, b"c": claim.canon, b"b": claim.mark}
    try:
        return bool(signer.verify_sig_process(tags, list(claim.names), claim.field, None))
    except dkim.DKIMException:
        return False
