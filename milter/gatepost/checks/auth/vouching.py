"""What somebody else's results say for the author: shared by ARC's trusted sealers and by trusted upstream relays.

Another server's finding counts for the author's domain alone, and a failure that it names is never outvoted by its passes.
"""

from __future__ import annotations

from typing import Final

from gatepost.mail.authres import Result, Results
from gatepost.mail.domain import normal_domain
from gatepost.mail.suffix import registrable

# Which property holds the domain that a method authenticated (RFC 8601 2.7).
_DOMAINS: Final = {"spf": ("smtp.mailfrom",), "dkim": ("header.d", "header.i")}


def vouches(found: Results, author: str) -> str:
    """Give the result that vouches for an author's domain, as text (`dmarc=pass header.from=example.org`), or "".

    `dmarc=pass` for that very domain vouches. Where DMARC neither passed nor failed there, SPF or DKIM passing for a domain
    of the author's organization does. An author of "" is nobody.
    """
    if not author:
        return ""
    dmarc = [each for each in found.results if each.method == "dmarc"]
    if any("fail" in each.word for each in dmarc):
        return ""
    for each in dmarc:
        if each.word == "pass" and normal_domain(each.domain("header.from")) == author:
            return f"dmarc=pass header.from={author}"
    for each in found.results:
        domain = authenticated(each)
        if domain and same_organization(domain, author):
            return f"{each.method}=pass {_DOMAINS[each.method][0]}={domain}"
    return ""


def authenticated(result: Result) -> str:
    """Give the domain that a passing SPF or DKIM result speaks for, or ""."""
    if result.word != "pass" or result.method not in _DOMAINS:
        return ""
    return normal_domain(result.domain(*_DOMAINS[result.method]))


def same_organization(one: str, other: str) -> bool:
    """Say whether two domains (lower case, A-labels) share their registrable domain; a public suffix is nobody's."""
    return one == other or (registrable(one) == registrable(other) and bool(one))
