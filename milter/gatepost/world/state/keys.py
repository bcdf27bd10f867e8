"""Under which names identities are remembered.

The checks that ask about a sender and the effect that judges it must mean the same thing by "the sender"; this is the one
place that says it. Only authenticated names count (an allow list that a forger can use is worse than none): the author's
domain when DMARC passed, domains that signed with DKIM, the envelope domain when SPF passed. The client's address and its
network are the fallback, because nobody can forge them through a TCP handshake; their users do not choose their neighbours.

Domains are taken at the registrable level (the Public Suffix List): names below it cost their owner nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from ipaddress import IPv4Address, ip_network

from gatepost.evidence import Evidence, Found, Status
from gatepost.mail import limits
from gatepost.mail.envelope import Envelope, IpAddress, IpNetwork, inside, unmapped
from gatepost.mail.suffix import registrable


class Role(StrEnum):
    """In which capacity an identity stands behind a message, strongest claim first."""

    AUTHOR = "author"
    SIGNER = "signer"
    ENVELOPE = "envelope"
    ADDRESS = "address"
    NETWORK = "network"

    @property
    def authenticated(self) -> bool:
        """Whether the name was proven to be the sender's, rather than being the place that the message came from."""
        return self not in {Role.ADDRESS, Role.NETWORK}


@dataclass(frozen=True, slots=True)
class Identity:
    """Someone who stands behind a message: the role, the domain or network in words, and the key it is stored under."""

    role: Role
    name: str
    key: str


def identities(envelope: Envelope, found: Found, exempt: Sequence[IpNetwork] = ()) -> tuple[Identity, ...]:
    """Give the authenticated identities behind a message, strongest first, at most limits.REPUTATION_IDENTITIES.

    Reads the evidence of `dmarc` (`header.from`), `dkim` (`header.d`) and `spf` (`smtp.mailfrom`) with status pass. One
    domain appears once, in its strongest role; the client's address and network come last, unless among the `exempt` ones. A
    known forwarder (`forward.known`) hands on what others sent: neither its address nor the envelope domain that it may have
    put in the place of theirs stands behind that.
    """
    names: dict[str, Role] = {}
    forwarded = found.code("forward.known") is not None
    for role, check, fact in (
        (Role.AUTHOR, "dmarc", "header.from"),
        (Role.SIGNER, "dkim", "header.d"),
        *(() if forwarded else ((Role.ENVELOPE, "spf", "smtp.mailfrom"),)),
    ):
        for item in found.of(check):
            domain = _proven(item, fact)
            if domain:
                names.setdefault(domain, role)
    domains = [Identity(role, name, domain_key(name)) for name, role in names.items()]
    del domains[limits.REPUTATION_IDENTITIES - 2 :]
    ip = envelope.client.ip
    relayed = ip is None or inside(ip, exempt) or forwarded
    return tuple(domains) if ip is None or relayed else (*domains, *places(ip))


def places(ip: IpAddress) -> tuple[Identity, Identity]:
    """Give where a client stands: its address (IPv6: its /64) and its network."""
    host, network = host_of(ip), network_of(ip)
    return Identity(Role.ADDRESS, host, address_key(host)), Identity(Role.NETWORK, network, network_key(network))


def named(text: str) -> Identity:
    """Give the identity that an administrator names: an address or network of clients, else a domain (`@` may precede it)."""
    try:
        network = network_of(ip_network(text.strip(), strict=False).network_address)
    except ValueError:
        domain = registrable(text.rpartition("@")[2])
        return Identity(Role.AUTHOR, domain, domain_key(domain))
    return Identity(Role.NETWORK, network, network_key(network))


def _proven(item: Evidence, fact: str) -> str:
    """Give the registrable domain that a piece of passing evidence speaks for, or ""."""
    if item.status is not Status.PASS:
        return ""
    return registrable(item.facts.get(fact, "").rpartition("@")[2])


@lru_cache(maxsize=4_096)
def network_of(ip: IpAddress) -> str:
    """Give the network whose hosts share a reputation: the IPv4 /24 or IPv6 /48 (one site, RFC 6177)."""
    ip = unmapped(ip)
    return str(ip_network((ip, 24 if isinstance(ip, IPv4Address) else 48), strict=False))


@lru_cache(maxsize=4_096)
def host_of(ip: IpAddress) -> str:
    """Give what counts as one client: the IPv4 address, or the IPv6 /64 (one link, whose hosts choose their addresses)."""
    ip = unmapped(ip)
    return str(ip) if isinstance(ip, IPv4Address) else str(ip_network((ip, 64), strict=False))


def domain_key(domain: str) -> str:
    """Give the key of a domain's tally."""
    return key("domain", domain)


def address_key(host: str) -> str:
    """Give the key of an address's tally."""
    return key("address", host)


def network_key(network: str) -> str:
    """Give the key of a network's tally."""
    return key("network", network)


def key(kind: str, *names: str) -> str:
    """Give a store key: `kind:name:name`, at most limits.STATE_KEY_CHARACTERS of printable ASCII, whatever the names hold."""
    text = ":".join((kind, *names))
    if len(text) <= limits.STATE_KEY_CHARACTERS and text.isascii() and text.isprintable():
        return text
    return f"{kind}:sha256={hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()}"
