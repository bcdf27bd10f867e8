"""DKIM keys: fetching and reading `selector._domainkey.domain` (RFC 6376 3.6, RFC 8463).

The record says what a key may be used for, and dkimpy ignores most of that; here every restriction counts. A key that
cannot be had now is temporary trouble; a key that is not there, revoked or unreadable is permanent (RFC 6376 6.1.2).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import nacl.exceptions
import nacl.signing
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256
from dkim.asn1 import ASN1FormatError
from dkim.crypto import DigestTooLargeError, RSASSA_PKCS1_v1_5_verify, UnparsableKeyError, parse_public_key

from gatepost.checks.auth.tags import colon_list, decode_base64, parse_tags, without_space
from gatepost.evidence import Status
from gatepost.mail import limits
from gatepost.world.dns.door import Question, Records, RecordType, Resolver, TempFailure

_ED25519_BYTES: Final = 32
_KEPT: Final = 1_024  # key records read lately; the same few senders come again and again


@dataclass(frozen=True, slots=True)
class Key:
    """A public key: `kind` is b"rsa" or b"ed25519", `strict` the flag t=s, `testing` t=y.

    `public` is what computes with it: the numbers of an RSA key as dkimpy takes them, or PyNaCl's key. `fast` is the same
    RSA key for OpenSSL, ten times as fast, None where OpenSSL does not take it (too short, odd numbers).
    `hashes` are the hash algorithms the key may be used with (h=), None for any.
    """

    kind: bytes
    public: Any
    bits: int
    hashes: frozenset[bytes] | None = None
    strict: bool = False
    testing: bool = False
    fast: RSAPublicKey | None = None

    def verifies(self, octets: bytes, algorithm: bytes, mark: bytes) -> bool:
        """Say whether a signature is right: `algorithm` is one of a= for this kind of key, `mark` the octets of b=."""
        hashed = hashlib.new(algorithm.partition(b"-")[2].decode("ascii"), octets, usedforsecurity=False)
        try:
            if self.kind == b"ed25519":
                # RFC 8463 3: what is signed is the digest.
                self.public.verify(hashed.digest(), mark)
                return True
            if self.fast is not None and hashed.name == "sha256":
                self.fast.verify(mark, hashed.digest(), PKCS1v15(), Prehashed(SHA256()))
                return True
            return bool(RSASSA_PKCS1_v1_5_verify(hashed, mark, self.public))
        except (InvalidSignature, nacl.exceptions.CryptoError, nacl.exceptions.ValueError, DigestTooLargeError):
            return False


@dataclass(frozen=True, slots=True)
class NoKey:
    """Why there is no key to use: `status` is temperror, permerror or policy; `reason` half a sentence."""

    status: Status
    reason: str


def key_question(domain: str, selector: str) -> Question:
    """Give the question that a signer's key answers (RFC 6376 3.6.2.1)."""
    return Question(f"{selector}._domainkey.{domain}", RecordType.TXT)


def fetch_key(resolver: Resolver, domain: str, selector: str) -> Key | NoKey:
    """Ask for a signer's key. With several records the first that is a key counts (RFC 6376 3.6.2.2)."""
    match resolver.ask(key_question(domain, selector)):
        case TempFailure(reason):
            return NoKey(Status.TEMPERROR, f"its key could not be fetched: {reason}")
        case Records(values):
            found = [parse_key(value) for value in values if isinstance(value, bytes)]
            keys = [key for key in found if isinstance(key, Key)]
            return (keys or found)[0] if found else NoKey(Status.PERMERROR, "there is no key")
        case _:
            return NoKey(Status.PERMERROR, "there is no key")


@lru_cache(_KEPT)
def parse_key(record: bytes) -> Key | NoKey:
    """Read a key record (RFC 6376 3.6.1)."""
    if len(record) > limits.DKIM_KEY_BYTES:
        return NoKey(Status.PERMERROR, "the key record is too long")
    tags = parse_tags(record)
    if tags is None or b"p" not in tags:
        return NoKey(Status.PERMERROR, "the key record cannot be read")
    if tags.get(b"v", b"DKIM1") != b"DKIM1":
        return NoKey(Status.PERMERROR, "the key record has another version")
    if not {b"*", b"email"} & set(colon_list(tags.get(b"s", b"*"))):
        return NoKey(Status.PERMERROR, "the key is not meant for mail")
    data = without_space(tags[b"p"])
    if not data:
        return NoKey(Status.PERMERROR, "the key is revoked")
    raw = decode_base64(data)
    if raw is None:
        return NoKey(Status.PERMERROR, "the key is not base64")
    return _build(tags, raw)


def _build(tags: Mapping[bytes, bytes], raw: bytes) -> Key | NoKey:
    """Make the key."""
    kind = tags.get(b"k", b"rsa")
    hashes = frozenset(colon_list(tags[b"h"])) if b"h" in tags else None
    flags = colon_list(tags.get(b"t", b""))
    strict, testing = b"s" in flags, b"y" in flags
    try:
        if kind == b"rsa":
            numbers = parse_public_key(raw)
            if numbers["publicExponent"] > limits.RSA_EXPONENT_MAX or numbers["modulus"] < 1:
                return NoKey(Status.POLICY, "the key's numbers are out of bounds")
            bits = numbers["modulus"].bit_length()
            return Key(kind, numbers, bits, hashes, strict, testing, _fast(numbers, bits))
        if kind == b"ed25519" and len(raw) == _ED25519_BYTES:
            return Key(kind, nacl.signing.VerifyKey(raw), 256, hashes, strict, testing)
    except (ASN1FormatError, UnparsableKeyError, AssertionError, IndexError, nacl.exceptions.CryptoError):
        return NoKey(Status.PERMERROR, "the key cannot be read")
    return NoKey(Status.PERMERROR, "the key is of an unknown kind")


def _fast(numbers: Mapping[str, int], bits: int) -> RSAPublicKey | None:
    """Make the key for OpenSSL, or None."""
    if not limits.RSA_KEY_BITS_MIN <= bits <= limits.RSA_KEY_BITS_MAX:
        return None
    try:
        return RSAPublicNumbers(numbers["publicExponent"], numbers["modulus"]).public_key()
    except ValueError:
        return None
