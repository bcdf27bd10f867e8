"""Reading Authentication-Results (RFC 8601): what another server says it found out about a message.

The value names its author (the authserv-id), then gives one result per method: `spf=pass smtp.mailfrom=example.org`. Whether
its author may be believed is the reader's business; this module only says what stands there. Legal values are odder than
they look (RFC 8601 B.7 puts comments between all words), and real servers leave out the authserv-id or add words of their
own. Those are read. What could be read in two ways is not: brackets or quotes that do not match make a value unreadable,
a property given twice with two values is left out, and a result is read only as far as it is understood.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from gatepost.mail import limits

# RFC 8601 2.2. Every run is possessive: none is ever read twice.
_PIECE: Final = re.compile(r'"(?:[^"\\]|\\.)*+"|[^"();]++|[();]', re.DOTALL)
_COMMENT_STEP: Final = re.compile(r"[^()\\]++|\\.|[()]", re.DOTALL)
_AUTHOR: Final = re.compile(r'\s*+(?:"((?:[^"\\]|\\.)*+)"|([^\s"=/]++))\s*+(\d++)?\s*+', re.DOTALL)
_INSTANCE: Final = re.compile(r"\s*+i\s*+=\s*+(\d{1,4})\s*+")
_METHOD: Final = re.compile(r"\s*+([A-Za-z0-9-]++)\s*+(?:/\s*+(\d++)\s*+)?=\s*+([A-Za-z0-9-]++)(?!\S)")
_NAME: Final = re.compile(r"\s*+([A-Za-z0-9-]++)\s*+(?:\.\s*+([A-Za-z0-9_-]++)\s*+)?=\s*+")
_VALUE: Final = re.compile(r'(?:"((?:[^"\\]|\\.)*+)"([^\s"]*+)|([^\s"]++))(?!\S)', re.DOTALL)
_UNQUOTE: Final = re.compile(r"\\(.)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Result:
    """What one method said: `method` and `word` in lower case, `properties` by `ptype.property` (lower case)."""

    method: str
    word: str
    version: int = 1
    reason: str = ""
    properties: Mapping[str, str] = field(default_factory=dict)

    def domain(self, *names: str) -> str:
        """Give the domain part of the first of these properties that is there, as it was written, or ""."""
        value = next((self.properties[name] for name in names if self.properties.get(name)), "")
        return value.rpartition("@")[2]


@dataclass(frozen=True, slots=True)
class Results:
    """A value that was read: `authserv_id` in lower case ("" where the server named none).

    `instance` is the `i=` of an ARC-Authentication-Results field (RFC 8617 4.1.1), else 0.
    """

    authserv_id: str = ""
    version: int = 1
    results: tuple[Result, ...] = ()
    instance: int = 0


def read_results(value: bytes, *, sealed: bool = False) -> Results | None:
    """Read the value of an Authentication-Results field, or of a `sealed` one, ARC-Authentication-Results; never raises.

    None for what cannot be read in one way, and past limits.AUTH_RESULTS_BYTES. Results past limits.AUTH_RESULTS are not
    read, and neither is a result whose beginning is not understood. Only a sealed field has an instance, and each has one.
    """
    if len(value) > limits.AUTH_RESULTS_BYTES:
        return None
    parts = _parts(value.decode("utf-8", "replace"))
    if parts is None:
        return None
    instance = _INSTANCE.fullmatch(parts[0])
    if sealed != bool(instance):
        return None
    if instance:
        parts = parts[1:]
    author = _AUTHOR.fullmatch(parts[0]) if parts else None
    if author:
        parts = parts[1:]
    elif not parts or not _METHOD.match(parts[0]):
        return None
    found = (_result(part) for part in parts[: limits.AUTH_RESULTS])
    return Results(
        authserv_id=_text(author[1], author[2]).lower().rstrip(".") if author else "",
        version=_number(author[3]) if author else 1,
        results=tuple(result for result in found if result),
        instance=int(instance[1]) if instance else 0,
    )


def _parts(text: str) -> list[str] | None:
    """Cut a value at its semicolons, comments replaced by a space (RFC 5322 3.2.2); None where brackets or quotes stay open."""
    parts, current, position = [], "", 0
    while position < len(text):
        piece = _PIECE.match(text, position)
        if piece is None:
            return None
        position = piece.end()
        match piece[0]:
            case ";":
                parts.append(current)
                current = ""
            case ")":
                return None
            case "(":
                position = _behind_comment(text, piece.start())
                if not position:
                    return None
                current += " "
            case words:
                current += words
    return [*parts, current]


def _behind_comment(text: str, start: int) -> int:
    """Give the offset behind a comment, nested ones included, or 0 when it never ends."""
    depth = 0
    for step in _COMMENT_STEP.finditer(text, start):
        depth += {"(": 1, ")": -1}.get(step[0], 0)
        if not depth:
            return step.end()
    return 0


def _result(part: str) -> Result | None:
    """Read `method/version = result` and what follows; None for `none` and for what does not begin like that."""
    method = _METHOD.match(part)
    if method is None:
        return None
    properties: dict[str, str] = {}
    reason, twice = "", set()
    for name, value in _pairs(part, method.end()):
        if name == "reason":
            reason = value
        elif "." in name and properties.setdefault(name, value) != value:
            twice.add(name)
    for name in twice:
        del properties[name]
    return Result(method[1].lower(), method[3].lower(), _number(method[2]), reason, properties)


def _pairs(part: str, position: int) -> Iterator[tuple[str, str]]:
    """Give `reason` and `ptype.property` with their values, up to the first thing that is neither."""
    while (name := _NAME.match(part, position)) and (value := _VALUE.match(part, name.end())):
        position = value.end()
        quoted = value[1] is not None
        text = _text(value[1], value[3]) + (value[2] if quoted else "")
        yield (f"{name[1]}.{name[2]}" if name[2] else name[1]).lower(), text


def _text(quoted: str | None, plain: str) -> str:
    """Give a word or the content of a quoted string."""
    return plain if quoted is None else _UNQUOTE.sub(r"\1", quoted)


def _number(digits: str | None) -> int:
    """Read a version; 1 where none is given, or one that nobody means."""
    return int(digits) if digits and len(digits) <= 4 else 1
