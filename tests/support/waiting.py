"""Waiting for something to become true, with a deadline and a name for what did not come."""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


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
    """Give a loopback port that was free a moment ago."""
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.bind(("::1" if family == socket.AF_INET6 else "127.0.0.1", 0))
        return int(probe.getsockname()[1])
