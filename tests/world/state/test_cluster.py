"""A real cluster of three: slots that move under load, a node that dies, scripts that get lost."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from gatepost.world.clock import FakeClock, SystemClock
from gatepost.world.state.door import Ask, Hit, Mark, Put, Recall, StateUnavailableError, Tally
from gatepost.world.state.opening import open_state
from gatepost.world.state.redis_url import open_redis
from gatepost.world.state.settings import Settings
from support.redis_group import RedisCluster, redis_cluster
from support.state_forms import Servers

WINDOW = 3_600
MANY = [f"key{number}" for number in range(24)]

pytestmark = pytest.mark.servers


@pytest.fixture
def cluster(servers: Servers) -> RedisCluster:
    """Give a running cluster without keys."""
    servers.cluster.empty()
    return servers.cluster


def test_an_exchange_reaches_all_nodes(cluster: RedisCluster, clock: FakeClock) -> None:
    """Keys of all nodes in one exchange: each lies where the cluster wants it, and every key of ours has one hash tag."""
    state = open_redis(cluster.url, clock, timeout=5.0)
    assert state.hit([Hit(key, WINDOW) for key in MANY]) == [1] * len(MANY)
    state.remember([Mark(key, 1.0) for key in MANY])
    assert state.recall(MANY) == [Tally(1.0, 0.0)] * len(MANY)
    held = [int(node.command(b"DBSIZE")[1:]) for node in cluster.nodes]
    assert min(held) > 0
    assert sum(held) == 2 * len(MANY)
    state.close()


def test_nodes_that_say_nothing_hold_up_no_exchange_for_long(cluster: RedisCluster, clock: FakeClock) -> None:
    """Of a cluster with many silent nodes as many are waited for as there is time; the next question asks the others."""
    with ExitStack() as stack:
        silent = [stack.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname() for _ in range(6)]
        seeds = [*silent, ("127.0.0.1", cluster.nodes[0].port)]
        hosts = ",".join(f"{host}:{port}" for host, port in seeds)
        state = open_redis(f"redis+cluster://{hosts}", clock, timeout=0.1)
        waited = []
        for _ in range(4):
            began = time.monotonic()
            with suppress(StateUnavailableError):
                state.hit([Hit("a", WINDOW)])
            waited.append(time.monotonic() - began)
        assert max(waited) < 0.6
        assert state.hit([Hit("b", WINDOW)]) == [1]
        state.close()


def test_a_slot_that_moves_under_load_loses_nothing(cluster: RedisCluster, clock: FakeClock) -> None:
    """ASK while a slot is on its way and MOVED afterwards: four threads count through it, exactly, and nobody fails."""
    key = "gp:r:{moving}:3600"
    state = open_redis(cluster.url, clock, timeout=5.0)
    source = cluster.owner(key)
    target = next(node for node in cluster.nodes if node is not source)
    over, errors, counted = threading.Event(), [], []

    def work() -> None:
        asks: list[Ask] = [Hit("moving", WINDOW), Hit("moving", 60), Hit("still", WINDOW), Recall("moving")]
        number = 0
        while not over.is_set() or number < 50:
            try:
                state.exchange(asks)
            except StateUnavailableError as error:
                errors.append(error)
                return
            number += 1
        counted.append(number)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    cluster.begin_moving(key, target)
    assert state.exchange([Put("moving", b"new", 60), Hit("moving", 120)]) == [True, 1]
    for one in (key, "gp:r:{moving}:60", "gp:t:{moving}", "gp:d:{moving}", "gp:r:{moving}:120"):
        cluster.carry(one, target)
    cluster.end_moving(key, target)
    over.set()
    for thread in threads:
        thread.join()
    assert errors == []
    total = sum(counted)
    looks = [Hit("moving", WINDOW, 0), Hit("moving", 60, 0), Hit("still", WINDOW, 0)]
    assert state.exchange(looks) == [total] * 3
    assert cluster.owner(key) is target
    cluster.begin_moving(key, source)
    cluster.end_moving(key, source)
    state.close()


def test_lost_scripts_are_sent_again_to_each_node(cluster: RedisCluster, clock: FakeClock) -> None:
    """SCRIPT FLUSH on one node or all costs no event."""
    state = open_redis(cluster.url, clock, timeout=5.0)
    for expected in (1, 2, 3):
        for node in cluster.nodes[:expected]:
            node.command(b"SCRIPT", b"FLUSH")
        assert state.hit([Hit(key, WINDOW) for key in MANY]) == [expected] * len(MANY)
    state.close()


@pytest.fixture
def own_cluster(tmp_path: Path) -> Iterator[RedisCluster]:
    """Give a cluster that a test may break."""
    with redis_cluster(tmp_path) as made:
        yield made


def test_a_node_that_dies_degrades_and_comes_back(own_cluster: RedisCluster, tmp_path: Path) -> None:
    """With one of three gone exchanges that need it are answered from memory; started again, it serves, without restart."""
    settings = Settings(url=own_cluster.url, timeout_seconds=0.5, retry_seconds=0.05)
    state = open_state(settings, tmp_path / "unused", SystemClock())
    hits = [Hit(key, WINDOW) for key in MANY]
    assert state.hit(hits) == [1] * len(MANY)
    assert not state.degraded()
    own_cluster.nodes[0].kill()
    assert state.hit(hits) == [1] * len(MANY)
    assert state.degraded()
    own_cluster.nodes[0].start()
    own_cluster.whole()
    served = threading.Event()
    while not served.wait(0.02):
        state.hit([Hit(key, WINDOW, 0) for key in MANY])
        if not state.degraded():
            served.set()
    assert state.backend.startswith("redis at cluster")
    state.close()
