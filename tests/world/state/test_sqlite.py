"""The embedded file: bounded waits and size, files that cannot be used, privacy."""

from __future__ import annotations

import resource
import sqlite3
import time
from contextlib import suppress
from pathlib import Path

import pytest

from gatepost.world.budget import allowance
from gatepost.world.clock import FakeClock, SystemClock
from gatepost.world.state import resilient, sqlite_sweep
from gatepost.world.state.door import (
    Hit,
    Mark,
    Recall,
    StateConfigError,
    StateRefusedError,
    StateUnavailableError,
    Tally,
)
from gatepost.world.state.memory import MemoryState
from gatepost.world.state.resilient import ResilientState
from gatepost.world.state.sqlite import SqliteState
from support.state_files import file_state

WINDOW = 3_600


def test_a_locked_file_costs_a_bounded_wait(tmp_path: Path, clock: FakeClock) -> None:
    """While another process holds the file, reading goes on, writing gives up in time, and then works again."""
    state = file_state(tmp_path / "state.db", clock, timeout=0.05)
    state.remember([Mark("a", 1.0)])
    other = sqlite3.connect(tmp_path / "state.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    begin = time.monotonic()
    with pytest.raises(StateUnavailableError, match="locked"):
        state.hit([Hit("a", WINDOW)])
    with allowance(SystemClock(), 0.02), pytest.raises(StateUnavailableError):
        state.hit([Hit("a", WINDOW)])
    assert time.monotonic() - begin < 0.15
    assert state.recall(["a"]) == [Tally(1.0, 0.0)]
    other.execute("ROLLBACK")
    other.close()
    assert state.hit([Hit("a", WINDOW)]) == [1]


def test_the_file_stays_bounded_and_expires(tmp_path: Path, clock: FakeClock) -> None:
    """A flood of invented senders does not grow the file past its bound; what expired is dropped first."""
    state = file_state(tmp_path / "state.db", clock, entries=500)
    state.hit([Hit("old", 60)])
    clock.advance(1_000)
    calls = sqlite_sweep.GROWTH // 6 * 3
    for number in range(calls):
        state.hit([Hit(f"{number}-{more}", WINDOW) for more in range(6)])
        clock.advance(0.01)
    with sqlite3.connect(tmp_path / "state.db") as connection:
        (count,) = connection.execute("SELECT count(*) FROM records").fetchone()
        (old,) = connection.execute("SELECT count(*) FROM records WHERE expires < ?", (clock.now(),)).fetchone()
    connection.close()
    # At most what was added since the last sweep is over, and a few per cent.
    assert count <= 500 * 1.05 + sqlite_sweep.GROWTH
    assert old == 0
    assert state.hit([Hit(f"{calls - 1}-5", WINDOW, 0)]) == [1]


def test_memory_stays_bounded(clock: FakeClock) -> None:
    """Local memory forgets the least recently used, never grows past its bound, and keeps what is in use."""
    state = MemoryState(clock, entries=100)
    for number in range(1_000):
        state.hit([Hit(str(number), WINDOW), Hit("busy", WINDOW)])
        state.remember([Mark(str(number), 1.0), Mark("busy", 0.01)])
    assert len(state._tables["r"]) == 100
    assert len(state._tables["t"]) == 100
    assert state.hit([Hit("busy", WINDOW, 0), Hit("0", WINDOW, 0)]) == [1_000, 0]


def test_unusable_files_are_one_clear_line(tmp_path: Path, clock: FakeClock) -> None:
    """A folder, a missing folder, garbage, another program's database and a newer version: each says which file and why."""
    garbage, foreign, newer = tmp_path / "garbage", tmp_path / "foreign.db", tmp_path / "newer.db"
    garbage.write_bytes(b"not a database at all, but long enough to be looked at " * 20)
    for path, statement in ((foreign, "CREATE TABLE theirs (x)"), (newer, "PRAGMA user_version = 99")):
        connection = sqlite3.connect(path)
        connection.execute(statement)
        connection.commit()
        connection.close()
    for path, words in (
        (tmp_path, "directory"),
        (tmp_path / "no" / "state.db", "No such file"),
        (garbage, "not a database"),
        (foreign, "another program"),
        (newer, "newer Gatepost"),
    ):
        with pytest.raises(StateConfigError, match=words) as caught:
            SqliteState(path, clock).prepare()
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)
    assert garbage.read_bytes().startswith(b"not a database")


def test_preparing_again_leaves_a_working_file_alone(tmp_path: Path, clock: FakeClock) -> None:
    """A reload checks the file that workers are using, in the same process or another, and disturbs nobody."""
    state = file_state(tmp_path / "state.db", clock)
    assert state.hit([Hit("a", WINDOW)]) == [1]
    again = file_state(tmp_path / "state.db", clock)
    assert again.hit([Hit("a", WINDOW)]) == [2]
    again.close()
    assert state.hit([Hit("a", WINDOW)]) == [3]


