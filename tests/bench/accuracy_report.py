"""The tables of the accuracy benchmark: one for each source, and the line that says on how many Gatepost is ahead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from rich import box
from rich.console import Console
from rich.table import Table

from bench.accuracy_measure import Row, compare, measure_row, source_of
from bench.accuracy_runs import Run

OWN: Final = "gatepost"

WIDTH: Final = 130
"""Columns that the tables need; a narrower terminal wraps the lines rather than cut the figures."""

_COLUMNS: Final = (
    "filter",
    "1-AUC",
    "caught\nat 1 %",
    "caught\nat 0.1 %",
    "ham over\nothers' 1 %",
    "ham\nflagged",
    "unwanted\nflagged",
    "learned\nfrom",
    "training",
    "messages\na second",
    "",
)

LEGEND: Final = (
    "1-AUC: pairs of ham and unwanted mail in the wrong order. Caught at 1 % and 0.1 %: unwanted mail above all but that share "
    "of the ham; with * the ham is too little for that, and it is the share above every single ham message. Ham over "
    "others' 1 %: ham above the score that 1 % of all other sources' ham exceeds. Flagged: at the filter's own default. "
    "A source of one kind is ranked against the other kind of all other sources. Two filters are compared on the "
    "messages that both scored."
)


@dataclass(frozen=True, slots=True)
class Report:
    """Everything measured: the rows of each source, and against whom Gatepost is ahead there."""

    mode: str
    rows: Mapping[str, tuple[Row, ...]]
    ahead: Mapping[str, Mapping[str, bool]]

    def won(self) -> list[str]:
        """Give the sources on which Gatepost is ahead of every other filter there is."""
        return [source for source, rivals in self.ahead.items() if rivals and all(rivals.values())]

    def as_json(self) -> dict[str, Any]:
        """Give the same as plain values."""
        rows = [asdict(row) for rows in self.rows.values() for row in rows]
        return {"mode": self.mode, "rows": rows, "ahead": {name: dict(each) for name, each in self.ahead.items()}}


def report(runs: Mapping[str, Sequence[Run]], cutoffs: Mapping[str, float], mode: str) -> Report:
    """Measure every filter on every source that was scored."""
    sources = sorted({source_of(key) for each in runs.values() for run in each for key in run.scores})
    rows: dict[str, tuple[Row, ...]] = {}
    ahead: dict[str, dict[str, bool]] = {}
    for source in sources:
        found = [measure_row(each, source, cutoffs[name]) for name, each in runs.items()]
        rows[source] = tuple(row for row in found if row is not None)
        if OWN in runs and rows[source]:
            ahead[source] = compare(runs, source, OWN)
    return Report(mode, rows, ahead)


def show(found: Report, console: Console) -> None:
    """Print a table for each source, the legend, and the count of sources won."""
    for source, rows in found.rows.items():
        if rows:
            console.print(_table(source, rows, found.ahead.get(source, {})))
    console.print(f"[dim]{LEGEND}[/dim]")
    console.print(verdict(found), highlight=False)


def verdict(found: Report) -> str:
    """Give the last line."""
    others = sorted({name for rivals in found.ahead.values() for name in rivals})
    if not others:
        return "Gatepost was not compared: it needs itself and another filter."
    return (
        f"Gatepost is ahead of {', '.join(others)} on 1-AUC and on mail caught at 0.1 % false positives "
        f"on {len(found.won())} of {len(found.ahead)} sources."
    )


def _table(source: str, rows: Sequence[Row], ahead: Mapping[str, bool]) -> Table:
    """Make the table of one source."""
    most = max(rows, key=lambda row: row.learned)
    behind = [name for name, won in ahead.items() if not won]
    table = Table(
        *_COLUMNS,
        title=f"{source}: {most.ham:,} ham, {most.unwanted:,} unwanted",
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        caption=f"not ahead of {', '.join(behind)}" if behind else None,
        caption_justify="right",
    )
    for column in table.columns[1:-1]:
        column.justify = "right"
    for row in rows:
        table.add_row(*_cells(row), _mark(row, behind, ahead))
    return table


def _mark(row: Row, behind: Sequence[str], ahead: Mapping[str, bool]) -> str:
    """Say in Gatepost's row whether it is ahead of all others."""
    if row.filter != OWN or not ahead:
        return ""
    return "not ahead" if behind else "ahead"


def _cells(row: Row) -> tuple[str, ...]:
    """Write a row's figures."""
    return (
        row.filter,
        f"{row.one_minus_auc:.3%}",
        f"{row.caught_at_wide_rate:.1%}",
        f"{row.caught_at_rate:.1%}{'*' if row.few else ''}",
        _share(row.others_ham),
        _share(row.ham_by_default),
        _share(row.caught_by_default),
        f"{row.learned:,}",
        f"{row.train_seconds:,.0f} s",
        f"{row.per_second:,.0f}",
    )


def _share(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"
