"""The other ways to cut an entity into parts: delimiters that are not quite, parts outside of them, delimiters of nobody.

"Inbox Invasion" (CCS 2024, section 4.2): malformed multiparts.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from itertools import islice
from typing import Final

from gatepost.mail import limits
from gatepost.mail.decode import transfer
from gatepost.mail.delimiters import common_start, delimiters_of, fields_in, has_fields, undeclared
from gatepost.mail.lenient import is_plain_type, read_block
from gatepost.mail.mime import Mime, Part
from gatepost.mail.rewriting import Entity, Other, as_leaf, as_multipart

_ENCODING: Final = b"content-transfer-encoding"
_TYPE: Final = b"content-type"
_COMMON_LEAST: Final = 4


def of_multipart(mime: Mime, index: int, entity: Entity, declared: Collection[bytes]) -> Iterator[Other]:
    """Give the other ways to cut a multipart: lines that are nearly delimiters, and parts outside of the first and last one."""
    part = mime.parts[index]
    children = list(_children(mime, index))
    if not children:  # past limits.MIME_PARTS
        return
    source, _, start, end = part.region
    used = len(children) + _closed(children[-1], part)
    outside = (source[start : children[0].region[1]], source[children[-1].region[3] : end])
    if source.count(b"--" + part.boundary, start, end) == used and not any(map(has_fields, outside)):
        return
    spans = entity.spans(part.boundary, declared)
    if [source[a:b] for a, b in spans] != [source[child.region[1] : child.region[3]] for child in children]:
        yield Other("not all clients find the same delimiters", as_multipart(entity, spans))
    for text in outside:
        for boundary in undeclared(text, entity.budget.lines):
            if boundary not in {part.boundary, part.boundary + b"--"}:
                yield Other("parts stand outside of its delimiters", as_multipart(entity, entity.spans(boundary)))


def _children(mime: Mime, index: int) -> Iterator[Part]:
    """Give the parts directly below a part."""
    depth = mime.parts[index].depth
    for part in islice(mime.parts, index + 1, None):
        if part.depth <= depth:
            return
        if part.depth == depth + 1:
            yield part


def _closed(last: Part, part: Part) -> int:
    """Give 1 where a close delimiter follows the last part."""
    source, _, _, end = last.region
    return int(source[end : end + len(part.boundary) + 8].lstrip(b"\r\n").startswith(b"--" + part.boundary + b"--"))


def of_leaf(mime: Mime, index: int, entity: Entity, declared: Collection[bytes]) -> Iterator[Other]:
    """Give the multiparts that stand in a leaf, behind delimiters that nobody declared or that belong to another part."""
    part, content = mime.parts[index], entity.content
    found = undeclared(content, entity.budget.lines)
    crossing = [each for each in delimiters_of(content, declared, entity.budget.lines) if each not in found]
    yield from _quoted(entity, content)
    if not found and not crossing:
        return
    types = entity.values(_TYPE)
    untyped = not types and content.lstrip(b"\r\n").startswith(b"--" + (found or crossing)[0])
    likely = part.content_type.startswith("multipart/") or untyped or not is_plain_type(types)
    shared = common_start(found) if len(found) > 1 else b""
    for boundary in (*found, *crossing, *([shared] if len(shared) >= _COMMON_LEAST else [])):
        why = "further parts stand in it behind delimiters that are not declared"
        if boundary in declared:
            above = next((each for each in reversed(mime.parts[:index]) if each.depth < part.depth), part)
            whole = Entity.of(above, entity.budget)
            yield Other("delimiters of different parts cross", as_multipart(whole, whole.spans(boundary)))
        yield Other(why, as_multipart(entity, entity.spans(boundary)), likely or boundary in declared)


def _quoted(entity: Entity, content: bytes) -> Iterator[Other]:
    """Give the files that stand in a text with their fields, delimiters or not: somebody's salvage tool finds them."""
    for offset in fields_in(content):
        read = read_block(content[offset : offset + limits.PART_HEADER_BYTES], entity.budget.lines)
        if any(header.key == _ENCODING for header in read.fields):
            start = entity.start + offset + read.length
            stop = entity.source.find(b"\n-", start, entity.end)
            inner = replace(entity, fields=read.fields, start=start, end=entity.end if stop < 0 else stop)
            encodings = inner.values(_ENCODING)
            for encoding in transfer.possible(encodings):
                if encoding and transfer.plausible(inner.content, encoding):
                    tree = as_leaf(inner, "application/octet-stream", encoding)
                    yield Other("a text quotes an encoded part", tree, likely=False)
