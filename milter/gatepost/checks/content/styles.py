"""What style declarations do to an element's text: hide it, or make it too small to read (CSS 2.2, CSS Color 4).

A sender hides words to please filters in a handful of ways: not displayed at all, no size, no height, no opacity, cut
off, moved off the screen. Each is an expression over the declarations in lower case, behind a cheap look for its word.
"""

from __future__ import annotations

import re
from typing import Final

_ZERO: Final = r"[+-]?(?:0{1,5}(?:\.0{0,5})?|\.0{1,5})(?![.\d])"
# Declarations that hide an element with all that is in it, each by the word that it begins with.
_GONE: Final = tuple(
    (word, re.compile(word + rest))
    for word, rest in (
        ("display", r"\s{0,5}:\s{0,5}none"),
        ("visibility", r"\s{0,5}:\s{0,5}(?:hidden|collapse)"),
        ("mso-hide", r"\s{0,5}:\s{0,5}all"),
        ("opacity", rf"\s{{0,5}}:\s{{0,5}}(?:{_ZERO}|0?\.0\d{{0,5}})"),
        ("max-", rf"(?:height|width)\s{{0,5}}:\s{{0,5}}{_ZERO}"),
        ("text-indent", r"\s{0,5}:\s{0,5}-\d{3}"),
        (
            "clip",
            r"(?:-path\s{0,5}:\s{0,5}inset\(\s{0,5}(?:50|100)%|\s{0,5}:\s{0,5}rect\(\s{0,5}[01](?:px)?[\s,])",
        ),
        ("transform", r"\s{0,5}:\s{0,5}scale\(\s{0,5}0\s{0,5}[,)]"),
    )
)
_SMALL: Final = re.compile(rf"(?<![-\w])(?:height|width)\s{{0,5}}:\s{{0,5}}(?:{_ZERO}|1px)")
_CUT_OFF: Final = re.compile(r"overflow(?:-[xy])?\s{0,5}:\s{0,5}(?:hidden|clip)")
_AWAY: Final = re.compile(r":\s{0,5}-\d{3}")
_FAR: Final = re.compile(r"(?<![-\w])(?:left|top|right|bottom|margin-(?:left|top))\s{0,5}:\s{0,5}-\d{3}")
_OFF: Final = re.compile(r"position\s{0,5}:\s{0,5}(?:absolute|fixed|relative)")
# Layouts set a tiny size on boxes to close gaps and set it back inside, so it hides an element's own text alone.
_TINY: Final = re.compile(
    r"font(?:-size)?\s{0,5}:\s{0,5}(?:[a-z0-9]{1,10}\s{1,3}){0,3}(?:"
    rf"{_ZERO}|[01](?:\.\d{{0,3}})?(?:px|pt)|0?\.[0-2]\d{{0,3}}r?em|[0-9](?:\.\d{{0,3}})?%)",
)
_SHOWS: Final = re.compile(r"display\s{0,5}:\s{0,5}(?!none)")


def hides(style: str) -> bool:
    """Say whether lower-case declarations hide an element and all in it."""
    for word, gone in _GONE:
        if word in style and gone.search(style):
            return True
    if "overflow" in style and _CUT_OFF.search(style) and _SMALL.search(style):
        return True
    # An expression that begins with a plain character skips to it.
    away = _AWAY.search(style) and _FAR.search(style)
    return bool(away and (_OFF.search(style) or "margin" in style))


def tiny(style: str) -> bool:
    """Say whether lower-case declarations make text too small to read."""
    return "font" in style and _TINY.search(style) is not None


def shows(style: str) -> bool:
    """Say whether lower-case declarations display an element that a style sheet hides."""
    return "display" in style and _SHOWS.search(style) is not None
