"""How the effect of each error budget looks to people: the tables at the end of `gatepost evaluate` and `gatepost train`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from gatepost.checks.content.budget import logit_of, percent, spoken
from gatepost.ledger.record import shown

if TYPE_CHECKING:
    from gatepost.checks.content.budget import Budget
    from gatepost.training.budget_table import Effect, Line
    from gatepost.training.report import Rate, Report

_NONE: Final = "The model carries no scores of held-out ham: what [classifier] max_false_positive_rate would do with it is not known."


def print_budgets(out: Console, budget: Budget | None, spam_from: float, measured: Report | None = None) -> None:
    """Print what each budget comes to on held-out mail, and on measured mail if there is some; `spam_from` is the site's."""
    from gatepost.training.budget_table import budget_table  # noqa: PLC0415  # needs scipy, as evaluate says

    if budget is None:
        _say(out, _NONE)
        return
    lines = budget_table(budget, spam_from, measured)
    _say(out, f"Error budgets: [classifier] max_false_positive_rate, by {budget.ham:,} held-out ham of the model")
    if any(line.choice.logit == logit_of(spam_from) for line in lines):
        _say(
            out,
            f"None marks below p {spoken(spam_from)}: from there on a text is called spam ([classifier] spam_from).",
        )
    out.print(_held_out(lines))
    if not all(line.choice.shown for line in lines):
        _say(
            out, "* Too few ham to show it: the threshold goes just above the highest one, and this is what they show."
        )
    if measured:
        _say(out, "The same thresholds on the mail given here, per cent of ham marked / of unwanted mail caught")
        out.print(_given(lines))


def _say(out: Console, line: str) -> None:
    out.print(line, markup=False, highlight=False, soft_wrap=True)


def _grid(first: str, heads: list[str]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    table.add_column(first, overflow="fold")
    for head in heads:
        table.add_column(head, justify="right")
    return table


def _held_out(lines: tuple[Line, ...]) -> Table:
    """Give a row for each budget: where it marks, what the bound is, and which source pays most."""
    table = _grid("budget", ["marks from p", "bound", "ham marked", "worst source", "caught on average"])
    for line in lines:
        choice = line.choice
        worst = f"{choice.worst_kind} {percent(choice.worst_share)}" if choice.wrong else "-"
        table.add_row(
            percent(choice.rate),
            spoken(choice.probability),
            f"{percent(choice.bound)}{'' if choice.shown else '*'}",
            f"{choice.wrong:,}",
            Text(shown(worst)),
            "-" if line.mean_caught is None else f"{line.mean_caught:.1%}",
        )
    return table


def _given(lines: tuple[Line, ...]) -> Table:
    """Give a row for each source and a column for each budget."""
    table = _grid("source", [percent(line.choice.rate) for line in lines])
    several = len(lines[0].sources) > 1
    for place, effect in enumerate(lines[0].sources):
        table.add_row(Text(shown(effect.source)), *(_cell(line.sources[place]) for line in lines))
    if several:
        table.add_section()
        table.add_row("total", *(_cell(line.total) for line in lines if line.total), style="bold")
    return table


def _cell(effect: Effect) -> str:
    return f"{_share(effect.marked, 2)} / {_share(effect.caught, 1)}"


def _share(rate: Rate | None, decimals: int) -> str:
    return "-" if rate is None else f"{100 * rate.share:.{decimals}f}"
