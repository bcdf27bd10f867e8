"""Waiting for something to become true, with a deadline and a name for what did not come."""

from __future__ import annotations

import random
import select
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")
_dice = random.SystemRandom()  # the tests seed the other one alike in every process


def until(condition: Callable[[], T], what: str, seconds: float = 20.0) -> T:
    """Ask `condition` until it gives something true, and give that; raises AssertionError after so many seconds."""
    deadline = time.monotonic() + seconds
    while True:
        if found := condition():
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds:g} s in vain for {what}")
        select.select([], [], [], 0.02)


def free_port(family: socket.AddressFamily = socket.AF_INET) -> int:
    """Give a loopback port that is free for TCP and UDP, from below the range that outgoing connections take theirs from.

    A port of that range (32768 up, ip(7)) could be taken by any client on this machine before the server has started.
    """
    host = "::1" if family == socket.AF_INET6 else "127.0.0.1"
    while True:
        port = _dice.randrange(15_000, 32_000)
        with (
            suppress(OSError),
            socket.socket(family, socket.SOCK_STREAM) as stream,
            socket.socket(family, socket.SOCK_DGRAM) as datagram,
        ):
            stream.bind((host, port))
            datagram.bind((host, port))
            return port
