"""The SQLite file itself: making it, recognising it, opening it for one process.

All records but journals lie in one table, under a number: the kind of record in the top bits, and below it a hash of the
record's place, keyed with a secret of the file's own. So a look-up compares integers, a row is as small as its bytes, and
who reads the file finds no names in it. Two places of 250,000 meet under one number with a chance of 3 in 10^8.

A damaged file is moved aside, as `<name>.broken` (one, the last), and an empty one takes its place: what is remembered makes
verdicts sharper, it is not worth standing still for. Only a file that is Gatepost's beyond doubt is moved: by the mark in
its header, or because it is the embedded one in the state directory. For the same reason a full disk or a locked file
refuses no start: that is trouble which passes.

Root may open the file in a folder that belongs to the workers' account. So a symbolic link is never followed: it could
lead anywhere.
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import secrets
import sqlite3
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final

from gatepost.world.state import sqlite_journal
from gatepost.world.state.door import StateConfigError, StateUnavailableError

PAGE: Final = 1_024
"""Bytes of a page in a new file. Each record of a message lies in another page, and all of these go into the log whole: with a
quarter of SQLite's usual size that is cheaper (tests/bench/bench_state.py), and a file of the largest values is smaller."""

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


_DAMAGED: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_PASSING: Final = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_PROTOCOL,
    }
)
_LASTING: Final = frozenset(
    {
        errno.EACCES,
        errno.EPERM,
        errno.ENOENT,
        errno.EEXIST,
        errno.ENOTDIR,
        errno.EISDIR,
        errno.ELOOP,
        errno.ENAMETOOLONG,
        errno.EINVAL,
    }
)
"""What the system says to a path that is wrong; everything else may pass: no space, no descriptors, a disk that fails."""

_MARK: Final = 68  # where the application id stands in the header (sqlite.org/fileformat.html, 1.3.14)
_MAGIC: Final = b"SQLite format 3\0"

_log: Final = logging.getLogger(__name__)


def damaged(error: sqlite3.Error) -> bool:
    """Say whether an error means that the file is damaged."""
    return plain_code(error) in _DAMAGED


def plain_code(error: sqlite3.Error) -> int:
    """Give the plain code of an error, its low byte; 0 for one of the module's own, which carries none."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def prepare(path: Path, *, patience: float, own: bool = False) -> None:
    """Create a file and its tables if need be, or see that it is ours; one that is damaged is replaced where it is ours.

    `own`: whatever lies there is ours, and its folder is made. `patience` is in seconds. Raises StateConfigError for what
    can never work and StateUnavailableError for what may pass, each one line.
    """
    if own:
        _make_folder(path.parent)
    try:
        _prepare(path, patience)
    except _DamagedError as error:
        if not (own or _marked(path)):
            raise
        _set_aside(path, str(error))
        _prepare(path, patience)


def _trouble(what: str, path: Path, error: OSError | sqlite3.Error) -> StateConfigError | StateUnavailableError:
    """Give the door's word for an error of the system or of SQLite; `what` failed is said of a path."""
    what = f"{what} {path}"
    text = f"{what}: {reason(error)}"
    if isinstance(error, OSError):
        return StateConfigError(text) if error.errno in _LASTING else StateUnavailableError(text)
    if damaged(error):
        return _DamagedError(text)
    if plain_code(error) == sqlite3.SQLITE_CANTOPEN and on_a_read_only_disk(path):
        # SQLite cannot make its log there, and says no more than that it cannot open.
        return StateUnavailableError(f"{what}: {os.strerror(errno.EROFS)}")
    return StateUnavailableError(text) if plain_code(error) in _PASSING else StateConfigError(text)


def on_a_read_only_disk(path: Path) -> bool:
    """Say whether the disk of a file or folder takes nothing just now, as the system mounts one that had errors."""
    try:
        return bool(os.statvfs(path).f_flag & os.ST_RDONLY)
    except OSError:
        return False


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise _trouble("cannot create the state directory", folder, error) from error


class _DamagedError(StateConfigError):
    """The file is no database, or not a sound one."""


