"""State in an embedded SQLite file that all workers of one host share.

An exchange is one SELECT where it only looks, and one transaction where it writes: read what lies at all its places, work out
what becomes of it (records), write what changed. A write-ahead log lets readers go on while one process writes, and a
process that is killed in the middle of a write leaves nothing behind but its unfinished transaction. `synchronous=NORMAL` does
not wait for the disk at each commit: after a power cut the last seconds of counting may be missing, and the file is sound
(sqlite.org/wal.html).

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
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from hashlib import blake2b
from pathlib import Path
from typing import Final

from gatepost.world import budget
from gatepost.world.clock import Clock
from gatepost.world.state import records, sqlite_file, sqlite_journal, sqlite_log, sqlite_sweep
from gatepost.world.state.door import (
    Answer,
    Ask,
    Asking,
    Changes,
    Entry,
    OutOfTimeError,
    StateConfigError,
    StateRefusedError,
    StateUnavailableError,
)
from gatepost.world.state.journal import checked

ENTRIES: Final = 250_000
"""Records kept of each kind. Past it those that would expire first are dropped."""

BUSY_PAUSE: Final = 0.0001
"""Seconds between two tries while another process writes, which takes about as long. Measured against growing pauses: those
starve the unlucky one."""

_READ: Final = "SELECT id, expires, data FROM"
_WRITE: Final = "REPLACE INTO records (id, expires, data) VALUES (?, ?, ?)"
_DROP: Final = "DELETE FROM records WHERE id = ?"
_KINDS: Final = {letter: sqlite_sweep.beginning(index) for index, letter in enumerate(records.KINDS)}

_REFUSALS: Final = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR})
"""Plain codes of a file that cannot be written just now, and may still be read."""

_states: weakref.WeakSet[SqliteState] = weakref.WeakSet()
# A connection made before a fork may not even be closed in the child: closing would fold up the parent's log.
_inherited: list[sqlite3.Connection] = []


class SqliteState(Asking):
    """The state door over one file. `half_life` and `timeout` (longest wait for one call) are in seconds.

    `entries` bounds the records of each kind. `own` says that whatever lies there is Gatepost's, so that it may be replaced
    when it is damaged.
    """

    def __init__(
        self,
        path: Path,
        clock: Clock,
        *,
        half_life: float = 30 * 86_400.0,
        timeout: float = 0.25,
        entries: int = ENTRIES,
        own: bool = False,
    ) -> None:
        self._path = path.absolute()
        self._own = own
        self._prepared = False
        self._inode = 0
        self._clock = clock
        self._half_life = half_life
        self._timeout = timeout
        self._connection: sqlite3.Connection | None = None
        self._keyed = blake2b()
        self._lock = threading.Lock()
        self._sweeper = sqlite_sweep.Sweeper(entries)
        self._log = sqlite_log.LogKeeper()
        _states.add(self)

    @property
    def backend(self) -> str:
        """The words `sqlite at <path>`."""
        return f"sqlite at {self._path}"

    def prepare(self) -> None:
        """Create the file and its tables if need be, then close it again.

        To be called once before the workers are forked. Raises StateConfigError for a place that can never work, and
        StateUnavailableError for trouble that may pass, each one line; after that each call tries it first.
        """
        sqlite_file.prepare(self._path, own=self._own, patience=sqlite_file.OPENING_SECONDS)
        self._prepared = True

    def exchange(self, asks: Sequence[Ask]) -> list[Answer]:
        """Answer a list of asks in one transaction; see the door."""
        if not asks:
            return []
        now = self._clock.now()
        if any(ask.writes for ask in asks):
            with self._transaction("BEGIN IMMEDIATE") as connection:
                return self._written(connection, asks, now)
        with self._transaction() as connection:
            ids = self._ids(asks)
            found = _load(connection, ids, now)
        read, half_life = records.LOOKS, self._half_life
        return [read[type(ask)](ask, found.get(number), now, half_life) for ask, number in zip(asks, ids, strict=True)]

    def _written(self, connection: sqlite3.Connection, asks: Sequence[Ask], now: float) -> list[Answer]:
        """Work asks out one after the other, then write what changed."""
        ids = self._ids(asks)
        found = _load(connection, ids, now)
        there = set(found)
        changed: dict[int, tuple[bytes, int]] = {}
        answers: list[Answer] = []
        for ask, number in zip(asks, ids, strict=True):
            answer, data, seconds = records.step(ask, found.get(number), now, self._half_life)
            answers.append(answer)
            if data is not None:
                changed[number] = (data, seconds)
                found[number] = data if seconds else None
        if changed:
            _store(connection, changed, now)
            self._sweeper.grown(connection, changed.keys() - there, now)
        return answers

    def _ids(self, asks: Sequence[Ask]) -> list[int]:
        """Give the numbers under which the records of asks lie."""
        keyed, ids = self._keyed, []
        for ask in asks:
            place = ask.place
            hashed = keyed.copy()  # taking in the key costs as much as taking in the place
            hashed.update(place.encode("utf-8", "surrogatepass"))
            ids.append(_KINDS[place[0]] | int.from_bytes(hashed.digest(), "little") >> sqlite_sweep.SPARE_BITS)
        return ids

    def note(self, journal: str, entries: Sequence[Entry]) -> list[bool]:
        """Write records or take them back in one transaction; see the door."""
        with self._transaction("BEGIN IMMEDIATE") as connection:
            return [sqlite_journal.note(connection, journal, entry) for entry in checked(entries)]

    def changes(self, journal: str, after: str = "") -> Changes:
        """Give a page of what changed; see the door."""
        with self._transaction("BEGIN") as connection:
            return sqlite_journal.changes(connection, journal, after)

    def degraded(self) -> bool:
        """Never: this form answers from the file or raises."""
        return False

    def close(self) -> None:
        """Close this process's connection; a later call opens a new one."""
        with self._lock:
            self._drop()

    @contextmanager
    def _transaction(self, begin: str = "") -> Iterator[sqlite3.Connection]:
        """Hold the connection for one transaction, all or nothing; any trouble becomes StateUnavailableError.

        Without a word to begin with it is for one statement that only reads, which is a transaction by itself.
        """
        patience = min(self._timeout, budget.current().remaining())
        if patience <= 0:
            raise OutOfTimeError("no time left for the state file")
        if not self._lock.acquire(timeout=patience):
            raise StateUnavailableError(f"{self.backend}: other threads held it for {patience:.2f} s")
        try:
            connection = self._begin(begin, patience)
            yield connection
            if begin:
                connection.execute("COMMIT")
                self._log.written(connection)
        except sqlite3.Error as error:
            self._abandon(error)
            self._heal(error)
            raise self._trouble(error) from error
        except BaseException:
            self._drop()
            raise
        finally:
            self._lock.release()

    def _begin(self, statement: str, patience: float) -> sqlite3.Connection:
        """Open if need be and begin, trying again while another process writes, `patience` seconds in all."""
        end = time.monotonic() + patience
        while True:
            try:
                if self._connection is not None and self._inode != _inode(self._path):
                    self._drop()  # Another process has replaced the file, or an administrator has.
                connection = self._connection or self._opened(max(0.0, end - time.monotonic()))
                if statement:
                    connection.execute(statement)
                return connection
            except sqlite3.OperationalError as error:
                if sqlite_file.plain_code(error) != sqlite3.SQLITE_BUSY or time.monotonic() >= end:
                    raise
            time.sleep(BUSY_PAUSE)

    def _opened(self, patience: float) -> sqlite3.Connection:
        """Open the file for this process; one that turns out to hold nothing of ours is prepared anew the next time."""
        self._make_ready(patience)
        inode = _inode(self._path)
        connection = sqlite_file.connect(self._path)
        try:
            self._keyed = blake2b(digest_size=8, key=sqlite_file.secret(connection))
        except sqlite3.Error:
            connection.close()
            self._prepared = False
            raise
        self._log.opened()
        self._inode, self._connection = inode, connection
        return connection

    def _make_ready(self, patience: float) -> None:
        """Prepare the file, if that was not possible at the start, or if somebody has removed or emptied it since."""
        if self._prepared and sqlite_file.begun(self._path):
            return
        try:
            sqlite_file.prepare(self._path, own=self._own, patience=patience)
        except StateConfigError as error:
            raise StateUnavailableError(f"{self.backend}: {error}") from error
        self._prepared = True

    def _abandon(self, error: sqlite3.Error) -> None:
        """Undo what was begun. With no room left the connection is kept: a new one would need some before it could read.

        One that may not write is not: it was opened while the disk was read-only, and stays so whatever becomes of the disk.
        """
        code = sqlite_file.plain_code(error)
        if self._connection is not None and code in _REFUSALS and code != sqlite3.SQLITE_READONLY:
            with suppress(sqlite3.Error):
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                return
        self._drop()

    def _heal(self, error: sqlite3.Error) -> None:
        """Have a damaged file replaced; the exchange at hand is lost, the next one finds the new file."""
        if sqlite_file.damaged(error):
            try:
                sqlite_file.renew(self._path, own=self._own)
            except (StateConfigError, sqlite3.Error) as trouble:
                raise StateUnavailableError(f"{self.backend}: {trouble}") from error

    def _trouble(self, error: sqlite3.Error) -> StateUnavailableError:
        """Give the door's word for an error of SQLite: refused where the file only takes nothing new."""
        refused = sqlite_file.plain_code(error) in _REFUSALS
        kind = StateRefusedError if refused else StateUnavailableError
        return kind(f"{self.backend}: {sqlite_file.reason(error)}")

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


def _inode(path: Path) -> int:
    """Tell one file of the same name from another; 0 where there is none."""
    try:
        return path.stat().st_ino
    except OSError:
        return 0


def _load(connection: sqlite3.Connection, ids: Sequence[int], now: float) -> dict[int, bytes | None]:
    """Give what lies under the numbers: bytes, or None where they have expired."""
    marks = "),(".join("?" * len(ids))
    # Joined, the numbers are looked up one by one as they are; for IN they would first be sorted into a table.
    rows = connection.execute(f"{_READ} (VALUES ({marks})) CROSS JOIN records ON id = column1", ids)
    return {number: data if expires > now else None for number, expires, data in rows}


def _store(connection: sqlite3.Connection, changed: Mapping[int, tuple[bytes, int]], now: float) -> None:
    """Write what changed, in order of the numbers: neighbours share a page."""
    kept = [(number, int(now) + seconds, data) for number, (data, seconds) in sorted(changed.items()) if seconds]
    connection.executemany(_WRITE, kept)
    if len(kept) < len(changed):
        connection.executemany(_DROP, [(number,) for number, (_, seconds) in changed.items() if not seconds])
