"""Colours of pages, as far as it takes to tell whether text can be seen on what is behind it (CSS Color 4)."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from colorsys import hls_to_rgb
from functools import lru_cache
from itertools import takewhile
from typing import Final

from gatepost.checks.content.styles import settled

Colour = tuple[int, int, int]
"""Red, green and blue, each from 0 to 255."""

WHITE: Final[Colour] = (255, 255, 255)

# What may not stand before a name is looked for behind it: an expression that begins with a plain word skips to it.
_TEXT: Final = re.compile(r"color(?<![-\w]color)\s{0,5}:\s{0,5}([^;!\"'}]{1,40})")
_BEHIND: Final = re.compile(r"background(?<![-\w]background)(?:-color)?\s{0,5}:\s{0,5}([^;!\"'}]{1,200})")
_DRAWN: Final = re.compile(r"text-(?:shadow|fill-color|stroke)")
_HEX: Final = re.compile(r"#([0-9a-f]{8}|[0-9a-f]{6}|[0-9a-f]{3,4})(?![0-9a-f])")
# Attributes need no sign before the digits (WHATWG HTML 2.3.6), nor do styles where a page names no standard.
_BARE_HEX: Final = re.compile(r"[0-9a-f]{6}")
_MIXED: Final = re.compile(r"(rgb|hsl)a?\(\s{0,5}([-\d.%deg\s,/]{5,60})\)")
_SEPARATORS: Final = re.compile(r"[\s,/]{1,20}")
# CSS Color 4 6.1.
_NAMES: Final = (
    "aliceblue f0f8ff antiquewhite faebd7 aqua 00ffff aquamarine 7fffd4 azure f0ffff beige f5f5dc bisque ffe4c4 black "
    "000000 blanchedalmond ffebcd blue 0000ff blueviolet 8a2be2 brown a52a2a burlywood deb887 cadetblue 5f9ea0 "
    "chartreuse 7fff00 chocolate d2691e coral ff7f50 cornflowerblue 6495ed cornsilk fff8dc crimson dc143c cyan 00ffff "
    "darkblue 00008b darkcyan 008b8b darkgoldenrod b8860b darkgray a9a9a9 darkgreen 006400 darkgrey a9a9a9 darkkhaki "
    "bdb76b darkmagenta 8b008b darkolivegreen 556b2f darkorange ff8c00 darkorchid 9932cc darkred 8b0000 darksalmon "
    "e9967a darkseagreen 8fbc8f darkslateblue 483d8b darkslategray 2f4f4f darkslategrey 2f4f4f darkturquoise 00ced1 "
    "darkviolet 9400d3 deeppink ff1493 deepskyblue 00bfff dimgray 696969 dimgrey 696969 dodgerblue 1e90ff firebrick "
    "b22222 floralwhite fffaf0 forestgreen 228b22 fuchsia ff00ff gainsboro dcdcdc ghostwhite f8f8ff gold ffd700 "
    "goldenrod daa520 gray 808080 green 008000 greenyellow adff2f grey 808080 honeydew f0fff0 hotpink ff69b4 "
    "indianred cd5c5c indigo 4b0082 ivory fffff0 khaki f0e68c lavender e6e6fa lavenderblush fff0f5 lawngreen 7cfc00 "
    "lemonchiffon fffacd lightblue add8e6 lightcoral f08080 lightcyan e0ffff lightgoldenrodyellow fafad2 lightgray "
    "d3d3d3 lightgreen 90ee90 lightgrey d3d3d3 lightpink ffb6c1 lightsalmon ffa07a lightseagreen 20b2aa lightskyblue "
    "87cefa lightslategray 778899 lightslategrey 778899 lightsteelblue b0c4de lightyellow ffffe0 lime 00ff00 "
    "limegreen 32cd32 linen faf0e6 magenta ff00ff maroon 800000 mediumaquamarine 66cdaa mediumblue 0000cd "
    "mediumorchid ba55d3 mediumpurple 9370db mediumseagreen 3cb371 mediumslateblue 7b68ee mediumspringgreen 00fa9a "
    "mediumturquoise 48d1cc mediumvioletred c71585 midnightblue 191970 mintcream f5fffa mistyrose ffe4e1 moccasin "
    "ffe4b5 navajowhite ffdead navy 000080 oldlace fdf5e6 olive 808000 olivedrab 6b8e23 orange ffa500 orangered "
    "ff4500 orchid da70d6 palegoldenrod eee8aa palegreen 98fb98 paleturquoise afeeee palevioletred db7093 papayawhip "
    "ffefd5 peachpuff ffdab9 peru cd853f pink ffc0cb plum dda0dd powderblue b0e0e6 purple 800080 rebeccapurple 663399 "
    "red ff0000 rosybrown bc8f8f royalblue 4169e1 saddlebrown 8b4513 salmon fa8072 sandybrown f4a460 seagreen 2e8b57 "
    "seashell fff5ee sienna a0522d silver c0c0c0 skyblue 87ceeb slateblue 6a5acd slategray 708090 slategrey 708090 "
    "snow fffafa springgreen 00ff7f steelblue 4682b4 tan d2b48c teal 008080 thistle d8bfd8 tomato ff6347 turquoise "
    "40e0d0 violet ee82ee wheat f5deb3 white ffffff whitesmoke f5f5f5 yellow ffff00 yellowgreen 9acd32 "
).split()
_NAMED: Final[dict[str, Colour]] = {
    name: (int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:], 16))
    for name, digits in zip(_NAMES[::2], _NAMES[1::2], strict=True)
}
_SEE_THROUGH: Final = frozenset({"transparent", "none", "inherit", "initial", "unset"})
_WITH_ALPHA: Final = {4: 3, 8: 6}
"""Where in so many digits the opacity begins."""
_FAINT: Final = 0.05
"""Opacity below which nothing is seen."""
_ALIKE: Final = 60
"""Colours whose channels differ by no more than this, all together, cannot be told apart on a screen."""


def text_colour(style: str) -> str:
    """Give what the declarations of a plain style (styles.py) say of the text's colour, or ""."""
    found = _TEXT.findall(style) if "color" in style else ()
    if found and "text-" in style and _DRAWN.search(style):
        return ""  # Something else draws the letters.
    if len(found) > 1:
        told = (each.partition(":") for each in settled(style))
        said = [value for name, _, value in told if name == "color" and (see_through(value) or colour(value))]
        found = said or found
    return found[-1].strip() if found else ""


