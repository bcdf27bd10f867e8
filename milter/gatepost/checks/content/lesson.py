"""What is kept of a message that somebody labelled: its label and the hashes of its tokens, never its text.

A lesson's id is a digest of those hashes. Copies of one message to many people are one lesson, however often it is reported;
labelling it again the other way replaces the first label; and whoever has the message can find its lesson.

As bytes: version (1), features version (1), label (1), Unix time (4), then the sorted hashes (4 each), big-endian. Hashes
hide little: who can read the store can try whether a word is in a message (docs/learning.md).
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from gatepost.checks.content.tokens import FEATURES_VERSION, Features
from gatepost.mail import limits

JOURNAL: Final = "lessons"
"""The journal of the state store that lessons are kept in."""

LABELS: Final = ("ham", "spam", "phish")
"""What people may call a message; phish is spam whose kind is remembered."""

Tokens = npt.NDArray[np.uint32]
"""Hashes of a message's tokens, sorted, each once."""

_FORMAT: Final = 1
_HEAD: Final = struct.Struct(">BBBI")
_ID_BYTES: Final = 10


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """A labelled message: `label` is one of LABELS, `time` Unix seconds when it was labelled."""

    label: str
    time: int
    tokens: Tokens

    @property
    def id(self) -> str:
        """The digest of the tokens, in 20 hexadecimal digits."""
        return hashlib.blake2b(self.tokens.astype(">u4").tobytes(), digest_size=_ID_BYTES).hexdigest()

    @property
    def unwanted(self) -> bool:
        """Whether the label says that people do not want it."""
        return self.label != "ham"


def words_of(features: Features) -> tuple[Tokens, npt.NDArray[np.intp]]:
    """Give the hashes by which a message is compared with lessons, and where in `features.tokens` each of them stands.

    Facts about structure are left out: mail that has nothing else in common shares them. Of a long message those with the
    smallest hashes are kept, limits.LESSON_TOKENS of them: another message like it keeps the same ones.
    """
    places = np.flatnonzero([token[:1] != b"=" for token in features.tokens])
    hashes = features.hashes()[places]
    order = hashes.argsort(kind="stable")
    hashes, places = hashes[order], places[order]
    if (hashes[1:] == hashes[:-1]).any():  # two tokens of one hash
        hashes, first = np.unique(hashes, return_index=True)
        places = places[first]
    return hashes[: limits.LESSON_TOKENS], places[: limits.LESSON_TOKENS]


def make(features: Features, label: str, time: float) -> Lesson | None:
    """Give the lesson of a message, or None where it has no words to learn from."""
    tokens, _ = words_of(features)
    return Lesson(label, int(time), tokens) if tokens.size else None


def encode(lesson: Lesson) -> bytes:
    """Give a lesson as bytes: 7, and 4 for each token."""
    time = min(max(lesson.time, 0), 0xFFFFFFFF)
    head = _HEAD.pack(_FORMAT, FEATURES_VERSION & 0xFF, LABELS.index(lesson.label), time)
    return head + lesson.tokens.astype(">u4").tobytes()


def decode(name: str, data: bytes) -> Lesson | None:
    """Read a lesson back; None for anything that is not whole, belongs under another id, or was made for other features."""
    tokens = len(data) - _HEAD.size
    if tokens <= 0 or tokens % 4 or tokens // 4 > limits.LESSON_TOKENS:
        return None
    version, features, label, time = _HEAD.unpack_from(data)
    if (version, features) != (_FORMAT, FEATURES_VERSION & 0xFF) or label >= len(LABELS):
        return None
    hashes = np.frombuffer(data, ">u4", offset=_HEAD.size).astype(np.uint32)
    lesson = Lesson(LABELS[label], time, hashes)
    return lesson if (hashes[1:] > hashes[:-1]).all() and lesson.id == name else None
