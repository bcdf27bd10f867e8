"""XML as the programs that open it read it: by expat, bounded.

Expressions over the source miss what a parser sees: other prefixes, UTF-16, single quotes, `&#69;` for a letter, `>` within a
value. Expat fetches nothing from outside and bounds what entities unfold to; the number of elements is bounded here. What it
calls malformed is read up to there, as browsers do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from xml.parsers import expat

from gatepost.mail import file_limits

SVG: Final = "http://www.w3.org/2000/svg"
XHTML: Final = "http://www.w3.org/1999/xhtml"

_KEPT_COST: Final = 10
"""How many elements that are passed over cost as much as one that is kept."""
_BLANKS: Final = dict.fromkeys(range(0x21))


class _Enough(Exception):  # noqa: N818  a stop is no error
    """No further element is wanted."""


@dataclass(frozen=True, slots=True)
class Element:
    """An element: its name and those of its attributes without their prefixes, and the text within it."""

    name: str
    attributes: Mapping[str, str]
    text: str = ""


@dataclass(slots=True)
class Budget:
    """How many more elements of one document are read."""

    left: int = file_limits.XML_ELEMENTS


def elements(data: bytes, wanted: frozenset[str], budget: Budget) -> tuple[list[Element], bool]:
    """Give the elements of the wanted names, in the order in which they begin, and whether all of the document was read.

    Text of an element that begins within another wanted one belongs to the inner one.
    """
    found: list[Element] = []
    texts: list[list[str]] = []
    open_: list[int] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        budget.left -= 1
        if budget.left < 0:
            raise _Enough
        local = name.rpartition(":")[2]
        if local in wanted:
            budget.left -= _KEPT_COST
            open_.append(len(found))
            found.append(Element(local, {_local(key): value for key, value in attributes.items()}))
            texts.append([])
            parser.CharacterDataHandler = text
            parser.EndElementHandler = end

    def text(data: str) -> None:
        texts[open_[-1]].append(data)

    def end(name: str) -> None:
        if name.rpartition(":")[2] in wanted:
            open_.pop()
            if not open_:
                parser.CharacterDataHandler = parser.EndElementHandler = None

    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = start
    whole = _parse(parser, data)
    return [Element(each.name, each.attributes, "".join(text)) for each, text in zip(found, texts, strict=True)], whole


def runs_script(data: bytes) -> bool:
    """Say whether a browser that reads this as XML would run script: an element, an event or a link of XHTML or SVG."""
    left = file_limits.XML_ELEMENTS
    running = False

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal left, running
        left -= 1
        space, _, local = name.rpartition(" ")
        if space in {SVG, XHTML}:
            running = local.lower() == "script" or any(_active(key, value) for key, value in attributes.items())
        if running or left < 0:
            raise _Enough

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = start
    _parse(parser, data)
    return running


def is_script_link(value: str) -> bool:
    """Say whether a link's value, its entities undone, is script: browsers leave out blanks in it (WHATWG URL 4.4)."""
    return value[:500].translate(_BLANKS).lower().startswith(("javascript:", "vbscript:"))


def _active(key: str, value: str) -> bool:
    local = key.rpartition(" ")[2].lower()
    return (local.startswith("on") and len(local) > 4) or is_script_link(value)


def _local(name: str) -> str:
    return name.rpartition(":")[2]


def _parse(parser: expat.XMLParserType, data: bytes) -> bool:
    """Run a parser over a document; says whether it came to its end."""
    try:
        parser.Parse(data, True)
    except (_Enough, expat.ExpatError, ValueError, LookupError):  # LookupError: an encoding that Python does not know
        return False
    return True
