"""Connections to one Redis server, for many threads: commands out in one packet, answers back in order.

The client library's pool, which counts, locks and notifies at every call, costs more than the call itself, so idle connections
stand on a plain shelf here, and commands are put into bytes by the parser library alone. A connection belongs to one thread while
it is used, and to the process that made it for ever: a child of a fork starts with an empty shelf.

A new connection is made by a thread of its own, because to look up the name of a server takes as long as the system's resolver
likes, 10 s and more where DNS is down, and nothing can cut that short. Whoever waits for it goes on without; what comes late is closed.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final

import redis
from hiredis import pack_command

from gatepost.world.state.redis_connection import Connection

Command = tuple[Any, ...]
"""The words of one command: text, bytes and numbers."""

SHELF: Final = 64
"""Idle connections that one process keeps to one server; as many as threads may ask at the same moment."""


class _Making:
    """A connection that is being made; `to_be` connects one of the client library's."""

    def __init__(self, to_be: Callable[[], Any]) -> None:
        self._to_be = to_be
        self._lock = threading.Lock()
        self._late = False
        self._made: Connection | None = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name="redis-connect", daemon=True)

    def within(self, seconds: float) -> Connection:
        """Give the connection; raises what making it raised, and redis.TimeoutError where it takes longer."""
        self._thread.start()
        self._thread.join(seconds)
        with self._lock:
            self._late = True
            if self._error is not None:
                raise self._error
            if self._made is None:
                raise redis.TimeoutError(f"no connection within {seconds:g} s")
            return self._made

    def _work(self) -> None:
        try:
            made = Connection(self._to_be())
        except BaseException as error:  # noqa: BLE001  told to whoever waits
            with self._lock:
                self._error = error
            return
        with self._lock:
            if not self._late:
                self._made = made
                return
        made.close()


class Line:
    """The way to one server. `make` gives a new connection of the client library, not connected yet; `limit` is in seconds."""

    def __init__(self, make: Callable[[], Any], limit: float) -> None:
        self._make = make
        self._limit = limit
        self._idle: deque[Connection] = deque(maxlen=SHELF)
        self._process = os.getpid()

    def talk(self, commands: Sequence[Command]) -> list[Any]:
        """Send commands and give their answers; an error that the server answered is given, not raised.

        Raises redis.RedisError or OSError when the way is broken. Nothing is sent twice.
        """
        connection = self.say(commands)
        return self.hear(connection, len(commands))

    def say(self, commands: Sequence[Command]) -> Connection:
        """Send commands; gives the connection on which the answers will come, for hear()."""
        connection = self._take()
        try:
            connection.send(b"".join(map(pack_command, commands)))
        except BaseException:
            connection.close()
            raise
        return connection

    def hear(self, connection: Connection, count: int) -> list[Any]:
        """Read so many answers and put the connection back on the shelf."""
        try:
            answers = connection.answers(count)
        except BaseException:
            # Answers may still be under way: nobody else must read them as his own. And what broke one connection
            # has most likely broken those on the shelf.
            connection.close()
            self.close()
            raise
        self._idle.append(connection)
        return answers

    def _take(self) -> Connection:
        """Give a connection that is open and silent."""
        if self._process != os.getpid():
            self._idle, self._process = deque(maxlen=SHELF), os.getpid()
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:
                return _Making(self._make).within(self._limit)
            if connection.silent():
                return connection
            connection.close()

    def close(self) -> None:
        """Close what stands on the shelf; a later call opens what it needs."""
        if self._process == os.getpid():
            while self._idle:
                self._idle.pop().close()
