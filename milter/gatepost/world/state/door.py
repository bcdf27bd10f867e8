"""The state door: counters, rates, reputation and journals, shared by all workers.

A *journal* is a named list of small records that every process can follow: who has read it once asks only for what
changed since. A record has an id; writing the same id again replaces it, and taking one back is a change like any other,
so that all readers arrive at the same list, whenever they came. A journal is bounded (JOURNAL_* in mail.limits): past
its bounds the oldest records are taken back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Hit:
    """One event to count: `key` (namespaced text, at most 200 characters), and the `window` in seconds it is counted over.

    `amount` 0 only looks: it gives the estimate and leaves no trace.
    """

    key: str
    window: int
    amount: int = 1


@dataclass(frozen=True, slots=True)
class Tally:
    """How often a sender's mail was wanted and unwanted, decayed with the half-life that the reader gave."""

    wanted: float = 0.0
    unwanted: float = 0.0


@dataclass(frozen=True, slots=True)
class Mark:
    """A judgement to remember about an identity: `key`, and how much to add to wanted and to unwanted."""

    key: str
    wanted: float = 0.0
    unwanted: float = 0.0


@dataclass(frozen=True, slots=True)
class Entry:
    """One record of a journal: its id (printable ASCII, at most 64 characters) and its bytes; None takes it back."""

    id: str
    data: bytes | None


@dataclass(frozen=True, slots=True)
class Changes:
    """What happened in a journal, oldest first.

    `position` is what to ask with next. `anew` tells the reader to forget everything first: it reads for the first time,
    or the store was emptied, replaced, or no longer knows what happened since. `more` says that there is a next page.
    """

    entries: tuple[Entry, ...]
    position: str
    anew: bool
    more: bool


class StateUnavailableError(Exception):
    """The store did not answer in time or refused; the caller goes on with local memory and marks the verdict degraded."""


class OutOfTimeError(StateUnavailableError):
    """The message has no time left to ask the store; says nothing about the store itself."""


class JournalError(StateUnavailableError):
    """What the store holds in the place of a journal is none, or it refused to write one; the rest of the store may be well."""


class StateConfigError(Exception):
    """What the config names cannot be a store (path, URL, foreign file); the message is one line for the administrator."""


class State(Protocol):
    """What the site remembers. Every call is one round trip, and raises StateUnavailableError when the store is away.

    Reputation decays: a tally read `t` seconds after it was written is multiplied by 0.5 ** (t / half_life).
    """

    @property
    def backend(self) -> str:
        """A word and place for people: `redis at ...`, `sqlite at ...`, `memory`."""
        ...

    def hit(self, hits: Sequence[Hit]) -> list[float]:
        """Count events; gives for each key the sliding-window estimate including this event."""
        ...

    def recall(self, keys: Sequence[str]) -> list[Tally]:
        """Give the decayed tallies of identities; an unknown one is Tally(0, 0)."""
        ...

    def remember(self, marks: Sequence[Mark]) -> None:
        """Add judgements to identities' tallies, atomically per key, decaying what was there."""
        ...

    def forget(self, keys: Sequence[str]) -> None:
        """Drop the tallies of identities (`gatepost reputation reset`); unknown ones are no error."""
        ...

    def note(self, journal: str, entries: Sequence[Entry]) -> list[bool]:
        """Write records into a journal or take them back; gives for each whether one of its id was there.

        There is no local memory behind a journal: raises StateUnavailableError when the store is away, in every form.
        Raises ValueError for a record over limits.JOURNAL_ENTRY_BYTES.
        """
        ...

    def changes(self, journal: str, after: str = "") -> Changes:
        """Give what changed in a journal after a position ("" is the beginning), a page at a time.

        Raises StateUnavailableError when the store is away, in every form: the reader goes on with what it has.
        """
        ...

    def degraded(self) -> bool:
        """Say whether the last answer given to this thread came from local memory because the store was away."""
        ...

    def close(self) -> None:
        """Let go of connections and files."""
        ...
