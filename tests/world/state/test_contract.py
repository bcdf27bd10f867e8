"""One set of promises for every form of state (support.state_forms): memory, SQLite, and real Redis servers in all forms."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from contextlib import ExitStack
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatepost.mail import limits
from gatepost.world.budget import allowance
from gatepost.world.clock import FakeClock
from gatepost.world.state import maths, records, redis_script
from gatepost.world.state.door import (
    Answer,
    Ask,
    Distinct,
    Forget,
    Get,
    Hit,
    Leave,
    Mark,
    OutOfTimeError,
    Put,
    Rate,
    Recall,
    State,
    StateUnavailableError,
    Tally,
)
from gatepost.world.state.memory import MemoryState
from gatepost.world.state.readonly import ReadOnlyState
from gatepost.world.state.resilient import ResilientState
from support.state_forms import Servers, opened

WINDOW = 60
HALF_LIFE = 1_000.0


def test_every_ask_has_its_reading() -> None:
    """An ask that is new at the door cannot be forgotten in the tables by which its answers are read."""
    assert set(records.LOOKS) == set(redis_script.ANSWERS) == set(get_args(Ask))


def test_counts_each_key_and_window_by_itself(state: State) -> None:
    """The estimate includes this event, and neither another key nor another window of the same key moves it."""
    assert state.hit([Hit("a", WINDOW), Hit("b", WINDOW, 3), Hit("a", 3_600)]) == [1, 3, 1]
    assert state.hit([Hit("a", WINDOW), Hit("a", WINDOW), Hit("b", WINDOW)]) == [2, 3, 4]


def test_the_window_slides(state: State, clock: FakeClock) -> None:
    """Of events that came evenly those count that lie within the window; two windows on nothing does."""
    for _ in range(5):
        state.hit([Hit("a", WINDOW, 2)])
        clock.advance(WINDOW / 5)
    clock.advance(WINDOW / 5)
    assert state.hit([Hit("a", WINDOW)]) == [pytest.approx(8.5, abs=0.001)]
    clock.advance(WINDOW / 5)
    assert state.hit([Hit("a", WINDOW)]) == [pytest.approx(7.0, abs=0.001)]
    clock.advance(WINDOW * 2)
    assert state.hit([Hit("a", WINDOW)]) == [1]


@pytest.mark.parametrize("phase", [0.0, 0.1, 1 / 3, 0.999])
@pytest.mark.parametrize("limit", [1, 3])
def test_what_came_at_once_is_over_a_window_later(state: State, clock: FakeClock, limit: int, phase: float) -> None:
    """Whenever the limit was used up: until a window later nothing is let in, and then as much as the limit says."""
    hit = Hit("a", WINDOW, 1, limit=limit)
    clock.advance(WINDOW * phase)
    for _ in range(3):
        assert [state.hit([hit])[0] <= limit for _ in range(limit + 1)] == [True] * limit + [False]
        clock.advance(WINDOW - 0.01)
        assert state.hit([hit, Hit("a", WINDOW, 0)]) == [limit + 1, limit]
        clock.advance(0.01)


def test_looking_leaves_no_trace(state: State, clock: FakeClock) -> None:
    """An amount of 0 gives the estimate, rolls nothing forward and counts nothing."""
    assert state.hit([Hit("a", WINDOW, 0)]) == [0]
    clock.advance(WINDOW * 0.75)
    state.hit([Hit("a", WINDOW, 4)])
    clock.advance(WINDOW * 0.75)
    assert state.hit([Hit("a", WINDOW, 0)]) == [4]
    assert state.hit([Hit("a", WINDOW, 0), Hit("a", WINDOW)]) == [4, 5]


def test_a_clock_that_goes_back_a_little_loses_nothing(state: State, clock: FakeClock) -> None:
    """Events of a host whose clock lags by no more than a window count into the newest window."""
    state.hit([Hit("a", WINDOW, 2)])
    clock.advance(-WINDOW)
    assert state.hit([Hit("a", WINDOW)]) == [3]
    clock.advance(WINDOW)
    assert state.hit([Hit("a", WINDOW)]) == [4]


@pytest.mark.parametrize("amount", [0, 1])
def test_a_count_from_the_future_is_over_after_a_window(state: State, clock: FakeClock, amount: int) -> None:
    """What a host whose clock was a day ahead counted stops nobody for longer than a window, counting or looking."""
    clock.advance(86_400.0 + WINDOW * 0.75)
    state.hit([Hit("a", WINDOW, 500)])
    clock.advance(-86_400.0 - WINDOW * 0.25)
    assert state.hit([Hit("a", WINDOW, amount)]) == [500 + amount]
    clock.advance(WINDOW * 0.25)
    assert state.hit([Hit("a", WINDOW, amount)]) == [2 * amount]
    for _ in range(5 * amount):
        clock.advance(WINDOW)
        assert state.hit([Hit("a", WINDOW, 10)])[0] <= 12


def test_events_past_a_limit_are_not_counted(state: State, clock: FakeClock) -> None:
    """The answer says what the count would have been; who keeps trying is let in again as the window passes."""
    hit = Hit("a", WINDOW, 1, limit=3)
    assert [state.hit([hit])[0] for _ in range(5)] == [1, 2, 3, 4, 4]
    assert state.hit([Hit("a", WINDOW, 2, limit=4), Hit("a", WINDOW, 0, limit=1), Hit("a", WINDOW, 0)]) == [5, 3, 3]
    clock.advance(WINDOW)
    let = []
    for _ in range(WINDOW * 5):
        clock.advance(1.0)
        let.append(state.hit([hit])[0] <= 3)
    assert 10 <= sum(let) <= 15


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


def test_taking_back_never_leaves_less_than_nothing(state: State) -> None:
    """What was reset, or shrank at the cap, before it is taken back leaves 0, and what is added then counts whole."""
    state.remember([Mark("a", unwanted=2.0), Mark("b", wanted=1.0, unwanted=1.0)])
    state.forget(["a"])
    state.remember([Mark("a", unwanted=-2.0), Mark("b", wanted=-2.0)])
    assert state.recall(["a", "b"]) == [Tally(), Tally(0.0, 1.0)]
    state.remember([Mark("a", unwanted=-2.0), Mark("a", unwanted=2.0)])
    assert state.recall(["a"]) == [Tally(0.0, 2.0)]


def test_forgets_what_it_is_told_to(state: State) -> None:
    """A reset identity is unknown again; the others stay; resetting an unknown one is no error."""
    state.remember([Mark("a", wanted=1.0), Mark("b", wanted=1.0)])
    state.forget(["a", "never seen"])
    assert state.recall(["a", "b"]) == [Tally(), Tally(1.0, 0.0)]


def test_one_exchange_answers_everything_in_order(state: State) -> None:
    """Asks of all kinds in one list: each has its own answer, and a later one sees what an earlier one did."""
    asks: list[Ask] = [
        Hit("a", WINDOW),
        Mark("a", wanted=3.0),
        Put("a", b"\0\xff", 60),
        Distinct("a", "x", WINDOW),
        Rate("a", 10, WINDOW, 2),
        Hit("a", WINDOW, 0),
        Recall("a"),
        Get("a"),
        Distinct("a", "", WINDOW),
        Forget("a"),
        Recall("a"),
    ]
    used = Leave(allowed=True, wait=0.0, used=pytest.approx(1.0))
    assert state.exchange(asks) == [1, None, True, 1, used, 1, Tally(3, 0), b"\0\xff", 1, None, Tally()]
    looks = [Get("a"), Hit("a", WINDOW, 0), Rate("a", 10, WINDOW, 2, 0), Distinct("a", "", WINDOW), Get("b")]
    assert state.exchange(looks) == [b"\0\xff", 1, used, 1, None]
    assert not state.degraded()


def test_values_are_kept_for_their_time(state: State, clock: FakeClock) -> None:
    """What is put is got again, an empty value included; absent_only leaves what is there; the next Put replaces it."""
    assert state.exchange([Get("a")]) == [None]
    assert state.exchange([Put("a", b"1", 60, absent_only=True), Put("a", b"2", 60, absent_only=True)]) == [True, False]
    assert state.exchange([Get("a"), Put("a", b"", 60), Get("a")]) == [b"1", True, b""]
    assert state.exchange([Put("b", b"x" * limits.STATE_VALUE_BYTES, 60), Get("b")])[0] is True


def test_what_no_store_takes_cannot_be_asked() -> None:
    """Too long a value, no time to keep it, too many members, a limit of nothing: ValueError where the ask is made."""
    for wrong in (
        lambda: Put("a", b"x" * (limits.STATE_VALUE_BYTES + 1), 60),
        lambda: Put("a", b"x", 0),
        lambda: Distinct("a", "x", WINDOW, limits.STATE_MEMBERS + 1),
        lambda: Distinct("a", "x", WINDOW, 0),
        lambda: Rate("a", 0, WINDOW, 1),
    ):
        with pytest.raises(ValueError, match=r"at most|members|above 0"):
            wrong()


def test_members_are_told_apart_and_bounded(state: State, clock: FakeClock) -> None:
    """The same member counts once, past `most` the one seen longest ago makes room, and outside the window none counts."""
    for expected, member in ((1, "x"), (2, "y"), (2, "x"), (3, "z")):
        assert state.exchange([Distinct("a", member, WINDOW, 3)]) == [expected]
        clock.advance(10)
    # y was seen longest ago; after w came, x is no new one and y is.
    assert state.exchange([Distinct("a", "w", WINDOW, 3), Distinct("a", "x", WINDOW, 4)]) == [3, 3]
    assert state.exchange([Distinct("a", "y", WINDOW, 4), Distinct("a", "", WINDOW, 2)]) == [4, 2]
    clock.advance(WINDOW)
    assert state.exchange([Distinct("a", "", WINDOW)]) == [0]
    assert state.exchange([Distinct("a", "x", WINDOW)]) == [1]


def test_members_from_the_future_fill_no_set(state: State, clock: FakeClock) -> None:
    """What a host noted whose clock was a day ahead counts no more, looked at or added to; a clock a little ahead is none such."""
    clock.advance(86_400)
    state.exchange([Distinct("a", name, WINDOW, 3) for name in "xyz"])
    clock.advance(-86_400)
    assert state.exchange([Distinct("a", "", WINDOW, 3), Distinct("a", "w", WINDOW, 3)]) == [0, 1]
    clock.advance(-1)
    assert state.exchange([Distinct("a", "v", WINDOW, 3), Distinct("a", "", WINDOW, 3)]) == [2, 2]


def test_leave_is_given_at_the_rate_after_the_burst(state: State, clock: FakeClock) -> None:
    """A burst at once, then one each window / limit seconds; a refusal says how long to wait and uses nothing up."""
    rate = Rate("a", limit=6, window=WINDOW, burst=3)
    leaves = [leave(state, rate) for _ in range(5)]
    assert [given.allowed for given in leaves] == [True, True, True, False, False]
    assert [given.wait for given in leaves[3:]] == [pytest.approx(10.0)] * 2
    assert leaves[4].used == pytest.approx(3.0)
    clock.advance(10.0)
    assert [leave(state, rate).allowed for _ in range(2)] == [True, False]
    clock.advance(WINDOW)
    assert leave(state, Rate("a", 6, WINDOW, 3, amount=0)) == Leave(allowed=True, wait=0.0, used=0.0)
    assert leave(state, Rate("a", 6, WINDOW, 3, amount=3)).allowed


@pytest.mark.parametrize(("amount", "owed"), [(4, 4), (6, 6), (1_000, 6)])
def test_more_than_the_burst_passes_when_idle_and_is_owed_for(
    state: State, clock: FakeClock, amount: int, owed: int
) -> None:
    """What could never pass at once passes where nothing is in use; then as much, a window's worth at most, must drain."""
    rate, large = Rate("a", 6, WINDOW, 3), Rate("a", 6, WINDOW, 3, amount)
    assert leave(state, rate).allowed
    refused = leave(state, large)
    assert (refused.allowed, refused.wait) == (False, pytest.approx(10.0))
    clock.advance(10.0)
    assert leave(state, large) == Leave(allowed=True, wait=0.0, used=pytest.approx(owed))
    assert leave(state, rate).wait == pytest.approx((owed - 2) * 10.0)
    clock.advance((owed - 2) * 10.0)
    assert [leave(state, each).allowed for each in (rate, rate, large)] == [True, False, False]


