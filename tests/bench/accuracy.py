"""`make bench-accuracy`: Gatepost's classifier beside those of other filters, on the same mail, source by source.

Every filter is trained from nothing on all packs but one and scores the one left out; so for each pack in turn. A filter
that is not installed takes no part, and the run says so. Finished parts are kept, so that a run can be interrupted.

    python tests/bench/accuracy.py [PACKS...] [--mode held-out|within] [--only NAME,...] [--limit [NAME=]N] [--json FILE]

A pack is what `gatepost train` takes: an archive or a folder with ham/, spam/ and phish/. Default: ../shared/corpora
and models/invented, for every filter alike.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import signal
import sys
from collections.abc import Container, Mapping
from functools import partial
from pathlib import Path
from typing import Final, NoReturn

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from bench.accuracy_bogofilter import Bogofilter
from bench.accuracy_filter import Done, Filter, FilterError
from bench.accuracy_gatepost import Gatepost
from bench.accuracy_mail import Fold, Mail, choose, hold_out, unpack, within
from bench.accuracy_report import WIDTH, report, show
from bench.accuracy_rspamd import Rspamd
from bench.accuracy_runs import Run, run
from bench.accuracy_spamassassin import SpamAssassin
from gatepost.training.corpus import CorpusError, find_packs

FILTERS: Final[Mapping[str, type[Filter]]] = {each.name: each for each in (Gatepost, Bogofilter, Rspamd, SpamAssassin)}
MODES: Final = {"held-out": hold_out, "within": within}
_ROOT: Final = Path(__file__).resolve().parents[2]
_PACKS: Final = (_ROOT / ".." / "shared" / "corpora", _ROOT / "models" / "invented")


def main(words: list[str] | None = None) -> int:
    """Measure and print; 0 done, 2 wrong usage or nothing to measure."""
    args = _arguments(words)
    errors = Console(stderr=True)
    console = Console(width=max(WIDTH, Console().width))
    try:
        kinds = _installed(args.only, errors)
        with _progress(errors) as bars:
            mail = _mail(args.packs or list(_PACKS), args.work / "mail", bars)
            runs = _runs(kinds, mail, args, bars)
    except CorpusError as error:
        errors.print(f"bench-accuracy: {error}", style="red", markup=False)
        return 2
    if not runs:
        errors.print("bench-accuracy: no filter could be measured", style="red")
        return 2
    found = report(runs, {name: kind.cutoff for name, kind in FILTERS.items()}, args.mode)
    show(found, console)
    if args.html:
        page = Console(record=True, width=WIDTH, file=io.StringIO())
        show(found, page)
        page.save_html(str(args.html))
    if args.json:
        versions = {name: each[0].version for name, each in runs.items()}
        args.json.write_text(json.dumps({"versions": versions, **found.as_json()}, indent=1) + "\n")
    return 0


def _arguments(words: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    parser.add_argument("packs", nargs="*", type=Path, help="packs, or folders of packs")
    parser.add_argument(
        "--mode", choices=MODES, default="held-out", help="whole packs, or the later fifth of each source"
    )
    parser.add_argument("--only", type=_names, default=list(FILTERS), help=f"filters, of {', '.join(FILTERS)}")
    parser.add_argument(
        "--limit",
        type=_limit,
        action="append",
        default=[],
        help="messages of each pack and label; NAME=N for one filter",
    )
    parser.add_argument("--held-out", type=lambda text: text.split(","), help="hold out these packs alone")
    parser.add_argument("--work", type=Path, default=cache / "gatepost-accuracy", help="where finished parts are kept")
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    parser.add_argument("--html", type=Path, help="write the tables to this file")
    return parser.parse_args(words)


def _names(text: str) -> list[str]:
    """Read a list of filters."""
    names = text.split(",")
    if unknown := set(names) - set(FILTERS):
        raise argparse.ArgumentTypeError(f"there is no filter {min(unknown)!r}, only {', '.join(FILTERS)}")
    return names


def _limit(text: str) -> tuple[str, int]:
    """Read `N` or `NAME=N`; the name is "" for all filters."""
    name, _, number = text.rpartition("=")
    if (name and name not in FILTERS) or not number.isdecimal() or not int(number):
        raise argparse.ArgumentTypeError("N or FILTER=N, with N at least 1")
    return name, int(number)


def _installed(names: Container[str], errors: Console) -> list[type[Filter]]:
    """Give the filters that are there, and say which are not."""
    kinds = [kind for name, kind in FILTERS.items() if name in names]
    missing = [kind.name for kind in kinds if not kind.version()]
    if missing:
        errors.print(f"not installed, left out: {', '.join(missing)}")
    return [kind for kind in kinds if kind.name not in missing]


def _progress(errors: Console) -> Progress:
    """Give the bars, which vanish in the end."""
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    return Progress(*columns, console=errors, transient=True)


def _mail(paths: list[Path], folder: Path, bars: Progress) -> list[Mail]:
    """Unpack what is not unpacked yet."""
    packs = find_packs(paths)
    return [mail for pack in bars.track(packs, description="unpacking mail") for mail in unpack(pack, folder)]


def _runs(
    kinds: list[type[Filter]], mail: list[Mail], args: argparse.Namespace, bars: Progress
) -> dict[str, list[Run]]:
    """Run every filter over every fold; one that breaks is left out from then on."""
    limits = dict(args.limit)
    found: dict[str, list[Run]] = {}
    for kind in kinds:
        limit = limits.get(kind.name, limits.get("", kind.usual_limit))
        folds = _asked_for(MODES[args.mode](choose(mail, limit)), args.held_out)
        done: list[Run] = []
        try:
            for fold in folds:
                done.append(run(kind, fold, args.work / "runs", partial(_stage, bars)))
                bars.console.print(_said(done[-1]), markup=False, highlight=False)
        except FilterError as error:
            bars.console.print(f"{error}: left out", markup=False, style="red")
            continue
        found[kind.name] = done
    return found


def _said(done: Run) -> str:
    """Give the line of a finished part, for logs where no bar is seen."""
    learned = f"learned {done.learned:,} in {done.train_seconds:,.0f} s"
    return f"{done.filter}, {done.fold}: {learned}, scored {len(done.scores):,} in {done.score_seconds:,.0f} s"


def _asked_for(folds: list[Fold], names: list[str] | None) -> list[Fold]:
    """Give the folds to run; raises CorpusError for a name that fits none."""
    if names is None:
        return folds
    if unknown := set(names) - {fold.name for fold in folds}:
        raise CorpusError(f"--held-out {min(unknown)}: there is no such pack")
    return [fold for fold in folds if fold.name in names]


def _stage(bars: Progress, name: str, total: int) -> Done:
    """Show a stage in place of the one before."""
    for task in bars.task_ids:
        bars.remove_task(task)
    task = bars.add_task(name, total=total)
    return lambda count: bars.advance(task, count)


def _leave(number: int, frame: object) -> NoReturn:
    """End by way of the contexts that are open: servers stop, folders go."""
    raise SystemExit(128 + number)


if __name__ == "__main__":
    for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(each, _leave)
    raise SystemExit(main())
