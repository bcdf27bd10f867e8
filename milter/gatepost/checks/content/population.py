"""A body of mail in numbers: what drift compares, and how a model keeps it of the mail it learned from.

How much of the mail is spam differs from site to site and from night to night and says nothing about a model. So mail is
kept in two *sides*, to be compared each with its like: what the model itself takes for wanted (probability below one half)
and the rest. Of each side there are three things: the histogram of the scores, that of the share of a message's tokens that
the model knows, and how often each of the WATCHED facts about a message's build is true.

watch.py counts them live, training/reference.py in training, which writes them into the model's metrics.json.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

BINS: Final = 10
"""Bins of each histogram of one side: twenty over all scores, ten over the share of known tokens."""

SIDES: Final = ("ham-like", "unwanted-like")
"""What the model takes for wanted, and what it does not: the order in which sides stand everywhere."""

# Facts that come in steps, with their highest step. Numbers of looks.py are left out: their steps follow the length of a
# message and would drown the rest.
_SIZES: Final = {"links": 4, "text": 5, "links-domains": 4}
_PRESENT: Final = (
    "link-cheap link-ip link-login link-mismatch link-port link-punycode link-shortener image-instead form hidden-most "
    "invisible-many mixed-script spaced-out subject-capitals subject-emoji from-name-address reply-freemail reply-elsewhere "
    "att-program att-archive att-page att-office att-pdf att-calendar att-text att-other is-program is-archive is-page "
    "type-mismatch multipart/report message/delivery-status message/rfc822 text/calendar html plain quoting unsubscribe "
    "postal from-freemail from-role from-digits domain-cheap domain-hyphen name-none name-own name-other "
    "name-brand-elsewhere brand-elsewhere links-home-none links-home-all re-nothing re-answer id-none"
).split()
WATCHED: Final = tuple(
    sorted(
        [*(f"={name}" for name in _PRESENT), *(f"={name}-{n}" for name, top in _SIZES.items() for n in range(top + 1))]
    )
)
"""The facts about a message's build whose rates are followed: tokens that any mail may have, in any language."""

_METRICS_BYTES: Final = 4 * 1024 * 1024
_FACTS: Final = 200


class BadReferenceError(ValueError):
    """A model's reference cannot be used; the message is one line for the administrator."""


@dataclass(frozen=True, slots=True)
class Side:
    """One side of the mail: `messages` that were counted, shares by bin, and of `looked` messages the rate of each fact."""

    messages: float = 0.0
    scores: tuple[float, ...] = (0.0,) * BINS
    known: tuple[float, ...] = (0.0,) * BINS
    looked: float = 0.0
    facts: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Population:
    """A body of mail in numbers, its two sides in the order of SIDES; `unreadable` is the share that had no text."""

    sides: tuple[Side, Side]
    unreadable: float = 0.0

    @property
    def messages(self) -> float:
        """Readable messages of both sides."""
        return sum(side.messages for side in self.sides)


def load_reference(directory: Path) -> Population | None:
    """Give what a model learned from, out of its metrics.json; None where it holds no reference.

    Raises BadReferenceError, one line, where the file is there and holds something else.
    """
    path = directory / "metrics.json"
    try:
        with path.open("rb") as stream:
            metrics = json.loads(stream.read(_METRICS_BYTES))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError):
        raise BadReferenceError(f"model {directory}: metrics.json cannot be read") from None
    if not isinstance(metrics, dict) or "reference" not in metrics:
        return None
    try:
        return population_from(metrics["reference"])
    except (KeyError, TypeError, ValueError, OverflowError):
        raise BadReferenceError(f"model {directory}: the reference in metrics.json is malformed") from None


def population_from(data: Any) -> Population:
    """Read a population from the plain data that population_data() gives; raises KeyError, TypeError or ValueError."""
    first, second = (_side_from(data[name]) for name in SIDES)
    return Population((first, second), _share(data["unreadable"]))


def population_data(population: Population) -> dict[str, Any]:
    """Give a population as plain data for JSON: messages, shares by bin and rates by fact, for each side."""
    sides = {
        name: {
            "messages": round(side.messages),
            "scores": [round(share, 6) for share in side.scores],
            "known": [round(share, 6) for share in side.known],
            "looked": round(side.looked),
            "facts": {fact: round(rate, 6) for fact, rate in sorted(side.facts.items())},
        }
        for name, side in zip(SIDES, population.sides, strict=True)
    }
    return {**sides, "unreadable": round(population.unreadable, 6)}


def _side_from(data: Any) -> Side:
    if not isinstance(data["facts"], dict) or len(data["facts"]) > _FACTS:
        raise ValueError("no facts, or too many")
    facts = {str(name): _share(rate) for name, rate in data["facts"].items()}
    return Side(
        _count(data["messages"]), _shares(data["scores"]), _shares(data["known"]), _count(data["looked"]), facts
    )


def _shares(data: Any) -> tuple[float, ...]:
    shares = tuple(_share(share) for share in data)
    if len(shares) != BINS:
        raise ValueError("another number of bins")
    return shares


def _share(data: Any) -> float:
    share = float(data)
    if not 0 <= share <= 1:  # which NaN is not either
        raise ValueError("not a share")
    return share


def _count(data: Any) -> float:
    count = float(data)
    if not 0 <= count < math.inf:
        raise ValueError("not a count")
    return count
