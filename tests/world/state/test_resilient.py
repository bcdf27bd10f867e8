"""The circuit breaker: when the store is asked, who answers meanwhile, and what the log says."""

from __future__ import annotations

import logging
import multiprocessing
import threading
from collections.abc import Callable, Sequence
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

from gatepost.world.budget import allowance
from gatepost.world.clock import FakeClock
from gatepost.world.state import resilient
from gatepost.world.state.door import (
    Answer,
    Ask,
    Changes,
    Get,
    Hit,
    Mark,
    Put,
    Recall,
    StateCutOffError,
    StateRefusedError,
    StateUnavailableError,
    Tally,
)
from gatepost.world.state.memory import MemoryState
from gatepost.world.state.opening import open_state
from gatepost.world.state.resilient import ResilientState
from gatepost.world.state.settings import Settings
from support.redis_server import RedisServer

WINDOW = 3_600


class Flaky(MemoryState):
    """A store that fails while told to, and counts how often it was asked."""

    asked = 0
    down = True
    hangs_up = False

    def exchange(self, asks: Sequence[Ask]) -> list[Answer]:
        """Fail or answer."""
        self.asked += 1
        if self.down:
            raise StateCutOffError("flaky: hung up") if self.hangs_up else StateUnavailableError("flaky: refused")
        return super().exchange(asks)


def test_the_pause_doubles_up_to_its_bound(clock: FakeClock, caplog: pytest.LogCaptureFixture) -> None:
    """A store that stays away is tried after 1, 2, 4 ... seconds, at most every PAUSE_MAX, with one log line a minute."""
    flaky = Flaky(clock)
    state = ResilientState(flaky, MemoryState(clock), clock)
    tries = []
    for second in range(121):
        before = flaky.asked
        for _ in range(5):
            state.hit([Hit("a", WINDOW)])
        if flaky.asked > before:
            tries.append(second)
        clock.advance(1.0)
    assert tries == [0, 1, 3, 7, 15, 31, 61, 91]
    assert len(caplog.records) == 2
    flaky.down = False
    state.hit([Hit("a", WINDOW)])
    assert not state.degraded()
    flaky.down = True
    state.hit([Hit("a", WINDOW)])
    clock.advance(resilient.PAUSE)
    before = flaky.asked
    state.hit([Hit("a", WINDOW)])
    assert flaky.asked == before + 1


def test_a_store_that_hung_up_is_tried_at_once(clock: FakeClock) -> None:
    """A connection that was cut costs the one exchange on it; where the next is cut too, the pauses are as for any failure."""
    flaky = Flaky(clock)
    flaky.hangs_up = True
    state = ResilientState(flaky, MemoryState(clock), clock)
    state.hit([Hit("a", WINDOW)])
    assert state.degraded()
    flaky.down = False
    state.hit([Hit("a", WINDOW)])
    assert not state.degraded()
    flaky.down = True
    tries = []
    for second in range(10):
        before = flaky.asked
        for _ in range(5):
            state.hit([Hit("a", WINDOW)])
        tries += [second] * (flaky.asked - before)
        clock.advance(1.0)
    assert tries == [0, 0, 1, 3, 7]


def test_degraded_is_a_threads_own_affair(clock: FakeClock) -> None:
    """What one message was told does not mark another message in another thread."""
    flaky = Flaky(clock)
    state = ResilientState(flaky, MemoryState(clock), clock)
    state.hit([Hit("a", WINDOW)])
    seen: list[bool] = []
    thread = threading.Thread(target=lambda: seen.append(state.degraded()))
    thread.start()
    thread.join()
    assert (state.degraded(), seen) == (True, [False])


def test_one_caller_at_a_time_tries_a_store_that_is_away(clock: FakeClock) -> None:
    """While one thread waits for the store the others are answered from memory, not queued behind it."""
    inside, go = threading.Event(), threading.Event()

    class Slow(Flaky):
        def exchange(self, asks: Sequence[Ask]) -> list[Answer]:
            if self.asked:
                inside.set()
                assert go.wait(10)
            return super().exchange(asks)

    slow = Slow(clock)
    state = ResilientState(slow, MemoryState(clock), clock)
    state.hit([Hit("a", WINDOW)])
    clock.advance(resilient.PAUSE)
    thread = threading.Thread(target=state.hit, args=([Hit("a", WINDOW)],))
    thread.start()
    assert inside.wait(10)
    for _ in range(10):
        state.hit([Hit("a", WINDOW)])
    assert slow.asked == 1
    go.set()
    thread.join()


