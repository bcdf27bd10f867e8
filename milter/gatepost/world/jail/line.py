"""How the two sides of a jail speak: a socket pair for orders and answers, an anonymous file for what is to be read.

An order is the size of the request and the seconds for it, with a file descriptor beside it. The file is sealed: what the
program maps cannot change or shrink under it. An answer is one byte that says whether the process will take another order,
its size, and its bytes. Both sides name their bounds here.
"""

from __future__ import annotations

import fcntl
import os
import socket
import struct
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

ORDER: Final = struct.Struct("!Qd")
ANSWER: Final = struct.Struct("!?Q")
READY: Final = b"r"

ANSWER_BYTES: Final = 32 * 1024 * 1024
"""Bytes of one answer that the caller takes into its memory. A process that announces more is killed."""

_CHUNK_BYTES: Final = 1024 * 1024
_SEALS: Final = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SEAL


@contextmanager
def sheet(pieces: Sequence[bytes]) -> Iterator[int]:
    """Give the descriptor of a sealed anonymous file that holds the pieces, without joining them in memory.

    Raises OSError where the kernel has no room for it.
    """
    fd = os.memfd_create("gatepost-request", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        for piece in pieces:
            rest = memoryview(piece)
            while rest:
                rest = rest[os.write(fd, rest) :]
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, _SEALS)
        yield fd
    finally:
        os.close(fd)


def receive(line: socket.socket, size: int, until: float | None = None) -> bytearray:
    """Read exactly so many bytes, until a moment of the monotonic clock; raises EOFError, TimeoutError, OSError."""
    data = bytearray(size)
    view, filled = memoryview(data), 0
    while filled < size:
        if until is not None:
            hurry(line, until)
        count = line.recv_into(view[filled : filled + _CHUNK_BYTES])
        if not count:
            raise EOFError
        filled += count
    return data


def hurry(line: socket.socket, until: float) -> None:
    """Let the next wait last as long as there is time; raises TimeoutError when there is none."""
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    line.settimeout(left)
