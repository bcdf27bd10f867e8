"""ARC (RFC 8617): what earlier hops saw, sealed, so that forwarding does not erase it.

Every hop that may break a signature adds a set of three fields: what it found (ARC-Authentication-Results), a signature
over the message as it left (ARC-Message-Signature) and a seal over all sets (ARC-Seal). A valid chain proves who sealed,
not that the sealers tell the truth: only a seal by a domain the administrator trusts says more than "unbroken".

dkimpy knows the rules of the chain; keys, their restrictions and body hashes are the same here as for DKIM.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import dkim
from dkim.crypto import ARC_HASH_ALGORITHMS

from gatepost.checks.auth.dkim import Rules, short
from gatepost.checks.auth.dkim_key import NoKey, fetch_key
from gatepost.checks.auth.dkim_signature import readable
from gatepost.checks.auth.signed import Claim, SignedMessage, verifies
from gatepost.checks.auth.tags import without_space
from gatepost.evidence import Evidence, Found, Status
from gatepost.mail import limits
from gatepost.mail.domain import normal_domain, normal_labels
from gatepost.mail.envelope import Direction, Envelope
from gatepost.mail.message import Message
from gatepost.world.clock import Clock
from gatepost.world.dns.door import Resolver

CODES: Final[Mapping[str, str]] = {
    "arc.pass": "The ARC chain is unbroken.",
    "arc.fail": "The ARC chain is broken or was sealed as broken.",
    "arc.none": "There is no ARC chain.",
    "arc.neutral": "The ARC chain was not judged: part of the message is missing.",
    "arc.temperror": "DNS did not answer, so the ARC chain could not be judged.",
    "arc.trusted": "The ARC chain is unbroken and its last seal is by a domain the administrator trusts.",
}

# RFC 8463 gave DKIM, and so ARC, Ed25519; dkimpy knows it for DKIM alone.
ARC_HASH_ALGORITHMS.setdefault(b"ed25519-sha256", hashlib.sha256)

_FIELDS: Final = (b"arc-seal", b"arc-message-signature", b"arc-authentication-results")


@dataclass(frozen=True, slots=True)
class Chain:
    """A judged chain: `sets` as many as there are, `sealer` the domain of the last seal, `oldest_pass` as RFC 8617 5.2."""

    status: Status
    reason: str
    sets: int = 0
    sealer: str = ""
    oldest_pass: int | None = None


class _Arc(dkim.ARC):  # type: ignore[misc]
    """dkimpy's chain logic over our parsed fields, our keys and our body hashes."""

    def __init__(self, signed: SignedMessage, resolver: Resolver, rules: Rules) -> None:
        super().__init__()
        self.headers = signed.fields(frozenset(_FIELDS))
        self._signed, self._resolver, self._rules = signed, resolver, rules
        self._newest = self.sorted_arc_headers()[0]
        self.trouble = ""

    def verify_sig(
        self, sig: dict[bytes, bytes], include_headers: list[bytes], sig_header: tuple[bytes, bytes], dnsfunc: object
    ) -> bool:
        """Verify one seal or message signature; called by dkimpy for each."""
        del dnsfunc  # keys come through our door
        message_signature = b"bh" in sig
        older = message_signature and int(sig[b"i"]) != self._newest
        if older and self._newest > limits.ARC_OPTIONAL_SETS:
            return False
        domain, selector = _domain(sig[b"d"]), normal_labels(sig[b"s"].decode("utf-8", "replace"))
        if not domain or not selector or len(include_headers) > limits.DKIM_SIGNED_NAMES:
            return False
        key = fetch_key(self._resolver, domain, selector)
        if isinstance(key, NoKey):
            if key.status is Status.TEMPERROR and not older:
                self.trouble = self.trouble or key.reason
            return False
        if not sig[b"a"].startswith(key.kind + b"-") or key.bits > limits.RSA_KEY_BITS_MAX or short(key, self._rules):
            return False
        if key.hashes is not None and b"sha256" not in key.hashes:
            return False
        header_canon, _, body_canon = sig[b"c"].partition(b"/")
        if not {header_canon, body_canon or b"simple"} <= {b"relaxed", b"simple"}:
            return False
        if message_signature and not self._same_body(sig, body_canon or b"simple"):
            return False
        wanted = self._signed.fields(frozenset(include_headers)) if message_signature else self.headers
        mark = without_space(sig[b"b"])
        return verifies(Claim(sig_header, include_headers, sig[b"a"], header_canon, mark), wanted, key)

    def _same_body(self, sig: Mapping[bytes, bytes], canon: bytes) -> bool:
        """Compare the hash of the body; a part of the body alone does not count."""
        try:
            claimed = base64.b64decode(without_space(sig[b"bh"]), validate=True)
        except binascii.Error:
            return False
        if b"l" in sig and int(sig[b"l"] or b"0") != len(self._signed.body(canon)):
            return False
        return self._signed.body_hash(canon) == claimed