def renew(path: Path, *, own: bool = False) -> None:
    """Replace a file that turned out to be damaged at work, unless another process has done so already.

    To be called without a connection to it. Raises StateConfigError, one line, where it is not ours or cannot be replaced.
    """
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        if _sound(path):
            return
        if not (own or _marked(path)):
            raise StateConfigError(f"cannot use the state file {path}: it is damaged")
        _set_aside(path, "it was damaged")
        _prepare(path, OPENING_SECONDS)
    except OSError as error:
        raise StateConfigError(f"cannot replace the state file {path}: {reason(error)}") from error
    finally:
        os.close(folder)


def _sound(path: Path) -> bool:
    """Look through the whole file."""
    try:
        connection = connect(path)
    except sqlite3.Error as error:
        return not damaged(error)
    try:
        return bool(connection.execute("PRAGMA quick_check(1)").fetchone() == ("ok",))
    except sqlite3.Error as error:
        return not damaged(error)
    finally:
        connection.close()


def _marked(path: Path) -> bool:
    """Say whether a file bears Gatepost's mark in a header of SQLite's."""
    with path.open("rb") as file:
        header = file.read(100)
    return header.startswith(_MAGIC) and header[_MARK : _MARK + 4] == _APPLICATION.to_bytes(4, "big")


def _set_aside(path: Path, why: str) -> None:
    """Move a file and its logs out of the way; those that an earlier one left there are gone then."""
    for suffix in ("-wal", "-shm", ""):
        source, target = Path(f"{path}{suffix}"), Path(f"{path}.broken{suffix}")
        try:
            source.replace(target)
        except FileNotFoundError:
            target.unlink(missing_ok=True)
    _log.error("state: the file %s begins anew, empty (%s); the old one lies in %s.broken", path, why, path)


def _prepare(path: Path, patience: float) -> None:
    try:
        made = _create(path)
        # SQLite itself creates nothing here: it would follow a link.
        connection = sqlite3.connect(_existing(path), uri=True, timeout=patience, isolation_level=None)
    except (OSError, sqlite3.Error) as error:
        raise _trouble("cannot open the state file", path, error) from error
    try:
        _adopt(connection, path)
    except sqlite3.Error as error:
        if made:
            _take_back(path)
        raise _trouble("cannot use the state file", path, error) from error
    finally:
        connection.close()


def _create(path: Path) -> bool:
    """Create the file where there is none, readable for its owner only: who writes to whom is nobody else's business.

    Gives whether it did. An existing file is looked at and not opened: closing it here would drop the locks of this process's own
    connection (sqlite.org/howtocorrupt.html, 2.2). SQLite gives its log files the same mode.
    """
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        mode = path.lstat().st_mode
        if stat.S_ISREG(mode):
            return False
        kind = "a symbolic link" if stat.S_ISLNK(mode) else "a directory" if stat.S_ISDIR(mode) else "no regular file"
        raise StateConfigError(f"cannot open the state file {path}: it is {kind}") from None
    return True


def _take_back(path: Path) -> None:
    """Remove a file that was created and never held anything."""
    with suppress(OSError):
        if path.stat().st_size == 0:
            path.unlink()


def begun(path: Path) -> bool:
    """Say whether a file is there and holds anything."""
    try:
        return path.stat().st_size > 0
    except OSError:
        return False


def _existing(path: Path) -> str:
    """Give the URI by which SQLite opens a file and never creates one."""
    return f"{path.as_uri()}?mode=rw"


def connect(path: Path) -> sqlite3.Connection:
    """Open an existing, prepared file for this process; never creates one."""
    # One thread at a time uses it, under the lock; which thread that is does not matter to SQLite.
    connection = sqlite3.connect(_existing(path), uri=True, timeout=0, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA wal_autocheckpoint = 0")  # see sqlite_log
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
    connection.execute(f"PRAGMA page_size = {PAGE}")  # without effect on a file that has its pages already
    connection.execute("PRAGMA journal_mode = WAL")
    if version < _VERSION:
        # All or nothing: a file whose version is right has a secret, whenever the disk became full.
        fresh = f"INSERT INTO secret SELECT x'{secrets.token_hex(32)}' WHERE NOT EXISTS (SELECT 1 FROM secret);"  # noqa: S608
        connection.executescript(f"BEGIN IMMEDIATE;{_SCHEMA}{fresh}COMMIT;")


def reason(error: Exception) -> str:
    """Give an error's reason in one line."""
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(text.split()) or type(error).__name__
