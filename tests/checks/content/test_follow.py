"""The site's layer follows its journal: at once, cheaply, and with what it had while the store is away."""

from __future__ import annotations

import logging
import math
import threading
from pathlib import Path

import pytest

from gatepost.checks.content.family import Settings, build, taught
from gatepost.checks.content.fields import no_fields
from gatepost.checks.content.follow import LOOK_EVERY, FollowedLayer
from gatepost.checks.content.lesson import JOURNAL, encode, make
from gatepost.checks.content.model import Opinion
from gatepost.checks.content.tokens import extract
from gatepost.evidence import Found
from gatepost.mail import limits
from gatepost.mail.envelope import Envelope
from gatepost.mail.message import from_bytes
from gatepost.world.clock import FakeClock
from gatepost.world.state.door import Entry, StateUnavailableError
from gatepost.world.state.memory import MemoryState
from gatepost.world.state.redis_url import open_redis
from gatepost.world.state.resilient import ResilientState
from support.letters import letter
from support.model import write_model
from support.redis_server import RedisServer

DATA = letter("Offer", "Buy our wonderful garden furniture today while the stock lasts, delivered to your very door")
OTHER = letter("Lunch", "Shall we meet on Tuesday at the usual place and talk about the new library roof")


class Away(MemoryState):
    """Memory that can be told not to answer, and counts who asks."""

    away, asked = False, 0

    def changes(self, journal: str, after: str = ""):
        """Answer, or not."""
        self.asked += 1
        if self.away:
            raise StateUnavailableError("away")
        return super().changes(journal, after)


def teach(state, label: str, data: bytes) -> str:
    """Write a label into the journal and give its id."""
    lesson = make(extract(from_bytes(data)), label, 1_700_000_000)
    state.note(JOURNAL, [Entry(lesson.id, encode(lesson))])
    return lesson.id


def moved(layer: FollowedLayer, data: bytes = DATA) -> float:
    """Give by how much the layer moves a message at even odds."""
    return layer.adjust(extract(from_bytes(data)), Opinion(0.0, 0.5, 0.0, 0.0, (), 0), 0, no_fields).moved


@pytest.fixture
def clock() -> FakeClock:
    """Give a clock that stands still."""
    return FakeClock()


def test_a_label_and_its_undoing_arrive_within_a_second(clock: FakeClock) -> None:
    """The first message sees what is there; later changes count when the next look is due, and not before."""
    state = Away(clock)
    layer = FollowedLayer(state, clock)
    assert moved(layer) == 0
    name = teach(state, "spam", DATA)
    assert moved(layer) == 0
    clock.advance(LOOK_EVERY)
    assert moved(layer) > 4
    state.note(JOURNAL, [Entry(name, None)])
    clock.advance(LOOK_EVERY)
    assert moved(layer) == 0
    for _ in range(50):
        moved(layer)
    assert state.asked == 3


def test_while_the_store_is_away_the_layer_keeps_what_it_had(clock: FakeClock) -> None:
    """Labels go on counting, the layer says that it could not look, and goes on where it was."""
    state = Away(clock)
    layer = FollowedLayer(state, clock)
    teach(state, "spam", DATA)
    assert moved(layer) > 4
    assert not layer.away()
    state.away = True
    clock.advance(LOOK_EVERY)
    assert moved(layer) > 4
    assert layer.away()
    teach(state, "ham", OTHER)
    state.away = False
    clock.advance(LOOK_EVERY)
    assert moved(layer, OTHER) < -1
    assert not layer.away()


def test_foreign_records_are_ignored_and_said_once(clock: FakeClock, caplog: pytest.LogCaptureFixture) -> None:
    """Hostile bytes, and a lesson under another id, teach nothing and break nothing."""
    state = MemoryState(clock)
    name = teach(state, "spam", DATA)
    (entry,) = state.changes(JOURNAL).entries
    for number, data in enumerate((b"", b"\0" * 7, b"\xff" * 4_000, entry.data)):
        state.note(JOURNAL, [Entry(f"{number:020d}", data)])
    with caplog.at_level(logging.WARNING):
        layer = FollowedLayer(state, clock)
        assert moved(layer) > 4
        state.note(JOURNAL, [Entry("x", b"more")])
        clock.advance(LOOK_EVERY)
        moved(layer)
    assert [record.getMessage() for record in caplog.records] == [
        "memory: the journal of lessons holds a record that is no lesson of this version; such records are ignored"
    ]
    state.note(JOURNAL, [Entry(name, b"overwritten")])
    clock.advance(LOOK_EVERY)
    assert moved(layer) == 0


