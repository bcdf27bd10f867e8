"""Journals keep one set of promises in every form of state: memory, SQLite, a real Redis over TCP and a unix socket."""

from __future__ import annotations

import multiprocessing
import sqlite3
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gatepost.mail import limits
from gatepost.world.clock import FakeClock
from gatepost.world.state.door import Changes, Entry, Hit, JournalError, State, StateUnavailableError
from gatepost.world.state.journal import Position, position
from gatepost.world.state.memory import MemoryState
from gatepost.world.state.readonly import ReadOnlyState
from gatepost.world.state.redis_url import open_redis
from gatepost.world.state.resilient import ResilientState
from support.redis_server import RedisServer
from support.state_forms import Servers, build


class Reader:
    """Follows a journal as the site layer does: what it holds must be what was written and not taken back."""

    def __init__(self, state: State) -> None:
        """Take the state to read from."""
        self.state, self.position, self.held, self.began = state, "", {}, 0

    def look(self) -> dict[str, bytes]:
        """Read to the end and give what there is, in order."""
        more = True
        while more:
            found = self.state.changes("j", self.position)
            if found.anew:
                self.held.clear()
                self.began += 1
            for entry in found.entries:
                self.held.pop(entry.id, None)
                if entry.data is not None:
                    self.held[entry.id] = entry.data
            self.position, more = found.position, found.more
        return self.held


def test_a_reader_hears_of_everything_once_and_in_order(state: State) -> None:
    """The first look gives all, the second nothing, the third what came since: new, replaced and taken back."""
    assert state.changes("j") == Changes((), "", anew=True, more=False)
    assert state.note("j", [Entry("a", b"1"), Entry("b", b"\0\xff"), Entry("c", b"")]) == [False] * 3
    first = state.changes("j")
    assert first.entries == (Entry("a", b"1"), Entry("b", b"\0\xff"), Entry("c", b""))
    assert (first.anew, first.more) == (True, False)
    again = state.changes("j", first.position)
    assert (again.entries, again.anew, again.more) == ((), False, False)
    assert state.note("j", [Entry("a", b"2"), Entry("b", None), Entry("d", b"4")]) == [True, True, False]
    assert state.changes("j", again.position).entries == (Entry("a", b"2"), Entry("b", None), Entry("d", b"4"))


def test_taking_back_what_is_not_there_changes_nothing(state: State) -> None:
    """An unknown id, and one taken back before, is answered with False; a journal does not begin with it."""
    assert state.note("j", [Entry("a", None)]) == [False]
    assert state.changes("j").position == ""
    state.note("j", [Entry("a", b"1"), Entry("a", None)])
    there = state.changes("j")
    assert state.note("j", [Entry("a", None)]) == [False]
    assert state.changes("j", there.position).entries == ()
    assert state.note("j", [Entry("a", b"3")]) == [False]
    assert Reader(state).look() == {"a": b"3"}


def test_journals_are_separate_and_calls_may_be_empty(state: State) -> None:
    """One journal's records are not another's; nothing to write writes nothing."""
    assert state.note("j", []) == []
    state.note("j", [Entry("a", b"1")])
    state.note("k", [Entry("a", b"2")])
    state.note("k", [Entry("a", None)])
    assert Reader(state).look() == {"a": b"1"}


