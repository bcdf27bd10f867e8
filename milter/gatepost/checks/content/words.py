"""Text cut into words: the part of the features that costs most, so it is made of few passes over the text.

A word is a run of letters and digits in lower case, with an apostrophe and up to three letters behind it (`it's`). Western
text is plain ASCII once look-alikes and accents are folded (lookalikes.py), and is cut by compiled code (loops/words.c). Other
alphabets take an expression; scripts without spaces between words give character pairs (Chinese), runs of katakana and of Han
(Japanese) or runs of four characters (Thai, Lao, Khmer, Burmese), a function character or hiragana apart.

A number is told by how many digits it has (`#4`). Kept as they are: `it's`, `24hrs`, `mp3`; the word that a number follows
(`invoice2024`); what is short. Disguises are undone: letters written one by one (`V I A G R A`), signs and digits for letters
(`c@sh`, `v1agra`), and common words written with other letters (disguise.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Final

from gatepost.checks.content import disguise
from gatepost.checks.content._loops import LONGEST, Lexicon, spells
from gatepost.checks.content.stopwords import STOPWORDS, spaceless_word

# A sign beside which there is no ASCII letter stands for none, or an exclamation mark behind three (`now!click`).
_STRAY_SIGN: Final = re.compile("[@$!](?:(?<![a-z0-9].)|(?![a-z0-9])|(?<=[a-z0-9]{3}!))", re.DOTALL)
# The marks of Indian scripts (vowel signs, virama) are part of the word, though not alphanumeric.
_WORD: Final = re.compile(r"(?:[^\W_]++|[\u0900-\u0963\u0970-\u0d7f]++)++(?:[@$!][^\W_]+)*(?:'[^\W_]{1,3}(?![^\W_]))?")
_SIGNS: Final = str.maketrans("", "", "@$!")

# An expression that begins with a plain word skips to it.
_URL: Final = re.compile(r"https?://[!-~]{1,2000}")
_BARE_URL: Final = re.compile(r"www\.[!-~]{1,2000}")
_LOCAL_PART: Final = re.compile(r"[\w.+-]+\Z")
_DOMAIN: Final = re.compile(r"[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")

# Kana; Han. Hangul puts spaces between words.
_PAIRED: Final = "\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0002ffff"
# Thai, Lao, Burmese, Khmer: alphabets without spaces, whose pairs would say as little as pairs of Latin letters.
_RUNNING: Final = "\u0e01-\u0eff\u1000-\u109f\u1780-\u17ff"
_SPACELESS: Final = re.compile(f"([{_PAIRED}]+)|([{_RUNNING}]+)")
_GRAM: Final = 4
_KANA: Final = re.compile("[\u3041-\u30ff]")
_JAPANESE: Final = re.compile(
    "[\u30a1-\u30fa\u30fc-\u30fe]{2,}|[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0002ffff]{2,}"
)
_KOREAN: Final = re.compile("[\uac00-\ud7a3]{3,}")
_WHOLE: Final = 3
"""Han characters of a word that is taken whole."""

_LETTER_BY_LETTER: Final = re.compile(r"(?<![^\W_])[^\W_]([ .*_-])[^\W_](?:\1[^\W_]){2,}(?![^\W_])")


def joined(text: str) -> str:
    """Join words that are written letter by letter: `V I A G R A`, `v.i.a.g.r.a`; linear in the length."""
    if not spells(text.encode("utf-8", "replace")):
        return text
    return _LETTER_BY_LETTER.sub(lambda match: match[0].replace(match[1], ""), text)


def without_addresses(text: str) -> str:
    """Cut out web and mail addresses of a lower-case text: what they say is for urls.py."""
    if "://" in text:
        text = _URL.sub(" ", text)
    if "www." in text:
        text = _BARE_URL.sub(" ", text)
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
    """The words of a text in reading order, as UTF-8 with one space between them, and those that were disguised, as they were written."""

    text: bytes
    disguised: frozenset[bytes]

    @property
    def read(self) -> list[str]:
        """The words one by one."""
        return self.text.decode("utf-8").split()


def load() -> None:
    """Read the known words. To be called before forking: workers share them, and might not be able to read the file."""
    _lexicon()


@cache
def _lexicon() -> Lexicon:
    """Give the words that are known before any mail is read."""
    return Lexicon(" ".join(STOPWORDS), " ".join(disguise.common()), disguise.SOLD)


def cut(text: str) -> list[str]:
    """Cut a lower-case text into words, in reading order: two to 24 characters, numbers as `#` and how many digits."""
    return read_words(text).read


def read_words(text: str) -> Words:
    """Cut a lower-case text into words as `cut` does, and say which were disguised."""
    grams: list[str] = []
    if not text.isascii() and (runs := _SPACELESS.findall(text)):
        for paired, running in runs:
            grams += _grams(running) if running else _content(paired)
        text = _SPACELESS.sub(" ", text)
    known = _lexicon()
    words, disguised = known.cut(text) if text.isascii() else known.keep(" ".join(_pieces(text)))
    if grams:
        words = b" ".join(filter(None, (words, " ".join(grams).encode())))
    return Words(words, frozenset(disguised))


def _pieces(text: str) -> Iterator[str]:
    """Cut lower-case text that is not all ASCII; ASCII pieces are given as they are written, of others what is kept."""
    for piece in _WORD.findall(_STRAY_SIGN.sub(" ", text)):
        if piece.isascii():
            yield piece
        elif 1 < len(piece) <= LONGEST:
            if piece.isdigit():
                yield f"#{len(piece)}"
            elif "'" in piece:
                yield piece.translate(_SIGNS)
            elif 2 * sum(map(str.isdigit, piece)) <= len(piece):
                # Two Korean syllables carry the sense, particles and endings follow.
                yield piece[:2] if _KOREAN.match(piece) else piece


def _content(run: str) -> Iterator[str]:
    """Give what a run of kana and Han characters speaks of.

    Japanese writes foreign words in katakana, the stems of its own in Han and grammar in hiragana, so that those runs are words;
    long runs of Han, in Chinese all of them, are told by their pairs.
    """
    for word in _JAPANESE.findall(run) if _KANA.search(run) else [run]:
        if 1 < len(word) <= _WHOLE or _KANA.match(word):
            yield word[:LONGEST]
        else:
            yield from filter(spaceless_word, map("".join, pairwise(word)))


def _grams(run: str) -> Iterator[str]:
    """Give the runs of four characters in a longer one, or one of two or three itself."""
    if len(run) == 1:
        return iter(())
    return (run[start : start + _GRAM] for start in range(max(1, len(run) - _GRAM + 1)))
