"""State in an embedded SQLite file that all workers of one host share.

A write-ahead log lets readers go on while one process writes, and a process that is killed in the middle of a write
leaves nothing behind but its unfinished transaction. `synchronous=NORMAL` does not wait for the disk at each commit: after
a power cut the last seconds of counting may be missing, and the file is sound (sqlite.org/wal.html).

Each process has one connection, opened at its first question and never carried over a fork (sqlite.org/howtocorrupt.html,
2.6). Threads queue for it with a plain lock: SQLite lets one writer in at a time anyway, and a lock wakes the next one at
once. Between processes there is nothing to queue at, so a busy file is tried again after fractions of a millisecond;
SQLite's own busy handler would sleep for up to 100 ms at a time.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from gatepost.world import budget
from gatepost.world.clock import Clock
from gatepost.world.state import maths, sqlite_journal
from gatepost.world.state.door import (
    Changes,
    Entry,
    Hit,
    Mark,
    OutOfTimeError,
    StateConfigError,
    StateUnavailableError,
    Tally,
)
from gatepost.world.state.journal import checked

ENTRIES: Final = 250_000
"""Rows kept of each table (about 50 MB together). Past it those that would expire first are dropped."""

SWEEP_EVERY: Final = 256
"""Writing calls of one process between two sweeps; each sweep drops at most SWEEP_ROWS rows of a table, so it stays short."""

SWEEP_ROWS: Final = 2_048
"""More than the rows that SWEEP_EVERY calls can add, so that sweeping keeps up with any flood."""

BUSY_PAUSE: Final = 0.0001
"""Seconds between two tries while another process writes, which takes about as long. Measured against growing pauses: those
starve the unlucky one."""

CHECKPOINT_PAGES: Final = 8_000
"""Pages (32 MB) of the log before they are moved into the file, by whoever wrote the last one: it waits for the disk, some
10 ms. With SQLite's default of 1,000 one message in a hundred waited."""

OPENING_SECONDS: Final = 5.0
"""How long the first opening (creating tables, recovering a log) may wait for another process."""

_APPLICATION: Final = 0x47504F53  # "GPOS": tells Gatepost's file from another program's database.
_VERSION: Final = 2

_SCHEMA: Final = f"""
CREATE TABLE IF NOT EXISTS slots (
  key TEXT NOT NULL, window INTEGER NOT NULL, bucket INTEGER NOT NULL, current INTEGER NOT NULL,
  previous INTEGER NOT NULL, expires INTEGER NOT NULL, PRIMARY KEY (key, window)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS slots_expire ON slots (expires);
CREATE TABLE IF NOT EXISTS tallies (
  key TEXT NOT NULL PRIMARY KEY, wanted REAL NOT NULL, unwanted REAL NOT NULL, written REAL NOT NULL,
  expires INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS tallies_expire ON tallies (expires);
{sqlite_journal.SCHEMA}PRAGMA application_id = {_APPLICATION};
PRAGMA user_version = {_VERSION};
"""

# The time of expiry is rounded (to the end of a bucket, to a day), so that most writes leave its index alone.
_WRITE_SLOT: Final = (
    "INSERT INTO slots (key, window, bucket, current, previous, expires) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE "
    "SET bucket = excluded.bucket, current = excluded.current, previous = excluded.previous, expires = excluded.expires"
)
_WRITE_TALLY: Final = (
    "INSERT INTO tallies (key, wanted, unwanted, written, expires) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE "
    "SET wanted = excluded.wanted, unwanted = excluded.unwanted, written = excluded.written, expires = excluded.expires"
)
_DAY: Final = 86_400

# For each table: drop what has expired, count, drop what would expire first.
_SWEEPS: Final = (
    (
        "DELETE FROM slots WHERE (key, window) IN (SELECT key, window FROM slots WHERE expires < ? LIMIT ?)",
        "SELECT count(*) FROM slots",
        "DELETE FROM slots WHERE (key, window) IN (SELECT key, window FROM slots ORDER BY expires LIMIT ?)",
    ),
    (
        "DELETE FROM tallies WHERE key IN (SELECT key FROM tallies WHERE expires < ? LIMIT ?)",
        "SELECT count(*) FROM tallies",
        "DELETE FROM tallies WHERE key IN (SELECT key FROM tallies ORDER BY expires LIMIT ?)",
    ),
)

