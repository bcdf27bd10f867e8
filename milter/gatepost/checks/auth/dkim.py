"""DKIM (RFC 6376): does a domain vouch for this message, and is the message still what it vouched for.

A signature covers some header fields and the body; its key stands in the signer's DNS. Anybody may sign, so a pass means
only "this domain takes responsibility": DMARC compares the domain with the author's. A broken signature means nothing by
itself, because mailing lists break them (RFC 6376 6.1), and a message may carry several.

Our own code reads the signature and the key record, applies every restriction and makes the canonical header and body; keys are
read by dkimpy, and OpenSSL, PyNaCl or dkimpy compute with them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import ClassVar, Final

from gatepost.checks.auth.dkim_key import Key, NoKey, fetch_key
from gatepost.checks.auth.dkim_signature import Broken, Signature, parse_signature
from gatepost.checks.auth.signed import Claim, SignedMessage, select, signs
from gatepost.evidence import Evidence, Found, Status
from gatepost.mail import limits
from gatepost.mail.address import author
from gatepost.mail.envelope import Direction, Envelope
from gatepost.mail.message import Message
from gatepost.world.clock import Clock
from gatepost.world.dns.door import Resolver

CODES: Final[Mapping[str, str]] = {
    "dkim.pass": "A domain's signature over this message is valid.",
    "dkim.fail": "A signature does not match the message.",
    "dkim.neutral": "A signature was not judged: part of the message is missing, or there are too many.",
    "dkim.none": "The message is not signed.",
    "dkim.policy": "A signature is valid by arithmetic and not acceptable: old algorithm, short key, or text added below.",
    "dkim.temperror": "DNS did not answer, so a signature could not be judged.",
    "dkim.permerror": "A signature cannot be judged: it is malformed, has expired, or has no usable key.",
}

_AHEAD_SECONDS: Final = 36_000
"""How far ahead of us a signature may have been made: signers that take local time for UTC are honest (dkimpy's leeway)."""

_UNSUBSCRIBE: Final = (b"list-unsubscribe", b"list-unsubscribe-post")

_MARK_CHARACTERS: Final = 8  # RFC 6008 3: the first eight characters of b=, more where they are not unique
_MARK_CHARACTERS_MAX: Final = 64  # who writes signatures that are the same up to here wants them to be


@dataclass(frozen=True, slots=True)
class Rules:
    """What the site asks of signatures: bits of an RSA key, and seconds of grace when a signature expires."""

    min_rsa_bits: int = limits.RSA_KEY_BITS_MIN
    clock_skew_seconds: int = 300


@dataclass(frozen=True, slots=True)
class Judged:
    """A result for one signature: `reason` is half a sentence, `key` the key that was used, if one was."""

    status: Status
    reason: str = ""
    key: Key | None = None


def verify(signature: Signature, signed: SignedMessage, resolver: Resolver, clock: Clock, rules: Rules) -> Judged:
    """Verify one signature that is in order (RFC 6376 6.1)."""
    now = clock.now()
    if signature.expires_at is not None and signature.expires_at < now - rules.clock_skew_seconds:
        return Judged(Status.PERMERROR, "it has expired")
    if signature.signed_at is not None and signature.signed_at > latest(now, rules):
        return Judged(Status.PERMERROR, "it was made in the future")
    if not signed.message.every(b"from"):
        return Judged(Status.PERMERROR, "the message has no From field")
    key = fetch_key(resolver, signature.domain, signature.selector)
    if isinstance(key, NoKey):
        return Judged(key.status, key.reason)
    if unfit := unfit_for(key, signature.algorithm):
        return Judged(Status.PERMERROR, unfit, key)
    if key.strict and signature.identity_domain != signature.domain:
        return Judged(Status.PERMERROR, "its key does not allow a subdomain in i=", key)
    if key.bits > limits.RSA_KEY_BITS_MAX:
        return Judged(Status.POLICY, f"its key has {key.bits} bits, too many to compute with", key)
    return _compute(signature, signed, key) or _accept(signature, signed, key, rules)


def latest(now: float, rules: Rules) -> float:
    """Give the latest time, in Unix seconds, at which a signature may say that it was made."""
    return now + max(_AHEAD_SECONDS, rules.clock_skew_seconds)


def _compute(signature: Signature, signed: SignedMessage, key: Key) -> Judged | None:
    """Compare the hash of the body and the signature over the header (RFC 6376 6.1.3); None when both match."""
    if signature.length is not None and signature.length > len(signed.body(signature.body_canon)):
        return Judged(Status.PERMERROR, "it claims more body than there is", key)
    hash_name = signature.algorithm.partition(b"-")[2].decode("ascii")
    if signed.body_hash(signature.body_canon, signature.length, hash_name) != signature.body_hash:
        return Judged(Status.FAIL, "the body was changed", key)
    claim = Claim(signature.field, signature.algorithm, signature.header_canon, signature.octets)
    if not signs(claim, signed, select(signed.message.headers, signature.names, signature.field), key):
        return Judged(Status.FAIL, "the signature does not match the header", key)
    return None


def _accept(signature: Signature, signed: SignedMessage, key: Key, rules: Rules) -> Judged:
    """Say pass, or why a signature that matches is not acceptable all the same."""
    unsigned = len(signed.body(signature.body_canon)) - signature.length if signature.length is not None else 0
    if signature.algorithm == b"rsa-sha1":
        return Judged(Status.POLICY, "rsa-sha1 is no longer accepted (RFC 8301)", key)
    if short(key, rules):
        return Judged(Status.POLICY, f"its key has only {key.bits} bits (RFC 8301)", key)
    if unsigned:
        # RFC 6376 8.2: whoever can add text below a signed part can show readers something else entirely.
        return Judged(Status.POLICY, f"{unsigned} bytes of body are not signed", key)
    return Judged(Status.PASS, "", key)


def unfit_for(key: Key, algorithm: bytes) -> str:
    """Say why a key may not be used with an algorithm of a=, half a sentence, or "" (RFC 6376 6.1.2)."""
    kind, _, hash_name = algorithm.partition(b"-")
    if key.kind != kind:
        return "its key is of another kind"
    if key.hashes is not None and hash_name not in key.hashes:
        return "its key does not allow this hash"
    return ""


def short(key: Key, rules: Rules) -> bool:
    """Say whether a key is too short to count (RFC 8301 3.2)."""
    return key.kind == b"rsa" and key.bits < rules.min_rsa_bits


@dataclass(frozen=True, slots=True)
class DkimCheck:
    """Reports one `dkim.*` evidence per signature of inbound mail, top first, or `dkim.none`.

    Facts (RFC 8601 2.7.1, RFC 6008): `header.d`, `header.s`, `header.a`, `header.b`, `header.i`; `key.bits`,
    `key.testing`, `reason`; `covers`, which of the fields that say how to unsubscribe are signed (RFC 8058 4).
    """

    resolver: Resolver
    clock: Clock
    rules: Rules
    name: ClassVar[str] = "dkim"
    codes: ClassVar[Mapping[str, str]] = CODES
    after: ClassVar[frozenset[str]] = frozenset()

    def run(self, envelope: Envelope, message: Message, found: Found) -> tuple[Evidence, ...]:  # noqa: ARG002
        """Judge up to limits.DKIM_SIGNATURES signatures, those of the author's organization before all others."""
        if envelope.direction is not Direction.INBOUND:
            return ()
        if not message.every(b"dkim-signature"):
            return (Evidence("dkim", "dkim.none", Status.NONE, "The message is not signed."),)
        return tuple(self._judge(message))

    def _judge(self, message: Message) -> Iterator[Evidence]:
        """Give the evidence signature by signature."""
        fields = message.every(b"dkim-signature")
        signed = SignedMessage(message)
        parsed = [parse_signature(field) for field in fields[: limits.DKIM_FIELDS]]
        marks = [each.mark[:_MARK_CHARACTERS_MAX].decode("ascii") for each in parsed if isinstance(each, Signature)]
        judged: dict[int, Judged] = {}
        for number in _nearest_first(parsed, message)[: limits.DKIM_SIGNATURES]:
            judged[number] = self._verified(parsed[number], signed)
        for number in sorted(judged):
            each = parsed[number]
            facts = each.facts if isinstance(each, Broken) else _facts(each, judged[number].key, marks)
            yield _evidence(judged[number], facts)
        if unread := len(fields) - len(judged):
            yield _evidence(Judged(Status.NEUTRAL, f"{unread} more were not judged"), {"unread": str(unread)})

    def _verified(self, each: Signature | Broken, signed: SignedMessage) -> Judged:
        """Give the result of one field."""
        if isinstance(each, Broken):
            return Judged(Status.PERMERROR, each.reason)
        if signed.message.truncated:
            return Judged(Status.NEUTRAL, "the message is too large to verify")
        return verify(each, signed, self.resolver, self.clock, self.rules)


def _nearest_first(parsed: Sequence[Signature | Broken], message: Message) -> Sequence[int]:
    """Give the order in which signatures are verified: by how much of the author's domain their own shares, from its end.

    A sender may add signers whose name servers take all the time there is, and hops may add more than are verified. The
    signatures on which DMARC depends are among the first.
    """
    mailbox = author(message.headers).mailbox if len(parsed) > 1 else None
    wanted = mailbox.domain.split(".") if mailbox else []

    def strangeness(number: int) -> int:
        signature = parsed[number]
        labels = signature.domain.split(".") if isinstance(signature, Signature) else []
        pairs = zip(reversed(labels), reversed(wanted), strict=False)
        return -sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))

    return sorted(range(len(parsed)), key=strangeness)


