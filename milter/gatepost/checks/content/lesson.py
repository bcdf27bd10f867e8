"""What is kept of a message that somebody labelled: its label and the hashes of its words and fields, never its text.

A lesson's id is a digest of the hashes of its words. Copies of one message to many people are one lesson, however often it is
reported; labelling it again the other way replaces the first label; and whoever has the message can find its lesson.

As bytes: version (1), features version (1), label (1), Unix time (4), how many words (2), then the sorted hashes of words and
those of fields (4 each), big-endian. Hashes hide little: who can read the store can try whether a word is in a message
(docs/learning.md).
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass, field
from typing import Final
from zlib import crc32

import numpy as np
import numpy.typing as npt

from gatepost.checks.content.fields import Fields
from gatepost.checks.content.tokens import FEATURES_VERSION, Features
from gatepost.mail import limits

JOURNAL: Final = "lessons"
"""The journal of the state store that lessons are kept in."""

LABELS: Final = ("ham", "spam", "phish")
"""What people may call a message; phish is spam whose kind is remembered."""

Tokens = npt.NDArray[np.uint32]
"""Hashes of a message's tokens, sorted, each once."""

NO_FIELDS: Final[Tokens] = np.zeros(0, np.uint32)

_FORMAT: Final = 2
_HEAD: Final = struct.Struct(">BBBIH")
_ID_BYTES: Final = 10


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """A labelled message: `label` is one of LABELS, `time` Unix seconds when it was labelled.

    `tokens` are those of its words, `fields` those of its header fields.
    """

    label: str
    time: int
    tokens: Tokens
    fields: Tokens = field(default_factory=lambda: NO_FIELDS)

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
    places = np.arange(features.size)
    facts = [at for at, token in enumerate(features.named) if token[:1] == b"="]
    places = np.delete(places, facts)
    hashes = features.hashes()[places]
    order = hashes.argsort(kind="stable")
    hashes, places = hashes[order], places[order]
    if (hashes[1:] == hashes[:-1]).any():  # two tokens of one hash
        hashes, first = np.unique(hashes, return_index=True)
        places = places[first]
    return hashes[: limits.LESSON_TOKENS], places[: limits.LESSON_TOKENS]


def fields_of(fields: Fields) -> tuple[Tokens, npt.NDArray[np.intp]]:
    """Give the hashes of header field tokens as they are counted, and where in `fields` each of them stands."""
    hashes = np.fromiter(map(crc32, fields), np.uint32, len(fields))
    hashes, places = np.unique(hashes, return_index=True)
    return hashes[: limits.LESSON_FIELDS], places[: limits.LESSON_FIELDS]


def make(features: Features, label: str, time: float, fields: Fields = ()) -> Lesson | None:
    """Give the lesson of a message, or None where it has no words to learn from."""
    tokens, _ = words_of(features)
    return Lesson(label, int(time), tokens, fields_of(fields)[0]) if tokens.size else None


def encode(lesson: Lesson) -> bytes:
    """Give a lesson as bytes: 9, and 4 for each token."""
    time = min(max(lesson.time, 0), 0xFFFFFFFF)
    head = _HEAD.pack(_FORMAT, FEATURES_VERSION & 0xFF, LABELS.index(lesson.label), time, lesson.tokens.size)
    return head + np.concatenate((lesson.tokens, lesson.fields)).astype(">u4").tobytes()


def decode(name: str, data: bytes) -> Lesson | None:
    """Read a lesson back; None for anything that is not whole, belongs under another id, or was made for other features."""
    size, odd = divmod(len(data) - _HEAD.size, 4)
    if size <= 0 or odd:
        return None
    version, features, label, time, words = _HEAD.unpack_from(data)
    if (version, features) != (_FORMAT, FEATURES_VERSION & 0xFF) or label >= len(LABELS):
        return None
    if not (0 < words <= min(size, limits.LESSON_TOKENS) and size - words <= limits.LESSON_FIELDS):
        return None
    hashes = np.frombuffer(data, ">u4", offset=_HEAD.size).astype(np.uint32)
    lesson = Lesson(LABELS[label], time, hashes[:words], hashes[words:])
    return lesson if _ascends(lesson.tokens) and _ascends(lesson.fields) and lesson.id == name else None


def _ascends(hashes: Tokens) -> bool:
    return bool((hashes[1:] > hashes[:-1]).all())
