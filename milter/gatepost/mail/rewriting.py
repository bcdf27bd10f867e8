"""An entity rewritten as one kind of client reads it, and parsed: how a reading becomes a tree.

There is one MIME parser (mime.py). A client that reads an entity differently reads it as if another, well-formed entity stood
there; so that entity is written down, with the fields that the client takes and the parts that it finds, and parsed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from gatepost.mail.header import Header
from gatepost.mail.lenient import MIME_FIELDS
from gatepost.mail.mime import Mime, parse_mime

_OURS: Final = b"another-reading"


@dataclass(frozen=True, slots=True)
class Entity:
    """An entity as some client takes it: its fields, and where in `source` its content stands."""

    fields: tuple[Header, ...]
    source: bytes
    start: int
    end: int

    def values(self, key: bytes) -> tuple[bytes, ...]:
        """Give the values of all fields of a name (lower case), top first."""
        return tuple(header.value for header in self.fields if header.key == key)

    @property
    def content(self) -> bytes:
        """The content as transferred."""
        return self.source[self.start : self.end]


def as_leaf(entity: Entity, kind: str, encoding: str) -> Mime:
    """Parse an entity as one part of a type (`text/plain`) in a transfer encoding, "" for none."""
    return parse_mime(_fields(entity, kind, encoding), entity.content)


def as_multipart(entity: Entity, spans: Iterable[tuple[int, int]]) -> Mime:
    """Parse an entity as a multipart whose parts stand at some offsets of its source."""
    pieces = [entity.source[start:end] for start, end in spans]
    boundary = _OURS
    while any(boundary in piece for piece in pieces):
        boundary += b"-"
    body = b"".join(b"--%b\r\n%b\r\n" % (boundary, piece) for piece in pieces) + b"--%b--\r\n" % boundary
    return parse_mime(_fields(entity, f"multipart/mixed; boundary={boundary.decode()}", ""), body)


def _fields(entity: Entity, kind: str, encoding: str) -> tuple[Header, ...]:
    """Give an entity's fields with its type and encoding written plainly."""
    kept = [header for header in entity.fields if header.key not in MIME_FIELDS or header.key == b"content-disposition"]
    kept.append(Header(b"Content-Type", b" " + kind.encode()))
    if encoding:
        kept.append(Header(b"Content-Transfer-Encoding", b" " + encoding.encode()))
    return tuple(kept)
