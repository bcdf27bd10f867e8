"""Lists and forwarders: mail that honestly comes by way of somebody else.

Forwarding breaks SPF, and mailing lists change what was signed, so honest mail fails DMARC every day (RFC 7960). But a
forger writes `List-Id` as easily as anybody. Each finding here therefore rests on something that cannot simply be written:
a list is a list when the domain that its fields name is one that SPF or DKIM authenticated; a known forwarder is a client
in a configured network, or one whose name leads back to it. What only looks like a list is said to, and excuses nothing.

This check reports. Which failures a finding excuses is a table of `decision/policy.py`. Somebody may run a list of his own
in order to forge others, so being a list takes the force from a failed policy and not the weight from the failure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import ClassVar, Final

from gatepost.checks.auth.vouching import same_organization
from gatepost.evidence import Evidence, Found, Status
from gatepost.mail import limits
from gatepost.mail.domain import normal_domain
from gatepost.mail.envelope import Direction, Envelope, IpAddress, IpNetwork, inside
from gatepost.mail.message import Message
from gatepost.mail.parameters import strip_comments

CODES: Final[Mapping[str, str]] = {
    "forward.list": "A mailing list passes the message on: its list fields name a domain that SPF or DKIM authenticated.",
    "forward.known": "The client is a forwarder that the administrator named.",
    "forward.srs": "The envelope sender was rewritten by a forwarder (SRS), which SPF authenticated.",
    "forward.temperror": "DNS did not answer, so it is open whether a list or a known forwarder passes the message on.",
    "forward.claimed": "The message has the fields of a mailing list, and nothing authenticates the list.",
}

# RFC 2919 3: the list's name stands in the last angle brackets. RFC 2369 2: URLs in angle brackets, the first one counts.
_LIST_ID: Final = re.compile(rb"<\s*+([^<>\s]{1,255})\s*+>\s*+\Z")
_MAILTO: Final = re.compile(rb"<\s*+mailto:([^<>\s?]{1,500})", re.IGNORECASE)
# Sender Rewriting Scheme: SRS0=hash=day=domain=local, and SRS1=hash=forwarder==hash=day=domain=local for a second hop.
_SRS0: Final = re.compile(r"SRS0[=+-][^=]{1,40}=[^=]{1,8}=([^=]{1,253})=.", re.IGNORECASE)
_SRS1: Final = re.compile(r"SRS1[=+-][^=]{1,40}=[^=]{1,253}==[^=]{1,40}=[^=]{1,8}=([^=]{1,253})=.", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Forwarders:
    """The forwarders that the administrator knows: networks, and host names or domains."""

    networks: tuple[IpNetwork, ...] = ()
    names: tuple[str, ...] = ()

    @classmethod
    def of(cls, entries: Sequence[str]) -> Forwarders:
        """Read config entries; raises ValueError for one that is neither a network nor a name."""
        networks, names = [], []
        for entry in entries:
            name = normal_domain(entry)
            if name:
                names.append(name)
                continue
            try:
                networks.append(ip_network(entry))
            except ValueError:
                raise ValueError("neither a network such as 192.0.2.0/24 nor a host name") from None
        return cls(tuple(networks), tuple(names))

    def which(self, ip: IpAddress | None, name: str) -> str:
        """Give the entry that covers a client, or ""; `name` is the client's name as iprev proved it, or ""."""
        if ip is not None:
            covering = next((network for network in self.networks if inside(ip, (network,))), None)
            if covering:
                return str(covering)
        return next((each for each in self.names if name == each or name.endswith(f".{each}")), "")


