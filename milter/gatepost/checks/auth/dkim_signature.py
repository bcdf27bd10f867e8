"""One DKIM-Signature field, read and checked before any key is fetched (RFC 6376 3.5 and 6.1.1).

dkimpy lets pass what it should not and refuses what it should not (lists in q=, quoted-printable in i=), so the field is
read here. An ARC-Message-Signature has the same tags but for v= and i= (RFC 8617 4.1.2).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from gatepost.checks.auth.tags import colon_list, decode_base64, parse_tags, read_number, without_space
from gatepost.mail import limits
from gatepost.mail.domain import normal_domain, normal_labels
from gatepost.mail.header import Header

_REQUIRED: Final = (b"a", b"b", b"bh", b"d", b"h", b"s")
_QUOTED_PRINTABLE: Final = re.compile(rb"=([0-9A-F]{2})")
_CANON: Final = frozenset({b"simple", b"relaxed"})


@dataclass(frozen=True, slots=True)
class Signature:
    """A field in order: names in lower case, times in Unix seconds, `length` the l= tag, `mark` the base64 of b= and `octets` what it says."""

    field: Header
    domain: str
    selector: str
    algorithm: bytes
    identity: str
    names: tuple[bytes, ...]
    header_canon: bytes
    body_canon: bytes
    length: int | None
    body_hash: bytes
    mark: bytes
    octets: bytes
    signed_at: int | None
    expires_at: int | None

    @property
    def identity_domain(self) -> str:
        """The domain of i=."""
        return self.identity.rpartition("@")[2]


@dataclass(frozen=True, slots=True)
class Broken:
    """A field that cannot count (a permanent error): half a sentence, and the facts that could be read all the same."""

    reason: str
    facts: Mapping[str, str]


class _BrokenError(Exception):
    """Ends the reading of a field."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def parse_signature(field: Header) -> Signature | Broken:
    """Read a DKIM-Signature field; never raises."""
    if len(field.value) > limits.DKIM_FIELD_BYTES:
        return Broken("the signature field is too long", {})
    tags = parse_tags(field.value)
    if tags is None:
        return Broken("the signature is no tag list", {})
    if tags.get(b"v") != b"1":
        reason = "the signature has another version" if b"v" in tags else "the signature has no v="
        return Broken(reason, _facts(tags))
    signature = check_tags(field, tags)
    if isinstance(signature, Signature) and b"from" not in signature.names:
        return Broken("the From field is not signed", _facts(tags))
    return signature


def check_tags(field: Header, tags: Mapping[bytes, bytes]) -> Signature | Broken:
    """Check the tags that DKIM and ARC share; never raises."""
    try:
        return _signature(field, tags)
    except _BrokenError as broken:
        return Broken(broken.reason, _facts(tags))


def _facts(tags: Mapping[bytes, bytes]) -> dict[str, str]:
    """Give what is known of a broken signature, as far as it is plain text."""
    facts = {"header.d": normal_domain(_text(tags, b"d")), "header.s": normal_labels(_text(tags, b"s"))}
    algorithm = _text(tags, b"a").lower()
    if re.fullmatch(r"[a-z0-9-]{1,40}", algorithm):
        facts["header.a"] = algorithm
    mark = without_space(tags.get(b"b", b""))[:8]
    if re.fullmatch(rb"[A-Za-z0-9+/=]{1,8}", mark):
        facts["header.b"] = mark.decode("ascii")
    return {name: value for name, value in facts.items() if value}


def _text(tags: Mapping[bytes, bytes], name: bytes) -> str:
    """Give a tag's value as text; what is not UTF-8 gives no domain."""
    return tags.get(name, b"").decode("utf-8", "replace")


def _signature(field: Header, tags: Mapping[bytes, bytes]) -> Signature:
    """Check every tag in turn, or raise _BrokenError."""
    for name in _REQUIRED:
        if name not in tags:
            raise _BrokenError(f"the signature has no {name.decode()}=")
    domain, selector = normal_domain(_text(tags, b"d")), normal_labels(_text(tags, b"s"))
    if not domain or not selector:
        raise _BrokenError("d= or s= is not a name")
    if b"dns/txt" not in colon_list(tags.get(b"q", b"dns/txt")):
        raise _BrokenError("the key cannot be fetched from DNS (q=)")
    names = tuple(name.lower() for name in colon_list(tags[b"h"]))
    if len(names) > limits.DKIM_SIGNED_NAMES:
        raise _BrokenError("the list of signed fields is too long")
    header_canon, body_canon = _canonicalization(tags.get(b"c", b"simple/simple"))
    signature = Signature(
        field=field,
        domain=domain,
        selector=selector,
        algorithm=_algorithm(tags[b"a"]),
        identity=_identity(tags, domain),
        names=names,
        header_canon=header_canon,
        body_canon=body_canon,
        length=_number(tags, b"l"),
        body_hash=_base64(tags, b"bh"),
        mark=without_space(tags[b"b"]),
        octets=_base64(tags, b"b"),
        signed_at=_number(tags, b"t"),
        expires_at=_number(tags, b"x"),
    )
    if None not in (signature.signed_at, signature.expires_at) and signature.expires_at <= signature.signed_at:  # type: ignore[operator]
        # RFC 6376 3.5: x= MUST be greater than t=.
        raise _BrokenError("the signature expires before it was made")
    return signature


def _algorithm(value: bytes) -> bytes:
    """Check a= (RFC 6376 3.3, RFC 8463); rsa-sha1 is computed and then not accepted."""
    if value not in (b"rsa-sha256", b"ed25519-sha256", b"rsa-sha1"):
        raise _BrokenError("the signature's algorithm is not known")
    return value


def _canonicalization(value: bytes) -> tuple[bytes, bytes]:
    """Read c= (RFC 6376 3.5: one word alone leaves the body `simple`)."""
    header, _, body = value.partition(b"/")
    body = body or b"simple"
    if header not in _CANON or body not in _CANON:
        raise _BrokenError("the canonicalization is not known")
    return header, body


def _identity(tags: Mapping[bytes, bytes], domain: str) -> str:
    """Read i=: DKIM quoted-printable, its domain the same as d= or below it (RFC 6376 2.11 and 3.5)."""
    if b"i" not in tags:
        return f"@{domain}"
    raw = _QUOTED_PRINTABLE.sub(lambda found: bytes([int(found[1], 16)]), without_space(tags[b"i"]))
    local, at, host = raw.decode("utf-8", "replace").rpartition("@")
    name = normal_domain(host)
    if not at or not (name == domain or name.endswith(f".{domain}")):
        raise _BrokenError("i= is not within d=")
    return f"{local}@{name}" if local.isprintable() else f"@{name}"


def _number(tags: Mapping[bytes, bytes], name: bytes) -> int | None:
    """Read a decimal tag, or None where it is absent."""
    number = read_number(tags[name]) if name in tags else None
    if name in tags and number is None:
        raise _BrokenError(f"{name.decode()}= is not a number")
    return number


def _base64(tags: Mapping[bytes, bytes], name: bytes) -> bytes:
    """Decode a base64 tag."""
    octets = decode_base64(tags[name])
    if octets is None:
        raise _BrokenError(f"{name.decode()}= is not base64")
    return octets
