"""The whole daemon under load while its Redis goes wrong: no mail is lost or put off, all of it is marked, and it passes."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from support.daemon import Daemon, gatepost
from support.milter_client import MilterClient
from support.redis_faults import FAULTS
from support.redis_server import RedisServer
from support.slow_proxy import SlowProxy
from support.waiting import until

TIMEOUT = 0.25
CLIENTS = 4
SOME = 40

pytestmark = pytest.mark.servers


@dataclass(frozen=True, slots=True)
class Sent:
    """One message: the answer at its end, the dependencies that were away by its header, and the seconds it took."""

    answer: str
    degraded: frozenset[str]
    seconds: float


class Mail:
    """Connections that send one message after the other, each from an address of its own, until it is over."""

    def __init__(self, address: str) -> None:
        """Take the daemon's address."""
        self._address = address
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._sent: list[Sent] = []
        self.errors: list[Exception] = []

    def work(self, number: int) -> None:
        """Be one client."""
        count = 0
        try:
            while not self._over.is_set():
                count += 1
                with MilterClient(self._address) as client:
                    client.connect(ip=f"192.0.{number}.{count % 250}")
                    client.helo()
                    for _ in range(5):
                        begin = time.monotonic()
                        ending = client.message(queue_id=f"4Q{number}X{count}")
                        taken = time.monotonic() - begin
                        (told,) = ending.added("X-Gatepost-Verdict")
                        away = re.search(r"degraded=(\S*)", told)
                        assert away is not None
                        sent = Sent(ending.answer.word, frozenset(away[1].strip(";").split(",")), taken)
                        with self._lock:
                            self._sent.append(sent)
        except Exception as error:  # noqa: BLE001  handed to the test
            self.errors.append(error)

    def settled(self, wanted: Callable[[Sent], bool]) -> list[Sent]:
        """Wait until some messages in a row were as wanted; gives all since the last call."""

        def seen() -> bool:
            assert not self.errors
            with self._lock:
                return len(self._sent) >= SOME and all(map(wanted, self._sent[-SOME:]))

        until(seen, "the messages to be as wanted", 30.0)
        with self._lock:
            sent, self._sent = self._sent, []
        return sent

    def end(self) -> None:
        """Let the clients end."""
        self._over.set()


@contextmanager
def mail(daemon: Daemon) -> Iterator[Mail]:
    """Send mail from several connections at once."""
    made = Mail(daemon.address)
    threads = [threading.Thread(target=made.work, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    try:
        yield made
    finally:
        made.end()
        for thread in threads:
            thread.join()
    assert made.errors == []


@dataclass(frozen=True, slots=True)
class Stage:
    """A running daemon and since when (monotonic), its Redis, and the proxy between them."""

    daemon: Daemon
    server: RedisServer
    proxy: SlowProxy
    began: float


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Give a stage."""
    with RedisServer(tmp_path_factory.mktemp("redis")) as server, SlowProxy(server.port) as proxy:
        config = f"""
[state]
url = "redis://127.0.0.1:{proxy.port}/0"
timeout_seconds = {TIMEOUT}
retry_seconds = 0.5
"""
        with gatepost(config) as daemon:
            yield Stage(daemon, server, proxy, time.monotonic())


@pytest.mark.parametrize("fault", FAULTS)
def test_mail_goes_on_through_every_fault(fault: str, stage: Stage) -> None:
    """Every message is taken, each during the fault is marked, 99 of 100 wait no longer than the breaker allows, and it passes."""
    with mail(stage.daemon) as sender:
        usual = sender.settled(lambda one: "state" not in one.degraded)
        with FAULTS[fault](stage.server, stage.proxy):
            during = sender.settled(lambda one: "state" in one.degraded)
        after = sender.settled(lambda one: "state" not in one.degraded)
    assert {one.answer for one in usual + during + after} <= {"continue", "accept"}
    slowest = sorted(one.seconds for one in during)[int(len(during) * 0.99)]
    usually = sorted(one.seconds for one in usual)[int(len(usual) * 0.99)]
    # A slow store is found out by its second answer; a quarter of a second is for a busy test machine.
    assert slowest < 2 * TIMEOUT + usually + 0.25


def test_the_log_says_it_once_a_minute(stage: Stage) -> None:
    """All faults so far, seen by two workers, are at most one line for each minute."""
    with mail(stage.daemon) as sender:
        sender.settled(lambda one: "state" not in one.degraded)
        stage.server.kill()
        sender.settled(lambda one: "state" in one.degraded)
        stage.server.start()
    lines = [line for line in stage.daemon.log().splitlines() if "state: " in line]
    assert 1 <= len(lines) <= 1 + (time.monotonic() - stage.began) // 60, lines
