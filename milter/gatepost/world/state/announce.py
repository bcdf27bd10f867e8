"""One line a minute in the log about a store that is away or back, from all workers together.

Every worker finds out by itself; twenty lines that say the same would hide the rest of the log. So the time of the last
line, and whether it said that the store is away, lie in a page that the workers share: it is made before they are forked. A
POSIX record lock guards it, because the kernel takes that back from a worker that is killed.
"""

from __future__ import annotations

import fcntl
import logging
import mmap
import os
import struct
import threading
from typing import Final

from gatepost.world.clock import Clock

EVERY: Final = 60.0
"""Seconds between two lines."""

_NOTE: Final = struct.Struct("<d?")  # when the last line was written (monotonic), and whether it said "away"
_NEVER: Final = -1e300

_log: Final = logging.getLogger(__name__)


class Announcer:
    """What the log says about one store. To be made before the workers are forked."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._file = os.memfd_create("gatepost-state", os.MFD_CLOEXEC)
        os.truncate(self._file, mmap.PAGESIZE)
        self._page = mmap.mmap(self._file, mmap.PAGESIZE)
        self._lock = threading.Lock()
        _NOTE.pack_into(self._page, 0, _NEVER, False)

    def away(self, text: str) -> None:
        """Log that the store is away, unless there was a line within the last minute."""
        self._say(text, away=True)

    def back(self, text: str) -> None:
        """Log that the store is back if the last line said that it is away, and is a minute old; else a later call does."""
        if _NOTE.unpack_from(self._page)[1]:
            self._say(text, away=False)

    def _say(self, text: str, *, away: bool) -> None:
        with self._lock:
            try:
                fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                return  # Another worker is saying it.
            try:
                last, was_away = _NOTE.unpack_from(self._page)
                now = self._clock.monotonic()
                said = now - last >= EVERY and (away or was_away)
                if said:
                    _NOTE.pack_into(self._page, 0, now, away)
            finally:
                fcntl.lockf(self._file, fcntl.LOCK_UN)
        if said:
            _log.warning("state: %s", text)

    def __del__(self) -> None:
        self._page.close()
        os.close(self._file)
