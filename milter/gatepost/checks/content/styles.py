"""What style declarations do to an element's text: hide it, or make it too small to read (CSS 2.2, CSS Color 4).

A sender hides words to please filters in a handful of ways: not displayed at all, no size, no height, no opacity, cut
off, moved off the screen. Each is an expression over the declarations in lower case, behind a cheap look for its word.

What a style seems to say is then read as browsers do (CSS Cascade 4): of several declarations of one property the last one
counts, an important one before all others, one that is no value of the property not at all. Otherwise a sender could seem
to hide a text and show it.
"""

from __future__ import annotations

import re
from typing import Final

_ZERO: Final = r"[+-]?(?:0{1,5}(?:\.0{0,5})?|\.0{1,5})(?![.\d])"
# Declarations that hide an element with all that is in it, each by the word that it begins with.
_GONE: Final = tuple(
    (word, re.compile(word + rest))
    for word, rest in (
        ("display", r"\s{0,5}:\s{0,5}none(?![-\w])"),
        ("content-visibility", r"\s{0,5}:\s{0,5}hidden(?![-\w])"),
        ("opacity", rf"\s{{0,5}}:\s{{0,5}}(?:{_ZERO}|0?\.0\d{{0,5}})"),
        ("filter", rf"\s{{0,5}}:\s{{0,5}}opacity\(\s{{0,5}}{_ZERO}"),
        ("max-", rf"(?:height|width)\s{{0,5}}:\s{{0,5}}{_ZERO}"),
        ("text-indent", r"\s{0,5}:\s{0,5}-\d{3}"),
        ("clip-path", r"\s{0,5}:\s{0,5}(?:inset\(\s{0,5}(?:50|100)%|circle\(\s{0,5}0)"),
        ("clip", r"\s{0,5}:\s{0,5}rect\(\s{0,5}[01](?:px)?[\s,]"),
        (
            "transform",
            r"\s{0,5}:\s{0,5}(?:scale[xy]?\(\s{0,5}(?:0|0?\.0\d{0,5})\s{0,5}[,)]|translate(?:[xy]|3d)?\((?:[^,()]{1,20},)?\s{0,5}-\d{3,6})",
        ),
    )
)
_SMALL: Final = re.compile(rf"(?<![-\w])(?:max-)?(?:height|width)\s{{0,5}}:\s{{0,5}}(?:{_ZERO}|1px)")
_CUT_OFF: Final = re.compile(r"overflow(?:-[xy])?\s{0,5}:\s{0,5}(?:hidden|clip|auto|scroll)")
_AWAY: Final = re.compile(r"-\d{3}(?<=[\s:]-\d{3})")
_FAR: Final = re.compile(
    r"(?<![-\w])(?:(?:left|top|right|bottom|margin-(?:left|top))\s{0,5}:\s{0,5}-\d{3}"
    r"|margin\s{0,5}:\s{0,5}(?:[\w.]{1,8}\s{1,3}){0,3}-\d{3})"
)
_OFF: Final = re.compile(r"position\s{0,5}:\s{0,5}(?:absolute|fixed|relative)")
# Layouts set a tiny size on boxes to close gaps and set it back inside, so it hides an element's own text alone.
_TINY: Final = re.compile(
    r"font(?:-size)?\s{0,5}:\s{0,5}(?:[a-z0-9]{1,10}\s{1,3}){0,3}(?:"
    rf"{_ZERO}|[01](?:\.\d{{0,3}})?(?:px|pt)|0?\.[0-2]\d{{0,3}}(?:r?em|mm|pc|ex|ch|q|v[wh])|0?\.0[0-2]\d{{0,3}}(?:in|cm)"
    rf"|\d(?:\.\d{{0,3}})?e-[2-9]|[0-9](?:\.\d{{0,3}})?%)",
)
_OUTLOOK: Final = re.compile(r"mso-hide\s{0,5}:\s{0,5}all")
# What is in an element that cannot be seen may be made visible again.
_VEILED: Final = re.compile(r"(?<!-)visibility\s{0,5}:\s{0,5}(?:hidden|collapse)(?![-\w])")

_COMMENT: Final = re.compile(r"/\*[^*]*+(?:\*(?!/)[^*]*+)*+(?:\*/)?")
_ESCAPE: Final = re.compile(r"\\(?:([0-9a-f]{1,6})\s?|([^\n]))")
_QUOTED: Final = re.compile(r"\"[^\"\n]*+\"?|'[^'\n]*+'?|url\([^)]*+\)?")
_DECLARATIONS: Final = 1_000
"""Declarations of one style that are read, the last ones."""

