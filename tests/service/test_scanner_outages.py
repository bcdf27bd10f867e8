"""Mail through the milter protocol to a real clamd, which is killed, stopped, reloading, slow or over its limit meanwhile.

What it knows is found; while it does not scan nothing is lost, and nothing is called clean.
"""

from __future__ import annotations

import base64
import json
import shutil
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.clamd import EICAR, SLOW, TESTFILES, Clamd
from support.daemon import Daemon, gatepost
from support.milter_client import Ending, MilterClient
from support.waiting import until

OWN = "203.0.113.5"
STRANGER = "198.51.100.7"
LARGE = 600_000

CONFIG = """
[actions.inbound]
"virus.reloading" = "defer"
[actions.outbound]
"virus.timeout" = "quarantine"
"""

pytestmark = pytest.mark.servers


@dataclass
class Site:
    """A daemon, its clamd, and what the records of its messages say."""

    daemon: Daemon
    clamd: Clamd

    def send(self, body: bytes, queue_id: str, client: str = STRANGER) -> tuple[Ending, list[str]]:
        """Send one message; gives what the filter did and the codes of its virus check."""
        with MilterClient(self.daemon.address) as line:
            line.connect(ip=client)
            line.helo()
            ending = line.message(body=body, queue_id=queue_id)
        record = until(lambda: self.record(queue_id), f"the record of {queue_id}")
        codes = [item["code"] for item in record["evidence"] if item["check"] == "virus"]
        return ending, codes

    def record(self, queue_id: str) -> dict:
        """Give the record of a message, {} while there is none."""
        for line in self.daemon.log().splitlines():
            start = line.find("{")
            if start >= 0 and f'"{queue_id}"' in line:
                try:
                    return json.loads(line[start:])
                except ValueError:
                    continue
        return {}


@pytest.fixture
def site() -> Iterator[Site]:
    """Give a daemon in front of a private clamd."""
    place = Path(tempfile.mkdtemp(prefix="gatepost-clamd-"))
    place.chmod(0o755)
    clamd = Clamd(place, 4 * 1024 * 1024, "ConcurrentDatabaseReload no\nIdleTimeout 5\n")
    settings = "timeout_seconds = 1.0\nretry_seconds = 0.0\n"
    own = f'own_networks = ["{OWN}/32"]\n'
    try:
        with clamd, gatepost(CONFIG, clamd=clamd.address, virus=settings, milter=own) as daemon:
            yield Site(daemon, clamd)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def delivered_unscanned(ending: Ending) -> bool:
    """Say whether a message was delivered, and said to be unscanned."""
    return ending.answer.taken and ending.added("X-Virus-Status") == [" error"]


def deferred(ending: Ending) -> bool:
    """Say whether the sender was told to come again."""
    return ending.answer.word == "reply" and ending.answer.text.startswith("451 ")


def test_each_trouble_has_its_evidence_and_its_outcome(site: Site) -> None:
    """Strangers' mail is delivered and marked, our own users' mail is put off; what the site configured goes before both."""
    ending, codes = site.send(b"fine\r\n", "well")
    assert (ending.answer.taken, codes, ending.added("X-Virus-Status")) == (True, ["virus.clean"], [" clean"])
    assert "ClamAV" in json.dumps(site.record("well")["evidence"]), "the record names the engine"
    ending, codes = site.send(EICAR + b"\r\n", "bad")
    assert (ending.answer.text[:3], codes) == ("550", ["virus.infected"])

    over = b"a" * 76 + b"\r\n"
    ending, codes = site.send(over * 60_000, "limit-in")
    assert (codes, delivered_unscanned(ending)) == (["virus.limit"], True)
    ending, codes = site.send(over * 60_000, "limit-out", OWN)
    assert (codes, deferred(ending)) == (["virus.limit"], True)

    ending, codes = site.send(SLOW, "slow-in")
    assert (codes, delivered_unscanned(ending)) == (["virus.timeout"], True)
    ending, codes = site.send(SLOW, "slow-out", OWN)
    assert (codes, ending.quarantine is not None) == (["virus.timeout"], True)
    until(site.clamd.answers, "clamd to answer")

    site.clamd.freeze()
    ending, codes = site.send(EICAR + b"\r\n", "stopped-in")
    assert (codes, delivered_unscanned(ending)) == (["virus.unreachable"], True)
    assert "is stopped" in json.dumps(site.record("stopped-in"))
    ending, codes = site.send(EICAR + b"\r\n", "stopped-out", OWN)
    assert (codes, deferred(ending)) == (["virus.unreachable"], True)
    site.clamd.kill()
    ending, codes = site.send(EICAR + b"\r\n", "killed-in")
    assert (codes, delivered_unscanned(ending)) == (["virus.unreachable"], True)
    ending, codes = site.send(EICAR + b"\r\n", "killed-out", OWN)
    assert (codes, deferred(ending)) == (["virus.unreachable"], True)

    site.clamd.start()
    ending, codes = site.send(EICAR + b"\r\n", "again")
    assert codes == ["virus.infected"]
    site.clamd.reload()
    ending, codes = site.send(EICAR + b"\r\n", "reload-in")
    assert (codes, deferred(ending)) == (["virus.reloading"], True)


