"""How a message looks, in numbers cut into a few steps: length, capitals, digits, pictures, markup, the subject's shape.

A linear model cannot learn "many", only "there is": so each number becomes one token that names its step (`=capitals-4`).
The steps are fixed here, at about the tenth, quarter, half, three quarters, nine tenths and 97 hundredths of the training mail;
they are part of the features' version. On mail from packs the model never saw this did as well as gradient-boosted trees
on the same numbers, at a tenth of their cost and with parts that add up (card.md of the model has the table).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from typing import Final

from gatepost.checks.content.text import Reading
from gatepost.mail.message import Message

STEPS: Final = {
    "words": (25, 60, 120, 250, 500, 950),
    "capitals": (2.5, 4, 6.5, 10, 17, 31),
    "digits": (0, 0.5, 1.5, 3.5, 7, 15),
    "exclaims": (0, 1, 4, 12),
    "asks": (0, 1.2, 2.5, 4.7),
    "money": (0, 1.5, 8),
    "foreign": (0, 0.1, 0.9, 16),
    "word-length": (4.4, 4.8, 5.3, 6, 7.7, 13),
    "lines": (13, 22, 30, 45, 73, 148),
    "distinct": (52, 63, 74, 85, 95),
    "pictures": (0, 1, 4, 13),
    "cells": (0, 10, 36),
    "fonts": (0, 2, 16),
    "styles": (0, 18, 65),
    "breaks": (0, 3, 14, 41),
    "shown": (5, 13, 30, 60, 80, 91),
    "size": (500, 1_000, 2_500, 8_000, 18_000, 42_000),
    "parts": (1, 3, 5, 6),
    "hidden": (0, 90, 400),
    "subject": (15, 24, 38, 53, 73, 97),
    "subject-capitals": (2, 4, 8.5, 14, 23, 44),
    "subject-digits": (0, 1, 5, 9),
    "subject-exclaims": (0, 1),
}
"""For each number the bounds of its steps: a value is in step n when it exceeds n of them."""

_LOOKED_AT: Final = 8_000
_UPPER: Final = bytes(range(65, 91))
_DIGITS: Final = bytes(range(48, 58))
_ASCII: Final = bytes(range(128))


def look_tokens(message: Message, reading: Reading, subject: str) -> Iterator[str]:
    """Give the steps of a message's numbers as tokens that begin with `=`; at most 8,000 characters of text are counted.

    Takes the message, what was read of it, and its subject (normalised).
    """
    for name, value in (
        *_text_numbers(reading.text[:_LOOKED_AT]),
        *_page_numbers(message, reading),
        *_subject_numbers(subject),
    ):
        yield f"={name}-{bisect_left(STEPS[name], value)}"
    if reading.html:
        yield "=html"
    if reading.plain:
        yield "=plain"
    if "\n>" in reading.text[:_LOOKED_AT]:
        yield "=quoting"
    if not subject.isascii():
        yield "=subject-foreign"


def _text_numbers(text: str) -> Iterator[tuple[str, float]]:
    """Give the numbers of the visible text: shares in per cent of characters, signs in number per thousand."""
    words = text.split()
    data = text.encode("utf-8", "replace")
    size = max(len(data), 1)
    yield "words", len(words)
    yield "capitals", 100 * (len(data) - len(data.translate(None, _UPPER))) / size
    yield "digits", 100 * (len(data) - len(data.translate(None, _DIGITS))) / size
    yield "exclaims", 1000 * data.count(b"!") / size
    yield "asks", 1000 * data.count(b"?") / size
    yield "money", 1000 * (text.count("$") + text.count("€") + text.count("£")) / size
    yield "foreign", 100 * len(data.translate(None, _ASCII)) / size
    yield "word-length", sum(map(len, words)) / max(len(words), 1)
    yield "lines", 1000 * data.count(b"\n") / size
    yield "distinct", 100 * len(set(words)) / max(len(words), 1)


def _page_numbers(message: Message, reading: Reading) -> Iterator[tuple[str, float]]:
    """Give the numbers of the build: pictures, markup, how much of it is text, size and parts."""
    yield "pictures", reading.images
    yield "cells", reading.cells
    yield "fonts", reading.fonts
    yield "styles", reading.styles
    yield "breaks", reading.breaks
    yield "shown", 100 * len(reading.text) / max(reading.source, 1)
    yield "size", len(message.body)
    yield "parts", len(message.mime.parts)
    yield "hidden", len(reading.hidden)


def _subject_numbers(subject: str) -> Iterator[tuple[str, float]]:
    """Give the numbers of the subject."""
    size = max(len(subject), 1)
    yield "subject", len(subject)
    yield "subject-capitals", 100 * sum(map(str.isupper, subject[:200])) / size
    yield "subject-digits", sum(map(str.isdigit, subject[:200]))
    yield "subject-exclaims", subject.count("!")
