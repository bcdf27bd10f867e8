"""Where links lead: the registrable domains of their hosts."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from gatepost.mail import limits
from gatepost.mail.suffix import private_suffix

_HOST: Final = re.compile(r"\s*+[a-z][a-z0-9+.-]{1,20}:(?://)?(?:[^/?#\\@]{0,400}@)?([^/?#\\:@]{1,253})", re.IGNORECASE)


def domains(urls: Iterable[str]) -> tuple[str, ...]:
    """Give the registrable domains of addresses (RFC 3986 3.2.2), in order, each once, at most limits.REPUTATION_LINKS.

    An address without a host under a public suffix (an IP address, a bare name) has none. Never raises.
    """
    found: dict[str, None] = {}
    for url in urls:
        match = _HOST.match(url[:1_000])
        domain = private_suffix(match[1]) if match and not match[1][-1:].isdigit() else ""
        if domain:
            found[domain] = None
            if len(found) >= limits.REPUTATION_LINKS:
                break
    return tuple(found)
