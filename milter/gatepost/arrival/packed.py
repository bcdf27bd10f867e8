"""Stored mail that is compressed: what Dovecot's compress plugin writes, rotated mailboxes, packs.

A stream is known by its first bytes, whatever its name. It is unpacked as it is read, within limits, and only a stream that is
there to its end reads to its end.
"""

from __future__ import annotations

import bz2
import io
import lzma
import sys
import zlib
from collections.abc import Callable
from typing import Any, BinaryIO, Final, Protocol

from gatepost.mail import limits
from gatepost.mail.decode.inflating import Inflater

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_FEED: Final = 16 * 1024
_BUFFER: Final = 64 * 1024


class PackedError(ValueError):
    """A compressed stream cannot be unpacked to its end; the text is half a line."""


class _Decompressor(Protocol):
    """The form of the standard library's decompressors but zlib's."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


_FORMS: Final[tuple[tuple[bytes, Callable[[], _Decompressor]], ...]] = (
    (b"\x1f\x8b\x08", lambda: Inflater(16 + zlib.MAX_WBITS)),
    (b"BZh", bz2.BZ2Decompressor),
    (b"\xfd7zXZ\x00", lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=limits.MAILBOX_UNPACK_MEMORY)),
    (b"\x28\xb5\x2f\xfd", zstd.ZstdDecompressor),
)
_MAGIC: Final = max(len(magic) for magic, _ in _FORMS)


def plain(stream: BinaryIO) -> BinaryIO:
    """Give a stream's bytes unpacked where they are compressed; a stream that cannot be looked into as it is.

    Reading raises PackedError for one that is damaged, cut off, or grows beyond the limits.
    """
    head = stream.peek(_MAGIC) if isinstance(stream, io.BufferedReader) else b""
    return stream if _form(head) is None else io.BufferedReader(_Unpacked(stream), _BUFFER)


def _form(head: bytes) -> _Decompressor | None:
    """Give what unpacks a stream that begins so; None where it is not compressed."""
    return next((make() for magic, make in _FORMS if head.startswith(magic)), None)


class _Unpacked(io.RawIOBase):
    """The plain bytes of a compressed stream, of all its members one after another."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._ahead = b""
        self._taken = self._given = 0
        self._inner = self._next()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        with memoryview(buffer) as view:
            try:
                block = self._read(len(view))
            except (zlib.error, lzma.LZMAError, zstd.ZstdError, EOFError, OSError) as error:
                raise PackedError(f"cannot be unpacked ({error})".replace("\n", " ")) from error
            view[: len(block)] = block
            return len(block)

    def _read(self, size: int) -> bytes:
        """Give some bytes, at most so many; none at the end."""
        while self._inner is not None:
            if self._inner.eof:
                self._ahead = self._inner.unused_data
                self._inner = self._next()
                continue
            piece = self._more() if self._inner.needs_input else b""
            block = self._inner.decompress(piece, size)
            self._given += len(block)
            if self._given > limits.MESSAGE_BYTES + limits.MAILBOX_UNPACK_RATIO * self._taken:
                raise PackedError(f"unpacks to more than {limits.MAILBOX_UNPACK_RATIO} times its size")
            if block:
                return block
        return b""

    def _more(self) -> bytes:
        """Give packed bytes of a member that has not ended."""
        piece = self._ahead or self._stream.read(_FEED)
        self._ahead = b""
        if not piece:
            raise PackedError("is compressed and cut off")
        self._taken += len(piece)
        return piece

    def _next(self) -> _Decompressor | None:
        """Begin with the next member; None where there is none. Members may be padded with zeros (RFC 1952, the xz format)."""
        ahead = self._ahead.lstrip(b"\0")
        while len(ahead) < _MAGIC and (more := self._stream.read(_FEED)):
            ahead = (ahead + more).lstrip(b"\0")
        self._ahead = ahead
        if not ahead:
            return None
        inner = _form(ahead)
        if inner is None:
            raise PackedError("is compressed, and something else follows its end")
        return inner
