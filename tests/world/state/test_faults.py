"""A real Redis that goes wrong under eight threads, in every way, and comes back: bounded waits, marked answers, few lines."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gatepost.world.clock import SystemClock
from gatepost.world.state.door import Answer, Ask, Get, Hit, Put
from gatepost.world.state.opening import open_state
from gatepost.world.state.resilient import ResilientState
from gatepost.world.state.settings import Settings
from support.redis_faults import FAULTS
from support.redis_group import watched_redis
from support.redis_server import RedisServer
from support.slow_proxy import SlowProxy
from support.waiting import until

TIMEOUT = 0.25
SLACK = 0.25  # what a busy test machine may add
THREADS = 8
ASKS: list[Ask] = [Hit("load", 3_600), Get("kept")]

pytestmark = pytest.mark.servers


class Load:
    """Threads that ask one state without a pause, and note how long each exchange took, and how it was answered."""

    def __init__(self, state: ResilientState) -> None:
        """Take the state to ask."""
        self._state = state
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._taken: list[tuple[float, bool, list[Answer]]] = []

    def work(self) -> None:
        """Ask until it is over."""
        while not self._over.wait(0.002):
            begin = time.monotonic()
            answers = self._state.exchange(ASKS)
            with self._lock:
                self._taken.append((time.monotonic() - begin, self._state.degraded(), answers))

    def taken(self) -> list[tuple[float, bool, list[Answer]]]:
        """Give what happened since the last call: seconds, degraded or not, answers."""
        with self._lock:
            taken, self._taken = self._taken, []
        return taken

    def settled(self, wanted: Callable[[tuple[float, bool, list[Answer]]], bool], count: int = 400) -> None:
        """Wait until so many exchanges went by of which each was as wanted."""

        def seen() -> bool:
            with self._lock:
                return len(self._taken) >= count and all(map(wanted, self._taken[-count:]))

        until(seen, "the load to settle", 20.0)

    def end(self) -> None:
        """Let the threads end."""
        self._over.set()


@contextmanager
def load(state: ResilientState) -> Iterator[Load]:
    """Run the threads."""
    made = Load(state)
    threads = [threading.Thread(target=made.work) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    try:
        yield made
    finally:
        made.end()
        for thread in threads:
            thread.join()
        state.close()


def p99(taken: list[tuple[float, bool, list[Answer]]]) -> float:
    """Give the seconds that 99 of 100 exchanges stayed under."""
    return sorted(seconds for seconds, *_ in taken)[int(len(taken) * 0.99)]


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_is_bounded_marked_and_passes(fault: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """No exchange fails, 99 of 100 stay under the time limit, all are marked, one line tells it; then all is as before."""
    caplog.set_level(logging.INFO)
    with RedisServer(tmp_path) as server, SlowProxy(server.port) as proxy:
        url = f"redis://127.0.0.1:{proxy.port}/0"
        settings = Settings(url=url, timeout_seconds=TIMEOUT, retry_seconds=0.3)
        state = open_state(settings, tmp_path / "unused", SystemClock())
        state.exchange([Put("kept", b"before", 3_600)])
        with load(state) as threads:
            threads.settled(lambda one: not one[1])
            threads.taken()
            with FAULTS[fault](server, proxy):
                threads.settled(lambda one: one[1])
                taken = threads.taken()
                assert len(caplog.records) == 1
            threads.settled(lambda one: not one[1])
    assert p99(taken) < TIMEOUT + SLACK
    if fault in {"out of memory", "read-only replica"}:
        # What the store remembers is still known.
        assert taken[-1][2][1] == b"before"


def test_lost_scripts_under_load_cost_nothing(tmp_path: Path) -> None:
    """SCRIPT FLUSH again and again under load: no answer is degraded, and no event is lost or counted twice."""
    with RedisServer(tmp_path) as server:
        state = open_state(Settings(url=server.url, timeout_seconds=5.0), tmp_path / "unused", SystemClock())
        with load(state) as threads:
            for _ in range(20):
                assert server.command(b"SCRIPT", b"FLUSH").startswith(b"+OK")
                threads.settled(lambda one: not one[1], 20)
        taken = threads.taken()
        counts = sorted(answers[0] for _, _, answers in taken)
        assert counts == list(range(1, len(taken) + 1))


def test_sentinel_fails_over_under_load(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The master dies under load: bounded waits, marked answers, then the new master serves, with what it had remembered."""
    with watched_redis(tmp_path) as watched:
        settings = Settings(url=watched.url, timeout_seconds=TIMEOUT, retry_seconds=0.3)
        state = open_state(settings, tmp_path / "unused", SystemClock())
        state.exchange([Put("kept", b"before", 3_600)])
        before = watched.master_port()
        with load(state) as threads:
            threads.settled(lambda one: not one[1])
            until(lambda: b"before" in watched.replica.command(b"GET", b"gp:d:{kept}"), "the replica to have it")
            threads.taken()
            watched.master.kill()
            threads.settled(lambda one: one[1], 50)
            threads.settled(lambda one: not one[1])
            taken = threads.taken()
        assert watched.master_port() != before
        assert p99(taken) < TIMEOUT + SLACK
        assert taken[-1][2][1] == b"before"
        assert len(caplog.records) == 1


def test_a_master_that_steps_down_is_followed_at_once(tmp_path: Path) -> None:
    """A planned fail-over (SENTINEL FAILOVER) under load: the old master's READONLY sends the exchange to the new one."""
    with watched_redis(tmp_path) as watched:
        settings = Settings(url=watched.url, timeout_seconds=TIMEOUT, retry_seconds=0.3)
        state = open_state(settings, tmp_path / "unused", SystemClock())
        before = watched.master_port()
        with load(state) as threads:
            threads.settled(lambda one: not one[1])
            assert watched.sentinels[0].command(b"SENTINEL", b"FAILOVER", b"gatepost").startswith(b"+OK")
            until(lambda: watched.master_port() != before, "the fail-over", 20.0)
            threads.taken()
            threads.settled(lambda one: not one[1])
            assert p99(threads.taken()) < TIMEOUT + SLACK
        assert b"role:master" in watched.replica.command(b"INFO", b"replication")