def test_a_message_out_of_time_does_not_blame_the_store(server: RedisServer, tmp_path: Path, clock: FakeClock) -> None:
    """One late message is answered from memory; the next one finds the store as it was."""
    for url in (server.url, ""):
        state = open_state(Settings(url=url), tmp_path / "state.db", clock)
        with allowance(clock, 0.0):
            state.hit([Hit("late", WINDOW)])
            assert state.degraded()
        state.hit([Hit("late", WINDOW)])
        assert not state.degraded()
        state.close()


class Full(MemoryState):
    """A store that takes nothing new while told so, and counts how often it was asked to."""

    full = False
    refused = 0

    def exchange(self, asks: Sequence[Ask]) -> list[Answer]:
        """Refuse or answer."""
        if self.full and any(ask.writes for ask in asks):
            self.refused += 1
            raise StateRefusedError("full: no room")
        return super().exchange(asks)


def test_a_store_that_takes_nothing_new_is_still_read(clock: FakeClock, caplog: pytest.LogCaptureFixture) -> None:
    """What it remembers is answered from it, what would be written from local memory, in order; reading alone is no next try."""
    full = Full(clock)
    state = ResilientState(full, MemoryState(clock), clock)
    state.exchange([Mark("a", 3.0), Put("a", b"1", 3_600), Hit("a", WINDOW, 5)])
    full.full = True
    asks: list[Ask] = [Hit("a", WINDOW), Recall("a"), Put("b", b"2", 60), Get("a"), Get("b"), Hit("a", WINDOW)]
    assert state.exchange(asks) == [1, Tally(3.0, 0.0), True, b"1", None, 2]
    assert state.degraded()
    assert state.backend == "memory (takes nothing new)"
    clock.advance(resilient.PAUSE)
    for _ in range(3):
        assert state.recall(["a"]) == [Tally(pytest.approx(3.0, abs=1e-4), 0.0)]
        assert state.degraded()
    assert full.refused == 1
    full.full = False
    assert state.hit([Hit("a", WINDOW)]) == [6]
    assert not state.degraded()
    assert len(caplog.records) == 1
    assert "reads it and counts in its own memory" in caplog.text


def test_a_store_that_is_full_and_then_gone_is_left_alone(clock: FakeClock) -> None:
    """Reading fails as well after a while: local memory answers everything, and one caller per pause tries."""

    class FullThenGone(Full):
        gone = False

        def exchange(self, asks: Sequence[Ask]) -> list[Answer]:
            if self.gone:
                raise StateUnavailableError("gone")
            return super().exchange(asks)

    store = FullThenGone(clock)
    store.full = True
    state = ResilientState(store, MemoryState(clock), clock)
    state.hit([Hit("a", WINDOW)])
    store.gone = True
    assert state.exchange([Recall("a"), Hit("a", WINDOW)]) == [Tally(), 2]
    assert "does not answer: gone" in state.backend
    store.gone = store.full = False
    clock.advance(resilient.PAUSE)
    assert state.recall(["a"]) == [Tally()]
    assert not state.degraded()


class Slow(Full):
    """A store that takes `seconds` for each exchange, and counts how often it was asked; `meanwhile` happens while one waits."""

    seconds = 0.0
    asked = 0

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(clock)
        self.time = clock
        self.meanwhile: list[Callable[[], object]] = []

    def exchange(self, asks: Sequence[Ask]) -> list[Answer]:
        """Let something happen, wait, and answer or refuse."""
        self.asked += 1
        if self.meanwhile:
            self.meanwhile.pop()()
        else:
            self.time.advance(self.seconds)
        return super().exchange(asks)


