"""The state door: counters, rates and reputation, shared by all workers."""

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


class StateUnavailableError(Exception):
    """The store did not answer in time or refused; the caller goes on with local memory and marks the verdict degraded."""


class OutOfTimeError(StateUnavailableError):
    """The message has no time left to ask the store; says nothing about the store itself."""


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

    def degraded(self) -> bool:
        """Say whether the last answer given to this thread came from local memory because the store was away."""
        ...

    def close(self) -> None:
        """Let go of connections and files."""
        ...
