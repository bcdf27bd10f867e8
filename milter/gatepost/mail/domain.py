"""Domain names as mail writes them, brought to the one form that DNS and comparison use.

Everybody who compares two domains must compare the same form, or an attacker chooses the reader: lower case, A-labels
(RFC 5890), no final dot. What is not a domain name gives "" and is never repaired.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from typing import Final

import idna

from gatepost.mail import limits

# RFC 5321 4.1.2 with the underscore that real host names carry; a label neither begins nor ends with a hyphen.
_LABEL: Final = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_LABEL_OCTETS: Final = 63  # RFC 1035 2.3.4
_DOMAIN: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_OVERLONG: Final = re.compile(r"[a-z0-9_][a-z0-9_-]*(?:\.[a-z0-9_][a-z0-9_-]*)*")

# Both load a module at their first use: that happens here, before a worker gives up its privileges.
codecs.lookup("punycode")
idna.uts46_remap("é")

# UTS #46 takes these for dots, other readers do not: a name that holds one has two readings.
_FOREIGN_DOTS: Final = frozenset("\u3002\uff0e\uff61")


def normal_domain(text: str, *, overlong: bool = False) -> str:
    """Give a domain in lower-case A-label form, or "" for what is not a domain name; never raises.

    Takes a host name with or without its final dot, in A-labels, U-labels or a mix of both (RFC 5890, RFC 6531).
    Address literals (`[192.0.2.1]`) are not domain names, and neither are bare addresses: no top-level domain is a number
    (RFC 3696 2). `overlong` lets through labels that DNS cannot hold: such a name does not exist, and still belongs to the
    organization above it.
    """
    name = normal_labels(text, overlong=overlong)
    return "" if name.rpartition(".")[2].isdigit() else name


def normal_labels(text: str, *, overlong: bool = False) -> str:
    """Give labels and dots as normal_domain() does, for what stands below a domain: DKIM selectors such as `20261101`."""
    if len(text) > limits.DOMAIN_OCTETS + 1:
        return ""
    name = text.removesuffix(".")
    if not name.isascii():
        name = _to_ascii(name)
    name = name.lower()
    form = _OVERLONG if overlong else _DOMAIN
    return name if len(name) <= limits.DOMAIN_OCTETS and form.fullmatch(name) else ""


def _to_ascii(name: str) -> str:
    """Turn U-labels into A-labels, or give "" (which is no domain)."""
    if not name.isprintable() or "\N{REPLACEMENT CHARACTER}" in name or _FOREIGN_DOTS & set(name):
        return ""
    folded = unicodedata.normalize("NFKC", name)
    if folded.count(".") != name.count("."):
        return ""  # U+2024 and its kind turn into dots under way: `victim․example` is one label to some readers
    if max(map(len, folded.split("."))) > _LABEL_OCTETS:
        return _by_punycode(name)  # IDNA has no such labels, and takes their length squared to find that out
    try:
        return idna.encode(name, uts46=True).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        return _by_punycode(name)


def _by_punycode(name: str) -> str:
    """Encode what IDNA 2008 refuses and DNS nevertheless holds, such as snowmen (IDNA 2003 registrations)."""
    folded = unicodedata.normalize("NFKC", name.casefold())
    if len(folded) > limits.DOMAIN_OCTETS:  # NFKC may expand; the punycode codec is quadratic
        return ""
    try:
        labels = [
            label if label.isascii() else "xn--" + label.encode("punycode").decode("ascii")
            for label in folded.split(".")
        ]
    except UnicodeError:
        return ""
    return ".".join(labels)
