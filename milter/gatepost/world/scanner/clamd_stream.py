"""An INSTREAM that begins while the mail still arrives.

clamd writes a stream into a file as it comes and scans when it ends, so this saves the transfer at the end of a large
message, not the scan. Three things must not happen: a sender that dawdles must not hold clamd's connections, a clamd that
dawdles must not hold up the sender, and no answer may stand for bytes that were not sent.

- The socket never blocks before `finish`: what clamd does not take now waits, as references to the pieces that the message
  holds anyway, and goes out with a later one.
- A worker keeps no more than EARLY_STREAMS open. When one more is wanted, one that got nothing for EARLY_IDLE_SECONDS is
  given up; and a stream gives itself up when the next piece comes later than that.
- `finish` compares all pieces with the bytes it is asked about, and takes nothing but a proper answer; whatever else
  happens, the caller scans in the ordinary way.
"""

from __future__ import annotations

import select
import socket
import struct
import threading
from collections import deque
from contextlib import suppress
from typing import Final, Self

from gatepost.mail import limits
from gatepost.world.clock import SystemClock
from gatepost.world.scanner.clamd_line import BEGIN, END, read_line
from gatepost.world.scanner.clamd_server import ClamdServer
from gatepost.world.scanner.door import Scan, ScanFailed
from gatepost.world.scanner.settings import Address

_AT_ONCE: Final = 64  # buffers in one call of sendmsg; the kernel takes 1024 (IOV_MAX)
_TRANSIENT: Final = (BlockingIOError, InterruptedError)


class OpenStreams:
    """The streams that a worker has open and unfinished: a bounded number of them. Safe between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: list[ClamdStream] = []

    def room(self) -> bool:
        """Make room for one more, giving up one that stands still; False when all places are taken."""
        now = SystemClock().monotonic()
        with self._lock:
            if len(self._open) < limits.EARLY_STREAMS:
                return True
            idle = next((each for each in self._open if now - each.fed_at > limits.EARLY_IDLE_SECONDS), None)
            if idle is None:
                return False
            self._open.remove(idle)
            idle.give_up()
            return True

    def enter(self, stream: ClamdStream) -> bool:
        """Take a place; False when another thread was faster and all are taken."""
        with self._lock:
            if len(self._open) >= limits.EARLY_STREAMS:
                return False
            self._open.append(stream)
            return True

    def leave(self, stream: ClamdStream) -> None:
        """Free the place of a stream, if it still has one."""
        with self._lock, suppress(ValueError):
            self._open.remove(stream)


class ClamdStream:
    """One stream to one clamd; belongs to one thread, except for `give_up`."""

    def __init__(self, server: ClamdServer, line: socket.socket, streams: OpenStreams, max_bytes: int) -> None:
        self._server = server
        self._socket = line
        self._streams = streams
        self._left = max_bytes
        self._pieces: list[bytes] = []
        self._waiting: deque[memoryview] = deque((memoryview(BEGIN),))
        self._given_up = threading.Event()
        self.fed_at = SystemClock().monotonic()

    @classmethod
    def open(cls, server: ClamdServer, streams: OpenStreams, max_bytes: int) -> Self | None:
        """Begin to connect; None where that cannot be done at once, or all places are taken."""
        if not streams.room():
            return None
        try:
            line = _dial(server.address)
        except (OSError, ValueError):
            return None
        stream = cls(server, line, streams, max_bytes)
        if streams.enter(stream):
            return stream
        line.close()
        return None

    def feed(self, piece: bytes) -> bool:
        """Take the next bytes and send what clamd takes now; False when the stream broke or is not worth going on with."""
        now = SystemClock().monotonic()
        self._left -= len(piece)
        if self._left < 0 or now - self.fed_at > limits.EARLY_IDLE_SECONDS or self._given_up.is_set():
            return False
        self.fed_at = now
        if piece:
            self._pieces.append(piece)
            self._waiting += memoryview(struct.pack("!L", len(piece))), memoryview(piece)
        return self._send()

    def _send(self) -> bool:
        """Send as much as goes; False when the connection broke."""
        try:
            while self._waiting:
                buffers = [self._waiting[index] for index in range(min(_AT_ONCE, len(self._waiting)))]
                self._sent(self._socket.sendmsg(buffers))
        except _TRANSIENT:
            return True
        except OSError:
            return False
        return True

    def _sent(self, count: int) -> None:
        """Take so many bytes off what waits."""
        while count:
            first = self._waiting.popleft()
            if len(first) > count:
                self._waiting.appendleft(first[count:])
                return
            count -= len(first)

    def finish(self, data: bytes, seconds: float) -> Scan | None:
        """Give clamd's answer on `data` within so many seconds; None unless exactly that was sent and properly answered.

        A clamd that did not answer has had its time: that is trouble, not None.
        """
        try:
            self._streams.leave(self)
            if self._given_up.is_set() or not self._carried(data):
                return None
            reply = self._end(seconds)
        except TimeoutError:
            return self._server.late()
        except OSError:
            return None
        finally:
            self.abandon()
        answer = self._server.read(reply, len(data)) if reply else None
        return None if isinstance(answer, ScanFailed) else answer

    def _carried(self, data: bytes) -> bool:
        """Say whether the pieces are these bytes."""
        at = 0
        for piece in self._pieces:
            if not data.startswith(piece, at):  # compares in place; slices would copy, views go byte by byte
                return False
            at += len(piece)
        return at == len(data)

    def _end(self, seconds: float) -> bytes:
        """Send the rest and the end, and read the answer line; raises OSError."""
        clock = SystemClock()
        until = clock.monotonic() + seconds
        self._waiting.append(memoryview(END))
        ready = select.poll()
        ready.register(self._socket, select.POLLIN | select.POLLOUT)
        while self._waiting:
            found = ready.poll(max(0.0, until - clock.monotonic()) * 1_000)
            if not found:
                raise TimeoutError("timed out")
            # An answer before the end is a refusal; what is sent after it may destroy it.
            if found[0][1] & select.POLLIN or not self._send():
                break
        self._socket.settimeout(max(0.001, until - clock.monotonic()))
        return read_line(self._socket)

    def give_up(self) -> None:
        """Break the connection from another thread: clamd forgets the stream, and its own thread notices."""
        self._given_up.set()
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def abandon(self) -> None:
        """Close the connection; clamd forgets a stream that does not end."""
        self._streams.leave(self)
        self._socket.close()
        self._pieces.clear()
        self._waiting.clear()


def _dial(address: Address) -> socket.socket:
    """Begin to connect without waiting; raises OSError, and ValueError for a host that would have to be looked up."""
    if isinstance(address, str):
        line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        place: object = address
    else:
        found = socket.getaddrinfo(*address, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
        family, kind, _, _, place = found[0]
        line = socket.socket(family, kind)
    line.setblocking(False)
    try:
        line.connect(place)  # type: ignore[arg-type]  # one of the forms that its family takes
    except BlockingIOError:
        if isinstance(address, str):  # no room among those who wait for clamd to accept
            line.close()
            raise
    except OSError:
        line.close()
        raise
    return line
