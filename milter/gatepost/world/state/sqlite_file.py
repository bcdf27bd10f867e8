"""The SQLite file itself: making it, recognising it, opening it for one process.

All records but journals lie in one table, under a number: the kind of record in the top bits, and below it a hash of the
record's place, keyed with a secret of the file's own. So a look-up compares integers, a row is as small as its bytes, and
who reads the file finds no names in it. Two places of 250,000 meet under one number with a chance of 3 in 10^8.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Final

from gatepost.world.state import sqlite_journal
from gatepost.world.state.door import StateConfigError

CHECKPOINT_PAGES: Final = 8_000
"""Pages (32 MB) of the log before they are moved into the file, by whoever wrote the last one: it waits for the disk, some
10 ms. With SQLite's default of 1,000 one message in a hundred waited."""

OPENING_SECONDS: Final = 5.0
"""How long the first opening (creating tables, recovering a log) may wait for another process."""

_APPLICATION: Final = 0x47504F53  # "GPOS": tells Gatepost's file from another program's database.
_VERSION: Final = 3

# Until version 2 rates and tallies lay in tables under their names; the journals are the same.
_SCHEMA: Final = f"""
DROP TABLE IF EXISTS slots;
DROP TABLE IF EXISTS tallies;
CREATE TABLE IF NOT EXISTS records (id INTEGER PRIMARY KEY, expires INTEGER NOT NULL, data BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS secret (bytes BLOB NOT NULL);
{sqlite_journal.SCHEMA}PRAGMA application_id = {_APPLICATION};
PRAGMA user_version = {_VERSION};
"""


def prepare(path: Path) -> None:
    """Create a file and its tables if need be, or see that it is ours; raises StateConfigError, one line."""
    if path.is_dir():
        raise StateConfigError(f"cannot open the state file {path}: it is a directory")
    try:
        _create(path)
        connection = sqlite3.connect(path, timeout=OPENING_SECONDS, isolation_level=None)
    except (OSError, sqlite3.Error) as error:
        raise StateConfigError(f"cannot open the state file {path}: {reason(error)}") from error
    try:
        _adopt(connection, path)
    except sqlite3.Error as error:
        raise StateConfigError(f"cannot use the state file {path}: {reason(error)}") from error
    finally:
        connection.close()


def _create(path: Path) -> None:
    """Create the file where there is none, readable for its owner only: who writes to whom is nobody else's business.

    An existing file is not touched: closing it here would drop the locks of this process's own connection
    (sqlite.org/howtocorrupt.html, 2.2). SQLite gives its log files the same mode.
    """
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


def connect(path: Path) -> sqlite3.Connection:
    """Open an existing, prepared file for this process; never creates one."""
    location = f"{path.as_uri()}?mode=rw"
    # One thread at a time uses it, under the lock; which thread that is does not matter to SQLite.
    connection = sqlite3.connect(location, uri=True, timeout=0, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
    return connection


def secret(connection: sqlite3.Connection) -> bytes:
    """Give the secret with which places are hashed in this file."""
    (found,) = connection.execute("SELECT bytes FROM secret").fetchone()
    return bytes(found)


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
        connection.execute(
            "INSERT INTO secret SELECT ? WHERE NOT EXISTS (SELECT 1 FROM secret)", (secrets.token_bytes(32),)
        )


def reason(error: Exception) -> str:
    """Give an error's reason in one line."""
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(text.split()) or type(error).__name__
