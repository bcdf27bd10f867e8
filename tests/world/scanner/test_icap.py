"""ICAP on the wire: each answer that RFC 3507 knows, each way to name what was found, and servers that misbehave."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from gatepost.world.clock import FakeClock
from gatepost.world.scanner.door import (
    Clean,
    Heuristic,
    Infected,
    OverLimit,
    Scan,
    ScanFailed,
    TimedOut,
    Unreachable,
)
from gatepost.world.scanner.icap import IcapScanner
from gatepost.world.scanner.icap_wire import IcapAnswer, IcapError, exchange, threat
from gatepost.world.scanner.settings import Settings, parse_icap
from support.c_icap import CIcap
from support.clamd import EICAR, Clamd

DATA = b"what is scanned"
FORBIDDEN = b"HTTP/1.1 403 Forbidden\r\nContent-Type: text/html\r\n\r\n"
FINE = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n"


def objection(fields: bytes = b"", head: bytes = FORBIDDEN, body: bytes = b"blocked") -> bytes:
    """Give an answer that changes the content."""
    encapsulated = b"Encapsulated: res-hdr=0, res-body=%d\r\n" % len(head)
    chunks = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    return b"ICAP/1.0 200 OK\r\n" + fields + encapsulated + b"\r\n" + head + chunks


@contextmanager
def service(answer: bytes, *, hold: bool = False) -> Iterator[str]:
    """Run a server that reads each request to its end and answers as told; with `hold` it says nothing."""
    done = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.05)

        def serve() -> None:
            while not done.is_set():
                try:
                    line, _ = listener.accept()
                except TimeoutError:
                    continue
                with line:
                    if hold:
                        done.wait(10.0)
                        return
                    received = b""
                    while not received.endswith((b"0\r\n\r\n", b"null-body=0\r\n\r\n")):
                        received += line.recv(65_536)
                    line.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"icap://127.0.0.1:{listener.getsockname()[1]}/avscan"
        finally:
            done.set()
            thread.join()


@pytest.mark.parametrize(
    ("answer", "scan"),
    [
        (b'ICAP/1.0 204 No Content\r\nISTag: "x"\r\n\r\n', Clean()),
        (objection(b"X-Infection-Found: Type=0; Resolution=2; Threat=Eicar-Test;\r\n"), Infected("Eicar-Test")),
        (objection(b"X-Infection-Found: Type=0; Resolution=2; Threat=PUA.Odd;\r\n"), Heuristic("PUA.Odd")),
        (objection(b"X-Virus-ID: Worm.X\r\n"), Infected("Worm.X")),
        (objection(b"X-Violations-Found: 1\r\n\tmail.eml\r\n\tTrojan.Y\r\n\t7\r\n\t2\r\n"), Infected("Trojan.Y")),
        (objection(), Infected("an ICAP service's objection")),
        (objection(head=FINE, body=DATA), Clean()),
        (objection(head=FINE, body=b"something else"), ScanFailed("the ICAP service changed the content without saying why")),
        (b"ICAP/1.0 204 No Content\r\nX-Infection-Found: Type=0; Resolution=0; Threat=Eicar;\r\n\r\n", Infected("Eicar")),
        (objection(b"X-Virus-ID: Worm.X\r\n", body=b"x" * 200_000), Infected("Worm.X")),
        (objection(b"X-Virus-ID: Worm.X\r\n", head=b"no header of HTTP\r\n\r\n"), Infected("Worm.X")),
        (b"ICAP/1.0 413 Too Large\r\n\r\n", OverLimit("the ICAP service's limit")),
        (b"ICAP/1.0 404 Not Found\r\n\r\n", ScanFailed("the ICAP service answered 404")),
        (b"ICAP/1.0 500 Oops\r\n\r\n", ScanFailed("the ICAP service answered 500")),
        (b"ICAP/1.0 503 Overloaded\r\n\r\n", Unreachable("the ICAP service is overloaded (503)")),
        (b"SSH-2.0-OpenSSH\r\n\r\n", ScanFailed("the ICAP service's answer is none")),
        (b"", ScanFailed("the ICAP service hung up within its answer")),
        (b"ICAP/1.0 200 OK\r\nEncapsulated: res-hdr=0, res-body=9\r\n\r\nHTTP/1.1 200 OK\r\n\r\nzz\r\n", ScanFailed("the ICAP service's answer has no chunks")),
        (objection(head=FINE, body=b"x" * 70_000), ScanFailed("the ICAP service's answer is longer than what it was sent")),
        (b"ICAP/1.0 200 OK\r\nX: " + b"x" * 70_000, ScanFailed("the ICAP service's answer has no end of header")),
    ],
)  # fmt: skip
def test_each_answer_has_its_type(answer: bytes, scan: Scan) -> None:
    """No objection, an objection with and without a name, limits, errors and nonsense are told apart; nothing raises."""
    with service(answer) as url:
        assert IcapScanner(Settings(icap=url)).scan(DATA) == scan


def test_a_silent_service_costs_the_limit_once() -> None:
    """One message waits for the time limit; the next one for OPTIONS, and then the service is left alone."""
    with service(b"", hold=True) as url:
        clock = FakeClock()
        scanner = IcapScanner(Settings(icap=url, timeout_seconds=0.2), clock)
        assert scanner.scan(DATA) == TimedOut("the ICAP service did not finish in time")
        assert scanner.scan(DATA) == Unreachable("the ICAP service does not answer")
        assert scanner.scan(DATA) == Unreachable("the ICAP service does not answer; not tried again yet")
        assert scanner.heard() in ((), scanner.engines())


def test_the_istag_identifies_the_database() -> None:
    """OPTIONS gives the service's name and the tag that changes with its database (RFC 3507 4.7)."""
    with service(b'ICAP/1.0 200 OK\r\nMethods: RESPMOD\r\nService: Scanner 3\r\nISTag: "T-42"\r\n\r\n') as url:
        (engine,) = IcapScanner(Settings(icap=url)).heard()
    assert (engine.place, engine.version, engine.database) == (url, "Scanner 3", '"T-42"')


