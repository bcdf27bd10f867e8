"""Encoded literals in scripts and pages: what a browser would turn back into a file or into more script.

HTML smuggling (MITRE ATT&CK T1027.006) carries a file past the filters as text and lets the reader's browser put it
together. How it is written varies without end; what it must carry does not: a long literal in base64, percent or
hexadecimal escapes, or a list of character codes. Each form is found by one linear expression.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final
from urllib.parse import unquote, unquote_to_bytes

from gatepost.mail import file_limits

DATA_URI: Final = "data URI"
_DATA_URI: Final = re.compile(
    r"data:([\w.+-]{0,60}/?[\w.+-]{0,80})((?:;\s{0,5}[\w=.-]{1,60}){0,5})(?:(?<=;base64)\s{0,9},([A-Za-z0-9+/=%_\s-]{20,})"
    r"|,([A-Za-z0-9+/=%_.~!*'();:@&$,?#\[\]-]{20,}))",
    re.IGNORECASE,
)
_BLANK: Final = re.compile(r"\s+|\\r?\\n|\\")
_FOREIGN: Final = re.compile(r"[^A-Za-z0-9+/_-]")
_BASE64: Final = re.compile(
    r"[\"'`>]\s{0,40}([A-Za-z0-9+/_-]{20,}(?:(?:\\r?\\n|\\?\r?\n)\s{0,40}[A-Za-z0-9+/_-]{1,2000})*={0,2})\s{0,40}[\"'`<]"
)
_SHORTEST: Final = 60
"""Characters from which on a literal in base64 is decoded. It may stand on several lines."""
_JOINED: Final = re.compile(r"[\"'`]\s{0,20}\+\s{0,20}[\"'`]")
_PERCENT: Final = re.compile(r"(?:%[0-9A-Fa-f]{2}[^%\"'`<>\s]{0,40}){20,}")
_ESCAPES: Final = re.compile(r"(?:\\x[0-9A-Fa-f]{2}|\\u00[0-9A-Fa-f]{2}|%u00[0-9A-Fa-f]{2}|&#x?[0-9A-Fa-f]{2,3};){20,}")
_ESCAPE: Final = re.compile(r"(?:\\x|\\u00|%u00)([0-9A-Fa-f]{2})")
_ENTITY: Final = re.compile(r"&#(x?)([0-9A-Fa-f]{2,3});")
_NUMBERS: Final = re.compile(
    r"[\[(]\s{0,20}((?:(?:0x[0-9A-Fa-f]{1,2}|\d{1,3})\s{0,5},\s{0,5}){19,}(?:0x[0-9A-Fa-f]{1,2}|\d{1,3}))"
)


@dataclass(frozen=True, slots=True)
class Literal:
    """A literal's content. `declared` is the media type of a data: URI, else ""; `encoding` says how it was written."""

    content: bytes
    declared: str
    encoding: str


def literals(source: str) -> Iterator[Literal]:
    """Give the encoded literals of a script or page, at most file_limits.LITERALS of them; never raises."""
    return islice(_all(joined(source)), file_limits.LITERALS)


def joined(source: str) -> str:
    """Give a script with the strings joined that it takes apart: `'create' + 'ObjectURL'`."""
    if "' +" in source or '" +' in source or "'+" in source or '"+' in source:
        return _JOINED.sub("", source)
    return source


def _all(source: str) -> Iterator[Literal]:
    if "data:" in source or "DATA:" in source:
        for match in _DATA_URI.finditer(source):
            content = (
                _base64(_FOREIGN.split(_BLANK.sub("", unquote(match[3])), maxsplit=1)[0])
                if match[3]
                else unquote_to_bytes(match[4])
            )
            if content:
                yield Literal(content, match[1].lower(), DATA_URI)
    for match in _BASE64.finditer(source):
        if len(match[1]) >= _SHORTEST and (content := _base64(_BLANK.sub("", match[1]))):
            yield Literal(content, "", "base64")
    if "%" in source:
        for match in _PERCENT.finditer(source):
            yield Literal(unquote_to_bytes(match[0]), "", "percent escapes")
    if "\\x" in source or "\\u00" in source or "%u00" in source or "&#" in source:
        for match in _ESCAPES.finditer(source):
            yield Literal(_unescaped(match[0]), "", "escapes")
    for match in _NUMBERS.finditer(source):
        if content := _codes(match[1]):
            yield Literal(content, "", "character codes")


def _base64(text: str) -> bytes:
    """Decode base64 of either alphabet (RFC 4648 4 and 5), or give nothing for what is none."""
    text = text.rstrip("=").replace("-", "+").replace("_", "/")
    if len(text) % 4 == 1:  # cut off: what stands in front of it is still what it is
        text = text[:-1]
    try:
        return binascii.a2b_base64(text + "=" * (-len(text) % 4))
    except binascii.Error:
        return b""


def _unescaped(text: str) -> bytes:
    codes = (match[1] for match in _ESCAPE.finditer(text))
    entities = (int(match[2], 16 if match[1] else 10) for match in _ENTITY.finditer(text))
    return bytes(int(code, 16) for code in codes) or bytes(value for value in entities if value < 256)


def _codes(text: str) -> bytes:
    try:
        return bytes(int(number.strip(), 0) for number in text.split(","))
    except ValueError:
        return b""
