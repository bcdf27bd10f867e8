"""What one message teaches about those behind it: which kind of mail it was, and how much that counts."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from gatepost.world.state.door import Mark


class Kind(StrEnum):
    """What a message was found to be; all but the first are unwanted."""

    WANTED = "wanted"
    SPAM = "spam"
    PHISH = "phish"
    VIRUS = "virus"
    UNKNOWN = "unknown"


OPINION_WEIGHT: Final = 0.5
"""Messages' worth of one confident verdict."""

VIRUS_WEIGHT: Final = 1.0
"""Messages' worth of a virus, which is not an opinion."""

LABEL_WEIGHT: Final = 2.0
"""Messages' worth of what a person said of a message: four times an opinion, so that people can turn round what verdicts got wrong."""

UNKNOWN_WEIGHT: Final = 0.25
"""Messages' worth of one recipient who does not exist: anybody mistypes one, a harvester tries thousands."""


def mark(key: str, kind: Kind, weight: float) -> Mark:
    """Give the mark that adds so many messages' worth of a kind to a tally; a negative weight takes it back."""
    match kind:
        case Kind.WANTED:
            return Mark(key, wanted=weight)
        case Kind.SPAM:
            return Mark(key, spam=weight)
        case Kind.PHISH:
            return Mark(key, phish=weight)
        case Kind.VIRUS:
            return Mark(key, virus=weight)
        case Kind.UNKNOWN:
            return Mark(key, unknown=weight)