def test_a_clock_that_was_ahead_locks_nobody_out(state: State, clock: FakeClock) -> None:
    """What a host whose clock was a day ahead used up counts as a full burst, and drains as one."""
    rate = Rate("a", limit=6, window=WINDOW, burst=3)
    clock.advance(86_400.0)
    assert leave(state, rate).allowed
    clock.advance(-86_400.0)
    assert leave(state, rate).wait == pytest.approx(10.0)
    clock.advance(10.0)
    assert leave(state, rate).allowed
    assert not leave(state, rate).allowed


def leave(state: State, rate: Rate) -> Leave:
    """Ask for one leave."""
    (given,) = state.exchange([rate])
    assert isinstance(given, Leave)
    return given


def test_threads_never_get_more_leave_than_there_is(state: State) -> None:
    """Eight threads ask at one moment for twice what the burst allows: exactly the burst is given."""
    given: list[bool] = []
    together(8, lambda: given.extend(leave(state, Rate("a", 1, 3_600, 100)).allowed for _ in range(25)))
    assert (len(given), sum(given)) == (200, 100)


def test_read_only_state_looks_and_leaves_no_trace(state: State) -> None:
    """Behind glass every ask is answered as it stands, in order, and nothing changes."""
    state.exchange([Hit("a", WINDOW), Mark("a", 1.0), Put("a", b"1", 60), Distinct("a", "x", WINDOW)])
    glass = ReadOnlyState(state)
    asks: list[Ask] = [
        Mark("a", 5.0),
        Hit("a", WINDOW),
        Forget("a"),
        Put("a", b"2", 60),
        Distinct("a", "y", WINDOW),
        Rate("a", 1, WINDOW, 1),
        Recall("a"),
        Get("a"),
    ]
    nothing = Leave(allowed=True, wait=0.0, used=0.0)
    for _ in range(2):
        assert glass.exchange(asks) == [None, 1, None, False, 1, nothing, Tally(pytest.approx(1.0), 0.0), b"1"]


