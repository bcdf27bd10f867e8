"""A process of a jail as the worker holds it: its own child, or one that a keeper has forked for it (keeper.py)."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Final, Protocol

# Nothing of the worker's environment: it may hold secrets. One arena keeps the C library from reserving address space for
# each thread; the name spares libarchive-c the search for its library, which would run a compiler.
_ENVIRONMENT: Final = {"LANG": "C.UTF-8", "MALLOC_ARENA_MAX": "1", "LIBARCHIVE": "libarchive.so.13"}

_ENDING_SECONDS: Final = 0.2


class Process(Protocol):
    """What is asked of a process."""

    @property
    def pid(self) -> int:
        """Its id."""
        ...

    def ended(self) -> bool:
        """Whether it has come to its end."""
        ...

    def how(self) -> str:
        """Say how it ended, as far as that is known within a moment: ` by signal 9`, or ""."""
        ...

    def kill(self) -> None:
        """End it, whatever it does, and wait until it is gone."""
        ...


class Spawned:
    """A child of ours that runs the interpreter anew. Takes its arguments and the descriptor it inherits; raises OSError."""

    def __init__(self, arguments: Sequence[str], line: int) -> None:
        self._child = subprocess.Popen(  # noqa: S603  our own interpreter and program
            [sys.executable, "-I", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(line,),
            env=_ENVIRONMENT,
            cwd="/",
            start_new_session=True,
        )
        self.pid = self._child.pid

    def ended(self) -> bool:
        """Whether it has come to its end."""
        return self._child.poll() is not None

    def how(self) -> str:
        """Say how it ended, by its exit code."""
        with suppress(subprocess.TimeoutExpired):
            code = self._child.wait(_ENDING_SECONDS)
            return f" by signal {-code}" if code < 0 else f" with exit code {code}"
        return ""

    def kill(self) -> None:
        """End it and take its exit code."""
        self._child.kill()
        self._child.wait()


class Kept:
    """A process that a keeper forked, which also sees to its exit code. Takes its id; raises OSError when it is gone."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._handle = os.pidfd_open(pid)

    def ended(self) -> bool:
        """Whether it has come to its end."""
        return self._gone(0.0)

    def how(self) -> str:
        """Say nothing: the exit code went to the keeper."""
        return ""

    def kill(self) -> None:
        """End it and wait until it is gone."""
        with suppress(OSError):
            signal.pidfd_send_signal(self._handle, signal.SIGKILL)
            self._gone(None)
        os.close(self._handle)

    def _gone(self, seconds: float | None) -> bool:
        """Wait so long for its end: a descriptor of a process becomes readable then (pidfd_open(2))."""
        poll = select.poll()
        poll.register(self._handle, select.POLLIN)
        return bool(poll.poll(None if seconds is None else 1e3 * seconds))
