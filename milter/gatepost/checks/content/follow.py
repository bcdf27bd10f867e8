"""The site's layer as a worker sees it: it follows the journal of lessons and adjusts opinions.

No thread of its own: whoever judges a message looks for changes, if the last look was a second ago. While the store is away
the layer keeps what it had. A journal that begins anew (a first look, an emptied or replaced store) is read aside and put
in place when it is complete, so that no message meets half of it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Final, Protocol

from gatepost.checks.content.fields import Fields
from gatepost.checks.content.lesson import JOURNAL, Lesson, decode
from gatepost.checks.content.model import Opinion
from gatepost.checks.content.site import Adjusted, SiteMemory
from gatepost.checks.content.tokens import Features
from gatepost.mail import limits
from gatepost.world.clock import Clock
from gatepost.world.state.door import Entry, JournalError, State, StateUnavailableError

LOOK_EVERY: Final = 1.0
"""Seconds between two looks: so late, at most, does a worker hear of a label."""

FIRST_WAIT: Final = 2.0
"""Seconds that a message waits while another thread reads the layer for the first time."""

PAGES: Final = 2 * (limits.JOURNAL_ENTRIES + limits.JOURNAL_RETRACTED) // limits.JOURNAL_PAGE
"""Pages read in one look at most: more than a journal can have, fewer than one that somebody bent may pretend to."""

_log: Final = logging.getLogger(__name__)


class SiteLayer(Protocol):
    """What the content check asks of a site's layer."""

    def adjust(
        self, features: Features, opinion: Opinion, parts: int, fields: Callable[[], Fields], each_way: int = 0
    ) -> Adjusted:
        """Give the opinion with the site's share; see SiteMemory."""
        ...

    def away(self) -> bool:
        """Say whether the last look for changes found the store away."""
        ...


class FollowedLayer:
    """The layer of lessons in a state store; safe between threads, and forks before its first question.

    `weight` scales what it may move. Never raises.
    """

    def __init__(self, state: State, clock: Clock, weight: float = 1.0) -> None:
        self._state = state
        self._clock = clock
        self._weight = weight
        self._looking = threading.Lock()
        self._lock = threading.Lock()  # held while a memory is read or changed
        self._memory = SiteMemory(weight)
        self._coming = self._memory  # the same one, but while a journal is read anew
        self._position = ""
        self._next_look: float | None = None
        self._away = False
        self._complete = False
        self._told = False

    def adjust(
        self, features: Features, opinion: Opinion, parts: int, fields: Callable[[], Fields], each_way: int = 0
    ) -> Adjusted:
        """Look for changes if it is time, and give the opinion with the site's share."""
        self._look()
        with self._lock:
            return self._memory.adjust(features, opinion, parts, fields, each_way)

    def away(self) -> bool:
        """Say whether the last look found the store away."""
        return self._away

    def _look(self) -> None:
        if not self._due() or not self._looking.acquire(timeout=0.0 if self._complete else FIRST_WAIT):
            return
        try:
            if self._due():  # Another thread may have looked while this one waited.
                self._read()
                self._away, self._complete = False, True
        except StateUnavailableError as error:
            self._away = True
            if isinstance(error, JournalError):  # The state says the rest itself.
                self._tell(f"cannot be read ({error}); it is left out until it can")
        finally:
            self._next_look = self._clock.monotonic() + LOOK_EVERY
            self._looking.release()

    def _due(self) -> bool:
        return self._next_look is None or self._clock.monotonic() >= self._next_look

    def _read(self) -> None:
        """Read the journal to its end; interrupted, it goes on next time where it was."""
        more = True
        for _ in range(PAGES):
            if not more:
                break
            found = self._state.changes(JOURNAL, self._position)
            if found.anew:
                self._coming = SiteMemory(self._weight)
            lessons = [(entry.id, self._lesson(entry)) for entry in found.entries]
            with self._lock:
                self._coming.apply(lessons)
                self._position, more = found.position, found.more
                self._memory = self._memory if more else self._coming

    def _lesson(self, entry: Entry) -> Lesson | None:
        """Read one record; one that is no lesson is as good as none, and said once."""
        if entry.data is None:
            return None
        lesson = decode(entry.id, entry.data)
        if lesson is None:
            self._tell("holds a record that is no lesson of this version; such records are ignored")
        return lesson

    def _tell(self, what: str) -> None:
        """Say once in the log what is wrong with the journal."""
        if not self._told:
            self._told = True
            _log.warning("%s: the journal of lessons %s", self._state.backend, what)
