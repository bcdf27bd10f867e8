"""What a filter must do to take part in the accuracy benchmark: learn labelled files, and score other files."""

from __future__ import annotations

import shutil
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from bench.accuracy_mail import Mail

Done = Callable[[int], None]
"""Told how many messages more are done."""


class FilterError(RuntimeError):
    """A filter does not do what it should; the message is one line."""


class Filter(ABC):
    """One filter, trained from nothing: a context in which it learns first and scores then.

    `cutoff` is the score from which the filter by itself, without any setting, calls a message spam. `usual_limit` is for
    slow ones: messages of each pack and label when nothing else is asked for. `known` says, before it learns, that what will be
    scored is later mail of the same sources.
    """

    name: ClassVar[str]
    cutoff: ClassVar[float]
    usual_limit: ClassVar[int | None] = None
    known: bool = False

    def __init__(self, folder: Path) -> None:
        """Take an empty folder for everything that is learned; it is removed afterwards."""
        self.folder = folder

    @classmethod
    @abstractmethod
    def version(cls) -> str:
        """Give name and version of what is installed, and "" where it is not."""

    @abstractmethod
    def train(self, mail: Sequence[Mail], done: Done) -> None:
        """Learn all messages. Raises FilterError."""

    @abstractmethod
    def score(self, mail: Sequence[Mail], done: Done) -> list[float]:
        """Give a score for each message, in order, that grows with the suspicion. Raises FilterError. Learns nothing."""

    def close(self) -> None:  # noqa: B027 - most filters start nothing that stays
        """Stop whatever was started."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def first_line(*command: str) -> str:
    """Give the first line that a program says of itself, "" where it is not installed."""
    if shutil.which(command[0]) is None:
        return ""
    said = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    return (said.stdout or said.stderr).strip().partition("\n")[0]