def test_a_few_slow_answers_in_a_row_open_the_breaker(clock: FakeClock, caplog: pytest.LogCaptureFixture) -> None:
    """One slow answer is a hiccup; SLOW_TOTAL seconds of them in a row hold up mail, and a slow try does not bring it back."""
    store, slow = Slow(clock), resilient.SLOW_TOTAL * 0.75
    state = ResilientState(store, MemoryState(clock), clock)
    for seconds in (slow, 0.0, slow, 0.0, slow):
        store.seconds = seconds
        state.recall(["a"])
        assert not state.degraded()
    state.recall(["a"])
    asked = store.asked
    for _ in range(10):
        state.recall(["a"])
        assert state.degraded()
    assert store.asked == asked
    clock.advance(resilient.PAUSE)
    state.recall(["a"])
    state.recall(["a"])
    assert (store.asked, state.degraded()) == (asked + 1, True)
    store.seconds = 0.0
    clock.advance(2 * resilient.PAUSE)
    state.recall(["a"])
    assert not state.degraded()
    assert len(caplog.records) == 1


def test_one_hiccup_is_one_whoever_waits(clock: FakeClock) -> None:
    """Ten callers that wait for the same slow moment have waited for it once, and the store is asked again."""
    store = Slow(clock)
    state = ResilientState(store, MemoryState(clock), clock)
    store.seconds = resilient.SLOW_TOTAL * 0.75
    store.meanwhile = [lambda: state.recall(["a"]) for _ in range(9)]
    state.recall(["a"])
    assert store.asked == 10
    store.seconds = 0.0
    state.recall(["a"])
    assert not state.degraded()


def test_a_store_that_takes_nothing_new_and_is_slow_is_left_alone(clock: FakeClock) -> None:
    """Reading it holds up mail as any slow store does; local memory answers, and the pauses between two tries grow."""
    store = Slow(clock)
    store.full = True
    state = ResilientState(store, MemoryState(clock), clock)
    asks = [Recall("a"), Hit("a", WINDOW)]
    state.exchange(asks)
    store.seconds = 0.2
    waited = []
    for _ in range(200):
        before = clock.monotonic()
        state.exchange(asks)
        waited.append(clock.monotonic() - before)
        clock.advance(0.5)
    assert sum(waited[:10]) < 5 * store.seconds
    assert sum(waited[100:]) < 5 * store.seconds
    store.seconds, store.full = 0.0, False
    clock.advance(resilient.PAUSE_MAX)
    state.exchange(asks)
    assert not state.degraded()


def test_labels_of_a_store_that_takes_nothing_new_and_then_is_gone_are_asked_for_once(clock: FakeClock) -> None:
    """Reading a journal finds out as well that the store is away, and is then left alone for the pause."""

    class Gone(Full):
        asked = 0

        def changes(self, journal: str, after: str = "") -> Changes:  # noqa: ARG002  the door's names
            self.asked += 1
            raise StateUnavailableError("gone")

    store = Gone(clock)
    store.full = True
    state = ResilientState(store, MemoryState(clock), clock)
    state.hit([Hit("a", WINDOW)])
    for _ in range(5):
        with pytest.raises(StateUnavailableError):
            state.changes("labels")
    assert store.asked == 1


def test_all_workers_together_log_one_line_a_minute(tmp_path: Path) -> None:
    """Four workers, forked after the state was made, lose the store at once: one line; and one when it is back, a minute later."""
    clock = FakeClock()
    flaky = Flaky(clock)
    state = ResilientState(flaky, MemoryState(clock), clock)
    lines = tmp_path / "log"

    def work(gate: Barrier) -> None:
        handler = logging.FileHandler(lines)
        logging.getLogger("gatepost").addHandler(handler)
        for down, seconds in ((True, 0.0), (True, 0.5), (False, 1.5), (False, 59.0), (False, 0.0)):
            flaky.down = down
            clock.advance(seconds)
            gate.wait(30)
            for _ in range(50):
                state.hit([Hit("a", WINDOW)])
            gate.wait(30)
        handler.close()

    fork = multiprocessing.get_context("fork")
    gate = fork.Barrier(4)
    workers = [fork.Process(target=work, args=(gate,)) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0] * 4
    told = lines.read_text().splitlines()
    assert ["flaky: refused" in told[0], "answers again" in told[1]] == [True, True]
    assert len(told) == 2
