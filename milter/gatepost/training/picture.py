"""The picture of an evaluation: one HTML file that needs nothing else, no script, no font, no network.

Three plots. The ROC curve near its corner: how much unwanted mail is caught while hardly any ham is, on a logarithmic
axis because one in a thousand and one in ten thousand are different worlds. The reliability plot: whether mail called
70 % unwanted is unwanted seven times in ten. The histogram of scores, logarithmic upwards because the few messages in
the tails are the errors.
"""

from __future__ import annotations

import math
from html import escape
from pathlib import Path
from typing import Final

import numpy as np

from gatepost.checks.content.budget import probability_of, spoken
from gatepost.ledger.record import shown
from gatepost.training.chart import Axis, Chart
from gatepost.training.measure import interval, roc
from gatepost.training.report import HEADS, Report, Scores

_CURVES: Final = 6
"""Sources with a curve of their own, the largest ones; more colours nobody can tell apart."""

_COLOURS: Final = tuple(f"var(--c{number})" for number in range(1, _CURVES + 1))
_HAM: Final = "var(--c1)"
_UNWANTED: Final = "var(--c2)"
_INK: Final = "var(--ink)"
_FAINT: Final = "var(--faint)"
_EDGE: Final = 12.0
_BARS: Final = 60
_TENTHS: Final = tuple((tenth / 10, f"{10 * tenth} %") for tenth in range(0, 11, 2))

_STYLE: Final = """
:root { --page:#fff; --ink:#1b1f24; --faint:#8a929c; --grid:#e3e6ea;
  --c1:#0072b2; --c2:#d55e00; --c3:#009e73; --c4:#cc79a7; --c5:#b8860b; --c6:#5b4bb5 }
@media (prefers-color-scheme: dark) { :root { --page:#15181c; --ink:#e8eaed; --faint:#8a929c; --grid:#2c3138;
  --c1:#56b4e9; --c2:#ff8c42; --c3:#2fc796; --c4:#e39ac4; --c5:#e6c229; --c6:#a79bf0 } }
body { background:var(--page); color:var(--ink); font:15px/1.45 system-ui,sans-serif; margin:1.5rem auto; max-width:90rem; padding:0 1rem }
.plots { display:grid; grid-template-columns:repeat(auto-fit,minmax(22rem,1fr)); gap:1rem }
figure { margin:0 } svg { width:100%; height:auto } svg text { fill:var(--ink); font-size:12px } .grid { stroke:var(--grid) }
figcaption { color:var(--ink); font-size:.9rem } .key { white-space:nowrap; margin-right:.8em } .key i { display:inline-block; width:1em; height:.6em; margin-right:.3em }
table { border-collapse:collapse; margin-top:1.5rem } th,td { padding:.25rem .7rem; text-align:right; border-bottom:1px solid var(--grid) }
th:first-child,td:first-child { text-align:left } .wide { overflow-x:auto }
"""


class PictureError(ValueError):
    """A picture cannot be made; the message is one line."""


def require_drawable(path: Path) -> None:
    """Insist, before hours of work, that a picture can be written there as its suffix asks; raises PictureError."""
    if path.suffix.lower() == ".png":
        raise PictureError(f"--picture {path}: PNG cannot be drawn here; name a file that ends in .html")
    if path.suffix.lower() not in {".html", ".htm"}:
        raise PictureError(f"--picture {path}: name a file that ends in .html")
    if path.is_dir() or not path.parent.is_dir():
        raise PictureError(f"--picture {path}: {'is a directory' if path.is_dir() else 'no such directory'}")


def draw(path: Path, found: Report, model: str, mark: float) -> None:
    """Write the picture, `mark` being the log-odds that mark a message; raises PictureError where the file cannot be written."""
    try:
        path.write_text(page(found, model, mark), "utf-8")
    except OSError as error:
        raise PictureError(f"--picture {path}: cannot be written: {error.strerror}") from error


def page(found: Report, model: str, mark: float) -> str:
    """Give the whole HTML page; the same report gives the same text. Names of sources are escaped."""
    total = found.total
    counts = f"{total.ham:,} ham, {total.unwanted:,} unwanted"
    title = escape(shown(f"Model {model} on {counts}"))
    kinds = _keys([("ham", _HAM), ("unwanted", _UNWANTED)])
    figures = (
        (
            _roc(found, mark),
            f"Caught against ham marked. Dot: marked from probability {spoken(probability_of(mark))} on.",
            _roc_keys(found),
        ),
        (_reliability(found.everything), "When it says so much, how often is it so? On the line: always.", ""),
        (_histogram(found.everything, mark), f"Scores. Dashed: probability {spoken(probability_of(mark))}.", kinds),
    )
    plots = "".join(
        f"<figure>{chart.svg()}<figcaption>{escape(words)} {keys}</figcaption></figure>"
        for chart, words, keys in figures
    )
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body>\n<h1>{title}</h1>\n'
        f'<div class="plots">{plots}</div>\n<div class="wide">{_table(found)}</div>\n</body></html>\n'
    )


