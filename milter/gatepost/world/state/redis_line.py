"""Connections to one Redis server, for many threads: commands out in one packet, answers back in order.

The client library's pool, which counts, locks and notifies at every call, costs more than the call itself, so idle connections
stand on a plain shelf here, and commands are put into bytes by the parser library alone. A connection belongs to one thread while
it is used, and to the process that made it for ever: a child of a fork starts with an empty shelf.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final

from hiredis import pack_command

from gatepost.world.state.redis_connection import Connection

Command = tuple[Any, ...]
"""The words of one command: text, bytes and numbers."""

SHELF: Final = 64
"""Idle connections that one process keeps to one server; as many as threads may ask at the same moment."""


class Line:
    """The way to one server. `make` gives a new connection of the client library, not connected yet."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
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
                return Connection(self._make())
            if connection.silent():
                return connection
            connection.close()

    def close(self) -> None:
        """Close what stands on the shelf; a later call opens what it needs."""
        if self._process == os.getpid():
            while self._idle:
                self._idle.pop().close()