def backdrop(style: str) -> str:
    """Give what the declarations of a plain style say of the background: a colour, `url` for a picture, or "" for nothing."""
    if "background" not in style:
        return ""
    if "url" in style or "gradient" in style:
        return "url"
    found = _BEHIND.findall(style)
    if len(found) > 1:
        found = [told.partition(":")[2] for told in settled(style) if told.startswith("background")] or found
    return found[-1].strip() if found else ""


def see_through(value: str) -> bool:
    """Say whether a colour shows nothing itself."""
    if value in _SEE_THROUGH:
        return True
    if match := _HEX.search(value):
        return (
            len(match[1]) in _WITH_ALPHA
            and int(match[1][_WITH_ALPHA[len(match[1])] :].ljust(2, "0"), 16) < _FAINT * 255
        )
    numbers = _numbers(value)
    return len(numbers) > 3 and numbers[3] < _FAINT


@lru_cache(maxsize=1024)
def colour(value: str) -> Colour | None:
    """Read a lower-case colour of at most some 200 characters; None where it is not one of the common forms."""
    if match := _HEX.search(value) or _BARE_HEX.fullmatch(value):
        digits = match[0].lstrip("#")
        if len(digits) < 6:
            digits = "".join(2 * digit for digit in digits)
        return int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:6], 16)
    numbers = _numbers(value)
    if len(numbers) < 3:
        return _NAMED.get(value)
    if "hsl" in value:
        numbers = hls_to_rgb(numbers[0] / 360, numbers[2], numbers[1])
    red, green, blue = (round(255 * min(max(number, 0.0), 1.0)) for number in numbers[:3])
    return red, green, blue


def _numbers(value: str) -> Sequence[float]:
    """Give the numbers of a colour written as rgb() or hsl(): from 0 to 1, but a hue in degrees; () for none."""
    match = _MIXED.search(value)
    if match is None:
        return ()
    whole = (255, 255, 255, 1) if match[1] == "rgb" else (1, 1, 1, 1)
    pieces = zip(_SEPARATORS.split(match[2].strip()), whole, strict=False)
    try:
        return [
            float(piece[:-1]) / 100 if piece.endswith("%") else float(piece.removesuffix("deg")) / part
            for piece, part in pieces
        ]
    except ValueError:
        return ()


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
