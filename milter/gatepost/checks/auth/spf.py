"""SPF (RFC 7208): whether the client may send for the domain of the envelope sender.

A domain publishes which addresses may use it in MAIL FROM. We ask for its record and walk it with the client's address.
SPF says nothing about the From field that people see; DMARC makes that connection. It breaks when mail is forwarded, so a
fail by itself is weak evidence.

The evaluation is pyspf's, which knows the RFC by heart; every DNS question it asks goes through our door, so that SPF
shares the cache with all other checks, and has a budget.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv6Address
from typing import Any, ClassVar, Final

import spf

from gatepost.checks.auth.upstream import RELAYED, relayed
from gatepost.evidence import Evidence, Found, Status
from gatepost.mail import limits
from gatepost.mail.domain import normal_domain
from gatepost.mail.envelope import Direction, Envelope, IpAddress
from gatepost.mail.message import Message
from gatepost.world.clock import Clock
from gatepost.world.dns.door import Question, Records, RecordType, Resolver, TempFailure
from gatepost.world.dns.names import normal_name

CODES: Final[Mapping[str, str]] = {
    "spf.pass": "The client may send for the envelope sender's domain.",
    "spf.fail": "The envelope sender's domain says that this client may not send for it.",
    "spf.softfail": "The envelope sender's domain says that this client probably may not send for it.",
    "spf.neutral": "The envelope sender's domain says nothing about this client.",
    "spf.none": "The envelope sender's domain has no SPF record, or there was no domain or no client to judge.",
    "spf.temperror": "DNS did not answer, so SPF could not be judged.",
    "spf.permerror": "The SPF record of the envelope sender's domain cannot be used.",
}


@dataclass(frozen=True, slots=True)
class SpfResult:
    """What check_host() gives (RFC 7208 2.6).

    `reason` is half a sentence about an error. `explanation` is the domain's own text on a fail: a stranger's words, which
    are shown to nobody.
    """

    status: Status
    reason: str = ""
    mechanism: str = ""
    explanation: str = ""


class _Query(spf.query):  # type: ignore[misc]
    """One evaluation whose DNS questions go through our door."""

    def __init__(self, ip: str, sender: str, helo: str, resolver: Resolver, receiver: str) -> None:
        super().__init__(i=ip, s=sender, h=helo, receiver=receiver, strict=True)
        self._resolver = resolver
        if sender.count("@") > 1:
            # pyspf cuts at the first @, which a quoted local part may hold: "x@attack.example"@example.com.
            self.l, _, self.o = sender.rpartition("@")
            self.d = self.o

    def dns(self, name: str, qtype: str, cnames: object = None, ignore_void: bool = False) -> list[Any]:  # noqa: ARG002
        """Answer as pyspf's own method does: a list of values, [] for a void look-up (RFC 7208 4.6.4), or TempError."""
        found = normal_name(str(name))
        if found is None:
            return []
        values: list[Any] = self.cache.get((found, qtype), [])
        if not values:
            match self._resolver.ask(Question(found, RecordType(qtype))):
                case Records(records):
                    values = [(_bounded(value),) for value in records] if qtype == "TXT" else list(records)
                    self.cache[found, qtype] = values
                case TempFailure(reason):
                    raise spf.TempError(f"DNS: {reason}")
                case _:
                    values = []
        if not values and not ignore_void:
            self.void_lookups += 1
            if self.void_lookups > spf.MAX_VOID_LOOKUPS:
                raise spf.PermError(f"Void lookup limit of {spf.MAX_VOID_LOOKUPS} exceeded")
        return values

    def validated_ptrs(self) -> list[str]:
        """Give the client's names that lead back to it; DNS trouble here means no match, not an error (RFC 7208 5.5)."""
        names: list[str] = []
        try:
            candidates = self.dns_ptr(self.i)[: spf.MAX_PTR]
        except spf.TempError:
            return names
        for name in candidates:
            try:
                if self.cidrmatch(self.dns_a(name, self.A), self.cidrmax):
                    names.append(name)
            except spf.TempError:
                continue
        return names


