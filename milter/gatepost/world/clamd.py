"""The virus scanner door, live: clamd over a unix or TCP socket.

The protocol is one line and a stream: `nINSTREAM`, then chunks with a four-byte length each, an empty chunk, and clamd
answers `stream: OK`, `stream: <name> FOUND` or `... ERROR` (clamd(8)). The PyPI `clamd` client speaks it; this module
adds what a mail filter needs and the client lacks: a limit on connecting and on every wait, writes that are never cut
short, IPv6, an answer that is read when clamd stops listening half-way (that is how it says "too large"), and a typed
result where the client raises.

Four kinds of trouble stay apart, because a site may treat them differently: too large, an error answer, a heuristic
suspicion, and nobody there. A clamd that is down must not cost every message its time limit: after trouble the next
scan begins with a PING, and when that is not answered clamd is left alone for a few seconds. One that was merely slow on
one file answers PING and is asked on, or else a sender could switch the scanner off with a slow file.
"""

from __future__ import annotations

import select
import socket
import struct
from contextlib import suppress
from typing import Any, Final

import clamd
from pydantic import BaseModel, ConfigDict, Field, field_validator

from gatepost.mail import limits
from gatepost.world import budget
from gatepost.world.clock import Clock, SystemClock
from gatepost.world.scanner import Clean, Heuristic, Infected, Scan, ScanFailed, TooLarge, Unreachable

CHUNK_BYTES: Final = 64 * 1024
"""Bytes sent at a time; far below any StreamMaxLength in use (clamd's default is 100 MB, Debian's 25 MB)."""

PING_SECONDS: Final = 1.0
"""How long a living clamd may take to answer PING or VERSION; it does so in its accepting thread, scans or no scans."""

_SIZE_LIMIT: Final = "INSTREAM size limit exceeded"

# With AlertExceedsMax clamd reports a file it did not read to its end under this name.
_NOT_READ_WHOLE: Final = "Heuristics.Limits.Exceeded"


class Settings(BaseModel):
    """How to reach clamd, and within which bounds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    clamd: str = Field(
        default="",
        max_length=300,
        description="Where clamd listens: unix:/run/clamav/clamd.ctl or tcp:127.0.0.1:3310; empty: mail is not scanned for viruses.",
    )
    timeout_seconds: float = Field(
        default=15.0,
        ge=0.1,
        le=120.0,
        description="Longest time for one scan, in seconds; the message's deadline may be nearer.",
    )
    connect_seconds: float = Field(
        default=2.0, ge=0.05, le=30.0, description="Longest time to connect to clamd, in seconds."
    )
    max_bytes: int = Field(
        default=25 * 1024 * 1024,
        ge=1_024,
        le=4 * 1024 * 1024 * 1024,
        description="Largest stretch of bytes sent to clamd; keep it at or below StreamMaxLength. Larger mail is marked skipped.",
    )
    retry_seconds: float = Field(
        default=5.0,
        ge=0.0,
        le=300.0,
        description="How long an unreachable clamd is left alone before it is tried again, in seconds.",
    )
    heuristics: tuple[str, ...] = Field(
        default=("Heuristics.", "PUA."),
        max_length=50,
        description="Beginnings of signature names that are suspicions and not viruses: they add to the score instead of "
        "counting as infected.",
    )

    @field_validator("clamd")
    @classmethod
    def _readable(cls, address: str) -> str:
        if address:
            parse_address(address)
        return address


def parse_address(address: str) -> str | tuple[str, int]:
    """Read `unix:/path` or `tcp:host:port` (`tcp:[::1]:3310`); gives the path, or host and port. Raises ValueError."""
    scheme, _, rest = address.partition(":")
    if scheme == "unix" and rest.startswith("/"):
        return rest if not rest.startswith("//") else "/" + rest.lstrip("/")
    host, _, port = rest.rpartition(":")
    host = host.removeprefix("//").strip("[]")
    if scheme == "tcp" and host and port.isascii() and port.isdigit() and 0 < int(port) < 65_536:
        return host, int(port)
    raise ValueError("must be unix:/path/of/socket or tcp:host:port")


class ClamdScanner:
    """The scanner door over one clamd; one connection per scan, safe between threads and across a fork.

    Takes settings whose `clamd` is not empty. Never raises.
    """

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        self._settings = settings
        self._address = parse_address(settings.clamd)
        self._clock = clock or SystemClock()
        # Each is written and read as one reference, so threads need no lock; at worst two of them ask a dead clamd at once.
        self._away: tuple[float, str] | None = None
        self._suspect = False

    def scan(self, data: bytes) -> Scan:
        """Give clamd's answer on these bytes within the message's budget."""
        if len(data) > self._settings.max_bytes:
            return TooLarge(self._settings.max_bytes)
        away = self._away
        if away and self._clock.monotonic() < away[0]:
            return Unreachable(f"{away[1]}; not tried again yet")
        seconds = min(self._settings.timeout_seconds, budget.current().remaining())
        if seconds <= 0:
            return Unreachable("no time left for the virus scan")
        if self._suspect and self._version(min(seconds, PING_SECONDS)) is None:
            return self._unreachable("clamd does not answer PING", connected=False)
        line = _Line(self._address, min(seconds, self._settings.connect_seconds), seconds)
        try:
            reply = line.stream(data)
        except (OSError, ValueError, clamd.ClamdError) as error:
            # ValueError: a host name or path that the system cannot even spell.
            return self._unreachable(_one_line(error), connected=line.connected)
        if not reply:
            return self._unreachable("clamd hung up without an answer", connected=True)
        self._suspect = False
        return self._read(reply)

    def ping(self) -> str | None:
        """Give clamd's version line, or None when it does not answer within PING_SECONDS."""
        return self._version(PING_SECONDS)

    def _version(self, seconds: float) -> str | None:
        try:
            version: str = _Line(self._address, seconds, seconds).version()
        except (OSError, ValueError, clamd.ClamdError):
            return None
        return version or None

    def _unreachable(self, reason: str, *, connected: bool) -> Unreachable:
        """Note the trouble: nobody there is left alone for a while, one that broke off has to answer PING first."""
        self._suspect = True
        if not connected:
            self._away = (self._clock.monotonic() + self._settings.retry_seconds, reason)
        return Unreachable(reason)

    def _read(self, reply: bytes) -> Scan:
        """Tell clamd's answers apart."""
        text = reply.decode("utf-8", "backslashreplace").strip("\0\r\n ")
        if text.startswith(_SIZE_LIMIT):
            return TooLarge(0)
        found = clamd.scan_response.match(text)
        match found.group("status", "virus") if found else None:
            case ("OK", None):
                return Clean()
            case ("FOUND", str(name)) if name.startswith(_NOT_READ_WHOLE):
                return TooLarge(0)
            case ("FOUND", str(name)):
                name = name[: limits.VIRUS_SIGNATURE_CHARACTERS]
                return Heuristic(name) if name.startswith(self._settings.heuristics) else Infected(name)
            case ("ERROR", reason):
                return ScanFailed((reason or "clamd answered with an error")[: limits.VIRUS_SIGNATURE_CHARACTERS])
            case _:
                return ScanFailed(f"unknown answer: {text}"[: limits.VIRUS_SIGNATURE_CHARACTERS])


