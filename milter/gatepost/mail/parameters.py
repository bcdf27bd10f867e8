"""Structured MIME field values: `text/plain; charset="utf-8"`, RFC 2231 continuations, comments skipped."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Final
from urllib.parse import unquote_to_bytes

from gatepost.mail import limits
from gatepost.mail.charset import header_text, to_text
from gatepost.mail.header import Header

_SEPARATORS: Final = re.compile(rb"[\s;]*+")
# Either a quoted string (RFC 5322 3.2.4; the closing quote may be missing) or a run up to the next separator. Possessive: no
# repetition is tried twice, however long it is.
_PARAMETER: Final = re.compile(rb'([^\s=;"]{1,80}+)\s*+=\s*+(?:"((?:[^"\\]|\\.)*+)"?|([^;\s]*+))', re.DOTALL)
_NEXT_PARAMETER: Final = re.compile(rb"\s[^\s=;\"]{1,80}+=")
_TYPE: Final = re.compile(rb"\s*([A-Za-z0-9!#$&^_.+-]{1,60})\s{0,20}/\s{0,20}([A-Za-z0-9!#$&^_.+-]{1,80})")
_STRAY_NAME: Final = re.compile(
    rb"(?:\A|[\s,])(?:file)?name\s{0,20}=\s{0,20}(?:\"([^\"\r\n]{1,500})|([^\s;\"]{1,500}))", re.IGNORECASE
)
"""A name without the semicolon before it."""
_NAMING: Final = frozenset({b"content-type", b"content-disposition"})
_NAMES: Final = frozenset({"name", "filename"})
_FORMS: Final = 8
"""Names that one parameter may give at most: in three readings of its end and one of its folds, with comments and without."""
_FOLDED: Final = re.compile(rb"\r?\n[ \t]+")


def strip_comments(value: bytes) -> bytes:
    """Remove RFC 5322 comments, nested ones too, outside quoted strings; linear in the length, never raises."""
    if b"(" not in value:
        return value
    out, depth, quoted, escaped = bytearray(), 0, False, False
    for byte in value:
        if escaped:
            escaped = False
        elif byte == 0x5C and (quoted or depth):
            escaped = True
        elif byte == 0x22 and not depth:
            quoted = not quoted
        elif not quoted and byte == 0x28:
            depth += 1
        elif not quoted and depth and byte == 0x29:
            depth -= 1
            continue
        if not depth:
            out.append(byte)
    return bytes(out)


def first_value(value: bytes) -> str:
    """Give the first token of a field such as Content-Transfer-Encoding, lower case, or ""."""
    words = strip_comments(value[: limits.NAMING_FIELD_BYTES]).replace(b";", b" ").split(None, 1)
    return words[0].strip(b"\"'").decode("ascii", "replace").lower()[:40] if words else ""


def parse_type(value: bytes, default: str) -> tuple[str, dict[str, str]]:
    """Read a Content-Type value: the lower-case type and its parameters; `default` where it cannot be read.

    RFC 2045 5.1 and 5.2. A value with a broken type still yields its parameters, as mail clients have it.
    """
    value = strip_comments(value[: limits.NAMING_FIELD_BYTES])
    match = _TYPE.match(value)
    kind = f"{match[1].decode()}/{match[2].decode()}".lower() if match else default
    return kind, _parameters(value)


def parse_disposition(value: bytes) -> tuple[str, dict[str, str]]:
    """Read a Content-Disposition value: `inline`, `attachment`, other or "", and its parameters (RFC 2183)."""
    value = strip_comments(value[: limits.NAMING_FIELD_BYTES])
    return first_value(value.partition(b";")[0]), _parameters(value)


def any_name(headers: tuple[Header, ...]) -> str:
    """Give the first file name that clients may find where RFC 2183 has none, "" mostly: `name` in Content-Disposition, no semicolon."""
    values = [header.value for header in headers if header.key in _NAMING and b"name" in header.value.lower()]
    for value in values:
        text = strip_comments(value[: limits.NAMING_FIELD_BYTES])
        found = next(filter(None, _names(text)), "")
        if found:
            return found
        if match := _STRAY_NAME.search(text):
            return header_text(match[1] if match[1] is not None else match[2])
    return ""


def is_cut(headers: tuple[Header, ...], names: Callable[[], Sequence[str]]) -> bool:
    """Say whether Content-Type and Content-Disposition fields are longer, or hold more parameters or names, than is read.

    `names` gives what every_name finds in them; it is asked only where they may hold so many.
    """
    values = [header.value for header in headers if header.key in _NAMING]
    if sum(value.count(b";") for value in values) < limits.FILE_NAMES // _FORMS:
        return any(len(value) > limits.NAMING_FIELD_BYTES for value in values)
    return (
        any(len(value) > limits.NAMING_FIELD_BYTES for value in values)
        or any(next(islice(_assignments(value), limits.PARAMETERS, None), None) for value in values)
        or len(names()) > limits.FILE_NAMES
    )


def every_name(headers: tuple[Header, ...]) -> tuple[str, ...]:
    """Give every file name that Content-Type and Content-Disposition fields hold, each once, one more than limits.FILE_NAMES at most.

    RFC 2183 prefers `filename` to `name`, RFC 2231 its own form to the plain one, and the first of two fields counts; clients
    keep to none of that.
    """
    found: dict[str, None] = {}
    for header in headers:
        if header.key in _NAMING:
            value = header.value[: limits.NAMING_FIELD_BYTES]
            for text in {value: None, strip_comments(value): None}:
                found.update((name, None) for name in _names(text) if name)
    return tuple(found)[: limits.FILE_NAMES + 1]


def _names(value: bytes) -> Iterator[str]:
    """Give each file name of one field: each plain parameter by itself, and the RFC 2231 pieces joined."""
    joined: dict[str, list[tuple[int, bool, bytes]]] = {}
    plain: dict[bytes, None] = {}
    for match in islice(_assignments(value), limits.PARAMETERS):
        name = match[1].decode("ascii", "replace").lower()
        base, star, index = name.partition("*")
        if base not in _NAMES:
            continue
        data = _plain_value(match)
        if star:
            joined.setdefault(base, []).append((_piece_number(index), name.endswith("*"), data))
        else:
            plain.update(dict.fromkeys((data, _to_next_parameter(match), _to_semicolon(match))))
            # RFC 5322 2.2.3 keeps the space of a fold; some clients drop it, within an extension too.
            if b"\n" in data:
                plain[_FOLDED.sub(b"", data)] = None
    yield from map(header_text, plain)
    for found in joined.values():
        yield _join(sorted(found, key=lambda piece: piece[0]))


def _to_semicolon(match: re.Match[bytes]) -> bytes:
    """Give a value with what follows it up to the next semicolon: a name with spaces that nobody quoted (or not all of it)."""
    end = match.string.find(b";", match.end())
    return _plain_value(match) + match.string[match.end() : end if end >= 0 else None].rstrip()


def _to_next_parameter(match: re.Match[bytes]) -> bytes:
    """Give the same, but end before a further parameter, where the semicolon is missing."""
    whole = _to_semicolon(match)
    following = _NEXT_PARAMETER.search(whole, len(_plain_value(match)))
    return whole[: following.start()] if following else whole


def _plain_value(match: re.Match[bytes]) -> bytes:
    """Give a parameter's value without quotes and backslashes."""
    return match[3] if match[2] is None else re.sub(rb"\\(.)", rb"\1", match[2], flags=re.DOTALL)


