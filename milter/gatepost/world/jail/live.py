"""The jail door, live: a small pool of processes, started when they are needed and replaced when they end."""

from __future__ import annotations

import logging
import os
import threading
import time
import weakref
from collections.abc import Sequence
from typing import Final

from gatepost.world import budget
from gatepost.world.clock import Clock, SystemClock
from gatepost.world.jail.cell import Cell, arguments_of
from gatepost.world.jail.door import Answered, Ending, Overdue, Unavailable
from gatepost.world.jail.keeper import Account, Keeper
from gatepost.world.jail.settings import Settings

log = logging.getLogger(__name__)

RETRY_SECONDS_MAX: Final = 300.0
"""Longest time that a jail which does not start is left alone."""


class LiveJail:
    """The jail that runs a program, whose last line is `serve(..., sys.argv)`. Starts nothing before the first call.

    Takes the program as the Python interpreter's arguments: `("-m", "gatepost.a.b")`.

    Each process serves one thread at a time. After a process could not be started, none is tried for a while, longer with
    each failure, so that a broken installation costs a message nothing.
    """

    def __init__(self, program: Sequence[str], settings: Settings, clock: Clock | None = None) -> None:
        self._program = program
        self._settings = settings
        self._clock = clock or SystemClock()
        self._reset()
        # In a forked process the cells are the parent's, and so were the threads that held the locks.
        reset = weakref.WeakMethod(self._reset)
        os.register_at_fork(after_in_child=lambda: (again := reset()) and again())

    def _reset(self) -> None:
        self._places = threading.BoundedSemaphore(self._settings.jail_processes)
        self._lock = threading.Lock()
        self._idle: list[Cell] = []
        self._keeper: Keeper | None = None
        self._failures = 0
        self._away: tuple[float, str] | None = None

    def keep_for(self, uid: int, gid: int) -> None:
        """Prepare for becoming an account that cannot start the program: what runs it from now on is that account's, too.

        Call as root, before anything else. What goes wrong shows at the first call.
        """
        try:
            arguments = arguments_of(self._settings)
            start_seconds = self._settings.jail_start_seconds
            self._keeper = Keeper(self._program, arguments, Account(uid, gid), start_seconds)
        except OSError as error:
            self._failed(f"no process could be started: {error.strerror or error}")

    def call(self, request: Sequence[bytes], seconds: float) -> Ending:
        """Give the program's answer within so many seconds, or within what is left of the message's budget."""
        away = self._away
        if away and self._clock.monotonic() < away[0]:
            return Unavailable(f"{away[1]}; not tried again yet")
        seconds = min(seconds, budget.current().remaining())
        if seconds <= 0:
            return Overdue(0.0)
        until = time.monotonic() + seconds
        if not self._places.acquire(timeout=seconds):
            return Unavailable("all its processes were busy")
        try:
            return self._call(request, until)
        finally:
            self._places.release()

    def _call(self, request: Sequence[bytes], until: float) -> Ending:
        try:
            cell = self._take()
        except OSError as error:
            return self._failed(f"no process could be started: {error.strerror or error}")
        ending = cell.call(request, until)
        # A process that still starts is not given up when one message cannot wait for it: the next may.
        if cell.starting if isinstance(ending, Overdue) else isinstance(ending, Answered) and cell.staying:
            with self._lock:
                self._idle.append(cell)
        else:
            cell.kill()
        if isinstance(ending, Unavailable):
            return self._failed(ending.reason)
        self._failures = 0
        return ending

    def _take(self) -> Cell:
        """Give a process that waits for work, or a new one; raises OSError."""
        while True:
            with self._lock:
                cell = self._idle.pop() if self._idle else None
            if cell is None:
                return Cell(self._program, self._settings, self._keeper)
            if cell.alive:
                return cell
            cell.kill()

    def _failed(self, reason: str) -> Unavailable:
        """Note that no process could be had, and leave it for a while."""
        wait = min(self._settings.jail_retry_seconds * 2**self._failures, RETRY_SECONDS_MAX)
        self._failures = min(self._failures + 1, 10)
        self._away = (self._clock.monotonic() + wait, reason)
        log.warning("files of messages cannot be opened: %s; next try in %.0f s", reason, wait)
        return Unavailable(reason)

    def close(self) -> None:
        """End the processes that wait for work, and their keeper; those at work end with their order."""
        with self._lock:
            idle, self._idle = self._idle, []
            keeper, self._keeper = self._keeper, None
        for cell in idle:
            cell.kill()
        if keeper:
            keeper.close()
