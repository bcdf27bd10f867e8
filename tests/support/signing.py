"""Keys and signatures for tests: made on the spot, so that every fault can be put in on purpose."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from functools import cache

import dkim
import nacl.signing
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

MESSAGE = (
    b"From: Ann <ann@example.com>\r\nTo: Bob <bob@example.org>\r\nSubject: Lunch\r\n"
    b"Date: Sun, 01 Nov 2026 12:00:00 +0000\r\nMessage-ID: <1@example.com>\r\n\r\nAt noon?\r\n\r\n--  \r\nAnn\r\n"
)


@dataclass(frozen=True)
class SigningKey:
    """A private key as dkimpy takes it, and the p= and k= of its record."""

    private: bytes
    public: str
    kind: str = "rsa"

    def record(self, **tags: str) -> str:
        """Give its key record; tags replace or add to v, k and p."""
        return "; ".join(
            f"{name}={value}" for name, value in {"v": "DKIM1", "k": self.kind, "p": self.public, **tags}.items()
        )


@cache
def rsa_key(bits: int = 2048, exponent: int = 65537) -> SigningKey:
    """Make an RSA key, once per size."""
    key = rsa.generate_private_key(exponent, bits)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    der = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return SigningKey(pem, base64.b64encode(der).decode())


@cache
def ed25519_key() -> SigningKey:
    """Make an Ed25519 key, once."""
    key = nacl.signing.SigningKey.generate()
    return SigningKey(base64.b64encode(bytes(key)), base64.b64encode(bytes(key.verify_key)).decode(), "ed25519")


def sign(message: bytes, key: SigningKey | None = None, **options: object) -> bytes:
    """Put a DKIM-Signature on top of a message; `options` are those of dkim.sign, with domain example.com, selector s."""
    key = key or rsa_key()
    algorithm = options.pop("algorithm", b"rsa-sha256" if key.kind == "rsa" else b"ed25519-sha256")
    signer = dkim.DKIM(message, signature_algorithm=algorithm, minkey=0)
    selector, domain = options.pop("selector", b"s"), options.pop("domain", b"example.com")
    return signer.sign(selector, domain, key.private, **options) + message


def seal(
    message: bytes,
    domain: bytes = b"relay.example",
    key: SigningKey | None = None,
    results: bytes = b"; spf=pass smtp.mailfrom=ann@example.com",
) -> bytes:
    """Put one more ARC set on top of a message; `results` is what `domain` found out."""
    key = key or rsa_key()
    chain = b"; arc=pass" if b"ARC-Seal" in message and b"arc=" not in results else b""
    found = b"Authentication-Results: " + domain + results + chain + b"\r\n"
    fields = dkim.arc_sign(found + message, b"s", domain, key.private, domain)
    return b"".join(fields) + message
