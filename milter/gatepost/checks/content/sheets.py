"""What a page's own style sheets hide and paint, as far as simple selectors say it (CSS 2.2, Selectors 3).

Mail is read by programs that differ in the style they follow, so senders keep to names of classes and elements: `.preheader
{display: none}`. Only such selectors are followed. Rules inside @media hold on some screens only and do not count, but for those of
every screen. What one rule hides and a weightier one shows is shown (CSS Cascade 4 6).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from gatepost.checks.content.colours import WHITE, Colour, alike, backdrop, colour, see_through, text_colour
from gatepost.checks.content.styles import hides, hiding, important, plain_style, setting, tiny, veils

# Possessive, so that what is not closed is read once; the rest of a sheet that a comment opens is comment.
_COMMENT: Final = re.compile(r"/\*[^*]*+(?:\*(?!/)[^*]*+)*+(?:\*/)?")
_AT_RULE: Final = re.compile(r"@[^@{};]{0,1000}+(?:;|\{((?:[^{}]*+\{[^{}]*+\})*+[^{}]*+)\}?)")
_EVERY_SCREEN: Final = re.compile(r"@media\s{1,5}(?:only\s{1,5})?(?:all|screen)\s{0,5}\{", re.IGNORECASE)
_ANY_MEDIUM: Final = re.compile(r"\s*(?:|(?:only\s{1,5})?(?:all|screen)\s*(?:,.*)?)", re.IGNORECASE | re.DOTALL)
# A name begins with a letter (CSS Syntax 4.3.9): the tree refuses any other with an exception.
_IDENTIFIER: Final = r"[A-Za-z_][A-Za-z0-9_-]{0,59}"
_PLAIN_SELECTOR: Final = re.compile(rf"(?:[A-Za-z][A-Za-z0-9]{{0,9}})?[.#]{_IDENTIFIER}")
_COMPOUND: Final = re.compile(
    rf"(?:(?:[A-Za-z][A-Za-z0-9]{{0,19}}|\*)(?:[.#]{_IDENTIFIER}){{0,5}}|(?:[.#]{_IDENTIFIER}){{1,5}})"
    rf"(?:\[[a-z-]{{1,20}}(?:[~|^$*]?=(?:\"{_IDENTIFIER}\"|'{_IDENTIFIER}'|{_IDENTIFIER}))?\])?"
)
_NAMED: Final = re.compile(r"[.#\[]")
_WITHIN: Final = re.compile(r"\s{0,5}(>)\s{0,5}|\s{1,5}")
_DEEPEST: Final = 4
"""Compounds of a selector that is followed."""
_TAG: Final = re.compile(r"(?<![\w.#=\"'\[-])[A-Za-z][A-Za-z0-9]{0,19}")
_COMBINATORS: Final = str.maketrans(">+~", "   ")
_NAME: Final = re.compile(r"[.#]?[\w-]{1,60}")
_SELECTOR_CHARACTERS: Final = 200
# What formatting elements are called in the tree (markup.py).
_RENAMED: Final = {"a": "anchor"} | dict.fromkeys(
    "b big code em font i nobr s small strike strong tt u".split(), "span"
)
_RULES: Final = 20
"""Selectors of each kind that are followed: each is looked for in the whole tree."""
_NESTED: Final = 5
"""Rules of elements within others that are followed."""
_WEIGHED: Final = 10_000
"""Elements whose other rules are looked at, over all rules; what comes then counts as shown."""
_COLOURED: Final = 5
_SHEET_BYTES: Final = 65_536
_SHEETS: Final = 20
_RULES_READ: Final = 2_000
"""Rules that are read of each sheet; newsletters have some hundreds."""
_STYLE_CHARACTERS: Final = 2_000
_SELECTORS: Final = 50
"""Selectors that are read of one rule."""
_OF_ONE_NAME: Final = 20
"""Rules that may show again what bears a name; of more the last ones count."""
_NAMES_OF_ONE: Final = 20
"""Names of an element that are looked at."""


class Weight(NamedTuple):
    """How weighty a rule is: important, how specific its selector is, and which of the page's rules it is."""

    important: bool
    specific: tuple[int, int, int]
    place: int


