"""The one sanitiser: whatever came from outside passes here before it stands in a header, a reply or the log.

A header value is safe when it cannot end the line, open or close a comment or a quoted string, or begin another field;
what authres and libmilter do not escape is therefore removed here, once (RFC 5322 2.2, RFC 8601 2.2).
"""

from __future__ import annotations

import re
from typing import Final

from gatepost.mail import limits

_LINE_CHARACTERS: Final = 76
_NOT_PRINTABLE: Final = re.compile(r"[^\x20-\x7e]")
# authres leaves a value unquoted as soon as it holds an @, wherever that stands: only `mailbox` may let one through.
_NOT_IN_COMMENT: Final = re.compile(r"[^\x20-\x7e]|[()\\\";@]")
_NOT_IN_VALUE: Final = re.compile(r"[^\x21-\x7e]|[()<>\\\",;@\[\]]")
# Dots only between words, in both parts (RFC 5322 3.2.3: dot-atom): readers of the field give up at `victim..example`.
_DOMAIN: Final = re.compile(r"(?=.{1,254}\Z)[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*")
_LOCAL: Final = re.compile(r"(?=.{0,128}\Z)(?:[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*)?")


def line(text: str, limit: int = limits.HEADER_VALUE_CHARACTERS) -> str:
    """Give text as one line of printable ASCII, at most `limit` characters; what is not ASCII shows as `?`."""
    clean = _NOT_PRINTABLE.sub("?", " ".join(text[: 4 * limit].split()))
    return clean if len(clean) <= limit else clean[: limit - 3] + "..."


def comment(text: str, limit: int = 120) -> str:
    """Give text that may stand inside a header comment or a quoted string: no bracket, quote, backslash or semicolon."""
    return line(_NOT_IN_COMMENT.sub("_", " ".join(text[: 4 * limit].split())), limit)


def value(text: str, limit: int = 256) -> str:
    """Give a property value of Authentication-Results: printable, without white space and without specials."""
    return _NOT_IN_VALUE.sub("_", text[:limit]) or "_"


def mailbox(text: str) -> str:
    """Give an address as a property value; an odd local part is left out and the bare domain stands (RFC 8601 2.7.2)."""
    local, at, domain = text.rpartition("@")
    if not _DOMAIN.fullmatch(domain):
        return value(text)
    return f"{local}@{domain}" if at and _LOCAL.fullmatch(local) else domain


def fold(text: str, first: int = 0) -> str:
    """Fold a safe value at its spaces with LF and one space, so that lines stay short (RFC 5322 2.2.3).

    `first` is the room that the field name takes on the first line. A word longer than a line stays whole.
    """
    lines, current, room = [], "", _LINE_CHARACTERS - first
    for word in text.split(" "):
        if current and len(current) + 1 + len(word) > room:
            lines.append(current)
            current, room = word, _LINE_CHARACTERS
        else:
            current = f"{current} {word}" if current else word
    return "\n ".join([*lines, current])