def _facts(signature: Signature, key: Key | None, marks: list[str]) -> dict[str, str]:
    """Give the properties of a signature that was read."""
    mark = signature.mark[:_MARK_CHARACTERS_MAX].decode("ascii")
    length = _MARK_CHARACTERS
    while length < len(mark) and sum(other.startswith(mark[:length]) for other in marks) > marks.count(mark):
        length += 1
    facts = {
        "header.d": signature.domain,
        "header.s": signature.selector,
        "header.a": signature.algorithm.decode("ascii"),
        "header.b": mark[:length],
        "header.i": signature.identity,
    }
    covers = " ".join(name.decode("ascii") for name in _UNSUBSCRIBE if name in signature.names)
    if covers:
        facts["covers"] = covers
    if key:
        facts["key.bits"] = str(key.bits)
    if key and key.testing:
        facts["key.testing"] = "y"
    return facts


def _evidence(judged: Judged, facts: Mapping[str, str]) -> Evidence:
    """Put a result into the words everybody shares."""
    who = facts.get("header.d", "")
    detail = f"DKIM {judged.status}" + (f" for {who}" if who else "") + (f": {judged.reason}" if judged.reason else "")
    more = {"reason": judged.reason} if judged.reason else {}
    degraded = "dns" if judged.status is Status.TEMPERROR else ""
    return Evidence(
        "dkim", f"dkim.{judged.status}", judged.status, f"{detail}.", facts={**facts, **more}, degraded=degraded
    )
