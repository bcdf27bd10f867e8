"""One connection to clamd: `nINSTREAM`, then chunks with a four-byte length each, an empty chunk, and one line back (clamd(8)).

The PyPI `clamd` client knows the commands and their answers; this module adds what a mail filter needs and the client
lacks: a limit on connecting and on every wait, writes that are never cut short, IPv6, and an answer that is read when
clamd stops listening half-way, which is how it says "too large".
"""

from __future__ import annotations

import select
import socket
import struct
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import clamd

from gatepost.world.clock import SystemClock
from gatepost.world.scanner.settings import Address

CHUNK_BYTES: Final = 64 * 1024
"""Bytes sent at a time; far below any StreamMaxLength in use (clamd's default is 100 MB, Debian's 25 MB)."""

ANSWER_BYTES: Final = 4_096
"""Bytes read of an answer line. The rest is not read."""

BEGIN: Final = b"nINSTREAM\n"
END: Final = b"\0\0\0\0"

_CREDENTIALS: Final = struct.Struct("3i")  # struct ucred: pid, uid, gid (unix(7))
_STOPPED: Final = frozenset({"T", "t"})  # proc(5): stopped by a signal, or by a debugger
_GONE: Final = frozenset({"X", "x", "Z"})


class Line(clamd.ClamdNetworkSocket):  # type: ignore[misc]
    """One connection of the `clamd` client, with the limits it lacks: `connecting` and `seconds` in all."""

    def __init__(self, address: Address, connecting: float, seconds: float) -> None:
        super().__init__()
        self._address = address
        self._connecting = connecting
        self._until = SystemClock().monotonic() + seconds
        self.connected = False
        self.peer = 0
        self.clamd_socket: Any = None

    def _init_socket(self) -> None:
        """Connect within the limit; replaces the client's own, which waits for ever and knows no IPv6."""
        if isinstance(self._address, tuple):
            self.clamd_socket = socket.create_connection(self._address, timeout=self._connecting)
        else:
            self.clamd_socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                self.clamd_socket.settimeout(self._connecting)
                self.clamd_socket.connect(self._address)
                self.peer = peer(self.clamd_socket)
            except OSError:
                self.clamd_socket.close()
                raise
        self.connected = True
        self.clamd_socket.settimeout(max(0.001, self._until - SystemClock().monotonic()))

    def _hurry(self) -> None:
        """Let the next wait last as long as there is time; raises TimeoutError when there is none."""
        left = self._until - SystemClock().monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        self.clamd_socket.settimeout(left)

    def version(self) -> str:
        """Ask for the version line; raises OSError, where the client hides that behind an error of its own."""
        try:
            return str(super().version())
        except clamd.ClamdError as error:
            if isinstance(error.__context__, OSError):
                raise error.__context__ from None
            raise

    def stream(self, data: bytes) -> bytes:
        """Send bytes by INSTREAM and give clamd's answer line, b"" when it hung up; raises OSError."""
        self._init_socket()
        try:
            # When clamd stops listening its reason may still be there to read.
            with suppress(BrokenPipeError, ConnectionResetError):
                self._send(data)
            self._hurry()
            return read_line(self.clamd_socket)
        finally:
            self._close_socket()

    def _send(self, data: bytes) -> None:
        self.clamd_socket.sendall(BEGIN)
        answered = select.poll()
        answered.register(self.clamd_socket, select.POLLIN)
        for start in range(0, len(data), CHUNK_BYTES):
            chunk = memoryview(data)[start : start + CHUNK_BYTES]
            self._hurry()
            self.clamd_socket.sendall(struct.pack("!L", len(chunk)))
            self.clamd_socket.sendall(chunk)
            # An answer before the end is a refusal ("size limit exceeded"); what is sent after it may destroy it.
            if start and answered.poll(0):
                return
        self._hurry()
        self.clamd_socket.sendall(END)

    def takes(self, size: int) -> bool:
        """Say whether clamd would take a stream of so many bytes, by announcing one and sending nothing; raises OSError.

        clamd compares the announced length with StreamMaxLength before it reads on: it refuses, or it meets the end that
        follows and hangs up without a word.
        """
        self._init_socket()
        try:
            self.clamd_socket.sendall(BEGIN + struct.pack("!L", size))
            self.clamd_socket.shutdown(socket.SHUT_WR)
            return not read_line(self.clamd_socket)
        finally:
            self._close_socket()


def read_line(line: socket.socket) -> bytes:
    """Read up to a newline, the end, or ANSWER_BYTES; raises OSError."""
    reply = b""
    while b"\n" not in reply and len(reply) < ANSWER_BYTES:
        more = line.recv(ANSWER_BYTES)
        if not more:
            break
        reply += more
    return reply.partition(b"\n")[0]


def peer(line: socket.socket) -> int:
    """Give the process that listens at the other end of a unix socket (SO_PEERCRED), 0 where that is not known."""
    try:
        raw = line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        return int(_CREDENTIALS.unpack(raw)[0])
    except OSError:
        return 0


def stopped(pid: int) -> bool:
    """Say whether a process is stopped by a signal (proc(5))."""
    return _state(pid) in _STOPPED


def alive(pid: int) -> bool:
    """Say whether a process is clamd, and runs: neither stopped nor ended. False where that cannot be known."""
    try:
        name = Path(f"/proc/{pid}/comm").read_text(errors="replace").strip()
    except OSError:
        return False
    return name == "clamd" and _state(pid) not in _STOPPED | _GONE | {""}


def _state(pid: int) -> str:
    """Give the letter of a process' state, "" where it cannot be read."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return ""
