"""What the workers see of the mail they judge, in numbers: counted in memory, handed to the store now and then.

Each worker counts for itself: in which bin a score fell, how many of a message's tokens the model knew, what the message was
called. Looking through the tokens for the WATCHED facts costs more than all that, so at most fifty messages a second are
looked at; when mail is that dense, the ones looked at stand for the others. The first count after a quiet time starts a timer;
when it rings, its own thread adds the counts to the store's sliding windows, where those of all workers and hosts meet. So no
message ever waits for the store, and what is waiting is bounded by the number of names. A store that is away loses counts:
statistics miss a minute better than mail does.

The first messages that a model judges at a site are kept apart, as what it is compared with later (drift.py).
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from gatepost.checks.content.model import Opinion
from gatepost.checks.content.population import BINS, SIDES, WATCHED, Population, Side
from gatepost.checks.content.tokens import Features
from gatepost.world.clock import Clock
from gatepost.world.state.door import Hit, State, StateUnavailableError
from gatepost.world.state.keys import key

DAY: Final = 86_400
WEEK: Final = 7 * DAY
MONTH: Final = 28 * DAY
"""The sliding windows, in seconds: busy sites are judged by a week, quiet ones by four."""

FIRST_MESSAGES: Final = 2_000
"""Messages of a model's beginning at a site that later ones are compared with."""

FIRST: Final = 5 * 365 * DAY
"""Seconds that the beginning is remembered: longer than any model should serve."""

SEND_SECONDS: Final = 5.0
"""How long counts wait in a worker for more to come."""

LOOK_SECONDS: Final = 0.02
"""The least time between two messages whose facts are looked at: 12 microseconds for a thousand tokens, under 0.1 % of a
processor."""

LABELS: Final = ("ham", "bulk", "unsure", "spam", "phish", "none")
"""What a text may be called; `none` had no text."""

_SCORES: Final = tuple(f"score:{place:02d}" for place in range(2 * BINS))
_KNOWN: Final = tuple(tuple(f"known:{side}:{place}" for place in range(BINS)) for side in range(len(SIDES)))
_LOOKED: Final = tuple(f"looked:{side}" for side in range(len(SIDES)))
_FACTS: Final = tuple({fact.encode(): f"fact:{side}:{fact}" for fact in WATCHED} for side in range(len(SIDES)))
_TOKENS: Final = frozenset(fact.encode() for fact in WATCHED)
_TOTAL: Final = "messages"
_SECOND: Final = "second:"


