"""Messages in files that a mail reader renames or takes away while a command reads them, as it does in any Maildir in use."""

from __future__ import annotations

import errno
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from gatepost.arrival.replay import ReplayError, Stored, files, messages
from gatepost.service.complaints import plain


@dataclass(slots=True)
class Reading:
    """What could not be read for a command: files that were `gone` by then, and `unread` ones, each of which was said."""

    command: str
    gone: int = 0
    unread: int = 0

    @property
    def complete(self) -> bool:
        """Whether everything was read."""
        return not self.gone + self.unread

    def each(self, found: Iterable[Path], done: Callable[[], None]) -> Iterator[Stored]:
        """Give the messages in files, going on past those that cannot be read; calls `done` after each file."""
        for path in found:
            try:
                yield from _read(path)
            except ReplayError as error:
                if _gone(path):
                    self.gone += 1
                else:
                    self.unread += 1
                    sys.stderr.write(f"gatepost {self.command}: {plain(str(error))}\n")
            done()

    def tell(self) -> None:
        """Say how many files were gone."""
        if self.gone:
            line = f"left out, as they were gone before they were read: {self.gone} files"
            sys.stderr.write(f"gatepost {self.command}: {line}\n")


def found(paths: Iterable[Path]) -> Iterator[Path]:
    """Give the files behind paths; one that a mail reader has renamed since it was named counts. Raises ReplayError."""
    for path in paths:
        try:
            yield from files([path])
        except ReplayError:
            if (now := _moved(path)) is None:
                raise
            yield now


def _read(path: Path) -> Iterator[Stored]:
    try:
        yield from messages(path)
    except ReplayError:
        if (now := _moved(path)) is None:
            raise
        yield from messages(now)


def _gone(path: Path) -> bool:
    try:
        path.lstat()
    except OSError as error:
        return error.errno == errno.ENOENT
    return False


def _moved(path: Path) -> Path | None:
    """Give where a message of a Maildir is now: readers move it from new to cur and write flags behind its name (maildir(5))."""
    if not (_gone(path) and path.parent.name in {"new", "cur"}):
        return None
    unique = path.name.partition(":")[0]
    try:
        beside = path.parent.with_name("cur").iterdir()
        return next((each for each in beside if each.name.partition(":")[0] == unique), None)
    except OSError:
        return None
