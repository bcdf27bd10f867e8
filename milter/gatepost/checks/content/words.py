"""Text cut into words: the part of the features that costs most, so it is made of few passes over the text.

A word is a run of letters and digits in lower case, with an apostrophe and up to three letters behind it (`it's`). Western
text is plain ASCII once look-alikes and accents are folded (lookalikes.py), and a table and one split cut that four times
as fast as an expression. Other alphabets take an expression; scripts without spaces between words give character pairs
(Chinese, Japanese) or runs of four characters (Thai, Lao, Khmer, Burmese), a function character or hiragana apart.

Disguises are undone: letters written one by one (`V I A G R A`), signs and digits for letters (`c@sh`, `v1agra`), and common
words written with other letters (disguise.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from gatepost.checks.content.disguise import disguised
from gatepost.checks.content.stopwords import STOPWORDS, spaceless_word

LONGEST: Final = 24
"""Letters of the longest word that is one; what is longer is code, not language."""

_KEPT: Final = b"abcdefghijklmnopqrstuvwxyz0123456789'@$!"
_TO_SPACE: Final = {code: " " for code in range(128) if code not in _KEPT}
_APOSTROPHE: Final = re.compile("'(?:(?<![a-z0-9].)|(?![a-z0-9]{1,3}(?![a-z0-9])))", re.DOTALL)
# Signs that stand for no letter: not between two letters, or an exclamation mark behind three (`now!click`).
_STRAY_SIGN: Final = re.compile("[@$!](?:(?<![a-z0-9].)|(?![a-z0-9])|(?<=[a-z0-9]{3}!))", re.DOTALL)
# The marks of Indian scripts (vowel signs, virama) are part of the word, though not alphanumeric.
_WORD: Final = re.compile(r"(?:[^\W_]|[\u0900-\u0963\u0970-\u0d7f])+(?:[@$!][^\W_]+)*(?:'[^\W_]{1,3}(?![^\W_]))?")
_LEET: Final = str.maketrans("013457@$!", "oieastasi")
_DIGITS: Final = "0123456789"
_SHORT: Final = 6
_SIGNS: Final = str.maketrans("", "", "@$!")

_URL: Final = re.compile(r"[hw](?:ttps?://|ww\.)[!-~]{1,2000}")
_LOCAL_PART: Final = re.compile(r"[\w.+-]+\Z")
_DOMAIN: Final = re.compile(r"[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")

# Kana; Han. Hangul puts spaces between words.
_PAIRED: Final = "\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0002ffff"
# Thai, Lao, Burmese, Khmer: alphabets without spaces, whose pairs would say as little as pairs of Latin letters.
_RUNNING: Final = "\u0e01-\u0eff\u1000-\u109f\u1780-\u17ff"
_SPACELESS: Final = re.compile(f"([{_PAIRED}]+)|([{_RUNNING}]+)")
_GRAM: Final = 4

_SEPARATORS: Final = b" .*_-"
# Each character as what letter-by-letter writing is made of: `a` for letters and digits and for all beyond ASCII.
_SHAPE: Final = bytes(
    ord("a") if chr(code).isalnum() or chr(code) == "?" else ord(" ") if code in _SEPARATORS else ord("\n")
    for code in range(256)
)
_LETTER_BY_LETTER: Final = re.compile(r"(?<![^\W_])[^\W_]([ .*_-])[^\W_](?:\1[^\W_]){2,}(?![^\W_])")


def joined(text: str) -> str:
    """Join words that are written letter by letter: `V I A G R A`, `v.i.a.g.r.a`; linear in the length."""
    if b"a a a a" not in text.encode("ascii", "replace").translate(_SHAPE):
        return text
    return _LETTER_BY_LETTER.sub(lambda match: match[0].replace(match[1], ""), text)


def without_addresses(text: str) -> str:
    """Cut out web and mail addresses of a lower-case text: what they say is for urls.py."""
    if "://" in text or "www." in text:
        text = _URL.sub(" ", text)
    if "@" not in text:
        return text
    pieces = text.split("@")
    for number, after in enumerate(pieces[1:], 1):
        domain = _DOMAIN.match(after)
        local = _LOCAL_PART.search(pieces[number - 1], max(0, len(pieces[number - 1]) - 64)) if domain else None
        if domain and local:
            pieces[number - 1] = pieces[number - 1][: local.start()] + " "
            pieces[number] = " " + after[domain.end() :]
        else:
            pieces[number] = "@" + after
    return "".join(pieces)


@dataclass(frozen=True, slots=True)
class Words:
    """The words of a text in reading order, and those of them that were disguised, as they were written."""

    read: list[str]
    disguised: frozenset[str]


def cut(text: str) -> list[str]:
    """Cut a lower-case text into words, in reading order: two to 24 characters, numbers as `#` and how many digits."""
    return read_words(text).read


def read_words(text: str) -> Words:
    """Cut a lower-case text into words as `cut` does, and say which were disguised."""
    runs = [] if text.isascii() else _SPACELESS.findall(text)
    pairs: list[str] = []
    for paired, running in runs:
        pairs += _grams(running) if running else filter(spaceless_word, map("".join, pairwise(paired)))
    found = pieces(_SPACELESS.sub(" ", text) if runs else text)
    meant = disguised(found)
    if meant:
        found = [meant.get(word, word) for word in found]
    words = [
        word if word.isalpha() else _shape(word) for word in found if word not in STOPWORDS and 1 < len(word) <= LONGEST
    ]
    read = [word for word in words if word] + pairs if "" in words else words + pairs
    return Words(read, frozenset(meant))


def pieces(text: str) -> list[str]:
    """Cut a lower-case text into what stands between blanks and signs, as it is written: letters, digits, @ $ ! between them."""
    if "!" in text or "$" in text or "@" in text:
        text = _STRAY_SIGN.sub(" ", text)
    return _ascii_pieces(text) if text.isascii() else _WORD.findall(text)


def _ascii_pieces(text: str) -> list[str]:
    """Cut lower-case ASCII text: apostrophes that join nothing go first, then all that is no letter, digit or sign."""
    if "'" in text:
        text = _APOSTROPHE.sub(" ", text)
    return text.translate(_TO_SPACE).split()


def _grams(run: str) -> Iterator[str]:
    """Give the runs of four characters in a longer one, or one of two or three itself."""
    if len(run) == 1:
        return iter(())
    return (run[start : start + _GRAM] for start in range(max(1, len(run) - _GRAM + 1)))


def _shape(word: str) -> str:
    """Give what is kept of a word that is not letters alone; "" for nothing.

    That is the digit count of a number; `it's`, `24hrs` and `mp3` as they are; the word that a number follows
    (`invoice2024`); the word that digits and signs stand in (`v1agra`), where half of it is letters; else what is short.
    """
    if word.isdigit():
        return f"#{len(word)}"
    if "'" in word:
        return word.translate(_SIGNS)
    if not word.isascii():
        return word if 2 * sum(map(str.isdigit, word)) <= len(word) else ""
    stem, unit = word.rstrip(_DIGITS), word.lstrip(_DIGITS)
    if (len(unit) <= 3 and unit.isalpha()) or (len(stem) <= 3 and stem.isalpha()):
        return word if len(word) <= _SHORT else ""
    if len(word) - len(stem) > 1 and stem.isalpha():
        return stem
    if 2 * sum(map(str.isalpha, word)) >= len(word):
        return word.translate(_LEET)
    return word if len(word) <= _SHORT else ""
