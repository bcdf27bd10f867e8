"""Where Gatepost keeps its own files, and the site key that lives there."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Final

_KEY_BYTES: Final = 32
_SYSTEM: Final = Path("/var/lib/gatepost")


def state_directory() -> Path:
    """Give the directory for the embedded state: systemd's `STATE_DIRECTORY`, else the system's, else the user's own.

    Follows the XDG base directory specification for an ordinary user.
    """
    given = os.environ.get("STATE_DIRECTORY", "").split(":")[0]
    if given:
        return Path(given)
    if os.geteuid() == 0:
        return _SYSTEM
    base = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(base) / "gatepost"


def site_key(directory: Path) -> bytes:
    """Give the key that signs verdict headers; it is made at first use and kept, readable by its owner alone.

    Raises OSError where the directory cannot be written.
    """
    path = directory / "site.key"
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        key = path.read_bytes()
        if len(key) >= _KEY_BYTES:
            return key
        descriptor = os.open(path, os.O_WRONLY | os.O_TRUNC)
    key = secrets.token_bytes(_KEY_BYTES)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(key)
    return key


def hand_over(directory: Path, uid: int, gid: int) -> None:
    """Give the directory and the files in it to the account that the workers become; raises OSError."""
    os.chown(directory, uid, gid)
    for entry in directory.iterdir():
        os.chown(entry, uid, gid, follow_symlinks=False)
