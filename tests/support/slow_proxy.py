"""A loopback proxy that makes a server slow: each packet of a client, or each byte of an answer, waits before it goes on."""

from __future__ import annotations

import socket
import threading
import time
from types import TracebackType
from typing import Self

_PACKET = 65_536


class SlowProxy:
    """Forwards connections to a loopback port, `delay` seconds for each packet of a client and `drip` for each byte of an answer.

    Both may be changed at any time.
    """

    def __init__(self, port: int) -> None:
        """Take the port of the server behind."""
        self.delay = 0.0
        self.drip = 0.0
        self._behind = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []

    def __enter__(self) -> Self:
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self._behind))
            except OSError:
                client.close()
                continue
            self._open += [client, server]
            threading.Thread(target=self._forward, args=(client, server, True), daemon=True).start()
            threading.Thread(target=self._forward, args=(server, client, False), daemon=True).start()

    def _forward(self, source: socket.socket, target: socket.socket, from_client: bool) -> None:
        """Carry bytes until one side ends."""
        try:
            while data := source.recv(_PACKET):
                if from_client and self.delay:
                    time.sleep(self.delay)
                if from_client or not self.drip:
                    target.sendall(data)
                    continue
                for value in data:
                    time.sleep(self.drip)
                    target.sendall(bytes([value]))
        except OSError:
            pass
        for side in (source, target):
            try:
                side.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # A thread that waits in accept() is woken by shutdown, not by close.
        self._listener.shutdown(socket.SHUT_RDWR)
        for one in (self._listener, *self._open):
            one.close()
