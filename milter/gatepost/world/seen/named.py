"""What an administrator means by a name: the tallies that may be kept under it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Final

from gatepost.mail.suffix import registrable
from gatepost.world.seen.traces import file, helo, link
from gatepost.world.state.keys import address_key, domain_key, host_of, network_key, network_of, places

_HELO: Final = re.compile(r"helo:(.{1,1000}?)\.?(?: from ([0-9a-f.:]+(?:/\d+)?))?", re.IGNORECASE)
_FILE: Final = re.compile(r"(?:file:)?([0-9a-fA-F]{64})")


@dataclass(frozen=True, slots=True)
class Named:
    """One tally: in which capacity (`sender`, `link`, `address`, `network`, `helo`, `file`), of whom, and its key."""

    capacity: str
    name: str
    key: str


def named(text: str) -> tuple[Named, ...]:
    """Give the tallies that a name may mean; raises ValueError for a name that means none.

    Takes a domain or an address at it (`@` may precede it), a client's address or network (of the sizes that are kept), `helo:NAME`,
    `helo:NAME from NETWORK` for a name that was not proven, or the SHA-256 of a file in hexadecimal digits.
    """
    text = text.strip()
    if match := _FILE.fullmatch(text):
        digest = match[1].lower()
        return (Named("file", digest, file(digest).key),)
    if match := _HELO.fullmatch(text):
        return _greeting(match[1].lower(), match[2])
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        return _domain(registrable(text.rpartition("@")[2]))
    first = network.network_address
    if network.prefixlen == network.max_prefixlen:
        return tuple(Named(each.role.value, each.name, each.key) for each in places(first))
    # Another size would mean a part of a tally, or many: neither can be shown or forgotten.
    if str(network) == network_of(first):
        return (Named("network", str(network), network_key(str(network))),)
    if str(network) == host_of(first):
        return (Named("address", str(network), address_key(str(network))),)
    raise ValueError("no network that is kept: a single address, an IPv4 /24, an IPv6 /64 or /48")


def _greeting(name: str, network: str | None) -> tuple[Named, ...]:
    """Give the tally of a HELO name, in a network where one is named; an address in it will do."""
    try:
        where = network_of(ip_network(network, strict=False).network_address) if network else ""
    except ValueError:
        raise ValueError("no greeting from a network") from None
    trace = helo(name, where)
    return (Named("helo", trace.name, trace.key),)


def _domain(domain: str) -> tuple[Named, ...]:
    if not domain or not re.fullmatch(r"[a-z0-9._-]+", domain):
        raise ValueError("no domain, address, network, helo:NAME or SHA-256")
    return (Named("sender", domain, domain_key(domain)), Named("link", domain, link(domain).key))
