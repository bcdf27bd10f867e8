"""The daemon against peers that are broken, hostile or many."""

from __future__ import annotations

import hashlib
import json
import socket
import struct
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.daemon import Daemon, scripted
from support.milter_client import NO_REPLY_HEADERS, SKIP, MilterClient, packet

LOAD = Path(__file__).resolve().parents[2] / ".." / "shared" / "tools" / "milter_load.py"


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """One daemon for all tests that do it no harm."""
    with scripted(tmp_path_factory.mktemp("daemon"), workers=2) as running:
        yield running


def test_bytes_arrive_as_sent(daemon: Daemon):
    """Header folding, 8-bit text, NUL in the body and every chunk arrive as they stood on the wire."""
    fields = [
        (b"Subject", b"no-space"),
        (b"To", b" a@example.org,\n\tb@example.org"),
        (b"X-Bytes", b" \xe9\xff"),
        (b"Empty", b""),
    ]
    body = bytes(range(256)) * 1024 + b"\r\n"
    raw = b"Subject:no-space\r\nTo: a@example.org,\r\n\tb@example.org\r\nX-Bytes: \xe9\xff\r\nEmpty:\r\n\r\n" + body
    with MilterClient(daemon.address) as mta:
        mta.greet()
        mta.mail()
        mta.rcpt()
        mta.headers(fields)
        assert mta.body(body).taken
        seen = json.loads(mta.end().added("X-Seen")[0])
    assert seen["sha256"] == hashlib.sha256(raw).hexdigest()


def test_what_is_negotiated(daemon: Daemon):
    """Headers go unanswered, SKIP is known, the queue id is asked for where Postfix has it."""
    with MilterClient(daemon.address) as mta:
        assert mta.steps & NO_REPLY_HEADERS
        assert mta.steps & SKIP
        assert len(mta.symbols[3 - 1].split()) > 5  # MAIL: more macros than pymilter's own function allows
        assert {"i" in names.split() for stage, names in mta.symbols.items() if stage in {4, 5, 6}} == {True}


def test_too_large_a_body_is_skipped(daemon: Daemon):
    """Past the body limit the MTA is told to send no more, and the message is judged as truncated."""
    with MilterClient(daemon.address) as mta:
        mta.greet()
        mta.mail()
        mta.rcpt()
        mta.headers([(b"Subject", b" hello")])
        answer = mta.body(b"x" * (33 * 1024 * 1024))
        assert answer.word == "skip"
        assert json.loads(mta.end().added("X-Seen")[0])["truncated"] is True


def test_thousands_of_fields(daemon: Daemon):
    """A message of 5,000 fields is judged as truncated; the connection lives on."""
    with MilterClient(daemon.address) as mta:
        mta.greet()
        ending = mta.message(fields=[(b"X", b" 1")] * 5000)
        assert json.loads(ending.added("X-Seen")[0])["truncated"] is True
        assert mta.message().answer.taken


@pytest.mark.parametrize(
    "rubbish",
    [b"", b"\0", b"GET / HTTP/1.0\r\n\r\n", struct.pack(">I", 0xFFFFFFFF) + b"O", packet(b"O", b"short"), packet(b"?"), packet(b"E"),
     packet(b"L", b"no value"), packet(b"M", b""), packet(b"C", b"x\0" + b"4")],
    ids=range(10),
)  # fmt: skip
def test_rubbish_harms_nobody(daemon: Daemon, rubbish: bytes):
    """Bytes that are no milter protocol end their own connection at most."""
    workers = daemon.workers()
    with MilterClient(daemon.address, negotiate=False) as mta:
        mta.send(rubbish)
    with MilterClient(daemon.address) as mta:
        mta.greet()
        mta.send(rubbish)
    with MilterClient(daemon.address) as mta:
        mta.greet()
        assert mta.message().answer.taken
    assert daemon.workers() == workers


STEPS = st.one_of(
    st.tuples(st.sampled_from([b"C", b"H", b"M", b"R", b"T", b"L", b"N", b"B", b"E", b"A", b"K", b"U"]), st.binary(max_size=40)),
    st.sampled_from([
        (b"C", b"mx.example.net\0" + b"4\0\x19198.51.100.7\0"), (b"H", b"mx\0"), (b"M", b"<a@example.net>\0"), (b"R", b"<b@example.org>\0"),
        (b"L", b"Subject\0 hello\0"), (b"L", b"X-\xe9\0 hello\0"), (b"B", b"body"), (b"E", b""), (b"A", b""),
        (b"D", b"M{auth_authen}\0\xff\0"), (b"D", b"C{daemon_name}"), (b"D", b""),
    ]),
)  # fmt: skip


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(steps=st.lists(STEPS, max_size=12))
def test_any_steps_in_any_order(daemon: Daemon, steps: list[tuple[bytes, bytes]]):
    """Whatever an MTA sends in whatever order, no worker dies of it and the next message is taken."""
    workers = daemon.workers()
    with MilterClient(daemon.address) as mta, suppress(OSError):
        mta.send(b"".join(packet(command, data) for command, data in steps))
        mta.socket.shutdown(socket.SHUT_WR)
        while mta.file.read(4096):
            pass
    with MilterClient(daemon.address) as mta:
        mta.greet()
        assert mta.message().answer.taken
        mta.quit()
    assert daemon.workers() == workers


def test_many_connections(daemon: Daemon):
    """Two hundred open connections are served, and gone when they are closed."""
    clients = [MilterClient(daemon.address) for _ in range(200)]
    try:
        for mta in clients:
            mta.greet()
        assert all(mta.message().answer.taken for mta in clients)
    finally:
        for mta in clients:
            mta.quit()


def test_undecodable_names_do_not_fill_the_log(daemon: Daemon):
    """A sender cannot write a traceback into the log with each field."""
    before = len(daemon.log())
    with MilterClient(daemon.address) as mta:
        mta.greet()
        mta.message(fields=[(b"X-\xe9", b" 1")] * 100)
    assert len(daemon.log()) == before


@pytest.mark.parametrize("load", [LOAD] if LOAD.exists() else [])
def test_load_generator_finds_no_fault(daemon: Daemon, tmp_path: Path, load: Path):
    """The load generator shared with other filters runs against the daemon without a protocol error."""
    archive = tmp_path / "mail.tar.xz"
    with tarfile.open(archive, "w:xz") as tar:
        for number in range(50):
            raw = b"From: a@example.net\nSubject: folded\n subject\n\n" + b"Hello.\n" * number * 300
            member = tarfile.TarInfo(f"{number}.eml")
            member.size = len(raw)
            tar.addfile(member, BytesIO(raw))
    command = [
        sys.executable,
        load,
        daemon.address.removeprefix("inet:"),
        "--messages",
        archive,
        "--seconds",
        "2",
        "--json",
    ]
    done = subprocess.run([*map(str, command)], capture_output=True, timeout=60, check=False, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["errors"] == []


def test_undecodable_names_reach_their_own_connection(daemon: Daemon):
    """What pymilter could not decode is given to the connection it came from, with many of them open at once."""
    clients = [MilterClient(daemon.address) for _ in range(8)]
    try:
        for mta in clients:
            mta.connect()
        for number, mta in enumerate(clients):
            mta.helo(b"\xff-%d" % number)
        for number, mta in reversed(list(enumerate(clients))):
            seen = json.loads(mta.message(fields=[(b"X-\xe9-%d" % number, b" 1")]).added("X-Seen")[0])
            assert seen["helo"] == f"\ufffd-{number}"
            assert seen["headers"][-1] == f"X-\u00e9-{number}"
    finally:
        for mta in clients:
            mta.quit()
