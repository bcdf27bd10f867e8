"""How else a message may be read: for each oddity of its MIME structure the trees that other clients see.

Honest mail has none: every test here is a cheap look at what would have to be odd. Where something is, each way in which
clients are known to differ over it ("Inbox Invasion", CCS 2024, sections 4.1 and 4.2) is written out as a tree of its own
(rewriting.py), and trees are looked at once more, because tricks come in pairs.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

from gatepost.mail import limits
from gatepost.mail.decode import transfer
from gatepost.mail.delimiters import common_start, has_fields, lenient_spans, undeclared
from gatepost.mail.header import Header
from gatepost.mail.lenient import (
    MIME_FIELDS,
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
from gatepost.mail.rewriting import Entity, as_leaf, as_multipart

_TYPE: Final = b"content-type"
_ENCODING: Final = b"content-transfer-encoding"
_LEVELS: Final = 2
_COMMON_LEAST: Final = 4


@dataclass(frozen=True, slots=True)
class Alternative:
    """One way in which some client reads one part of a message.

    `part` counts the parts of the message from 1; `why` says for people what clients differ over; `mime` is what such a client
    sees in place of the part. `likely` is False where no client is known to look: text that quotes a message, which is
    scanned and proves nothing.
    """

    part: int
    why: str
    mime: Mime
    likely: bool = True


@dataclass(slots=True)
class _Allowance:
    """How many more trees may be made of one message, and of how many bytes together."""

    trees: int = limits.ALTERNATIVES
    size: int = limits.ALTERNATIVE_BYTES
    spent: bool = False

    def take(self, size: int) -> bool:
        """Take one tree of so many bytes; False when that is too much."""
        self.trees -= 1
        self.size -= size
        self.spent = self.spent or self.trees < 0 or self.size < 0
        return not self.spent


@dataclass(frozen=True, slots=True)
class Alternatives:
    """All other trees of a message, and whether there were more than limits.ALTERNATIVES or ALTERNATIVE_BYTES allow."""

    found: tuple[Alternative, ...] = ()
    cut: bool = False


_NONE: Final = Alternatives()


def alternatives(mime: Mime) -> Alternatives:
    """Give the other trees that a message may be read as; none for a message whose structure is plain. Never raises."""
    allowance = _Allowance()
    found = list(_of_tree(mime, allowance, _LEVELS))
    return Alternatives(tuple(found), allowance.spent) if found or allowance.spent else _NONE


def _of_tree(mime: Mime, allowance: _Allowance, levels: int) -> Iterator[Alternative]:
    declared = [part.boundary for part in mime.parts if part.boundary]
    for number, part in enumerate(mime.parts, start=1):
        for other in _of_part(mime, number - 1, part, declared):
            if not allowance.take(part.size):
                return
            yield Alternative(number, f"part {number}: {other.why}", other.mime, other.likely)
            if levels > 1:
                for deeper in _of_tree(other.mime, allowance, levels - 1):
                    yield Alternative(
                        number, f"part {number}: {other.why}", deeper.mime, other.likely and deeper.likely
                    )


@dataclass(frozen=True, slots=True)
class _Other:
    why: str
    mime: Mime
    likely: bool = True


def _is_plain(part: Part) -> bool:
    """Say whether the header of a part is well formed, and its MIME fields say one thing each."""
    names = b"\n".join([header.name for header in part.headers]).lower()
    if part.block:
        whole = is_plain_block(part.block)
    else:
        whole = are_plain_values(b"\n".join([header.value for header in part.headers])) and b"\0" not in names
    if not whole:
        return False
    if b"content" not in names:
        return True
    of_content = [header for header in part.headers if b"ontent" in header.name.lower()]
    types = tuple(header.value for header in of_content if header.key == _TYPE)
    encodings = tuple(header.value for header in of_content if header.key == _ENCODING)
    return (
        all(map(is_plain_field, of_content))
        and transfer.is_plain_field(encodings)
        and (is_plain_type(types) or not is_multipart(types))
    )


def _of_part(mime: Mime, index: int, part: Part, declared: Collection[bytes]) -> Iterator[_Other]:
    """Give the other readings of one part: by its fields, then by what stands in it."""
    source, _, start, end = part.region
    entity = Entity(part.headers, source, start, end)
    blocks = _second(part, entity) if _is_plain(part) else _blocks(part, entity)
    for why, block in blocks:
        yield from _of_fields(part, block, why)
    if part.boundary and part.container:
        yield from _of_delimiters(mime, index, part, entity, declared)
    elif not part.container:
        yield from _of_leaf(mime, index, part, entity, declared)
    if part.content_type.startswith("multipart/") and transfer.known(part.encoding):
        decoded = part.payload()
        inner = Entity(part.headers, decoded, 0, len(decoded))
        yield _Other(
            "a multipart is encoded, which RFC 2045 forbids", as_multipart(inner, _spans(inner, part.boundary))
        )


def _spans(entity: Entity, boundary: bytes, others: Collection[bytes] = ()) -> list[tuple[int, int]]:
    return list(lenient_spans(entity.source, entity.start, entity.end, boundary, others))


# --- the header block ---------------------------------------------------------------------------------------------------


def _blocks(part: Part, entity: Entity) -> Iterator[tuple[str, Entity]]:
    """Give the entity under each reading of its header block, with "" for the usual one."""
    yield "", entity
    source, begin, start, end = part.region
    top = begin < 0
    block = b"".join([header.line for header in part.headers]) + b"\r\n" if top else source[begin:start]
    plain = is_plain_block(block) or (not top and begin == start == end)
    if not plain:
        read = read_block(block if top else source[begin:end])
        lenient = Entity(_with(part.headers, read.fields), source, start if top else begin + read.length, end)
        if _differ(lenient, entity):
            yield "its header is not well formed", lenient
        if not top and not ends_with_line(block):
            line = source.find(b"\n", start, end)
            yield "its header does not end with an empty line", Entity(part.headers, source, line + 1 or end, end)
        cut = -1 if top else before_blank_line(block)
        if cut >= 0:
            kept = _with((), read_block(block[:cut]).fields)
            yield "its header holds a line of white space", Entity(kept, source, begin + cut, end)
    if any(not is_plain_field(header) for header in part.headers):
        yield "its header has misspelt fields", Entity(without_odd_fields(part.headers), source, start, end)
        fields = tuple(_respelt(header) for header in part.headers)
        yield "its header has misspelt fields", Entity(fields, source, start, end)
    yield from _second(part, entity)


def _respelt(header: Header) -> Header:
    """Give a field as a lenient client reads it."""
    if is_plain_field(header):
        return header
    read = read_block(header.line).fields
    return read[0] if read else header


def _second(part: Part, entity: Entity) -> Iterator[tuple[str, Entity]]:
    """Give the entity whose header goes on in its content."""
    quoting = part.container or part.content_type.startswith("message/")
    offset = -1 if quoting else second_block(part.raw)
    if offset >= 0:
        read = read_block(part.raw[offset:])
        kept = tuple(header for header in part.headers if header.key not in {each.key for each in read.fields})
        start = entity.start + offset + read.length
        yield (
            "its content begins with fields of a header",
            Entity((*kept, *read.fields), entity.source, start, entity.end),
        )


def _with(fields: tuple[Header, ...], mime_fields: tuple[Header, ...]) -> tuple[Header, ...]:
    return (*(header for header in fields if header.key not in MIME_FIELDS), *mime_fields)


def _differ(one: Entity, other: Entity) -> bool:
    """Say whether two readings of a block lead to different readings of the content."""
    return one.start != other.start or any(
        [value.split() for value in one.values(key)] != [value.split() for value in other.values(key)]
        for key in (_TYPE, _ENCODING)
    )


# --- Content-Type and Content-Transfer-Encoding --------------------------------------------------------------------------


def _of_fields(part: Part, entity: Entity, why: str) -> Iterator[_Other]:
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
        yield from (_Other(why, tree) for tree in _multiparts(entity, types))
    if part.boundary and part.container and not (odd_type or why):
        return
    content = entity.content
    for encoding in transfer.possible(encodings) if odd_encoding else [_plain(encodings)]:
        if transfer.plausible(content, encoding):
            yield _Other(why, as_leaf(entity, part.content_type if not part.boundary else "text/plain", encoding))


def _plain(encodings: tuple[bytes, ...]) -> str:
    return encodings[0].strip().decode("ascii", "replace").lower() if encodings else ""


def _multiparts(entity: Entity, types: tuple[bytes, ...]) -> Iterator[Mime]:
    """Give the multiparts that an entity opens into under each boundary that its type may name, or that stands in it."""
    seen: set[tuple[tuple[int, int], ...]] = set()
    named = boundaries(types)
    for boundary in (*named, *(found for found in undeclared(entity.content) if found not in named)):
        spans = tuple(_spans(entity, boundary))
        if spans and spans not in seen:
            seen.add(spans)
            yield as_multipart(entity, spans)


# --- delimiters ----------------------------------------------------------------------------------------------------------


def _of_delimiters(mime: Mime, index: int, part: Part, entity: Entity, declared: Collection[bytes]) -> Iterator[_Other]:
    """Give the other ways to cut a multipart: lines that are nearly delimiters, and parts outside of the first and last one."""
    children = list(_children(mime, index))
    source, _, start, end = part.region
    used = len(children) + _closed(children[-1], part)
    outside = (source[start : children[0].region[1]], source[children[-1].region[3] : end])
    if source.count(b"--" + part.boundary, start, end) == used and not any(map(has_fields, outside)):
        return
    spans = _spans(entity, part.boundary, declared)
    if [source[a:b] for a, b in spans] != [source[child.region[1] : child.region[3]] for child in children]:
        yield _Other("not all clients find the same delimiters", as_multipart(entity, spans))
    for text in outside:
        for boundary in undeclared(text):
            if boundary not in {part.boundary, part.boundary + b"--"}:
                found = _spans(entity, boundary)
                yield _Other("parts stand outside of its delimiters", as_multipart(entity, found))


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


def _of_leaf(mime: Mime, index: int, part: Part, entity: Entity, declared: Collection[bytes]) -> Iterator[_Other]:
    """Give the multiparts that stand in a leaf, behind delimiters that nobody declared or that belong to another part."""
    content = entity.content
    found = undeclared(content)
    crossing = [boundary for boundary in declared if boundary not in found and b"--" + boundary in content]
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
            source, _, start, end = above.region
            whole = Entity(above.headers, source, start, end)
            yield _Other("delimiters of different parts cross", as_multipart(whole, _spans(whole, boundary)))
        yield _Other(why, as_multipart(entity, _spans(entity, boundary)), likely or boundary in declared)
