"""One process of a jail, seen from outside: started, given an order, waited for, killed."""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence
from typing import Final

from gatepost.world.jail.door import Answered, Crashed, Ending, Overdue, Unavailable
from gatepost.world.jail.keeper import Keeper
from gatepost.world.jail.line import ANSWER, ANSWER_BYTES, ORDER, READY, hurry, receive, sheet
from gatepost.world.jail.process import Process, Spawned
from gatepost.world.jail.settings import Settings

GRACE_SECONDS: Final = 0.4
"""How much earlier than the caller's deadline the program shall stop by itself, so that it can still say what it found."""

_GRACE_SHARE: Final = 0.2  # of a short deadline


def arguments_of(settings: Settings) -> tuple[str, str]:
    """Give what every process of a jail is told: bytes of memory, number of orders."""
    return str(settings.jail_memory_bytes), str(settings.jail_jobs)


class Cell:
    """A process that runs a program; used by one thread at a time. Starting does not wait for it to be ready.

    Takes the program as the Python interpreter's arguments, and the keeper that forks it, if there is one. Raises OSError when
    no process can be had.
    """

    def __init__(self, program: Sequence[str], settings: Settings, keeper: Keeper | None = None) -> None:
        self._settings = settings
        self._ready = False
        ours, theirs = socket.socketpair()
        self._line = ours
        try:
            with theirs:
                self._process: Process = (
                    keeper.fork(theirs)
                    if keeper
                    else Spawned((*program, str(theirs.fileno()), *arguments_of(settings)), theirs.fileno())
                )
        except OSError:
            ours.close()
            raise
        self._started = time.monotonic()
        self.staying = True

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the process can take an order."""
        return self.staying and not self._process.ended()

    @property
    def starting(self) -> bool:
        """Whether the process has not yet said that it is ready."""
        return not self._ready

    def call(self, request: Sequence[bytes], until: float) -> Ending:
        """Give an order and its answer; `until` is a moment of the monotonic clock. Anything but an answer ends the process."""
        begin = time.monotonic()
        try:
            if not self._wait_ready(until):
                return Overdue(until - begin)
        except (EOFError, OSError):
            return Unavailable(f"the process ended while it started{self._process.how()}")
        try:
            return self._exchange(request, until)
        except TimeoutError:
            return Overdue(until - begin)
        except (EOFError, ConnectionError):
            return Crashed(f"the process ended{self._process.how()}")
        except OSError as error:
            return Crashed(f"the process could not be spoken to: {error.strerror or error}")

    def _wait_ready(self, until: float) -> bool:
        """Wait for the first sign of life; False when the caller's time is up first. Raises EOFError, OSError.

        A start that takes longer than it may counts as one that failed.
        """
        if self._ready:
            return True
        latest = self._started + self._settings.jail_start_seconds
        try:
            self._ready = receive(self._line, len(READY), min(until, latest)) == READY
        except TimeoutError:
            if time.monotonic() >= latest:
                raise OSError("not ready in time") from None
            return False
        return self._ready

    def _exchange(self, request: Sequence[bytes], until: float) -> Ending:
        seconds = until - time.monotonic()
        with sheet(request) as fd:
            hurry(self._line, until)
            order = ORDER.pack(sum(map(len, request)), seconds - min(GRACE_SECONDS, seconds * _GRACE_SHARE))
            socket.send_fds(self._line, [order], [fd])
            self.staying, size = ANSWER.unpack(receive(self._line, ANSWER.size, until))
        if size > ANSWER_BYTES:
            return Crashed(f"the process announced an answer of {size:,} bytes")
        return Answered(bytes(receive(self._line, size, until)))

    def kill(self) -> None:
        """End the process, whatever it does, and wait until it is gone."""
        self._line.close()
        self._process.kill()
