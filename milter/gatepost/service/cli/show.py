"""How a verdict looks to people on a terminal: a table for many messages, a page for one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from rich import box
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from gatepost.ledger.record import Record, shown
from gatepost.verdict import AddHeader, Because, outcome_word

_COLOURS: Final = {"accept": "green", "quarantine": "yellow", "defer": "cyan", "reject": "red"}
_WHY: Final = 3


Row = tuple[Text, ...]
"""What the table shows of one message."""


def row(name: str, record: Record) -> Row:
    """Give the cells of one message."""
    figures = (Text(figure) for figure in _figures(record))
    return (Text(shown(name)), _outcome(record), *figures, Text(_because(record.verdict.because)))


def verdict_table(rows: Iterable[Row]) -> Table:
    """Give a table with one row per message."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("message", overflow="fold")
    for name in ("outcome", "score", "class", "spam"):
        table.add_column(name, justify="right" if name in {"score", "spam"} else "left", no_wrap=True)
    table.add_column("because", overflow="fold")
    for cells in rows:
        table.add_row(*cells)
    return table


def page(name: str, record: Record) -> Group:
    """Give the whole story of one message: verdict, parts of the score, evidence, headers."""
    title = Text.assemble((shown(name), "bold"), "  ", _outcome(record), "  ", record.reason)
    parts = Table(box=box.SIMPLE_HEAD, pad_edge=False, title="score", title_justify="left")
    parts.add_column("points", justify="right")
    parts.add_column("code", no_wrap=True)
    parts.add_column("because", overflow="fold")
    for part in record.verdict.because:
        excuse = f" Excused by {part.excuse}." if part.excuse else ""
        parts.add_row(f"{part.points:+.1f}", part.code, Text(shown(part.detail) + excuse))
    parts.add_row(f"{record.verdict.score:.1f}", "sum", "", style="bold")
    found = Table(box=box.SIMPLE_HEAD, pad_edge=False, title="evidence", title_justify="left")
    found.add_column("code", no_wrap=True)
    found.add_column("detail", overflow="fold")
    for item in record.evidence:
        found.add_row(item.code, Text(shown(item.detail)))
    headers = Text(
        "\n".join(f"{edit.name}: {edit.value}" for edit in record.verdict.edits if isinstance(edit, AddHeader))
    )
    return Group(title, parts, found, Text("headers", style="italic"), headers, _footer(record))


def _footer(record: Record) -> Text:
    timings = ", ".join(f"{name} {seconds * 1e3:.1f}" for name, seconds in record.timings.items() if seconds >= 5e-5)
    return Text(f"\n{record.seconds * 1e3:.1f} ms ({timings})" + (f"\n{record.reply}" if record.reply else ""))


def console(*, error: bool = False) -> Console:
    """Give the console: colour only on a terminal, and a width that does not cut a table that goes into a file."""
    made = Console(stderr=error, highlight=False, soft_wrap=False)
    return made if made.is_terminal else Console(stderr=error, highlight=False, width=160, no_color=True)


def _outcome(record: Record) -> Text:
    word = outcome_word(record.verdict.outcome)
    return Text(word, style=_COLOURS[word])


def _figures(record: Record) -> tuple[str, str, str]:
    verdict = record.verdict
    return (
        f"{verdict.score:.1f}",
        str(verdict.label),
        "" if verdict.probability is None else f"{verdict.probability:.3f}",
    )


def _because(parts: tuple[Because, ...]) -> str:
    more = f", {len(parts) - _WHY} more" if len(parts) > _WHY else ""
    told = (f"{part.code} {'excused' if part.excuse else format(part.points, '+.1f')}" for part in parts[:_WHY])
    return ", ".join(told) + more
