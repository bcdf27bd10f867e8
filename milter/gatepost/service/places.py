"""Where Gatepost keeps its own files, and the site key that lives there."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final

_KEY_BYTES: Final = 32
_KEY_BYTES_MOST: Final = 4096
"""What is read of a key that somebody else made: a worker could leave a file without an end."""

_SYSTEM: Final = Path("/var/lib/gatepost")


def state_directory() -> Path:
    """Give the directory for the embedded state: systemd's `STATE_DIRECTORY`, else the system's, else the user's own.

    Follows the XDG base directory specification for an ordinary user; who has no home has the system's.
    """
    given = os.environ.get("STATE_DIRECTORY", "").split(":")[0]
    if given:
        return Path(given)
    if os.geteuid() == 0:
        return _SYSTEM
    try:
        return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "gatepost"
    except RuntimeError:
        # A number without an account and without $HOME, as containers have it.
        return _SYSTEM


def site_key(directory: Path) -> bytes:
    """Give the key that signs verdict headers; it is made at first use and kept, readable by its owner alone.

    Raises OSError where the directory cannot be written, and for a file that no one but another account can have put there:
    the directory belongs to the workers, and root must not read or write what a worker points it at.
    """
    path = directory / "site.key"
    try:
        return _made(path)
    except FileExistsError:
        key = _kept(path, directory)
    if len(key) >= _KEY_BYTES:
        return key
    # A full disk left it short: nothing was ever signed with it. Never written into, what it is may have changed meanwhile.
    path.unlink()
    return _made(path)


def _made(path: Path) -> bytes:
    key = secrets.token_bytes(_KEY_BYTES)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "wb") as stream:
        stream.write(key)
    return key


def _kept(path: Path, directory: Path) -> bytes:
    """Read the key file: a plain file of one name, of root, ourselves or the account that has the directory."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise OSError(errno.ELOOP, "a symbolic link stands there; remove it", str(path)) from None
        raise
    with os.fdopen(descriptor, "rb") as stream:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:
            raise OSError(errno.EINVAL, "something that is not a file of one name stands there; remove it", str(path))
        if found.st_uid not in {0, os.geteuid(), directory.stat().st_uid}:
            raise OSError(errno.EPERM, "a file of another account stands there; remove it", str(path))
        return stream.read(_KEY_BYTES_MOST)


def hand_over(directory: Path, uid: int, gid: int) -> None:
    """Give the directory and the files in it to the account that the workers become; raises OSError."""
    os.chown(directory, uid, gid)
    for entry in directory.iterdir():
        os.chown(entry, uid, gid, follow_symlinks=False)


def hand_over_file(file: Path, uid: int, gid: int) -> None:
    """Give a state file and its logs to the account that the workers become, where root made them; raises OSError.

    Takes a file anywhere, so what somebody else owns stays theirs, and no link is followed.
    """
    for name in (file, f"{file}-wal", f"{file}-shm"):
        with suppress(FileNotFoundError):
            descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            try:
                found = os.fstat(descriptor)
                if found.st_uid == 0 and stat.S_ISREG(found.st_mode) and found.st_nlink == 1:
                    os.fchown(descriptor, uid, gid)
            finally:
                os.close(descriptor)
