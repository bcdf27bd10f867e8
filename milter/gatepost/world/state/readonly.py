"""State that is looked at and never written: replaying old mail must not count as receiving it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gatepost.world.state.door import Answer, Ask, Asking, Changes, Entry, Put, State, looking


@dataclass(frozen=True, slots=True)
class ReadOnlyState(Asking):
    """Another state, behind glass."""

    behind: State

    @property
    def backend(self) -> str:
        """The state behind, and that it is only read."""
        return f"{self.behind.backend} (read only)"

    def exchange(self, asks: Sequence[Ask]) -> list[Answer]:
        """Look where the asks would write: nothing is counted, judged, dropped or put (the answer to a Put is False)."""
        looks = [looking(ask) for ask in asks]
        answers = iter(self.behind.exchange([look for look in looks if look is not None]))
        return [
            next(answers) if look is not None else (False if isinstance(ask, Put) else None)
            for ask, look in zip(asks, looks, strict=True)
        ]

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