def test_a_long_journal_comes_in_pages(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page holds its limit; a reader goes on where it was, and only the first page says that it is anew."""
    monkeypatch.setattr(limits, "JOURNAL_PAGE", 3)
    state.note("j", [Entry(f"e{number}", b"x") for number in range(8)])
    state.note("j", [Entry("e1", None), Entry("e2", b"y")])
    reader = Reader(state)
    assert list(reader.look()) == ["e0", "e3", "e4", "e5", "e6", "e7", "e2"]
    assert reader.began == 1
    assert len(state.changes("j").entries) == 3


@pytest.mark.parametrize(("name", "bound"), [("JOURNAL_ENTRIES", 4), ("JOURNAL_BYTES", 49)])
def test_past_its_bounds_the_oldest_are_taken_back(
    state: State, monkeypatch: pytest.MonkeyPatch, name: str, bound: int
) -> None:
    """A reader that had them hears that they are gone; a new one never sees them; replacing one takes no more room."""
    monkeypatch.setattr(limits, name, bound)
    early = Reader(state)
    for number in range(10):
        state.note("j", [Entry(f"e{number}", b"x" * 12)])
        early.look()
    state.note("j", [Entry("e9", b"y" * 12)])
    assert list(early.look()) == list(Reader(state).look()) == ["e6", "e7", "e8", "e9"]
    assert early.began == 1


def test_a_reader_that_missed_too_much_begins_anew(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ids of records taken back are kept for a while only; who comes later is told to forget, once."""
    monkeypatch.setattr(limits, "JOURNAL_RETRACTED", 2)
    monkeypatch.setattr(limits, "JOURNAL_PAGE", 2)
    reader = Reader(state)
    state.note("j", [Entry(f"e{number}", b"x") for number in range(6)])
    reader.look()
    state.note("j", [Entry(f"e{number}", None) for number in range(5)])
    assert reader.look() == {"e5": b"x"}
    assert reader.began == 2
    state.note("j", [Entry("e5", None), Entry("e6", b"y")])
    assert reader.look() == Reader(state).look() == {"e6": b"y"}
    assert reader.began == 2


def test_unwelcome_records_are_refused(state: State) -> None:
    """An id that is none and a record over the limit are the caller's mistake, and nothing of the call is written."""
    for entry in (
        Entry("", b""),
        Entry("a" * 65, b""),
        Entry("ü", b""),
        Entry("a\n", b""),
        Entry("a", b"x" * (limits.JOURNAL_ENTRY_BYTES + 1)),
    ):
        with pytest.raises(ValueError, match="record"):
            state.note("j", [Entry("fine", b"1"), entry])
    assert Reader(state).look() == {}


@given(
    steps=st.lists(
        st.tuples(st.integers(0, 6), st.one_of(st.none(), st.binary(max_size=9)), st.booleans()), max_size=25
    )
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_readers_agree_in_every_form(
    servers: Servers, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, steps
) -> None:
    """Whatever is written and whenever a reader looks, it holds what a new reader would hold, the same in every form."""
    for name, bound in (("ENTRIES", 4), ("BYTES", 20), ("RETRACTED", 2), ("PAGE", 2)):
        monkeypatch.setattr(limits, f"JOURNAL_{name}", bound)
    readers = [
        Reader(build(form, servers, tmp_path_factory.mktemp("agree"), FakeClock()))
        for form in ("memory", "sqlite", "redis", "redis-cluster")
    ]
    for number, data, looks in steps:
        answers = [reader.state.note("j", [Entry(f"e{number}", data)]) for reader in readers]
        assert answers == [answers[0]] * len(readers)
        if looks:
            for reader in readers:
                reader.look()
    fresh = [list(Reader(reader.state).look().items()) for reader in readers]
    held = [list(reader.look().items()) for reader in readers]
    for reader in readers:
        reader.state.close()
    assert held == [fresh[0]] * len(readers)
    assert fresh == [fresh[0]] * len(readers)


def test_a_flushed_redis_is_noticed(server: RedisServer, servers: Servers, tmp_path: Path) -> None:
    """After FLUSHALL there is nothing; what is written then is all there is, though its numbers begin again."""
    reader = Reader(build("redis", servers, tmp_path, FakeClock()))
    reader.state.note("j", [Entry("a", b"1"), Entry("b", b"2")])
    reader.look()
    server.command(b"FLUSHALL")
    assert reader.look() == {}
    reader.state.note("j", [Entry("c", b"3")])
    assert reader.look() == {"c": b"3"}
    server.command(b"FLUSHALL")
    reader.state.note("j", [Entry("d", b"4"), Entry("e", b"5")])
    assert reader.look() == {"d": b"4", "e": b"5"}
    reader.state.close()


def test_a_replaced_file_is_noticed(servers: Servers, tmp_path: Path) -> None:
    """A new database under the old name is another journal: its reader forgets what the old one said."""
    reader = Reader(build("sqlite", servers, tmp_path, FakeClock()))
    reader.state.note("j", [Entry("a", b"1"), Entry("b", b"2")])
    reader.look()
    reader.state.close()
    for file in tmp_path.iterdir():
        file.unlink()
    reader.state = build("sqlite", servers, tmp_path, FakeClock())
    reader.state.note("j", [Entry("c", b"3")])
    assert reader.look() == {"c": b"3"}
    reader.state.close()


def test_an_older_file_gains_its_journals(servers: Servers, tmp_path: Path) -> None:
    """A file of the version before journals is taken over and keeps what it held."""
    state = build("sqlite", servers, tmp_path, FakeClock())
    state.close()
    with sqlite3.connect(tmp_path / "state.db") as connection:
        connection.executescript("DROP TABLE entries; DROP TABLE journals; PRAGMA user_version = 1")
    connection.close()
    state = build("sqlite", servers, tmp_path, FakeClock())
    assert state.note("j", [Entry("a", b"1")]) == [False]
    state.close()


@pytest.mark.parametrize("form", ["sqlite", "redis"])
def test_processes_share_a_journal(form: str, servers: Servers, tmp_path: Path) -> None:
    """Four processes write at once; every record arrives, and a reader in this one hears of all of them."""
    state = build(form, servers, tmp_path, FakeClock())
    reader = Reader(state)
    reader.look()
    fork = multiprocessing.get_context("fork")
    children = [fork.Process(target=write_forty, args=(state, number)) for number in range(4)]
    for child in children:
        child.start()
    for child in children:
        child.join(60)
    assert [child.exitcode for child in children] == [0] * 4
    assert sorted(reader.look()) == sorted(f"{writer}-{number}" for writer in range(4) for number in range(40))
    state.close()


def write_forty(state: State, writer: int) -> None:
    """Do one process' share."""
    for number in range(40):
        state.note("j", [Entry(f"{writer}-{number}", b"x")])


def test_a_store_that_is_away_is_said_and_comes_back(tmp_path: Path) -> None:
    """While Redis is down writing and reading a journal raise, local memory takes nothing in; a reader then goes on."""
    with RedisServer(tmp_path) as server:
        clock = FakeClock()
        away = ResilientState(open_redis(server.url, clock, timeout=1.0), MemoryState(clock), clock)
        away.note("j", [Entry("a", b"1")])
        reader = Reader(away)
        reader.look()
        server.kill()
        with pytest.raises(StateUnavailableError):
            away.note("j", [Entry("b", b"2")])
        with pytest.raises(StateUnavailableError, match="does not answer"):
            reader.look()
        assert reader.held == {"a": b"1"}
        server.start()
        clock.advance(60)
        assert reader.look() == {}
        away.close()


def test_a_foreign_value_in_redis_is_trouble_of_the_store(server: RedisServer, tmp_path: Path) -> None:
    """Keys of another type, or numbers that are none, make the journal unreadable, and nothing else of the store."""
    clock = FakeClock()
    state = ResilientState(open_redis(server.url, clock, timeout=5.0), MemoryState(clock), clock)
    for command in (
        (b"SET", b"gp:journal:{j}:meta", b"x"),
        (b"HSET", b"gp:journal:{j}:meta", b"epoch", b"\xff", b"floor", b"x"),
        (b"HSET", b"gp:journal:{j}:meta", b"epoch", b"\xff\xfe", b"floor", b"0"),
    ):
        server.command(b"FLUSHALL")
        server.command(*command)
        with pytest.raises(JournalError):
            state.changes("j")
        assert state.hit([Hit("a", 60)]) == [1]
        assert not state.degraded()
    server.command(b"FLUSHALL")
    server.command(b"SET", b"gp:journal:{j}:meta", b"x")
    with pytest.raises(JournalError):
        state.note("j", [Entry("a", b"1")])
    state.close()


def test_behind_glass_a_journal_is_only_read() -> None:
    """Replaying stored mail reads what the site learned and writes nothing."""
    behind = MemoryState(FakeClock())
    behind.note("j", [Entry("a", b"1")])
    glass = ReadOnlyState(behind)
    assert glass.note("j", [Entry("a", None), Entry("b", b"2")]) == [False, False]
    assert Reader(glass).look() == {"a": b"1"}


@given(text=st.text(max_size=40))
@settings(max_examples=100)
def test_any_text_is_a_position(text: str) -> None:
    """What is no position reads as the beginning; what is one reads as itself."""
    assert position(text) == Position() or str(position(text)).count(":") == 2
    assert position(str(Position("ab12", 3, 44))) == Position("ab12", 3, 44)
