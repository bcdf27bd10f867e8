"""Tokens about how a message is built, beside what it says.

These are the features that give a corpus away most easily (mailing lists are plain text, spam traps are HTML), so only
what a sender's intent shapes is used: links against text, hiding tricks, the subject's look. Reply marks, references,
mailer names, dates, recipients and hosts in message ids are left out on purpose.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from gatepost.checks.content.text import Reading
from gatepost.checks.content.urls import Link

_MIXED_SCRIPT: Final = re.compile("[\u0370-\u04ff](?:(?<=[A-Za-z].)|(?=[A-Za-z]))")

_LOOKS_CHARACTERS: Final = 4_000
"""Characters of text that are examined for mixed scripts."""

FREEMAIL: Final = frozenset(
    "gmail.com googlemail.com yahoo.com hotmail.com outlook.com live.com aol.com icloud.com gmx.de gmx.net web.de mail.ru "
    "yandex.ru yandex.com qq.com 163.com 126.com sina.com protonmail.com proton.me zoho.com mail.com inbox.ru".split()
)


def structure_tokens(reading: Reading, subject: str, links: Sequence[Link], link_count: int) -> Iterator[str]:
    """Give what can be said about the build of a message, from what was already read of it."""
    yield from _text_shape(reading)
    yield from _subject_shape(subject[:200])
    yield f"=links-{_size(link_count, (0, 1, 5, 20))}"
    yield from sorted({f"=link-{oddity}" for link in links for oddity in link.oddities})


def _text_shape(reading: Reading) -> Iterator[str]:
    """Give the length of the text, its hiding tricks, and what stands in for text."""
    seen = len(reading.text.strip())
    yield f"=text-{_size(seen, (0, 100, 400, 1500, 6000))}"
    if reading.build.images and seen < 200:
        yield "=image-instead"
    if reading.build.forms:
        yield "=form"
    if len(reading.hidden.strip()) > max(400, seen):
        yield "=hidden-most"
    if reading.invisible > max(20, seen // 20):
        yield "=invisible-many"
    if not reading.text.isascii() and _MIXED_SCRIPT.search(reading.text, 0, _LOOKS_CHARACTERS):
        yield "=mixed-script"


def _subject_shape(subject: str) -> Iterator[str]:
    """Give what the look of a subject says: shouting, symbols."""
    letters = sum(map(str.isalpha, subject))
    if letters > 8 and sum(map(str.isupper, subject)) > 0.7 * letters:
        yield "=subject-capitals"
    if not subject.isascii() and max(subject) >= "\U0001f300":
        yield "=subject-emoji"


def _size(number: int, steps: tuple[int, ...]) -> int:
    """Give how many of the steps a number exceeds: a coarse size."""
    return sum(number > step for step in steps)
