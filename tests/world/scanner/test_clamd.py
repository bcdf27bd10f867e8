"""The scanner door against a real clamd, and against servers that misbehave as clamd never would on request."""

from __future__ import annotations

import base64
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pydantic import ValidationError

from gatepost.world.budget import allowance
from gatepost.world.clock import FakeClock, SystemClock
from gatepost.world.scanner.clamd import ClamdScanner
from gatepost.world.scanner.clamd_answer import read_answer
from gatepost.world.scanner.door import (
    Clean,
    Encrypted,
    Heuristic,
    Infected,
    OverLimit,
    ScanFailed,
    TimedOut,
    Unreachable,
)
from gatepost.world.scanner.settings import Settings, parse_address
from support.clamd import EICAR, SUSPICIOUS, Clamd

STREAM_MAX = 1024 * 1024

pytestmark = pytest.mark.servers


@pytest.fixture(scope="module")
def clamd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clamd]:
    """Give a running clamd for this module."""
    with Clamd(tmp_path_factory.mktemp("clamd"), STREAM_MAX) as running:
        yield running


@pytest.fixture(params=["unix", "tcp"])
def scanner(request, clamd: Clamd) -> ClamdScanner:
    """Give a scanner over each kind of socket."""
    return ClamdScanner(Settings(clamd=clamd.address if request.param == "unix" else clamd.tcp_address))


def test_tells_clean_infected_and_suspicious_apart(scanner: ClamdScanner) -> None:
    """A virus has its name, a PUA name is a suspicion, and anything else, empty or binary, is clean."""
    assert scanner.scan(b"hello") == Clean()
    assert scanner.scan(b"") == Clean()
    assert scanner.scan(bytes(range(256)) * 1_000) == Clean()
    assert scanner.scan(EICAR) == Infected("Eicar-Test-Signature.UNOFFICIAL")
    assert scanner.scan(b"a " + SUSPICIOUS) == Heuristic("PUA.Gatepost.Test.UNOFFICIAL")


def test_what_counts_as_suspicion_is_a_setting(clamd: Clamd) -> None:
    """A site that wants PUA names to count as viruses says so."""
    scanner = ClamdScanner(Settings(clamd=clamd.address, heuristics=("Heuristics.",)))
    assert scanner.scan(SUSPICIOUS) == Infected("PUA.Gatepost.Test.UNOFFICIAL")


def test_finds_inside_a_mail(scanner: ClamdScanner) -> None:
    """Clamd itself opens a well-formed mail: the test file in a base64 part is found in the raw bytes."""
    mail = b"From: a@b.example\r\nMIME-Version: 1.0\r\nContent-Type: application/octet-stream\r\n" + (
        b"Content-Transfer-Encoding: base64\r\n\r\n" + base64.b64encode(EICAR) + b"\r\n"
    )
    assert isinstance(scanner.scan(mail), Infected)


def test_too_large_for_clamd_is_not_an_error(scanner: ClamdScanner) -> None:
    """Past StreamMaxLength clamd stops listening; that is OverLimit, every time, at one byte or at many megabytes over."""
    for size in (STREAM_MAX + 1, 3 * STREAM_MAX, 16 * STREAM_MAX):
        assert scanner.scan(b"a" * size) == OverLimit("clamd's StreamMaxLength"), size
    assert scanner.scan(b"a" * (STREAM_MAX - 1)) == Clean()


def test_too_large_for_us_is_not_even_sent(clamd: Clamd) -> None:
    """Our own bound is kept without asking clamd, and it says what it was."""
    scanner = ClamdScanner(Settings(clamd="unix:/nonexistent/clamd.sock", max_bytes=1_024))
    assert scanner.scan(b"a" * 1_025) == OverLimit("the limit of 1,024 bytes")


def test_many_threads_scan_at_once(scanner: ClamdScanner) -> None:
    """Answers never meet between threads."""
    answers: list[tuple[bool, bool]] = []

    def work(number: int) -> None:
        for turn in range(10):
            bad = (turn + number) % 2 == 0
            answers.append((bad, isinstance(scanner.scan(EICAR if bad else b"fine"), Infected)))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 60
    assert all(bad == found for bad, found in answers)


def test_says_what_it_is(scanner: ClamdScanner) -> None:
    """The version line names ClamAV; without an official database there is no age and no identity to remember by."""
    (engine,) = scanner.engines()
    assert engine.version.startswith("ClamAV ")
    assert (engine.database, engine.made) == ("", None)
    assert scanner.heard() == (engine,)


def test_nobody_there_is_unreachable_and_left_alone() -> None:
    """A missing socket and a closed port are Unreachable; until the pause is over clamd is not tried again."""
    for address in ("unix:/nonexistent/clamd.sock", "tcp:127.0.0.1:1"):
        clock = FakeClock()
        scanner = ClamdScanner(Settings(clamd=address, retry_seconds=5.0), clock)
        assert scanner.engines()[0].version == ""
        first, second = scanner.scan(b"x"), scanner.scan(b"x")
        assert isinstance(first, Unreachable)
        assert second == Unreachable(f"{first.reason}; not tried again yet")
        clock.advance(5.0)
        third = scanner.scan(b"x")
        assert isinstance(third, Unreachable)
        assert "not tried again" not in third.reason


