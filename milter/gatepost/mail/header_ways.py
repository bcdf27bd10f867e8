"""The other ways to take an entity by its header: where the block ends, which fields it has, what they mean.

"Inbox Invasion" (CCS 2024, section 4.1): fields that stand twice, are misspelt, folded, commented or hidden within others.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Final

from gatepost.mail import limits
from gatepost.mail.decode import transfer
from gatepost.mail.delimiters import undeclared
from gatepost.mail.header import Header, split_fields
from gatepost.mail.lenient import (
    MIME_FIELDS,
    Lines,
    are_plain_values,
    before_blank_line,
    boundaries,
    ends_with_line,
    is_multipart,
    is_plain_block,
    is_plain_field,
    is_plain_type,
    read_block,
    second_block,
    text_of,
    without_odd_fields,
)
from gatepost.mail.mime import Mime, Part
from gatepost.mail.rewriting import Entity, Other, as_leaf, as_multipart

_TYPE: Final = b"content-type"
_ENCODING: Final = b"content-transfer-encoding"
_DISPOSITION: Final = b"content-disposition"
_EMPTY_LINE: Final = re.compile(rb"\n\r?\n")
_SHORT_BLOCK: Final = 300
_QUOTING: Final = ("message/", "text/rfc822-headers")
"""Types whose content is a header by right."""


def by_header(part: Part, entity: Entity) -> Iterator[Other]:
    """Give the trees that a part's header may mean beside the usual one; none where it is well formed."""
    blocks = _second(part, entity) if is_plain_header(part) else _blocks(part, entity)
    for why, block in blocks:
        yield from _trees(part, block, why)


def is_plain_header(part: Part) -> bool:
    """Say whether the header of a part is well formed, and its MIME fields say one thing each."""
    block = part.block
    if block and len(block) <= _SHORT_BLOCK:
        return _is_plain_short(block)
    # A colon before each value, as in the block: a field that is empty but for a space is no line of white space.
    whole = is_plain_block(block) if block else are_plain_values(b"\n:".join([each.value for each in part.headers]))
    return whole and _are_plain_fields(part.headers)


@lru_cache(maxsize=1024)
def _is_plain_short(block: bytes) -> bool:
    """Say the same of a short block: a few of them make up most parts of most mail."""
    return is_plain_block(block) and _are_plain_fields(
        tuple(split_fields(block, 0, len(block), len(block), len(block))[0])
    )


def _are_plain_fields(fields: tuple[Header, ...]) -> bool:
    types: list[bytes] = []
    encodings: list[bytes] = []
    for header in fields:
        name = header.name.lower()
        if b"content" not in name:
            continue
        if not is_plain_field(header):
            return False
        if name == _TYPE:
            types.append(header.value)
        elif name == _ENCODING:
            encodings.append(header.value)
    return transfer.is_plain_field(tuple(encodings)) and (is_plain_type(tuple(types)) or not is_multipart(tuple(types)))


def _blocks(part: Part, entity: Entity) -> Iterator[tuple[str, Entity]]:
    """Give the entity under each reading of its header block, with "" for the usual one."""
    yield "", entity
    source, begin, start, end = part.region
    top = begin < 0
    block = b"".join([header.line for header in part.headers]) + b"\r\n" if top else source[begin:start]
    plain = is_plain_block(block) or (not top and begin == start == end)
    if not plain:
        read = read_block(block if top else source[begin:end], entity.budget.lines)
        at = start if top else begin + read.length
        lenient = replace(entity, fields=_with(part.headers, read.fields), start=at)
        if _differ(lenient, entity):
            yield "its header is not well formed", lenient
        if not top and not ends_with_line(block):
            line = source.find(b"\n", start, end)
            yield "its header does not end with an empty line", replace(entity, start=line + 1 or end)
        if not top and start == end and part.headers:
            empty = _EMPTY_LINE.search(source, end, end + limits.PART_HEADER_BYTES)
            if empty:
                stop = source.find(b"\n--", empty.end())
                stop = len(source) if stop < 0 else stop
                yield "a delimiter stands in its header", replace(entity, start=empty.end(), end=stop)
        cut = -1 if top else before_blank_line(block)
        if cut >= 0:
            kept = _with((), read_block(block[:cut], entity.budget.lines).fields)
            yield "its header holds a line of white space", replace(entity, fields=kept, start=begin + cut)
    if any(not is_plain_field(header) for header in part.headers):
        yield "its header has misspelt fields", replace(entity, fields=without_odd_fields(part.headers))
        fields = tuple(_respelt(header, entity.budget.lines) for header in part.headers)
        yield "its header has misspelt fields", replace(entity, fields=fields)
    yield from _second(part, entity)


