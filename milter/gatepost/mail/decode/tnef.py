"""TNEF (`winmail.dat`, [MS-OXTNEF]): the container in which Outlook and Exchange send attachments to those who cannot open it.

Only what delivers a file is read: titles, data, and of the MAPI properties the long name and embedded objects. The containers
on PyPI read far more, without bounds on what a length may claim.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from gatepost.mail import limits
from gatepost.mail.charset import to_text
from gatepost.mail.decode.legacy import Embedded

SIGNATURE: Final = b"\x78\x9f\x3e\x22"
_FIRST_ATTRIBUTE: Final = 6  # behind the signature and the key
_NEW_ATTACHMENT: Final = 0x9002
_TITLE: Final = 0x8010
_DATA: Final = 0x800F
_PROPERTIES: Final = 0x9005
_OBJECT: Final = 0x3701
_LONG_NAME: Final = 0x3707
_MULTIPLE: Final = 0x1000
_UTF16: Final = 0x001F
_VARIABLE: Final = frozenset({0x000D, 0x001E, _UTF16, 0x0102})
# Sizes in a property stream, padded to four bytes ([MS-OXTNEF] 2.1.3.4; types as in [MS-OXCDATA] 2.11.1).
_FIXED: Final = {
    0x0002: 4, 0x0003: 4, 0x0004: 4, 0x000A: 4, 0x000B: 4, 0x0005: 8, 0x0006: 8, 0x0007: 8, 0x0014: 8, 0x0040: 8, 0x0048: 16,
}  # fmt: skip
_CLASS_ID_BYTES: Final = 16


@dataclass(slots=True)
class _File:
    """One attachment as it is put together."""

    title: bytes = b""
    long_name: str = ""
    content: list[bytes] = field(default_factory=list)

    @property
    def name(self) -> str:
        """What the file is called."""
        return self.long_name or to_text(self.title).strip("\0 ")


@dataclass(frozen=True, slots=True)
class Opened:
    """What a container holds; `cut` says that it holds more than limits allow to open."""

    files: tuple[Embedded, ...] = ()
    cut: bool = False


def opened(data: bytes) -> Opened:
    """Open a TNEF container and those in it; never raises, finds nothing in other data.

    At most limits.EMBEDDED_FILES in all of them together, limits.TNEF_DEPTH deep.
    """
    if data[:4] != SIGNATURE:
        return Opened()
    found: list[Embedded] = []
    level, cut = [data], False
    for _ in range(limits.TNEF_DEPTH):
        first = len(found)
        for container in level:
            inside = _inside(container, limits.EMBEDDED_FILES - len(found))
            found.extend(inside.files)
            cut = cut or inside.cut
        # A level holds no more bytes than the one above it.
        level = [file.content for file in found[first:] if file.content[:4] == SIGNATURE]
    return Opened(tuple(found), cut or bool(level))


def _inside(data: bytes, most: int) -> Opened:
    """Give the files directly in one container."""
    found: list[_File] = []
    cut = False
    for count, (attribute, value) in enumerate(_attributes(data)):
        if count >= limits.TNEF_ATTRIBUTES:
            cut = True
            break
        if attribute == _NEW_ATTACHMENT or (not found and attribute in {_TITLE, _DATA, _PROPERTIES}):
            if len(found) >= most:
                cut = True
                break
            found.append(_File())
        if attribute == _TITLE:
            found[-1].title = value
        elif attribute == _DATA:
            found[-1].content.append(value)
        elif attribute == _PROPERTIES:
            cut = not _take_properties(found[-1], value) or cut
    files = [Embedded(file.name, content) for file in found for content in file.content if content]
    return Opened(tuple(files[:most]), cut or len(files) > most)


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Give each attribute's number and value; a length that claims more than there is takes what there is."""
    position = _FIRST_ATTRIBUTE
    while position + 9 <= len(data):
        attribute = int.from_bytes(data[position + 1 : position + 3], "little")
        size = int.from_bytes(data[position + 5 : position + 9], "little")
        start = position + 9
        yield attribute, data[start : start + size]
        position = start + size + 2


def _take_properties(file: _File, data: bytes) -> bool:
    """Read what is told of a file; gives False where there is more than limits.TNEF_PROPERTIES."""
    for count, (identity, kind, value) in enumerate(_properties(data)):
        if count >= limits.TNEF_PROPERTIES:
            return False
        if identity == _LONG_NAME:
            file.long_name = to_text(value, "utf-16-le" if kind == _UTF16 else None).strip("\0 ")
        elif identity == _OBJECT:
            # An embedded object stands behind the identity of its interface; a message in it is TNEF again.
            file.content.append(value[_CLASS_ID_BYTES:])
    return True


def _properties(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Give each property's number, type and value; ends at the first that cannot be read."""
    position, count = 4, int.from_bytes(data[:4], "little")
    for _ in range(count):
        kind = int.from_bytes(data[position : position + 2], "little")
        identity = int.from_bytes(data[position + 2 : position + 4], "little")
        position += 4
        if identity >= 0x8000:
            position = _after_name(data, position)
        values = 1
        base = kind & ~_MULTIPLE
        if kind & _MULTIPLE or base in _VARIABLE:
            values = int.from_bytes(data[position : position + 4], "little")
            position += 4
        for _ in range(values):
            size = _FIXED.get(base)
            if base in _VARIABLE:
                size = int.from_bytes(data[position : position + 4], "little")
                position += 4
            if size is None or position + size > len(data):
                return
            yield identity, base, data[position : position + size]
            position += size + -size % 4


def _after_name(data: bytes, position: int) -> int:
    """Step over the name of a named property: a GUID, and a number or a text."""
    by_text = int.from_bytes(data[position + 16 : position + 20], "little")
    size = int.from_bytes(data[position + 20 : position + 24], "little") if by_text else 0
    return position + 24 + size + -size % 4
