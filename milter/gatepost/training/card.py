"""The model card: what a model was made of, under which licences, what it was measured to do, and where it is weak.

After Mitchell et al., "Model Cards for Model Reporting" (2019), kept to what an administrator needs to decide.
"""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import sklearn

from gatepost.training.evaluate import Metrics
from gatepost.training.table import Table

_TRIED: Final = Path(__file__).with_name("tried.md")
"""The tables of the model search that this recipe came out of: `make model-search` writes them."""

_LICENCES: Final = {
    "spamassassin": "none stated (public corpus), mail of 2002",
    "trec07": "TREC research agreement upstream, mail of April to July 2007",
    "phishingpot": "CC BY-NC 4.0: non-commercial, phishing of one honeypot 2022-2026",
    "lists": "none stated (public list archives), 2019-2026",
    "transactional": "MIT, Apache and BSD templates with invented people and firms",
    "bounces": "BSD-2-Clause, delivery reports 1999-2025",
    "invented": "written for this project (GPL-3.0-or-later), invented people and firms, 48 languages",
    "enron-text": "none stated (public), text without headers, 1999-2005",
}
_COLUMNS: Final = (
    "source",
    "ham",
    "unwanted",
    "1-auc",
    "caught at 1% fp",
    "caught at 0.1% fp",
    "ham p>0.7",
    "ham p>0.9",
    "caught p>0.7",
    "caught p>0.9",
    "ece",
)
_SHIPPED: Final = frozenset(_LICENCES)
"""The packs that the shipped model is trained from: what is said of their mail holds for a model made from just these."""

_OF_ANY: Final = """\
- Wanted and unwanted bulk mail use the same words; they differ in who sends it and whether people asked for it.
  Authentication, how openly it is sent, reputation and the site's own labels have to settle those."""
_OF_SHIPPED: Final = """\
- Packs that were left out whole show what a new kind of mail costs: the rows by pack lie far below the others.
- Public corpora hold no modern personal or business mail and hardly any wanted mail that is not English; the written
  records (models/invented) stand in for it. The probabilities are held down for that reason (see "lowered"), which
  costs catches on new kinds of spam."""
_PADDING: Final = """\
- Wanted words put in view beside spam (padding, long quotes) cost less recall since long texts are judged by stretches
  too, and still cost some"""
_FIGURES: Final = ": docs/attacks.md has the figures"
_BEYOND: Final = "- Image-only mail, and mail that says nothing in words, is beyond it."
_PHISH: Final = """\
- The phish label is mostly a honeypot's: it holds plain spam too, and plain spam of today may be called phish."""
_UNTESTED: Final = (
    "not tested here, as beside what is held out there would be no mail, or one kind only, to learn from."
)


_VIEWS: Final = (
    ("by source", "What it does with mail from sources it never saw"),
    (
        "by pack",
        "What it does with packs it never saw: the hardest test, since packs differ in year, language and kind of mail",
    ),
    ("by group", "New messages of known sources (held out by near-duplicate group)"),
    ("by time", "The last fifth of each source, learned from the first four (by time)"),
)
_INTRODUCTION: Final = """\
Three linear models over hashed tokens: unwanted mail against ham (logistic regression and naive Bayes, averaged), phish
against other spam, and the form of commercial bulk mail against all other mail (logistic regression). A long text is
judged as a whole and in stretches of 80 words, and the worst counts, less a margin. Made by `gatepost train`; nothing in
it is executed and no mail can be read back from it.

Sources are held out in five folds (lists, products, mailboxes; a pack that is one source is cut in order of arrival).
Rates, not percentages; `1-auc` is the share of (ham, unwanted) pairs in the wrong order; `p` is the calibrated
probability of being unwanted; `ece` is the expected calibration error."""


