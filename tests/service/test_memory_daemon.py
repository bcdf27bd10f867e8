"""Memory in the running daemon: limits that nodes share, what outlives a worker, and a store that goes away."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from support.daemon import Daemon, gatepost
from support.milter_client import MilterClient
from support.redis_server import RedisServer
from support.waiting import until

Run = Callable[..., tuple[int, str, str]]
pytestmark = pytest.mark.servers

LIMIT = 200
TEXT = (
    b"Shall we meet at the usual place next week and talk about the new library roof, who pays for it, and whether "
    b"the old one can be mended instead of being taken down before the winter comes?\r\n"
)


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """Give a running Redis for this module."""
    with RedisServer(tmp_path_factory.mktemp("redis")) as running:
        yield running


def knock(daemon: Daemon, number: int, said: Counter[str], ip: str = "198.51.100.7") -> None:
    """Send so many messages over one connection, and count how each ended; a recipient may be refused before."""
    with MilterClient(daemon.address) as mta:
        mta.connect(ip=ip)
        mta.helo()
        for _ in range(number):
            mta.mail(b"<a@sender.example>")
            if mta.rcpt().word != "continue":
                said["put off"] += 1
                mta.abort()
                continue
            mta.data()
            mta.headers([(b"From", b" a@sender.example"), (b"Subject", b" x")])
            mta.body(TEXT)
            said["taken" if mta.end().answer.taken else "put off"] += 1


def test_two_nodes_enforce_one_limit(redis: RedisServer) -> None:
    """Two daemons on one Redis, eight connections at once: together they let through the limit, within one in a hundred."""
    redis.command(b"FLUSHALL")
    config = f"""
[state]
url = "{redis.url}"
timeout_seconds = 5.0
[[rates.inbound]]
per = "client"
limit = {LIMIT}
action = "defer"
"""
    said: Counter[str] = Counter()
    with ExitStack() as stack:
        nodes = [stack.enter_context(gatepost(config)) for _ in range(2)]
        counts = [Counter() for _ in range(8)]
        threads = [threading.Thread(target=knock, args=(nodes[number % 2], 40, counts[number])) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        said = sum(counts, Counter())
    assert said.total() == 320
    assert abs(said["taken"] - LIMIT) <= LIMIT // 100, said


def records(daemon: Daemon) -> list[dict]:
    """Give the records of the daemon's log."""
    return [json.loads(line) for line in daemon.log().splitlines() if '"event":"message"' in line]


def codes(daemon: Daemon) -> list[str]:
    """Give the evidence codes of the last message."""
    return [item["code"] for item in records(daemon)[-1]["evidence"]]


def send(
    daemon: Daemon,
    *,
    login: str = "",
    sender: bytes = b"bob@there.example",
    to: bytes = b"ann@here.example",
    **fields: bytes,
):
    """Send one message; gives its ending."""
    with MilterClient(daemon.address) as mta:
        mta.connect(ip="198.51.100.7")
        mta.helo()
        if login:
            mta.macros(b"M", {"{auth_authen}": login, "{auth_type}": "PLAIN"})
        assert mta.mail(b"<" + sender + b">").taken
        assert mta.rcpt(b"<" + to + b">").taken
        mta.data()
        extra = [(name.replace("_", "-").encode(), b" " + value) for name, value in fields.items()]
        mta.headers([(b"From", b" " + sender), (b"Subject", b" The roof"), *extra])
        mta.body(TEXT)
        return mta.end()


def test_a_connection_past_the_limit_is_refused_every_recipient() -> None:
    """Not the first one alone, and not in the next message on it; the next connection is asked about anew."""
    limits = '[[rates.inbound]]\nper = "client"\nwhat = "connections"\nlimit = 1\n'
    with gatepost(limits) as daemon:
        for allowed in (True, False, False):
            with MilterClient(daemon.address) as mta:
                mta.connect(ip="198.51.100.7")
                mta.helo()
                for _ in range(2):
                    mta.mail(b"<a@sender.example>")
                    answers = [mta.rcpt(b"<%d@here.example>" % number) for number in range(3)]
                    assert [answer.taken for answer in answers] == [allowed] * 3
                    assert allowed or {answer.text[:31] for answer in answers} == {"451 4.7.1 too many connections "}
                    mta.abort()


