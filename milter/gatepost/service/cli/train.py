"""`gatepost train`: make a model of your own from labelled mail."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Self

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table as Grid

from gatepost.checks.content.family import find_budget
from gatepost.ledger.record import shown
from gatepost.service.cli.budgets import print_budgets
from gatepost.service.config import load

if TYPE_CHECKING:
    from gatepost.training.train import Trained

HELP: Final = """Train a classifier on labelled mail and write a model directory with its metrics and card.

\b
Your own mail:               gatepost train --packs my-packs/ --out my-model
Leave a pack out:            gatepost train --packs packs/ --without trec07 --out my-model
After an interruption:       the same command again

What is read of the mail is kept in the work folder, for a training that was stopped and for the next one.
"""

_SHOWN: Final = ("source", "ham", "unwanted", "1-auc", "caught at 1% fp", "ham p>0.7", "ham p>0.9", "caught p>0.7")


_Packs = Annotated[
    list[Path],
    typer.Option(
        "--packs", help="A pack (a .tar.xz or folder with ham/, spam/, phish/) or a folder of packs; repeatable."
    ),
]
_Out = Annotated[Path, typer.Option("--out", help="Folder to write the model to; its name becomes the model's name.")]
_Seed = Annotated[int, typer.Option("--seed", help="Number that decides how mail is split for measuring.")]
_Without = Annotated[list[str] | None, typer.Option("--without", help="Name of a pack to leave out; repeatable.")]
_Jobs = Annotated[int, typer.Option("--jobs", min=1, max=64, help="Processes that read mail.")]
_Work = Annotated[
    Path | None,
    typer.Option("--work", help="Folder for what is read; default: gatepost/train in the user's cache folder."),
]
_Fresh = Annotated[bool, typer.Option("--fresh", help="Read and fit everything again.")]
_MaxRows = Annotated[
    int,
    typer.Option(
        "--max-rows",
        min=100,
        help="Messages to learn from at most: memory is about 12 kB for each. Default 400,000.",
        show_default=False,
    ),
]
_SetAside = Annotated[
    Path | None,
    typer.Option("--set-aside", help="List of messages not to learn from, as sha256sum writes it: wrong labels, say."),
]
_Quick = Annotated[
    bool, typer.Option("--quick", help="Leave out what is only measured to compare; the model is the same.")
]


def train(
    packs: _Packs,
    out: _Out,
    seed: _Seed = 2611,
    without: _Without = None,
    jobs: _Jobs = 2,
    work: _Work = None,
    fresh: _Fresh = False,
    max_rows: _MaxRows = 400_000,
    set_aside: _SetAside = None,
    quick: _Quick = False,
) -> None:
    """Train a model; exit 2 where mail cannot be read or a folder not be written, 130 after an interrupt."""
    # Only this command needs scikit-learn: it is imported here so that the others start without it.
    from gatepost.training.corpus import CorpusError, find_packs, read_set_aside, require_empty  # noqa: PLC0415
    from gatepost.training.train import train_model  # noqa: PLC0415
    from gatepost.training.workfolder import default_folder, disk_use  # noqa: PLC0415

    console = Console(stderr=True)
    folder = work or default_folder()
    try:
        require_empty(out)
        chosen = find_packs(packs, frozenset(without or ()))
        aside = read_set_aside(set_aside) if set_aside else frozenset()
        _say(console, f"work folder: {folder} ({_megabytes(disk_use(folder))} in it)")
        with _Stages(console) as stages:
            trained = train_model(
                chosen,
                out,
                seed,
                jobs,
                stages,
                work=folder,
                fresh=fresh,
                max_rows=max_rows,
                measure=not quick,
                aside=aside,
            )
        _say(console, f"work folder: {folder} (keeps {_megabytes(disk_use(folder))} for the next training)")
    except (CorpusError, OSError) as error:
        console.print(f"gatepost train: {error}", style="red", markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(2) from error
    except KeyboardInterrupt as error:
        _say(console, f"gatepost train: interrupted; the same command goes on with what is in {folder}")
        raise typer.Exit(130) from error
    _show(console, trained, max_rows)


class _Stages:
    """How far the stages are: bars on a terminal, elsewhere a line for each stage that is through."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bars = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._tasks: dict[str, TaskID] = {}
        self._last = ("", 0)

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()
        self._close()

    def __call__(self, stage: str, done: int, total: int | None = None) -> None:
        if stage != self._last[0]:
            self._close()
        self._last = (stage, done)
        if stage not in self._tasks:
            self._tasks[stage] = self._bars.add_task(stage, total=total)
        self._bars.update(self._tasks[stage], completed=done, total=total)

    def _close(self) -> None:
        """End the stage that was last told of: another begins."""
        stage, done = self._last
        if stage:
            # A stage that did not know its end has reached it.
            self._bars.update(self._tasks[stage], total=done)
            if not self._console.is_terminal:
                _say(self._console, f"{stage}: {done:,}")


def _say(console: Console, line: str) -> None:
    console.print(line, markup=False, highlight=False, soft_wrap=True)


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"


def _show(console: Console, trained: Trained, max_rows: int) -> None:
    """Print what was measured on mail that was held out, and where the model is."""
    grid = Grid(*_SHOWN, title=f"Mail {'that was held out' if trained.cut else 'from sources the model never saw'}")
    for row in trained.metrics["by source"]:
        grid.add_row(*(str(row.get(column, "-")) for column in _SHOWN))
    console.print(grid)
    if trained.cut:
        _say(
            console,
            f"Each source of {', '.join(map(shown, trained.cut))} was cut into five stretches, in order of arrival, as there are fewer than "
            "five: there the model has seen other mail of the same source. Elsewhere it never saw the source.",
        )
    # As a site has it that sets nothing.
    print_budgets(console, find_budget(trained.directory), load(None).config.classifier.spam_from)
    if trained.metrics["not drawn"]:
        rest = trained.metrics["not drawn"]
        _say(
            console,
            f"learned from {max_rows:,} messages; {rest:,} more were not drawn (--max-rows, see models/README.md)",
        )
    print(f"wrote {trained.directory}")
