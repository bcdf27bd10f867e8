"""How a site is doing, asked from outside the daemon: its model, its mail of the last days, and what it depends on.

Everything comes from the state store, the model directory and one question to each dependency; no daemon has to run. What
cannot be had is said in its own line and leaves the others standing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from gatepost.checks.content import drift, watch
from gatepost.checks.content.drift import Comparison, Drift
from gatepost.checks.content.family import Settings, find_model, find_shadow
from gatepost.checks.content.model import ModelError, load_model
from gatepost.checks.content.population import BadReferenceError, Population, load_reference
from gatepost.checks.content.watch import Seen
from gatepost.service import scanning
from gatepost.service.config import Loaded
from gatepost.service.organ import Organ
from gatepost.service.organs import list_organs, look, resolver_organ
from gatepost.world.state.door import State, StateUnavailableError

TRAINING: Final = "the mail it was trained on"
BEGINNING: Final = f"the first {watch.FIRST_MESSAGES:,} messages here"

_WINDOWS: Final = (watch.DAY, watch.WEEK, watch.MONTH, watch.FIRST)
_CLASSES: Final = ("ham", "bulk", "spam", "phish")
_PAIRS: Final = tuple(f"{live}>{other}" for live in _CLASSES for other in (*_CLASSES, "failed"))


@dataclass(frozen=True, slots=True)
class Compared:
    """A comparison, what with, and over which days and messages."""

    against: str
    comparison: Comparison
    days: int = 0
    messages: float = 0.0


@dataclass(frozen=True, slots=True)
class Beside:
    """The shadow model of the last seven days: its name, and messages by the pair of classes, `ham>spam`."""

    model: str
    pairs: Mapping[str, float]

    @property
    def disagreements(self) -> dict[str, float]:
        """The pairs whose classes differ, the commonest first."""
        differing = {pair: number for pair, number in self.pairs.items() if len(set(pair.split(">"))) > 1}
        return dict(sorted(differing.items(), key=lambda item: -item[1]))


@dataclass(frozen=True, slots=True)
class Vitals:
    """How a site is doing; counts are of inbound mail from strangers, `labels` of the last seven days. `lists` are DNS lists.

    `warnings` say which mail passes unscanned. `drift` is None where the model could not be loaded. `here` compares with the
    model's beginning at this site. `age` is in months, None where the model's name does not say when it was made.
    """

    model: Organ
    state: Organ
    resolver: Organ
    clamd: Organ
    second: Organ
    warnings: tuple[str, ...] = ()
    lists: tuple[tuple[str, Organ], ...] = ()
    name: str = ""
    age: int | None = None
    day: float = 0.0
    week: float = 0.0
    labels: Mapping[str, float] = field(default_factory=dict)
    drift: Compared | None = None
    here: Compared | None = None
    shadow: Beside | None = None
    shadow_trouble: str = ""

    @property
    def old(self) -> bool:
        """Whether the model has outlived drift.OLD_MONTHS."""
        return self.age is not None and self.age > drift.OLD_MONTHS

    @property
    def stale(self) -> bool:
        """Whether the model should be replaced: the mail has moved away from it, or it is old."""
        return self.old or (self.drift is not None and self.drift.comparison.verdict is Drift.STALE)

    @property
    def well(self) -> bool:
        """Whether everything that was asked about could be had; a resolver or clamd that is away is only said."""
        return self.model.well and self.state.well and not self.shadow_trouble


def vitals(loaded: Loaded) -> Vitals:
    """Ask how a site is doing; never raises for what is broken: that is part of the answer."""
    config = loaded.config
    doors, state = look(loaded)
    organs = (
        state,
        resolver_organ(config, doors),
        scanning.clamd_organ(config.virus, doors.scanner),
        scanning.second_organ(doors.second),
        tuple(scanning.warnings(config.virus, doors.scanners, doors.clock.now())),
        tuple(list_organs(config, doors)),
    )
    try:
        directory = find_model(config.classifier.model)
        name = load_model(directory).version
    except ModelError as error:
        return Vitals(Organ(str(error), well=False), *organs)
    today = datetime.fromtimestamp(doors.clock.now(), UTC)
    found = Vitals(Organ(name, well=True), *organs, name, drift.age_in_months(name, today.year, today.month))
    try:
        found = _with_shadow(found, config.classifier, doors.state)
        counted = _with_counts(found, directory, doors.state)
        if state.well and not doors.state.degraded():
            return counted
    except StateUnavailableError:
        pass
    finally:
        doors.state.close()
    # What local memory answers in the store's place are no counts of this site.
    unknown = Comparison(Drift.UNKNOWN, why="the state store does not answer")
    return replace(found, state=replace(state, well=False), shadow=None, drift=Compared(TRAINING, unknown))


def _with_counts(found: Vitals, directory: Path, state: State) -> Vitals:
    """Add what the model has seen, and how far that is from what it learned from and began with."""
    day, week, month, first = (watch.read(state, found.name, each) for each in _WINDOWS)
    here = _against_beginning(first, week, month)
    try:
        reference = load_reference(directory)
    except BadReferenceError as error:
        compared = Compared(TRAINING, Comparison(Drift.UNKNOWN, why=str(error)))
    else:
        compared = _over_time(TRAINING, reference, week, month, words_count=False) if reference else _instead(here)
    return replace(
        found,
        day=day.messages,
        week=week.messages,
        labels={name: number / week.messages for name, number in week.labels.items() if number},
        drift=compared,
        here=here,
    )


def _against_beginning(first: Seen, week: Seen, month: Seen) -> Compared:
    """Compare with the model's beginning at this site, once it is over."""
    if first.messages < watch.FIRST_MESSAGES:
        why = f"too few messages: {first.messages:.0f} of the first {watch.FIRST_MESSAGES} are gathered"
        return Compared(BEGINNING, Comparison(Drift.UNKNOWN, why=why), messages=first.messages)
    return _over_time(BEGINNING, first.population, week, month, words_count=True)


def _instead(here: Compared) -> Compared:
    """Say that a model cannot be compared with its training, and with what instead."""
    return replace(here, against=f"{here.against} (the model has no reference of its training mail)")


def _over_time(against: str, expected: Population, week: Seen, month: Seen, *, words_count: bool) -> Compared:
    """Compare over the last week where it has enough messages, else over four."""
    by_week, by_month = (drift.compare(expected, seen.population, words_count=words_count) for seen in (week, month))
    if by_week.verdict is Drift.UNKNOWN:
        return Compared(against, by_month, 28, month.population.messages)
    return Compared(against, by_week, 7, week.population.messages)


def _with_shadow(found: Vitals, settings: Settings, state: State) -> Vitals:
    """Add what the shadow model called the mail of the last week, if there is one."""
    try:
        shadow = find_shadow(settings)
    except ModelError as error:
        return replace(found, shadow_trouble=str(error))
    if shadow is None:
        return found
    second = shadow.model.version
    return replace(found, shadow=Beside(second, watch.read_pairs(state, found.name, second, _PAIRS, watch.WEEK)))
