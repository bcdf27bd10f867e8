"""A family of messages that hide a file behind broken MIME, each by one named trick: what filters miss and clients open.

The classes are those of the literature: ambiguous fields, malformed structures and decoders that disagree ("Inbox Invasion",
CCS 2024), and the variants that S. Ullrich collected ("mime-is-broken"). The messages are our own. `family(content)` gives
each of them with the content hidden in it; a name is `class/variant`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from support.tricks_in_bodies import base64_tricks, quoted_printable_tricks
from support.tricks_in_delimiters import delimiters_tricks, nested_tricks
from support.tricks_in_headers import alone_tricks, encoding_field_tricks, header_end_tricks, names_tricks
from support.tricks_in_old_encodings import old_encodings_tricks
from support.tricks_in_types import type_field_tricks


@dataclass(frozen=True)
class Case:
    """One message of the family."""

    name: str
    data: bytes


def family(content: bytes) -> Iterator[Case]:
    """Give every message of the family, `content` hidden in each."""
    for group in _GROUPS:
        for name, data in group(content):
            yield Case(f"{group.__name__.removesuffix('_tricks')}/{name}", data)


_GROUPS: tuple[Callable[[bytes], Iterator[tuple[str, bytes]]], ...] = (
    base64_tricks,
    quoted_printable_tricks,
    encoding_field_tricks,
    alone_tricks,
    old_encodings_tricks,
    header_end_tricks,
    type_field_tricks,
    delimiters_tricks,
    nested_tricks,
    names_tricks,
)
