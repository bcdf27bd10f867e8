"""Who is talking and what the SMTP envelope says."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address

from gatepost.mail.address import Address

IpAddress = IPv4Address | IPv6Address


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

    `sender` is None for the null path `<>`. `recipients` holds those the MTA accepted, at most limits.RECIPIENTS.
    """

    queue_id: str = ""
    client: Client = field(default_factory=Client)
    sender: Address | None = None
    recipients: tuple[Address, ...] = ()
    direction: Direction = Direction.INBOUND