_Shower = tuple[frozenset[str], Weight, frozenset[str]]


class Rule(NamedTuple):
    """A rule that hides: of what, how weighty, and by which properties, none where only several of them together hide.

    `path` has the compounds of its selector from the outside in, each with `>` where it is a child of what the last one is of.
    """

    path: tuple[tuple[str, str], ...]
    weight: Weight
    properties: frozenset[str]


@dataclass(slots=True)
class Sheets:
    """What the rules of a page do.

    There are rules that hide elements (`gone`), selectors of elements whose text is invisible (`veiled`) or tiny (`small`), and of
    elements with light text and its colour; and for names (`.a`, `#a`, `td`) the background that a rule gives to what bears them, None
    where it is not one known colour. `others` are the selectors and styles of the rules that may show an element again, each with its
    place; `shown` has the same by name, as soon as it is asked for: all names of the element, the weight and the properties set.
    """

    gone: list[Rule] = field(default_factory=list)
    small: list[str] = field(default_factory=list)
    veiled: list[str] = field(default_factory=list)
    light: list[tuple[str, str]] = field(default_factory=list)
    painted: dict[str, Colour | None] = field(default_factory=dict)
    others: list[tuple[str, str, int]] = field(default_factory=list)
    shown: dict[str, list[_Shower]] | None = None
    weighed: int = 0

    def __bool__(self) -> bool:
        """Say whether the rules may hide anything."""
        return bool(self.gone or self.small or self.veiled or self.light)

    def hides(self, rule: Rule, tag: str, attributes: Mapping[str, str | None]) -> bool:
        """Say whether a rule hides an element that its selector is of, in spite of the element's style and of weightier rules."""
        left = set(rule.properties)
        if not left:
            return True
        self.weighed += 1
        if self.weighed > _WEIGHED:
            return False
        style = plain_style(attributes.get("style") or "")
        if style and not rule.weight.important:
            left -= setting(style)
        if self.shown is None:
            self.shown = _showers(self.others)
        if not (left and self.shown):
            return bool(left)
        names = {tag, "*", f"#{attributes.get('id')}"}
        names.update(f".{name}" for name in (attributes.get("class") or "").split()[:_NAMES_OF_ONE])
        for name in names & self.shown.keys():
            for needed, weight, properties in self.shown[name][-_OF_ONE_NAME:]:
                if weight > rule.weight and needed <= names:
                    left -= properties
        return bool(left)


def read_sheets(sources: Iterable[tuple[str, str]]) -> Sheets:
    """Read the style sheets of a page, each with the media it is for: 20 of them, 65,536 characters of each; linear in the length."""
    sheets = Sheets()
    place = 0
    for (text, media), _ in zip(sources, range(_SHEETS), strict=False):
        if not _ANY_MEDIUM.fullmatch(media[:_SELECTOR_CHARACTERS]):
            continue
        sheet = text[:_SHEET_BYTES].replace("<!--", " ").replace("-->", " ")
        if "/*" in sheet:
            sheet = _COMMENT.sub(" ", sheet)
        if "@" in sheet:
            sheet = _AT_RULE.sub(_of_every_screen, sheet)
        for rule in sheet.split("}", _RULES_READ):
            selectors, _, style = rule.partition("{")
            if style:
                place += 1
                _read_rule(sheets, selectors, plain_style(style[:_STYLE_CHARACTERS]), place)
    return sheets


def _of_every_screen(match: re.Match[str]) -> str:
    return match[1] if match[1] and _EVERY_SCREEN.match(match[0]) else " "


def _read_rule(sheets: Sheets, selectors: str, style: str, place: int) -> None:
    """Note what one rule does."""
    behind = backdrop(style)
    if behind and not see_through(behind):
        _paint(sheets.painted, selectors, colour(behind))
    if hides(style):
        _note_gone(sheets, selectors, style, place)
        return
    if "display" in style or "opacity" in style:
        sheets.others.append((selectors, style, place))
    if veils(style):
        sheets.veiled += _plain(selectors, _RULES - len(sheets.veiled))
    elif tiny(style):
        sheets.small += _plain(selectors, _RULES - len(sheets.small))
    elif not behind and (value := text_colour(style)) and (see_through(value) or _light(value)):
        sheets.light += [(one, value) for one in _plain(selectors, _COLOURED - len(sheets.light))]


