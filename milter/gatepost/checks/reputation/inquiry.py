"""How the judges of this family ask: all together, in one round trip.

A judge looks at a message and says what it wants of the store (*asks*) and what it makes of the answers (`speak`). Judges are
pure: whoever runs them (check.py) gathers the asks of all, exchanges them once with the store, and lets each judge speak
in turn; a later one hears what the earlier ones said.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from gatepost.evidence import Evidence, Found
from gatepost.mail.envelope import Direction, Envelope
from gatepost.mail.message import Message
from gatepost.world.state.door import Answer, Ask


@dataclass(frozen=True, slots=True)
class Case:
    """A message at its end: envelope, content, the evidence of the checks before, and the Unix time."""

    envelope: Envelope
    message: Message
    found: Found
    now: float

    @property
    def stranger(self) -> bool:
        """Whether the message comes from outside, and not from an own user or network."""
        return self.envelope.direction is Direction.INBOUND and not self.envelope.client.login


@dataclass(frozen=True, slots=True)
class Heard:
    """What a judge hears beside its answers: all evidence so far, and whether the answers are this worker's own memory's."""

    found: Found
    degraded: str = ""


def _nothing(_: str) -> Iterable[Evidence]:
    return ()


@dataclass(frozen=True, slots=True)
class Inquiry:
    """The asks of one judge, what it says to the answers (in the order of the asks), and what where there are none.

    `silent` is given the reason for people.
    """

    asks: tuple[Ask, ...]
    speak: Callable[[Sequence[Answer], Heard], Iterable[Evidence]]
    silent: Callable[[str], Iterable[Evidence]] = field(default=_nothing)


class Judge(Protocol):
    """One thing that is remembered, and what it says about a message."""

    @property
    def codes(self) -> Mapping[str, str]:
        """Each code with its one-line meaning."""
        ...

    def inquire(self, case: Case) -> Inquiry | None:
        """Give what to ask about a message, or None where there is nothing to say."""
        ...
