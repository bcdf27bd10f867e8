"""`gatepost evaluate`: what a model is worth on labelled mail, source by source."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, NoReturn

import typer
from rich import box
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text
from typer.core import TyperCommand

from gatepost.arrival.replay import ReplayError
from gatepost.checks.content.budget import probability_of, spoken
from gatepost.checks.content.family import Settings, build, find_budget, find_model
from gatepost.checks.content.model import ModelError
from gatepost.ledger.record import shown
from gatepost.service.cli.attacks import measure_attacks, named_attacks, print_attacks
from gatepost.service.cli.budgets import print_budgets
from gatepost.service.cli.show import console
from gatepost.service.complaints import plain
from gatepost.service.config import load

if TYPE_CHECKING:
    from gatepost.checks.content.budget import Budget
    from gatepost.training.online import Online
    from gatepost.training.report import Report

_WIDE: Final = 110
"""Columns of a terminal from which on the table is printed as one."""

_CUT: Final = 6
"""Figures of a row that tell of the ranking; those behind them tell of the configured threshold."""

HELP: Final = """Measure a model on labelled mail it has not learned from: ranking, catches, errors, calibration.

\b
Your own mail:               gatepost evaluate --ham ham/ archive.mbox --spam Maildir/.Junk
A pack, with a picture:      gatepost evaluate --ham train-x.tar.xz --spam train-x.tar.xz
                               --picture x.html
As a site would live it,     gatepost evaluate --ham inbox/ --spam junk/ --online
  predict, then learn:         --labels-share 0.05
Under attack:                gatepost evaluate --ham ham/ --spam junk/ --attacks homoglyphs,leet
"""

_PATHS: Final = (
    "message files, directories, Maildirs (their own mail; give .Junk by itself), mbox files, packed or not, and packs "
    "(.tar.xz or folder with ham/, spam/, phish/)"
)

_ATTACKS: Final = (
    "What attacks on the unwanted mail cost: all of them, or attacks and families by name (a wrong one lists them)."
)
_ONLINE: Final = (
    "Predict each message, then learn it, in order of arrival; nothing is stored. All that is given learns as one site; a pack "
    "given as ham and as spam is a site of its own."
)


class ManyPaths(TyperCommand):
    """A command whose `--ham` and `--spam` take all the paths that follow them, as a shell's `*.eml` gives them."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Repeat the option before each further path, which is what the parser below knows."""
        return super().parse_args(ctx, list(_repeated(list(named_attacks(args)))))


def _repeated(args: list[str]) -> Iterator[str]:
    option, complete = "", False
    for argument in args:
        if argument.startswith("-") and argument != "-":
            name, equals, _ = argument.partition("=")
            option, complete = (name if name in {"--ham", "--spam"} else ""), bool(equals)
        elif option:
            if complete:
                yield option
            complete = True
        yield argument


def evaluate(
    spam: Annotated[list[Path], typer.Option(metavar="PATH...", help=f"Unwanted mail, spam and phish: {_PATHS}.")],
    ham: Annotated[
        list[Path] | None,
        typer.Option(metavar="PATH...", help="Wanted mail, in the same forms; --attacks can do without."),
    ] = None,
    model: Annotated[
        str,
        typer.Option(
            metavar="M", help="The model: a shipped one's name, or the path of your own; without it that of the config."
        ),
    ] = "",
    json_output: Annotated[bool, typer.Option("--json", help="One JSON object, for machines.")] = False,
    picture: Annotated[
        Path | None, typer.Option(metavar="FILE.html", help="Draw ROC, reliability and scores: one HTML file.")
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="The first N ham and N unwanted messages of each source only."),
    ] = None,
    attacks: Annotated[str, typer.Option(metavar="[NAME,...]", help=_ATTACKS)] = "",
    online: Annotated[bool, typer.Option("--online", help=_ONLINE)] = False,
    labels_share: Annotated[
        float, typer.Option(min=0.0, max=1.0, metavar="F", help="Share of the messages that --online learns.")
    ] = 1.0,
    seed: Annotated[int, typer.Option(metavar="N", help="Number that draws the share that is learned.")] = 2611,
    jobs: Annotated[int, typer.Option(min=1, max=64, metavar="N", help="Processes to score with.")] = 1,
    config: Annotated[
        Path | None,
        typer.Option("--config", "-c", metavar="FILE", help="Config file, for [classifier]; without it the defaults."),
    ] = None,
) -> None:
    """Measure a model on labelled mail it has not learned from."""
    # Only this command and `train` need scipy: it is imported here so that the others start without it.
    from gatepost.training.corpus import CorpusError  # noqa: PLC0415
    from gatepost.training.online import Online  # noqa: PLC0415
    from gatepost.training.picture import PictureError, draw, require_drawable  # noqa: PLC0415
    from gatepost.training.sources import find_sources  # noqa: PLC0415

    settings = load(config).config.classifier
    settings = settings.model_copy(update={"model": model}) if model else settings
    _require_sense(bool(ham), attacks, "--picture" * bool(picture) or "--online" * online)
    _require_online(online, labels_share)
    try:
        if attacks:
            with _progress([None]) as done:
                found = measure_attacks(settings, find_sources(ham or [], spam), attacks, limit, jobs, done)
            return print_attacks(found, settings, as_json=json_output)
        if picture:
            require_drawable(picture)
        protocol = Online(labels_share, seed, settings.site_weight) if online else None
        measured = _measure(settings, ham or [], spam, limit, jobs, protocol)
        _print(measured, settings, limit, as_json=json_output)
        if picture:
            draw(picture, measured.report, measured.model, measured.mark)
    except (CorpusError, ModelError, PictureError, ReplayError) as error:
        _fail(str(error))


