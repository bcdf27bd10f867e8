"""A worker as its parent knows it: a process, a channel to it, and where it is in its life."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, NoReturn

from gatepost.service import worker

BOOT: Final = 60.0
"""Seconds a worker may take to begin."""

_GRACE: Final = 3.0  # seconds beyond a worker's own deadline before it is killed


class Stage(Enum):
    """Where a worker is in its life."""

    STARTING = auto()
    SERVING = auto()
    RETIRING = auto()  # serves on until its replacement does
    LEAVING = auto()


@dataclass(slots=True)
class Child:
    """A worker, its times on the monotonic clock.

    `generation` counts snapshots. `accepting` is whether it takes, or will take, new connections. `heard` is when it last gave a sign of life; at its `deadline` it is to be killed.
    """

    pid: int
    channel: socket.socket
    generation: int
    born: float
    heard: float
    deadline: float | None
    stage: Stage = Stage.STARTING
    accepting: bool = True

    @property
    def active(self) -> bool:
        """Whether it serves, or soon will, and for long."""
        return self.stage in {Stage.STARTING, Stage.SERVING}

    def hear(self) -> bytes:
        """Take what it says, b"" for nothing. End of file needs nothing: it is reaped when it is dead."""
        try:
            words = self.channel.recv(64)
        except OSError:
            return b""
        self.heard = time.monotonic()
        return words

    def drain(self, seconds: float) -> None:
        """Tell it to serve its open connections until the MTA closes them, for so many seconds, and then to end."""
        self._leave(seconds)
        with suppress(OSError):  # it is dead already
            self.channel.send(worker.DRAIN)

    def finish(self, seconds: float) -> None:
        """Tell it to end after the messages in flight, within so many seconds."""
        self._leave(seconds)
        with suppress(OSError):
            self.channel.shutdown(socket.SHUT_WR)

    def _leave(self, seconds: float) -> None:
        self.stage = Stage.LEAVING
        self.deadline = time.monotonic() + seconds + _GRACE

    def kill(self) -> None:
        """End it at once."""
        self.deadline = None
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)


def spawn(generation: int, serve: Callable[[socket.socket], NoReturn], inherited: Iterable[socket.socket]) -> Child:
    """Fork a worker that serves with its end of a channel; closes there what it should not hold. Raises OSError."""
    ours, theirs = socket.socketpair()
    try:
        pid = os.fork()
    except OSError:
        ours.close()
        theirs.close()
        raise
    if pid == 0:
        for end in (ours, *inherited):
            end.close()
        serve(theirs)
    theirs.close()
    ours.setblocking(False)
    now = time.monotonic()
    return Child(pid, ours, generation, born=now, heard=now, deadline=now + BOOT)
