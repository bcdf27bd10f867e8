"""Counting what the classifier sees: shared by all workers, never in the way of a message, lost rather than waited for."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from ipaddress import ip_address
from pathlib import Path

import pytest

from gatepost.checks.content import watch
from gatepost.checks.content.family import Settings, build, settle, watched
from gatepost.checks.content.model import Opinion
from gatepost.checks.content.population import WATCHED
from gatepost.checks.content.tokens import Features, extract
from gatepost.checks.content.watch import DAY, FIRST, MONTH, WEEK, Watch, read, read_pairs
from gatepost.evidence import Found
from gatepost.mail.envelope import Client, Direction, Envelope
from gatepost.mail.message import from_bytes
from gatepost.world.clock import FakeClock
from gatepost.world.state.door import Hit, State, StateUnavailableError
from gatepost.world.state.memory import MemoryState
from gatepost.world.state.redis_url import open_redis
from gatepost.world.state.sqlite import SqliteState
from support.letters import letter
from support.model import write_model
from support.redis_server import RedisServer
from support.waiting import until


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """Give a running Redis for this module."""
    with RedisServer(tmp_path_factory.mktemp("redis")) as running:
        yield running


@pytest.fixture(autouse=True)
def _no_timer(monkeypatch: pytest.MonkeyPatch):
    """Let no timer ring during a test that does not ask for it."""
    monkeypatch.setattr(watch, "SEND_SECONDS", 3_600.0)


@pytest.fixture
def clock() -> FakeClock:
    """Give a clock that stands well within every window."""
    return FakeClock(1_793_534_400.0 // MONTH * MONTH + DAY / 2)


def features(*tokens: bytes) -> Features:
    """Give features of certain tokens."""
    return Features(tokens or (b"lunch", b"=links-0", b"=text-1"), readable=True, unread=frozenset())


def opinion(probability: float, known: int = 1) -> Opinion:
    """Give an opinion of a certain probability."""
    return Opinion(0.0, probability, 0.0, 0.0, (), known)


def open_states(form: str, server: RedisServer, folder: Path, clock: FakeClock) -> tuple[State, State]:
    """Give the states of two workers on one store."""
    if form == "redis":
        server.command(b"FLUSHALL")
        return open_redis(server.url, clock, timeout=5.0), open_redis(server.url, clock, timeout=5.0)
    one, other = (SqliteState(folder / "state.db", clock, timeout=5.0) for _ in range(2))
    one.prepare()
    return one, other


@pytest.mark.parametrize("form", ["redis", "sqlite"])
def test_workers_count_into_one_place(form: str, server: RedisServer, tmp_path: Path, clock: FakeClock):
    """What two workers saw of one model adds up in the store: messages, labels, scores, known words and facts by side."""
    states = open_states(form, server, tmp_path, clock)
    workers = [Watch(state, clock, "base-202611", "next") for state in states]
    for worker in workers:
        for _ in range(3):
            clock.advance(1)
            worker.count(features(), opinion(0.12, known=1), "ham", "ham>ham")
        clock.advance(1)
        worker.count(features(b"pills", b"=link-ip"), opinion(1.0, known=2), "spam", "spam>ham")
        worker.count(features(b""), None, "none")
        worker.send()
    for window in (WEEK, MONTH, FIRST):
        seen = read(states[0], "base-202611", window)
        assert (seen.messages, seen.labels["ham"], seen.labels["spam"], seen.labels["none"]) == (10, 6, 2, 2)
        ham, unwanted = seen.population.sides
        assert (ham.messages, unwanted.messages, seen.population.unreadable) == (6, 2, 0.2)
        assert ham.scores[2] == 1  # 0.12 lies in the third bin of 0.05
        assert unwanted.scores[9] == 1
        assert (ham.known[3], unwanted.known[9]) == (1, 1)
        assert (ham.facts["=links-0"], ham.facts["=link-ip"], unwanted.facts["=link-ip"]) == (1, 0, 1)
    assert read(states[0], "base-202611", DAY).messages == 10
    assert read_pairs(states[0], "base-202611", "next", ["ham>ham", "spam>ham", "ham>spam"], WEEK) == {
        "ham>ham": 6,
        "spam>ham": 2,
    }
    assert read(states[0], "base-202612", WEEK).messages == 0
    for state in states:
        state.close()


def test_days_pass(clock: FakeClock):
    """A window of a day forgets after two, one of a week after two weeks; looking leaves no trace."""
    state = MemoryState(clock)
    counter = Watch(state, clock, "m")
    counter.count(features(), opinion(0.2), "ham")
    counter.send()
    clock.advance(2 * DAY)
    assert [read(state, "m", window).messages for window in (DAY, WEEK, DAY)] == [0, 1, 0]
    clock.advance(13 * DAY)
    assert read(state, "m", WEEK).messages == 0


def test_the_beginning_is_kept_apart(clock: FakeClock, monkeypatch: pytest.MonkeyPatch):
    """Once the first messages are full, later ones no longer change them, in a worker that starts later neither."""
    monkeypatch.setattr(watch, "FIRST_MESSAGES", 10)
    state = MemoryState(clock)
    for _ in range(3):
        counter = Watch(state, clock, "m")
        for _ in range(2):
            for _ in range(6):
                counter.count(features(), opinion(0.2), "ham")
            counter.send()
    assert (read(state, "m", FIRST).messages, read(state, "m", WEEK).messages) == (12, 36)


def test_dense_mail_is_sampled_for_its_facts(clock: FakeClock):
    """A hundred messages at one moment: all scores count, one is looked through, and rates are of those looked at."""
    state = MemoryState(clock)
    counter = Watch(state, clock, "m")
    for _ in range(100):
        counter.count(features(), opinion(0.2), "ham")
    counter.send()
    side = read(state, "m", WEEK).population.sides[0]
    assert (side.messages, side.looked, side.facts["=links-0"]) == (100, 1, 1)


@pytest.mark.parametrize(("probability", "side", "place"), [(0.0, 0, 0), (0.49999, 0, 9), (0.5, 1, 0), (1.0, 1, 9)])
def test_the_edges_of_the_bins(clock: FakeClock, probability: float, side: int, place: int):
    """Even odds begin the unwanted side; certainty stays in the last bin; a message without tokens divides by nothing."""
    state = MemoryState(clock)
    counter = Watch(state, clock, "m")
    counter.count(Features((), readable=True, unread=frozenset()), opinion(probability, known=0), "ham")
    counter.send()
    assert read(state, "m", WEEK).population.sides[side].scores[place] == 1


class Away(MemoryState):
    """A store that is away."""

    def hit(self, hits: Sequence[Hit]) -> list[float]:
        """Fail."""
        raise StateUnavailableError(f"nobody there for {len(hits)}")


def test_a_store_that_is_away_loses_counts_and_nothing_else(clock: FakeClock):
    """Counting and sending never raise, and what could not be handed on is not hoarded."""
    counter = Watch(Away(clock), clock, "m")
    for _ in range(1_000):
        counter.count(features(), opinion(0.2), "ham")
    counter.send()
    assert not counter._counts


def test_a_message_never_waits_for_the_store(clock: FakeClock, monkeypatch: pytest.MonkeyPatch):
    """While the store hangs messages are counted on; when it answers, everything arrives."""
    monkeypatch.setattr(watch, "SEND_SECONDS", 0.0)
    gate, asked = threading.Event(), threading.Event()

    class Slow(MemoryState):
        def hit(self, hits: Sequence[Hit]) -> list[float]:
            if threading.current_thread() is not threading.main_thread():
                asked.set()
                assert gate.wait(20)
            return super().hit(hits)

    state = Slow(clock)
    counter = Watch(state, clock, "m")
    counter.count(features(), opinion(0.2), "ham")
    assert asked.wait(20)
    for _ in range(99):
        counter.count(features(), opinion(0.2), "ham")
    gate.set()
    until(lambda: read(state, "m", WEEK).messages == 100, "the counts to arrive")


def test_many_threads_lose_nothing(clock: FakeClock):
    """Threads that count while others send lose no message."""
    state = MemoryState(clock)
    counter = Watch(state, clock, "m")

    def work() -> None:
        for number in range(500):
            counter.count(features(), opinion(0.2), "ham")
            if number % 50 == 0:
                counter.send()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    counter.send()
    assert read(state, "m", WEEK).messages == 2_000


def test_only_strangers_mail_is_counted(tmp_path: Path, clock: FakeClock):
    """The check counts inbound mail, mail without text included; own users' mail and replayed mail leave no trace."""
    state = MemoryState(clock)
    plain = build(Settings(model=str(write_model(tmp_path / "m"))))
    check = watched(plain, state, clock)
    hello = from_bytes(letter("Lunch", "Shall we meet to go through the minutes?"))
    check.run(Envelope(), hello, Found())
    check.run(Envelope(), from_bytes(b"From: a@example.org\r\n\r\n"), Found())
    check.run(Envelope(direction=Direction.OUTBOUND), hello, Found())
    check.run(Envelope(client=Client(ip_address("192.0.2.1"), login="ann")), hello, Found())
    plain.run(Envelope(), hello, Found())
    settle(plain)
    settle(check)
    seen = read(state, "m", DAY)
    assert (seen.messages, seen.labels["none"]) == (2, 1)
    facts = {token.decode() for token in extract(hello).tokens} & set(WATCHED)
    assert facts
    side = read(state, "m", WEEK).population.sides[0]
    assert {fact for fact, rate in side.facts.items() if rate} == facts
