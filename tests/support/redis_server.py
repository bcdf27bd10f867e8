"""A private Redis server for tests: its own folder, a unix socket and a free loopback port, stopped by its process id."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from support.private_server import PrivateServer


class RedisServer(PrivateServer):
    """One redis-server process; `start()` after `kill()` brings it back on the same port, empty."""

    name = "redis"

    def __init__(self, folder: Path, **options: str) -> None:
        """Take an existing folder for the socket, and further redis.conf options (`tls_port="7000"`); nothing is saved."""
        super().__init__(folder)
        self._ready = b"+PONG"
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
            "--enable-debug-command": "local",
            "--logfile": str(self.log),
            **self.options,
        }
        return ["redis-server", *(word for pair in options.items() for word in pair)]

    def answers(self) -> bool:
        """Say whether it answers PING, or says that it loads where that is what it is to do."""
        try:
            return self.command(b"PING").startswith(self._ready)
        except OSError:
            return False

    @contextmanager
    def slow_to_load(self) -> Iterator[None]:
        """Start it with the dump in its folder, a millisecond for each key: it says LOADING until it is killed."""
        before = self.options, self._ready
        self.options = {**self.options, "--key-load-delay": "1000", "--loading-process-events-interval-bytes": "1024"}
        self._ready = b"-LOADING"
        try:
            self.start()
            yield
        finally:
            self.options, self._ready = before

    def command(self, *words: bytes) -> bytes:
        """Send one command over the TCP port and give what comes back first, as it stands on the wire."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=1.0) as line:
            return spoken(line, words)

    def told(self, section: str, text: str) -> int:
        """Give the number that stands behind a text in a section of INFO; 0 where there is none."""
        found = self.command(b"INFO", section.encode()).partition(text.encode())[2]
        return int(re.split(rb"\D", found, maxsplit=1)[0] or 0)


def spoken(line: socket.socket, words: Sequence[bytes]) -> bytes:
    """Send one command over an open connection and give what comes back first."""
    line.sendall(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in words))
    return line.recv(65_536)
