"""The sets of an ARC chain, read before any key is fetched (RFC 8617 4.1, 4.2 and 5.2).

A set is three fields with the same instance, i=. Where they stand in the header says nothing: a hop may add them in any
order, and a relay may sort them. The tags of an ARC-Message-Signature are those of DKIM but for v= and i=; a seal covers
fields that the RFC names, so it has no h=.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from gatepost.checks.auth.dkim_signature import Broken, Signature, check_tags
from gatepost.checks.auth.tags import decode_base64, parse_tags, read_number
from gatepost.mail import limits
from gatepost.mail.domain import normal_domain, normal_labels
from gatepost.mail.header import Header

RESULTS: Final = b"arc-authentication-results"
MESSAGE_SIGNATURE: Final = b"arc-message-signature"
SEAL: Final = b"arc-seal"
FIELDS: Final = (RESULTS, MESSAGE_SIGNATURE, SEAL)
"""The fields of a set, in the order in which a seal covers them (RFC 8617 5.1.1)."""

_INSTANCE: Final = re.compile(rb"[0-9]{1,2}")
# [CFWS] "i" [CFWS] "=" [CFWS] instance [CFWS] ";"; of comments those without others inside.
_GAP: Final = rb"(?:[ \t\r\n]|\([^()]{0,200}\)){0,50}"
_RESULTS_INSTANCE: Final = re.compile(_GAP + rb"i" + _GAP + rb"=" + _GAP + rb"([0-9]{1,2})" + _GAP + rb";")
_ALGORITHMS: Final = frozenset({b"rsa-sha256", b"ed25519-sha256"})
_SEAL_TAGS: Final = (b"a", b"b", b"cv", b"d", b"s")
_VALIDATIONS: Final = frozenset({b"none", b"fail", b"pass"})


class UnsoundError(Exception):
    """The fields make no chain; `reason` is half a sentence."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Seal:
    """An ARC-Seal in order: `validation` is cv=, `octets` what b= says in base64, `signed_at` t= in Unix seconds."""

    field: Header
    domain: str
    selector: str
    algorithm: bytes
    validation: bytes
    octets: bytes
    signed_at: int | None


@dataclass(frozen=True, slots=True)
class SealedSet:
    """A set: the message signature may be out of order, for only the newest has to hold."""

    instance: int
    results: Header
    signature_field: Header
    signature: Signature | Broken
    seal: Seal

    @property
    def fields(self) -> tuple[Header, Header, Header]:
        """The three fields in the order in which a seal covers them."""
        return self.results, self.signature_field, self.seal.field


def read_sets(headers: Sequence[Header]) -> list[SealedSet]:
    """Read all sets of a message, oldest first, [] where there is none (RFC 8617 5.2 steps 1 and 3).

    Raises UnsoundError where a field belongs to no set, a set lacks one or has two of a kind, one is missing between two
    others, or a seal is no seal.
    """
    found: dict[int, dict[bytes, tuple[Header, Mapping[bytes, bytes]]]] = {}
    fields = [header for header in headers if header.key in FIELDS]
    if len(fields) > limits.ARC_SETS * len(FIELDS):
        raise UnsoundError("there are too many sets")
    for field in fields:
        instance, tags = _instance(field)
        if field.key in found.setdefault(instance, {}):
            raise UnsoundError(f"set {instance} has two fields of a kind")
        found[instance][field.key] = (field, tags)
    for instance in range(1, len(found) + 1):
        if len(found.get(instance, ())) != len(FIELDS):
            raise UnsoundError(f"set {instance} is not whole")
    return [_set(instance, found[instance]) for instance in range(1, len(found) + 1)]


def _instance(field: Header) -> tuple[int, Mapping[bytes, bytes]]:
    """Give which set a field belongs to, and the tags of those that are tag lists."""
    tags: Mapping[bytes, bytes] | None = {}
    if field.key == RESULTS:
        match = _RESULTS_INSTANCE.match(field.value)
        number = match[1] if match else b""
    else:
        tags = parse_tags(field.value) if len(field.value) <= limits.DKIM_FIELD_BYTES else None
        number = tags.get(b"i", b"") if tags is not None else b""
    if tags is None or not _INSTANCE.fullmatch(number) or not 1 <= int(number) <= limits.ARC_SETS:
        raise UnsoundError("a field belongs to no set")
    return int(number), tags


def _set(instance: int, fields: Mapping[bytes, tuple[Header, Mapping[bytes, bytes]]]) -> SealedSet:
    """Put a set together."""
    (results, _), (field, tags), (seal, seal_tags) = (fields[name] for name in FIELDS)
    return SealedSet(instance, results, field, _message_signature(field, tags), _seal(instance, seal, seal_tags))


def _message_signature(field: Header, tags: Mapping[bytes, bytes]) -> Signature | Broken:
    """Read an ARC-Message-Signature: without c= it is relaxed, as everybody has it who seals."""
    shared = {name: value for name, value in tags.items() if name not in (b"i", b"v")}
    signature = check_tags(field, {b"c": b"relaxed/relaxed", **shared})
    if isinstance(signature, Signature) and SEAL in signature.names:
        return Broken("a message signature must not sign seals", {})
    if isinstance(signature, Signature) and signature.algorithm not in _ALGORITHMS:
        return Broken("the algorithm is not one of ARC", {})
    return signature


def _seal(instance: int, field: Header, tags: Mapping[bytes, bytes]) -> Seal:
    """Read an ARC-Seal (RFC 8617 4.1.3); raises UnsoundError where it is none."""
    missing = [name.decode() for name in _SEAL_TAGS if name not in tags]
    domain = normal_domain(tags.get(b"d", b"").decode("utf-8", "replace"))
    selector = normal_labels(tags.get(b"s", b"").decode("utf-8", "replace"))
    octets = decode_base64(tags.get(b"b", b""))
    signed_at = read_number(tags[b"t"]) if b"t" in tags else None
    faults = (
        (bool(missing), f"has no {' '.join(missing)}"),
        (b"h" in tags, "has h="),
        (not domain or not selector, "has a d= or s= that is no name"),
        (tags.get(b"a") not in _ALGORITHMS, "has an algorithm that is not known"),
        (tags.get(b"cv") not in _VALIDATIONS, "has a cv= that is not known"),
        (octets is None, "has a b= that is not base64"),
        (b"t" in tags and signed_at is None, "has a t= that is not a number"),
    )
    for found, fault in faults:
        if found:
            raise UnsoundError(f"seal {instance} {fault}")
    return Seal(field, domain, selector, tags[b"a"], tags[b"cv"], octets or b"", signed_at)
