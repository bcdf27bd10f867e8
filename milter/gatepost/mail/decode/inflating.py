"""zlib's decompressor in the form that those of bz2, lzma and zstd have."""

from __future__ import annotations

import zlib


class Inflater:
    """Inflates one stream piece by piece; `wbits` says what it is wrapped in, as for zlib.decompressobj()."""

    def __init__(self, wbits: int) -> None:
        """Begin with a stream."""
        self._inner = zlib.decompressobj(wbits)
        self._rest = b""
        self._full = False

    @property
    def eof(self) -> bool:
        """Whether the stream has ended."""
        return self._inner.eof

    @property
    def needs_input(self) -> bool:
        """Whether nothing more can be had without more input."""
        return not self._rest and not self._full

    @property
    def unused_data(self) -> bytes:
        """What was given behind the end of the stream."""
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        """Give at most so many bytes; raises zlib.error for a damaged stream."""
        block = self._inner.decompress(self._rest + data, max_length)
        self._rest = self._inner.unconsumed_tail
        # A full block may have left more inside although all input is taken.
        self._full = len(block) == max_length
        return block
