"""How a message looks, in numbers cut into a few steps: length, capitals, digits, pictures, markup, the subject's shape.

A linear model cannot learn "many", only "there is": so each number becomes one token that names its step (`=capitals-4`).
The steps are fixed here, at about the tenth, quarter, half, three quarters, nine tenths and 97 hundredths of the training mail;
they are part of the features' version. On mail from packs the model never saw this did as well as gradient-boosted trees
on the same numbers, at a tenth of their cost and with parts that add up (card.md of the model has the table).
"""

from __future__ import annotations

from bisect import bisect_left
from typing import Final, NamedTuple

from gatepost.checks.content._loops import survey_text
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
    "emoji": (0, 2, 6),
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

_NAMES: Final = {name: [f"={name}-{step}" for step in range(len(bounds) + 1)] for name, bounds in STEPS.items()}

_LOOKED_AT: Final = 8_000
_SUBJECT_CHARACTERS: Final = 200
_SCRIPTS: Final = ("greek", "cyrillic", "hebrew", "arabic", "indic", "thai", "han", "hangul")
_KANA_IN: Final = 20
_LETTERS_IN: Final = 5
"""One kana in twenty characters makes a text Japanese, one letter in five of another script a text of that script: names, numbers
and addresses are Latin everywhere."""

_SPACED_OUT: Final = 4
"""Separators in a word of five letters that is written letter by letter."""


def look_tokens(message: Message, reading: Reading, subject: str, *, spaced_out: int) -> list[str]:
    """Give the steps of a message's numbers as tokens that begin with `=`; at most 8,000 characters of text are counted.

    Takes the message, what was read of it, its subject (normalised), and how many separators had to go to join words
    that the text writes letter by letter.
    """
    text = reading.text[:_LOOKED_AT]
    letters = letters_of(text)
    numbers = _text_numbers(letters) | _page_numbers(message, reading) | _subject_numbers(subject)
    tokens = [_NAMES[name][bisect_left(STEPS[name], value)] for name, value in numbers.items()]
    tokens += _script(letters)
    if reading.html:
        tokens.append("=html")
    if reading.plain:
        tokens.append("=plain")
    if "\n>" in text:
        tokens.append("=quoting")
    if spaced_out >= _SPACED_OUT:
        tokens.append("=spaced-out")
    if not subject.isascii():
        tokens.append("=subject-foreign")
    return tokens


class Letters(NamedTuple):
    """What a text is made of: characters and how many of them there are of each kind, words and how many different ones.

    `money` are dollars, euros and pounds, `lines` line ends, `solid` all but blanks. The last are letters of scripts.
    """

    characters: int
    beyond_ascii: int
    capitals: int
    digits: int
    exclaims: int
    asks: int
    money: int
    emoji: int
    lines: int
    solid: int
    words: int
    distinct: int
    greek: int
    cyrillic: int
    hebrew: int
    arabic: int
    indic: int
    thai: int
    kana: int
    han: int
    hangul: int


def letters_of(text: str) -> Letters:
    """Count what a text is made of."""
    return Letters(*survey_text(text.encode("utf-8", "replace")))


def _script(found: Letters) -> list[str]:
    """Give the script of a text that is not written in Latin letters; "kana" is Japanese, "han" without it Chinese."""
    if not found.beyond_ascii:
        return []
    if _KANA_IN * found.kana > found.solid:
        return ["=script-kana"]
    most = max(_SCRIPTS, key=lambda name: getattr(found, name))
    return [f"=script-{most}"] if _LETTERS_IN * getattr(found, most) > found.solid else []


def _text_numbers(found: Letters) -> dict[str, float]:
    """Give the numbers of the visible text: shares in per cent of characters, signs in number per thousand."""
    size, many = max(found.characters, 1), max(found.words, 1)
    return {
        "words": found.words,
        "capitals": 100 * found.capitals / size,
        "digits": 100 * found.digits / size,
        "exclaims": 1000 * found.exclaims / size,
        "asks": 1000 * found.asks / size,
        "money": 1000 * found.money / size,
        "foreign": 100 * found.beyond_ascii / size,
        "emoji": 1000 * found.emoji / size,
        "word-length": found.solid / many,
        "lines": 1000 * found.lines / size,
        "distinct": 100 * found.distinct / many,
    }


def _page_numbers(message: Message, reading: Reading) -> dict[str, float]:
    """Give the numbers of the build: pictures, markup, how much of it is text, size and parts."""
    return {
        "pictures": reading.build.images,
        "cells": reading.build.cells,
        "fonts": reading.build.fonts,
        "styles": reading.build.styles,
        "breaks": reading.build.breaks,
        "shown": 100 * len(reading.text) / max(reading.source, 1),
        "size": len(message.body),
        "parts": len(message.mime.parts),
        "hidden": len(reading.hidden),
    }


def _subject_numbers(subject: str) -> dict[str, float]:
    """Give the numbers of the subject."""
    size, start = max(len(subject), 1), subject[:_SUBJECT_CHARACTERS]
    return {
        "subject": len(subject),
        "subject-capitals": 100 * sum(map(str.isupper, start)) / size,
        "subject-digits": sum(map(str.isdigit, start)),
        "subject-exclaims": subject.count("!"),
    }
