"""Domain names as DNS questions write them."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from typing import Final

from gatepost.mail import limits

_LABEL_OCTETS: Final = 63  # RFC 1035 2.3.4


def normal_name(name: str) -> str | None:
    """Give a name in lower case without its final dot, or None for one that cannot exist in DNS (RFC 1035 2.3.4)."""
    name = name.removesuffix(".").lower()
    if not name.isascii() or not 0 < len(name) <= limits.DOMAIN_OCTETS:
        return None
    if not all(0 < len(label) <= _LABEL_OCTETS for label in name.split(".")):
        return None
    return name


def reverse_name(ip: IPv4Address | IPv6Address) -> str:
    """Give the name whose PTR records name an address (RFC 1035 3.5, RFC 3596 2.5)."""
    return ip.reverse_pointer
