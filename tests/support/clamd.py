"""A private clamd for tests: its own tiny database, a unix and a TCP socket, stopped by its process id.

The database knows the EICAR test file by its bytes at the start of a file (as the official signature does, with white
space allowed after them), the program that every file of Debian's clamav-testfiles holds, and a made-up heuristic name. The
test string is put together at run time, so that no scanner
ever quarantines this repository.
"""

from __future__ import annotations

import hashlib
import io
import socket
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.private_server import PrivateServer
from support.waiting import until

_PIECES = (b"X5O!P%@AP[4\\PZX54(P^)7CC)7}", b"$EICAR-", b"STANDARD-ANTIVIRUS-", b"TEST-FILE!", b"$H+H*")
EICAR = b"".join(_PIECES)
SUSPICIOUS = b"gatepost-suspicious-marker"
SLOW = b"gatepost-slow-marker" + b"a" * 28 + b"x b"
"""What keeps clamd busy for some seconds: an expression of the database that can be matched in very many ways."""

TESTFILE = "aa15bcf478d165efd2065190eb473bcb:544:ClamAV-Test-File\n"
TESTFILES = Path("/usr/share/clamav-testfiles")


class Clamd(PrivateServer):
    """One clamd process in the foreground; `stream_max` is its StreamMaxLength in bytes."""

    name = "clamd"

    def __init__(self, folder: Path, stream_max: int = 4 * 1024 * 1024, options: str = "") -> None:
        """Take an existing folder for the database, the config and the socket, and further lines of clamd.conf."""
        super().__init__(folder)
        database = folder / "db"
        database.mkdir()
        (database / "eicar.ndb").write_text(f"Eicar-Test-Signature:0:0:{EICAR.hex()}\n")
        (database / "testfiles.hdb").write_text(TESTFILE)
        (database / "heuristic.ndb").write_text(f"PUA.Gatepost.Test:0:*:{SUSPICIOUS.hex()}\n")
        (database / "slow.ldb").write_text(
            f"Gatepost.Slow;Engine:81-255,Target:0;0&1;{SLOW[:20].hex()};0/(a|aa|aaa)+b$/\n"
        )
        self.database, self.conf = database, folder / "clamd.conf"
        self.conf.write_text(
            f"DatabaseDirectory {database}\nLocalSocket {self.socket}\nTCPSocket {self.port}\nTCPAddr 127.0.0.1\n"
            f"Foreground yes\nLogFile {self.log}\nTemporaryDirectory {folder}\nStreamMaxLength {stream_max}\n"
            f"OfficialDatabaseOnly no\nDetectPUA yes\nSelfCheck 3600\nMaxThreads 4\n"
            f"PCREMatchLimit 4000000000\nPCRERecMatchLimit 4000000\n{options}"
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
        return ["clamd", "--foreground", f"--config-file={self.conf}"]

    def publish(self, version: int, made: float, signatures: str = TESTFILE) -> None:
        """Write a daily database with a number, a date and hash signatures; clamd reads it when it starts or reloads."""
        write_daily(self.database / "daily.cud", version, made, signatures)

    def say(self, command: bytes, seconds: float = 1.0) -> bytes:
        """Send one command and give the beginning of its answer, b"" when none came in time."""
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(seconds)
            try:
                line.connect(str(self.socket))
                line.sendall(command)
                return line.recv(256)
            except OSError:
                return b""

    def reload(self) -> None:
        """Have the database read anew and wait until commands go unanswered; takes ConcurrentDatabaseReload no.

        They do so for as long as a scanning thread stays idle before it ends (IdleTimeout), at least.
        """
        until(lambda: self.say(b"nRELOAD\n").startswith(b"RELOADING"), "clamd to take RELOAD")
        until(lambda: not self.say(b"nPING\n", 0.1), "clamd to be silent", 5.0)

    def answers(self) -> bool:
        """Say whether it answers PING on the unix socket."""
        return self.say(b"nPING\n") == b"PONG\n"


def write_daily(path: Path, version: int, made: float, signatures: str) -> None:
    """Write an unsigned database (.cud): a header of 512 bytes, then a compressed archive with a list of what is in it.

    VERSION tells the number and the date of the one that is called `daily`.
    """
    day = time.strftime("%d %b %Y %H-%M +0000", time.gmtime(made))
    body = signatures.encode()
    listed = f"daily.hdb:{len(body)}:{hashlib.sha256(body).hexdigest()}\n"
    head = f"ClamAV-VDB:{day}:{version}:{signatures.count(chr(10))}:60:"
    tail = f":X:gatepost:{int(made)}"
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", format=tarfile.USTAR_FORMAT) as archive:
        for name, data in (("COPYING", b"-"), ("daily.info", f"{head}X{tail}\n{listed}".encode()), ("daily.hdb", body)):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    sealed = f"{head}{hashlib.md5(packed.getvalue()).hexdigest()}{tail}".encode()
    path.write_bytes(sealed.ljust(512) + packed.getvalue())


@contextmanager
def private_clamd(folder: Path) -> Iterator[str]:
    """Run a clamd and give its unix address; for tests that only need one to be there."""
    with Clamd(folder) as running:
        yield running.address
