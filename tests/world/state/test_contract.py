"""One set of promises for every form of state: memory, SQLite, and a real Redis over TCP and over a unix socket."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gatepost.world.budget import allowance
from gatepost.world.clock import FakeClock
from gatepost.world.state import maths
from gatepost.world.state.door import Hit, Mark, OutOfTimeError, State, StateUnavailableError, Tally
from gatepost.world.state.memory import MemoryState
from gatepost.world.state.redis import RedisState
from gatepost.world.state.resilient import ResilientState
from gatepost.world.state.sqlite import SqliteState
from support.redis_server import RedisServer

WINDOW = 60
HALF_LIFE = 1_000.0
FORMS = ("memory", "sqlite", "redis", "redis-unix", "resilient")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """Give a running Redis for this module."""
    with RedisServer(tmp_path_factory.mktemp("redis")) as running:
        yield running


@pytest.fixture
def clock() -> FakeClock:
    """Give a clock that stands at the start of a window."""
    return FakeClock(1_700_000_000.0 // WINDOW * WINDOW)


@pytest.fixture(params=FORMS)
def state(request, server: RedisServer, tmp_path: Path, clock: FakeClock) -> Iterator[State]:
    """Give each form of state in turn, empty."""
    server.command(b"FLUSHALL")
    made = build(request.param, server, tmp_path, clock)
    yield made
    made.close()


def build(form: str, server: RedisServer, folder: Path, clock: FakeClock) -> State:
    """Open one form."""
    match form:
        case "memory":
            return MemoryState(clock, half_life=HALF_LIFE)
        case "sqlite" | "resilient":
            file = SqliteState(folder / "state.db", clock, half_life=HALF_LIFE, timeout=5.0)
            file.prepare()
            return file if form == "sqlite" else ResilientState(file, MemoryState(clock, half_life=HALF_LIFE), clock)
        case _:
            url = server.url if form == "redis" else server.unix_url
            return RedisState(url, clock, half_life=HALF_LIFE, timeout=5.0)


def test_counts_each_key_and_window_by_itself(state: State) -> None:
    """The estimate includes this event, and neither another key nor another window of the same key moves it."""
    assert state.hit([Hit("a", WINDOW), Hit("b", WINDOW, 3), Hit("a", 3_600)]) == [1, 3, 1]
    assert state.hit([Hit("a", WINDOW), Hit("a", WINDOW), Hit("b", WINDOW)]) == [2, 3, 4]


def test_the_window_slides(state: State, clock: FakeClock) -> None:
    """A quarter into the next window three quarters of the last one still count; two windows on nothing does."""
    state.hit([Hit("a", WINDOW, 8)])
    clock.advance(WINDOW * 1.25)
    assert state.hit([Hit("a", WINDOW)]) == [pytest.approx(7.0)]
    clock.advance(WINDOW * 2)
    assert state.hit([Hit("a", WINDOW)]) == [1]


def test_looking_leaves_no_trace(state: State, clock: FakeClock) -> None:
    """An amount of 0 gives the estimate, rolls nothing forward and counts nothing."""
    assert state.hit([Hit("a", WINDOW, 0)]) == [0]
    state.hit([Hit("a", WINDOW, 4)])
    clock.advance(WINDOW * 1.5)
    assert state.hit([Hit("a", WINDOW, 0)]) == [pytest.approx(2.0)]
    assert state.hit([Hit("a", WINDOW, 0), Hit("a", WINDOW)]) == [pytest.approx(2.0), pytest.approx(3.0)]


def test_a_clock_that_goes_back_loses_nothing(state: State, clock: FakeClock) -> None:
    """Events of a host whose clock lags count into the newest window."""
    state.hit([Hit("a", WINDOW, 2)])
    clock.advance(-WINDOW * 5)
    assert state.hit([Hit("a", WINDOW)]) == [3]
    clock.advance(WINDOW * 5)
    assert state.hit([Hit("a", WINDOW)]) == [4]


def test_tallies_add_up_and_fade(state: State, clock: FakeClock) -> None:
    """Judgements add up, an unknown key is (0, 0), and a half-life later half is left, before and after a further write."""
    state.remember([Mark("good", wanted=4.0), Mark("bad", unwanted=1.0), Mark("good", wanted=2.0, unwanted=1.0)])
    assert state.recall(["good", "bad", "unknown"]) == [Tally(6, 1), Tally(0, 1), Tally()]
    clock.advance(HALF_LIFE)
    assert state.recall(["good"]) == [Tally(pytest.approx(3.0), pytest.approx(0.5))]
    state.remember([Mark("good", unwanted=1.0)])
    assert state.recall(["good"]) == [Tally(pytest.approx(3.0), pytest.approx(1.5))]


def test_a_tally_holds_no_more_than_its_cap(state: State) -> None:
    """However much good was said, a hundred messages' worth of bad outweighs half of it."""
    state.remember([Mark("a", wanted=100_000.0)])
    assert state.recall(["a"]) == [Tally(pytest.approx(maths.TALLY_CAP), 0.0)]
    state.remember([Mark("a", unwanted=100.0)])
    assert state.recall(["a"]) == [Tally(pytest.approx(50.0), pytest.approx(50.0))]


