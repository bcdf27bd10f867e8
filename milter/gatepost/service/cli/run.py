"""`gatepost run`: the daemon, in the foreground, as systemd likes it."""

from __future__ import annotations

from typing import Annotated

import typer

from gatepost.service import logs
from gatepost.service.assemble import snapshot
from gatepost.service.cli import options
from gatepost.service.supervisor import Supervisor


def run(
    config: options.ConfigFile = None,
    listen: Annotated[str | None, typer.Option(help="inet:HOST:PORT or unix:/PATH, instead of the config's.")] = None,
    workers: Annotated[int | None, typer.Option(help="How many processes serve mail, instead of the config's.")] = None,
    clamd: Annotated[
        str | None, typer.Option(help="unix:/PATH or tcp:HOST:PORT of the virus scanner, instead of the config's.")
    ] = None,
) -> None:
    """Run the daemon in the foreground; it logs to standard error and prints `listening on ...` once it accepts mail.

    SIGHUP reloads the config, SIGTERM stops after the messages in flight.
    """
    given = {"milter.listen": listen, "milter.workers": workers, "virus.clamd": clamd}
    overrides: dict[str, object] = {key: value for key, value in given.items() if value is not None}
    logs.to_stderr()
    raise typer.Exit(Supervisor(lambda: snapshot(config, overrides)).run())
