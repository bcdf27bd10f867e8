"""ICAP on the wire (RFC 3507): two requests, and an answer with an HTTP answer inside it. Every length is bounded."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from gatepost.world.clock import SystemClock

HEAD_BYTES: Final = 64 * 1024
"""Bytes of one header block in an answer. A longer one is an error."""

SLACK_BYTES: Final = 64 * 1024
"""Bytes of an answer's body beyond what was sent. A longer body is an error."""

_PIECE: Final = 64 * 1024
_STATUS: Final = re.compile(rb"(?:ICAP|HTTP)/\d\.\d (\d{3})(?: |\r|\n|$)")
_BLOCK: Final = re.compile(r"([a-z-]+)=(\d{1,9})")
_THREAT: Final = re.compile(r"Threat=([^;]{1,200})")
_CHUNK: Final = re.compile(rb"([0-9a-fA-F]{1,8})[ \t]*(?:;.{0,200})?\r?\n")


class IcapError(Exception):
    """The answer is none that RFC 3507 allows, or is past a bound; the text is one line."""


@dataclass(frozen=True, slots=True)
class IcapAnswer:
    """An answer: its status, its fields by lower-case name (folded lines joined by newlines), and the HTTP answer inside it.

    `http_status` is 0 and `body` empty where there is none.
    """

    status: int
    fields: Mapping[str, str]
    http_status: int = 0
    body: bytes = b""


def options(authority: str, path: str) -> Iterator[bytes]:
    """Give the pieces of an OPTIONS request (RFC 3507 4.10) to a service: host and port as in a URL, and its path."""
    yield (
        f"OPTIONS icap://{authority}{path} ICAP/1.0\r\nHost: {authority}\r\nConnection: close\r\n"
        "Encapsulated: null-body=0\r\n\r\n"
    ).encode()


def respmod(authority: str, path: str, data: bytes) -> Iterator[bytes]:
    """Give the pieces of a RESPMOD request (RFC 3507 4.9): the bytes as the answer to a request for an invented address."""
    asked = b"GET http://gatepost.invalid/mail HTTP/1.1\r\nHost: gatepost.invalid\r\n\r\n"
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: %d\r\n\r\n" % len(data)
    body = "res-body" if data else "null-body"
    yield (
        f"RESPMOD icap://{authority}{path} ICAP/1.0\r\nHost: {authority}\r\nConnection: close\r\nAllow: 204\r\n"
        f"Encapsulated: req-hdr=0, res-hdr={len(asked)}, {body}={len(asked) + len(head)}\r\n\r\n"
    ).encode() + asked + head  # fmt: skip
    for start in range(0, len(data), _PIECE):
        piece = data[start : start + _PIECE]
        yield b"%x\r\n%b\r\n" % (len(piece), piece)
    if data:
        yield b"0\r\n\r\n"


def exchange(line: socket.socket, request: Iterator[bytes], size: int, seconds: float) -> IcapAnswer:
    """Send a request that carries `size` bytes and read the answer, within so many seconds. Raises OSError and IcapError."""
    reader = _Reader(line, SystemClock().monotonic() + seconds)
    try:
        for piece in request:
            line.settimeout(reader.left())
            line.sendall(piece)
    except (BrokenPipeError, ConnectionResetError):
        # A service that has made up its mind may stop listening; its answer may still be there to read.
        pass
    status, fields = reader.head()
    blocks = [name for name, _ in _BLOCK.findall(fields.get("encapsulated", ""))]
    # What says what was found needs no page to go with it, however long or broken that is.
    if status != 200 or not blocks or threat(fields):
        return IcapAnswer(status, fields)
    if "req-hdr" in blocks:
        reader.head(request=True)
    http_status = reader.head()[0] if "res-hdr" in blocks else 0
    body = reader.chunked(size + SLACK_BYTES) if "res-body" in blocks else b""
    return IcapAnswer(status, fields, http_status, body)


class _Reader:
    """Reads an answer piece by piece, until a point on the monotonic clock."""

    def __init__(self, line: socket.socket, until: float) -> None:
        self._line = line
        self._until = until
        self._held = b""

    def left(self) -> float:
        """Give the seconds left; raises TimeoutError when there are none."""
        left = self._until - SystemClock().monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        return left

    def _more(self) -> None:
        self._line.settimeout(self.left())
        piece = self._line.recv(_PIECE)
        if not piece:
            raise IcapError("the ICAP service hung up within its answer")
        self._held += piece

    def head(self, *, request: bool = False) -> tuple[int, dict[str, str]]:
        """Read a header block: the status of its first line (0 for a `request`), and its fields."""
        while (end := self._held.find(b"\r\n\r\n")) < 0:
            if len(self._held) > HEAD_BYTES:
                raise IcapError("the ICAP service's answer has no end of header")
            self._more()
        block, self._held = self._held[:end], self._held[end + 4 :]
        first, _, rest = block.partition(b"\r\n")
        found = _STATUS.match(first)
        if found is None and not request:
            raise IcapError("the ICAP service's answer is none")
        return int(found[1]) if found else 0, _fields(rest.decode("latin-1"))

    def chunked(self, most: int) -> bytes:
        """Read a chunked body of at most so many bytes (RFC 9112 7.1); trailers are not read."""
        body = bytearray()
        while size := self._chunk_size():
            if len(body) + size > most:
                raise IcapError("the ICAP service's answer is longer than what it was sent")
            while len(self._held) < size + 2:
                self._more()
            body += self._held[:size]
            self._held = self._held[size + 2 :]
        return bytes(body)

    def _chunk_size(self) -> int:
        while (end := self._held.find(b"\n")) < 0:
            if len(self._held) > HEAD_BYTES:
                raise IcapError("the ICAP service's answer has no chunks")
            self._more()
        found = _CHUNK.fullmatch(self._held[: end + 1])
        if found is None:
            raise IcapError("the ICAP service's answer has no chunks")
        self._held = self._held[end + 1 :]
        return int(found[1], 16)


def _fields(text: str) -> dict[str, str]:
    """Read fields; the first of a name counts."""
    fields: dict[str, str] = {}
    name = ""
    for line in text.split("\r\n"):
        if line[:1] in {" ", "\t"} and name:
            fields[name] += "\n" + line.strip()
            continue
        name, _, value = line.partition(":")
        name = name.strip().lower()
        fields.setdefault(name, value.strip())
    return fields


def threat(fields: Mapping[str, str]) -> str:
    """Give the name of what a service found from its ICAP fields (lower-case names), "" where none of them names it."""
    found = _THREAT.search(fields.get("x-infection-found", ""))
    if found and found[1].strip():
        return found[1].strip()
    if virus := fields.get("x-virus-id", "").strip():
        return virus
    # X-Violations-Found: a count, then for each a file name, what was found, a number for it, and what was done.
    lines = [line.strip() for line in fields.get("x-violations-found", "").split("\n")]
    return lines[2] if len(lines) > 2 else ""
