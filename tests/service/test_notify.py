"""What systemd is told."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path

from gatepost.service.notify import Notifier
from support.daemon import scripted


def listener(path: Path) -> socket.socket:
    """Give a service manager's end."""
    found = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    found.bind(str(path))
    found.settimeout(20)
    return found


def test_life_of_a_daemon(tmp_path: Path):
    """Ready, reloading, ready again, alive, stopping: each is said once it is true."""
    with listener(tmp_path / "notify") as manager:
        environment = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "400000", "WATCHDOG_PID": ""}
        environment.pop("WATCHDOG_PID")

        def told(word: str) -> str:
            while True:
                text = manager.recv(4096).decode()
                if word in text.splitlines():
                    return text

        with scripted(tmp_path, environment=environment) as daemon:
            assert f"MAINPID={daemon.pid}" in told("READY=1")
            told("WATCHDOG=1")
            told("WATCHDOG=1")
            daemon.signal(signal.SIGHUP)
            assert "MONOTONIC_USEC=" in told("RELOADING=1")
            told("READY=1")
            daemon.signal(signal.SIGTERM)
            told("STOPPING=1")


def test_abstract_socket():
    """A leading @ is an abstract socket."""
    name = f"gatepost-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("\0" + name)
        manager.settimeout(5)
        Notifier("@" + name).ready("fine")
        assert b"READY=1" in manager.recv(4096)


def test_nobody_listens(tmp_path: Path):
    """A manager that is gone is no trouble, nor is none at all."""
    Notifier(str(tmp_path / "none")).ready("fine")
    Notifier("").stopping()


def test_environment():
    """The watchdog is ours unless another process is named."""
    assert Notifier.from_environment({}) == Notifier("", 0.0)
    assert Notifier.from_environment({"WATCHDOG_USEC": "2000000"}).watchdog == 2.0
    assert Notifier.from_environment({"WATCHDOG_USEC": "2000000", "WATCHDOG_PID": "1"}).watchdog == 0.0
    assert Notifier.from_environment({"WATCHDOG_USEC": "often"}).watchdog == 0.0
