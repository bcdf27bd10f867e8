"""clamd killed, stopped, reloading, slow, over its limit, through the milter protocol: nothing lost, nothing called clean unscanned."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.clamd import EICAR, SLOW, Clamd
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
    clamd = Clamd(place, 1024 * 1024, "ConcurrentDatabaseReload no\nIdleTimeout 5\n")
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
    ending, codes = site.send(over * 20_000, "limit-in")
    assert (codes, delivered_unscanned(ending)) == (["virus.limit"], True)
    ending, codes = site.send(over * 20_000, "limit-out", OWN)
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