def _piece_number(index: str) -> int:
    """Give the number of an RFC 2231 piece (`0*` is 0)."""
    number = index.rstrip("*")
    return int(number) if number.isascii() and number.isdigit() and len(number) <= 3 else 0


def _parameters(value: bytes) -> dict[str, str]:
    """Collect parameters; the first of a name wins; RFC 2231 pieces are joined and decoded."""
    plain: dict[str, str] = {}
    pieces: dict[str, list[tuple[int, bool, bytes]]] = {}
    for match in islice(_assignments(value), limits.PARAMETERS):
        name = match[1].decode("ascii", "replace").lower()
        data = _plain_value(match)
        base, star, index = name.partition("*")
        if star:
            pieces.setdefault(base, []).append((_piece_number(index), name.endswith("*"), data))
        elif name in plain:
            continue
        elif name == "boundary":
            # A boundary is bytes to search for: surrogateescape keeps them exact. Folding is none of them (RFC 5322 2.2.3).
            plain[name] = data.replace(b"\r\n", b"").replace(b"\n", b"").decode("utf-8", "surrogateescape")
        elif name in _NAMES and match[2] is None:
            # RFC 2045 5.1 wants quotes around white space; mailers forget them, and most clients show the whole name.
            plain[name] = header_text(_to_next_parameter(match))
        else:
            plain[name] = header_text(data)
    for base, found in pieces.items():
        plain[base] = _join(sorted(found, key=lambda piece: piece[0]))
    return plain


def _assignments(value: bytes) -> Iterator[re.Match[bytes]]:
    """Give each `name=value` that stands behind a semicolon; one pass, however many semicolons are empty."""
    position = value.find(b";")
    while position >= 0:
        separators = _SEPARATORS.match(value, position)
        start = separators.end() if separators else position + 1
        match = _PARAMETER.match(value, start)
        if match:
            yield match
        position = value.find(b";", match.end() if match else start)


def unquote(value: bytes) -> bytes:
    """Undo percent-encoding (RFC 2231 4) in a value."""
    return unquote_to_bytes(value)


def _join(pieces: list[tuple[int, bool, bytes]]) -> str:
    """Join RFC 2231 pieces: `charset'language'percent-encoded` in the first, plain or percent-encoded after it."""
    charset, data = "", b""
    for count, (_, encoded, piece) in enumerate(pieces):
        text = piece
        if count == 0 and encoded and piece.count(b"'") >= 2:
            label, _, text = piece.split(b"'", 2)
            charset = label.decode("ascii", "replace")
        data += unquote(text) if encoded else text
    return to_text(data, charset)
