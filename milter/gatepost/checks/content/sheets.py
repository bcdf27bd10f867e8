"""What a page's own style sheets hide and paint, as far as simple selectors say it (CSS 2.2, Selectors 3).

Mail is read by programs that differ in the style they follow, so senders keep to classes and names: `.preheader {display:
none}`. Only such selectors are followed. Rules inside @media hold on some screens only and do not count.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from gatepost.checks.content.colours import WHITE, Colour, alike, backdrop, colour, see_through, text_colour
from gatepost.checks.content.styles import hides, tiny

_STYLE: Final = re.compile(r"<[sS][tT][yY][lL][eE](?=[\s/>])")
_STYLE_END: Final = re.compile(r"</[sS][tT][yY][lL][eE]")
# Possessive, so that what is not closed is read once; the rest of a sheet that a comment opens is comment.
_COMMENT: Final = re.compile(r"/\*[^*]*+(?:\*(?!/)[^*]*+)*+(?:\*/)?")
_AT_RULE: Final = re.compile(r"@[^@{};]{0,1000}+(?:;|\{(?:[^{}]*+\{[^{}]*+\})*+[^{}]*+\}?)")
# A name begins with a letter (CSS Syntax 4.3.9): the tree refuses any other with an exception.
_PLAIN_SELECTOR: Final = re.compile(r"(?:[A-Za-z][A-Za-z0-9]{0,9})?[.#][A-Za-z_][A-Za-z0-9_-]{0,59}")
_COMBINATORS: Final = str.maketrans(">+~", "   ")
_NAME: Final = re.compile(r"[.#]?[\w-]{1,60}")
_SELECTOR_CHARACTERS: Final = 200
# What formatting elements are called in the tree (markup.py).
_RENAMED: Final = {"a": "anchor"} | dict.fromkeys(
    "b big code em font i nobr s small strike strong tt u".split(), "span"
)
_RULES: Final = 20
"""Selectors of each kind that are followed: each is looked for in the whole tree."""
_COLOURED: Final = 5
_SHEET_BYTES: Final = 65_536
_SHEETS: Final = 20
_RULES_READ: Final = 2_000
"""Rules that are read of each sheet; newsletters have some hundreds."""
_STYLE_CHARACTERS: Final = 2_000
_SELECTORS: Final = 50
"""Selectors that are read of one rule."""


@dataclass(slots=True)
class Sheets:
    """What the rules of a page do.

    There are selectors of elements that are hidden (`gone`), of elements whose text is tiny (`small`), and of elements with
    light text and its colour; and for names (`.a`, `#a`, `td`) the background that a rule gives to what bears them, None
    where it is not one known colour.
    """

    gone: list[str] = field(default_factory=list)
    small: list[str] = field(default_factory=list)
    light: list[tuple[str, str]] = field(default_factory=list)
    painted: dict[str, Colour | None] = field(default_factory=dict)


def read_sheets(source: str) -> Sheets:
    """Read the style sheets of a page's source: 20 of them, 65,536 characters of each; linear in the length."""
    sheets = Sheets()
    for match, _ in zip(_STYLE.finditer(source), range(_SHEETS), strict=False):
        end = _STYLE_END.search(source, match.end())
        sheet = source[match.end() : end.start() if end else len(source)][:_SHEET_BYTES]
        sheet = sheet[sheet.find(">") + 1 :].replace("<!--", " ").replace("-->", " ")
        if "/*" in sheet:
            sheet = _COMMENT.sub(" ", sheet)
        if "@" in sheet:
            sheet = _AT_RULE.sub(" ", sheet)
        for rule in sheet.split("}", _RULES_READ):
            selectors, _, style = rule.partition("{")
            if style:
                _read_rule(sheets, selectors, style[:_STYLE_CHARACTERS].lower())
        if end is None:
            break
    return sheets


def _read_rule(sheets: Sheets, selectors: str, style: str) -> None:
    """Note what one rule does."""
    behind = backdrop(style)
    if behind and not see_through(behind):
        _paint(sheets.painted, selectors, colour(behind))
    if hides(style):
        sheets.gone += _plain(selectors, _RULES - len(sheets.gone))
    elif tiny(style):
        sheets.small += _plain(selectors, _RULES - len(sheets.small))
    elif not behind and (value := text_colour(style)) and (see_through(value) or _light(value)):
        sheets.light += [(one, value) for one in _plain(selectors, _COLOURED - len(sheets.light))]


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