@dataclass(frozen=True, slots=True)
class ForwardCheck:
    """Reports the `forward.*` evidence that applies to inbound mail; none for mail that comes straight from its author.

    Facts: `list` (the domain that the list fields name) and `identity` (what authenticated it, `dkim=list.example`);
    `forwarder` (the config entry, or the domain that rewrote the sender); `original` (the domain before SRS).
    """

    forwarders: Forwarders = field(default_factory=Forwarders)
    name: ClassVar[str] = "forward"
    codes: ClassVar[Mapping[str, str]] = CODES
    after: ClassVar[frozenset[str]] = frozenset({"iprev", "spf", "dkim"})

    def run(self, envelope: Envelope, message: Message, found: Found) -> tuple[Evidence, ...]:
        """Say who passed the message on, as far as that is proven."""
        if envelope.direction is not Direction.INBOUND:
            return ()
        return (*self._known(envelope, found), *_rewritten(envelope, found), *_listed(message, found))

    def _known(self, envelope: Envelope, found: Found) -> Iterator[Evidence]:
        proven = found.code("iprev.pass")
        name = proven.facts.get("name", "") if proven else ""
        entry = self.forwarders.which(envelope.client.ip, name)
        if entry:
            detail = f"{name or envelope.client.ip} is a known forwarder ({entry})."
            yield Evidence("forward", "forward.known", Status.PASS, detail, facts={"forwarder": entry})
            return
        unknown = found.code("iprev.temperror")
        if unknown and self.forwarders.names and self.forwarders.which(None, unknown.facts.get("name", "")):
            yield _open(f"Whether {unknown.facts['name']} is the client is not known now.")


def _open(detail: str) -> Evidence:
    """Say that DNS leaves a question open."""
    return Evidence("forward", "forward.temperror", Status.TEMPERROR, detail, degraded="dns")


def _rewritten(envelope: Envelope, found: Found) -> Iterator[Evidence]:
    """Say whether a forwarder rewrote the envelope sender, and whose it was."""
    sender = envelope.sender
    if sender is None or found.code("spf.pass") is None:
        return
    match = _SRS0.match(sender.local) or _SRS1.match(sender.local)
    original = normal_domain(match[1]) if match else ""
    if original:
        detail = f"{sender.domain} forwards for {original} (SRS)."
        facts = {"forwarder": sender.domain, "original": original}
        yield Evidence("forward", "forward.srs", Status.PASS, detail, facts=facts)


def _listed(message: Message, found: Found) -> Iterator[Evidence]:
    """Say whether the message comes from a list, or only has the fields of one."""
    domains = tuple(list_domains(message))
    if not domains:
        return
    for method, domain in authenticated(found):
        for listed in domains:
            if same_organization(domain, listed):
                facts = {"list": listed, "identity": f"{method}={domain}"}
                detail = f"The mailing list at {listed} passes the message on ({method.upper()} pass for {domain})."
                yield Evidence("forward", "forward.list", Status.PASS, detail, facts=facts)
                return
    if any(same_organization(domain, listed) for domain in _unanswered(found) for listed in domains):
        yield _open(f"Whether the mailing list at {domains[0]} passes the message on is not known now.")
        return
    detail = f"The message claims to come from a mailing list at {domains[0]}; nothing authenticates it."
    yield Evidence("forward", "forward.claimed", Status.NONE, detail, facts={"list": domains[0]})


def list_domains(message: Message) -> Iterator[str]:
    """Give the domains that the topmost List-Id (RFC 2919) and List-Post (RFC 2369) fields name.

    Other list fields and `Precedence` name no list: every newsletter has them.
    """
    for name, pattern in ((b"list-id", _LIST_ID), (b"list-post", _MAILTO)):
        for header in message.every(name)[:1]:
            if len(header.value) > limits.LIST_FIELD_BYTES:
                continue
            match = pattern.search(strip_comments(header.value).strip())
            domain = normal_domain(match[1].decode("utf-8", "replace").rpartition("@")[2]) if match else ""
            if domain:
                yield domain


def authenticated(found: Found) -> Iterator[tuple[str, str]]:
    """Give the domains that SPF authenticated as envelope sender and DKIM as signers, with their method."""
    for evidence in found.items:
        if evidence.code == "spf.pass" and "smtp.mailfrom" in evidence.facts:
            yield "spf", evidence.facts.get("domain", "")
        elif evidence.code == "dkim.pass":
            yield "dkim", evidence.facts.get("header.d", "")


def _unanswered(found: Found) -> Iterator[str]:
    """Give the domains that SPF or DKIM may yet authenticate."""
    for evidence in found.items:
        if evidence.code == "spf.temperror" and "smtp.mailfrom" in evidence.facts:
            yield evidence.facts.get("domain", "")
        elif evidence.code == "dkim.temperror":
            yield evidence.facts.get("header.d", "")
