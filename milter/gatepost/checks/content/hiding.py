"""What a page hides from its reader by style: the elements whose text nobody sees.

Text is hidden by declarations (styles.py), inline or in simple rules of the page's style sheets (sheets.py), by the
`hidden` attribute, or by having the colour of what is behind it. This is not a layout engine: what only layout could
tell counts as shown, and so does text on a background that is not known.

A tree of lexbor frees an element with all in it, and a Python object that points to a freed element crashes the process.
So nothing is removed while the tree is read: first everything is chosen, then single texts go, each once, then elements
that stand in no other chosen one.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from selectolax.lexbor import LexborHTMLParser, LexborNode

from gatepost.checks.content._loops import list_styles
from gatepost.checks.content.colours import (
    WHITE,
    Colour,
    alike,
    backdrop,
    colour,
    looks_like_any,
    see_through,
    text_colour,
)
from gatepost.checks.content.sheets import Sheets
from gatepost.checks.content.styles import hides, hides_in_outlook, plain_style, setting, tiny, veils


@dataclass(frozen=True, slots=True)
class _Setter:
    """What sets a thing anew for an element: attributes, and declarations of its style. By its class or id it may be set, too.

    Of `tags` browsers themselves set it: buttons have letters of their own (WHATWG HTML 15.3 and 15.5).
    """

    attributes: frozenset[str]
    declarations: re.Pattern[str]
    tags: frozenset[str] = frozenset()


_FIELDS: Final = frozenset({"button", "select", "textarea"})


_SETS_FONT: Final = _Setter(
    frozenset({"class", "id", "size"}), re.compile(r"font(?<![-\w]font)(?:-size)?\s{0,5}:"), _FIELDS
)
_SETS_COLOUR: Final = _Setter(
    frozenset({"class", "id", "color", "bgcolor", "background"}),
    re.compile(r"(?<![-\w])(?:color|background(?:-color)?)\s{0,5}:"),
    _FIELDS | {"mark"},
)
_SETS_VISIBILITY: Final = _Setter(frozenset({"class", "id"}), re.compile(r"visibility\s{0,5}:"))
_REMEMBERED: Final = 500
"""Characters of a style that is remembered."""
_COLOUR_CHARACTERS: Final = 200
"""Characters of an attribute that names a colour."""

_NEARLY_ALL: Final = 10
"""So many times what else is shown, what Outlook alone does not show is nearly all of a page."""

_ROOTS: Final = frozenset({"html", "-undef", "-document"})
_PAGE: Final = frozenset({"html", "body", "frameset"})


def take_hidden(tree: LexborHTMLParser, source: bytes, sheets: Sheets, *, concealed: bool) -> str:
    """Remove what a page hides; gives its text. Linear in the size of the tree.

    Takes the tree, the source it was built from (UTF-8), what the page's style sheets do, and whether any element may have the
    attribute `hidden`. Where the source names nothing that hides, the tree is not asked.
    """
    hiding = _Hiding(sheets)
    claims = hiding.read_claims(source)
    if not (claims.hides or claims.vanishing or concealed or sheets):
        return ""
    hiding.choose_by_sheets(tree)
    hiding.choose_inline(tree, claims)
    if tree.body is not None:
        hiding.choose_for_others(tree.body)
    return hiding.remove()


@dataclass(frozen=True, slots=True)
class _Claims:
    """What a page's source says of the styles of its elements, though what it names somewhere need not be an element's.

    `hides` is whether a style may hide or shrink text; `vanishing` are the text colours that some background of the page could
    swallow, None where only the tree can tell.
    """

    hides: bool
    vanishing: frozenset[str] | None


@dataclass(frozen=True, slots=True)
class _Style:
    """What an inline style does; `plain` where it neither hides or shrinks the text nor gives it a colour.

    `for_others` says that Outlook alone does not show it.
    """

    hides: bool
    for_others: bool
    tiny: bool
    veils: bool
    text: str
    behind: str
    plain: bool


def _read_style(style: str) -> _Style:
    """Read an inline style."""
    told = plain_style(style)
    gone, others, small, veiled, text = hides(told), hides_in_outlook(told), tiny(told), veils(told), text_colour(told)
    plain = not (gone or others or small or veiled or text)
    return _Style(gone, others, small, veiled, text, backdrop(told), plain)


_known_style = lru_cache(maxsize=1024)(_read_style)
"""The same, remembered from page to page: templates repeat their styles. Only short ones may take up memory."""


@dataclass(slots=True)
class _Hiding:
    """What was chosen on one page; nodes are known by their address, which is theirs as long as none is freed."""

    sheets: Sheets
    gone: dict[int, LexborNode] = field(default_factory=dict)
    for_others: dict[int, LexborNode] = field(default_factory=dict)
    texts: dict[int, LexborNode] = field(default_factory=dict)
    styles: dict[str, _Style] = field(default_factory=dict)
    backgrounds: dict[int, Colour | None] = field(default_factory=dict)

    def read_claims(self, source: bytes) -> _Claims:
        """Read what the source names: a cheap look before the tree is asked."""
        told = list_styles(source)
        if told is None:
            return _Claims(hides=True, vanishing=None)
        styles, colours, backgrounds = told
        read = [self._style(style) for style in styles]
        texts = {style.text for style in read} | set(map(_named_colour, colours))
        vanishing = self._vanishing(texts - {""}, set(map(_named_colour, backgrounds)))
        return _Claims(any(style.hides or style.for_others or style.tiny or style.veils for style in read), vanishing)

    def choose_by_sheets(self, tree: LexborHTMLParser) -> None:
        """Choose what the page's style sheets hide."""
        for rule in self.sheets.gone:
            for node in self._of_path(tree, rule.path):
                if node.mem_id not in self.gone and self.sheets.hides(rule, node.tag or "", node.attributes):
                    self._choose(node)
        for selector in self.sheets.veiled:
            for node in tree.css(selector):
                self._choose_texts(node, _SETS_VISIBILITY)
        for selector in self.sheets.small:
            for node in tree.css(selector):
                self._choose_texts(node, _SETS_FONT)
        for selector, value in self.sheets.light:
            for node in tree.css(selector):
                style = plain_style(node.attrs.get("style") or "")
                if not _SETS_COLOUR.declarations.search(style) and self._unseen(node, value):
                    self._choose_texts(node, _SETS_COLOUR)

    def _of_path(self, tree: LexborHTMLParser, path: Sequence[tuple[str, str]]) -> Iterable[LexborNode]:
        """Give the elements that a selector is of. Linear in the tree, where the tree's own search climbs up anew for each element."""
        found = {node.mem_id: node for node in tree.css(path[0][1])}
        for combinator, compound in path[1:]:
            known: dict[int, bool] = {}
            outside, found = found, {}
            for node in tree.css(compound):
                parent = node.parent
                within = self._within(outside, node, known) if not combinator else parent and parent.mem_id in outside
                if within:
                    found[node.mem_id] = node
        return found.values()

    def choose_inline(self, tree: LexborHTMLParser, claims: _Claims) -> None:
        """Choose what is hidden by an element's own attributes."""
        # A style of the page is weightier than what browsers know of the attribute.
        hidden = {
            node.mem_id: node
            for node in tree.css("[hidden]")
            if "display" not in setting(plain_style(node.attrs.get("style") or ""))
        }
        for node in hidden.values():
            self._choose(node)
        if not claims.hides and not claims.vanishing:
            return
        coloured: list[tuple[LexborNode, str]] = []
        for node in tree.css("[style]"):
            style = self._style(node.attrs.get("style") or "")
            if style.plain or node.mem_id in hidden:
                continue
            if style.hides:
                self._choose(node)
                continue
            if style.for_others and node.tag not in _PAGE:
                self.for_others[node.mem_id] = node
            if style.veils and node.tag not in _PAGE:
                self._choose_texts(node, _SETS_VISIBILITY)
            if style.tiny:
                self._choose_texts(node, _SETS_FONT)
            elif style.text:
                coloured.append((node, style.text))
        vanishing = claims.vanishing
        if vanishing is None or vanishing:
            for node in tree.css("[color]"):
                value = _named_colour(node.attrs.get("color"))
                if value and self._style(node.attrs.get("style") or "").plain and node.mem_id not in hidden:
                    coloured.append((node, value))
        if vanishing is None:
            backgrounds = {_named_colour(node.attrs.get("bgcolor")) for node in tree.css("[bgcolor]")}
            vanishing = self._vanishing({value for _, value in coloured}, backgrounds)
        for node, value in coloured:
            if value in vanishing and self._unseen(node, value):
                self._choose_texts(node, _SETS_COLOUR)

    def choose_for_others(self, body: LexborNode) -> None:
        """Choose what Outlook alone does not show, but where it is nearly all that the page says to others."""
        if not self.for_others:
            return
        chosen = self.gone | self.for_others
        known: dict[int, bool] = {}
        outer = [node for node in chosen.values() if not self._within(chosen, node, known)]
        hidden = sum(_solid(node.text(separator="")) for node in (*outer, *self.texts.values()))
        left = _solid(body.text(separator="")) - hidden
        if left * _NEARLY_ALL >= hidden:
            self.gone = chosen

    def _vanishing(self, values: set[str], backgrounds: set[str]) -> frozenset[str]:
        """Give the text colours that some background of the page could swallow: for the others no background is looked up.

        Backgrounds are those that attributes name; those of styles that were read are known.
        """
        behind = backgrounds | {style.behind for style in self.styles.values()}
        read = {WHITE, *self.sheets.painted.values(), *map(colour, behind)}
        shades = sorted(shade for shade in read if shade)
        return frozenset(value for value in values if see_through(value) or looks_like_any(colour(value), shades))

    def remove(self) -> str:
        """Remove what was chosen; gives its text."""
        known: dict[int, bool] = {}
        outer = [node for node in self.gone.values() if not self._within(self.gone, node, known)]
        found = [_drop(node) for node in self.texts.values()]
        found += [_drop(node) for node in outer]
        return " ".join(found)

    def _choose(self, node: LexborNode) -> None:
        """Choose an element; never the page itself, whose frame mail programs put their own in place of."""
        if node.tag not in _PAGE:
            self.gone[node.mem_id] = node

    @staticmethod
    def _within(chosen: Container[int], node: LexborNode, known: dict[int, bool]) -> bool:
        """Say whether an element stands in a chosen one; `known` keeps the answer for each element passed on the way up."""
        passed: list[int] = []
        current, within = node.parent, False
        while current is not None and not within and current.mem_id not in known:
            passed.append(current.mem_id)
            within = current.mem_id in chosen
            current = current.parent
        if current is not None and not within:
            within = known[current.mem_id]
        known.update(dict.fromkeys(passed, within))
        return within

    def _choose_texts(self, node: LexborNode, unless: _Setter) -> None:
        """Choose the text in an element, but not in elements below it whose style sets anew what hides it."""
        pending = [node]
        while pending:
            for child in pending.pop().iter(include_text=True):
                if child.is_text_node:
                    self.texts[child.mem_id] = child
                elif not _sets(child, unless):
                    pending.append(child)

    def _style(self, style: str) -> _Style:
        """Read an inline style; pages repeat few of them over and over."""
        known = self.styles.get(style)
        if known is None:
            known = _known_style(style) if len(style) <= _REMEMBERED else _read_style(style)
            self.styles[style] = known
        return known

    def _unseen(self, node: LexborNode, value: str) -> bool:
        """Say whether text of a colour cannot be told from what is behind it; unknown backgrounds show everything."""
        if see_through(value):
            return value == "transparent" or not value.isalpha()
        text = colour(value)
        if text is None:
            return False
        behind = self._behind(node)
        return behind is not None and alike(text, behind)

    def _behind(self, node: LexborNode) -> Colour | None:
        """Give the background that an element stands on: its own, the nearest around it, or white; None where unknown."""
        passed: list[int] = []
        current: LexborNode | None = node
        found: Colour | None = WHITE
        while current is not None and current.tag not in _ROOTS:
            if current.mem_id in self.backgrounds:
                found = self.backgrounds[current.mem_id]
                break
            passed.append(current.mem_id)
            sets, own = self._own_background(current)
            if sets:
                found = own
                break
            current = current.parent
        self.backgrounds.update(dict.fromkeys(passed, found))
        return found

    def _own_background(self, node: LexborNode) -> tuple[bool, Colour | None]:
        """Say whether an element sets a background, and give its colour, None for what is not one known colour."""
        attributes = node.attributes
        if attributes.get("background"):
            return True, None
        value = self._style(attributes.get("style") or "").behind or _named_colour(attributes.get("bgcolor"))
        if value and not see_through(value):
            return True, colour(value)
        painted = self.sheets.painted
        if painted:
            names = [f".{name}" for name in (attributes.get("class") or "").split()]
            for name in (f"#{attributes.get('id')}", *names, node.tag or ""):
                if name in painted:
                    return True, painted[name]
        return False, None


def _named_colour(value: str | None) -> str:
    """Give the colour that the value of an attribute names, "" for none."""
    return (value or "")[:_COLOUR_CHARACTERS].strip().lower()


def _sets(node: LexborNode, what: _Setter) -> bool:
    """Say whether an element sets a thing by its style or its attributes, or may do so by its class."""
    if node.tag in what.tags:
        return True
    attributes = node.attributes
    if not attributes:
        return False
    style = attributes.get("style")
    return not what.attributes.isdisjoint(attributes) or bool(style and what.declarations.search(style.lower()))


def _solid(text: str) -> int:
    """Count the characters of a text that are no blanks."""
    return sum(map(len, text.split()))


def _drop(node: LexborNode) -> str:
    """Remove a node; gives its text."""
    text = node.text(separator="")
    node.decompose()
    return text
