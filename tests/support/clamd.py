"""A private clamd for tests: its own tiny database, a unix and a TCP socket, stopped by its process id.

The database knows the EICAR test file by its bytes at the start of a file (as the official signature does, with white
space allowed after them) and a made-up heuristic name. The test string is put together at run time, so that no scanner
ever quarantines this repository.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.private_server import PrivateServer

_PIECES = (b"X5O!P%@AP[4\\PZX54(P^)7CC)7}", b"$EICAR-", b"STANDARD-ANTIVIRUS-", b"TEST-FILE!", b"$H+H*")
EICAR = b"".join(_PIECES)
SUSPICIOUS = b"gatepost-suspicious-marker"


class Clamd(PrivateServer):
    """One clamd process in the foreground; `stream_max` is its StreamMaxLength in bytes."""

    name = "clamd"

    def __init__(self, folder: Path, stream_max: int = 4 * 1024 * 1024) -> None:
        """Take an existing folder for the database, the config and the socket."""
        super().__init__(folder)
        database = folder / "db"
        database.mkdir()
        (database / "eicar.ndb").write_text(f"Eicar-Test-Signature:0:0:{EICAR.hex()}\n")
        (database / "heuristic.ndb").write_text(f"PUA.Gatepost.Test:0:*:{SUSPICIOUS.hex()}\n")
        (folder / "clamd.conf").write_text(
            f"DatabaseDirectory {database}\nLocalSocket {self.socket}\nTCPSocket {self.port}\nTCPAddr 127.0.0.1\n"
            f"Foreground yes\nLogFile {self.log}\nTemporaryDirectory {folder}\nStreamMaxLength {stream_max}\n"
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

    def command_line(self) -> list[str]:
        """Give the command."""
        return ["clamd", "--foreground", f"--config-file={self.folder / 'clamd.conf'}"]

    def answers(self) -> bool:
        """Say whether it answers PING on the unix socket."""
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(1.0)
            try:
                line.connect(str(self.socket))
                line.sendall(b"nPING\n")
                return line.recv(16) == b"PONG\n"
            except OSError:
                return False


@contextmanager
def private_clamd(folder: Path) -> Iterator[str]:
    """Run a clamd and give its unix address; for tests that only need one to be there."""
    with Clamd(folder) as running:
        yield running.address
