"""`gatepost learn`: teach a site's own layer what its people call ham and spam, and take it back."""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from gatepost.arrival.replay import Stored
from gatepost.checks.content.fields import field_tokens
from gatepost.checks.content.follow import PAGES
from gatepost.checks.content.lesson import JOURNAL, LABELS, Lesson, decode, encode, make
from gatepost.checks.content.tokens import extract
from gatepost.effects.headers import HeaderWriter
from gatepost.effects.teach import Label, keys_behind, take_back, teach
from gatepost.ledger.record import shown
from gatepost.service import logs
from gatepost.service.assemble import learning_writer
from gatepost.service.cli import options
from gatepost.service.cli.reading import Reading, found
from gatepost.service.cli.show import console
from gatepost.service.complaints import plain
from gatepost.service.config import load
from gatepost.service.doors import learning_state
from gatepost.world.budget import allowance
from gatepost.world.clock import SystemClock
from gatepost.world.state.door import Entry, State, StateUnavailableError

HELP: Final = """Teach this site's own layer which mail its people want, on top of the shipped model.

It counts at once for all workers and hosts that share the state store; no daemon has to run. Learning a message again
counts once, and under another label replaces the first. Nothing is ever learned from Gatepost's own verdicts.

\b
Teach from folders:            gatepost learn spam Maildir/.Junk/cur
                               gatepost learn ham archive.mbox letter.eml
From a pipe (Dovecot):         gatepost learn spam - < letter.eml
See what was taught:           gatepost learn --list
Take labels back:              gatepost learn --undo 3f0c9a1e77b2d4650a81

Exit 1: there was nothing to learn from, a file could not be read, an id is not known, or the store does not answer.
"""

_BATCH: Final = 50
"""Messages written to the store in one go."""

_BATCH_SECONDS: Final = 30.0
_TAUGHT_AT_ONCE: Final = 10
"""Labels told to the memory of senders and texts, or taken back, in one go: some twenty questions each."""

_DAY: Final = 86_400.0
_ID: Final = re.compile(r"[0-9a-f]{20}")


@dataclass(frozen=True, slots=True)
class _Done:
    """What became of one message or id: `lesson` is None where it had no text."""

    file: str
    lesson: Lesson | None
    again: bool = False


@dataclass(frozen=True, slots=True)
class _Site:
    """What labels are written into: the store, its half-life in seconds, and what knows the site's own verdicts again."""

    state: State
    half_life: float
    writer: HeaderWriter


def learn(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="spam|ham|phish PATH...",
            help="The label, then message files, directories, Maildirs (their own mail; give .Junk by itself), mbox files, packed or not, "
            "or - for standard input. "
            "With --undo: the ids of labels.",
        ),
    ] = None,
    undo: Annotated[
        bool, typer.Option("--undo", help="Take labels back by id, as `learn` and --list print them.")
    ] = False,
    listing: Annotated[bool, typer.Option("--list", help="Print what was learned, oldest first.")] = False,
    json_output: Annotated[bool, typer.Option("--json", help="One JSON object per message, for machines.")] = False,
    config: options.ConfigFile = None,
) -> None:
    """Teach this site's own layer which mail its people want."""
    given = words or []
    if listing and (undo or given):
        raise typer.BadParameter("stands alone", param_hint="--list")
    if not listing and not given:
        raise typer.BadParameter("nothing to learn: give spam, ham or phish and a PATH, or --list")
    if undo and (wrong := next((each for each in given if not _ID.fullmatch(each)), None)) is not None:
        raise typer.BadParameter(f"{wrong!r} is no id (20 hexadecimal digits)", param_hint="--undo")
    if not (undo or listing):
        _require_label(given)
    loaded = load(config)
    writer = learning_writer(loaded)
    state = learning_state(loaded)
    site = _Site(state, loaded.config.state.half_life_days * _DAY, writer)
    try:
        with logs.quiet():
            if listing:
                _print_list(_lessons(state), json_output)
            elif undo:
                _undo(site, given, json_output)
            else:
                _learn(site, given[0], [Path(each) for each in given[1:]], json_output)
    except StateUnavailableError as error:
        sys.stderr.write(f"gatepost learn: the state store does not answer: {plain(str(error))}\n")
        raise typer.Exit(1) from None
    finally:
        state.close()


def _require_label(given: list[str]) -> None:
    """Refuse a command line that does not begin with a label and a path."""
    if given[0] not in LABELS:
        raise typer.BadParameter(f"{given[0]!r} is no label: say spam, ham or phish first")
    if len(given) == 1:
        raise typer.BadParameter(f"no PATH to learn as {given[0]}")


