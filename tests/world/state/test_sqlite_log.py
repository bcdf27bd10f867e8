"""The write-ahead log of the embedded file: bounded whoever writes, and never in the way of an exchange."""

from __future__ import annotations

import multiprocessing
import sqlite3
from pathlib import Path

import pytest

from gatepost.world.clock import FakeClock
from gatepost.world.state import sqlite_file, sqlite_log
from gatepost.world.state.door import Mark, State, Tally
from support.state_files import file_state

FRAME = sqlite_file.PAGE + 24
"""Bytes of one page in the log (sqlite.org/fileformat.html, 4.1)."""


def write(state: State, first: int, calls: int) -> None:
    """Mark four new identities at each call."""
    for number in range(first, first + calls):
        state.remember([Mark(f"{number}-{more}", 1.0) for more in range(4)])


def pages(path: Path) -> int:
    """Give how many pages the log held at most since it was last cut: one that begins anew is overwritten."""
    return path.with_name(path.name + "-wal").stat().st_size // FRAME


def test_the_log_of_one_writer_begins_anew(tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process moves its log into the file after so many rows, and however much it writes the log stays short."""
    monkeypatch.setattr(sqlite_log, "ROWS", 80)
    state = file_state(tmp_path / "state.db", clock)
    write(state, 0, 400)
    assert pages(tmp_path / "state.db") < 80 * 4  # the 1,600 rows are 2,700 pages of the log


def test_the_log_of_busy_writers_stays_bounded(
    tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two processes that write without a pause never leave the log alone, and still it does not grow with what they write."""
    monkeypatch.setattr(sqlite_log, "ROWS", 400)
    monkeypatch.setattr(sqlite_log, "PAGES", 1_600)
    path = tmp_path / "state.db"
    state = file_state(path, clock)
    fork = multiprocessing.get_context("fork")
    children = [fork.Process(target=write, args=(state, 10_000 * number, 2_000)) for number in range(2)]
    for child in children:
        child.start()
    for child in children:
        child.join(60)
    assert [child.exitcode for child in children] == [0, 0]
    assert state.recall(["0-0", "11999-3"]) == [Tally(1.0, 0.0)] * 2
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT count(*) FROM records").fetchone() == (16_000,)
    connection.close()
    assert pages(path) < 15_000  # the rows are 30,000 pages of the log


def test_a_reader_that_holds_the_log_does_not_hold_up_writers(
    tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While somebody reads an old state of the file the log grows, and what is written is answered; after that it is cut."""
    monkeypatch.setattr(sqlite_log, "ROWS", 40)
    monkeypatch.setattr(sqlite_log, "PAGES", 20)
    monkeypatch.setattr(sqlite_log, "_PATIENCE", 1)
    path = tmp_path / "state.db"
    state = file_state(path, clock)
    write(state, 0, 1)
    reader = sqlite3.connect(path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM records").fetchone()
    write(state, 1, 100)
    assert reader.execute("SELECT count(*) FROM records").fetchone() == (4,)
    reader.execute("COMMIT")
    grown = pages(path)
    write(state, 101, 100)
    assert pages(path) < grown / 2
    assert state.recall(["200-3"]) == [Tally(1.0, 0.0)]
    reader.close()
