"""Who is talking and what the SMTP envelope says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from gatepost.mail.address import Address

IpAddress = IPv4Address | IPv6Address
IpNetwork = IPv4Network | IPv6Network


class Direction(StrEnum):
    """Which way a message travels: only inbound mail is judged as a stranger's."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"
    INTERNAL = "internal"


@dataclass(frozen=True, slots=True)
class Client:
    """The SMTP client: its address (None for a local submission), its names, its login and its TLS version.

    `ptr` is the name the MTA verified or "" (never trusted by itself: iprev asks again). `helo` is the RFC 5321 HELO or
    EHLO argument as text. `login` is the SASL user or "". `tls` is the protocol version or "".
    """

    ip: IpAddress | None = None
    ptr: str = ""
    helo: str = ""
    login: str = ""
    tls: str = ""


@dataclass(frozen=True, slots=True)
class Envelope:
    """One SMTP transaction before its content: RFC 5321 words.

    `sender` is None for the null path `<>`. `recipients` holds those the MTA accepted, at most limits.RECIPIENTS. `opens` says
    that no recipient was asked about on this connection before.
    """

    queue_id: str = ""
    client: Client = field(default_factory=Client)
    sender: Address | None = None
    recipients: tuple[Address, ...] = ()
    direction: Direction = Direction.INBOUND
    opens: bool = False


def unmapped(ip: IpAddress) -> IpAddress:
    """Give the IPv4 address inside an IPv4-mapped IPv6 one (RFC 4291 2.5.5.2), else the address itself, without its zone."""
    return ip.ipv4_mapped or IPv6Address(int(ip)) if isinstance(ip, IPv6Address) else ip


def inside(ip: IpAddress, networks: Sequence[IpNetwork]) -> bool:
    """Say whether an address lies in one of the networks; an IPv4-mapped IPv6 address counts as IPv4."""
    ip = unmapped(ip)
    return any(ip in network for network in networks if network.version == ip.version)