def write_card(name: str, table: Table, metrics: Metrics, seed: int) -> str:
    """Give the card as Markdown, from the table the model learned from and what was measured."""
    shipped = set(table.packs.tolist()) == _SHIPPED
    written = " --packs models/invented" if shipped else ""
    aside = f" --set-aside {'models/set-aside.txt' if shipped else 'LIST'}" if metrics["set aside"] else ""
    lines = [f"# Model {name}", "", _INTRODUCTION, "", "## What it learned from", "", *_data(table), ""]
    lines += [
        f"{metrics['left out']} messages were left out: further near-duplicates (two of a group are kept) and mail"
    ]
    lines += ["without text.", ""]
    if metrics["set aside"]:
        lines += [f"A list of {metrics['set aside']} messages was set aside: neither learned from nor measured.", ""]
    for view, title in _VIEWS if any(metrics[view] for view, _ in _VIEWS[1:]) else _VIEWS[:1]:
        lines += [f"## {title}", "", *_view(table, metrics[view])]
    lines += ["## Phish against other spam (held out by near-duplicate group)", "", *_flat(metrics["phish"]), ""]
    lines += [
        "## The form of bulk mail against other mail (held out by near-duplicate group)",
        "",
        *_flat(metrics["bulk"]),
        "",
    ]
    if shipped:
        lines += ["## What was tried", "", _TRIED.read_text("utf-8").strip(), ""]
    lines += ["## Known weaknesses", "", *_weaknesses(shipped=shipped), ""]
    lines += [
        f"Caution lowered the calibrated log-odds by {metrics['lowered']}: at most 1 % of ham from unseen sources,",
        "each pack counting alike, passes a probability of 0.9.",
        "",
        "## Making it again",
        "",
        f"    gatepost train --packs PACKS{written}{aside} --out {name} --seed {seed}",
        "",
    ]
    if shipped:
        lines += [
            "Add `--without PACK` for a pack whose licence does not suit you (phishingpot is non-commercial, trec07 asks"
        ]
    lines += [
        f"{'for an agreement). ' if shipped else ''}The same packs and seed give the same files with these versions:",
        f"Python {platform.python_version()}, numpy {np.__version__}, scikit-learn {sklearn.__version__}.",
        "",
    ]
    return "\n".join(lines)


def _view(table: Table, rows: Sequence[Metrics]) -> list[str]:
    """Write the rows of one way of holding out, and a line for the packs that it could not test."""
    missing = sorted(set(table.packs.tolist()) - {row["source"] for row in rows})
    told = [f"{', '.join(missing)}: {_UNTESTED}", ""] if missing else []
    return [*_table(rows, _COLUMNS), "", *told] if rows else told


def _weaknesses(*, shipped: bool) -> list[str]:
    """List what is known to go wrong; what comes of the mail of the shipped model is said of no other."""
    if not shipped:
        return [_OF_ANY, f"{_PADDING}.", _BEYOND]
    return [_OF_ANY, _OF_SHIPPED, f"{_PADDING}{_FIGURES}.", _BEYOND, _PHISH]


def _data(table: Table) -> list[str]:
    """List the packs with their sizes and licences."""
    counts = Counter(zip(table.packs.tolist(), table.labels.tolist(), strict=True))
    rows: list[Metrics] = [
        {
            "pack": pack,
            **{label: counts[pack, label] for label in ("ham", "spam", "phish")},
            "licence": _LICENCES.get(pack, "not known to Gatepost: ask where you got it"),
        }
        for pack in sorted(set(table.packs.tolist()))
    ]
    return _table(rows, ("pack", "ham", "spam", "phish", "licence"))


def _table(rows: Sequence[Metrics], columns: Sequence[str]) -> list[str]:
    """Write rows as a Markdown table; a value a row does not have is a dash."""
    lines = ["| " + " | ".join(columns) + " |", "|" + " --- |" * len(columns)]
    return lines + ["| " + " | ".join(str(row.get(column, "-")) for column in columns) + " |" for row in rows]


def _flat(metrics: Metrics) -> list[str]:
    """Write one set of metrics as a list."""
    return [f"- {key}: {value}" for key, value in metrics.items()]
