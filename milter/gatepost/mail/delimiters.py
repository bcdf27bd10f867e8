"""Delimiter lines as lenient clients find them (RFC 2046 5.1.1): boundaries that nobody declared, delimiters that are not quite.

The parser (mime.py) takes whole lines that are the delimiter, and stops at the close delimiter. RFC 2046 asks to compare only
the beginning of a line; clients differ over white space before it, text behind it, a bare CR as its line end, and over what
follows the close delimiter. Here is what the most lenient of them would find.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from itertools import islice
from typing import Final

from gatepost.mail import limits
from gatepost.mail.lenient import Lines

_LINE_SPACE: Final = b" \t\0"
# Two patterns that begin with a character each: so the search jumps from line end to line end.
_AFTER_LF: Final = re.compile(rb"\n[ \t\0\r]{0,20}--([^\r\n]{0,200})(?=[\r\n])")
_AFTER_CR: Final = re.compile(rb"\r[ \t\0]{0,20}--([^\r\n]{0,200})(?=[\r\n])")
_LINE: Final = re.compile(rb"([^\r\n]*)(?:\r\n|\n|\r|\Z)")
_MIME_FIELD: Final = re.compile(rb"[\s\0:]{0,80}content-[a-z-]{1,30}[\s\0]{0,10}:", re.IGNORECASE)
_ANY_FIELD: Final = re.compile(rb"[!-9;-~]{1,80}[ \t]{0,20}:")
_FIELD_AT: Final = re.compile(rb"content-(?:type|transfer-encoding|disposition)[ \t\0]{0,20}:")
# What a MIME field is at its loosest, as the readers of second headers take it: with its colon, or with the value of an encoding.
# The meta element of a page (http-equiv="Content-Type" content=...) is none.
_MAY_BE_FIELD: Final = re.compile(
    rb"content-[a-z-]{0,40}(?:[^a-z0-9:]{0,20}:|[^a-z0-9:]{1,20}(?:base64|quoted-|x-uu|multipart/))"
)
_LINES_BELOW: Final = 12
_BYTES_BELOW: Final = 4096
_FIELD_RUN_BYTES: Final = 1000
_FEW: Final = 8
_INDENT: Final = 20
_LONGEST_LINE: Final = 1000


def is_plain_text(text: bytes, boundaries: Collection[bytes]) -> bool:
    """Say, cheaply, that a text neither names a MIME field nor holds a delimiter of some boundaries anywhere."""
    if b"-" not in text:  # as in all base64
        return True
    lower = text.lower()
    if b"content-" in lower and _MAY_BE_FIELD.search(lower):
        return False
    if len(boundaries) > _FEW:
        return b"--" not in text
    return not any(b"--" + boundary in text for boundary in boundaries)


def has_fields(text: bytes) -> bool:
    """Say whether a MIME field begins a line somewhere in a text that should hold none (a preamble, an epilogue)."""
    return b"content-" in text.lower() and next(_fields(text), -1) >= 0


def _fields(text: bytes) -> Iterator[int]:
    """Give the offset of each line that begins with a MIME field, white space before it or not."""
    lower = text.lower()
    for match in _FIELD_AT.finditer(lower):
        position = match.start()
        before = lower[max(0, position - _INDENT) : position]
        start = position - len(before) + len(before.rstrip(_LINE_SPACE))
        if start == 0 or lower[start - 1] in b"\r\n":
            yield start


def fields_in(text: bytes) -> list[int]:
    """Give where runs of MIME fields begin in a text, at most limits.QUOTED_PARTS of them."""
    found: list[int] = []
    last = -_FIELD_RUN_BYTES - 1
    for start in _fields(text):
        run = text[last:start]
        if start - last > _FIELD_RUN_BYTES or b"\n\r\n" in run or b"\n\n" in run:
            found.append(start)
        last = start
        if len(found) >= limits.QUOTED_PARTS:
            break
    return found


def _dashed_lines(text: bytes, lines: Lines) -> Iterator[tuple[bytes, int]]:
    """Give what stands behind the two hyphens of each line that begins with them, and where that line ends."""
    patterns = [_AFTER_LF] if text.count(b"\r") == text.count(b"\r\n") else [_AFTER_LF, _AFTER_CR]
    indent = len(text[:_INDENT]) - len(text[:_INDENT].lstrip(_LINE_SPACE))
    if text.startswith(b"--", indent):
        behind = re.split(rb"[\r\n]", text[indent + 2 : _LONGEST_LINE], maxsplit=1)[0]
        yield behind, indent + 2 + len(behind)
    for pattern in patterns:
        for match in lines.each(pattern.finditer(text)):
            yield match[1], match.end()


def undeclared(text: bytes, lines: Lines) -> list[bytes]:
    """Give the boundaries of lines that look like delimiters, with a MIME field below them, in order of appearance.

    At most limits.BOUNDARY_READINGS of them, for as long as there are lines left of the message's, and no line longer than 200
    bytes: longer ones are no delimiters to anybody.
    """
    if b"--" not in text or not has_fields(text):
        return []
    found: dict[bytes, None] = {}
    for behind, end in _dashed_lines(text, lines):
        if len(found) >= limits.BOUNDARY_READINGS:
            break
        if _fields_below(text, end):
            found[behind.rstrip(b" \t")] = None
    return list(found)


def _fields_below(text: bytes, position: int) -> bool:
    """Say whether a MIME field comes behind a place before anything that is no field and not empty."""
    for match in islice(_LINE.finditer(text, position, position + _BYTES_BELOW), _LINES_BELOW):
        line = match[1]
        if _MIME_FIELD.match(line):
            return True
        if line.strip(b" \t\0\x0b\x0c:") and line[:1] not in b" \t" and _ANY_FIELD.match(line) is None:
            return False
    return False


def delimiters_of(text: bytes, boundaries: Collection[bytes], lines: Lines) -> list[bytes]:
    """Give those of some boundaries whose delimiters stand as lines in a text, in order of appearance.

    Looks at no more lines than there are left of the message's.
    """
    if b"--" not in text or not boundaries:
        return []
    if len(boundaries) <= _FEW and not any(b"--" + boundary in text for boundary in boundaries):
        return []
    found: dict[bytes, None] = {}
    for behind, _ in _dashed_lines(text, lines):
        line = behind.rstrip(b" \t")
        if line in boundaries or line.removesuffix(b"--") in boundaries:
            found[line if line in boundaries else line.removesuffix(b"--")] = None
    return list(found)


def common_start(boundaries: Collection[bytes]) -> bytes:
    """Give what several boundaries begin with alike: the boundary of a client that compares beginnings."""
    if not boundaries:
        return b""
    least, most = min(boundaries), max(boundaries)
    pairs = enumerate(zip(least, most, strict=False))
    return least[: next((at for at, (one, other) in pairs if one != other), min(len(least), len(most)))]


def lenient_spans(
    source: bytes, start: int, end: int, boundary: bytes, others: Collection[bytes] = ()
) -> Iterator[tuple[int, int]]:
    """Give the offsets of the body parts between all lines that begin with a delimiter, whatever stands before and behind it.

    The preamble and what follows a close delimiter are parts, too, where a MIME field stands in them. Lines that are the
    delimiters of `others` (boundaries that extend this one) are none. Stops after limits.MIME_PARTS.
    """
    opened, count, inside, cut = start, 0, False, False
    for line, behind, after in _delimiter_lines(source, start, end, boundary, others):
        if inside or has_fields(source[opened:line]):
            yield opened, _before_break(source, opened, line)
            count += 1
        opened, inside, cut = after, not behind.startswith(b"--"), True
        if count > limits.MIME_PARTS:
            return
    if inside or (cut and has_fields(source[opened:end])):
        yield opened, end


def _delimiter_lines(
    source: bytes, start: int, end: int, boundary: bytes, others: Collection[bytes]
) -> Iterator[tuple[int, bytes, int]]:
    """Give for each line that begins with the delimiter its offset, what stands behind the delimiter, and the next line's offset."""
    delimiter = b"--" + boundary
    rest = {other[len(boundary) :] for other in others if other.startswith(boundary) and other != boundary}
    endings = rest | {ending + b"--" for ending in rest}
    position = start
    while (found := source.find(delimiter, position, end)) >= 0:
        position = found + len(delimiter)
        before = source[max(start, found - _INDENT) : found]
        line = found - len(before) + len(before.rstrip(_LINE_SPACE))
        if line > start and source[line - 1] not in b"\r\n":
            continue
        stop = min(end, position + _LONGEST_LINE)
        breaks = [at for at in (source.find(b"\n", position, stop), source.find(b"\r", position, stop)) if at >= 0]
        line_end = min(breaks, default=stop)
        behind = source[position:line_end]
        after = line_end + (2 if source[line_end : line_end + 2] == b"\r\n" else 1)
        if behind.rstrip(_LINE_SPACE) not in endings:
            yield line, behind, min(after, end)
            position = line_end


def _before_break(source: bytes, start: int, position: int) -> int:
    """Step back over the line end that belongs to the delimiter."""
    if position > start and source[position - 1] == 0x0A:
        position -= 1
    return position - (position > start and source[position - 1] == 0x0D)