_GLOBAL: Final = "inherit|initial|unset|revert"
# What properties may be (CSS Display 3, CSS Values 4); anything else is no declaration.
_VALUES: Final = {
    "display": re.compile(
        rf"(?:{_GLOBAL}|none|contents|block|inline|flow-root|list-item|run-in|math|ruby|grid|flex|table"
        r"|inline-(?:block|table|flex|grid)|-(?:webkit|moz|ms)-[a-z-]{1,20}"
        r"|table-(?:row|cell|column|caption|(?:row|column|header|footer)-group))(?:\s[a-z-]{1,20}){0,2}"
    ),
    "visibility": re.compile(rf"{_GLOBAL}|visible|hidden|collapse"),
    "opacity": re.compile(rf"{_GLOBAL}|[+-]?[\d.]{{1,20}}(?:e[+-]?\d{{1,3}})?%?|(?:calc|var)\(.*"),
    "font-size": re.compile(
        rf"{_GLOBAL}|[+.\d].*|x{{0,3}}-?(?:small|large)|medium|smaller|larger|(?:calc|min|max|clamp|var)\(.*"
    ),
}
_ASKED: Final = frozenset(
    "display visibility content-visibility opacity filter text-indent clip clip-path transform overflow overflow-x overflow-y "
    "height width max-height max-width position left top right bottom margin margin-left margin-top font font-size color "
    "background background-color".split()
)
"""Properties that are told of; `font` sets the size that `font-size` does, and `background` the colour."""
_SAME: Final = {"font": "font-size", "background": "background-color"}


def plain_style(style: str) -> str:
    """Give declarations in lower case, without comments and escapes (CSS Syntax 3 4.3.7)."""
    lower = style.lower()
    if "/*" in lower:
        lower = _COMMENT.sub("", lower)
    return _ESCAPE.sub(_unescaped, lower) if "\\" in lower else lower


def _unescaped(match: re.Match[str]) -> str:
    number = int(match[1], 16) if match[1] else 0
    return chr(number).lower() if 0 < number < 0xD800 else match[2] or ""


def settled(style: str) -> list[str]:
    """Give the declarations of a plain style that count, as `property:value`, in their order."""
    found: dict[str, tuple[str, bool]] = {}
    for declaration in _QUOTED.sub(" ", style).rsplit(";", _DECLARATIONS)[-_DECLARATIONS:]:
        name, _, said = declaration.partition(":")
        name = name.strip()
        value, mark, weight = said.partition("!")
        value, important = value.strip(), weight.strip() == "important"
        known = _VALUES.get(name)
        if name not in _ASKED or not value or (mark and not important) or (known and not known.fullmatch(value)):
            continue
        key = _SAME.get(name, name)
        if important or not (key in found and found[key][1]):
            found.pop(key, None)
            found[key] = f"{name}:{value}", important
    return [told for told, _ in found.values()]


def hides(style: str) -> bool:
    """Say whether declarations of a plain style hide an element and all in it."""
    return _seems_to_hide(style) and _seems_to_hide(";".join(settled(style)))


def hides_in_outlook(style: str) -> bool:
    """Say whether declarations of a plain style hide an element in Outlook, and nowhere else."""
    return "mso-hide" in style and _OUTLOOK.search(style) is not None


def _seems_to_hide(style: str) -> bool:
    for word, gone in _GONE:
        if word in style and gone.search(style):
            return True
    if "overflow" in style and _CUT_OFF.search(style) and _SMALL.search(style):
        return True
    # An expression that begins with a plain character skips to it.
    away = _AWAY.search(style) and _FAR.search(style)
    return bool(away and (_OFF.search(style) or "margin" in style))


def hiding(style: str) -> frozenset[str]:
    """Give the properties by each of which a plain style hides an element, none where it takes several together."""
    return frozenset(told.partition(":")[0] for told in settled(style) if _seems_to_hide(told))


def setting(style: str) -> frozenset[str]:
    """Give the properties that a plain style sets to what does not hide."""
    return frozenset(told.partition(":")[0] for told in settled(style) if not _seems_to_hide(told))


def important(style: str) -> bool:
    """Say whether a plain style has important declarations."""
    return "!" in style and "important" in style


def veils(style: str) -> bool:
    """Say whether declarations of a plain style make an element invisible, though what is in it may be made visible again."""
    return "visibility" in style and _says(_VEILED, style)


def tiny(style: str) -> bool:
    """Say whether declarations of a plain style make text too small to read."""
    return "font" in style and _says(_TINY, style)


def _says(what: re.Pattern[str], style: str) -> bool:
    return bool(what.search(style)) and any(map(what.match, settled(style)))
