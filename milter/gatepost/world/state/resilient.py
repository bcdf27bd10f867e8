"""State that always answers: the shared store while it is there, this worker's memory while it is not.

A store that is slow or down must not hold up mail, and must not be asked again by every message. So this is a circuit
breaker (Nygard, "Release It!", 2007): one failure opens it; while it is open local memory answers at once; after a pause
one caller, and only one, tries the store again; each failed try doubles the pause, up to PAUSE_MAX; one success closes it.
What the workers counted by themselves meanwhile is not carried over: the store's own memory is the better one.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from gatepost.world.clock import Clock
from gatepost.world.state.door import (
    Answer,
    Ask,
    Asking,
    Changes,
    Entry,
    JournalError,
    OutOfTimeError,
    State,
    StateUnavailableError,
)

PAUSE: Final = 1.0
"""Seconds from the first failure to the next try."""

PAUSE_MAX: Final = 30.0
"""Seconds between two tries at most: so long does it take at worst to notice that the store is back."""

LOG_EVERY: Final = 60.0
"""Seconds between two log lines about the store being away."""

_log: Final = logging.getLogger(__name__)
_T = TypeVar("_T")


class ResilientState(Asking):
    """The state door that never raises StateUnavailableError; `degraded()` tells where the last answer came from.

    Journals are the exception: this worker's memory knows nothing of what others wrote into them.
    """

    def __init__(self, primary: State, local: State, clock: Clock) -> None:
        self._primary = primary
        self._local = local
        self._clock = clock
        self._lock = threading.Lock()
        self._retry_at: float | None = None  # None: closed, the store is asked.
        self._pause = PAUSE
        self._logged_at: float | None = None
        self._told = False
        self._here = threading.local()

    @property
    def backend(self) -> str:
        """The store's own words, and that it is away while it is."""
        return self._primary.backend if self._retry_at is None else f"memory ({self._primary.backend} does not answer)"

    def exchange(self, asks: Sequence[Ask]) -> list[Answer]:
        """Answer a list of asks, from the store or from local memory; see the door."""
        try:
            answers = self._store_alone(lambda state: state.exchange(asks))
        except StateUnavailableError:
            self._here.local = True
            return self._local.exchange(asks)
        self._here.local = False
        return answers

    def note(self, journal: str, entries: Sequence[Entry]) -> list[bool]:
        """Write records or take them back; raises StateUnavailableError while the store is away."""
        return self._store_alone(lambda state: state.note(journal, entries))

    def changes(self, journal: str, after: str = "") -> Changes:
        """Give a page of what changed; raises StateUnavailableError while the store is away."""
        return self._store_alone(lambda state: state.changes(journal, after))

    def degraded(self) -> bool:
        """Say whether the last answer given to this thread came from local memory."""
        return bool(getattr(self._here, "local", False))

    def close(self) -> None:
        """Close both."""
        self._primary.close()
        self._local.close()

    def _store_alone(self, ask: Callable[[State], _T]) -> _T:
        """Ask the store if it is its turn; raises StateUnavailableError if not, or if it does not answer."""
        trial = self._retry_at is not None
        if not self._may_ask():
            raise StateUnavailableError(f"{self._primary.backend} does not answer")
        try:
            answer = ask(self._primary)
        except (OutOfTimeError, JournalError):
            # The message's trouble or the journal's, not the store's: the next message may ask.
            self._retry_soon()
            raise
        except StateUnavailableError as error:
            self._failed(error, trial=trial)
            raise
        self._answered()
        return answer

    def _may_ask(self) -> bool:
        """Say whether this call goes to the store; while it is away one caller per pause does."""
        with self._lock:
            if self._retry_at is None:
                return True
            now = self._clock.monotonic()
            if now < self._retry_at:
                return False
            self._retry_at = now + self._pause  # The others wait until this try is over.
            return True

    def _retry_soon(self) -> None:
        with self._lock:
            if self._retry_at is not None:
                self._retry_at = self._clock.monotonic()

    def _failed(self, error: StateUnavailableError, *, trial: bool) -> None:
        with self._lock:
            now = self._clock.monotonic()
            # Callers that were under way when the store went say nothing new: only a failed trial lengthens the pause.
            self._pause = min(PAUSE_MAX, self._pause * 2) if trial else PAUSE
            self._retry_at = now + self._pause
            tell = self._logged_at is None or now - self._logged_at >= LOG_EVERY
            if tell:
                self._logged_at, self._told = now, True
        if tell:
            _log.warning("state: %s; this worker goes on with its own memory, verdicts are marked degraded", error)

    def _answered(self) -> None:
        if self._retry_at is None:
            return
        with self._lock:
            self._retry_at = None
            tell, self._told = self._told, False
        if tell:
            _log.warning("state: %s answers again", self._primary.backend)