def test_large_mail_is_scanned_while_it_arrives(site: Site) -> None:
    """A large message has its verdict by the early scan, and by the ordinary one when clamd restarts in between."""
    padding = (b" " * 76 + b"\r\n") * (LARGE // 78)
    part = b"--cut\r\nContent-Type: application/octet-stream\r\n\r\n" + EICAR
    body = b"--cut\r\n\r\n" + padding + part + b"\r\n--cut--\r\n"
    with MilterClient(site.daemon.address) as line:
        line.greet()
        for number, restart in enumerate((False, True)):
            line.mail()
            line.rcpt()
            line.data(f"large-{number}")
            line.headers([(b"From", b" a@example.net"), (b"Content-Type", b' multipart/mixed; boundary="cut"')])
            line.body(body[:400_000])
            if restart:
                site.clamd.kill()
                site.clamd.start()
            line.body(body[400_000:])
            assert line.end(f"large-{number}").answer.text.startswith("550 ")
        # An abort in the middle closes the stream; the next message of the connection is not concerned.
        line.mail()
        line.rcpt()
        line.headers([(b"From", b" a@example.net")])
        line.body(body[:400_000])
        line.abort()
        assert line.message(queue_id="after").added("X-Virus-Status") == [" clean"]


def test_every_container_of_debians_test_files_is_refused(site: Site) -> None:
    """Each file of clamav-testfiles, mailed as an attachment, is refused as a virus; the largest are scanned while they arrive."""
    taken = []
    with MilterClient(site.daemon.address) as line:
        line.greet()
        for file in sorted(TESTFILES.iterdir()):
            encoded = base64.encodebytes(file.read_bytes()).replace(b"\n", b"\r\n")
            head = b"--cut\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n"
            ending = line.message(
                fields=[(b"Content-Type", b' multipart/mixed; boundary="cut"')], body=head + encoded + b"--cut--\r\n"
            )
            if not ending.answer.text.startswith("550 "):
                taken.append(file.name)
    assert taken == []


class Recorder:
    """A server that answers nothing and keeps what each of its connections sent, and whether it was closed."""

    def __init__(self) -> None:
        self.sent: list[bytearray] = []
        self.closed: list[bytearray] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"tcp:127.0.0.1:{self._listener.getsockname()[1]}"

    def stop(self) -> None:
        """Listen no more."""
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                line, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._keep, args=(line,), daemon=True).start()

    def _keep(self, line: socket.socket) -> None:
        kept = bytearray()
        self.sent.append(kept)
        with line, suppress(OSError):
            while piece := line.recv(65_536):
                kept += piece
        self.closed.append(kept)


def test_the_scan_begins_before_the_message_ends_and_ends_with_an_abort() -> None:
    """A large body reaches the scanner while its end is still to come; a small one does not; an abort hangs up."""
    recorder = Recorder()
    try:
        with gatepost("", clamd=recorder.address) as daemon, MilterClient(daemon.address) as line:
            line.greet()
            for size, early in ((100_000, False), (400_000, True)):
                line.mail()
                line.rcpt()
                line.headers([(b"From", b" a@example.net")])
                line.body(b"x" * size)
                if early:
                    until(lambda: _streams(recorder.sent), "a stream of the body so far")
                    assert not _streams(recorder.closed)
                line.abort()
                if early:
                    until(lambda: _streams(recorder.closed), "the stream to be closed")
                else:
                    assert not _streams(recorder.sent)
    finally:
        recorder.stop()


def _streams(found: list[bytearray]) -> bool:
    return any(each.startswith(b"nINSTREAM\n") and len(each) > 300_000 for each in found)
