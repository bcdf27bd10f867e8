"""How long trouble with a scanner is remembered: nobody there is left alone for a while, one that faltered is asked first.

A scanner that is down must not cost every message its time limit. One that was merely slow on one file is asked on, after a
quick question whether it is there at all, or else a sender could switch the scanner off with a slow file.
"""

from __future__ import annotations

from gatepost.world.clock import Clock
from gatepost.world.scanner.door import Reloading, Trouble, Unreachable


class Patience:
    """What is held against one scanner just now. Safe between threads: at worst two of them ask a dead scanner at once."""

    def __init__(self, retry_seconds: float, clock: Clock) -> None:
        self._retry_seconds = retry_seconds
        self._clock = clock
        # Each is written and read as one reference, so threads need no lock.
        self._away: tuple[float, Trouble] | None = None
        self.suspect = False

    @property
    def away(self) -> Trouble | None:
        """Why it is left alone just now, or None."""
        away = self._away
        if away is None or self._clock.monotonic() >= away[0]:
            return None
        why = f"{away[1].reason}; not tried again yet"
        return Reloading(why) if isinstance(away[1], Reloading) else Unreachable(why)

    @property
    def trusted(self) -> bool:
        """Whether nothing was amiss lately."""
        return not self.suspect and self.away is None

    def note(self, trouble: Trouble, *, gone: bool) -> Trouble:
        """Remember trouble, and give it back: who is `gone` is left alone, any other has to answer a question first."""
        self.suspect = True
        if gone:
            self._away = (self._clock.monotonic() + self._retry_seconds, trouble)
        return trouble

    def well(self) -> None:
        """Hold nothing against it any more: it answered."""
        self.suspect = False
