"""How else a message may be read: for each oddity of its MIME structure the trees that other clients see.

Honest mail has none: every test is a cheap look at what would have to be odd. Where something is, each way in which clients are
known to differ over it is written out as a tree of its own (header_ways.py, delimiter_ways.py), and trees are looked at once
more, because tricks come in pairs.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

from gatepost.mail.decode import transfer
from gatepost.mail.delimiter_ways import of_leaf, of_multipart
from gatepost.mail.delimiters import is_plain_text
from gatepost.mail.header_ways import by_header, is_plain_header
from gatepost.mail.mime import Mime
from gatepost.mail.rewriting import Budget, Entity, Other, as_multipart

_LEVELS: Final = 2


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


@dataclass(frozen=True, slots=True)
class Alternatives:
    """All other trees of a message, and what limits allowed of them: `cut` says whether there were more."""

    found: tuple[Alternative, ...]
    budget: Budget

    @property
    def cut(self) -> bool:
        """Whether there was more to read than limits.ALTERNATIVES, ALTERNATIVE_BYTES, DELIMITERS, DOUBTFUL_LINES or DECODED_BYTES allow."""
        return self.budget.spent or self.budget.decoding.cut or self.budget.lines.cut


def alternatives(mime: Mime) -> Alternatives:
    """Give the other trees that a message may be read as, made at first use; none where its structure is plain. Never raises."""
    made = mime.derived.get(Alternatives)
    if not isinstance(made, Alternatives):
        budget = Budget()
        made = mime.derived[Alternatives] = Alternatives(tuple(_of_tree(mime, budget, _LEVELS)), budget)
    return made


def _of_tree(mime: Mime, budget: Budget, levels: int) -> Iterator[Alternative]:
    declared = {part.boundary for part in mime.parts if part.boundary}
    for index in range(len(mime.parts)):
        for other in _of_part(mime, index, declared, budget):
            if not budget.take(mime.parts[index].size):
                return
            why = f"part {index + 1}: {other.why}"
            yield Alternative(index + 1, why, other.mime, other.likely)
            for deeper in _of_tree(other.mime, budget, levels - 1) if levels > 1 else ():
                yield Alternative(index + 1, why, deeper.mime, other.likely and deeper.likely)


def _of_part(mime: Mime, index: int, declared: Collection[bytes], budget: Budget) -> Iterator[Other]:
    """Give the other readings of one part: by its header, then by what stands in it."""
    part = mime.parts[index]
    opened = part.container or part.content_type.startswith("multipart/")
    if not opened and is_plain_header(part) and is_plain_text(part.raw, declared):
        return
    entity = Entity.of(part, budget)
    yield from by_header(part, entity)
    if part.boundary and part.container:
        yield from of_multipart(mime, index, entity, declared)
    elif not part.container:
        yield from of_leaf(mime, index, entity, declared)
    if part.content_type.startswith("multipart/") and transfer.known(part.encoding):
        decoded = part.payload()
        inner = Entity(part.headers, decoded, 0, len(decoded), budget)
        tree = as_multipart(inner, inner.spans(part.boundary))
        yield Other("a multipart is encoded, which RFC 2045 forbids", tree, likely=not part.container)