@pytest.mark.parametrize("kept", ["embedded", "redis"])
def test_an_answer_is_known_by_another_worker(redis: RedisServer, kept: str) -> None:
    """Ann writes to bob; after a reload, with new workers, bob's answer is known as one, and a stranger's is not."""
    url = redis.url if kept == "redis" else ""
    with gatepost(f'[state]\nurl = "{url}"\ntimeout_seconds = 2.0\n') as daemon:
        assert send(
            daemon, login="ann", sender=b"ann@here.example", to=b"bob@there.example", Message_ID=b"<1@here>"
        ).answer.taken
        daemon.reload()
        send(daemon, In_Reply_To=b"<1@here>")
        assert "correspondent.reply" in codes(daemon)
        send(daemon, In_Reply_To=b"<2@here>")
        assert "correspondent.reply" not in codes(daemon)


def test_a_doubtful_first_contact_is_put_off_and_comes_back() -> None:
    """The MTA is told 451 4.7.1; the same message is taken when the minimum time has passed."""
    config = "[greylist]\nenabled = true\nminimum_seconds = 1\n[thresholds]\ngreylist = -100.0\n"
    with gatepost(config) as daemon:
        first = send(daemon).answer
        assert first.text.startswith("451 4.7.1 first message of this sender")
        seconds = threading.Event()
        for _ in range(20):
            last = send(daemon).answer
            if last.taken:
                break
            assert last.text.startswith("451 4.7.1 tried again too early")
            seconds.wait(0.25)
        assert last.taken
        assert "greylist.passed" in codes(daemon)
        assert send(daemon, login="ann", sender=b"new@here.example").answer.taken


def test_a_store_that_goes_away_costs_no_mail(tmp_path: Path) -> None:
    """Mail goes on while Redis is dead, marked degraded and never greylisted, and memory comes back with it."""
    cautious = "[greylist]\nenabled = true\n[thresholds]\ngreylist = -100.0\n"
    with RedisServer(tmp_path) as own, gatepost(f'{cautious}[state]\nurl = "{own.url}"\n') as daemon:
        assert send(daemon).answer.text.startswith("451 4.7.1")
        own.kill()
        for number in range(5):
            assert send(daemon, sender=b"new%d@there.example" % number).answer.taken
            assert "state" in records(daemon)[-1]["degraded"]
            assert not {"greylist.first", "greylist.early"} & set(codes(daemon))
        own.start()
        until(lambda: send(daemon).answer.text.startswith("451 4.7.1"), "memory to come back")


def test_unknown_recipients_are_held_against_the_client(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the MTA refuses as unknown is remembered of the client, and shown, and forgotten when told to."""
    with gatepost("") as daemon:
        with MilterClient(daemon.address) as mta:
            mta.connect(ip="198.51.100.7")
            mta.helo()
            mta.mail(b"<a@sender.example>")
            for host, times in (("5.1.1", 8), ("4.2.0", 5)):
                for number in range(times):
                    mta.macros(b"R", {"{rcpt_mailer}": "error", "{rcpt_host}": host})
                    assert mta.rcpt(b"<guess%d@here.example>" % number).taken
            mta.macros(b"R", {"{rcpt_mailer}": "local", "{rcpt_host}": "here.example"})
            assert mta.rcpt(b"<ann@here.example>").taken
        monkeypatch.setenv("STATE_DIRECTORY", str(daemon.state))
        arguments = ("198.51.100.7", "--json", "--config", daemon.config_file)
        shown = [json.loads(line) for line in run("reputation", "show", *arguments)[1].splitlines()]
        assert [(each["as"], each["unknown_recipients"], each["unwanted"]) for each in shown] == [
            ("address", 2.0, 2.0),
            ("network", 2.0, 2.0),
        ]
        assert run("reputation", "reset", *arguments)[0] == 0
        again = [json.loads(line) for line in run("reputation", "show", *arguments)[1].splitlines()]
        assert [each["unwanted"] for each in again] == [0.0, 0.0]
