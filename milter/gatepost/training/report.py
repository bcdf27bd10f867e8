"""What an evaluation found: a row for each source, and one for all mail together.

The rows stand beside each other and are not averaged: a model that is perfect on two sources and useless on the third
must not look good. A source of one kind only (a mailbox of ham, a honeypot) is ranked against the other kind of all
sources, and its row says so.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from gatepost.training.measure import (
    Bin,
    Bools,
    Floats,
    calibration_error,
    can_show,
    interval,
    one_minus_auc,
    reliability,
    threshold,
)
from gatepost.training.score import Side, Sides

RATES: Final = {"1%": 0.01, "0.1%": 0.001, "0.01%": 0.0001}
"""Shares of ham that may be called spam by some threshold, at which the share of unwanted mail caught is given."""

TOO_FEW: Final = "too few ham"
"""What is said instead of a share where a rate needs more ham than there is."""

HEADS: Final = (
    "source",
    "ham",
    "spam",
    "1-auc",
    *(f"caught at {rate} fp" for rate in RATES),
    "ham marked",
    "spam missed",
    "ece",
)
"""Heads of a table: the source, then what `Row.words` gives. Short ones: a terminal has eighty columns."""


@dataclass(frozen=True, slots=True)
class Rate:
    """So many of so many messages, with the bounds that hold the true share with 95 % confidence."""

    hits: int
    messages: int
    low: float
    high: float

    @property
    def share(self) -> float:
        """The share itself; there is at least one message."""
        return self.hits / self.messages

    def __str__(self) -> str:
        return f"{_per_cent(self.share)}% ({_per_cent(self.low)}-{_per_cent(self.high)})"


@dataclass(frozen=True, slots=True)
class Row:
    """What was measured on one source, or in total; None is what its mail cannot say.

    `against` is the kind of mail that was taken from all sources because this one has none ("ham", "unwanted" or "").
    `caught` has the share caught for each of RATES, None where the ham is too few for the rate or a kind is missing.
    `flagged` is ham that content alone marks, `missed` unwanted mail that it does not, by the error budget of the site.
    """

    source: str
    ham: int
    unwanted: int
    textless: int
    broken: int
    against: str
    one_minus_auc: float | None
    caught: dict[str, float | None]
    too_few: tuple[str, ...]
    flagged: Rate | None
    missed: Rate | None
    calibration_error: float | None

    def words(self) -> tuple[str, ...]:
        """Give the figures for people, one for each of HEADS after the source."""
        mark = "*" if self.against else ""
        caught = (
            TOO_FEW if rate in self.too_few else "-" if share is None else f"{share:.1%}{mark}"
            for rate, share in self.caught.items()
        )
        auc = "-" if self.one_minus_auc is None else f"{self.one_minus_auc:.5f}{mark}"
        error = "-" if self.calibration_error is None else f"{self.calibration_error:.3f}"
        rates = ("-" if rate is None else str(rate) for rate in (self.flagged, self.missed))
        return f"{self.ham:,}", f"{self.unwanted:,}", auc, *caught, *rates, error

    def as_json(self) -> dict[str, Any]:
        """Give the row for machines, in the words that a model's metrics.json uses; shares, not percentages."""
        return {
            "source": self.source,
            "ham": self.ham,
            "unwanted": self.unwanted,
            "without text": self.textless,
            "errors": self.broken,
            "ranked against all": self.against,
            "1-auc": _rounded(self.one_minus_auc),
            **{f"caught at {rate} fp": _rounded(share) for rate, share in self.caught.items()},
            "too few ham for": list(self.too_few),
            "ham marked": rate_json(self.flagged),
            "unwanted missed": rate_json(self.missed),
            "ece": _rounded(self.calibration_error),
        }


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores of ham and of unwanted mail as arrays: log-odds, and probabilities (not a number without an opinion)."""

    ham: Floats
    unwanted: Floats
    ham_odds: Floats
    unwanted_odds: Floats
    broken: int

    def bins(self) -> tuple[Bin, ...]:
        """Give the reliability of the probabilities over the messages that the check has an opinion on."""
        odds = np.concatenate((self.ham_odds, self.unwanted_odds))
        labels = np.repeat(np.array((0, 1), np.int64), (self.ham.size, self.unwanted.size))
        known = ~np.isnan(odds)
        return reliability(labels[known], odds[known])


@dataclass(frozen=True, slots=True)
class Report:
    """An evaluation: rows by source, the total, and the scores that a picture is drawn from (by source, and all)."""

    rows: tuple[Row, ...]
    total: Row
    scores: tuple[Scores, ...]
    everything: Scores


def report(names: list[str], sides: list[Sides], mark: float) -> Report:
    """Measure scored mail: `names` and `sides` by source, `mark` the log-odds from which on content alone marks it."""
    scores = tuple(_scores(ham, unwanted) for ham, unwanted in sides)
    everything = Scores(
        np.concatenate([each.ham for each in scores]),
        np.concatenate([each.unwanted for each in scores]),
        np.concatenate([each.ham_odds for each in scores]),
        np.concatenate([each.unwanted_odds for each in scores]),
        sum(each.broken for each in scores),
    )
    rows = (_row(name, each, everything, mark) for name, each in zip(names, scores, strict=True))
    return Report(tuple(rows), _row("total", everything, everything, mark), scores, everything)


def _scores(ham: Side, unwanted: Side) -> Scores:
    (ham_logits, ham_odds), (unwanted_logits, unwanted_odds) = ham.arrays(), unwanted.arrays()
    return Scores(ham_logits, unwanted_logits, ham_odds, unwanted_odds, ham.broken + unwanted.broken)


def _row(name: str, own: Scores, everything: Scores, mark: float) -> Row:
    """Measure one source; what it lacks to be ranked is taken from everything."""
    ham, unwanted, against = own.ham, own.unwanted, ""
    if not ham.size and unwanted.size:
        ham, against = everything.ham, "ham"
    elif not unwanted.size and ham.size:
        unwanted, against = everything.unwanted, "unwanted"
    ranked = bool(ham.size and unwanted.size)
    shown = {rate: ranked and can_show(ham.size, share) for rate, share in RATES.items()}
    caught = {
        rate: float((unwanted > threshold(ham, share)).mean()) if shown[rate] else None for rate, share in RATES.items()
    }
    bins = own.bins() if own.ham.size and own.unwanted.size else ()
    return Row(
        source=name,
        ham=int(own.ham.size),
        unwanted=int(own.unwanted.size),
        textless=int(np.isnan(own.ham_odds).sum() + np.isnan(own.unwanted_odds).sum()) - own.broken,
        broken=own.broken,
        against=against,
        one_minus_auc=one_minus_auc(ham, unwanted) if ranked else None,
        caught=caught,
        too_few=tuple(rate for rate in RATES if ranked and not shown[rate]),
        # As the check does: from the mark on. A message without an opinion is never marked.
        flagged=rate_of(own.ham >= mark),
        missed=rate_of(own.unwanted < mark),
        calibration_error=calibration_error(bins) if bins else None,
    )


def rate_of(hits: Bools) -> Rate | None:
    """Count, with the interval; None where there is nothing to count."""
    if not hits.size:
        return None
    return Rate(int(hits.sum()), int(hits.size), *interval(int(hits.sum()), int(hits.size)))


def rate_json(rate: Rate | None) -> dict[str, Any] | None:
    """Give a count and its share for machines."""
    if rate is None:
        return None
    bounds = {"share": rate.share, "low": rate.low, "high": rate.high}
    return {"messages": rate.hits, **{key: _rounded(value) for key, value in bounds.items()}}


def _per_cent(share: float) -> str:
    """Give per cent in three or four digits: near 0 the second decimal matters, near 100 it does not."""
    number = 100 * share
    return f"{number:.2f}" if number < 9.995 else f"{number:.1f}" if number < 99.95 else "100"


def _rounded(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else round(value, 6)