class _Line(clamd.ClamdNetworkSocket):  # type: ignore[misc]
    """One connection of the `clamd` client, with the limits it lacks: `connecting` and `seconds` in all."""

    def __init__(self, address: str | tuple[str, int], connecting: float, seconds: float) -> None:
        super().__init__()
        self._address = address
        self._connecting = connecting
        self._until = SystemClock().monotonic() + seconds
        self.connected = False
        self.clamd_socket: Any = None

    def _init_socket(self) -> None:
        """Connect within the limit; replaces the client's own, which waits for ever and knows no IPv6."""
        if isinstance(self._address, tuple):
            self.clamd_socket = socket.create_connection(self._address, timeout=self._connecting)
        else:
            self.clamd_socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                self.clamd_socket.settimeout(self._connecting)
                self.clamd_socket.connect(self._address)
            except OSError:
                self.clamd_socket.close()
                raise
        self.connected = True
        self.clamd_socket.settimeout(max(0.001, self._until - SystemClock().monotonic()))

    def _hurry(self) -> None:
        """Let the next wait last as long as there is time; raises TimeoutError when there is none."""
        left = self._until - SystemClock().monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        self.clamd_socket.settimeout(left)

    def stream(self, data: bytes) -> bytes:
        """Send bytes by INSTREAM and give clamd's answer line, b"" when it hung up; raises OSError."""
        self._init_socket()
        try:
            # When clamd stops listening its reason may still be there to read.
            with suppress(BrokenPipeError, ConnectionResetError):
                self._send(data)
            self._hurry()
            return _read_line(self.clamd_socket)
        finally:
            self._close_socket()

    def _send(self, data: bytes) -> None:
        self._send_command("INSTREAM")
        answered = select.poll()
        answered.register(self.clamd_socket, select.POLLIN)
        for start in range(0, len(data), CHUNK_BYTES):
            chunk = memoryview(data)[start : start + CHUNK_BYTES]
            self._hurry()
            self.clamd_socket.sendall(struct.pack("!L", len(chunk)))
            self.clamd_socket.sendall(chunk)
            # An answer before the end is a refusal ("size limit exceeded"); what is sent after it may destroy it.
            if start and answered.poll(0):
                return
        self._hurry()
        self.clamd_socket.sendall(b"\0\0\0\0")


def _read_line(line: socket.socket) -> bytes:
    """Read up to a newline, the end, or 4 kB."""
    reply = b""
    while b"\n" not in reply and len(reply) < 4_096:
        more = line.recv(4_096)
        if not more:
            break
        reply += more
    return reply.partition(b"\n")[0]


def _one_line(error: Exception) -> str:
    """Give an error's reason in one line."""
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(text.split())[: limits.VIRUS_SIGNATURE_CHARACTERS] or type(error).__name__