def test_half_a_journal_is_never_used(clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """A first reading that is interrupted goes on later, and counts when it is complete."""
    monkeypatch.setattr(limits, "JOURNAL_PAGE", 1)
    state = Away(clock)
    teach(state, "spam", DATA)
    teach(state, "ham", OTHER)
    whole = type(state).changes
    monkeypatch.setattr(Away, "changes", lambda self, journal, after="": self.stop_at(journal, after), raising=False)

    def stop_at(self: Away, journal: str, after: str):
        if after and self.away:
            raise StateUnavailableError("away")
        return MemoryState.changes(self, journal, after)

    monkeypatch.setattr(Away, "stop_at", stop_at, raising=False)
    state.away = True
    layer = FollowedLayer(state, clock)
    assert moved(layer) == 0
    monkeypatch.setattr(Away, "changes", whole)
    state.away = False
    clock.advance(LOOK_EVERY)
    assert moved(layer) > 4
    assert moved(layer, OTHER) < -1


def test_threads_share_one_layer(clock: FakeClock) -> None:
    """Eight threads that judge while labels come and go never meet an error or half a change."""
    state = MemoryState(clock)
    layer = FollowedLayer(state, clock)
    found: list[float] = []

    def judge() -> None:
        found.extend(moved(layer) for _ in range(60))

    threads = [threading.Thread(target=judge) for _ in range(8)]
    for thread in threads:
        thread.start()
    for _ in range(40):
        name = teach(state, "spam", DATA)
        clock.advance(LOOK_EVERY)
        state.note(JOURNAL, [Entry(name, None)])
        clock.advance(LOOK_EVERY)
    for thread in threads:
        thread.join()
    assert len(found) == 480
    assert all(move == 0 or move > 4 for move in found)


def test_redis_flushed_and_gone(tmp_path: Path, clock: FakeClock) -> None:
    """Two workers follow one Redis; killed, they keep what they had; back and empty, they forget it; and learn anew."""
    with RedisServer(tmp_path) as server:
        states = [ResilientState(open_redis(server.url, clock, timeout=1.0), MemoryState(clock), clock) for _ in "ab"]
        layers = [FollowedLayer(state, clock) for state in states]
        teach(states[0], "spam", DATA)
        assert all(moved(layer) > 4 for layer in layers)
        server.kill()
        clock.advance(LOOK_EVERY)
        assert all(moved(layer) > 4 and layer.away() for layer in layers)
        server.start()
        clock.advance(60)
        assert all(moved(layer) == 0 and not layer.away() for layer in layers)
        teach(states[1], "spam", DATA)
        clock.advance(LOOK_EVERY)
        assert all(moved(layer) > 4 for layer in layers)
        for state in states:
            state.close()


def test_the_check_says_what_the_site_moved(tmp_path: Path, clock: FakeClock) -> None:
    """Fact, sentence and class follow the labels; away, the finding is marked; weight 0 builds a check without a layer."""
    state = Away(clock)
    settings = Settings(model=str(write_model(tmp_path / "model")))
    check = taught(build(settings), settings, state, clock)
    assert "site" not in run(check).facts
    teach(state, "phish", DATA)
    clock.advance(LOOK_EVERY)
    found = run(check)
    assert found.code == "content.phish"
    assert found.facts["site"].endswith(" (local labels: 1 spam, 0 ham)")
    assert math.isclose(float(found.facts["site"].split()[0]), 5.5, abs_tol=0.5)
    assert "a message like it that was labelled here" in found.detail
    assert found.degraded == ""
    state.away = True
    clock.advance(LOOK_EVERY)
    assert run(check).degraded == "state"
    off = settings.model_copy(update={"site_weight": 0.0})
    assert taught(build(off), off, state, clock).site is None


def run(check):
    """Give the check's finding about the message."""
    return check.run(Envelope(), from_bytes(DATA), Found())[0]
