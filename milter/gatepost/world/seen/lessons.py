"""What one message teaches about those behind it: which kind of mail it was, and how much that counts."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from gatepost.world.state.door import Mark
from gatepost.world.state.keys import key as make_key


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


def marks(key: str, kind: Kind, weight: float) -> tuple[Mark, ...]:
    """Give the marks that add so many messages' worth of a kind to a tally; a negative weight takes it back.

    Belief goes by wanted and unwanted alone; which kind of unwanted mail it was is kept beside it, under a key of its own,
    for whoever asks (`gatepost reputation show`).
    """
    if kind is Kind.WANTED:
        return (Mark(key, wanted=weight),)
    whole = Mark(key, unwanted=weight)
    return (whole,) if kind is Kind.SPAM else (whole, Mark(kind_key(kind, key), unwanted=weight))


def kind_key(kind: Kind, key: str) -> str:
    """Give the key under which one kind of unwanted mail of a tally is kept; spam is what is left of the whole."""
    return make_key(kind.value, key)


APART: Final = (Kind.PHISH, Kind.VIRUS, Kind.UNKNOWN)
"""The kinds that are kept beside the whole."""