def verify_chain(signed: SignedMessage, resolver: Resolver, rules: Rules) -> Chain:
    """Judge the whole chain of a message (RFC 8617 5.2)."""
    fields = [header for header in signed.message.headers if header.key in _FIELDS]
    if not fields:
        return Chain(Status.NONE, "there is no chain")
    if len(fields) > limits.ARC_SETS * len(_FIELDS):
        return Chain(Status.FAIL, "there are too many sets")
    if not all(readable(field) for field in fields if field.key != _FIELDS[2]):
        return Chain(Status.FAIL, "a field of the chain is out of bounds")
    arc = _Arc(signed, resolver, rules)
    try:
        result, sets, reason = arc.verify(dnsfunc=None)
    except (dkim.DKIMException, ValueError, IndexError, KeyError) as error:
        result, sets, reason = dkim.CV_Fail, [], f"it cannot be read ({type(error).__name__})"
    if result != dkim.CV_Pass and arc.trouble:
        return Chain(Status.TEMPERROR, arc.trouble, len(sets))
    # dkimpy gives None for a chain whose sealer itself reported a failure: that is a fail (RFC 8617 5.2 step 3).
    status = {dkim.CV_Pass: Status.PASS, dkim.CV_None: Status.NONE}.get(result, Status.FAIL)
    sealer = _domain(sets[0]["as-domain"]) if sets else ""
    return Chain(status, str(reason), len(sets), sealer, _oldest_pass(sets) if status is Status.PASS else None)


def _domain(value: bytes) -> str:
    """Read a d= value, or give ""."""
    return normal_domain(value.decode("utf-8", "replace"))


def _oldest_pass(sets: Sequence[Mapping[str, Any]]) -> int | None:
    """Give the oldest instance whose message signature still holds, 0 when all do (RFC 8617 5.2 step 5)."""
    if len(sets) > limits.ARC_OPTIONAL_SETS:
        return None
    oldest = 0
    for each in sets:
        if not each["ams-valid"]:
            return oldest
        oldest = each["instance"]
    return 0


@dataclass(frozen=True, slots=True)
class ArcCheck:
    """Reports one `arc.*` evidence for inbound mail, and `arc.trusted` beside a pass by a trusted sealer.

    `trusted` are domains in the form of normal_domain(). Facts: `arc.chain` (number of sets), `header.d` (the last sealer), `header.oldest-pass` (RFC 8617 10.2).
    """

    resolver: Resolver
    clock: Clock
    rules: Rules
    trusted: Sequence[str] = ()
    name: ClassVar[str] = "arc"
    codes: ClassVar[Mapping[str, str]] = CODES
    after: ClassVar[frozenset[str]] = frozenset()

    def run(self, envelope: Envelope, message: Message, found: Found) -> tuple[Evidence, ...]:  # noqa: ARG002
        """Judge the chain, and whether its last sealer is trusted."""
        if envelope.direction is not Direction.INBOUND:
            return ()
        if message.truncated and message.every(b"arc-seal"):
            chain = Chain(Status.NEUTRAL, "the message is too large to verify")
        else:
            chain = verify_chain(SignedMessage(message), self.resolver, self.rules)
        facts = {"arc.chain": str(chain.sets)} if chain.sets else {}
        if chain.sealer:
            facts["header.d"] = chain.sealer
        if chain.oldest_pass is not None:
            facts["header.oldest-pass"] = str(chain.oldest_pass)
        degraded = "dns" if chain.status is Status.TEMPERROR else ""
        detail = f"ARC {chain.status}" + (f" by {chain.sealer}" if chain.sealer else "") + f": {chain.reason}."
        evidence = Evidence("arc", f"arc.{chain.status}", chain.status, detail, facts=facts, degraded=degraded)
        if chain.status is Status.PASS and chain.sealer in self.trusted:
            detail = f"{chain.sealer}, a trusted sealer, vouches for what it saw."
            return evidence, Evidence("arc", "arc.trusted", Status.PASS, detail, facts=facts)
        return (evidence,)
