"""Signatures made by the letter of RFC 6376 and RFC 8617, without dkimpy: what verifies must not share its maker's mistakes.

A template is the value of a signature field with `{bh}` and `{b}` in it: those and the white space around `{b}` are filled in or
left out as the RFC says, everything else is signed as it is written.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from functools import cache

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from gatepost.mail.header import Header
from gatepost.mail.message import Message

HEADERS = (
    Header(b"From", b" Ann <ann@example.com>"),
    Header(b"To", b" bob@example.org"),
    Header(b"Subject", b" Lunch"),
    Header(b"Date", b" Sun, 01 Nov 2026 12:00:00 +0000"),
)
BODY = b"At  noon? \r\n\r\n--  \r\nAnn\r\n\r\n"
RESULTS = b" i=%d; relay.example; spf=pass smtp.mailfrom=ann@example.com"
MESSAGE_SIGNATURE = (
    b" i=%d; a=rsa-sha256; c=relaxed/relaxed; d=relay.example; s=s; h=from:to:subject:date; bh={bh}; b={b}"
)
SEAL = b" i=%d; a=rsa-sha256; cv=%s; d=relay.example; s=s; b={b}"


@cache
def _key() -> rsa.RSAPrivateKey:
    """Make the key, once."""
    return rsa.generate_private_key(65537, 1024)


def record() -> str:
    """Give the key record."""
    der = _key().public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return f"v=DKIM1; k=rsa; p={base64.b64encode(der).decode()}"


def message(*headers: Header, body: bytes = BODY) -> Message:
    """Make a message of these fields."""
    return Message(headers, body)


def signature(
    template: bytes, headers: Sequence[Header] = HEADERS, body: bytes = BODY, name: bytes = b"DKIM-Signature"
) -> Header:
    """Make a signature field for a message; what it signs, and in which form, stands in the template."""
    forms = _tag(template, b"c") or b"simple/simple"
    header_form, _, body_form = forms.partition(b"/")
    digest = hashlib.sha256(_body(body, body_form or b"simple")).digest()
    value = template.replace(b"{bh}", base64.b64encode(digest))
    left = {key: [header for header in headers if header.key == key] for key in {header.key for header in headers}}
    names = [each.strip().lower() for each in _tag(template, b"h").split(b":")]
    chosen = [left[each].pop() for each in names if left.get(each)]
    return _signed(Header(name, value), chosen, header_form)


def seal(template: bytes, covered: Sequence[Header]) -> Header:
    """Make an ARC-Seal over fields."""
    return _signed(Header(b"ARC-Seal", template), covered, b"relaxed")


def chain(
    sets: Sequence[tuple[bytes, bytes, bytes]], headers: Sequence[Header] = HEADERS, body: bytes = BODY
) -> list[Header]:
    """Put ARC sets on top of a header, each given by the templates of its results, signature and seal."""
    covered: list[Header] = []
    whole = list(headers)
    for results, signed, sealed in sets:
        found = Header(b"ARC-Authentication-Results", results)
        own = signature(signed, whole, body, b"ARC-Message-Signature")
        covered += [found, own]
        covered.append(seal(sealed, covered))
        whole = [covered[-1], own, found, *whole]
    return whole


def links(count: int, **changed: bytes) -> list[tuple[bytes, bytes, bytes]]:
    """Give the templates of so many sets; `signature`, `seal` and `results` replace those of all."""
    return [
        (
            changed.get("results", RESULTS) % number,
            changed.get("signature", MESSAGE_SIGNATURE) % number,
            changed.get("seal", SEAL) % (number, b"none" if number == 1 else b"pass"),
        )
        for number in range(1, count + 1)
    ]


def _signed(field: Header, covered: Sequence[Header], form: bytes) -> Header:
    """Fill in b= of a field that signs other fields."""
    bare = Header(field.name, re.sub(rb"[ \t\r\n]*\{b\}[ \t\r\n]*", b"", field.value))
    octets = b"".join(_field(header, form) + b"\r\n" for header in covered) + _field(bare, form)
    mark = base64.b64encode(_key().sign(octets, padding.PKCS1v15(), hashes.SHA256()))
    return Header(field.name, field.value.replace(b"{b}", mark))


def _field(header: Header, form: bytes) -> bytes:
    """Make a field canonical (RFC 6376 3.4.1 and 3.4.2)."""
    if form == b"simple":
        return header.name + b":" + header.value
    words = re.split(rb"[ \t]+", header.value.replace(b"\r\n", b""))
    return header.name.strip().lower() + b":" + b" ".join(words).strip(b" ")


def _body(body: bytes, form: bytes) -> bytes:
    """Make a body canonical (RFC 6376 3.4.3 and 3.4.4)."""
    lines = body.split(b"\r\n")
    if form == b"relaxed":
        lines = [re.sub(rb"[ \t]+", b" ", line).rstrip(b" ") for line in lines]
    while lines and not lines[-1]:
        lines.pop()
    return b"".join(line + b"\r\n" for line in lines) or (b"" if form == b"relaxed" else b"\r\n")


def _tag(template: bytes, name: bytes) -> bytes:
    """Give the value of a tag in a template."""
    match = re.search(rb"(?:^|;)[ \t\r\n]*" + name + rb"[ \t\r\n]*=([^;]*)", template)
    return match[1].strip() if match else b""
