"""Whole lines to a descriptor that several processes write to, and that nobody may be reading.

A pipe keeps one write apart from the next up to PIPE_BUF bytes only (pipe(7)), and blocks the writer when its reader has
stopped. So everybody writes in pieces of that size, under a lock that the processes share, and only while there is room: a
line that finds none within WAIT is dropped and counted, and so is each later one, of any process, at once, until there is room
again. O_NONBLOCK would be simpler, but it belongs to the open file description, which the shell that started us and others
have as well.
"""

from __future__ import annotations

import fcntl
import json
import mmap
import os
import select
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Final

WAIT: Final = 1.0
"""Seconds that a line may wait for its turn and for room: a reader that is alive is back sooner, a message has 30."""

_PAUSE: Final = 0.001  # between two looks at a lock that another process has
_BEGUN: Final = 0  # what the bytes of the page are
_STALLED: Final = 1


def event(moment: float, level: str, logger: str, process: int, text: str, **more: object) -> str:
    """Give the line of an event that is no message's record; `moment` in Unix seconds."""
    fields = {"time": round(moment, 3), "level": level, "logger": logger, "pid": process, "event": text, **more}
    return json.dumps(fields, separators=(",", ":"))


class Outlet:
    """Takes lines for a descriptor. To be made before the workers are forked.

    The lock is a POSIX record lock, because the kernel takes that back from a worker that is killed. `_page` is memory of all
    processes and says whether a line was begun and not ended, and whether there was no room when somebody last looked.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._file = os.memfd_create("gatepost-log", os.MFD_CLOEXEC)
        self._page = mmap.mmap(-1, mmap.PAGESIZE)
        self._turn = threading.Lock()
        self._counting = threading.Lock()
        self._dropped = 0

    def write(self, line: str) -> None:
        """Write a line and the end of it, or drop it; never raises, and takes no longer than WAIT."""
        deadline = time.monotonic() + WAIT
        with self._locked(deadline) as ours:
            if not (ours and self._told(deadline) and self._put(line, deadline)):
                with self._counting:
                    self._dropped += 1

    def flush(self) -> None:
        """Say how many lines were dropped, if any were and there is room now."""
        with self._locked(time.monotonic()) as ours:
            if ours:
                self._told(time.monotonic())

    def _told(self, deadline: float) -> bool:
        """Say before anything else what was dropped; gives whether there was nothing to say, or it was said."""
        lost = self._dropped
        if not lost:
            return True
        text = f"the log could not be written for a while, lines of this process that were dropped: {lost}"
        if not self._put(event(time.time(), "warning", __name__, os.getpid(), text), deadline):
            return False
        with self._counting:
            self._dropped -= lost
        return True

    def _put(self, line: str, deadline: float) -> bool:
        """Write a line piece by piece; gives whether all of it was written. The lock is ours.

        Room is waited for, unless the last one to look found none: whoever waits for his turn is kept waiting as well.
        """
        # What was left of a line, by a reader that stalled, a disk that was full or a worker that was killed, is ended first.
        rest = memoryview(b"\n" * self._page[_BEGUN] + line.encode("utf-8", "backslashreplace") + b"\n")
        room = select.poll()
        room.register(self._descriptor, select.POLLOUT)
        try:
            while rest:
                patience = 0.0 if self._page[_STALLED] else max(0.0, deadline - time.monotonic())
                if not room.poll(patience * 1_000):
                    self._page[_STALLED] = 1
                    return False
                with self._begun():
                    rest = rest[os.write(self._descriptor, rest[: select.PIPE_BUF]) :]
                self._page[_STALLED] = 0
        except OSError:  # the reader is gone, the disk is full, or somebody else took the room of a non-blocking pipe
            return False
        self._page[_BEGUN] = 0
        return True

    @contextmanager
    def _begun(self) -> Iterator[None]:
        """Note that a line is begun, before it is: a worker may be killed in the middle."""
        before, self._page[_BEGUN] = self._page[_BEGUN], 1
        try:
            yield
        except OSError:
            self._page[_BEGUN] = before
            raise

    @contextmanager
    def _locked(self, deadline: float) -> Iterator[bool]:
        """Give whether it is our turn: no other thread's and no other process's."""
        if not self._turn.acquire(timeout=max(0.0, deadline - time.monotonic())):
            yield False
            return
        try:
            ours = self._lock(deadline)
            try:
                yield ours
            finally:
                if ours:
                    fcntl.lockf(self._file, fcntl.LOCK_UN)
        finally:
            self._turn.release()

    def _lock(self, deadline: float) -> bool:
        while True:
            try:
                fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                if time.monotonic() >= deadline:
                    return False
                time.sleep(_PAUSE)
            else:
                return True

    def __del__(self) -> None:
        self._page.close()
        os.close(self._file)


@cache
def standard_error() -> Outlet:
    """Give the one way to standard error: all that write there share its lock."""
    return Outlet(2)
