"""From scores to figures: one line for a candidate under one protocol, source by source and over sources.

Rates are measured within a source, at a threshold of its own ham. What happens between sources shows at a common
threshold: the score that 1 % of the ham passes, each source that has both kinds counting alike. There one sees the phish that is caught, and
how many receipts, delivery reports and newsletters would be lost.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from bench.search_runs import INVENTED
from gatepost.training.fit import Bools, Floats
from gatepost.training.measure import one_minus_auc, threshold
from gatepost.training.table import Table

RATES: Final = {"caught at 1 %": 0.01, "caught at 0.1 %": 0.001}
_SOME: Final = 20
_NEWSLETTERS: Final = "spamassassin/hard_ham"


def figures(table: Table, scores: Floats) -> dict[str, Any]:
    """Give the figures of one candidate: `packs`, their `mean` and `worst`, and the shares `above` the common threshold."""
    tested = ~np.isnan(scores)
    packs = {pack: _pack(table, scores, tested & (table.packs == pack)) for pack in sorted(set(table.packs.tolist()))}
    packs = {pack: row for pack, row in packs.items() if row}
    both = [row for pack, row in packs.items() if pack != INVENTED and min(row["ham"], row["unwanted"]) >= _SOME]
    measures = ("1-AUC", *RATES)
    found: dict[str, Any] = {"packs": packs}
    if both:
        found["mean"] = {name: round(float(np.mean([row[name] for row in both])), 5) for name in measures}
        found["worst"] = {"1-AUC": max(row["1-AUC"] for row in both)} | {
            name: min(row[name] for row in both) for name in RATES
        }
        found["above"] = _above(table, scores, tested)
    return found


def _pack(table: Table, scores: Floats, rows: Bools) -> dict[str, Any]:
    """Measure one pack by itself; without both kinds only their numbers are given."""
    ham, unwanted = scores[rows & (table.unwanted == 0)], scores[rows & (table.unwanted == 1)]
    if not ham.size and not unwanted.size:
        return {}
    found: dict[str, Any] = {"ham": int(ham.size), "unwanted": int(unwanted.size)}
    if ham.size and unwanted.size:
        found["1-AUC"] = round(one_minus_auc(ham, unwanted), 5)
        found |= {name: _share(unwanted > threshold(ham, rate)) for name, rate in RATES.items()}
    return found


def common_threshold(table: Table, scores: Floats, tested: Bools) -> float:
    """Give the score that 1 % of the ham exceeds, each public pack that has both kinds of mail counting alike."""
    ham, weights = [], []
    for pack in sorted(set(table.packs.tolist()) - {INVENTED}):
        rows = tested & (table.packs == pack)
        if rows.any() and len(set(table.unwanted[rows].tolist())) == 2:
            ham.append(scores[rows & (table.unwanted == 0)])
            weights.append(np.full(ham[-1].size, 1 / ham[-1].size))
    every, share = np.concatenate(ham), np.concatenate(weights)
    order = np.argsort(-every, kind="stable")
    at = int(np.searchsorted(np.cumsum(share[order]), 0.01 * share.sum()))
    return float(every[order][min(at, order.size - 1)])


def _above(table: Table, scores: Floats, tested: Bools) -> dict[str, float]:
    """Give the shares above the common threshold of what shows most between sources."""
    level = common_threshold(table, scores, tested)
    invented = table.packs == INVENTED
    parts = {
        "phish": table.packs == "phishingpot",
        "receipts": table.packs == "transactional",
        "reports": table.packs == "bounces",
        "newsletters": np.char.startswith(table.sources, _NEWSLETTERS),
        "invented ham": invented & (table.unwanted == 0),
        "invented unwanted": invented & (table.unwanted == 1),
    }
    return {name: _share(scores[rows & tested] > level) for name, rows in parts.items() if (rows & tested).any()}


def _share(which: Bools) -> float:
    return round(float(which.mean()), 4)
