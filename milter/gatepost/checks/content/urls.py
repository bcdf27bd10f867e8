"""Links: the hosts a message leads to, and the tricks links play on people.

A link is judged by what it is, not by whom it names: a bare IP address, punycode, a shortening service, a user name
before the host, a port, a registrable domain (public suffix list) other than the sender's, and above all a text that
shows one domain while the link goes to another.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final
from urllib.parse import unquote

from gatepost.checks.content.markup import Anchor
from gatepost.mail import limits
from gatepost.mail.suffix import registrable, under_known_suffix

# Of lower-case text. An expression that begins with a plain word skips to it.
_IN_TEXT: Final = tuple(re.compile(start + r"[^\s<>\"'\x00-\x20)\]]{3,2000}") for start in (r"https?://", r"www\."))
_PATH_WORD: Final = re.compile(r"(?<![a-z0-9])[a-z]{4,20}(?![a-z0-9])")
_LINKS_READ: Final = 10
_PATH_CHARACTERS: Final = 200
_PATH_WORDS: Final = 20
_PARTS: Final = re.compile(r"\s*+([a-z][a-z0-9+.-]{1,20}):(?://)?([^/?#\\]{0,400})([^?#]{0,600})", re.IGNORECASE)
_DOMAIN_SHOWN: Final = re.compile(r"(?:https?://)?((?:[a-z0-9-]{1,63}\.){1,6}[a-z]{2,24})(?![\w.-])", re.IGNORECASE)

# Services whose links hide where they lead; a public list, not a judgement.
SHORTENERS: Final = frozenset(
    "bit.ly tinyurl.com t.co goo.gl ow.ly is.gd buff.ly rebrand.ly cutt.ly shorturl.at t.ly rb.gy bl.ink tiny.cc s.id "
    "lnkd.in v.gd soo.gd qrco.de urlz.fr u.to clck.ru vk.cc dlvr.it tny.im short.gy shorte.st adf.ly t.cn dwz.cn".split()
)

# Top-level domains that are given away or sold for cents; Spamhaus and Interisle list them year after year.
CHEAP: Final = frozenset(
    "top xyz icu cfd sbs cyou click link shop online site store fun buzz club live rest quest monster bond lol tk ml ga "
    "cf gq work loan win bid stream download racing review date trade party science men life world today".split()
)


@dataclass(frozen=True, slots=True)
class Link:
    """One web link: its host and the host's registrable domain (lower case; "" when it has none), and its path.

    `oddities` are words for what is unusual: `ip`, `punycode`, `port`, `login` (user name before the host), `shortener`,
    `cheap` (a top-level domain that costs next to nothing), `mismatch` (the text shows another domain).
    """

    host: str
    domain: str
    path: str
    oddities: frozenset[str]


def read_links(anchors: Iterable[Anchor], text: str) -> tuple[list[Link], int]:
    """Read the web links of a message: those of its HTML, then those standing in its text, each address once.

    Gives at most limits.URLS links, and how many there were altogether; never raises.
    """
    links: list[Link] = []
    seen: set[str] = set()
    total = 0
    for address, shown in _addresses(anchors, text):
        total += 1
        if address in seen or len(links) >= limits.URLS:
            continue
        seen.add(address)
        link = _read(address, shown)
        if link is not None:
            links.append(link)
    return links, total


def word_tokens(links: Sequence[Link], own: frozenset[str]) -> list[str]:
    """Give the words of links' paths (`u:login`): letters alone, four to 20 of them, lower case.

    At most 20 words, from the first 10 links; the recipient's own words, given by the caller, are left out.
    """
    paths = {link.path[:_PATH_CHARACTERS].lower(): None for link in links[:_LINKS_READ] if len(link.path) > 4}
    found = dict.fromkeys(_PATH_WORD.findall("\n".join(paths)))
    return [f"u:{word}" for word in islice((word for word in found if word not in own), _PATH_WORDS)]


def _addresses(anchors: Iterable[Anchor], text: str) -> Iterator[tuple[str, str]]:
    """Give (address, shown text) of every candidate link; text beyond ten times the limit is not looked through."""
    for anchor in anchors:
        yield anchor.href, anchor.shown
    for start, end in _spans(text):
        found = text[start:end].rstrip(".,;:!?")
        yield (found if "://" in found else "http://" + found), ""


def _spans(text: str) -> Iterator[tuple[int, int]]:
    """Give where the addresses in a text begin and end, in its order."""
    lower = text.lower()
    # One capital letter (U+0130) is two small ones: places would not fit.
    looked = lower if len(lower) == len(text) else text
    found = [match.span() for kind in _IN_TEXT for match in islice(kind.finditer(looked), 10 * limits.URLS)]
    last = 0
    for start, end in sorted(found)[: 10 * limits.URLS]:
        if start >= last:
            yield start, end
            last = end


def _read(address: str, shown: str) -> Link | None:
    """Read one address (RFC 3986 3); None where it is no web link."""
    parts = _PARTS.match(address[:2000])
    if parts is None or parts[1].lower() not in ("http", "https", "ftp"):
        return None
    login, _, place = parts[2].rpartition("@")
    host, colon, port = place.partition(":")
    # Browsers drop line ends and tabs, wherever they stand.
    host = "".join(unquote(host).split()).rstrip(".").lower()[: limits.DOMAIN_OCTETS]
    oddities = set()
    if login:
        oddities.add("login")
    if colon and port not in ("", "80", "443"):
        oddities.add("port")
    if _is_ip(host):
        oddities.add("ip")
        return Link(host, "", parts[3], frozenset(oddities))
    if "xn--" in host or not host.isascii():
        oddities.add("punycode")
    domain = registrable(host)
    if domain in SHORTENERS:
        oddities.add("shortener")
    if domain.rpartition(".")[2] in CHEAP:
        oddities.add("cheap")
    if shown and _shows_other(shown, domain):
        oddities.add("mismatch")
    return Link(host, domain, parts[3], frozenset(oddities))


def _is_ip(host: str) -> bool:
    """Say whether a host is an address: dotted, IPv6 in brackets, or one number (which browsers accept)."""
    if host.isdigit() or host.startswith(("0x", "[")):
        return True
    if not host[-1:].isdigit():
        return False
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _shows_other(shown: str, domain: str) -> bool:
    """Say whether a link's text is itself an address, and of another registrable domain."""
    match = _DOMAIN_SHOWN.match(shown.strip())
    if match is None:
        return False
    claimed = match[1].lower()
    return under_known_suffix(claimed) and registrable(claimed) != domain