def _note_gone(sheets: Sheets, selectors: str, style: str, place: int) -> None:
    """Note a rule that hides."""
    properties, weighty = hiding(style), important(style)
    nested = sum(len(rule.path) > 1 for rule in sheets.gone)
    for each in selectors.split(",", _SELECTORS)[:_SELECTORS]:
        selector = each.strip()
        path = _path(selector) if len(selector) <= _SELECTOR_CHARACTERS else ()
        nested += len(path) > 1
        if path and len(sheets.gone) < _RULES and (len(path) == 1 or nested <= _NESTED):
            sheets.gone.append(Rule(path, Weight(weighty, _specificity(selector), place), properties))


def _path(selector: str) -> tuple[tuple[str, str], ...]:
    """Give the compounds of a selector as the tree knows them; () for one that is not followed: of elements without a class, too."""
    pieces = _WITHIN.split(selector)
    compounds, combinators = pieces[::2], ["", *pieces[1::2]]
    if len(compounds) > _DEEPEST or not all(map(_COMPOUND.fullmatch, compounds)) or not _NAMED.search(selector):
        return ()
    called = [_TAG.sub(lambda match: _RENAMED.get(match[0].lower(), match[0]), each) for each in compounds]
    # Several elements have the name that it would be looked for by.
    return (
        ()
        if called[-1].lower() in {"span", "*"}
        else tuple(zip([each or "" for each in combinators], called, strict=True))
    )


def _showers(rules: Iterable[tuple[str, str, int]]) -> dict[str, list[_Shower]]:
    """Give the rules that may show again what others hide, by one of the names of what they are of."""
    found: dict[str, list[_Shower]] = defaultdict(list)
    for selectors, style, place in rules:
        properties, weighty = setting(style), important(style)
        for each in selectors.split(",", _SELECTORS)[:_SELECTORS]:
            selector = each.strip()[-_SELECTOR_CHARACTERS:]
            last = (selector.translate(_COMBINATORS).split() or [""])[-1].partition("[")[0].partition(":")[0]
            names = frozenset(_RENAMED.get(name, name) for name in _NAME.findall(last)) or frozenset("*")
            known = found[max(names, key=lambda name: (name[0] in ".#", name))]
            known.append((names, Weight(weighty, _specificity(selector), place), properties))
            if len(known) > 2 * _OF_ONE_NAME:
                del known[:_OF_ONE_NAME]
    return found


def _specificity(selector: str) -> tuple[int, int, int]:
    """Give how specific a selector is (Selectors 3 9): names of elements, classes and the like, tags."""
    return (
        selector.count("#"),
        selector.count(".") + selector.count("[") + selector.count(":"),
        len(_TAG.findall(selector)),
    )


def _light(value: str) -> bool:
    """Say whether a colour cannot be seen on white."""
    read = colour(value)
    return read is not None and alike(read, WHITE)


def _plain(selectors: str, most: int) -> list[str]:
    """Give the simple ones of a rule's selectors."""
    several = selectors.split(",", _SELECTORS)[:_SELECTORS]
    return [one for each in several if _PLAIN_SELECTOR.fullmatch(one := each.strip())][: max(0, most)]


def _paint(painted: dict[str, Colour | None], selectors: str, behind: Colour | None) -> None:
    """Note a background for the names in the last compound of each selector, which are the painted element's own."""
    for selector in selectors.split(",", _SELECTORS)[:_SELECTORS]:
        compound = (selector[-_SELECTOR_CHARACTERS:].translate(_COMBINATORS).split() or [""])[-1]
        for name in _NAME.findall(compound):
            key = _RENAMED.get(name, name)
            known = behind if key == compound == selector.strip() else None
            painted[key] = known if painted.get(key, known) == known else None
