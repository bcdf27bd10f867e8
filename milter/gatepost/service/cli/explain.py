"""`gatepost explain`: why a message got its verdict, from the message itself or from its record."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final

import typer

from gatepost.arrival.replay import ReplayError, Stored, files, messages
from gatepost.decision.policy import Policy
from gatepost.ledger.recall import names, recalled
from gatepost.mail.envelope import Envelope
from gatepost.service.assemble import replay_pipeline
from gatepost.service.cli import options
from gatepost.service.cli.explain_page import page
from gatepost.service.cli.explanation import Explanation, explain, plain_data
from gatepost.service.cli.records import records
from gatepost.service.cli.scan import verdicts
from gatepost.service.cli.show import console
from gatepost.service.config import Loaded, load
from gatepost.service.doors import ReplayDoors

HELP: Final = """Say why a message gets its verdict: the parts of its score, the words behind the classifier's share, and what
would have flipped it. Nothing is learned or counted.

\b
A message:                       gatepost explain message.eml
With what SMTP would have told:  gatepost explain --client-ip 192.0.2.1
                                   --helo mx.example.org --mail-from a@example.org message.eml
One that passed the daemon:      gatepost explain --record 98e6734219310a53 /var/log/gatepost.log
                                 journalctl -u gatepost -o cat | gatepost explain --record 4XyZ0q2Jzz -
"""


def explain_command(
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH...", help=f"{options.MESSAGES} With --record: logs of JSON records.")
    ],
    json_output: Annotated[bool, typer.Option("--json", help="One JSON object per message, for machines.")] = False,
    record: Annotated[
        str | None,
        typer.Option(
            metavar="ID",
            help="Explain from the log: the id in X-Gatepost-Verdict and in SMTP replies, the mail server's queue id, or the "
            "file as `scan --json` names it. What SMTP told is in the record: of the other options only --json and --config count.",
        ),
    ] = None,
    client_ip: options.ClientIp = "",
    client_name: options.ClientName = "",
    helo: options.Helo = "",
    mail_from: options.MailFrom = "",
    rcpt_to: options.RcptTo = None,
    auth_user: options.AuthUser = "",
    dns_zone: options.DnsZone = None,
    no_network: options.NoNetwork = False,
    config: options.ConfigFile = None,
    jobs: options.Jobs = 1,
) -> None:
    """Say why a message gets its verdict."""
    envelope = options.envelope_of(client_ip, client_name, helo, mail_from, rcpt_to or [], auth_user)
    if record == "":
        # An unset variable of a shell: without the id the log itself would be judged, as if it were a message.
        raise typer.BadParameter("no id given", param_hint="--record")
    loaded = load(config)
    if record is not None:
        told, missing = _recorded(record, paths, loaded.config.policy()), f"no record {record!r}"
    else:
        doors = ReplayDoors(dns_zone=dns_zone, no_network=no_network)
        told, missing = _replayed(loaded, doors, envelope, paths, jobs), "no message found"
    if not _print(told, json_output=json_output):
        raise ReplayError(f"{missing} in {', '.join(map(str, paths))}")


def _replayed(
    loaded: Loaded, doors: ReplayDoors, envelope: Envelope, paths: list[Path], jobs: int
) -> Iterator[Explanation]:
    """Judge stored messages as `scan` does, and explain each."""
    pipeline = replay_pipeline(loaded, doors)
    found = list(files(paths, any_file=True))
    for name, record in verdicts(pipeline, envelope, _stored(found), jobs):
        yield explain(name, record, pipeline.policy)


def _stored(found: list[Path]) -> Iterator[Stored]:
    for path in found:
        yield from messages(path)


def _recorded(wanted: str, paths: list[Path], policy: Policy) -> Iterator[Explanation]:
    """Explain what logs hold under an id; a message may have been judged more than once."""
    needle = json.dumps(wanted, ensure_ascii=False).encode("utf-8", "surrogateescape")
    for path in paths:
        for data in records(path, needle):
            record = recalled(data) if wanted in names(data) else None
            if record:
                yield explain(wanted, record, policy)


def _print(told: Iterator[Explanation], *, json_output: bool) -> int:
    """Print explanations one by one; gives how many."""
    screen = console()
    count = 0
    for explanation in told:
        if json_output:
            line = json.dumps(plain_data(explanation), ensure_ascii=False)
            sys.stdout.buffer.write(
                line.encode("utf-8", "replace") + b"\n"
            )  # JSON is UTF-8 whatever the terminal speaks
        else:
            if count:
                screen.rule()
            screen.print(page(explanation, ascii_only=screen.options.ascii_only))
        count += 1
    return count
