"""Registrable domains: the part of a name that somebody paid for, by the Public Suffix List (publicsuffix.org).

Below `co.uk` anybody may register a name; below `example.co.uk` only its owner may. Reputation and links are compared at
that level, because names below it cost their owner nothing. DMARC does not use the list: it walks the tree (RFC 9989).
"""

from __future__ import annotations

from functools import cache, lru_cache

from publicsuffixlist import PublicSuffixList

from gatepost.mail import limits
from gatepost.mail.domain import normal_domain


@cache
def load() -> PublicSuffixList:
    """Give the list; reading it takes some 50 ms, so whoever uses it loads it once before the workers are forked."""
    return PublicSuffixList()


@lru_cache(maxsize=8_192)
def private_suffix(domain: str) -> str:
    """Give the registrable domain (`example.co.uk`) in lower-case A-labels, or "" for a name that has none; never raises.

    A public suffix itself has none, and neither has what is longer than limits.DOMAIN_OCTETS or begins with a dot.
    """
    name = _plain(domain)
    return load().privatesuffix(name) or "" if name else ""


@lru_cache(maxsize=8_192)
def registrable(domain: str) -> str:
    """Give the registrable domain, or the name itself where it has none; "" for what is too long to be one."""
    return private_suffix(domain) or _plain(domain).strip(".")


def _plain(domain: str) -> str:
    """Give a name in lower case, in A-labels where it can be, without its final dot."""
    name = domain.strip().removesuffix(".").lower()
    if len(name) > limits.DOMAIN_OCTETS:
        return ""
    return name if name.isascii() else normal_domain(name)


@lru_cache(maxsize=8_192)
def under_known_suffix(domain: str) -> bool:
    """Say whether a name ends in a suffix that the list knows: then it can be a real domain."""
    return load().publicsuffix(domain, accept_unknown=False) is not None
