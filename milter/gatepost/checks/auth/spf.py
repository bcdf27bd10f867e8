"""SPF (RFC 7208): whether the client may send for the domain of the envelope sender.

A domain publishes which addresses may use it in MAIL FROM. We ask for its record and walk it with the client's address.
SPF says nothing about the From field that people see; DMARC makes that connection. It breaks when mail is forwarded, so a
fail by itself is weak evidence.

The evaluation is pyspf's with our own reading of terms (`spf_walk`, `spf_record`); every DNS question it asks goes through our
door, so that SPF shares the cache with all other checks, and has a budget.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv6Address
from typing import ClassVar, Final

from gatepost.checks.auth.spf_walk import Query
from gatepost.checks.auth.upstream import RELAYED, relayed
from gatepost.evidence import Evidence, Found, Status
from gatepost.mail import limits
from gatepost.mail.domain import normal_domain
from gatepost.mail.envelope import Direction, Envelope, IpAddress
from gatepost.mail.message import Message
from gatepost.world.clock import Clock
from gatepost.world.dns.door import Resolver

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


def check_host(
    ip: IpAddress, sender: str, helo: str, resolver: Resolver, clock: Clock, receiver: str = "unknown"
) -> SpfResult:
    """Evaluate SPF for a client, a MAIL FROM address ("" for the null path) and a HELO name (RFC 7208 4)."""
    query = Query(str(ip), sender, helo, resolver, receiver)
    query.t = str(int(clock.now()))
    word, _, text = query.check()
    status = Status(word)
    if status in (Status.TEMPERROR, Status.PERMERROR):
        # pyspf: "SPF Permanent Error: what: term", and for some errors the whole record.
        return SpfResult(status, text.partition(": ")[2][: limits.DETAIL_CHARACTERS])
    return SpfResult(status, mechanism=query.mechanism or "", explanation=text)


def identity(envelope: Envelope) -> str:
    """Give the domain that SPF judges: of MAIL FROM, under the null path that of HELO, or "" (RFC 7208 2.3 and 2.4)."""
    return envelope.sender.domain if envelope.sender else normal_domain(envelope.client.helo)


@dataclass(frozen=True, slots=True)
class SpfCheck:
    """Reports one `spf.*` evidence for inbound mail, for the MAIL FROM identity, or HELO under the null path.

    Facts: `smtp.mailfrom` or `smtp.helo` (RFC 8601 2.7.2), `domain` (the identity's domain, for alignment), `client-ip`,
    `mechanism` (the one that matched), `reason` (of an error: what was wrong, with its term; or why nothing was judged).
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
        sender, domain = envelope.sender, identity(envelope)
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
        said = envelope.client.helo[: limits.DOMAIN_OCTETS].encode("utf-8", "replace").decode() if sender else domain
        result = check_host(ip, sender.spec if sender else "", said, self.resolver, self.clock)
        if result.mechanism:
            facts["mechanism"] = result.mechanism
        if result.reason:
            facts["reason"] = result.reason
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
