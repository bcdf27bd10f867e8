"""The model search as Markdown: what was tried, how it did on mail from elsewhere and on later mail, what it costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

LEGEND: Final = """\
*Unseen*: each pack was tested by a model that learned the others (packs of one kind of mail held out together, invented
mail by halves of its writers). *Later*: the last fifth in time of each source, by a model that learned the first four.
Means are over the packs that have both kinds of mail, each counting alike; 1-AUC is the share of pairs of ham and unwanted
mail in the wrong order; caught is unwanted mail above all but 1 % (0.1 %) of the same pack's ham. At one threshold for all,
which 1 % of ham passes, each pack counting alike: the phish caught, and the receipts, delivery reports and newsletters lost.
Candidates without words know nothing of bare text (enron-text), so that half of its pairs count as wrong. Milliseconds
a message: reading it into features (median of some of each pack, CPU), and scoring it by itself. A model
takes three bytes a column; seconds of fitting are those of the first fold, with making its matrix where none was at hand."""

_HEADS: Final = ("candidate", "1-AUC", "worst pack", "caught at 1 %", "caught at 0.1 %")
_KINDS: Final = ("phish", "receipts", "reports", "newsletters", "invented ham", "invented unwanted")


def as_markdown(results: Mapping[str, Any]) -> str:
    """Give the tables of a search, from what its JSON holds: `candidates`, and one of `rows` for each protocol of each."""
    rows = {(row["candidate"], row["protocol"]): row for row in results["rows"]}
    names = [name for name in results["candidates"] if any(key[0] == name for key in rows)]
    parts = ["### What was tried", _list(results["candidates"], names), LEGEND]
    for protocol, title in (("unseen", "Mail from packs it never saw"), ("later", "Later mail of packs it knows")):
        here = {name: rows[name, protocol] for name in names if "mean" in rows.get((name, protocol), {})}
        if here:
            parts += [f"### {title}", _means(here), _packs(here)]
            if protocol == "unseen":
                parts += ["At one threshold for all packs:", _kinds(here)]
    costs = {name: next(row for key, row in rows.items() if key[0] == name) for name in names}
    parts += ["### What it costs", _costs(costs)]
    return "\n\n".join(parts) + "\n"


def _list(candidates: Mapping[str, str], names: Sequence[str]) -> str:
    return "\n".join(f"- **{name}**: {candidates[name]}" for name in names)


def _means(rows: Mapping[str, Any]) -> str:
    """Give the means over packs."""
    lines = [
        (
            name,
            _percent(row["mean"]["1-AUC"]),
            _percent(row["worst"]["1-AUC"]),
            *(f"{row['mean'][head]:.3f}" for head in _HEADS[3:]),
        )
        for name, row in rows.items()
    ]
    return _table(_HEADS, lines)


def _packs(rows: Mapping[str, Any]) -> str:
    """Give 1-AUC and what is caught at 1 % and 0.1 %, pack by pack."""
    packs = sorted({pack for row in rows.values() for pack, found in row["packs"].items() if "1-AUC" in found})
    lines = [(name, *(_pack(row["packs"].get(pack, {})) for pack in packs)) for name, row in rows.items()]
    return _table(("1-AUC / at 1 % / at 0.1 %", *packs), lines)


def _pack(found: Mapping[str, float]) -> str:
    if "1-AUC" not in found:
        return "-"
    return f"{_percent(found['1-AUC'])} / {found['caught at 1 %']:.3f} / {found['caught at 0.1 %']:.3f}"


def _kinds(rows: Mapping[str, Any]) -> str:
    """Give the shares above the common threshold."""
    kinds = [kind for kind in _KINDS if any(kind in row["above"] for row in rows.values())]
    lines = [
        (name, *(f"{row['above'][kind]:.3f}" if kind in row["above"] else "-" for kind in kinds))
        for name, row in rows.items()
    ]
    return _table(("candidate", *kinds), lines)


def _costs(rows: Mapping[str, Any]) -> str:
    """Give what a message and a model cost."""
    lines = [
        (
            name,
            f"{row['feature ms']:.2f}",
            f"{row['score ms']:.2f}",
            f"{row['bytes'] / 1e6:.1f}",
            f"{row['fit seconds']:.0f}",
        )
        for name, row in rows.items()
    ]
    return _table(("candidate", "features, ms", "scoring, ms", "model, MB", "fit, s"), lines)


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"


def _table(heads: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Write a Markdown table, numbers to the right."""
    rule = ["---", *["---:"] * (len(heads) - 1)]
    return "\n".join("| " + " | ".join(line) + " |" for line in (heads, rule, *lines))
