"""`gatepost scan`: the verdict on stored messages, without a mail server."""

from __future__ import annotations

import json
import sys
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from gatepost.arrival.replay import ReplayError, Stored, files
from gatepost.ledger.record import Record, judgement, shown
from gatepost.mail.envelope import Envelope
from gatepost.pipeline import Pipeline
from gatepost.service.assemble import replay_pipeline
from gatepost.service.cli import options
from gatepost.service.cli.reading import Reading
from gatepost.service.cli.show import Row, console, page, row, verdict_table
from gatepost.service.config import load
from gatepost.service.doors import ReplayDoors
from gatepost.verdict import outcome_word

_QUEUED_PER_JOB: Final = 8
"""Messages read ahead for each process: enough to keep it busy, few enough to bound memory."""

HELP: Final = """Print the verdict on stored messages, as the milter would reach it. Nothing is learned or counted.

\b
One message, the whole story:    gatepost scan message.eml
Many messages, a table:          gatepost scan --jobs 2 Maildir/ old.mbox
With what SMTP would have told:  gatepost scan --client-ip 192.0.2.1
                                   --helo mx.example.org --mail-from a@example.org message.eml

A file given by itself is judged whatever is in it; in a folder, what is empty or no mail is passed over.

Exit 1: some file could not be read or was gone; the others were judged. Exit 2: none was, or the options are wrong.
"""

Verdicts = Iterator[tuple[str, Record]]


def scan(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help=options.MESSAGES)],
    json_output: Annotated[bool, typer.Option("--json", help="One JSON object per message, for machines.")] = False,
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
    """Print the verdict on stored messages, as the milter would reach it."""
    envelope = options.envelope_of(client_ip, client_name, helo, mail_from, rcpt_to or [], auth_user)
    doors = ReplayDoors(dns_zone=dns_zone, no_network=no_network)
    loaded = load(config)
    pipeline = replay_pipeline(loaded, doors)  # here too with --jobs: a wrong zone or model is said once
    found, reading = list(files(paths, any_file=True)), Reading("scan")
    with _progress(len(found)) as progress:
        task = progress.add_task("scanning", total=len(found))
        stored = reading.each(found, lambda: progress.advance(task))
        records = verdicts(pipeline, envelope, stored, jobs)
        print_verdicts = _print_json if json_output else _print_table
        count = print_verdicts(records, progress.stop)
    reading.tell()
    if not reading.complete:
        raise typer.Exit(1 if count else 2)
    if not count:
        raise ReplayError(f"no message found in {', '.join(map(str, paths))}")


def _progress(count: int) -> Progress:
    """Give the bar: on a terminal only, and only where there is something to wait for."""
    error = console(error=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=error, transient=True, disable=not error.is_terminal or count < 2)


def verdicts(pipeline: Pipeline, envelope: Envelope, stored: Iterator[Stored], jobs: int) -> Verdicts:
    """Judge stored messages one after the other, or in so many processes; gives each one's name and record, in order."""
    return _judge(pipeline, envelope, stored) if jobs == 1 else _judge_in_processes(pipeline, envelope, stored, jobs)


def _judge(pipeline: Pipeline, envelope: Envelope, stored: Iterator[Stored]) -> Verdicts:
    for item in stored:
        yield item.name, pipeline.judge(envelope, item.message())


_pipeline: Pipeline | None = None
"""The pipeline of a scanning process; it is inherited through fork and never pickled."""


def _inherited(envelope: Envelope, item: Stored) -> tuple[str, Record]:
    assert _pipeline is not None  # noqa: S101 - set before the fork, in _judge_in_processes
    return item.name, _pipeline.judge(envelope, item.message())


def _judge_in_processes(pipeline: Pipeline, envelope: Envelope, stored: Iterator[Stored], jobs: int) -> Verdicts:
    """Judge in forked processes; verdicts come in the order of the messages, and few messages are read ahead."""
    global _pipeline  # noqa: PLW0603 - the way through fork
    _pipeline = pipeline
    waiting: deque[Future[tuple[str, Record]]] = deque()
    with ProcessPoolExecutor(jobs) as pool:
        for item in stored:
            waiting.append(pool.submit(_inherited, envelope, item))
            if len(waiting) >= jobs * _QUEUED_PER_JOB:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _print_json(records: Verdicts, stop: Callable[[], None]) -> int:
    count = 0
    for count, (name, record) in enumerate(records, 1):  # noqa: B007 - the last count is the answer
        line = json.dumps({"file": shown(name), "id": record.record_id, **judgement(record)}, ensure_ascii=False)
        sys.stdout.buffer.write(line.encode("utf-8", "replace") + b"\n")  # JSON is UTF-8 whatever the terminal speaks
    stop()
    return count


def _print_table(records: Verdicts, stop: Callable[[], None]) -> int:
    """Print a page for a single message and a table for more; only what is shown is kept."""
    rows: list[Row] = []
    outcomes: Counter[str] = Counter()
    single: tuple[str, Record] | None = None
    for name, record in records:
        single = (name, record) if not rows else None
        rows.append(row(name, record))
        outcomes[outcome_word(record.verdict.outcome)] += 1
    stop()
    if single:
        console().print(page(*single))
    elif rows:
        console().print(verdict_table(rows))
        told = ", ".join(f"{number} {word}" for word, number in sorted(outcomes.items()))
        console().print(f"{len(rows)} messages: {told}")
    return len(rows)
