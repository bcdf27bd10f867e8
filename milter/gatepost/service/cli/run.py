"""`gatepost run`: the daemon, in the foreground, as systemd likes it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gatepost.service.assemble import snapshot
from gatepost.service.config import ConfigError
from gatepost.service.supervisor import Supervisor

WRONG_USAGE = 2


def run(
    config: Annotated[Path | None, typer.Option("--config", "-c", help="The config file (TOML).")] = None,
    listen: Annotated[str | None, typer.Option(help="inet:HOST:PORT or unix:/PATH, instead of the config's.")] = None,
    workers: Annotated[int | None, typer.Option(help="How many processes serve mail, instead of the config's.")] = None,
) -> None:
    """Run the daemon in the foreground; it logs to standard error and prints `listening on ...` once it accepts mail."""
    overrides: dict[str, object] = {}
    if listen is not None:
        overrides["milter.listen"] = listen
    if workers is not None:
        overrides["milter.workers"] = workers
    try:
        code = Supervisor(lambda: snapshot(config, overrides)).run()
    except ConfigError as error:
        for problem in error.problems:
            typer.echo(f"gatepost: {problem}", err=True)
        raise typer.Exit(WRONG_USAGE) from None
    raise typer.Exit(code)
