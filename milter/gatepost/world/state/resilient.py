"""State that always answers: the shared store while it is there, this worker's memory while it is not.

A store that is slow or down must not hold up mail, and must not be asked again by every message. So this is a circuit
breaker (Nygard, "Release It!", 2007): one failure opens it, or slow answers in a row; while it is open local memory
answers at once; after a pause one caller, and only one, tries the store again; each failed try doubles the pause, up to a
bound; one success closes it. Where the store hung up in the middle of an exchange the first try comes without a pause. What
the workers counted by themselves meanwhile is not carried over: the store's own memory is the better one.

A store that answers and takes nothing new (out of memory, a full disk, a replica) is *half open*: what it remembers
is still asked for, what would be written goes to local memory, and only an exchange that writes can be the next try. All of
these answers are marked degraded, because the store grows old.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from enum import Enum, auto
from typing import Final, TypeVar

from gatepost.world.clock import Clock
from gatepost.world.state.announce import Announcer
from gatepost.world.state.door import (
    Answer,
    Ask,
    Asking,
    Changes,
    Entry,
    JournalError,
    OutOfTimeError,
    State,
    StateCutOffError,
    StateRefusedError,
    StateUnavailableError,
)

PAUSE: Final = 1.0
"""Seconds from the first failure to the next try."""

PAUSE_MAX: Final = 30.0
"""Seconds between two tries at most: so long does it take at worst to notice that the store is back."""

SLOW: Final = 0.1
"""Seconds from which an answer is slow: a hundred times what a store takes that is well."""

SLOW_TOTAL: Final = 0.25
"""Seconds of slow answers in a row that open the breaker: more than one hiccup, and no more than one message should lose. Of
answers that several threads wait for at once each second counts once: it is one hiccup."""

WHY: Final = 200
"""Letters of a reason that are kept: it comes from the server."""

_T = TypeVar("_T")


class _Circuit(Enum):
    """Who answers."""

    CLOSED = auto()  # the store
    HALF_OPEN = auto()  # the store what only looks, local memory the rest
    OPEN = auto()  # local memory


class ResilientState(Asking):
    """The state door that never raises StateUnavailableError; `degraded()` tells where the last answer came from.

    Journals are the exception: this worker's memory knows nothing of what others wrote into them. `pause_max` is in seconds. To a
    `patient` caller, who holds up no mail, a slow store is as good as any.
    """

    def __init__(
        self, primary: State, local: State, clock: Clock, *, pause_max: float = PAUSE_MAX, patient: bool = False
    ) -> None:
        self._primary = primary
        self._local = local
        self._clock = clock
        self._patient = patient
        self._lock = threading.Lock()
        self._circuit = _Circuit.CLOSED
        self._retry_at = 0.0
        self._first_pause, self._pause_max = min(PAUSE, pause_max), pause_max
        self._pause = self._first_pause
        self._slow = 0.0  # seconds of slow answers in a row
        self._slow_until = 0.0  # when the last of them came
        self._why = ""  # the last failure, for people
        self._announcer = Announcer(clock)
        self._here = threading.local()

    def begin_without(self, error: StateUnavailableError) -> None:
        """Take note, before the first question, that the store is away."""
        self._failed(error)

    @property
    def backend(self) -> str:
        """The store's own words, and that it is away, and why, or takes nothing new while that is so."""
        match self._circuit:
            case _Circuit.CLOSED:
                return self._primary.backend
            case _Circuit.HALF_OPEN:
                return f"{self._primary.backend} (takes nothing new)"
            case _Circuit.OPEN:
                return f"memory ({self._silence})"

    @property
    def _silence(self) -> str:
        return f"{self._primary.backend} does not answer{f': {self._why}' if self._why else ''}"

    def exchange(self, asks: Sequence[Ask]) -> list[Answer]:
        """Answer a list of asks, from the store or from local memory; see the door."""
        if self._circuit is _Circuit.CLOSED or self._may_ask(writes=any(ask.writes for ask in asks)):
            try:
                answers = self._try(lambda state: state.exchange(asks))
            except StateUnavailableError:
                pass
            else:
                self._here.local = False
                return answers
        self._here.local = True
        return self._apart(asks) if self._circuit is _Circuit.HALF_OPEN else self._local.exchange(asks)

    def _apart(self, asks: Sequence[Ask]) -> list[Answer]:
        """Ask the store what only looks, and local memory the rest."""
        looks = [ask for ask in asks if not ask.writes]
        try:
            looked = iter(self._look(lambda state: state.exchange(looks)) if looks else ())
        except StateUnavailableError:
            return self._local.exchange(asks)
        rest = iter(self._local.exchange([ask for ask in asks if ask.writes]))
        return [next(rest) if ask.writes else next(looked) for ask in asks]

    def note(self, journal: str, entries: Sequence[Entry]) -> list[bool]:
        """Write records or take them back; raises StateUnavailableError while the store is away."""
        return self._store_alone(lambda state: state.note(journal, entries), writes=True)

    def changes(self, journal: str, after: str = "") -> Changes:
        """Give a page of what changed; raises StateUnavailableError while the store is away."""
        if self._circuit is _Circuit.HALF_OPEN:
            return self._look(lambda state: state.changes(journal, after))
        return self._store_alone(lambda state: state.changes(journal, after), writes=False)

    def degraded(self) -> bool:
        """Say whether the last answer given to this thread came from local memory."""
        return bool(getattr(self._here, "local", False))

    def close(self) -> None:
        """Close both."""
        self._primary.close()
        self._local.close()

    def _look(self, ask: Callable[[State], _T]) -> _T:
        """Ask a store that takes nothing new what only looks, and leave it alone where it does not answer that either, or slowly."""
        begun = self._clock.monotonic()
        try:
            answer = ask(self._primary)
        except (OutOfTimeError, JournalError):
            raise
        except StateUnavailableError as error:
            self._failed(error)
            raise
        self._weighed(begun, trial=False)
        return answer

    def _store_alone(self, ask: Callable[[State], _T], *, writes: bool) -> _T:
        """Ask the store if it is its turn; raises StateUnavailableError if not, or if it does not answer."""
        if not self._may_ask(writes=writes):
            raise StateUnavailableError(self._silence)
        return self._try(ask)

    def _may_ask(self, *, writes: bool) -> bool:
        """Say whether this call goes to the store; while it is away one caller per pause does."""
        if self._circuit is _Circuit.CLOSED:
            return True
        with self._lock:
            now = self._clock.monotonic()
            if now < self._retry_at or (self._circuit is _Circuit.HALF_OPEN and not writes):
                return False
            self._retry_at = now + self._pause  # The others wait until this try is over.
            return True

    def _try(self, ask: Callable[[State], _T]) -> _T:
        """Ask the store, and draw the conclusions."""
        begun = self._clock.monotonic()
        trial = self._circuit is not _Circuit.CLOSED
        try:
            answer = ask(self._primary)
        except (OutOfTimeError, JournalError):
            # The message's trouble or the journal's, not the store's: the next message may ask.
            with self._lock:
                self._retry_at = begun
            raise
        except StateUnavailableError as error:
            self._failed(error, trial=trial)
            raise
        if self._weighed(begun, trial=trial):
            self._announcer.back(f"{self._primary.backend} answers again")
        return answer

    def _failed(self, error: StateUnavailableError, *, trial: bool = False) -> None:
        with self._lock:
            # Callers that were under way when the store went say nothing new: only a failed trial lengthens the pause.
            self._pause = min(self._pause_max, self._pause * 2) if trial else self._first_pause
            self._retry_at = self._clock.monotonic() + self._pause
            if isinstance(error, StateCutOffError) and not trial:
                # A server that steps down or is restarted hangs up, and the next connection may lead to one that serves.
                self._pause, self._retry_at = self._first_pause / 2, self._clock.monotonic()
            self._why = " ".join(str(error).removeprefix(f"{self._primary.backend}: ").split())[:WHY]
            refused = isinstance(error, StateRefusedError)
            self._circuit = _Circuit.HALF_OPEN if refused else _Circuit.OPEN
        what = "reads it and counts in" if refused else "goes on with"
        self._announcer.away(f"{error}; this worker {what} its own memory, verdicts are marked degraded")

    def _weighed(self, begun: float, *, trial: bool) -> bool:
        """Give whether an answer came in time; slow ones in a row open the breaker, and a trial that was in time closes it."""
        now = self._clock.monotonic()
        if self._patient or now - begun < SLOW:
            if self._slow or trial:
                with self._lock:
                    self._slow = 0.0
                    if trial:
                        self._circuit = _Circuit.CLOSED
            return True
        with self._lock:
            self._slow += now - max(begun, self._slow_until)
            self._slow_until = now
            much, lasting = self._slow >= SLOW_TOTAL, trial or self._circuit is _Circuit.HALF_OPEN
        if trial or much:
            text = f"{self._primary.backend}: answers after {now - begun:.2f} s"
            self._failed(StateUnavailableError(text), trial=lasting)
        return False
