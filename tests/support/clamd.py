"""A private clamd for tests: its own tiny database, a unix and a TCP socket, stopped by its process id.

The database knows the EICAR test file by its bytes at the start of a file (as the official signature does, with white
space allowed after them) and a made-up heuristic name. The test string is put together at run time, so that no scanner
ever quarantines this repository.
"""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from support.waiting import free_port

DEADLINE = 30.0
_PIECES = (b"X5O!P%@AP[4\\PZX54(P^)7CC)7}", b"$EICAR-", b"STANDARD-ANTIVIRUS-", b"TEST-FILE!", b"$H+H*")
EICAR = b"".join(_PIECES)
SUSPICIOUS = b"gatepost-suspicious-marker"


class Clamd:
    """One clamd process in the foreground; `stream_max` is its StreamMaxLength in bytes."""

    def __init__(self, folder: Path, stream_max: int = 4 * 1024 * 1024) -> None:
        """Take an existing folder for the database, the config and the socket."""
        self.folder = folder
        self.port = free_port()
        self.socket = folder / "clamd.sock"
        self.process: subprocess.Popen[bytes] | None = None
        database = folder / "db"
        database.mkdir()
        (database / "eicar.ndb").write_text(f"Eicar-Test-Signature:0:0:{EICAR.hex()}\n")
        (database / "heuristic.ndb").write_text(f"PUA.Gatepost.Test:0:*:{SUSPICIOUS.hex()}\n")
        (folder / "clamd.conf").write_text(
            f"DatabaseDirectory {database}\nLocalSocket {self.socket}\nTCPSocket {self.port}\nTCPAddr 127.0.0.1\n"
            f"Foreground yes\nLogFile {folder / 'clamd.log'}\nTemporaryDirectory {folder}\nStreamMaxLength {stream_max}\n"
            "OfficialDatabaseOnly no\nDetectPUA yes\nSelfCheck 3600\nMaxThreads 4\n"
        )

    @property
    def address(self) -> str:
        """The unix socket, as the config names it."""
        return f"unix:{self.socket}"

    @property
    def tcp_address(self) -> str:
        """The TCP socket, as the config names it."""
        return f"tcp:127.0.0.1:{self.port}"

    def start(self) -> Self:
        """Start clamd and wait until it answers PING on the unix socket."""
        command = ["clamd", "--foreground", f"--config-file={self.folder / 'clamd.conf'}"]
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        until = time.monotonic() + DEADLINE
        while not self._answers():
            assert self.process.poll() is None, (self.folder / "clamd.log").read_text()
            assert time.monotonic() < until, "clamd did not answer PING in time"
            time.sleep(0.02)
        return self

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(1.0)
            try:
                line.connect(str(self.socket))
                line.sendall(b"nPING\n")
                return line.recv(16) == b"PONG\n"
            except OSError:
                return False

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


@contextmanager
def private_clamd(folder: Path) -> Iterator[str]:
    """Run a clamd and give its unix address; for tests that only need one to be there."""
    with Clamd(folder) as running:
        yield running.address
