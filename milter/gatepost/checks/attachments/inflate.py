"""Decompressing, block by block: every method in one form, so that one loop can keep to the limits.

The standard library has most of the methods; py7zr's companions have those that only ZIP and 7z use.
"""

from __future__ import annotations

import bz2
import lzma
import sys
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Final, Protocol

import inflate64
import pyppmd

from gatepost.mail.decode.inflating import Inflater

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_FEED_BYTES: Final = 64 * 1024
_GIVE_BYTES: Final = 256 * 1024
_SMALL_FEED_BYTES: Final = 1024  # where a method cannot be told how much to give at most: 1 MB of zeros


class Decompressor(Protocol):
    """The form of the standard library's decompressors."""

    @property
    def eof(self) -> bool:
        """Whether the packed data has ended."""
        ...

    @property
    def needs_input(self) -> bool:
        """Whether nothing more can be given before more comes in."""
        ...

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        """Take more packed data, give at most so many bytes."""
        ...


class Unpacking:
    """One packed file on its way; `consumed` counts the packed bytes taken so far. Errors are those of the libraries."""

    def __init__(self, decompressor: Decompressor, packed: memoryview, feed: int = _FEED_BYTES) -> None:
        self._decompressor = decompressor
        self._packed = packed
        self._feed = feed
        self.consumed = 0

    def blocks(self, size: int) -> Iterator[bytes]:
        """Give the unpacked bytes, some hundred kilobytes at a time.

        `size` is how many there should be: a stream without a mark at its end ends there. Raises EOFError when it is cut off.
        """
        decompressor, given = self._decompressor, 0
        while not decompressor.eof:
            piece = b""
            if decompressor.needs_input:
                piece = bytes(self._packed[self.consumed : self.consumed + self._feed])
                self.consumed += len(piece)
                if not piece:
                    if given < size or not size:
                        raise EOFError("cut off")
                    return
            block = decompressor.decompress(piece, _GIVE_BYTES)
            given += len(block)
            if block:
                yield block


class _Deflate64:
    """The "enhanced deflate" of ZIP method 9."""

    def __init__(self) -> None:
        self._inner = inflate64.Inflater()
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return bool(self._inner.eof)

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:  # noqa: ARG002  bounded by what it is fed
        return bytes(self._inner.inflate(data))


class _Ppmd:
    """PPMd version I, ZIP method 98 (APPNOTE 5.10): two bytes in front name order, memory and restoration."""

    def __init__(self) -> None:
        self._inner: pyppmd.Ppmd8Decoder | None = None
        self.needs_input = True
        self.eof = False

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        if self._inner is None:
            setting = int.from_bytes(data[:2], "little")
            order, megabytes, restoration = (setting & 15) + 1, ((setting >> 4) & 255) + 1, setting >> 12
            self._inner = pyppmd.Ppmd8Decoder(order, megabytes << 20, restoration)
            data = data[2:]
        block = bytes(self._inner.decode(data, max_length))
        self.needs_input = bool(self._inner.needs_input)
        self.eof = bool(self._inner.eof)
        return block


def _lzma_in_zip(packed: memoryview) -> Unpacking:
    """Read the properties in front of an LZMA stream (APPNOTE 5.8.8): version, their size, one byte and the dictionary size."""
    head = bytes(packed[:9])
    if len(head) < 9 or head[2:4] != b"\x05\x00":
        raise lzma.LZMAError("unknown properties")
    mixed = head[4]
    setting = {
        "id": lzma.FILTER_LZMA1,
        "lc": mixed % 9,
        "lp": mixed // 9 % 5,
        "pb": mixed // 45,
        "dict_size": int.from_bytes(head[5:9], "little"),
    }
    return Unpacking(lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=[setting]), packed[9:])


ZIP_METHODS: Final[Mapping[int, Callable[[memoryview], Unpacking]]] = {
    8: lambda packed: Unpacking(Inflater(-zlib.MAX_WBITS), packed),
    9: lambda packed: Unpacking(_Deflate64(), packed, _SMALL_FEED_BYTES),
    12: lambda packed: Unpacking(bz2.BZ2Decompressor(), packed),
    14: _lzma_in_zip,
    20: lambda packed: Unpacking(zstd.ZstdDecompressor(), packed),
    93: lambda packed: Unpacking(zstd.ZstdDecompressor(), packed),
    95: lambda packed: Unpacking(lzma.LZMADecompressor(lzma.FORMAT_XZ), packed),
    98: lambda packed: Unpacking(_Ppmd(), packed),
}
"""How each compression method of a ZIP file (APPNOTE 4.4.5) is undone; 0, not compressed, needs no doing."""

FAILURES: Final = (zlib.error, lzma.LZMAError, zstd.ZstdError, EOFError, OSError, ValueError, SystemError)
"""What the decompressors raise on data that is not theirs."""
