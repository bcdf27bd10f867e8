"""Finding the labelled messages that a message is nearly the same as.

Two messages resemble each other by the share of their tokens that both have (Jaccard). The smallest hashes of a message are
a fair sample of its tokens, and the same sample in a message like it (Broder 1997): messages are filed under each of those,
so that only a handful has to be compared. On two corpora a labelled message found this way and a fifth alike had the same
label in 999 of 1,000 cases (docs/learning.md).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import chain
from typing import Final

import numpy as np

from gatepost.checks.content.lesson import Lesson, Tokens

SKETCH: Final = 24
"""Smallest hashes under which a message is filed: half alike, two messages miss each other once in 2 ** 24."""

FILED: Final = 16
"""Messages looked up under one hash, the youngest ones: a hash that is in everybody's sketch finds nobody."""

COMPARED: Final = 6
"""Messages compared in full, those that share most of the sketch."""

SHARED: Final = 5
"""Hashes of the sketch that must agree for that, or all of a shorter message: three tenths alike, two messages share eleven on
average; strangers one or two."""


@dataclass(frozen=True, slots=True)
class Twin:
    """A labelled message like the one at hand: `alike` in (0, 1], and how many tokens both have."""

    name: str
    label: str
    alike: float
    common: int


class Twins:
    """Labelled messages by what they look like. Not safe between threads by itself."""

    def __init__(self) -> None:
        self._lessons: dict[str, Lesson] = {}
        self._files: dict[int, list[str]] = {}

    def get(self, name: str) -> Lesson | None:
        """Give a labelled message by its id."""
        return self._lessons.get(name)

    def add(self, name: str, lesson: Lesson) -> None:
        """Take in a labelled message whose id is not there."""
        self._lessons[name] = lesson
        for token in lesson.tokens[:SKETCH].tolist():
            self._files.setdefault(token, []).append(name)

    def drop(self, name: str) -> None:
        """Forget a labelled message that is there."""
        lesson = self._lessons.pop(name)
        for token in lesson.tokens[:SKETCH].tolist():
            filed = [other for other in self._files.get(token, ()) if other != name]
            if filed:
                self._files[token] = filed
            else:
                self._files.pop(token, None)

    def of(self, tokens: Tokens) -> list[Twin]:
        """Give the labelled messages most like one with these tokens, COMPARED at most, in no certain order."""
        filed = (self._files.get(token, ())[-FILED:] for token in tokens[:SKETCH].tolist())
        shared = Counter(chain.from_iterable(filed))
        least = min(SHARED, tokens.size)
        likely = sorted((pair for pair in shared.items() if pair[1] >= least), key=lambda pair: -pair[1])
        return [self._compared(name, tokens) for name, _ in likely[:COMPARED]]

    def _compared(self, name: str, tokens: Tokens) -> Twin:
        lesson = self._lessons[name]
        places = np.minimum(np.searchsorted(lesson.tokens, tokens), lesson.tokens.size - 1)
        common = int((lesson.tokens[places] == tokens).sum())
        return Twin(name, lesson.label, common / (tokens.size + lesson.tokens.size - common), common)
