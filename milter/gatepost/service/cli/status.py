"""`gatepost status`: how the site is doing, in a table for people or one object for machines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated, Any, Final

import typer
from rich.table import Table
from rich.text import Text

from gatepost.checks.content.drift import OLD_MONTHS, WATCH_FROM, Drift, Movement
from gatepost.ledger.record import shown
from gatepost.service import logs
from gatepost.service.cli import options
from gatepost.service.cli.show import console
from gatepost.service.config import Loaded, load
from gatepost.service.organ import Organ
from gatepost.service.vitals import TRAINING, Beside, Compared, Vitals, vitals

HELP: Final = """Say how the site is doing: its model, its mail of the last days, its store, its resolver and its scanner.

\b
For people:                  gatepost status --config /etc/gatepost/gatepost.toml
For a monitoring system:     gatepost status --json

No daemon has to run. Exit 1: the model or the store cannot be had.
"""

_COLOURS: Final = {Drift.OK: "green", Drift.WATCH: "yellow", Drift.STALE: "red", Drift.UNKNOWN: "default"}


def status(
    config: options.ConfigFile = None,
    json_output: Annotated[bool, typer.Option("--json", help="One JSON object, for machines.")] = False,
) -> None:
    """Say how the site is doing."""
    loaded = load(config)
    with logs.quiet():
        found = vitals(loaded)
    if json_output:
        print(json.dumps(plain_data(loaded, found), ensure_ascii=False))
    else:
        console().print(table(loaded, found))
    raise typer.Exit(0 if found.well else 1)


def plain_data(loaded: Loaded, found: Vitals) -> dict[str, Any]:
    """Give the answer as plain data: the form of `gatepost status --json` (docs/model.md)."""
    return {
        "config": {"path": str(loaded.path) if loaded.path else None, "version": loaded.version},
        "model": {"name": found.name, "age_months": found.age, "old": found.old, **_organ(found.model)},
        "messages": {"day": round(found.day), "week": round(found.week)} if found.state.well else None,
        "classes": {name: round(share, 4) for name, share in found.labels.items()},
        "stale": found.stale,
        "drift": _compared(found.drift),
        "here": _compared(found.here),
        "shadow": _beside(found),
        "state": _organ(found.state),
        "resolver": _organ(found.resolver),
        "clamd": _organ(found.clamd),
        "second_scanner": _organ(found.second),
        "scanning_warnings": [shown(line) for line in found.warnings],
        "dnslists": {name: _organ(organ) for name, organ in found.lists},
    }


def _organ(organ: Organ) -> dict[str, Any]:
    return {"text": shown(organ.text), "well": organ.well}


def _compared(compared: Compared | None) -> dict[str, Any] | None:
    if compared is None:
        return None
    comparison = compared.comparison
    return {
        "verdict": str(comparison.verdict),
        "why": shown(comparison.why),
        "against": compared.against,
        "days": compared.days,
        "messages": round(compared.messages),
        "psi": round(comparison.psi, 4),
        "measures": [_movement(each) for each in comparison.measures],
        "moved": [_movement(each) for each in comparison.moved],
    }


def _movement(movement: Movement) -> dict[str, Any]:
    return {name: round(value, 4) if isinstance(value, float) else value for name, value in asdict(movement).items()}


def _beside(found: Vitals) -> dict[str, Any] | None:
    if found.shadow_trouble:
        return {"trouble": shown(found.shadow_trouble)}
    if found.shadow is None:
        return None
    return {
        "model": found.shadow.model,
        "messages": round(sum(found.shadow.pairs.values())),
        "disagreements": {pair: round(number) for pair, number in found.shadow.disagreements.items()},
    }


def table(loaded: Loaded, found: Vitals) -> Table:
    """Give the answer as a table for people, a line for each organ."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True, style="bold")
    grid.add_column(overflow="fold")
    grid.add_row("config", Text(f"{loaded.path or 'built-in defaults'} (version {loaded.version})"))
    grid.add_row("model", _told(found.model, _age(found)))
    if found.drift is not None:
        if found.state.well:
            grid.add_row("mail", f"{found.day:,.0f} in the last day, {found.week:,.0f} in seven days")
            shares = ", ".join(f"{name} {share:.1%}" for name, share in found.labels.items())
            grid.add_row("classes", f"{shares or 'none yet'} (seven days, as the model calls it)")
        for row in _drift_rows("drift", found.drift):
            grid.add_row(*row)
        if found.here and found.drift.against == TRAINING:
            for row in _drift_rows("", found.here):
                grid.add_row(*row)
        grid.add_row("shadow", _shadow_line(found))
    organs = (("state", found.state), ("resolver", found.resolver), ("clamd", found.clamd), ("second", found.second))
    for name, organ in organs:
        grid.add_row(name, _told(organ))
    for line in found.warnings:
        grid.add_row("warning", Text(shown(line), style="yellow"))
    for name, organ in found.lists:
        grid.add_row("dns list", Text(f"{shown(name)}: ") + _told(organ))
    return grid


def _told(organ: Organ, more: str = "") -> Text:
    return Text(shown(organ.text) + more, style="" if organ.well else "red")


def _age(found: Vitals) -> str:
    """Say how old the model is, and what that means."""
    if found.age is None:
        return ""
    months = f", {found.age} month{'' if found.age == 1 else 's'} old"
    return f"{months}: past {OLD_MONTHS} months a model is stale, take a newer one" if found.old else months


def _drift_rows(name: str, compared: Compared) -> Iterator[tuple[str, Text]]:
    """Say how far the mail has moved, and which facts most."""
    comparison = compared.comparison
    told = comparison.why or f"PSI {comparison.psi:.2f}, {compared.messages:,.0f} messages of {compared.days} days"
    verdict = (str(comparison.verdict), _COLOURS[comparison.verdict])
    yield name, Text.assemble(verdict, f": {shown(told)}, against {compared.against}")
    if comparison.verdict not in {Drift.WATCH, Drift.STALE}:
        return
    for measure in comparison.measures:
        if measure.psi >= WATCH_FROM:
            yield "", _moved(measure, f"{measure.expected:.2f} on average before, {measure.seen:.2f} now")
    for fact in comparison.moved:
        yield "", _moved(fact, f"{fact.expected:.1%} before, {fact.seen:.1%} now")


def _moved(movement: Movement, rates: str) -> Text:
    return Text(f"  {movement.what} in {movement.side} mail: {rates} (PSI {movement.psi:.2f})")


def _shadow_line(found: Vitals) -> Text:
    """Say what the shadow model makes of the same mail."""
    if found.shadow_trouble:
        return Text(shown(found.shadow_trouble), style="red")
    return Text(_agreement(found.shadow) if found.shadow else "none ([classifier] shadow is empty)")


def _agreement(beside: Beside) -> str:
    messages, differing = sum(beside.pairs.values()), beside.disagreements
    pairs = ", ".join(f"{pair} {number:.0f}" for pair, number in differing.items())
    told = f"{sum(differing.values()):.0f} of {messages:.0f} messages of seven days called otherwise"
    return f"{beside.model}: {told}{f' ({pairs})' if pairs else ''}"
