"""Whose name an Authentication-Results value bears, to the reader who looks least closely.

mail/authres.py reads such values strictly: it decides what is believed. Here it is the other way round. A field that anybody
behind us could take for ours has to go (RFC 8601 5), however its name is written; what bears another host's name stays.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from typing import Final

from gatepost.mail import limits
from gatepost.mail.charset import header_text
from gatepost.mail.domain import normal_labels
from gatepost.mail.parameters import strip_comments

# What nobody sees goes; what ends a name for somebody, a byte that is no text among it, is a space; all dots are one.
_INVISIBLE: Final = (
    (0x00AD, 0x00AD), (0x034F, 0x034F), (0x061C, 0x061C), (0x180B, 0x180F), (0x200B, 0x200F),
    (0x202A, 0x202E), (0x2060, 0x206F), (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF), (0xFFF0, 0xFFF8),
)  # fmt: skip
_PLAIN: Final = {
    **{code: None for first, last in _INVISIBLE for code in range(first, last + 1)},
    **dict.fromkeys(map(ord, '"\\')),
    **dict.fromkeys((*range(0x20), *range(0x7F, 0xA0), 0xFFFD), " "),
    **dict.fromkeys(map(ord, "\u3002\uff0e\uff61"), "."),
}
_AROUND: Final = str.maketrans("<>()[],:/", " " * 9)  # what some write around a name, or behind it
# Empty pieces, and the instance that ARC-Authentication-Results has before the name (RFC 8617 4.1.1). Nothing is read twice.
_LEAD: Final = re.compile(r"(?:[\s;]++|i\s*+=\s*+\d++\s*+(?:;|\Z))*+", re.IGNORECASE)


def claims(value: bytes, *authserv_ids: str) -> bool:
    """Say whether an Authentication-Results value claims to come from one of these hosts (RFC 8601 2.2 and 5)."""
    words = _first_words(strip_comments(value))
    if not words:
        # All of it lies within a comment that is never closed, or that some reader does not take for one.
        words = _first_words(value)
    if b"=?" in value:
        words |= _first_words(strip_comments(header_text(value).encode("utf-8", "replace")))
    wanted = [_spellings(each) for each in authserv_ids]
    return any(_spells(word, each) for word in words for each in wanted)


def _first_words(value: bytes) -> set[str]:
    """Give the words before the first semicolon that has any before it, with and without what stands around a name; each once."""
    text = value.decode("utf-8", "replace").translate(_PLAIN)
    lead = _LEAD.match(text)
    first = text[lead.end() if lead else 0 :].partition(";")[0]
    bare = first.translate(_AROUND).split()
    return {*bare, *first.split(), *" ".join(bare).replace(" .", ".").replace(". ", ".").split()}


def _spells(word: str, wanted: tuple[frozenset[str], ...]) -> bool:
    """Say whether a word is a name in one of its spellings, label by label."""
    if word.isascii():
        if word.strip(".").count(".") != len(wanted) - 1:  # a cheap look: a field may hold 100,000 words
            return False
    elif len(word) > limits.DOMAIN_OCTETS:
        return False  # no name is so long, and putting it into one form may cost the square of its length
    labels = _folded(word).strip(".").split(".")
    return len(labels) == len(wanted) and all(label in forms for label, forms in zip(labels, wanted, strict=True))


@lru_cache(maxsize=256)
def _spellings(authserv_id: str) -> tuple[frozenset[str], ...]:
    """Give the spellings of each label of a name: A-label and U-label (RFC 5890), in lower case."""
    return tuple(frozenset(_forms(label)) for label in authserv_id.strip(".").split("."))


def _forms(label: str) -> Iterator[str]:
    folded = _folded(label)
    yield folded
    if folded.startswith("xn--"):
        with suppress(UnicodeError):
            yield _folded(folded[4:].encode("ascii").decode("punycode"))
    elif not folded.isascii():
        yield normal_labels(label)


def _folded(text: str) -> str:
    return text.lower() if text.isascii() else unicodedata.normalize("NFKC", text).casefold()
