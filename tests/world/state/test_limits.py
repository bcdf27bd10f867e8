"""Counts and limits are exact however many ask at the same moment, on a real Redis and over two nodes."""

from __future__ import annotations

import multiprocessing
import threading
import time
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatepost.world.clock import FakeClock, SystemClock
from gatepost.world.state.door import Answer, Ask, Distinct, Hit, Leave, Mark, Put, Rate, Tally
from gatepost.world.state.redis_url import open_redis
from support.redis_server import RedisServer
from support.state_forms import Servers

pytestmark = pytest.mark.servers

WINDOW = 3_600
WRITERS = 8
BURST = 20
ASKS = st.one_of(
    st.builds(Hit, st.just("a"), st.just(WINDOW), st.integers(1, 9)),
    st.builds(Rate, st.just("a"), st.just(1), st.just(WINDOW), st.just(BURST), st.just(1)),
    st.builds(Mark, st.just("a"), st.integers(0, 4).map(float), st.just(0.0)),
    st.builds(Distinct, st.just("a"), st.sampled_from("abcdefgh"), st.just(WINDOW)),
    st.builds(Put, st.just("a"), st.just(b"x"), st.just(WINDOW), st.just(True)),
)
SCRIPTS = st.lists(st.lists(ASKS, max_size=6), min_size=WRITERS, max_size=WRITERS)


@pytest.mark.parametrize("form", ["redis", "redis-cluster"])
@given(scripts=SCRIPTS)
@settings(max_examples=25, deadline=None)
def test_eight_writers_lose_and_double_nothing(form: str, servers: Servers, scripts: list[list[Ask]]) -> None:
    """Whatever eight connections ask at once: the counts are the sums, a limit gives what there is, one Put is the first."""
    url, clock = servers.emptied(form), FakeClock()
    given = together([(url, clock, script) for script in scripts])
    state = open_redis(url, clock, half_life=1e9, timeout=5.0)
    asked = [ask for script in scripts for ask in script]
    hits = sum(ask.amount for ask in asked if isinstance(ask, Hit))
    members = len({ask.member for ask in asked if isinstance(ask, Distinct)})
    wanted = sum(ask.wanted for ask in asked if isinstance(ask, Mark))
    assert state.exchange([Hit("a", WINDOW, 0), Distinct("a", "", WINDOW)]) == [hits, members]
    assert state.recall(["a"]) == [Tally(pytest.approx(min(100.0, wanted)), 0.0)]
    allowed = [answer.allowed for answer in given if isinstance(answer, Leave)]
    assert sum(allowed) == min(BURST, len(allowed))
    written = [answer for answer in given if isinstance(answer, bool)]
    assert sum(written) == min(1, len(written))
    state.close()


def together(scripts: Sequence[tuple[str, FakeClock, list[Ask]]]) -> list[Answer]:
    """Run each script on a connection of its own, ask by ask, all at once; gives all answers."""
    gate, answers = threading.Barrier(len(scripts)), []

    def run(url: str, clock: FakeClock, script: list[Ask]) -> None:
        state = open_redis(url, clock, half_life=1e9, timeout=5.0)
        gate.wait()
        for ask in script:
            answers.extend(state.exchange([ask]))
        state.close()

    threads = [threading.Thread(target=run, args=script) for script in scripts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def node(url: str, seconds: float, told: multiprocessing.Queue[tuple[int, float, float]]) -> None:
    """Ask for leave as fast as it goes, as one node would; reports how often it was given, and from when to when."""
    state = open_redis(url, SystemClock(), timeout=5.0)
    begin = end = time.time()
    given = 0
    while end < begin + seconds:
        (leave,) = state.exchange([Rate("shared", limit=100, window=1, burst=900)])
        given += leave.allowed
        end = time.time()
    state.close()
    told.put((given, begin, end))


def test_two_nodes_enforce_one_limit(server: RedisServer) -> None:
    """Two processes ask for far more than one limit allows: together they get the burst and the rate, within 1 %."""
    fork = multiprocessing.get_context("fork")
    told = fork.Queue()
    nodes = [fork.Process(target=node, args=(server.url, 1.0, told)) for _ in range(2)]
    for one in nodes:
        one.start()
    reports = [told.get(timeout=30) for _ in nodes]
    for one in nodes:
        one.join()
    seconds = max(end for *_, end in reports) - min(begin for _, begin, _ in reports)
    assert sum(given for given, *_ in reports) == pytest.approx(900 + 100 * seconds, rel=0.01)
