"""The scan that begins while mail arrives: it never blocks, never stands for other bytes, and never holds clamd for a dawdler."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatepost.mail import limits
from gatepost.world.clock import SystemClock
from gatepost.world.scanner.clamd import ClamdScanner
from gatepost.world.scanner.clamd_server import ClamdServer
from gatepost.world.scanner.clamd_stream import ClamdStream, OpenStreams
from gatepost.world.scanner.door import Clean, Infected, OverLimit, Reloading, Scan, Stream, TimedOut, Unreachable
from gatepost.world.scanner.head_start import HeadStart, at_hand, head_start
from gatepost.world.scanner.settings import Settings
from support.clamd import EICAR, Clamd

PIECES = [EICAR, b" " * 70_000, b"", b"end"]
WHOLE = b"".join(PIECES)

pytestmark = pytest.mark.servers


@pytest.fixture(scope="module")
def clamd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clamd]:
    """Give a running clamd for this module."""
    with Clamd(tmp_path_factory.mktemp("clamd")) as running:
        yield running


@pytest.fixture(params=["unix", "tcp"])
def scanner(request: pytest.FixtureRequest, clamd: Clamd) -> ClamdScanner:
    """Give a scanner over each kind of socket."""
    return ClamdScanner(Settings(clamd=clamd.address if request.param == "unix" else clamd.tcp_address))


def begun(scanner: ClamdScanner, pieces: list[bytes]) -> Stream:
    """Begin a stream with these pieces."""
    stream = scanner.begin()
    assert stream is not None
    for piece in pieces:
        assert stream.feed(piece)
    return stream


def test_what_was_heard_is_scanned(scanner: ClamdScanner) -> None:
    """The pieces of a message make the scan of the message, with the ordinary answer."""
    assert begun(scanner, PIECES).finish(WHOLE, 5.0) == Infected("Eicar-Test-Signature.UNOFFICIAL")
    assert begun(scanner, [b"fine"]).finish(b"fine", 5.0) == Clean()


@pytest.mark.parametrize("other", [WHOLE[:-1], WHOLE + b"x", b"x" + WHOLE[1:], b""])
def test_no_answer_stands_for_other_bytes(scanner: ClamdScanner, other: bytes) -> None:
    """A stream that carried less, more or something else than the message gives no answer."""
    assert begun(scanner, PIECES).finish(other, 5.0) is None


def test_the_scanner_ends_the_head_start_of_its_message(clamd: Clamd) -> None:
    """At hand, the stream answers the scan of exactly its bytes, once; everything else is scanned in the ordinary way."""
    scanner = ClamdScanner(Settings(clamd=clamd.address))
    start = HeadStart(begun(scanner, [b"fine"]))
    with at_hand(start):
        assert head_start() is start
        assert scanner.scan(b"fine") == Clean()
        assert start.stream is None
        assert isinstance(scanner.scan(EICAR), Infected)
    other = HeadStart(begun(scanner, [b"fine"]))
    with at_hand(other):
        assert isinstance(scanner.scan(EICAR), Infected), "not the answer on what the stream carried"
    assert head_start().stream is None


def test_a_stream_that_broke_is_scanned_again(tmp_path: Path) -> None:
    """Clamd restarts while a message arrives: the stream gives nothing, the ordinary scan gives the answer."""
    with Clamd(tmp_path) as clamd:
        scanner = ClamdScanner(Settings(clamd=clamd.address))
        start = HeadStart(begun(scanner, [EICAR]))
        clamd.kill()
        clamd.start()
        start.hear(b" " * 200_000)
        start.hear(b" " * 200_000)
        with at_hand(start):
            assert isinstance(scanner.scan(EICAR + b" " * 400_000), Infected)


def test_a_frozen_clamd_holds_up_no_sender(tmp_path: Path) -> None:
    """Megabytes that clamd does not take wait without blocking; at the end they cost the time limit, and are not clean."""
    with Clamd(tmp_path) as clamd:
        scanner = ClamdScanner(Settings(clamd=clamd.address, timeout_seconds=0.2))
        clamd.freeze()
        piece = b"x" * 65_535
        stream = begun(scanner, [piece] * 40)
        assert isinstance(stream.finish(piece * 40, 0.2), Unreachable)
        assert scanner.begin() is None, "it is left alone now"
        clamd.thaw()


def test_a_frozen_clamd_leaves_the_message_to_the_next(clamd: Clamd, tmp_path: Path) -> None:
    """A head start at a clamd that then stops is no answer while another one stands ready."""
    with Clamd(tmp_path) as frozen:
        scanner = ClamdScanner(Settings(clamd=(frozen.address, clamd.address), timeout_seconds=0.2))
        start = HeadStart(begun(scanner, PIECES))
        frozen.freeze()
        with at_hand(start):
            assert isinstance(scanner.scan(WHOLE), Infected)
        frozen.thaw()


def test_a_stream_past_clamds_limit_says_so(scanner: ClamdScanner) -> None:
    """Clamd refuses in the middle; that is OverLimit, as with the ordinary scan."""
    pieces = [b"a" * 65_535] * 90
    stream = scanner.begin()
    assert stream is not None
    start = HeadStart(stream)
    for piece in pieces:
        start.hear(piece)
    with at_hand(start):
        assert scanner.scan(b"".join(pieces)) == OverLimit("clamd's StreamMaxLength")


def test_a_stream_past_our_limit_is_given_up(clamd: Clamd) -> None:
    """What will not be scanned is not sent either."""
    scanner = ClamdScanner(Settings(clamd=clamd.address, max_bytes=1_024))
    stream = scanner.begin()
    assert stream is not None
    assert not stream.feed(b"a" * 1_025)
    stream.abandon()


def test_a_worker_opens_few_streams(clamd: Clamd) -> None:
    """All places taken: no further head start, until one is finished, abandoned, or stands still for too long."""
    scanner = ClamdScanner(Settings(clamd=clamd.address))
    streams = [begun(scanner, [EICAR]) for _ in range(limits.EARLY_STREAMS)]
    assert scanner.begin() is None
    streams[0].abandon()
    streams[0].abandon()
    streams[0] = begun(scanner, [EICAR])
    assert scanner.begin() is None
    streams[1].fed_at -= limits.EARLY_IDLE_SECONDS + 1  # type: ignore[attr-defined]
    late = begun(scanner, [EICAR])
    assert not streams[1].feed(b"x"), "it was given up for the new one"
    assert streams[1].finish(EICAR, 5.0) is None
    assert isinstance(late.finish(EICAR, 5.0), Infected)
    for stream in streams:
        stream.abandon()
    assert len(scanner._open._open) == 0


def test_a_dawdling_sender_loses_its_head_start(clamd: Clamd) -> None:
    """A piece that comes too long after the one before ends the stream; the message is scanned at its end."""
    scanner = ClamdScanner(Settings(clamd=clamd.address))
    stream = begun(scanner, [EICAR])
    stream.fed_at -= limits.EARLY_IDLE_SECONDS + 1  # type: ignore[attr-defined]
    start = HeadStart(stream)
    start.hear(b" ")
    assert start.stream is None
    with at_hand(start):
        assert isinstance(scanner.scan(EICAR + b" "), Infected)


def test_no_head_start_where_one_would_have_to_wait(clamd: Clamd) -> None:
    """A host that must be looked up, nobody listening, and a site that does not want it: none."""
    for wanted in (Settings(clamd="tcp:localhost:3310"), Settings(clamd="unix:/nonexistent"), Settings()):
        assert ClamdScanner(wanted).begin() is None
    assert ClamdScanner(Settings(clamd=clamd.address, early=False)).begin() is None


@given(
    pieces=st.lists(st.binary(max_size=40), max_size=6),
    other=st.binary(max_size=40),
    answer=st.sampled_from(
        [b"stream: OK\n", b"stream: X FOUND\n", b"stream: x ERROR\n", b"", b"\xff\n", b"COMMAND READ TIMED OUT\n"]
    ),
)
@settings(max_examples=60, deadline=None)
def test_clean_is_said_of_the_very_bytes_alone(pieces: list[bytes], other: bytes, answer: bytes) -> None:
    """Whatever is fed and whatever clamd says: an answer is given only on the same bytes, and Clean only for OK."""
    found = said(pieces, other, answer)
    if other != b"".join(pieces):
        assert found is None
    assert found is None or not isinstance(found, Clean) or answer == b"stream: OK\n"
    assert not isinstance(found, Reloading | TimedOut)


def said(pieces: list[bytes], data: bytes, answer: bytes) -> Scan | None:
    """Feed pieces to a stream whose other end says one thing, and ask about some data."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with theirs:
        stream = ClamdStream(
            ClamdServer("unix:/nonexistent", Settings(), SystemClock()), ours, OpenStreams(), limits.MESSAGE_BYTES
        )
        for piece in pieces:
            stream.feed(piece)
        theirs.sendall(answer)
        theirs.shutdown(socket.SHUT_WR)
        return stream.finish(data, 5.0)
