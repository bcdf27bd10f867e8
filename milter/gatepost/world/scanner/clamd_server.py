"""One clamd: asked within bounds, left alone while it is away, and its silence told apart.

After trouble the next scan begins with a PING, and when that is not answered clamd is left alone for a few seconds
(patience.py). Silence has three reasons. clamd answers PING in the thread that takes commands, whatever its scanning threads do, so:

- PING is answered: the scan was slow.
- It is not, and the process at the other end of the unix socket runs: that thread is busy, and what keeps it busy is a
  reload with `ConcurrentDatabaseReload no` (clamd then lets its scans end, throws the old database away, and reads the new
  one). With the default, `yes`, a reload does not show. A queue that is full (MaxQueue) looks the same. Where the process
  cannot be seen, behind TCP or because the service manager hides it, a database that has just changed tells the same if
  clamd's config file can be read.
- It is not, and the process is stopped, or nothing else is known: unreachable.
"""

from __future__ import annotations

import logging
import threading
from typing import Final

import clamd

from gatepost.world import budget
from gatepost.world.clock import Clock
from gatepost.world.scanner.clamd_answer import read_answer, read_version, refused
from gatepost.world.scanner.clamd_conf import ClamdConf
from gatepost.world.scanner.clamd_line import Line, alive, stopped
from gatepost.world.scanner.door import Engine, Reloading, Scan, TimedOut, Trouble, Unreachable, one_line
from gatepost.world.scanner.patience import Patience
from gatepost.world.scanner.settings import Address, Settings, parse_address

log = logging.getLogger(__name__)

PING_SECONDS: Final = 1.0
"""How long a living clamd may take to answer PING or VERSION; it does so in its accepting thread, scans or no scans."""

HEARD_SECONDS: Final = 60.0
"""For so long an answer to VERSION is believed; a new database shows no later than that."""

_LEAST_SECONDS: Final = 0.1
"""How long clamd may at least take to answer PING after a scan that did not end in time. It may take a quarter of what time
the message has left, so that others can still be asked."""

# ValueError: a host name or path that the system cannot even spell.
_BROKEN: Final = (OSError, ValueError, clamd.ClamdError)


class ClamdServer:
    """One clamd at one address; a connection for each scan, safe between threads and across a fork. Never raises."""

    def __init__(self, place: str, settings: Settings, clock: Clock, conf: ClamdConf | None = None) -> None:
        self.place = place
        self.address: Address = parse_address(place)
        self._settings = settings
        self._clock = clock
        self._conf = conf
        self.patience = Patience(settings.retry_seconds, clock)
        self._heard: tuple[float, Engine] | None = None
        self._warned = threading.Event()

    def scan(self, data: bytes, seconds: float) -> Scan:
        """Give clamd's answer on these bytes within so many seconds."""
        patience = self.patience
        if (away := patience.away) is not None:
            return away
        if patience.suspect and (silence := self._silence(min(seconds, PING_SECONDS))) is not None:
            return patience.note(silence, gone=True)
        line = Line(self.address, min(seconds, self._settings.connect_seconds), seconds)
        try:
            reply = line.stream(data)
        except TimeoutError:
            return self.late() if line.connected else patience.note(Unreachable("clamd takes no connection"), gone=True)
        except _BROKEN as error:
            return patience.note(Unreachable(one_line(error)), gone=not line.connected)
        if not reply:
            return patience.note(Unreachable("clamd hung up without an answer"), gone=False)
        patience.well()
        if self._heard and not self._heard[1].version:
            self._heard = None
        return self.read(reply, len(data))

    def read(self, reply: bytes, size: int) -> Scan:
        """Tell an answer line to a scan of so many bytes apart."""
        if refused(reply) and not self._warned.is_set():
            self._warned.set()
            log.warning(
                "clamd at %s refused %d bytes: its StreamMaxLength is below [virus] max_bytes (%d)",
                self.place, size, self._settings.max_bytes,
            )  # fmt: skip
        return read_answer(reply, self._settings.heuristics)

    def late(self) -> Trouble:
        """Say why no answer to a scan came in time."""
        silence = self._silence(max(_LEAST_SECONDS, min(PING_SECONDS, budget.current().remaining() / 4)))
        if silence is not None:
            return self.patience.note(silence, gone=True)
        return self.patience.note(TimedOut("clamd did not finish in time"), gone=False)

    def _silence(self, seconds: float) -> Trouble | None:
        """Give None for a clamd that answers within so many seconds, else what its silence means."""
        line = Line(self.address, seconds, seconds)
        try:
            if line.version():
                return None
        except TimeoutError:
            if stopped(line.peer):
                return Unreachable("the process of clamd is stopped")
            if alive(line.peer) or (self._conf and self._conf.reloads(self._clock.now())):
                return Reloading("clamd runs and takes no commands, as it does while it reloads its database")
        except _BROKEN as error:
            return Unreachable(one_line(error))
        return Unreachable("clamd does not answer PING")

    def engine(self) -> Engine:
        """Ask clamd what it is; without a version when it does not answer within PING_SECONDS or the message's time."""
        seconds = max(_LEAST_SECONDS, min(PING_SECONDS, budget.current().remaining()))
        try:
            version = Line(self.address, seconds, seconds).version()
        except _BROKEN:
            version = ""
        found = read_version(self.place, version) if version else Engine(self.place)
        self._heard = (self._clock.monotonic() + HEARD_SECONDS, found)
        return found

    def heard(self) -> Engine:
        """Give what it said of itself within the last minute, or that it said nothing; one that is away is not asked."""
        heard = self._heard
        if heard and self._clock.monotonic() < heard[0]:
            return heard[1]
        return self.engine() if self.patience.trusted else Engine(self.place)

    def stream_limit(self, most: int) -> int | None:
        """Give the bytes of the longest stream that clamd takes, `most` if it takes that; None when it does not answer.

        Found by announcing lengths, to a kilobyte.
        """
        try:
            if self._takes(most):
                return most
            low, high = 0, most
            while high - low > 1_024:
                middle = (low + high) // 2
                low, high = (middle, high) if self._takes(middle) else (low, middle)
        except _BROKEN:
            return None
        return low

    def _takes(self, size: int) -> bool:
        return Line(self.address, PING_SECONDS, PING_SECONDS).takes(size)
