"""The circuit breaker: when the store is asked, who answers meanwhile, and what the log says."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from gatepost.world.budget import allowance
from gatepost.world.clock import FakeClock
from gatepost.world.state import resilient
from gatepost.world.state.door import Answer, Ask, Hit, StateUnavailableError
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

    def exchange(self, asks: Sequence[Ask]) -> list[Answer]:
        """Fail or answer."""
        self.asked += 1
        if self.down:
            raise StateUnavailableError("flaky: refused")
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
