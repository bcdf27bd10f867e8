"""The far end of mail: an SMTP server on loopback that takes everything and keeps the bytes."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from support.waiting import until


@dataclass(frozen=True)
class Delivered:
    """One message as the MTA delivered it: envelope and bytes, CRLF line ends."""

    sender: str
    recipients: tuple[str, ...]
    data: bytes

    def fields(self) -> list[tuple[str, str]]:
        """Give the header fields, unfolded, as text."""
        head = self.data.partition(b"\r\n\r\n")[0].decode("latin-1")
        lines = head.replace("\r\n ", " ").replace("\r\n\t", " ").split("\r\n")
        return [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)]

    def every(self, name: str) -> list[str]:
        """Give the values of the fields of a name, top first."""
        return [value for found, value in self.fields() if found.lower() == name.lower()]


class _Session(socketserver.StreamRequestHandler):
    """One SMTP session; decent peers only."""

    server: _Server

    def handle(self) -> None:
        """Speak just enough SMTP."""
        sender, recipients = "", []
        self._say("220 sink")
        while line := self.rfile.readline(4096):
            words = line.decode("latin-1").strip()
            match words[:4].upper():
                case "EHLO":
                    self.wfile.write(b"250-sink\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 PIPELINING\r\n")
                case "MAIL":
                    sender, recipients = _path(words), []
                    self._say("250 ok")
                case "RCPT":
                    recipients.append(_path(words))
                    self._say("250 ok")
                case "DATA":
                    self._say("354 go")
                    self.server.delivered.append(Delivered(sender, tuple(recipients), self._data()))
                    self._say("250 taken")
                case "QUIT":
                    self._say("221 bye")
                    return
                case _:
                    self._say("250 ok")

    def _say(self, text: str) -> None:
        self.wfile.write(text.encode() + b"\r\n")

    def _data(self) -> bytes:
        lines = []
        while (line := self.rfile.readline()) not in {b".\r\n", b""}:
            lines.append(line[1:] if line.startswith(b".") else line)
        return b"".join(lines)


def _path(words: str) -> str:
    return words.partition("<")[2].partition(">")[0]


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Session)
        self.delivered: list[Delivered] = []


class Sink:
    """A running sink."""

    def __init__(self, server: _Server) -> None:
        self._server = server

    @property
    def port(self) -> int:
        """Where it listens, on 127.0.0.1."""
        return int(self._server.server_address[1])

    @property
    def delivered(self) -> list[Delivered]:
        """Give what was delivered so far."""
        return list(self._server.delivered)

    def arrived(self, count: int, seconds: float = 30.0) -> list[Delivered]:
        """Wait for so many messages in all, and give them."""
        until(lambda: len(self._server.delivered) >= count, f"{count} messages at the far end", seconds)
        return self.delivered


@contextmanager
def smtp_sink() -> Iterator[Sink]:
    """Run a sink."""
    with _Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield Sink(server)
        finally:
            server.shutdown()
            thread.join()