class Watch:
    """One worker's counts about one model, and beside it a second one; safe between threads, begins empty in each worker."""

    def __init__(self, state: State, clock: Clock, model: str, second: str = "") -> None:
        self._state = state
        self._clock = clock
        self._model = model
        self._second_model = second
        self._lock = threading.Lock()
        self._counts: defaultdict[str, int] = defaultdict(int)
        self._waiting = False
        self._look_at = 0.0
        self._beginning = True

    def count(self, features: Features, opinion: Opinion | None, label: str, second: str = "") -> None:
        """Count a message: its features, the opinion (None where it had no text), what it was called.

        `second` is what two models called it, `ham>spam`, or "". Never waits, never raises.
        """
        now = self._clock.monotonic()
        with self._lock:
            counts = self._counts
            counts[_TOTAL] += 1
            counts[f"label:{label}"] += 1
            if second:
                counts[_SECOND + second] += 1
            if opinion is not None:
                place = min(int(opinion.probability * 2 * BINS), 2 * BINS - 1)
                side = int(place >= BINS)
                counts[_SCORES[place]] += 1
                counts[_KNOWN[side][min(BINS * opinion.known // max(features.size, 1), BINS - 1)]] += 1
                if now >= self._look_at:
                    self._look_at = now + LOOK_SECONDS
                    facts = _TOKENS.intersection(features.named)
                    counts[_LOOKED[side]] += bool(facts)  # Bare text has none: its build is missing, not plain.
                    for token in facts:
                        counts[_FACTS[side][token]] += 1
            start, self._waiting = not self._waiting, True
        if start:
            timer = threading.Timer(SEND_SECONDS, self.send)
            timer.daemon = True
            timer.start()

    def send(self) -> None:
        """Add what was counted to the store; a store that is away loses it. Never raises; may wait for the store."""
        with self._lock:
            counts, self._counts, self._waiting = self._counts, defaultdict(int), False
        if not counts:
            return
        try:
            self._state.hit([*self._hits(counts)])
        except StateUnavailableError:
            return

    def _hits(self, counts: Mapping[str, int]) -> Iterable[Hit]:
        """Give what to add to which windows."""
        kept = self._is_beginning()
        for name, amount in counts.items():
            where = self._place(name)
            windows = [WEEK, MONTH]
            if name == _TOTAL or name.startswith("label:"):
                windows.append(DAY)
            if kept and not name.startswith(_SECOND):
                windows.append(FIRST)
            for window in windows:
                yield Hit(where, window, amount)

    def _is_beginning(self) -> bool:
        """Say whether the model has judged so few messages here that they still belong to its beginning."""
        if self._beginning:
            (total,) = self._state.hit([Hit(self._place(_TOTAL), FIRST, 0)])
            self._beginning = total < FIRST_MESSAGES
        return self._beginning

    def _place(self, name: str) -> str:
        return (
            second_key(self._model, self._second_model, name) if name.startswith(_SECOND) else _key(self._model, name)
        )


def _key(model: str, name: str) -> str:
    return key("drift", model, name)


def second_key(model: str, second: str, name: str) -> str:
    """Give the key under which a pair of models is counted."""
    return key("shadow", model, second, name)


@dataclass(frozen=True, slots=True)
class Seen:
    """What the store holds about a model in one window: messages, how many of each label, and the population."""

    messages: float
    labels: Mapping[str, float]
    population: Population


def read(state: State, model: str, window: int) -> Seen:
    """Ask the store what a model has seen within a window of DAY, WEEK, MONTH or FIRST; one round trip, leaves no trace.

    Raises StateUnavailableError. The day has messages and labels alone.
    """
    labels = [f"label:{label}" for label in LABELS]
    names = [_TOTAL, *labels]
    if window != DAY:
        names += [*_SCORES, *(name for side in _KNOWN for name in side), *_LOOKED]
        names += [name for side in _FACTS for name in side.values()]
    answers = state.hit([Hit(_key(model, name), window, 0) for name in names])
    found = dict(zip(names, answers, strict=True))
    messages = found[_TOTAL]
    first, second = (_side(found, side) for side in range(len(SIDES)))
    unreadable = found["label:none"] / messages if messages else 0.0
    return Seen(messages, {label: found[f"label:{label}"] for label in LABELS}, Population((first, second), unreadable))


def read_pairs(state: State, model: str, second: str, pairs: Sequence[str], window: int) -> dict[str, float]:
    """Ask the store how often two models called a message so and so (`ham>spam`); leaves no trace."""
    answers = state.hit([Hit(second_key(model, second, _SECOND + pair), window, 0) for pair in pairs])
    return {pair: answer for pair, answer in zip(pairs, answers, strict=True) if answer}


def _side(found: Mapping[str, float], side: int) -> Side:
    """Put one side together."""
    scores = [found.get(name, 0.0) for name in _SCORES[side * BINS : (side + 1) * BINS]]
    known = [found.get(name, 0.0) for name in _KNOWN[side]]
    looked = found.get(_LOOKED[side], 0.0)
    facts = {fact: min(found.get(f"fact:{side}:{fact}", 0.0) / looked, 1.0) for fact in WATCHED} if looked else {}
    return Side(sum(scores), _shares(scores), _shares(known), looked, facts)


def _shares(counts: Sequence[float]) -> tuple[float, ...]:
    total = sum(counts)
    return tuple(count / total for count in counts) if total else (0.0,) * len(counts)
