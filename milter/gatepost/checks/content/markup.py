"""HTML as a reader sees it: the visible text, the hidden text apart from it, and the links with what they show.

Spam hides words from people to please filters, and shows people one address while linking to another. So the page is
built by lexbor (the HTML5 rules browsers follow), scripts and styles are dropped, and elements whose inline style makes
them invisible are taken out before the text is read.

An HTML5 tree builder is a weapon in the wrong hands: unclosed formatting elements (`<b c=1><b c=2>...`) are copied into
every following paragraph, so 88 kB of source grew to 9 GB of tree (measured, lexbor 2). Formatting elements and links are
therefore renamed to `span`, which the copying rules do not know, and limits.HTML_TAGS and limits.HTML_WORDS bound the
rest. What exceeds them is stripped of its tags by one linear expression instead.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from typing import Final

from selectolax.lexbor import LexborHTMLParser

from gatepost.checks.content.hiding import may_hide, take_hidden
from gatepost.mail import limits


def _any_case(names: str) -> str:
    """Give an expression for names in any mix of case: sets of two letters are several times as fast as (?i:)."""
    return "|".join(
        "".join(f"[{letter}{letter.upper()}]" if letter.isalpha() else letter for letter in name)
        for name in names.split()
    )


# WHATWG HTML 13.2.4.3: the formatting elements, `a` among them.
_NAMES: Final = f"(?:{_any_case('a b big code em font i nobr s small strike strong tt u')})" + r"(?=[\s/>])"
# Two expressions with plain replacements, since a template with a group costs Python code for each match.
_OPENS: Final = re.compile("<" + _NAMES)
_CLOSES: Final = re.compile("</" + _NAMES)
# Elements that begin a new line or cell: their neighbours are not one word. Inline elements are left alone, because
# readers see `Via<b></b>gra` as one word.
_BLOCK: Final = re.compile(
    "<(?=/?(?:"
    + _any_case(
        "p div td th tr br li ul ol dl dt dd hr table center blockquote pre img option section article header footer title "
        "address caption form input button"
    )
    + r"|[hH][1-6])[\s/>])"
)
_NOSCRIPT: Final = re.compile(r"<noscript(?=[\s/>])", re.IGNORECASE)
_NOSCRIPT_END: Final = re.compile(r"</noscript(?=[\s>])", re.IGNORECASE)
_ANY_TAG: Final = re.compile(r"<[^<>]*>")
_HREF: Final = re.compile(r"href\s{0,5}=\s{0,5}[\"']?([^\s\"'<>]{4,2000})", re.IGNORECASE)
_UNSEEN: Final = [
    "script",
    "style",
    "head",
    "noscript",
    "template",
    "iframe",
    "object",
    "title",
    "noembed",
    "noframes",
    "datalist",
    "dialog",
    "audio",
    "video",
]
_SHOWN_CHARACTERS: Final = 200


@dataclass(frozen=True, slots=True)
class Anchor:
    """A link of the page: where it goes, and the text it shows (cut at 200 characters)."""

    href: str
    shown: str


@dataclass(frozen=True, slots=True)
class Page:
    """What one HTML part shows: `text`, what its styles hide, its links, images, forms, and how much markup it is made of.

    `built` is False when a limit kept the tree from being built, so hidden text could not be told apart.
    """

    text: str
    hidden: str
    anchors: tuple[Anchor, ...]
    images: int
    forms: int
    cells: int
    fonts: int
    styles: int
    breaks: int
    built: bool


@dataclass(slots=True)
class Allowance:
    """Tags and words of HTML that one message may still have built into trees."""

    tags: int = limits.HTML_TAGS
    words: int = limits.HTML_WORDS

    def take(self, source: str) -> bool:
        """Say whether `source` may be built, and count it if so."""
        tags = source.count("<")
        marks = source.count("/") + source.count('"') // 2 + source.count("'") // 2
        # White space bounds the words; they are counted only where it does not settle the question.
        words = marks + 1 + source.count(" ") + source.count("\n") + source.count("\t")
        if words > self.words:
            words = marks + len(source.split())
        if tags > self.tags or words > self.words:
            return False
        self.tags -= tags
        self.words -= words
        return True


def read_page(source: str, allowance: Allowance) -> Page:
    """Read HTML source as a browser would show it; never raises.

    Takes decoded text of at most limits.HTML_BYTES characters and the message's allowance, which it uses up.
    """
    source = source.replace("\x00", "")
    lower = source.lower()
    if not allowance.take(source):
        return _stripped(source, lower)
    scriptless = "<noscript" in lower
    if scriptless:
        source = _without_noscript(source)
    tree = LexborHTMLParser(_BLOCK.sub(" <", _CLOSES.sub("</span", _OPENS.sub("<span", source))))
    tree.strip_tags(_UNSEEN)
    body = tree.body
    if body is None:
        return _stripped(source, lower)
    hidden = take_hidden(tree, source) if scriptless or may_hide(lower) else ""
    anchors = tuple(
        Anchor(node.attributes.get("href") or "", node.text()[:_SHOWN_CHARACTERS].strip())
        for node in (tree.css("span[href], area[href]")[: limits.URLS] if "href" in lower else ())
    )
    return Page(body.text(separator=""), hidden, anchors, *_build(lower), built=True)


def _build(lower: str) -> tuple[int, int, int, int, int, int]:
    """Count images, forms, cells, font tags, styles and line breaks in a page's source in lower case."""
    names = ("<img", "<form", "<td", "<font", "style=", "<br")
    images, forms, cells, fonts, styles, breaks = map(lower.count, names)
    return images, forms, cells, fonts, styles, breaks


def _without_noscript(source: str) -> str:
    """Make noscript a hidden element: a parser without scripts would show what browsers with scripts do not."""
    return _NOSCRIPT_END.sub("</span", _NOSCRIPT.sub("<span hidden ", source))


def _stripped(source: str, lower: str) -> Page:
    """Read a page without a tree: tags cut out, links by their attribute; linear in the length."""
    anchors = tuple(Anchor(match[1], "") for _, match in zip(range(limits.URLS), _HREF.finditer(source), strict=False))
    text = html.unescape(_ANY_TAG.sub(" ", source))
    return Page(text, "", anchors, *_build(lower), built=False)
