"""What a page hides from its reader by style: the elements whose text nobody sees.

A sender hides words to please filters in a handful of ways: not displayed at all, no size, no height, no opacity, moved
off the screen, or in the colour of what is behind it. Each is read from the inline style, from old attributes, and from
simple rules of the page's style sheets (CSS 2.2, CSS Color 4). This is not a layout engine: what only layout could tell
counts as shown.
"""

from __future__ import annotations

import re
from typing import Final

from selectolax.lexbor import LexborHTMLParser, LexborNode

_ZERO: Final = r"[+-]?(?:0{1,5}(?:\.0{0,5})?|\.0{1,5})(?![.\d])"
_FLAGS: Final = re.IGNORECASE
# Declarations that hide an element with all that is in it.
_GONE: Final = re.compile(
    r"display\s{0,5}:\s{0,5}none|visibility\s{0,5}:\s{0,5}(?:hidden|collapse)|mso-hide\s{0,5}:\s{0,5}all"
    rf"|opacity\s{{0,5}}:\s{{0,5}}(?:{_ZERO}|0?\.0\d{{0,5}})"
    rf"|max-(?:height|width)\s{{0,5}}:\s{{0,5}}{_ZERO}"
    r"|text-indent\s{0,5}:\s{0,5}-\d{3}|clip-path\s{0,5}:\s{0,5}inset\(\s{0,5}(?:50|100)%"
    r"|clip\s{0,5}:\s{0,5}rect\(\s{0,5}[01](?:px)?[\s,]|transform\s{0,5}:\s{0,5}scale\(\s{0,5}0\s{0,5}[,)]",
)
_SMALL: Final = re.compile(rf"(?<![-\w])(?:height|width)\s{{0,5}}:\s{{0,5}}(?:{_ZERO}|1px)")
_CUT_OFF: Final = re.compile(r"overflow(?:-[xy])?\s{0,5}:\s{0,5}(?:hidden|clip)")
_FAR: Final = re.compile(r"(?<![-\w])(?:left|top|right|bottom|margin-(?:left|top))\s{0,5}:\s{0,5}-\d{3}")
_OFF: Final = re.compile(r"position\s{0,5}:\s{0,5}(?:absolute|fixed|relative)")
# Layouts set a tiny size on boxes to close gaps and set it back inside, so it hides an element's own text alone.
_TINY: Final = re.compile(
    r"font(?:-size)?\s{0,5}:\s{0,5}(?:[a-z0-9]{1,10}\s{1,3}){0,3}(?:"
    rf"{_ZERO}|[01](?:\.\d{{0,3}})?(?:px|pt)|0?\.[0-2]\d{{0,3}}r?em|[0-9](?:\.\d{{0,3}})?%)",
)
_COLOUR: Final = re.compile(r"(?<![-\w])color\s{0,5}:\s{0,5}([^;!\"']{1,40})")
_BACKDROP: Final = re.compile(r"(?<![-\w])background(?:-color)?\s{0,5}:\s{0,5}([^;!\"']{1,200})")
_HEX: Final = re.compile(r"#([0-9a-f]{3}(?:[0-9a-f]{3})?)\b", _FLAGS)
_RGB: Final = re.compile(
    r"rgba?\(\s{0,5}(\d{1,3})[\s,]{1,6}(\d{1,3})[\s,]{1,6}(\d{1,3})(?:[\s,/]{1,6}([\d.]{1,6}))?", _FLAGS
)
_NAMED: Final = {"white": (255, 255, 255), "snow": (255, 250, 250), "ivory": (255, 255, 240), "black": (0, 0, 0)}
_WHITE: Final = (255, 255, 255)
_ALIKE: Final = 60
"""Colours whose channels differ by no more than this, all together, cannot be told apart on a screen."""

_SETS_FONT: Final = re.compile(r"(?<![-\w])font(?:-size)?\s{0,5}:|size\Z")
_SETS_COLOUR: Final = re.compile(r"(?<![-\w])(?:color|background(?:-color)?)\s{0,5}:|(?:bg)?color\Z|background\Z")
_NAME: Final = re.compile(r"[\w-]{1,60}")
_PLAIN_SELECTOR: Final = re.compile(r"[a-z]{0,10}[.#][\w-]{1,60}", _FLAGS)
_SHOWS: Final = re.compile(r"display\s{0,5}:\s{0,5}(?!none)")
_RULES: Final = 20
_SHEET: Final = 65_536
_ANCESTORS: Final = 20

MAY_HIDE: Final = re.compile(
    r"hid|none|collapse|opacity|:\s{0,5}-\d|indent|clip|scale\(|transparent|size\s{0,5}:\s{0,5}[01.]|font\s{0,5}:\s{0,5}[01.]|height\s{0,5}:\s{0,5}[01]"
    r"|color\s{0,5}[:=]\s{0,5}[\"']?(?:white|#[ef]|rgb|ivory|snow)",
    _FLAGS,
)
"""One of these stands in every page that hides something: a cheap look before the dear one."""

# A cheap look for each declaration block before the dear ones.
_HIDING_WORDS: Final = ("none", "hid", "collapse", "opacity", "max-", ":-", ": -", "indent", "clip", "scale(")

Colour = tuple[int, int, int]


