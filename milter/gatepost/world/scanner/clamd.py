"""The virus scanner door over clamd: one, or several that stand in for one another.

Several are tried in their order until one answers; what one says about a message (malware, a suspicion, over a limit, an
error on this very file) is an answer and no reason to ask the next. Those left to try share what time there is, so that a
frozen one leaves some to the others.
"""

from __future__ import annotations

import itertools
from typing import Final

from gatepost.world import budget
from gatepost.world.clock import Clock, SystemClock
from gatepost.world.scanner.clamd_conf import read_conf
from gatepost.world.scanner.clamd_server import ClamdServer
from gatepost.world.scanner.clamd_stream import ClamdStream, OpenStreams
from gatepost.world.scanner.door import Engine, OverLimit, Reloading, Scan, TimedOut, Unreachable
from gatepost.world.scanner.head_start import head_start
from gatepost.world.scanner.settings import Settings

_NO_ANSWER: Final = (Reloading, TimedOut, Unreachable)


class ClamdScanner:
    """The scanner door over clamd; safe between threads and across a fork. Takes settings with a `clamd`. Never raises."""

    name: Final = "clamd"

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        self._settings = settings
        clock = clock or SystemClock()
        self.conf = read_conf(settings.clamd_conf, settings.clamd)
        self.servers = tuple(ClamdServer(place, settings, clock, self.conf) for place in settings.clamd)
        self._turn = itertools.count()
        self._open = OpenStreams()

    @property
    def max_bytes(self) -> int:
        """[virus] max_bytes, or what clamd's own config file says it leaves unread without a word, if that is less."""
        return min(self._settings.max_bytes, self.conf.unread_beyond) if self.conf else self._settings.max_bytes

    def scan(self, data: bytes) -> Scan:
        """Give clamd's answer on these bytes within the message's budget; a scan that has a head start is ended."""
        if len(data) > self.max_bytes:
            return OverLimit(f"the limit of {self.max_bytes:,} bytes")
        early = head_start().finish(data, self._seconds(len(self.servers)))
        if early is None or (isinstance(early, _NO_ANSWER) and len(self.servers) > 1):
            return self._ask(data)
        return early

    def _ask(self, data: bytes) -> Scan:
        """Ask one clamd after the other until one answers; the first trouble is what is told when none does."""
        trouble: Scan | None = None
        servers = self._in_turn()
        for number, server in enumerate(servers):
            seconds = self._seconds(len(servers) - number)
            answer = server.scan(data, seconds) if seconds > 0 else TimedOut("no time left for the virus scan")
            if not isinstance(answer, _NO_ANSWER):
                return answer
            trouble = trouble or answer
        return trouble or Unreachable("no clamd is configured")

    def _seconds(self, shares: int) -> float:
        """Give how long one clamd may take when so many are left to share the message's time."""
        return min(self._settings.timeout_seconds, budget.current().remaining() / max(1, shares))

    def _in_turn(self) -> tuple[ClamdServer, ...]:
        """Give the servers in the order in which they are asked now."""
        first = next(self._turn) % len(self.servers) if self._settings.clamd_rotate else 0
        return self.servers[first:] + self.servers[:first]

    def engines(self) -> tuple[Engine, ...]:
        """Ask each clamd what it is."""
        return tuple(server.engine() for server in self.servers)

    def heard(self) -> tuple[Engine, ...]:
        """Give what each said of itself within the last minute."""
        return tuple(server.heard() for server in self.servers)

    def begin(self) -> ClamdStream | None:
        """Begin a stream to the first clamd that nothing is amiss with; None where none is, or enough are open."""
        if not self._settings.early:
            return None
        server = next((server for server in self._in_turn() if server.patience.trusted), None)
        return ClamdStream.open(server, self._open, self.max_bytes) if server else None