def test_a_file_that_breaks_at_run_time_is_the_stores_trouble(tmp_path: Path, clock: FakeClock) -> None:
    """Overwritten under a running worker: StateUnavailableError, so that local memory takes over until it is out of the way."""
    path = tmp_path / "state.db"
    state = file_state(path, clock)
    path.write_bytes(b"overwritten by something else " * 200)
    with pytest.raises(StateUnavailableError, match="sqlite at"):
        state.hit([Hit("a", WINDOW)])
    path.unlink()
    assert state.hit([Hit("a", WINDOW)]) == [1]


def test_the_file_is_private(tmp_path: Path, clock: FakeClock) -> None:
    """Who writes to whom is readable for the daemon's own user only."""
    state = file_state(tmp_path / "state.db", clock)
    state.hit([Hit("a", WINDOW)])
    assert {path.stat().st_mode & 0o077 for path in tmp_path.iterdir()} == {0}


def damage(path: Path) -> None:
    """Overwrite all of a file but its header, and leave no log behind that would repair it."""
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(100)
        file.write(b"\xa5" * (size - 100))
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def test_a_damaged_file_is_replaced_at_the_start(tmp_path: Path, clock: FakeClock, caplog) -> None:
    """A damaged file of ours is moved aside with one line, and what is remembered begins anew; garbage where only ours can lie too."""
    path = tmp_path / "state.db"
    file_state(path, clock).close()
    damage(path)
    state = file_state(path, clock)
    assert state.hit([Hit("a", WINDOW)]) == [1]
    assert path.with_name("state.db.broken").exists()
    garbage = tmp_path / "garbage"
    garbage.write_bytes(b"not a database at all, but long enough to be looked at " * 20)
    own = file_state(garbage, clock, own=True)
    assert own.hit([Hit("a", WINDOW)]) == [1]
    assert len(caplog.records) == 2
    assert path.stat().st_mode & 0o077 == garbage.stat().st_mode & 0o077 == 0


def test_a_file_that_is_damaged_at_work_is_replaced_once(tmp_path: Path, clock: FakeClock, caplog) -> None:
    """Two workers meet the damage: each loses one exchange at most, one of them replaces the file, and they share the new one."""
    path = tmp_path / "state.db"
    first = file_state(path, clock)
    first.remember([Mark(str(number), 1.0) for number in range(200)])
    first.close()
    first, second = file_state(path, clock), file_state(path, clock)
    assert first.recall(["1"]) == second.recall(["2"]) == [Tally(1.0, 0.0)]
    damage(path)
    for state in (first, second, first, second):
        with suppress(StateUnavailableError):
            state.hit([Hit("a", WINDOW)])
    counted = first.hit([Hit("a", WINDOW)])
    assert second.hit([Hit("a", WINDOW)]) == [counted[0] + 1]
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert path.with_name("state.db.broken").exists()


@pytest.mark.parametrize("how", ["removed", "removed with its log", "emptied", "without tables"])
def test_a_file_that_goes_away_at_work_begins_anew(how: str, tmp_path: Path, clock: FakeClock) -> None:
    """An administrator removes or empties the file under two workers: both go on with a new one, and share it."""
    path = tmp_path / "state.db"
    file_state(path, clock).close()
    one, other = file_state(path, clock), file_state(path, clock)
    one.remember([Mark("a", 1.0)])
    assert other.recall(["a"]) == [Tally(1.0, 0.0)]
    if how in {"emptied", "without tables"}:
        one.close()
        other.close()
        path.write_bytes(b"")
    if how == "without tables":
        with sqlite3.connect(path) as half_made:  # as a disk that became full leaves it
            half_made.execute("PRAGMA journal_mode = WAL")
        half_made.close()
        with suppress(StateUnavailableError):
            one.recall(["a"])
        with suppress(StateUnavailableError):
            other.recall(["a"])
    for each in tmp_path.iterdir():
        if how == "removed with its log" or (how == "removed" and each == path):
            each.unlink()
    one.remember([Mark("b", 1.0)])
    other.remember([Mark("b", 1.0)])
    assert one.recall(["a", "b"]) == other.recall(["a", "b"]) == [Tally(), Tally(2.0, 0.0)]


def test_a_full_disk_takes_nothing_new_and_is_still_read(tmp_path: Path, clock: FakeClock) -> None:
    """No room left: writing is refused, what is there is read, local memory counts on; with room again the file does."""
    path = tmp_path / "state.db"
    state = file_state(path, clock)
    state.remember([Mark("a", 1.0)])
    local = ResilientState(state, MemoryState(clock), clock)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.with_name("state.db-wal").stat().st_size, hard))
    try:
        with pytest.raises(StateRefusedError):
            state.hit([Hit("a", WINDOW)])
        assert local.exchange([Hit("a", WINDOW), Recall("a"), Hit("a", WINDOW)]) == [1, Tally(1.0, 0.0), 2]
        assert local.degraded()
        assert "takes nothing new" in local.backend
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    clock.advance(resilient.PAUSE)
    assert local.hit([Hit("a", WINDOW)]) == [1]
    assert not local.degraded()
