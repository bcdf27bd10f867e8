"""Links: the hosts a message leads to, and the tricks links play on people.

A link is judged by what it is, not by whom it names: a bare IP address, punycode, a shortening service, a user name
before the host, a port, a registrable domain (public suffix list) other than the sender's, and above all a text that
shows one domain while the link goes to another.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final
from unicodedata import normalize
from urllib.parse import unquote

from gatepost.checks.content.lookalikes import plain_letters, without_width
from gatepost.checks.content.markup import Anchor
from gatepost.mail import limits
from gatepost.mail.suffix import registrable, under_known_suffix

# Of lower-case text. An expression that begins with a plain word skips to it.
# Signs that stand around addresses in Chinese and Japanese (U+3000 to U+303F, U+FF00 to U+FF0F) end them.
_IN_TEXT: Final = tuple(
    re.compile(start + r"[^\s<>\"'\x00-\x20)\]\u3000-\u303f\uff00-\uff0f]{3,2000}")
    for start in (r"https?://", r"www\.")
)
_FOREIGN_END: Final = re.compile(r"(\w{1,20}://[!-~]{1,400}\.[a-z]{2,24})[.,;:!?]{0,3}[^\x00-\x7f]", re.IGNORECASE)
_PATH_WORD: Final = re.compile(r"(?<![a-z0-9])[a-z]{4,20}(?![a-z0-9])")
_LINKS_READ: Final = 10
_PATH_CHARACTERS: Final = 200
_PATH_WORDS: Final = 20
# Browsers take any number of slashes before the host, either kind, and none is where a page's own protocol is meant (WHATWG URL 4.4).
_PARTS: Final = re.compile(
    r"[\x00-\x20]*+(?:(https?|ftp):[/\\]{0,50}+|/[/\\]{1,50}+)([^/?#\\]{0,400})([^?#]{0,600})", re.IGNORECASE
)
_PLACE: Final = re.compile(r"(\[[^\]]{0,100}\]?|[^:]*)(:?)(.*)", re.DOTALL)
_DROPPED: Final = str.maketrans("", "", "\t\r\n")
_IDEOGRAPHIC_DOTS: Final = str.maketrans("\u3002\uff0e\uff61", "...")
_VERSION: Final = re.compile(r"[1-9]?\d(?:\.[1-9]?\d){2}")
_IP_PART: Final = re.compile(r"0x[0-9a-f]{0,16}|[0-9]{1,16}")
_DOMAIN_SHOWN: Final = re.compile(
    r"[\s\"'(<\[]{0,5}(?:https?://)?((?:[a-z0-9-]{1,63}\.){1,6}[a-z]{2,24})(?!\.?[\w-])", re.IGNORECASE
)

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
        found = found if "://" in found else "http://" + found
        # No space stands between a name and what follows it in scripts that have none.
        cut = None if found.isascii() else _FOREIGN_END.match(found)
        yield (cut[1] if cut else found), ""


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
    """Read one address as browsers do (RFC 3986 3, WHATWG URL); None where it is no web link."""
    address = address[:2000]
    parts = _PARTS.match(address) or _PARTS.match(address.translate(_DROPPED))
    if parts is None:
        return None
    login, _, place = parts[2].rpartition("@")
    host, colon, port = _place(place)
    oddities = set()
    if login:
        oddities.add("login")
    if colon and port not in ("", "80", "443"):
        oddities.add("port")
    if "xn--" in host or not place.isascii():
        oddities.add("punycode")
    if _is_ip(host):
        oddities.add("ip")
        return Link(host, "", parts[3], frozenset(oddities))
    domain = registrable(host)
    if domain in SHORTENERS:
        oddities.add("shortener")
    if domain.rpartition(".")[2] in CHEAP:
        oddities.add("cheap")
    if shown and _shows_other(shown, domain):
        oddities.add("mismatch")
    return Link(host, domain, parts[3], frozenset(oddities))


def _place(place: str) -> tuple[str, str, str]:
    """Give the host of an address, in the form that browsers look up but for its script, the colon behind it, and the port."""
    found = _PLACE.match(place)
    host, colon, port = found.groups() if found else ("", "", "")
    host = "".join(unquote(host).split())
    if not host.isascii():
        # UTS #46: other forms of letters and dots, and characters without width.
        host = normalize("NFKC", without_width(host).translate(_IDEOGRAPHIC_DOTS))
    return host.rstrip(".").lower()[: limits.DOMAIN_OCTETS], colon, port


def _is_ip(host: str) -> bool:
    """Say whether a host is an address: IPv6 in brackets, or up to four numbers in any notation (WHATWG URL 3.5).

    Three small ones (`1.2.3`) are the number of a version.
    """
    if host.startswith("["):
        return True
    parts = host.split(".", 4)
    return len(parts) <= 4 and all(map(_IP_PART.fullmatch, parts)) and not _VERSION.fullmatch(host)


def _shows_other(shown: str, domain: str) -> bool:
    """Say whether a link's text is itself an address, and of another registrable domain than the link's, "" for none."""
    match = _DOMAIN_SHOWN.match(shown if shown.isascii() else plain_letters(shown)[0])
    if match is None:
        return False
    claimed = match[1].lower()
    if not under_known_suffix(claimed):
        return False
    said = registrable(claimed)
    # A name in foreign letters is shown as such, and read here without its accents.
    return said != domain and not ("xn--" in domain and said == plain_letters(_in_letters(domain))[0])


def _in_letters(domain: str) -> str:
    try:
        return domain.encode("ascii").decode("idna")
    except UnicodeError:
        return domain