def _learn(site: _Site, label: str, paths: list[Path], json_output: bool) -> None:
    """Learn messages; exits 1 where none had anything to learn from, or a file could not be read."""
    named = list(found(paths))
    told: Counter[str] = Counter()
    reading = Reading("learn")
    last: _Done | None = None
    error = console(error=True)
    columns = (TextColumn("learning"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=error, transient=True, disable=not error.is_terminal or len(named) < 2) as progress:
        task = progress.add_task("learning", total=len(named))
        stored = reading.each(named, lambda: progress.advance(task))
        try:
            for last in _taught(site, label, stored):
                told["empty" if last.lesson is None else "again" if last.again else "new"] += 1
                if json_output:
                    _print_json({"file": shown(last.file), **_told(last.lesson), "again": last.again})
        except StateUnavailableError:
            if kept := told["new"] + told["again"]:
                sys.stderr.write(
                    f"gatepost learn: {kept} messages were learned as {label} before the store went away\n"
                )
            raise
    if not json_output:
        _summary(label, told, reading, last)
    reading.tell()
    if not reading.complete:
        raise typer.Exit(1)
    if not told["new"] + told["again"]:
        sys.stderr.write("gatepost learn: there was no message with text to learn from\n")
        raise typer.Exit(1)


def _taught(site: _Site, label: str, stored: Iterable[Stored]) -> Iterator[_Done]:
    """Write the lessons of messages in batches, and give what became of each message, in order."""
    batch: list[_Read] = []
    clock = SystemClock()
    for item in stored:
        message = item.message()
        features = extract(message)
        message.show(features.shown)
        lesson = make(features, label, clock.now(), field_tokens(message))
        batch.append(_Read(item.name, lesson, keys_behind(message, site.writer) if lesson else ()))
        if len(batch) >= _BATCH:
            yield from _written(site, batch)
            batch = []
    yield from _written(site, batch)


@dataclass(frozen=True, slots=True)
class _Read:
    """A message that was read: its lesson, None where it had no text, and the keys of memory that its label speaks about."""

    name: str
    lesson: Lesson | None
    keys: tuple[str, ...]


def _written(site: _Site, batch: list[_Read]) -> Iterator[_Done]:
    lessons = [read.lesson for read in batch if read.lesson]
    labels = [Label(read.lesson.id, read.lesson.label, read.keys) for read in batch if read.lesson]
    clock = SystemClock()
    with allowance(clock, _BATCH_SECONDS):
        answers = iter(site.state.note(JOURNAL, [Entry(lesson.id, encode(lesson)) for lesson in lessons]))
        for start in range(0, len(labels), _TAUGHT_AT_ONCE):
            teach(site.state, labels[start : start + _TAUGHT_AT_ONCE], clock.now(), site.half_life)
            _require(site.state)
    for read in batch:
        yield _Done(read.name, read.lesson, next(answers) if read.lesson else False)


def _require(state: State) -> None:
    """Refuse the answer of local memory: what is written there ends with this command."""
    if state.degraded():
        raise StateUnavailableError(state.backend)


def _undo(site: _Site, ids: list[str], json_output: bool) -> None:
    """Take labels back, each once, in batches: a store must not stand still for a thousand; exits 1 where an id is not known."""
    clock, named, known = SystemClock(), list(dict.fromkeys(ids)), True
    for start in range(0, len(named), _TAUGHT_AT_ONCE):
        batch = named[start : start + _TAUGHT_AT_ONCE]
        with allowance(clock, _BATCH_SECONDS):
            answers = site.state.note(JOURNAL, [Entry(each, None) for each in batch])
            take_back(site.state, batch, clock.now(), site.half_life)
            _require(site.state)
        known = _told_back(batch, answers, json_output) and known
    if not known:
        raise typer.Exit(1)


def _told_back(ids: Sequence[str], answers: Sequence[bool], json_output: bool) -> bool:
    """Say what was taken back; gives whether all of it was there."""
    for each, there in zip(ids, answers, strict=True):
        if json_output:
            _print_json({"id": each, "undone": there})
        elif there:
            console().print(f"{each}  taken back", highlight=False)
        if not there:
            sys.stderr.write(f"gatepost learn: {each}: there is no such label\n")
    return all(answers)


def _lessons(state: State) -> Iterator[Lesson]:
    """Read all that was learned; what is no lesson of this version is passed over."""
    where, more = "", True
    for _ in range(PAGES):
        if not more:
            return
        found = state.changes(JOURNAL, where)
        where, more = found.position, found.more
        for entry in found.entries:
            lesson = decode(entry.id, entry.data) if entry.data is not None else None
            if lesson:
                yield lesson


def _print_list(lessons: Iterator[Lesson], json_output: bool) -> None:
    told: Counter[str] = Counter()
    for lesson in lessons:
        told[lesson.label] += 1
        if json_output:
            _print_json(_told(lesson))
        else:
            when = datetime.fromtimestamp(lesson.time, UTC)
            print(f"{lesson.id}  {lesson.label:5}  {when:%Y-%m-%d %H:%M}  {lesson.tokens.size} tokens")
    if not json_output:
        total = ", ".join(f"{told[label]} {label}" for label in LABELS)
        console(error=True).print(f"{sum(told.values())} labels: {total}", highlight=False)


def _told(lesson: Lesson | None) -> dict[str, Any]:
    """Give a lesson for machines."""
    if lesson is None:
        return {"id": None, "label": None, "time": None, "tokens": 0}
    return {"id": lesson.id, "label": lesson.label, "time": lesson.time, "tokens": int(lesson.tokens.size)}


def _summary(label: str, told: Counter[str], reading: Reading, last: _Done | None) -> None:
    """Say what was learned; a single message with its id, which takes it back."""
    out = console()
    if last is not None and last.lesson and told.total() == 1 and reading.complete:
        word = "learned again" if last.again else "learned"
        out.print(f"{word} as {label}: {last.lesson.id}", highlight=False)
        return
    parts = [f"{told['new']} new", f"{told['again']} known before"]
    if told["empty"]:
        parts.append(f"{told['empty']} without text left out")
    if reading.gone:
        parts.append(f"{reading.gone} files gone before they were read")
    if reading.unread:
        parts.append(f"{reading.unread} files that cannot be read")
    out.print(f"learned as {label}: {', '.join(parts)}", highlight=False)


def _print_json(document: dict[str, Any]) -> None:
    """Print one object, UTF-8 whatever the terminal speaks."""
    line = json.dumps(document, ensure_ascii=False)
    sys.stdout.buffer.write(line.encode("utf-8", "replace") + b"\n")
