"""A private Redis server for tests: its own folder, a unix socket and a free loopback port, stopped by its process id."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from pathlib import Path

from support.private_server import PrivateServer


class RedisServer(PrivateServer):
    """One redis-server process; `start()` after `kill()` brings it back on the same port, empty."""

    name = "redis"

    def __init__(self, folder: Path, **options: str) -> None:
        """Take an existing folder for the socket, and further redis.conf options (`tls_port="7000"`); nothing is saved."""
        super().__init__(folder)
        self.options = {f"--{name.replace('_', '-')}": value for name, value in options.items()}

    @property
    def url(self) -> str:
        """The URL of its TCP port."""
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def unix_url(self) -> str:
        """The URL of its unix socket."""
        return f"unix://{self.socket}?db=0"

    def command_line(self) -> list[str]:
        """Give the command, every option on it."""
        options = {
            "--port": str(self.port),
            "--bind": "127.0.0.1",
            "--unixsocket": str(self.socket),
            "--dir": str(self.folder),
            "--save": "",
            "--appendonly": "no",
            "--daemonize": "no",
            "--logfile": str(self.log),
            **self.options,
        }
        return ["redis-server", *(word for pair in options.items() for word in pair)]

    def answers(self) -> bool:
        """Say whether it answers PING."""
        try:
            return b"+PONG" in self.command(b"PING")
        except OSError:
            return False

    def command(self, *words: bytes) -> bytes:
        """Send one command over the TCP port and give what comes back first, as it stands on the wire."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=1.0) as line:
            return spoken(line, words)


def spoken(line: socket.socket, words: Sequence[bytes]) -> bytes:
    """Send one command over an open connection and give what comes back first."""
    line.sendall(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in words))
    return line.recv(65_536)
