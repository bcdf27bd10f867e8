"""HTML as a reader sees it: the visible text, the hidden text apart from it, and the links with what they show.

Spam hides words from people to please filters, and shows people one address while linking to another. So the page is
built by lexbor (the HTML5 rules browsers follow), scripts and styles are dropped, and elements whose inline style makes
them invisible are taken out before the text is read.

An HTML5 tree builder is a weapon in the wrong hands: unclosed formatting elements (`<b c=1><b c=2>...`) are copied into
every following paragraph, so 88 kB of source grew to 9 GB of tree (measured, lexbor 2). Formatting elements and links are
therefore renamed to `span` and `anchor`, which the copying rules do not know, and limits.HTML_TAGS and limits.HTML_WORDS bound the
rest. What exceeds them is stripped of its tags by one linear expression instead.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Final, NamedTuple
from urllib.parse import urljoin

from selectolax.lexbor import LexborHTMLParser

from gatepost.checks.content._loops import prepare_page, survey_page
from gatepost.checks.content.hiding import take_hidden
from gatepost.checks.content.sheets import Sheets, read_sheets
from gatepost.mail import limits

_NOSCRIPT: Final = re.compile(r"<noscript(?=[\s/>])", re.IGNORECASE)
_NOSCRIPT_END: Final = re.compile(r"</noscript(?=[\s>])", re.IGNORECASE)
_ANY_TAG: Final = re.compile(r"<[^<>]*>")
_HREF: Final = re.compile(r"href\s{0,5}=\s{0,5}[\"']?([^\s\"'<>]{4,2000})", re.IGNORECASE)
_BASE: Final = re.compile(r"<[bB][aA][sS][eE](?=[\s/>])")
_SHOWN_CHARACTERS: Final = 200
_BASE_CHARACTERS: Final = 2_000
_SHOWN_IN_MAIL: Final = frozenset({"object", "dialog"})
"""Elements that browsers hide what is in: of an object that they can load, which no mail program does, and of a dialog that is neither
open nor styled."""
_LINKS: Final = frozenset({"href", "xlink:href"})


@dataclass(frozen=True, slots=True)
class Anchor:
    """A link of the page: where it goes, and the text it shows (cut at 200 characters)."""

    href: str
    shown: str


class Build(NamedTuple):
    """What a page's source is made of, whatever the tree makes of it: how many of each there are.

    `hiders` are words without which nothing can be hidden, `concealed` attributes that may be `hidden`: cheap looks before the dear
    one.
    """

    tags: int = 0
    slashes: int = 0
    double_quotes: int = 0
    single_quotes: int = 0
    blanks: int = 0
    images: int = 0
    forms: int = 0
    cells: int = 0
    fonts: int = 0
    breaks: int = 0
    styles: int = 0
    hiders: int = 0
    links: int = 0
    scriptless: int = 0
    concealed: int = 0


@dataclass(frozen=True, slots=True)
class Page:
    """What one HTML part shows: `text`, what its styles hide, its links, and what it is made of.

    `built` is False when a limit kept the tree from being built, so hidden text could not be told apart.
    """

    text: str
    hidden: str
    anchors: tuple[Anchor, ...]
    build: Build
    built: bool


@dataclass(slots=True)
class Allowance:
    """Tags and words of HTML that one message may still have built into trees."""

    tags: int = limits.HTML_TAGS
    words: int = limits.HTML_WORDS

    def take(self, source: str, build: Build) -> bool:
        """Say whether `source` may be built, and count it if so."""
        marks = build.slashes + build.double_quotes // 2 + build.single_quotes // 2
        # White space bounds the words; they are counted only where it does not settle the question.
        words = marks + 1 + build.blanks
        if words > self.words:
            words = marks + len(source.split())
        if build.tags > self.tags or words > self.words:
            return False
        self.tags -= build.tags
        self.words -= words
        return True


def read_page(source: str, allowance: Allowance) -> Page:
    """Read HTML source as a browser would show it; never raises.

    Takes decoded text of at most limits.HTML_BYTES characters and the message's allowance, which it uses up.
    """
    source = source.replace("\x00", "")
    octets = source.encode("utf-8", "replace")
    build = Build(*survey_page(octets))
    if not allowance.take(source, build):
        return _stripped(source, build)
    if build.scriptless:
        octets = _without_noscript(source).encode("utf-8", "replace")
    prepared, unseen = prepare_page(octets)
    tree = LexborHTMLParser(prepared)
    sheets = read_sheets(_sheets_of(tree)) if "style" in unseen and (build.scriptless or build.hiders) else Sheets()
    base = _base_of(tree) if _BASE.search(source) else ""
    tree.strip_tags([name for name in unseen if name not in _SHOWN_IN_MAIL])
    body = tree.body
    if body is None:
        return _stripped(source, build)
    hidden = ""
    if build.scriptless or build.hiders:
        hidden = take_hidden(tree, octets, sheets, concealed=bool(build.scriptless or build.concealed))
    anchors = tuple(_anchors(tree, base)) if build.links or build.forms else ()
    return Page(body.text(separator=""), hidden, anchors, build, built=True)


def _sheets_of(tree: LexborHTMLParser) -> Iterator[tuple[str, str]]:
    """Give the style sheets of a page, each with the media it is for; none of what stands in comments."""
    return ((node.text(), node.attributes.get("media") or "") for node in tree.tags("style"))


def _base_of(tree: LexborHTMLParser) -> str:
    """Give what relative addresses of a page are relative to, "" for nothing (WHATWG HTML 4.2.3)."""
    return next((node.attributes["href"] or "" for node in tree.tags("base") if "href" in node.attributes), "")


def _anchors(tree: LexborHTMLParser, base: str) -> Iterator[Anchor]:
    """Give the links of a page, of one that has none where its forms are sent; at most limits.URLS of them."""
    linked = (node for node in tree.tags("anchor") + tree.tags("area") if not _LINKS.isdisjoint(node.attributes))
    found = [(node, _address(node.attributes)) for node in islice(linked, limits.URLS)]
    if not found:
        sent = [(node, node.attributes.get("action")) for node in tree.tags("form")]
        sent += [(node, node.attributes.get("formaction")) for node in tree.css("[formaction]")]
        found = [(node, address) for node, address in sent if address][: limits.URLS]
    for node, address in found:
        shown = "" if node.tag == "form" else node.text()[:_SHOWN_CHARACTERS].strip()
        yield Anchor(_absolute(address, base) if base else address, shown)


def _address(attributes: Mapping[str, str | None]) -> str:
    """Give where a link leads; in drawings it is said in another way, too (SVG 2 16.2)."""
    return attributes.get("href") or attributes.get("xlink:href") or ""


def _absolute(address: str, base: str) -> str:
    try:
        return urljoin(base[:_BASE_CHARACTERS].strip(), address)
    except ValueError:
        return address


def _without_noscript(source: str) -> str:
    """Make noscript a hidden element: a parser without scripts would show what browsers with scripts do not."""
    return _NOSCRIPT_END.sub("</span", _NOSCRIPT.sub("<span hidden ", source))


def _stripped(source: str, build: Build) -> Page:
    """Read a page without a tree: tags cut out, links by their attribute; linear in the length."""
    linked = islice(_HREF.finditer(source), limits.URLS)
    anchors = tuple(Anchor(html.unescape(match[1]), "") for match in linked)
    return Page(html.unescape(_ANY_TAG.sub(" ", source)), "", anchors, build, built=False)
