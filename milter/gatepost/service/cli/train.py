"""`gatepost train`: make a model of your own from labelled mail."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress as Bar
from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table as Grid

_SHOWN = ("source", "ham", "unwanted", "1-auc", "caught at 1% fp", "ham p>0.7", "ham p>0.9", "caught p>0.7")


def train(
    packs: Annotated[
        list[Path],
        typer.Option(
            "--packs", help="A pack (a .tar.xz or folder with ham/, spam/, phish/) or a folder of packs; repeatable."
        ),
    ],
    out: Annotated[
        Path, typer.Option("--out", help="Folder to write the model to; its name becomes the model's name.")
    ],
    seed: Annotated[int, typer.Option("--seed", help="Number that decides how mail is split for measuring.")] = 2611,
    without: Annotated[
        list[str] | None, typer.Option("--without", help="Name of a pack to leave out; repeatable.")
    ] = None,
    jobs: Annotated[int, typer.Option("--jobs", min=1, max=64, help="Processes that read mail.")] = 2,
) -> None:
    """Train a classifier on labelled mail and write a model directory with its metrics and card."""
    # Only this command needs scikit-learn: it is imported here so that the others start without it.
    from gatepost.training.corpus import CorpusError, find_packs, require_empty  # noqa: PLC0415
    from gatepost.training.train import train_model  # noqa: PLC0415

    console = Console(stderr=True)
    bar = Bar(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TextColumn("{task.completed}"),
        TimeElapsedColumn(),
        console=console,
    )
    stages: dict[str, object] = {}

    def report(stage: str, done: int, total: int | None = None) -> None:
        task = stages.setdefault(stage, None)
        if task is None:
            stages[stage] = task = bar.add_task(stage, total=None)
        bar.update(task, completed=done, total=total)  # type: ignore[arg-type]

    try:
        require_empty(out)
        chosen = find_packs(packs, frozenset(without or ()))
        with bar:
            trained = train_model(chosen, out, seed, jobs, report)
    except (CorpusError, OSError) as error:
        console.print(f"gatepost train: {error}", style="red", markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(2) from error
    grid = Grid(*_SHOWN, title="Mail from sources the model never saw")
    for row in trained.metrics["by source"]:
        grid.add_row(*(str(row.get(column, "-")) for column in _SHOWN))
    console.print(grid)
    print(f"wrote {trained.directory}")
