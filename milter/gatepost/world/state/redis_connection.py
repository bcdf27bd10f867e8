"""One connection to a Redis server: made by the client library, spoken over by hand.

The library knows addresses, TLS and logging in (AUTH, SELECT), and its parser and its errors are used here as they are. Its own way
of sending and reading costs as much again as the round trip itself: a handful of layers for each answer, and a poll() before
each call on the socket. So once a connection stands its bare socket is used, with one system call each to see that the server
has not hung up, to send and to receive.
"""

from __future__ import annotations

import select
import socket
import ssl
import struct
import time
from typing import Any, Final

import hiredis
import redis
from redis.connection import DefaultParser
from redis.exceptions import InvalidResponse

_PIECE: Final = 16_384
"""Bytes read at once. Most answers are smaller; and it is as much as a TLS record holds (RFC 8446, 5.1), so that nothing of an answer
is left inside OpenSSL, where poll() does not see it."""

_TIME: Final = struct.Struct("@ll")  # struct timeval: seconds, microseconds
_MORE: Final = object()
_CLOSED: Final = "the server closed the connection"


class CutOffError(redis.ConnectionError):
    """The server ended the connection before it had answered; whether it ran what was sent nobody knows."""


class Connection:
    """An open connection. `made` is the client library's, not connected yet; its `socket_timeout` bounds every wait here.

    Raises redis.RedisError or OSError when the server is away, then and later; after that nothing but close() is of use.
    """

    __slots__ = ("_limit", "_made", "_poll", "_reader", "_socket")

    def __init__(self, made: Any) -> None:
        made.redis_connect_func = _greet
        made.connect()
        self._made = made
        self._limit: float = made.socket_timeout
        self._socket: socket.socket = made._sock  # noqa: SLF001  the library has no other name for it
        _bound(self._socket, self._limit)
        self._poll = select.poll()
        self._poll.register(self._socket, select.POLLIN)
        self._reader = hiredis.Reader(
            protocolError=InvalidResponse, replyError=DefaultParser.parse_error, notEnoughData=_MORE
        )

    def silent(self) -> bool:
        """Say whether nothing is there to read: a server that went away while the connection was idle left its end of file."""
        return not self._poll.poll(0)

    def send(self, data: bytes) -> None:
        """Send commands in the protocol's form, in no more than the time limit."""
        end = time.monotonic() + self._limit
        try:
            sent = self._socket.send(data)
            while sent < len(data):  # time is over, or TLS, which sends record by record
                if time.monotonic() > end:
                    raise self._late()
                sent += self._socket.send(memoryview(data)[sent:])
        except (BlockingIOError, TimeoutError):
            raise self._late() from None
        except ConnectionError as error:
            raise CutOffError(_CLOSED) from error

    def answers(self, count: int) -> list[Any]:
        """Read so many answers, in no more than the time limit together; an error that the server answered is given, not raised.

        Raised are those that say that the server serves nobody (LOADING, a wrong password): the library's ConnectionError.
        """
        end = time.monotonic() + self._limit
        self._receive()
        found: list[Any] = []
        while len(found) < count:
            answer = self._reader.gets()
            if answer is _MORE:
                # The rest of an answer that comes in drops has no time limit of its own.
                if not self._poll.poll(max(0.0, end - time.monotonic()) * 1_000):
                    raise self._late()
                self._receive()
            elif isinstance(answer, redis.ConnectionError):
                raise answer
            else:
                found.append(answer)
        return found

    def _receive(self) -> None:
        """Give the parser what the server sent; waits for the first byte of it."""
        try:
            data = self._socket.recv(_PIECE)
        except (BlockingIOError, TimeoutError):
            raise self._late() from None
        except ConnectionError as error:
            raise CutOffError(_CLOSED) from error
        if not data:
            raise CutOffError(_CLOSED)
        self._reader.feed(data)

    def _late(self) -> redis.TimeoutError:
        return redis.TimeoutError(f"no answer within {self._limit:g} s")

    def close(self) -> None:
        """Hang up; in a child of a fork only this process's end."""
        self._made.disconnect()


def _greet(made: Any) -> None:
    """Log in as the library does; a server that hangs up meanwhile is not one that refuses a connection or an account."""
    try:
        made.on_connect()
    except redis.ConnectionError as error:
        if type(error) is redis.ConnectionError:
            raise CutOffError(_CLOSED) from error
        raise


def _bound(line: socket.socket, seconds: float) -> None:
    """Let the kernel end a call on a socket after so many seconds: Python's own time limit costs a poll() before each.

    Not over TLS, where OpenSSL takes the kernel's "not yet" for a reason to try again at once: there Python's limit stays.
    """
    if isinstance(line, ssl.SSLSocket):
        return
    limit = _TIME.pack(int(seconds), int(seconds % 1 * 1_000_000))
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
    line.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
    line.settimeout(None)
