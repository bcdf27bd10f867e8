"""How the files of a message go into the jail, and how what was found comes out.

Both ways a head in JSON comes first and then raw bytes, with their sizes in the head: files are neither escaped nor copied. What
comes out is checked as if a stranger had written it, because a file may have taken over the process that wrote it.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from pydantic import TypeAdapter

from gatepost.checks.attachments.bounds import Bounds
from gatepost.checks.attachments.item import Finding, Item
from gatepost.mail.message import Inner
from gatepost.mail.readings import Reading

_SIZE: Final = struct.Struct("!Q")

HEAD_BYTES: Final = 12 * 1024 * 1024
"""Bytes of an answer's head: the names, findings and texts of one message. A longer one is no answer."""


@dataclass(frozen=True, slots=True)
class Examined:
    """What looking into the files of one message gave.

    `items` are the files in the order in which they were met, each before what is inside of it. `inner` is what the checks that
    come after shall see. `trouble` is what concerns the message as a whole.
    """

    items: tuple[Item, ...] = ()
    inner: tuple[Inner, ...] = ()
    trouble: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Request:
    """What the jail is asked: the files of one message, passwords to try, and how far to go."""

    passwords: tuple[str, ...]
    bounds: Bounds
    _heads: tuple[tuple[int, str, str, int], ...]
    _data: memoryview

    @property
    def count(self) -> int:
        """How many files there are."""
        return len(self._heads)

    def files(self) -> Iterator[Reading]:
        """Give the files one by one, so that only one of them at a time is held twice."""
        start = 0
        for part, name, declared, size in self._heads:
            yield Reading(part, name, declared, bytes(self._data[start : start + size]))
            start += size


@dataclass(frozen=True, slots=True)
class _Shown:
    """An `Inner` without its content: `size` bytes of it stand behind the head."""

    source: str
    text: str
    urls: tuple[str, ...]
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class _Answer:
    items: tuple[Item, ...]
    shown: tuple[_Shown, ...]
    trouble: tuple[Finding, ...]


_ANSWERS: Final = TypeAdapter(_Answer)


def encode_request(files: Sequence[Reading], passwords: Sequence[str], bounds: Bounds) -> list[bytes]:
    """Give a request in pieces, the files' own bytes among them uncopied."""
    heads = [(file.part, file.name, file.declared, len(file.data)) for file in files]
    head = _dump({"files": heads, "passwords": list(passwords), "bounds": asdict(bounds)})
    return [_SIZE.pack(len(head)), head, *(file.data for file in files)]


def decode_request(data: memoryview) -> Request:
    """Read a request; the worker that wrote it is trusted."""
    head, rest = _split(data)
    fields = json.loads(bytes(head))
    heads = tuple((part, name, declared, size) for part, name, declared, size in fields["files"])
    return Request(tuple(fields["passwords"]), Bounds(**fields["bounds"]), heads, rest)


def encode_answer(examined: Examined) -> bytes:
    """Give an answer as bytes; text that no encoding can hold is replaced."""
    shown = [_Shown(inner.source, inner.text, inner.urls, inner.sha256, len(inner.content)) for inner in examined.inner]
    head = _dump(asdict(_Answer(examined.items, tuple(shown), examined.trouble)))
    return b"".join((_SIZE.pack(len(head)), head, *(inner.content for inner in examined.inner)))


def decode_answer(data: bytes) -> Examined:
    """Read an answer that anybody may have written; raises ValueError for one that breaks the form."""
    head, rest = _split(memoryview(data))
    if len(head) > HEAD_BYTES:
        raise ValueError("the head of the answer is too long")
    answer = _ANSWERS.validate_json(bytes(head), strict=True)
    if any(shown.size < 0 for shown in answer.shown) or sum(shown.size for shown in answer.shown) != len(rest):
        raise ValueError("the sizes in the answer are not those of its content")
    inner, start = [], 0
    for shown in answer.shown:
        content = bytes(rest[start : start + shown.size])
        inner.append(Inner(shown.source, content, shown.text, shown.urls, shown.sha256))
        start += shown.size
    return Examined(answer.items, tuple(inner), answer.trouble)


def _dump(value: dict[str, Any]) -> bytes:
    # Lone surrogates, which no encoding can hold, become question marks.
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")


def _split(data: memoryview) -> tuple[memoryview, memoryview]:
    """Give the head and what comes after it; raises ValueError."""
    if len(data) < _SIZE.size:
        raise ValueError("shorter than its head")
    end = _SIZE.size + _SIZE.unpack_from(data)[0]
    if end > len(data):
        raise ValueError("shorter than its head")
    return data[_SIZE.size : end], data[end:]
