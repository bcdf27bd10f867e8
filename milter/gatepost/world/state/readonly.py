"""State that is looked at and never written: replaying old mail must not count as receiving it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from gatepost.world.state.door import Changes, Entry, Hit, Mark, State, Tally


@dataclass(frozen=True, slots=True)
class ReadOnlyState:
    """Another state, behind glass."""

    behind: State

    @property
    def backend(self) -> str:
        """The state behind, and that it is only read."""
        return f"{self.behind.backend} (read only)"

    def hit(self, hits: Sequence[Hit]) -> list[float]:
        """Look at the estimates without counting the event."""
        return self.behind.hit([replace(hit, amount=0) for hit in hits])

    def recall(self, keys: Sequence[str]) -> list[Tally]:
        """Give the faded tallies; see the door."""
        return self.behind.recall(keys)

    def remember(self, marks: Sequence[Mark]) -> None:
        """Forget it."""

    def forget(self, keys: Sequence[str]) -> None:
        """Keep everything."""

    def note(self, journal: str, entries: Sequence[Entry]) -> list[bool]:  # noqa: ARG002  the door's names
        """Write nothing."""
        return [False] * len(entries)

    def changes(self, journal: str, after: str = "") -> Changes:
        """Give a page of what changed; see the door."""
        return self.behind.changes(journal, after)

    def degraded(self) -> bool:
        """Say whether the last answer to this thread came from local memory."""
        return self.behind.degraded()

    def close(self) -> None:
        """Close the state behind."""
        self.behind.close()