def _respelt(header: Header, lines: Lines) -> Header:
    """Give a field as a lenient client reads it."""
    if is_plain_field(header):
        return header
    read = read_block(header.line, lines).fields
    return read[0] if read else header


def _second(part: Part, entity: Entity) -> Iterator[tuple[str, Entity]]:
    """Give the entity whose header goes on in its content."""
    quoting = part.container or part.content_type.startswith(_QUOTING)
    offset = -1 if quoting else second_block(part.raw)
    shown = part.content_type.startswith("text/") and not part.filename and bool(entity.values(_TYPE))
    if offset < 0 or (shown and part.raw[:offset].strip()):
        return
    read = read_block(part.raw[offset : offset + limits.PART_HEADER_BYTES], entity.budget.lines)
    kept = tuple(header for header in part.headers if header.key not in {each.key for each in read.fields})
    again = replace(entity, fields=(*kept, *read.fields), start=entity.start + offset + read.length)
    types, encodings = again.values(_TYPE), again.values(_ENCODING)
    # A patch with the header of its mail is a text like any other: fields that decode nothing and open nothing are no trick.
    if not transfer.is_plain_field(encodings) or transfer.known(_plain(encodings)) or is_multipart(types):
        yield "its content begins with fields of a header", again


def _with(fields: tuple[Header, ...], mime_fields: tuple[Header, ...]) -> tuple[Header, ...]:
    return (*(header for header in fields if header.key not in MIME_FIELDS), *mime_fields)


def _differ(one: Entity, other: Entity) -> bool:
    """Say whether two readings of a block lead to different readings of the content."""
    return one.start != other.start or any(
        [value.split() for value in one.values(key)] != [value.split() for value in other.values(key)]
        for key in (_TYPE, _ENCODING, _DISPOSITION)
    )


def _trees(part: Part, entity: Entity, why: str) -> Iterator[Other]:
    """Give the trees that the type and the encoding of an entity may mean, beside the usual one of the usual block."""
    types, encodings = entity.values(_TYPE), entity.values(_ENCODING)
    odd_type = not is_plain_type(types) and is_multipart(types)
    odd_encoding = not transfer.is_plain_field(encodings)
    if not (why or odd_type or odd_encoding):
        return
    if odd_type and not why:
        why = f"Content-Type ({text_of(types[-1])}) can be read in several ways"
    elif odd_encoding and not why:
        why = f"Content-Transfer-Encoding ({text_of(b', '.join(encodings))}) can be read in several ways"
    if is_multipart(types):
        yield from (Other(why, tree) for tree in _multiparts(entity, types))
    if part.boundary and part.container and not (odd_type or why):
        return
    content = entity.content
    for encoding in transfer.possible(encodings) if odd_encoding else [_plain(encodings)]:
        if transfer.plausible(content, encoding):
            yield Other(why, as_leaf(entity, part.content_type if not part.boundary else "text/plain", encoding))


def _plain(encodings: tuple[bytes, ...]) -> str:
    return encodings[0].strip().decode("ascii", "replace").lower() if encodings else ""


def _multiparts(entity: Entity, types: tuple[bytes, ...]) -> Iterator[Mime]:
    """Give the multiparts that an entity opens into under each boundary that its type may name, or that stands in it."""
    seen: set[tuple[tuple[int, int], ...]] = set()
    named, cut = boundaries(types)
    entity.budget.spent |= cut
    standing = undeclared(entity.content, entity.budget.lines)
    for boundary in (*named, *(found for found in standing if found not in named)):
        spans = entity.spans(boundary)
        if spans and spans not in seen:
            seen.add(spans)
            yield as_multipart(entity, spans)
