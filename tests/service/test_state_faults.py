"""The whole daemon under load while its Redis goes wrong: no mail is lost or put off, all of it is marked, and it passes."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from gatepost.world.state import resilient
from support.daemon import Daemon, gatepost
from support.mail_load import CLIENTS, Mail, Sent, mail, p99
from support.redis_faults import FAULTS
from support.redis_group import WatchedRedis, watched_redis
from support.redis_server import RedisServer
from support.slow_proxy import SlowProxy
from support.waiting import until

TIMEOUT = 0.25
OUTAGE = 30.0
BOTH = 80  # messages in a row that are never all one worker's: a client comes back by a new connection after five
NOSCRIPT = ("errorstats", "errorstat_NOSCRIPT:count=")
SCRIPTS = ("commandstats", "cmdstat_evalsha:calls=")  # those of clients: what a master replicates are not scripts

pytestmark = pytest.mark.servers


def marked(one: Sent) -> bool:
    """Say whether a message was answered without the store."""
    return "state" in one.degraded


def unmarked(one: Sent) -> bool:
    """Say whether the store answered."""
    return "state" not in one.degraded


def check(usual: Sequence[Sent], *rest: Sequence[Sent]) -> None:
    """Every message was taken, and of each part 99 of 100 waited no longer than the breaker allows."""
    for part in (usual, *rest):
        assert {one.answer for one in part} <= {"continue", "accept"}
        # A slow store is found out by its second answer; a quarter of a second is for a busy test machine.
        assert p99(part) < 2 * TIMEOUT + p99(usual) + 0.25


def check_log(daemon: Daemon, began: float) -> None:
    """Two workers together wrote something about the state, and at most a line for each minute since then (monotonic)."""
    lines = [line for line in daemon.log().splitlines() if "state: " in line]
    assert 1 <= len(lines) <= 1 + (time.monotonic() - began) // 60, lines


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
        usual = sender.settled(unmarked)
        with FAULTS[fault](stage.server, stage.proxy):
            during = sender.settled(marked)
        after = sender.settled(unmarked)
    check(usual, during)
    assert {one.answer for one in after} <= {"continue", "accept"}


def test_the_log_says_it_once_a_minute(stage: Stage) -> None:
    """All faults so far, seen by two workers, are at most one line for each minute."""
    with mail(stage.daemon) as sender:
        sender.settled(unmarked)
        stage.server.kill()
        sender.settled(marked)
        stage.server.start()
    check_log(stage.daemon, stage.began)


def test_lost_scripts_touch_no_message(stage: Stage) -> None:
    """SCRIPT FLUSH again and again: every message is taken, none is marked, though Redis had to say NOSCRIPT to some."""
    with mail(stage.daemon) as sender:
        usual = sender.settled(unmarked, BOTH)  # whatever the test before did to them
        before, during = stage.server.told(*NOSCRIPT), []
        for _ in range(10):
            assert stage.server.command(b"SCRIPT", b"FLUSH").startswith(b"+OK")
            during += sender.settled(unmarked, 10)
    assert stage.server.told(*NOSCRIPT) - before >= 10
    assert all(map(unmarked, during))
    check(usual, during)


def test_connections_that_are_cut_cost_what_was_under_way(stage: Stage) -> None:
    """Redis cuts all connections, again and again: the next message finds it at once, without the pause of a Redis that is away."""
    during, late = list[Sent](), list[Sent]()
    with gatepost(f'[state]\nurl = "{stage.server.url}"\n') as daemon, mail(daemon) as sender:
        usual = sender.settled(unmarked, BOTH)
        for _ in range(10):
            cut = time.monotonic()
            assert stage.server.command(b"CLIENT", b"KILL", b"TYPE", b"normal", b"SKIPME", b"yes").startswith(b":")
            sent = sender.settled(unmarked, BOTH)
            during += sent
            late += [one for one in sent if marked(one) and one.begun > cut + resilient.PAUSE / 2]
    assert late == []
    check(usual, during)


@contextmanager
def watched_daemon(folder: Path, pause: float = 0.0) -> Iterator[tuple[WatchedRedis, Daemon, Mail]]:
    """Give a master with a replica under three Sentinels, a daemon that asks these, and mail that is on its way."""
    with watched_redis(folder) as watched:
        config = f'[state]\nurl = "{watched.url}"\ntimeout_seconds = {TIMEOUT}\nretry_seconds = 0.5\n'
        with gatepost(config) as daemon, mail(daemon, pause) as sender:
            yield watched, daemon, sender


def test_mail_goes_on_through_a_fail_over(tmp_path: Path) -> None:
    """The master dies: all mail is taken, marked until Sentinel names the other one, which then serves, without restart."""
    with watched_daemon(tmp_path) as (watched, daemon, sender):
        began, before = time.monotonic(), watched.master_port()
        usual = sender.settled(unmarked)
        watched.master.kill()
        during = sender.settled(marked)
        until(lambda: watched.master_port() != before, "the fail-over")
        after = sender.settled(unmarked, BOTH)
        scripts = watched.replica.told(*SCRIPTS)
        last = sender.settled(unmarked)
        assert watched.replica.told(*SCRIPTS) > scripts
        check_log(daemon, began)
    check(usual, during, after, last)
    assert all(map(unmarked, [*usual, *last]))


def is_replica(server: RedisServer) -> bool:
    """Say whether a server is a replica. One that becomes it just now cuts off whoever is connected, the one who asks too."""
    try:
        return server.told("replication", "master_port:") > 0
    except ConnectionError:
        return False


def test_a_planned_fail_over_costs_what_was_under_way(tmp_path: Path) -> None:
    """SENTINEL FAILOVER: the new master serves at once; marked is at most what the old one cuts off when it becomes a replica."""
    # Sentinel demotes the old master ten seconds later: no need to keep the daemon busy for so long.
    with watched_daemon(tmp_path, pause=0.02) as (watched, _, sender):
        before = watched.master_port()
        usual = sender.settled(unmarked)
        assert watched.sentinels[0].command(b"SENTINEL", b"FAILOVER", b"gatepost").startswith(b"+OK")
        until(lambda: watched.master_port() != before, "the fail-over")
        until(lambda: is_replica(watched.master), "the old master to be a replica")
        scripts = watched.replica.told(*SCRIPTS)
        during, after = sender.settled(unmarked, BOTH), sender.settled(unmarked)
        assert watched.replica.told(*SCRIPTS) > scripts
    assert sum(map(marked, during)) <= 10 * CLIENTS
    assert all(map(unmarked, after))
    check(usual, during, after)


def test_redis_returns_after_half_a_minute(tmp_path: Path) -> None:
    """Gone for 30 s, with the pauses that Gatepost ships with: every message of that time is marked, none after it is back."""
    with RedisServer(tmp_path) as server:
        config = f'[state]\nurl = "{server.url}"\n'
        # Slowly: half a minute of all that the daemon can do would show no more.
        with gatepost(config) as daemon, mail(daemon, pause=0.25) as sender:
            began = time.monotonic()
            usual = sender.settled(unmarked, 20)
            server.kill()
            gone = time.monotonic()
            first = sender.settled(marked, 20)
            until(lambda: time.monotonic() - gone >= OUTAGE, "half a minute to pass", OUTAGE + 1)
            during = sender.taken()
            server.start()
            back = sender.settled(unmarked, BOTH)
            last = sender.settled(unmarked, 20)
            check_log(daemon, began)
    assert all(map(unmarked, [*usual, *last]))
    assert all(map(marked, during))
    check(usual, first, during, back, last)