def test_empty_calls_are_answered(state: State) -> None:
    """No keys in, no answers out, and nothing breaks."""
    assert state.exchange([]) == []
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


KEYS = st.sampled_from("ab")
AMOUNTS = st.integers(0, 5)
WEIGHTS = st.floats(0, 60)
ASKS = st.one_of(
    st.builds(Hit, KEYS, st.sampled_from([WINDOW, 3_600]), AMOUNTS, st.sampled_from([5, 9, math.inf])),
    st.builds(Rate, KEYS, st.just(7), st.just(WINDOW), st.just(4), AMOUNTS),
    st.builds(Recall, KEYS),
    st.builds(Mark, KEYS, WEIGHTS, WEIGHTS),
    st.builds(Forget, KEYS),
    st.builds(Get, KEYS),
    st.builds(Put, KEYS, st.binary(max_size=9), st.just(100_000), st.booleans()),
    st.builds(Distinct, KEYS, st.sampled_from(["", "x", "y", "z", "ä"]), st.just(WINDOW), st.integers(1, 3)),
)


@given(
    steps=st.lists(st.tuples(st.floats(-30, 200), st.lists(ASKS, max_size=5)), min_size=1, max_size=10),
    back=st.sampled_from([0.0, 0.0, 90.0, 7_300.0]),
)
@settings(max_examples=60, deadline=None)
def test_all_forms_agree(servers: Servers, tmp_path_factory: pytest.TempPathFactory, steps, back: float) -> None:
    """The same asks at the same times, the first perhaps by a clock that was ahead, get the same answers from all forms."""
    clock = FakeClock()
    folder = tmp_path_factory.mktemp("agree")
    with ExitStack() as stack:
        forms = ("memory", "sqlite", "redis", "redis-cluster")
        states = [stack.enter_context(opened(form, servers, folder, clock)) for form in forms]
        for number, (seconds, asks) in enumerate(steps):
            clock.advance(seconds - (back if number == 1 else 0.0))
            first, *others = [[roughly(answer) for answer in state.exchange(asks)] for state in states]
            for other in others:
                assert other == first


def roughly(answer: Answer) -> object:
    """Give an answer in a form that is equal to another one despite the last digits."""
    match answer:
        case Tally(wanted, unwanted):
            return (pytest.approx(wanted, abs=1e-9), pytest.approx(unwanted, abs=1e-9))
        case Leave(allowed, wait, used):
            return (allowed, pytest.approx(wait, abs=1e-4), pytest.approx(used, abs=1e-4))
        case float():
            return pytest.approx(answer)
        case _:
            return answer


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
