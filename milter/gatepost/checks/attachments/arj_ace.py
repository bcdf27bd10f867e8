"""ARJ and ACE archives: nothing kept up to date unpacks them, but their headers name what is inside, and ARJ may store it as it is.

Both are chains of headers with a file's packed bytes behind each. The layouts are those of ARJ's own technical notes and of the
published ACE format description.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from gatepost.checks.attachments.bounds import Meter
from gatepost.checks.attachments.entry import Entry, clean_name, name_findings
from gatepost.checks.attachments.formats import Kind
from gatepost.checks.attachments.obstacles import LOCKED, Stopped, obstacle

_ARJ_MARK: Final = b"\x60\xea"
_ARJ_HEAD: Final = struct.Struct("<BBBBBBBBIII")
_ARJ_GARBLED: Final = 0x01
_ARJ_FOLDER: Final = 3
_ARJ_ABOUT: Final = 2  # the type of the first header, which tells of the archive

_ACE_FILE: Final = 1
_ACE_HAS_SIZE: Final = 0x0001
_ACE_LOCKED: Final = 0x4000
_ACE_FOLDER: Final = 0x10  # DOS attribute

_PACKED: Final = obstacle("unopened", "is packed in a way that is not opened here")


@dataclass(frozen=True, slots=True)
class _Listed:
    """One file: `content` is None where it is packed."""

    name: str
    size: int
    locked: bool
    content: bytes | None = None


def open_arj_or_ace(kind: str, data: bytes, meter: Meter) -> Iterator[Entry]:
    """Give the files of an archive, most of them by name only. Raises Stopped at the end if any of them stayed closed."""
    closed = 0
    for file in _arj(data) if kind == Kind.ARJ else _ace(data):
        meter.count()
        findings = name_findings(file.name)
        if file.content is not None and not file.locked:
            meter.take(len(file.content), len(file.content), len(file.content))
            yield Entry(file.name, file.content, len(file.content), findings)
        else:
            closed += 1
            yield Entry(file.name, None, file.size, (*findings, LOCKED if file.locked else _PACKED))
    if closed or len(data) < _ARJ_HEAD.size:
        raise Stopped("unopened", f"is an {kind.upper()} archive, of which nothing but names is read")


def _arj(data: bytes) -> Iterator[_Listed]:
    at = 0
    while data[at : at + 2] == _ARJ_MARK and at + 4 + _ARJ_HEAD.size <= len(data):
        size = int.from_bytes(data[at + 2 : at + 4], "little")
        if size < _ARJ_HEAD.size:
            return
        head = data[at + 4 : at + 4 + size]
        first, _, _, _, flags, method, kind, _, _, packed, whole = _ARJ_HEAD.unpack_from(head)
        at += 4 + size + 4
        while extra := int.from_bytes(data[at : at + 2], "little"):
            at += 2 + extra + 4
        at += 2
        if kind == _ARJ_ABOUT:
            continue
        if kind != _ARJ_FOLDER:
            name = clean_name(head[first:].partition(b"\0")[0])
            content = data[at : at + packed] if method == 0 else None
            yield _Listed(name, whole, bool(flags & _ARJ_GARBLED), content)
        at += packed


def _ace(data: bytes) -> Iterator[_Listed]:
    at = 0
    while at + 7 <= len(data):
        size, kind, flags = struct.unpack_from("<HBH", data, at + 2)
        if size < 3:
            return
        head = data[at + 7 : at + 4 + size]
        at += 4 + size
        if flags & _ACE_HAS_SIZE and len(head) >= 4:
            at += int.from_bytes(head[:4], "little")
        if kind == _ACE_FILE and len(head) > 28:
            whole, attributes, name_size = (
                *struct.unpack_from("<I4xI", head, 4),
                struct.unpack_from("<H", head, 26)[0],
            )
            if not attributes & _ACE_FOLDER:
                yield _Listed(clean_name(head[28 : 28 + name_size]), whole, bool(flags & _ACE_LOCKED))