def _sheets(source: str) -> tuple[list[str], list[str], set[str]]:
    """Read the page's style sheets; rules inside @media hold on some screens only and do not count.

    Gives the simple selectors (`.a`, `#a`, `p.a`) that hide elements, those that make text tiny, and the words of all
    selectors that paint a background: what bears one of them may stand on any colour.
    """
    gone: list[str] = []
    small: list[str] = []
    painted: set[str] = set()
    lower = source.lower()
    at = lower.find("<style")
    while at >= 0 and len(gone) + len(small) < _RULES:
        end = lower.find("</style", at)
        sheet = source[at : len(source) if end < 0 else end][:_SHEET]
        for rule in _without_media(sheet[sheet.find(">") + 1 :]).split("}"):
            selectors, _, style = rule.partition("{")
            style = style.lower()
            if "background" in style:
                painted.update(_NAME.findall(selectors))
            chosen = gone if _hides(style) else small if "font" in style and _TINY.search(style) else None
            if chosen is not None:
                chosen += [one for each in selectors.split(",") if _PLAIN_SELECTOR.fullmatch(one := each.strip())]
        at = lower.find("<style", end) if end >= 0 else -1
    return gone[:_RULES], small[:_RULES], painted


def _without_media(sheet: str) -> str:
    """Drop blocks of blocks (@media): they hold on some screens only."""
    out: list[str] = []
    depth, start = 0, 0
    for match in re.finditer(r"[{}@]", sheet):
        mark = match[0]
        if mark == "@" and depth == 0:
            out.append(sheet[start : match.start()])
            depth, start, nested = -1, -1, 0
        elif depth == -1:
            if mark == "{":
                nested += 1
            elif mark == "}":
                nested -= 1
                if nested <= 0:
                    depth, start = 0, match.end()
    if start >= 0:
        out.append(sheet[start:])
    return "".join(out)


def _hides(style: str) -> bool:
    """Say whether declarations hide an element and all in it."""
    if not any(word in style for word in _HIDING_WORDS):
        return False
    return bool(
        _GONE.search(style)
        or (_CUT_OFF.search(style) and _SMALL.search(style))
        or (_FAR.search(style) and (_OFF.search(style) or "margin" in style))
    )


def take_hidden(tree: LexborHTMLParser, source: str) -> str:
    """Remove what a page hides; gives its text. Inner elements go first: a removed parent frees them."""
    found: list[str] = []
    gone, small, painted = _sheets(source)
    for selector in gone:
        for node in reversed(tree.css(selector)):
            if not _SHOWS.search((node.attributes.get("style") or "").lower()):
                found.append(_drop(node))
    for selector in small:
        for node in tree.css(selector):
            found += _drop_text(node, _SETS_FONT)
    for node in reversed(tree.css("[style], [hidden], [color]")):
        attributes = node.attributes
        style = (attributes.get("style") or "").lower()
        if "hidden" in attributes or (style and _hides(style)):
            found.append(_drop(node))
        elif "font" in style and _TINY.search(style):
            found += _drop_text(node, _SETS_FONT)
        elif _unseen_colour(node, style, attributes.get("color") or "", painted=painted):
            found += _drop_text(node, _SETS_COLOUR)
    return " ".join(reversed(found))


def _drop_text(node: LexborNode, unless: re.Pattern[str]) -> list[str]:
    """Remove the text in an element, but not in elements below it whose style sets anew what hides it."""
    texts: list[LexborNode] = []
    pending = [node]
    while pending:
        for child in pending.pop().iter(include_text=True):
            if child.is_text_node:
                texts.append(child)
            elif not _sets(child, unless):
                pending.append(child)
    return [_drop(text) for text in texts]


def _sets(node: LexborNode, what: re.Pattern[str]) -> bool:
    """Say whether an element sets a thing by its style or its attributes, or may do so by its class."""
    return any(
        key in {"class", "id"} or what.match(key) or (key == "style" and what.search((value or "").lower()))
        for key, value in node.attributes.items()
    )


def _drop(node: LexborNode) -> str:
    text = node.text(separator="")
    node.decompose()
    return text


def _unseen_colour(node: LexborNode, style: str, attribute: str, *, painted: set[str]) -> bool:
    """Say whether text has the colour of what is behind it; unknown backgrounds show everything."""
    match = _COLOUR.search(style) if "color" in style else None
    value = match[1] if match else attribute
    if not value:
        return False
    if value.strip().lower() == "transparent":
        return True
    colour = _colour(value)
    if colour is None:
        return False
    behind = _behind(node, painted=painted)
    return behind is not None and sum(abs(one - other) for one, other in zip(colour, behind, strict=True)) <= _ALIKE


def _behind(node: LexborNode, *, painted: set[str]) -> Colour | None:
    """Give the background that an element stands on: its own, the nearest around it, or white; None where unknown."""
    current: LexborNode | None = node
    for _ in range(_ANCESTORS):
        if current is None or current.tag in ("html", "-undef"):
            return _WHITE
        attributes = current.attributes
        if attributes.get("background"):
            return None
        match = _BACKDROP.search((attributes.get("style") or "").lower())
        value = match[1] if match else attributes.get("bgcolor")
        if value and value.strip().lower() not in ("transparent", "none", "inherit"):
            return None if "url" in value or "gradient" in value else _colour(value)
        if painted and not painted.isdisjoint(
            (current.tag, attributes.get("id"), *(attributes.get("class") or "").split())
        ):
            return None
        current = current.parent
    return None


def _colour(value: str) -> Colour | None:
    """Read a colour; None where it is not one of the common forms. One that shows nothing through alpha is white."""
    if match := _HEX.search(value):
        digits = match[1] if len(match[1]) == 6 else "".join(2 * digit for digit in match[1])
        return int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:], 16)
    if match := _RGB.search(value):
        return int(match[1]), int(match[2]), int(match[3])
    return _NAMED.get(value.strip().lower())
