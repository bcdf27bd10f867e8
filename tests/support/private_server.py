"""What every private server of the tests does: start, answer, freeze, be killed by its process id."""

from __future__ import annotations

import signal
import subprocess
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import Self

from support.waiting import free_port, until


class PrivateServer(ABC):
    """One process in the foreground with a folder, a free loopback port, a unix socket and a log of its own.

    `start()` after `kill()` brings it back in the same places.
    """

    name: str

    def __init__(self, folder: Path) -> None:
        """Take an existing folder for everything the server writes."""
        self.folder = folder
        self.port = free_port()
        self.socket = folder / f"{self.name}.sock"
        self.log = folder / f"{self.name}.log"
        self.process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def command_line(self) -> list[str]:
        """Give the command that runs the server in the foreground."""

    @abstractmethod
    def answers(self) -> bool:
        """Say whether it serves."""

    def start(self) -> Self:
        """Start the server and wait until it answers."""
        null = subprocess.DEVNULL
        self.process = process = subprocess.Popen(self.command_line(), stdin=null, stdout=null, stderr=null)

        def serves() -> bool:
            assert process.poll() is None, f"{self.name} ended: {self.log.read_text() if self.log.exists() else ''}"
            return self.answers()

        until(serves, f"{self.name} to answer", 30.0)
        return self

    def freeze(self) -> None:
        """Stop the process (SIGSTOP): the kernel still accepts connections, nobody answers."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let the process go on (SIGCONT)."""
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """Kill the process (SIGKILL) and wait for its end; no error when it is gone already."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None
            self.socket.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
