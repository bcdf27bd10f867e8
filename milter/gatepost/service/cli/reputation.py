"""`gatepost reputation show|reset`: what is remembered about a sender, a client, a link domain or a file."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, cast

import typer
from rich import box
from rich.table import Table

from gatepost.checks.reputation.belief import confidence, strength, wanted_share
from gatepost.ledger.record import shown
from gatepost.service import logs
from gatepost.service.cli import options
from gatepost.service.cli.show import console
from gatepost.service.complaints import plain
from gatepost.service.config import load
from gatepost.service.doors import learning_state
from gatepost.world.seen.lessons import APART, kind_key
from gatepost.world.seen.named import Named, named
from gatepost.world.state.door import Ask, Forget, Recall, State, StateUnavailableError, Tally

reputation_app = typer.Typer(
    help="Show or forget what is remembered about a sender, a client, a link domain or a file.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Identities = Annotated[
    list[str],
    typer.Argument(
        metavar="IDENTITY...",
        help="A domain (or an address at it), a client's address or network, helo:NAME, or a file's SHA-256.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object per tally, for machines.")]


@dataclass(frozen=True, slots=True)
class Known:
    """What is remembered in one capacity, faded to now; `minimum` messages make somebody known."""

    who: Named
    tally: Tally
    phish: float
    virus: float
    unknown: float
    minimum: float

    @property
    def standing(self) -> str:
        """What the checks would call it: good, bad, neutral or unknown. What anybody can carry is never good."""
        if self.tally.wanted + self.tally.unwanted < self.minimum:
            return "unknown"
        lean = strength(self.tally)
        if lean > 0 and self.who.capacity != "sender":
            return "neutral"
        return "good" if lean > 0 else "bad" if lean < 0 else "neutral"


@reputation_app.command()
def show(identities: Identities, config: options.ConfigFile = None, json_output: AsJson = False) -> None:
    """Say what is remembered: faded counts of wanted and unwanted mail, and how sure they let one be."""
    meant = _meant(identities)
    loaded = load(config)
    minimum = loaded.config.reputation.minimum_messages
    with _store(config) as state:
        found = [_known(state, each, minimum) for each in meant]
        _require(state)
    if json_output:
        for each in found:
            print(json.dumps(_plain(each), ensure_ascii=False))
    else:
        console().print(_table(found))


@reputation_app.command()
def reset(identities: Identities, config: options.ConfigFile = None, json_output: AsJson = False) -> None:
    """Forget what is remembered; from then on it is unknown."""
    meant = _meant(identities)
    with _store(config) as state:
        state.exchange([ask for each in meant for ask in _forgotten(each)])
        _require(state)
    for each in meant:
        if json_output:
            print(json.dumps({"identity": each.name, "as": each.capacity, "reset": True}, ensure_ascii=False))
        else:
            console().print(f"{shown(each.name)} ({each.capacity}): forgotten", highlight=False)


def _meant(identities: list[str]) -> list[Named]:
    """Read what the administrator named, each tally once; a wrong name is wrong usage."""
    found: dict[str, Named] = {}
    for text in identities:
        try:
            found |= {each.key: each for each in named(text)}
        except ValueError as error:
            raise typer.BadParameter(f"{plain(text)!r} is {error}", param_hint="IDENTITY") from None
    return list(found.values())


@contextmanager
def _store(config: Path | None) -> Iterator[State]:
    """Open the site's store; one line and exit 1 where it does not answer."""
    state = learning_state(load(config))
    try:
        with logs.quiet():
            yield state
    except StateUnavailableError as error:
        sys.stderr.write(f"gatepost reputation: the state store does not answer: {plain(str(error))}\n")
        raise typer.Exit(1) from None
    finally:
        state.close()


def _require(state: State) -> None:
    """Refuse the answer of local memory: it knows nothing of the site."""
    if state.degraded():
        raise StateUnavailableError(state.backend)


def _known(state: State, who: Named, minimum: float) -> Known:
    keys = (who.key, *(kind_key(kind, who.key) for kind in APART))
    whole, phish, virus, unknown = (cast("Tally", each) for each in state.exchange([Recall(key) for key in keys]))
    return Known(who, whole, phish.unwanted, virus.unwanted, unknown.unwanted, minimum)


def _forgotten(who: Named) -> Iterator[Ask]:
    yield Forget(who.key)
    for kind in APART:
        yield Forget(kind_key(kind, who.key))


def _plain(known: Known) -> dict[str, Any]:
    """Give one tally as plain data: the form of `gatepost reputation show --json` (docs/reputation.md)."""
    tally = known.tally
    spam = max(0.0, tally.unwanted - known.phish - known.virus - known.unknown)
    counts = {"spam": spam, "phish": known.phish, "virus": known.virus, "unknown_recipients": known.unknown}
    return {
        "identity": known.who.name,
        "as": known.who.capacity,
        "standing": known.standing,
        "wanted": round(tally.wanted, 2),
        "unwanted": round(tally.unwanted, 2),
        **{word: round(number, 2) for word, number in counts.items()},
        "wanted_share": round(wanted_share(tally), 4),
        "confidence": round(confidence(tally), 4),
        "strength": round(strength(tally), 4),
    }


def _table(found: list[Known]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("identity", overflow="fold")
    for name in ("as", "standing"):
        table.add_column(name, no_wrap=True)
    numbers = ("wanted", "spam", "phish", "virus", "unknown rcpt", "wanted share", "confidence")
    for name in numbers:
        table.add_column(name, justify="right", no_wrap=True)
    for each in found:
        data = _plain(each)
        counts = [f"{data[key]:.1f}" for key in ("wanted", "spam", "phish", "virus", "unknown_recipients")]
        shares = [f"{data[key]:.0%}" for key in ("wanted_share", "confidence")]
        table.add_row(shown(each.who.name), each.who.capacity, each.standing, *counts, *shares)
    return table
