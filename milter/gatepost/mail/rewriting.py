"""An entity rewritten as one kind of client reads it, and parsed: how a reading becomes a tree.

There is one MIME parser (mime.py). A client that reads an entity differently reads it as if another, well-formed entity stood
there; so that entity is written down, with the fields that the client takes and the parts that it finds, and parsed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Final

from gatepost.mail import limits
from gatepost.mail.delimiters import lenient_spans
from gatepost.mail.header import Header
from gatepost.mail.lenient import MIME_FIELDS, Lines
from gatepost.mail.mime import Allowance, Mime, Part, parse_mime

# Python's hash is seeded per process, so a sender cannot write this boundary into a message.
_BOUNDARY: Final = b"another-reading-%x" % (hash("another-reading") & 0xFFFFFFFFFFFFFFFF)


@dataclass(slots=True)
class Budget:
    """How many more trees may be made of one message, of how many bytes and by how many lines, and what they may decode to.

    `spent` says that there was more to try than limits allow.
    """

    trees: int = limits.ALTERNATIVES
    size: int = limits.ALTERNATIVE_BYTES
    spent: bool = False
    decoding: Allowance = field(default_factory=Allowance)
    lines: Lines = field(default_factory=Lines)

    def take(self, size: int) -> bool:
        """Take one tree of so many bytes; False when that is too much."""
        self.trees -= 1
        self.size -= size
        self.spent = self.spent or self.trees < 0 or self.size < 0
        return not self.spent


@dataclass(frozen=True, slots=True)
class Other:
    """Another reading of an entity: what clients differ over, the tree that such a client sees, and whether any is known to."""

    why: str
    mime: Mime
    likely: bool = True


@dataclass(frozen=True, slots=True)
class Entity:
    """An entity as some client takes it: its fields, and where in `source` its content stands."""

    fields: tuple[Header, ...]
    source: bytes
    start: int
    end: int
    budget: Budget

    @classmethod
    def of(cls, part: Part, budget: Budget) -> Entity:
        """Give a part as the parser took it."""
        source, _, start, end = part.region
        return cls(part.headers, source, start, end, budget)

    def values(self, key: bytes) -> tuple[bytes, ...]:
        """Give the values of all fields of a name (lower case), top first."""
        return tuple(header.value for header in self.fields if header.key == key)

    @property
    def content(self) -> bytes:
        """The content as transferred."""
        return self.source[self.start : self.end]

    def spans(self, boundary: bytes, others: Collection[bytes] = ()) -> tuple[tuple[int, int], ...]:
        """Give where the parts between all lines that begin with a delimiter stand (delimiters.lenient_spans)."""
        if self.source.count(b"--" + boundary, self.start, self.end) > limits.DELIMITERS:
            self.budget.spent = True
            return ()
        return tuple(lenient_spans(self.source, self.start, self.end, boundary, others))


def as_leaf(entity: Entity, kind: str, encoding: str) -> Mime:
    """Parse an entity as one part of a type (`text/plain`) in a transfer encoding, "" for none."""
    return parse_mime(_fields(entity, kind, encoding), entity.content, entity.budget.decoding)


def as_multipart(entity: Entity, spans: Iterable[tuple[int, int]]) -> Mime:
    """Parse an entity as a multipart whose parts stand at some offsets of its source."""
    pieces = [entity.source[start:end] for start, end in spans]
    body = b"".join(b"--%b\r\n%b\r\n" % (_BOUNDARY, piece) for piece in pieces) + b"--%b--\r\n" % _BOUNDARY
    kind = f"multipart/mixed; boundary={_BOUNDARY.decode()}"
    return parse_mime(_fields(entity, kind, ""), body, entity.budget.decoding)


def _fields(entity: Entity, kind: str, encoding: str) -> tuple[Header, ...]:
    """Give an entity's fields with its type and encoding written plainly."""
    kept = [header for header in entity.fields if header.key not in MIME_FIELDS or header.key == b"content-disposition"]
    kept.append(Header(b"Content-Type", b" " + kind.encode()))
    if encoding:
        kept.append(Header(b"Content-Transfer-Encoding", b" " + encoding.encode()))
    return tuple(kept)
