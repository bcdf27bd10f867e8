"""What the virus scan costs at the end of a message: run as `python tests/bench/bench_virus.py [megabytes [rounds]]`.

Three questions, each against a private clamd, wall-clock medians:

- What does it save to send a large message to clamd while it still arrives? The message is an attachment of random bytes in
  base64; only what is done after its last byte is timed, and of that the processor time of our own, which other work on the
  machine changes less. `the scan alone` is what clamd itself takes, with the file already
  in its place (its SCAN command).
- What does it save to remember the answers on parts, in memory and in Redis? The raw message is scanned either way.
- What would it save to keep a connection open (IDSESSION) for the scans of one message?
"""

from __future__ import annotations

import base64
import os
import socket
import statistics
import struct
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from gatepost.checks.virus.check import VirusCheck
from gatepost.checks.virus.recall import Memory
from gatepost.evidence import Found
from gatepost.mail.envelope import Envelope
from gatepost.mail.message import Message, from_bytes
from gatepost.world.clock import SystemClock
from gatepost.world.scanner.clamd import ClamdScanner
from gatepost.world.scanner.head_start import HeadStart, at_hand
from gatepost.world.scanner.settings import Settings
from gatepost.world.state.door import State
from gatepost.world.state.memory import MemoryState
from gatepost.world.state.redis_url import open_redis
from support.clamd import TESTFILE, Clamd
from support.redis_server import RedisServer

CHUNK = 65_535


def mail(content: bytes) -> Message:
    """Give a message with one attachment, unlike any other."""
    head = (
        b"Message-ID: <%b@bench.example>\r\nMIME-Version: 1.0\r\nContent-Type: application/octet-stream\r\n"
        % os.urandom(8).hex().encode()
    )
    return from_bytes(
        head + b"Content-Transfer-Encoding: base64\r\n\r\n" + base64.encodebytes(content).replace(b"\n", b"\r\n")
    )


def median(work: Callable[[], float], rounds: int) -> str:
    """Give the median milliseconds of what `work` says it took."""
    return f"{statistics.median(work() for _ in range(rounds)) * 1_000:8.2f} ms"


def at_end(scanner: ClamdScanner, data: bytes, *, early: bool) -> tuple[float, float]:
    """Give the seconds between a message's last byte and the answer on it, and the processor time of ours in them."""
    start = HeadStart(scanner.begin() if early else None)
    for at in range(0, len(data), CHUNK):
        start.hear(data[at : at + CHUNK])
        if early:
            time.sleep(0.0005)  # a sender at a gigabit
    begin, spent = time.perf_counter(), time.thread_time()
    with at_hand(start):
        scanner.scan(data)
    return time.perf_counter() - begin, time.thread_time() - spent


def arriving(clamd: Clamd, size: int, rounds: int) -> None:
    """Print what a head start saves: for a new message, and for one that clamd has in its own cache and need not scan."""
    scanner = ClamdScanner(Settings(clamd=clamd.address))
    old = mail(os.urandom(size * 3 // 4)).raw()
    scanner.scan(old)
    for name, fresh in (("new", True), ("known to clamd", False)):
        times: dict[bool, list[tuple[float, float]]] = {False: [], True: []}
        for _ in range(rounds):
            for early, taken in times.items():
                data = mail(os.urandom(size * 3 // 4)).raw() if fresh else old
                taken.append(at_end(scanner, data, early=early))
        for early, taken in times.items():
            wall, own = (statistics.median(column) * 1_000 for column in zip(*taken, strict=True))
            how = "while it arrives" if early else "at its end"
            print(
                f"message of {size:,} bytes, {name:14} sent {how:16} {wall:8.2f} ms, of which our own CPU {own:6.2f} ms"
            )


def alone(clamd: Clamd, folder: Path, size: int) -> float:
    """Give the seconds that clamd takes to scan such a message as a file."""
    file = folder / "message"
    file.write_bytes(mail(os.urandom(size * 3 // 4)).raw())
    file.chmod(0o644)
    begin = time.perf_counter()
    clamd.say(b"nSCAN %b\n" % bytes(file), 60.0)
    return time.perf_counter() - begin


def checked(check: VirusCheck, content: bytes) -> float:
    """Give the seconds of the whole check on a new message with an old attachment."""
    message = mail(content)
    list(message.mime.leaves())
    begin = time.perf_counter()
    check.run(Envelope(), message, Found())
    return time.perf_counter() - begin


def connections(clamd: Clamd, scans: int) -> tuple[float, float]:
    """Give the seconds for so many small scans, on a connection each and on one for all."""
    stream = b"nINSTREAM\n" + struct.pack("!L", 4) + b"fine" + b"\0\0\0\0"
    begin = time.perf_counter()
    for _ in range(scans):
        clamd.say(stream)
    each = time.perf_counter() - begin
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(str(clamd.socket))
        line.sendall(b"nIDSESSION\n")
        begin = time.perf_counter()
        for _ in range(scans):
            line.sendall(stream)
            line.recv(256)
        return each, time.perf_counter() - begin


def remembering(clamd: Clamd, folder: Path, rounds: int) -> None:
    """Print what remembering saves, for small and large attachments."""
    server = RedisServer(folder)
    with server:
        stores: tuple[tuple[str, State | None], ...] = (
            ("nothing", None),
            ("memory", MemoryState(SystemClock())),
            ("redis", open_redis(server.unix_url, SystemClock(), timeout=5.0)),
        )
        for size in (1_000, 100_000, 1_000_000):
            content = os.urandom(size)
            for name, store in stores:
                scanner = ClamdScanner(Settings(clamd=clamd.address))
                check = VirusCheck(scanner, memory=Memory(store, 3_600))
                for _ in range(2):
                    checked(check, content)
                print(
                    f"attachment of {size:9,} bytes, remembered in {name:8} {median(lambda c=check, d=content: checked(c, d), 5 * rounds)}"
                )


def main() -> None:
    """Measure, and print."""
    size = int(float(sys.argv[1]) * 1024 * 1024) if len(sys.argv) > 1 else 10 * 1024 * 1024
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 9
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        folder.chmod(0o755)
        clamd = Clamd(folder, 64 * 1024 * 1024)
        clamd.publish(27_500, time.time(), TESTFILE)
        with clamd:
            arriving(clamd, size, rounds)
            print(f"the scan alone               {median(lambda: alone(clamd, folder, size), rounds)}")
            remembering(clamd, folder, rounds)
            each, one = connections(clamd, 500)
            print(f"500 small scans: a connection each {each / 500 * 1e3:.3f} ms, one for all {one / 500 * 1e3:.3f} ms")


if __name__ == "__main__":
    main()
