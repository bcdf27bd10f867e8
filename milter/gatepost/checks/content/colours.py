"""Colours of pages, as far as it takes to tell whether text can be seen on what is behind it (CSS Color 4)."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from functools import lru_cache
from itertools import takewhile
from typing import Final

Colour = tuple[int, int, int]
"""Red, green and blue, each from 0 to 255."""

WHITE: Final[Colour] = (255, 255, 255)

# What may not stand before a name is looked for behind it: an expression that begins with a plain word skips to it.
_TEXT: Final = re.compile(r"color(?<![-\w]color)\s{0,5}:\s{0,5}([^;!\"'}]{1,40})")
_BEHIND: Final = re.compile(r"background(?<![-\w]background)(?:-color)?\s{0,5}:\s{0,5}([^;!\"'}]{1,200})")
_HEX: Final = re.compile(r"#([0-9a-f]{3}(?:[0-9a-f]{3})?)(?![0-9a-f])")
_RGB: Final = re.compile(
    r"rgba?\(\s{0,5}(\d{1,3})[\s,]{1,6}(\d{1,3})[\s,]{1,6}(\d{1,3})(?:[\s,/]{1,6}([\d.]{1,6}))?",
)
_NAMED: Final[dict[str, Colour]] = {
    "white": WHITE,
    "snow": (255, 250, 250),
    "ivory": (255, 255, 240),
    "whitesmoke": (245, 245, 245),
    "ghostwhite": (248, 248, 255),
    "floralwhite": (255, 250, 240),
    "black": (0, 0, 0),
}
_SEE_THROUGH: Final = frozenset({"transparent", "none", "inherit", "initial", "unset"})
_ALIKE: Final = 60
"""Colours whose channels differ by no more than this, all together, cannot be told apart on a screen."""


def text_colour(style: str) -> str:
    """Give what lower-case declarations say of the text's colour, or ""."""
    match = _TEXT.search(style) if "color" in style else None
    return match[1].strip() if match else ""


def backdrop(style: str) -> str:
    """Give what lower-case declarations say of the background: a colour, `url` for a picture, or "" for nothing."""
    if "background" not in style:
        return ""
    match = _BEHIND.search(style)
    if "url" in style or "gradient" in style:
        return "url"
    return match[1].strip() if match else ""


def see_through(value: str) -> bool:
    """Say whether a colour shows nothing itself."""
    if value in _SEE_THROUGH:
        return True
    match = _RGB.search(value)
    return bool(match and match[4] and not match[4].strip("0."))


@lru_cache(maxsize=1024)
def colour(value: str) -> Colour | None:
    """Read a lower-case colour of at most some 200 characters; None where it is not one of the common forms."""
    if match := _HEX.search(value):
        digits = match[1] if len(match[1]) == 6 else "".join(2 * digit for digit in match[1])
        return int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:], 16)
    if match := _RGB.search(value):
        return int(match[1]), int(match[2]), int(match[3])
    return _NAMED.get(value)


def alike(one: Colour, other: Colour) -> bool:
    """Say whether two colours look the same."""
    return abs(one[0] - other[0]) + abs(one[1] - other[1]) + abs(one[2] - other[2]) <= _ALIKE


def looks_like_any(text: Colour | None, shades: Sequence[Colour]) -> bool:
    """Say whether a colour looks like one of others, which are in order."""
    if text is None:
        return False
    red = text[0]
    start = bisect_left(shades, (red - _ALIKE, 0, 0))
    return any(alike(text, shade) for shade in takewhile(lambda shade: shade[0] <= red + _ALIKE, shades[start:]))
