"""`gatepost evaluate --attacks`: what tricks on unwanted mail cost the model, as a table or as one JSON object."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from rich import box
from rich.table import Table

from gatepost.checks.content.family import Settings, build
from gatepost.ledger.record import shown
from gatepost.service.cli.show import console

if TYPE_CHECKING:
    from gatepost.training.attack_report import AttackReport
    from gatepost.training.sources import Source

_ALL: Final = "all"


def named_attacks(args: Sequence[str]) -> Iterator[str]:
    """Give the arguments with `--attacks=all` in place of an `--attacks` that no name follows."""
    for place, argument in enumerate(args):
        following = args[place + 1] if place + 1 < len(args) else "-"
        yield "--attacks=all" if argument == "--attacks" and following.startswith("-") else argument


def measure_attacks(
    settings: Settings,
    sources: Sequence[Source],
    names: str,
    limit: int | None,
    jobs: int,
    done: Callable[[int], None],
) -> AttackReport:
    """Measure the attacks of these names. Raises CorpusError for an unknown one, and what reading and loading raise."""
    from gatepost.training.attack_report import attack_report  # noqa: PLC0415  # needs scipy, as evaluate says
    from gatepost.training.attacks import ATTACKS, choose  # noqa: PLC0415
    from gatepost.training.corpus import CorpusError  # noqa: PLC0415

    wanted = [name.strip() for name in names.split(",") if name.strip() not in {"", _ALL}]
    try:
        attacks = choose(wanted)
    except KeyError as error:
        families = dict.fromkeys(name.partition("/")[0] for name in ATTACKS)
        raise CorpusError(f"--attacks {error.args[0]}: there is no such attack ({', '.join(families)})") from None
    return attack_report(build(settings), sources, attacks, limit, jobs, done)


def print_attacks(found: AttackReport, settings: Settings, *, as_json: bool) -> None:
    """Print a report: a table for people, or one object, UTF-8 whatever the terminal speaks."""
    if not as_json:
        _print_table(f"model {found.model}, spam from probability {settings.spam_from:g}", found)
        return
    document = {"model": found.model, "spam_from": settings.spam_from, **found.as_json()}
    line = json.dumps(document, ensure_ascii=False, allow_nan=False)
    sys.stdout.buffer.write(line.encode("utf-8", "replace") + b"\n")
    sys.stdout.buffer.flush()


def _print_table(title: str, found: AttackReport) -> None:
    out = console()
    out.print(shown(title), markup=False)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    table.add_column("attack", overflow="fold")
    for head in ("caught before", "after", "loss in points", "at 1% fp before", "after"):
        table.add_column(head, justify="right")
    for loss in found.losses:
        shares = (loss.at_rate_before, loss.at_rate_after)
        at_rate = ("-" if share is None else f"{share:.1%}" for share in shares)
        table.add_row(loss.attack, f"{loss.before:.1%}", f"{loss.after:.1%}", f"{loss.points:.1f}", *at_rate)
    out.print(table)
    out.print(f"{found.unwanted:,} unwanted messages, each attacked in every way; {found.ham:,} ham.", markup=False)
    if any(loss.at_rate_before is None for loss in found.losses):
        out.print("- : not one ham message may be wrong at that rate; it takes 100 of them.", markup=False)
