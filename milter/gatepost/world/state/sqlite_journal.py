"""Journals in the SQLite file; the caller holds the transaction. See `journal` for what the numbers mean.

The row of a journal counts its records and their bytes, so that keeping to the bounds never reads the whole table.
"""

from __future__ import annotations

import sqlite3
from typing import Final

from gatepost.mail import limits
from gatepost.world.state.door import Changes, Entry
from gatepost.world.state.journal import Position, begin, new_epoch, position

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS journals (
  name TEXT NOT NULL PRIMARY KEY, epoch TEXT NOT NULL, last INTEGER NOT NULL, floor INTEGER NOT NULL,
  live INTEGER NOT NULL, bytes INTEGER NOT NULL, dead INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS entries (
  journal TEXT NOT NULL, number INTEGER NOT NULL, id TEXT NOT NULL, data BLOB);
CREATE UNIQUE INDEX IF NOT EXISTS entries_number ON entries (journal, number);
CREATE UNIQUE INDEX IF NOT EXISTS entries_id ON entries (journal, id);
CREATE INDEX IF NOT EXISTS entries_dead ON entries (journal, number) WHERE data IS NULL;
"""

_COUNT: Final = "UPDATE journals SET live = live + ?, bytes = bytes + ?, dead = dead + ? WHERE name = ?"
_NEXT: Final = "UPDATE journals SET last = last + 1 WHERE name = ? RETURNING last"
_SET: Final = (
    "INSERT INTO entries (journal, number, id, data) VALUES (?, ?, ?, ?) ON CONFLICT (journal, id) DO UPDATE "
    "SET number = excluded.number, data = excluded.data"
)
_OLDEST: Final = "SELECT id, length(data) FROM entries WHERE journal = ? AND data IS NOT NULL ORDER BY number LIMIT 1"


def note(connection: sqlite3.Connection, journal: str, entry: Entry) -> bool:
    """Write one record or take it back; says whether one of its id was there."""
    old = connection.execute(
        "SELECT length(data) FROM entries WHERE journal = ? AND id = ?", (journal, entry.id)
    ).fetchone()
    there = old is not None and old[0] is not None
    if entry.data is None:
        if there:
            _bury(connection, journal, entry.id, old[0])
        return there
    connection.execute("INSERT OR IGNORE INTO journals VALUES (?, ?, 0, 0, 0, 0, 0)", (journal, new_epoch()))
    _write(connection, journal, entry.id, entry.data)
    more = len(entry.data) - (old[0] if there else 0)
    dead = -1 if old is not None and not there else 0
    connection.execute(_COUNT, (0 if there else 1, more, dead, journal))
    while _over(connection, journal):
        _bury(connection, journal, *connection.execute(_OLDEST, (journal,)).fetchone())
    return there


def _write(connection: sqlite3.Connection, journal: str, name: str, data: bytes | None) -> None:
    # Read to its end: a statement with RETURNING that is left open would keep the transaction from ending.
    ((number,),) = connection.execute(_NEXT, (journal,)).fetchall()
    connection.execute(_SET, (journal, number, name, data))


def _over(connection: sqlite3.Connection, journal: str) -> bool:
    """Say whether a journal is past its bounds."""
    live, size = connection.execute("SELECT live, bytes FROM journals WHERE name = ?", (journal,)).fetchone()
    return bool(live > limits.JOURNAL_ENTRIES or size > limits.JOURNAL_BYTES)


def _bury(connection: sqlite3.Connection, journal: str, name: str, size: int) -> None:
    """Keep the id alone of a record that is taken back, and of those the youngest."""
    _write(connection, journal, name, None)
    connection.execute(_COUNT, (-1, -size, 1, journal))
    (dead,) = connection.execute("SELECT dead FROM journals WHERE name = ?", (journal,)).fetchone()
    if dead > limits.JOURNAL_RETRACTED:
        dropped = connection.execute(
            "DELETE FROM entries WHERE journal = ? AND number = "
            "(SELECT min(number) FROM entries WHERE journal = ? AND data IS NULL) RETURNING number",
            (journal, journal),
        ).fetchall()
        connection.execute(_COUNT, (0, 0, -1, journal))
        connection.execute("UPDATE journals SET floor = ? WHERE name = ?", (dropped[0][0], journal))


def changes(connection: sqlite3.Connection, journal: str, after: str) -> Changes:
    """Give a page of what changed; see the door."""
    row = connection.execute("SELECT epoch, floor FROM journals WHERE name = ?", (journal,)).fetchone()
    if row is None:
        return Changes((), "", anew=True, more=False)
    start, anew = begin(position(after), *row)
    rows = connection.execute(
        "SELECT number, id, data FROM entries WHERE journal = ? AND number > ? AND typeof(number) = 'integer' ORDER BY number LIMIT ?",
        (journal, start.number, limits.JOURNAL_PAGE + 1),
    ).fetchall()
    page = rows[: limits.JOURNAL_PAGE]
    reached = page[-1][0] if page else start.number
    return Changes(
        tuple(Entry(str(name), _data(data)) for _, name, data in page),
        str(Position(start.epoch, start.floor, reached)),
        anew=anew,
        more=len(rows) > len(page),
    )


def _data(found: object) -> bytes | None:
    """Give a record's bytes; SQLite may hold another type in any column, and somebody else may have written it."""
    return found if found is None or isinstance(found, bytes) else str(found).encode("utf-8", "replace")
