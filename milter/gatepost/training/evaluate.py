"""Measuring: one row per source of mail, never pooled, on mail that was held out.

Three ways of holding out answer three questions. By near-duplicate group: how well the model knows its own sources. By
time: what happens to it as months pass. By source: what it does with mail from places it never saw, which is what a new
site will see, and the number to look at first.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from gatepost.training.calibrate import Curve
from gatepost.training.columns import WRITTEN
from gatepost.training.fit import Bools, Floats
from gatepost.training.measure import calibration_error, one_minus_auc, reliability, threshold
from gatepost.training.table import Table

Metrics = dict[str, Any]

_NEWSLETTERS: Final = "spamassassin/hard_ham"
_TAIL: Final = 1_000
_QUANTILES: Final = 200
_WRITTEN_AS_ONE: Final = 4
"""Wanted messages of the written pack that count as one in an error budget: half of them are as hard as one in a hundred
messages of a mailbox, on purpose, and a budget is about mailboxes."""


def rows_by_pack(table: Table, scores: Floats, curve: Curve, inside: Bools) -> list[Metrics]:
    """Give one row of metrics for each pack with rows `inside`, and for the hard ham of SpamAssassin (newsletters) by itself."""
    rows: list[Metrics] = []
    parts = {pack: table.packs == pack for pack in sorted(set(table.packs.tolist()))}
    newsletters = np.char.startswith(table.sources, _NEWSLETTERS)
    if newsletters.any():
        parts["spamassassin hard ham"] = newsletters
    pooled = threshold(scores[inside & (table.unwanted == 0)], 0.01)
    for name, members in parts.items():
        chosen = members & inside
        if chosen.any():
            rows.append({"source": name, **_metrics(table.unwanted[chosen], scores[chosen], curve, pooled)})
    return rows


def _metrics(unwanted: npt.NDArray[np.int64], scores: Floats, curve: Curve, pooled: float) -> Metrics:
    """Measure one set: sizes, ranking, catches at fixed false-positive rates, behaviour of the probabilities."""
    ham, bad = scores[unwanted == 0], scores[unwanted == 1]
    found: Metrics = {"ham": int(ham.size), "unwanted": int(bad.size)}
    if ham.size and bad.size:
        found["1-auc"] = round(one_minus_auc(ham, bad), 5)
        found["caught at 1% fp"] = _share(bad > threshold(ham, 0.01))
        found["caught at 0.1% fp"] = _share(bad > threshold(ham, 0.001))
        found["ece"] = round(calibration_error(reliability(unwanted, curve.probabilities(scores))), 4)
    if ham.size:
        odds = curve.probabilities(ham)
        found |= {"ham p>0.5": _share(odds > 0.5), "ham p>0.7": _share(odds > 0.7), "ham p>0.9": _share(odds > 0.9)}
        found["ham flagged at pooled 1% fp"] = _share(ham > pooled)
    if bad.size:
        odds = curve.probabilities(bad)
        found |= {"caught p>0.5": _share(odds > 0.5), "caught p>0.7": _share(odds > 0.7)}
        found["caught p>0.9"] = _share(odds > 0.9)
    return found


def _share(which: Bools) -> float:
    """Give the share of True, rounded."""
    return round(float(which.mean()), 4)


def bulk_metrics(table: Table, target: npt.NDArray[np.int64], clear: Bools, odds: Floats) -> Metrics:
    """Measure the form of bulk mail on held-out probabilities: what is called bulk where that is clear, and by pack."""
    bulk, other = odds[clear & (target == 1)], odds[clear & (target == 0)]
    found: Metrics = {"bulk": int(bulk.size), "other": int(other.size)}
    if bulk.size and other.size:
        found |= {
            "1-auc": round(one_minus_auc(other, bulk), 5),
            "bulk called bulk": _share(bulk >= 0.5),
            "other called bulk": _share(other >= 0.5),
        }
    return found | {
        f"ham of {pack} called bulk": _share(odds[(table.packs == pack) & (table.unwanted == 0)] >= 0.5)
        for pack in sorted(set(table.packs[table.unwanted == 0].tolist()))
    }


def budget_data(table: Table, logits: Floats) -> dict[str, Any]:
    """Give what an error budget is chosen from (checks/content/budget.py): scores of ham and unwanted mail, by pack.

    Takes calibrated log-odds that were held out. `tails` has the highest of ham, `caught` quantiles of unwanted mail. Of the
    written pack's ham, from the highest on, every fourth counts.
    """
    tails, caught = {}, {}
    for pack in sorted(set(table.packs.tolist())):
        ham, bad = (logits[(table.packs == pack) & (table.unwanted == each)] for each in (0, 1))
        if ham.size:
            # Rounded up, or the threshold above a score would lie below it.
            thinned = np.sort(ham)[:: -_WRITTEN_AS_ONE if pack == WRITTEN else -1]
            highest = np.ceil(thinned[:_TAIL] * 1e4) / 1e4
            tails[pack] = {"ham": int(thinned.size), "logits": _rounded(highest)}
        if bad.size:
            steps = np.quantile(bad, np.linspace(0, 1, min(_QUANTILES, bad.size)))
            caught[pack] = {"unwanted": int(bad.size), "logits": _rounded(steps)}
    return {"tails": tails, "caught": caught}


def _rounded(values: Floats) -> list[float]:
    return [round(float(value), 4) for value in values]


def later_rows(table: Table) -> Bools:
    """Choose the later part of each source for the test by time: its last fifth by year, or by order where years agree.

    Near-duplicate groups that also occur earlier are left out of neither side here: time alone decides.
    """
    later = np.zeros(len(table), bool)
    for source in sorted(set(table.sources.tolist())):
        members = np.flatnonzero(table.sources == source)
        ranked = members[np.argsort(table.years[members], kind="stable")]
        later[ranked[int(ranked.size * 0.8) :]] = True
    return later


def phish_metrics(table: Table, scores: Floats, curve: Curve) -> Metrics:
    """Measure phish against other unwanted mail on held-out scores."""
    rows = table.unwanted == 1
    target = (table.labels[rows] == "phish").astype(np.int64)
    if len(set(target.tolist())) < 2:
        return {"phish": int(target.sum()), "spam": int(target.size - target.sum())}
    odds = curve.probabilities(scores[rows])
    return {
        "phish": int(target.sum()),
        "spam": int(target.size - target.sum()),
        "1-auc": round(one_minus_auc(odds[target == 0], odds[target == 1]), 5),
        "phish called phish": _share(odds[target == 1] >= 0.5),
        "spam called phish": {
            pack: _share(odds[(target == 0) & (table.packs[rows] == pack)] >= 0.5)
            for pack in sorted(set(table.packs[rows][target == 0].tolist()))
        },
    }