def test_a_frozen_clamd_costs_a_bounded_wait_and_recovers(tmp_path: Path) -> None:
    """SIGSTOP: one message waits for the time limit, the next for a PING, then none; SIGCONT brings it back."""
    clock = FakeClock()
    with Clamd(tmp_path) as clamd:
        scanner = ClamdScanner(Settings(clamd=clamd.address, timeout_seconds=0.3, retry_seconds=5.0), clock)
        assert scanner.scan(EICAR) != Clean()
        clamd.freeze()
        waits = []
        for _ in range(4):
            begin = time.monotonic()
            assert isinstance(scanner.scan(b"x" * 5_000_000), Unreachable)
            waits.append(time.monotonic() - begin)
        assert max(waits) < 2.0
        assert waits[2] < 0.25
        assert waits[3] < 0.25
        clamd.thaw()
        clock.advance(5.0)
        assert_answers(scanner)
        clamd.kill()
        assert isinstance(scanner.scan(b"x"), Unreachable)
        clamd.start()
        clock.advance(5.0)
        assert_answers(scanner)


def assert_answers(scanner: ClamdScanner) -> None:
    """See that a thawed or restarted clamd answers; it may still be busy with what it was given before."""
    until = time.monotonic() + 10.0
    while (answer := scanner.scan(b"fine")) != Clean():
        assert time.monotonic() < until, answer
        scanner._clock.advance(5.0)


def test_the_messages_budget_bounds_the_wait(tmp_path: Path) -> None:
    """With a tenth of a second left for the message a silent server costs a tenth of a second, and none with nothing left."""
    with server(b"", hold=True) as address:
        scanner = ClamdScanner(Settings(clamd=address, timeout_seconds=30.0))
        begin = time.monotonic()
        with allowance(SystemClock(), 0.1):
            assert isinstance(scanner.scan(b"x"), Unreachable)
        assert time.monotonic() - begin < 1.0
        with allowance(SystemClock(), 0.0):
            assert scanner.scan(b"x") == TimedOut("no time left for the virus scan")


@pytest.mark.parametrize(
    ("reply", "answer"),
    [
        (b"stream: Can't allocate memory ERROR\n", ScanFailed("Can't allocate memory")),
        (b"COMMAND READ TIMED OUT ERROR\n", ScanFailed("unknown answer: COMMAND READ TIMED OUT ERROR")),
        (b"INSTREAM size limit exceeded. ERROR\n", OverLimit("clamd's StreamMaxLength")),
        (b"stream: Heuristics.Encrypted.Zip FOUND\n", Encrypted("Heuristics.Encrypted.Zip")),
        (
            b"stream: Heuristics.Phishing.Email.SpoofedDomain FOUND\n",
            Heuristic("Heuristics.Phishing.Email.SpoofedDomain"),
        ),
        (b"stream: Exceeded time limit ERROR\n", OverLimit("a limit of clamd's (Exceeded time limit)")),
        (
            b"stream: Heuristics.Limits.Exceeded.MaxFileSize FOUND\n",
            OverLimit("a limit of clamd's (Heuristics.Limits.Exceeded.MaxFileSize)"),
        ),
        (b"stream: a b: c FOUND\n", Infected("c")),
        (b"stream: OK\0", Clean()),
        (b"stream: OK", Clean()),
        (b"", Unreachable("clamd hung up without an answer")),
        (b"\xff\xfe nonsense\n", ScanFailed("unknown answer: \\xff\\xfe nonsense")),
    ],
)
def test_each_answer_has_its_type(reply: bytes, answer: object) -> None:
    """Error answers, limits, heuristics and nonsense are told apart and never raise."""
    with server(reply) as address:
        assert ClamdScanner(Settings(clamd=address)).scan(b"x") == answer


@pytest.mark.parametrize("host", ["a..b", "x" * 64 + ".example", "\udcff.example"])
def test_a_host_nobody_can_spell_is_unreachable(host: str) -> None:
    """The door never raises, whatever stands in the config."""
    scanner = ClamdScanner(Settings.model_construct(**{**Settings().model_dump(), "clamd": (f"tcp:{host}:3310",)}))
    assert isinstance(scanner.scan(b"x"), Unreachable)
    assert scanner.engines()[0].version == ""


@given(reply=st.binary(max_size=200))
@hypothesis_settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_nonsense_is_never_clean_and_never_raises(reply: bytes) -> None:
    """Whatever a broken server says, only a line that ends in `: OK` is clean."""
    answer = read_answer(reply.partition(b"\n")[0], Settings().heuristics)
    assert (answer != Clean()) or reply.partition(b"\n")[0].strip(b"\0\r ").endswith(b": OK")


@pytest.mark.parametrize(
    "address", ["clamd", "unix:relative", "tcp:host", "tcp:host:0", "tcp::3310", "http:x:1", "tcp:h:٣"]
)
def test_unreadable_addresses_are_config_errors(address: str) -> None:
    """What cannot be an address is refused when the config is read."""
    with pytest.raises(ValidationError, match="must be unix:"):
        Settings(clamd=address)


def test_addresses_are_read() -> None:
    """Both documented forms, IPv6 in brackets, and the URL-like spelling with slashes."""
    assert parse_address("unix:/run/clamav/clamd.ctl") == "/run/clamav/clamd.ctl"
    assert parse_address("unix:///run/clamav/clamd.ctl") == "/run/clamav/clamd.ctl"
    assert parse_address("tcp:127.0.0.1:3310") == ("127.0.0.1", 3310)
    assert parse_address("tcp:[::1]:3310") == ("::1", 3310)
    assert parse_address("tcp://localhost:3310") == ("localhost", 3310)


@contextmanager
def server(reply: bytes, *, hold: bool = False) -> Iterator[str]:
    """Run a TCP server that reads one request and answers as told; with `hold` it keeps the line open without a word."""
    done = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            line, _ = listener.accept()
            with line:
                if hold:
                    done.wait(10.0)
                    return
                received = b""
                while not received.endswith(b"\0\0\0\0"):
                    received += line.recv(4_096)
                line.sendall(reply)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"tcp:127.0.0.1:{listener.getsockname()[1]}"
        finally:
            done.set()
            thread.join()