def _bounded(text: Any) -> bytes:
    """Give a TXT record within the bounds that pyspf's expressions can bear; raises PermError for an SPF record past them."""
    record = bytes(text)
    if spf.RE_SPF.match(record):
        if len(record) > limits.SPF_RECORD_BYTES or max(map(len, record.split(b" "))) > limits.SPF_TERM_BYTES:
            raise spf.PermError("The SPF record is too long")
        return record
    return record if len(record) <= limits.SPF_TERM_BYTES else b""


def check_host(
    ip: IpAddress, sender: str, helo: str, resolver: Resolver, clock: Clock, receiver: str = "unknown"
) -> SpfResult:
    """Evaluate SPF for a client, a MAIL FROM address ("" for the null path) and a HELO name (RFC 7208 4)."""
    query = _Query(str(ip), sender, helo, resolver, receiver)
    query.t = str(int(clock.now()))
    word, _, text = query.check()
    status = Status(word)
    error = text if status in (Status.TEMPERROR, Status.PERMERROR) else ""
    explanation = text if status is Status.FAIL else ""
    return SpfResult(status, error, str(query.mechanism or ""), explanation)


@dataclass(frozen=True, slots=True)
class SpfCheck:
    """Reports one `spf.*` evidence for inbound mail, for the MAIL FROM identity, or HELO under the null path.

    Facts: `smtp.mailfrom` or `smtp.helo` (RFC 8601 2.7.2), `domain` (the identity's domain, for alignment), `client-ip`,
    `mechanism`.
    """

    resolver: Resolver
    clock: Clock
    name: ClassVar[str] = "spf"
    codes: ClassVar[Mapping[str, str]] = CODES
    after: ClassVar[frozenset[str]] = frozenset({"upstream"})

    def run(self, envelope: Envelope, message: Message, found: Found) -> tuple[Evidence, ...]:  # noqa: ARG002
        """Judge the envelope; the message itself does not matter."""
        if envelope.direction is not Direction.INBOUND:
            return ()
        sender, helo = envelope.sender, normal_domain(envelope.client.helo)
        domain = sender.domain if sender else helo
        facts = {"smtp.mailfrom": sender.spec} if sender else {"smtp.helo": envelope.client.helo}
        if domain:
            facts["domain"] = domain
        ip = envelope.client.ip
        if ip is None:
            return (_evidence(SpfResult(Status.NONE, "the message came from no network client"), facts),)
        if isinstance(ip, IPv6Address) and ip.ipv4_mapped:
            ip = ip.ipv4_mapped
        facts["client-ip"] = str(ip)
        if relayed(found):
            return (_evidence(SpfResult(Status.NONE, RELAYED), facts | {"reason": RELAYED}),)
        if not domain:
            # RFC 7208 4.3: a malformed domain is "none", not an error.
            return (_evidence(SpfResult(Status.NONE, "there is no domain to ask"), facts),)
        # Under MAIL FROM the HELO name is only text for the macro %{h}, and may be anything (RFC 7208 7.2).
        said = envelope.client.helo[: limits.DOMAIN_OCTETS].encode("utf-8", "replace").decode() if sender else helo
        result = check_host(ip, sender.spec if sender else "", said, self.resolver, self.clock)
        if result.mechanism:
            facts["mechanism"] = result.mechanism
        return (_evidence(result, facts),)


_SENTENCES: Final[Mapping[Status, str]] = {
    Status.PASS: "{ip} may send for {who}.",
    Status.FAIL: "{who} says that {ip} may not send for it.",
    Status.SOFTFAIL: "{who} says that {ip} probably may not send for it.",
    Status.NEUTRAL: "{who} says nothing about {ip}.",
    Status.NONE: "{who} has no SPF record.",
}


def _evidence(result: SpfResult, facts: Mapping[str, str]) -> Evidence:
    """Put a result into the words everybody shares."""
    who = facts.get("domain") or facts.get("smtp.mailfrom") or facts.get("smtp.helo") or "the sender"
    sentence = f"SPF {result.status} for {who}: {result.reason}."
    if not result.reason:
        sentence = "SPF: " + _SENTENCES[result.status].replace("{ip}", facts["client-ip"]).replace("{who}", who)
    degraded = "dns" if result.status is Status.TEMPERROR else ""
    return Evidence("spf", f"spf.{result.status}", result.status, sentence, facts=facts, degraded=degraded)
