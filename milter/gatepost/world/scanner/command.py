"""The virus scanner door over a command: a file in, an exit code and a line of output back.

The command is started anew for each scan, without a shell, in a session of its own, with little in its environment and under
limits of the kernel (prlimit(1) sets them, because Python code between fork and exec is not safe in a process of many
threads): processor time, memory, size of files, no core dump. Its output is read to a bound. Whatever it leaves running when
its time is over is killed with it.
"""

from __future__ import annotations

import os
import re
import resource
import select
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from gatepost.mail import limits
from gatepost.world import budget
from gatepost.world.clock import SystemClock
from gatepost.world.scanner.clamd_answer import named
from gatepost.world.scanner.door import (
    Clean,
    Engine,
    Infected,
    OverLimit,
    Scan,
    ScanFailed,
    Stream,
    TimedOut,
    Unreachable,
    one_line,
)
from gatepost.world.scanner.settings import Settings

OUTPUT_BYTES: Final = 64 * 1024
"""Bytes of output that are read for the signature's name. The rest is thrown away."""

LINE_CHARACTERS: Final = 1_000
"""Characters of one line that the administrator's expression is tried on."""

FILE_BYTES: Final = 1024 * 1024 * 1024
"""Largest file that the command may write while it unpacks (RLIMIT_FSIZE)."""

_FILES: Final = 256
_ENVIRONMENT: Final = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}
_UNNAMED: Final = "malware that the command did not name"


class CommandScanner:
    """The scanner door over a command. Takes settings with a `command`. Never raises."""

    name: Final = "command"

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._signature = re.compile(settings.command_signature) if settings.command_signature else None
        self._places = threading.BoundedSemaphore(settings.command_processes)

    @property
    def max_bytes(self) -> int:
        """[virus] max_bytes."""
        return self._settings.max_bytes

    def scan(self, data: bytes) -> Scan:
        """Give what the command says of these bytes within the message's budget."""
        if len(data) > self.max_bytes:
            return OverLimit(f"the limit of {self.max_bytes:,} bytes")
        until = SystemClock().monotonic() + min(self._settings.timeout_seconds, budget.current().remaining())
        if not self._places.acquire(timeout=max(0.0, until - SystemClock().monotonic())):
            return TimedOut("every place for the scan command is taken")
        try:
            with tempfile.NamedTemporaryFile(prefix="gatepost-scan-") as file:
                file.write(data)
                file.flush()
                code, output = run(self._line(file.name), until)
        except TimeoutError:
            return TimedOut("the scan command did not finish in time")
        except OSError as error:
            return Unreachable(one_line(error))
        finally:
            self._places.release()
        return self._read(code, output)

    def _line(self, file: str) -> list[str]:
        words = [word.replace("{file}", file) for word in self._settings.command[1:]]
        return [*_limits(self._settings), self._settings.command[0], *words]

    def _read(self, code: int, output: str) -> Scan:
        """Tell the command's answers apart."""
        settings = self._settings
        if code < 0:
            return ScanFailed(f"the scan command was ended by signal {-code}")
        if code in {126, 127} and code not in (*settings.command_clean, *settings.command_infected):
            return Unreachable(f"the scan command cannot be started (exit code {code})")
        if code in settings.command_infected:
            if self._signature is None:
                return Infected(_UNNAMED)
            name = self._name(output)
            return named(name, settings.heuristics) if name else ScanFailed("the scan command named no signature")
        return (
            Clean() if code in settings.command_clean else ScanFailed(f"the scan command ended with exit code {code}")
        )

    def _name(self, output: str) -> str:
        """Give the name of the signature in the output, "" where there is none."""
        for line in output.splitlines() if self._signature else ():
            if found := self._signature.search(line[:LINE_CHARACTERS]):  # type: ignore[union-attr]
                return (found[1] or "").strip()[: limits.VIRUS_SIGNATURE_CHARACTERS]
        return ""

    def engines(self) -> tuple[Engine, ...]:
        """Say whether the command is there; it does not tell its database."""
        program = self._settings.command[0]
        found = shutil.which(program, path=_ENVIRONMENT["PATH"]) is not None
        return (Engine(program, Path(program).name if found else ""),)

    def heard(self) -> tuple[Engine, ...]:
        """Give the same."""
        return self.engines()

    def begin(self) -> Stream | None:
        """Give None: a command is started when all is there."""
        return None


def _limits(settings: Settings) -> list[str]:
    """Give the words that set the command's limits; each at most what this process may itself."""
    seconds = int(settings.timeout_seconds) + 1
    wanted = (
        ("cpu", resource.RLIMIT_CPU, seconds),
        ("as", resource.RLIMIT_AS, settings.command_memory),
        ("fsize", resource.RLIMIT_FSIZE, max(FILE_BYTES, settings.max_bytes)),
        ("nofile", resource.RLIMIT_NOFILE, _FILES),
        ("core", resource.RLIMIT_CORE, 0),
    )
    return ["prlimit", *(f"--{name}={_least(which, value)}" for name, which, value in wanted), "--"]


def _least(which: int, value: int) -> int:
    hard = resource.getrlimit(which)[1]
    return value if hard == resource.RLIM_INFINITY else min(value, hard)


def run(command: Sequence[str], until: float) -> tuple[int, str]:
    """Run a command until a point on the monotonic clock; gives its exit code (negative: a signal) and its output to a bound.

    Raises TimeoutError, and OSError when it cannot be started. Nothing of its session is left behind.
    """
    process = subprocess.Popen(  # noqa: S603  the administrator's own words, and no shell
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd="/",
        env=_ENVIRONMENT,
        start_new_session=True,
    )
    try:
        output = _output(process, until)
        _ended(process.pid, until)
    finally:
        # Before it is waited for: until then its number cannot belong to anybody else.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        code = process.wait()
        if process.stdout is not None:
            process.stdout.close()
    return code, output


def _ended(pid: int, until: float) -> None:
    """Wait for the end of a child, which stays to be waited for; raises TimeoutError."""
    descriptor = os.pidfd_open(pid)
    try:
        ready = select.poll()
        ready.register(descriptor, select.POLLIN)
        if not ready.poll(max(0.0, until - SystemClock().monotonic()) * 1_000):
            raise TimeoutError("timed out")
    finally:
        os.close(descriptor)


def _output(process: subprocess.Popen[bytes], until: float) -> str:
    """Read what it says until it says no more; raises TimeoutError."""
    if process.stdout is None:
        return ""
    descriptor, kept = process.stdout.fileno(), bytearray()
    ready = select.poll()
    ready.register(descriptor, select.POLLIN)
    while True:
        left = until - SystemClock().monotonic()
        if left <= 0 or not ready.poll(left * 1_000):
            raise TimeoutError("timed out")
        piece = os.read(descriptor, OUTPUT_BYTES)
        if not piece:
            return kept.decode("utf-8", "replace")
        kept += piece[: OUTPUT_BYTES - len(kept)]