def _require_sense(ham: bool, attacks: str, other: str) -> None:
    """Refuse options that do not go together; `other` is one that --attacks does not take, or ""."""
    if not (ham or attacks):
        _fail("Missing option '--ham'.")
    if attacks and other:
        _fail(f"{other} does not go with --attacks")


def _require_online(online: bool, labels_share: float) -> None:
    """Refuse a share of labels where nothing is learned."""
    if labels_share < 1 and not online:
        _fail("--labels-share: only --online learns labels")


def _print(measured: _Measured, settings: Settings, limit: int | None, *, as_json: bool) -> None:
    """Print what was measured, for machines or for people."""
    if as_json:
        _print_json(measured, settings, limit)
    else:
        _print_table(measured, settings)


def _fail(line: str) -> NoReturn:
    sys.stderr.write(f"gatepost evaluate: {plain(line)}\n")
    raise typer.Exit(2)


@dataclass(frozen=True, slots=True)
class _Measured:
    """What is to be shown: the report, the model's name, and the packs in it that the model learned from.

    `mark` are the log-odds from which on content alone marks, `budget` what the model says of its errors. `online` says how
    labels were given on the way, `labels` how many ham and unwanted messages they were of.
    """

    report: Report
    model: str
    learned: tuple[str, ...]
    mark: float
    budget: Budget | None
    online: Online | None
    labels: tuple[int, ...]


def _measure(
    settings: Settings, ham: list[Path], spam: list[Path], limit: int | None, jobs: int, online: Online | None
) -> _Measured:
    """Read, score and measure. Raises what reading and loading raise."""
    from gatepost.training.corpus import CorpusError, pack_name  # noqa: PLC0415
    from gatepost.training.online import score_online  # noqa: PLC0415
    from gatepost.training.report import report  # noqa: PLC0415
    from gatepost.training.score import score_all  # noqa: PLC0415
    from gatepost.training.sources import find_sources  # noqa: PLC0415

    check = build(settings)
    sources = find_sources(ham, spam)
    counts = [source.files() for source in sources]
    labels: list[int] = []
    expected = [min(count, limit or count) if count is not None else None for count in counts]
    with _progress(expected) as done:
        if online:
            found = score_online(check, sources, online, limit, jobs, done)
            sides, labels = found.sides, found.labels
        else:
            letters = (letter for number, source in enumerate(sources) for letter in source.read(number, limit))
            sides = score_all(check, letters, len(sources), jobs, done)
    for kind, (word, paths) in enumerate((("ham", ham), ("spam", spam))):
        if not any(side[kind].logits for side in sides):
            raise CorpusError(f"no {word} message found in {', '.join(map(str, paths))}")
    known = _packs_of(find_model(settings.model))
    learned = tuple(source.name for source in sources if source.pack and pack_name(source.paths[0]) in known)
    rows = report([each.name for each in sources], sides, check.mark_logit)
    budget = find_budget(find_model(settings.model))
    return _Measured(rows, check.model.version, learned, check.mark_logit, budget, online, tuple(labels))


def _packs_of(model: Path) -> frozenset[str]:
    """Give the packs that a model learned from, as its metrics name them; none where it does not say."""
    try:
        rows = json.loads((model / "metrics.json").read_bytes())["by source"]
        return frozenset(str(row["source"]) for row in rows)
    except (OSError, ValueError, LookupError, TypeError):
        return frozenset()