_states: weakref.WeakSet[SqliteState] = weakref.WeakSet()
# A connection made before a fork may not even be closed in the child: closing would fold up the parent's log.
_inherited: list[sqlite3.Connection] = []


class SqliteState:
    """The state door over one file. `half_life` and `timeout` (longest wait for one call) are in seconds."""

    def __init__(
        self,
        path: Path,
        clock: Clock,
        *,
        half_life: float = 30 * 86_400.0,
        timeout: float = 0.25,
        entries: int = ENTRIES,
    ) -> None:
        self._path = path.absolute()
        self._clock = clock
        self._half_life = half_life
        self._timeout = timeout
        self._entries = entries
        self._connection: sqlite3.Connection | None = None
        self._lock = threading.Lock()
        self._writes = 0
        _states.add(self)

    @property
    def backend(self) -> str:
        """The words `sqlite at <path>`."""
        return f"sqlite at {self._path}"

    def prepare(self) -> None:
        """Create the file and its tables if need be, then close it again; raises StateConfigError, one line.

        To be called once before the workers are forked, as the user that they run as.
        """
        if self._path.is_dir():
            raise StateConfigError(f"cannot open the state file {self._path}: it is a directory")
        try:
            _create(self._path)
            connection = sqlite3.connect(self._path, timeout=OPENING_SECONDS, isolation_level=None)
        except (OSError, sqlite3.Error) as error:
            raise StateConfigError(f"cannot open the state file {self._path}: {_reason(error)}") from error
        try:
            _adopt(connection, self._path)
        except sqlite3.Error as error:
            raise StateConfigError(f"cannot use the state file {self._path}: {_reason(error)}") from error
        finally:
            connection.close()

    def hit(self, hits: Sequence[Hit]) -> list[float]:
        """Count events in one transaction; see the door."""
        now = self._clock.now()
        with self._transaction(writes=any(hit.amount for hit in hits)) as connection:
            return [_count(connection, hit, now) for hit in hits]

    def recall(self, keys: Sequence[str]) -> list[Tally]:
        """Give the faded tallies; see the door."""
        now = self._clock.now()
        with self._transaction(writes=False) as connection:
            return [self._faded(connection, key, now) for key in keys]

    def remember(self, marks: Sequence[Mark]) -> None:
        """Add judgements in one transaction; see the door."""
        now = self._clock.now()
        expires = -int(-(now + maths.tally_seconds(self._half_life)) // _DAY) * _DAY
        with self._transaction(writes=True) as connection:
            for mark in marks:
                tally = maths.judged(self._faded(connection, mark.key, now), mark)
                connection.execute(
                    _WRITE_TALLY,
                    (mark.key, tally.wanted, tally.unwanted, now, expires),
                )

    def forget(self, keys: Sequence[str]) -> None:
        """Drop tallies; see the door."""
        with self._transaction(writes=True) as connection:
            connection.executemany("DELETE FROM tallies WHERE key = ?", [(key,) for key in keys])

    def note(self, journal: str, entries: Sequence[Entry]) -> list[bool]:
        """Write records or take them back in one transaction; see the door."""
        with self._transaction(writes=True) as connection:
            return [sqlite_journal.note(connection, journal, entry) for entry in checked(entries)]

    def changes(self, journal: str, after: str = "") -> Changes:
        """Give a page of what changed; see the door."""
        with self._transaction(writes=False) as connection:
            return sqlite_journal.changes(connection, journal, after)

    def degraded(self) -> bool:
        """Never: this form answers from the file or raises."""
        return False

    def close(self) -> None:
        """Close this process's connection; a later call opens a new one."""
        with self._lock:
            self._drop()

    def _faded(self, connection: sqlite3.Connection, key: str, now: float) -> Tally:
        row = connection.execute("SELECT wanted, unwanted, written FROM tallies WHERE key = ?", (key,)).fetchone()
        return maths.faded(Tally(row[0], row[1]), now - row[2], self._half_life) if row else Tally()

    @contextmanager
    def _transaction(self, *, writes: bool) -> Iterator[sqlite3.Connection]:
        """Hold the connection for one transaction, all or nothing; any trouble becomes StateUnavailableError."""
        patience = min(self._timeout, budget.current().remaining())
        if patience <= 0:
            raise OutOfTimeError("no time left for the state file")
        if not self._lock.acquire(timeout=patience):
            raise StateUnavailableError(f"{self.backend}: other threads held it for {patience:.2f} s")
        try:
            connection = self._begin("BEGIN IMMEDIATE" if writes else "BEGIN", patience)
            yield connection
            if writes:
                self._sweep(connection)
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            self._drop()
            raise StateUnavailableError(f"{self.backend}: {_reason(error)}") from error
        except BaseException:
            self._drop()
            raise
        finally:
            self._lock.release()

    def _begin(self, statement: str, patience: float) -> sqlite3.Connection:
        """Open if need be and begin, trying again while another process writes, `patience` seconds in all."""
        waited = 0.0
        while True:
            try:
                if self._connection is None:
                    self._connection = _connect(self._path)
                self._connection.execute(statement)
                return self._connection
            except sqlite3.OperationalError as error:
                # The low byte is the plain code; BUSY_RECOVERY and BUSY_SNAPSHOT are kinds of it.
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or waited >= patience:
                    raise
            time.sleep(BUSY_PAUSE)
            waited += BUSY_PAUSE

    def _sweep(self, connection: sqlite3.Connection) -> None:
        """Now and then drop what has expired and what is past the size bound."""
        self._writes += 1
        if self._writes % SWEEP_EVERY:
            return
        now = int(self._clock.now())
        for expired, count, oldest in _SWEEPS:
            connection.execute(expired, (now, SWEEP_ROWS))
            over = connection.execute(count).fetchone()[0] - self._entries
            if over > 0:
                connection.execute(oldest, (min(over, SWEEP_ROWS),))

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(sqlite3.Error):
                connection.close()

    def _forked(self) -> None:
        """Begin anew in a child process."""
        self._lock = threading.Lock()
        if self._connection is not None:
            _inherited.append(self._connection)
            self._connection = None


def _forked() -> None:
    for state in list(_states):
        state._forked()  # noqa: SLF001  the same module


os.register_at_fork(after_in_child=_forked)


def _create(path: Path) -> None:
    """Create the file where there is none, readable for its owner only: who writes to whom is nobody else's business.

    An existing file is not touched: closing it here would drop the locks of this process's own connection
    (sqlite.org/howtocorrupt.html, 2.2). SQLite gives its log files the same mode.
    """
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


def _connect(path: Path) -> sqlite3.Connection:
    """Open an existing, prepared file for this process; never creates one."""
    location = f"{path.as_uri()}?mode=rw"
    # One thread at a time uses it, under the lock; which thread that is does not matter to SQLite.
    connection = sqlite3.connect(location, uri=True, timeout=0, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
    return connection


def _adopt(connection: sqlite3.Connection, path: Path) -> None:
    """Make an empty file ours, or see that it already is."""
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if tables and application != _APPLICATION:
        raise StateConfigError(f"cannot use the state file {path}: it is another program's database")
    if version > _VERSION:
        raise StateConfigError(f"cannot use the state file {path}: a newer Gatepost wrote it (version {version})")
    connection.execute("PRAGMA journal_mode = WAL")
    if version < _VERSION:
        connection.executescript(_SCHEMA)


def _count(connection: sqlite3.Connection, hit: Hit, now: float) -> float:
    """Roll one rate forward, count, and give the estimate."""
    row = connection.execute(
        "SELECT bucket, current, previous FROM slots WHERE key = ? AND window = ?", (hit.key, hit.window)
    ).fetchone()
    slot = maths.roll(maths.Slot(*row) if row else None, maths.bucket_at(now, hit.window), hit.amount)
    if hit.amount:
        connection.execute(
            _WRITE_SLOT,
            (hit.key, hit.window, slot.bucket, slot.current, slot.previous, (slot.bucket + 2) * hit.window),
        )
    return maths.estimate(slot, now, hit.window)


def _reason(error: Exception) -> str:
    """Give an error's reason in one line."""
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(text.split()) or type(error).__name__