def _curves(found: Report) -> list[tuple[str, str, Scores]]:
    """Choose the curves: name, colour, scores; sources of both kinds, the largest first, unless there is one only."""
    pairs = [
        (row.source, scores)
        for row, scores in zip(found.rows, found.scores, strict=True)
        if len(found.rows) > 1 and row.ham and row.unwanted
    ]
    largest = sorted(pairs, key=lambda pair: -(pair[1].ham.size + pair[1].unwanted.size))[:_CURVES]
    return [(name, colour, scores) for (name, scores), colour in zip(largest, _COLOURS, strict=False)]


def _roc(found: Report, mark: float) -> Chart:
    everything = found.everything
    decades = min(max(math.ceil(math.log10(everything.ham.size)), 2), 5)
    ticks = [(10.0**-power, _percent(10.0**-power)) for power in range(decades, -1, -1)]
    x = Axis("ham marked", 10.0**-decades, 1.0, ticks, log=True)
    curves = [*_curves(found), ("all", _INK, everything)]
    points = [(colour, _points(scores)) for _, colour, scores in curves]
    lowest = min(caught for _, path in points for wrong, caught in path if wrong >= x.low)
    floor = min(math.floor(10 * lowest), 8) / 10
    step = 0.1 if floor >= 0.5 else 0.2
    levels = [floor + step * number for number in range(round((1 - floor) / step) + 1)]
    chart = Chart(
        "ROC near the corner",
        x,
        Axis("unwanted caught", floor, 1.0, [(each, f"{100 * each:.0f} %") for each in levels]),
    )
    for colour, path in points:
        chart.steps(path, colour, width=2.5 if colour == _INK else 1.5)
    wrong = float((everything.ham >= mark).mean())
    caught = float((everything.unwanted >= mark).mean())
    chart.dot(wrong, caught, _INK, radius=5, tip=f"{caught:.2%} caught, {wrong:.3%} of ham marked")
    return chart


def _points(scores: Scores) -> list[tuple[float, float]]:
    wrong, caught = roc(scores.ham, scores.unwanted)
    return list(zip(wrong.tolist(), caught.tolist(), strict=True))


def _reliability(scores: Scores) -> Chart:
    chart = Chart("Reliability", Axis("says", 0, 1, _TENTHS), Axis("is unwanted", 0, 1, _TENTHS))
    chart.line((0, 0), (1, 1), _FAINT, dashed=True)
    bins = scores.bins()
    most = max((each.messages for each in bins), default=1)
    for each in bins:
        low, high = interval(each.unwanted, each.messages)
        true = each.unwanted / each.messages
        chart.line((each.predicted, low), (each.predicted, high), _HAM)
        tip = f"{each.messages:,} messages: says {each.predicted:.1%}, is {true:.1%} ({low:.1%} to {high:.1%})"
        chart.dot(each.predicted, true, _HAM, radius=2.5 + 5 * math.sqrt(each.messages / most), tip=tip)
    return chart


def _histogram(scores: Scores, mark: float) -> Chart:
    ticks = [(math.log(p / (1 - p)), f"{p:g}") for p in (0.0001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.9999)]
    least = 0.5 / max(scores.ham.size, scores.unwanted.size, 2)
    powers = range(math.ceil(math.log10(least)), 1)
    y = Axis("share of messages", least, 1.0, [(10.0**power, _percent(10.0**power)) for power in powers], log=True)
    chart = Chart("Scores of ham and unwanted mail", Axis("probability of being unwanted", -_EDGE, _EDGE, ticks), y)
    for logits, colour in ((scores.ham, _HAM), (scores.unwanted, _UNWANTED)):
        told = np.clip(logits[np.isfinite(logits)], -_EDGE, _EDGE)
        counts, edges = np.histogram(told, _BARS, (-_EDGE, _EDGE))
        tops = (counts / logits.size).tolist()
        # A bar is level from its left edge to its right one, where the next begins.
        stairs = [(float(edges[0]), 0.0)]
        for start, end, top in zip(edges[:-1].tolist(), edges[1:].tolist(), tops, strict=True):
            stairs += [(start, top), (end, top)]
        chart.steps([*stairs, (_EDGE, 0.0)], colour, fill=True)
    if abs(mark) < _EDGE:
        chart.line((mark, least), (mark, 1.0), _FAINT, dashed=True)
    return chart


def _percent(share: float) -> str:
    return f"{100 * share:g} %"


def _keys(named: list[tuple[str, str]]) -> str:
    return "".join(
        f'<span class="key"><i style="background:{colour}"></i>{escape(shown(name))}</span>' for name, colour in named
    )


def _roc_keys(found: Report) -> str:
    curves = [(name, colour) for name, colour, _ in _curves(found)]
    return _keys([*curves, ("all", _INK)]) if curves else ""


def _table(found: Report) -> str:
    """Give the numbers too: a picture alone cannot be read aloud, searched or copied."""
    heads = "".join(f"<th>{head}</th>" for head in HEADS)
    rows = (
        f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in (shown(row.source), *row.words()))}</tr>\n"
        for row in (*found.rows, found.total)
    )
    return f"<table><tr>{heads}</tr>\n{''.join(rows)}</table>"