def test_forgets_what_it_is_told_to(state: State) -> None:
    """A reset identity is unknown again; the others stay; resetting an unknown one is no error."""
    state.remember([Mark("a", wanted=1.0), Mark("b", wanted=1.0)])
    state.forget(["a", "never seen"])
    assert state.recall(["a", "b"]) == [Tally(), Tally(1.0, 0.0)]


def test_empty_calls_are_answered(state: State) -> None:
    """No keys in, no answers out, and nothing breaks."""
    assert state.hit([]) == []
    assert state.recall([]) == []
    state.remember([])
    state.forget([])


def test_works_again_after_close(state: State, clock: FakeClock) -> None:
    """Closing lets go of connections, not of the promise: the next call opens what it needs."""
    state.hit([Hit("a", WINDOW)])
    state.close()
    assert state.hit([Hit("b", WINDOW)]) == [1]
    assert not state.degraded()


def test_threads_count_exactly(state: State) -> None:
    """Eight threads count two hundred events each: none is lost, none is counted twice."""
    together(8, lambda: [state.hit([Hit("a", WINDOW)]) for _ in range(200)])
    assert state.hit([Hit("a", WINDOW, 0)]) == [1_600]


def test_no_time_left_is_said_at_once(state: State, clock: FakeClock) -> None:
    """With the message's time spent a store is not asked and says so; memory answers, and local memory is marked."""
    with allowance(clock, 0.0):
        if isinstance(state, MemoryState | ResilientState):
            assert state.hit([Hit("a", WINDOW)]) == [1]
            assert state.degraded() == isinstance(state, ResilientState)
        else:
            with pytest.raises(OutOfTimeError):
                state.hit([Hit("a", WINDOW)])


@given(
    steps=st.lists(
        st.tuples(st.floats(-30, 200), st.integers(0, 5), st.floats(0, 60), st.floats(0, 60)), min_size=1, max_size=12
    )
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_all_forms_agree(server: RedisServer, tmp_path_factory: pytest.TempPathFactory, steps) -> None:
    """The same calls at the same times give the same answers from memory, SQLite and Redis."""
    server.command(b"FLUSHALL")
    clock = FakeClock()
    states = [build(form, server, tmp_path_factory.mktemp("agree"), clock) for form in ("memory", "sqlite", "redis")]
    for seconds, amount, wanted, unwanted in steps:
        clock.advance(seconds)
        rates = [state.hit([Hit("a", WINDOW, amount)]) for state in states]
        for state in states:
            state.remember([Mark("a", wanted, unwanted)])
        tallies = [state.recall(["a"])[0] for state in states]
        for rate, tally in zip(rates[1:], tallies[1:], strict=True):
            assert rate == pytest.approx(rates[0])
            assert (tally.wanted, tally.unwanted) == pytest.approx((tallies[0].wanted, tallies[0].unwanted))
    for state in states:
        state.close()


def together(count: int, work: Callable[[], object]) -> None:
    """Run the same work in so many threads that start at once; hands on what one of them raises."""
    gate, errors = threading.Barrier(count), []

    def run() -> None:
        gate.wait()
        try:
            work()
        except StateUnavailableError as error:
            errors.append(error)

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