@pytest.mark.servers
def test_a_service_whose_scanner_is_away_is_an_error(tmp_path: Path) -> None:
    """c-icap without its clamd answers 500: an error, not clean; with it again it finds."""
    clamd_folder, folder = tmp_path / "clamd", tmp_path / "c-icap"
    clamd_folder.mkdir()
    folder.mkdir()
    with Clamd(clamd_folder) as clamd, CIcap(folder, clamd.socket) as server:
        scanner = IcapScanner(Settings(icap=server.url))
        clamd.kill()
        assert scanner.scan(EICAR) == ScanFailed("the ICAP service answered 500")
        clamd.start()
        assert isinstance(scanner.scan(EICAR), Infected)


@given(answer=st.one_of(st.binary(max_size=300), st.binary(max_size=60).map(lambda tail: objection()[:90] + tail)))
@settings(max_examples=100, deadline=None)
def test_nonsense_is_an_error_or_an_answer(answer: bytes) -> None:
    """Whatever a service sends: an answer of the declared form or IcapError, within bounds."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(answer)
        theirs.shutdown(socket.SHUT_WR)
        try:
            found = exchange(ours, iter([b"request"]), len(DATA), 5.0)
        except IcapError:
            return
        assert isinstance(found, IcapAnswer)
        assert 100 <= found.status <= 999


@given(
    st.dictionaries(st.sampled_from(["x-infection-found", "x-virus-id", "x-violations-found"]), st.text(max_size=80))
)
def test_any_field_names_something_or_nothing(fields: dict[str, str]) -> None:
    """The fields that name a threat are read without raising."""
    assert isinstance(threat(fields), str)


def test_urls_are_read() -> None:
    """The default port, IPv6 and a query are read; what is no ICAP URL is a config error."""
    assert parse_icap("icap://scanner.example/avscan") == ("scanner.example", 1344, "/avscan")
    assert parse_icap("icap://[::1]:1345/respmod?x=1") == ("::1", 1345, "/respmod?x=1")
    for url in ("http://x/y", "icap://x", "icap://x/", "icap:///y", "icap://x:y/z", "icap://x/y z", "icap://x/\r\ny"):
        with pytest.raises(ValidationError):
            Settings(icap=url)