@contextmanager
def _progress(expected: list[int | None]) -> Iterator[Any]:
    """Give what is told of progress; the bar is on a terminal only, and knows its end unless packs or mboxes hide it."""
    error = console(error=True)
    known = [count for count in expected if count is not None]
    total = sum(known) if len(known) == len(expected) else None
    columns = (SpinnerColumn(), TextColumn("scoring"), BarColumn(), TextColumn("{task.completed:.0f} messages"))
    with Progress(
        *columns, TimeElapsedColumn(), console=error, transient=True, disable=not error.is_terminal
    ) as progress:
        task = progress.add_task("scoring", total=total)
        yield lambda count: progress.advance(task, count)


def _print_json(measured: _Measured, settings: Settings, limit: int | None) -> None:
    """Print everything as one object, UTF-8 whatever the terminal speaks."""
    from gatepost.training.budget_table import budget_table  # noqa: PLC0415

    found = measured.report
    lines = budget_table(measured.budget, settings.spam_from, found) if measured.budget else ()
    rows = [{**row.as_json(), "source": shown(row.source)} for row in found.rows]
    bins = [
        {
            "from": round(each.start, 4),
            "to": round(each.end, 4),
            "messages": each.messages,
            "unwanted": round(each.unwanted / each.messages, 6),
            "predicted": round(each.predicted, 6),
        }
        for each in found.everything.bins()
    ]
    document: dict[str, Any] = {
        "model": measured.model,
        "max_false_positive_rate": settings.max_false_positive_rate,
        "marks_from": probability_of(measured.mark),
        "limit": limit,
    }
    if measured.online:
        given = {"labels_share": measured.online.share, "seed": measured.online.seed}
        document["online"] = {**given, "learned": dict(zip(("ham", "unwanted"), measured.labels, strict=True))}
    document |= {
        "learned from": list(measured.learned),
        "sources": rows,
        "total": found.total.as_json(),
        "reliability": bins,
        "budgets": [line.as_json() for line in lines],
    }
    line = json.dumps(document, ensure_ascii=False, allow_nan=False)
    sys.stdout.buffer.write(line.encode("utf-8", "replace") + b"\n")
    sys.stdout.buffer.flush()


def _print_table(measured: _Measured, settings: Settings) -> None:
    """Print a table for people, and what its marks mean; two tables where the terminal is narrow."""
    out = console()
    title = f"model {measured.model}, marks from probability {spoken(probability_of(measured.mark))} on"
    title += f" (max_false_positive_rate {settings.max_false_positive_rate:g})"
    if measured.online:
        ham, unwanted = measured.labels
        title += f", online: each message predicted, then learned ({ham:,} ham and {unwanted:,} unwanted labels given)"
    out.print(shown(title), markup=False)
    columns = [slice(None)] if out.width >= _WIDE else [slice(None, _CUT), slice(_CUT, None)]
    for chosen in columns:
        out.print(_table(measured.report, chosen))
    for note in _notes(measured.report, measured.learned):
        out.print(note, markup=False)
    out.print()
    print_budgets(out, measured.budget, settings.spam_from, measured.report)


def _table(found: Report, chosen: slice) -> Table:
    """Give the table with the source and the chosen figures of each row."""
    from gatepost.training.report import HEADS  # noqa: PLC0415

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    table.add_column(HEADS[0], overflow="fold")
    for head in HEADS[1:][chosen]:
        table.add_column(head, justify="right")
    for row in found.rows:
        table.add_row(Text(shown(row.source)), *row.words()[chosen])
    if len(found.rows) > 1:
        table.add_section()
        table.add_row("total", *found.total.words()[chosen], style="bold")
    return table


def _notes(found: Report, learned: tuple[str, ...]) -> Iterator[str]:
    yield "In parentheses: 95 % confidence intervals. ece: expected calibration error. 1-auc: pairs in the wrong order."
    if learned:
        yield (
            f"The model learned from {', '.join(map(shown, learned))}: there it shows what it remembers. "
            "Its card has what it does with sources that were held out."
        )
    if any(row.against for row in found.rows):
        yield "* Ranked against the other kind of mail of all sources, as this one has none."
    if any(row.too_few for row in (*found.rows, found.total)):
        yield "too few ham: not one of them may be wrong at that rate (0.1 % needs 1,000 ham, 0.01 % needs 10,000)."
    if found.total.textless:
        yield f"{found.total.textless:,} messages have no text: the classifier never marks them."
    if found.total.broken:
        yield f"{found.total.broken:,} messages broke the check (the log above says why); they count as not marked."
