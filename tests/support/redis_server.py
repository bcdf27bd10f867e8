"""A private Redis server for tests: its own folder, a unix socket and a free loopback port, stopped by its process id."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from support.waiting import free_port

DEADLINE = 20.0


class RedisServer:
    """One redis-server process; `start()` after `kill()` brings it back on the same port, empty."""

    def __init__(self, folder: Path, **options: str) -> None:
        """Take an existing folder for the socket, and further redis.conf options (`tls_port="7000"`); nothing is saved."""
        self.folder = folder
        self.options = {f"--{name.replace('_', '-')}": value for name, value in options.items()}
        self.port = free_port()
        self.socket = folder / "redis.sock"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The URL of its TCP port."""
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def unix_url(self) -> str:
        """The URL of its unix socket."""
        return f"unix://{self.socket}?db=0"

    def start(self) -> Self:
        """Start the server and wait until it answers PING."""
        options = {
            "--port": str(self.port),
            "--bind": "127.0.0.1",
            "--unixsocket": str(self.socket),
            "--dir": str(self.folder),
            "--save": "",
            "--appendonly": "no",
            "--daemonize": "no",
            "--logfile": str(self.folder / "redis.log"),
            **self.options,
        }
        command = ["redis-server", *(word for pair in options.items() for word in pair)]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        until = time.monotonic() + DEADLINE
        while not self._answers():
            assert self.process.poll() is None, (self.folder / "redis.log").read_text()
            assert time.monotonic() < until, "redis-server did not answer PING in time"
            time.sleep(0.01)
        return self

    def _answers(self) -> bool:
        try:
            return b"+PONG" in self.command(b"PING")
        except OSError:
            return False

    def command(self, *words: bytes) -> bytes:
        """Send one command over the TCP port and give what comes back first, as it stands on the wire."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=1.0) as line:
            line.sendall(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in words))
            return line.recv(65_536)

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

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
