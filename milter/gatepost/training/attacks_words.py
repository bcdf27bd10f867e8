"""Attacks on words: the reader sees the word, a filter that reads characters sees another one or none.

Each function takes one word and a source of chance and gives the word as the attacker writes it. Look-alikes are a
compact table of letters that Unicode's confusables (UTS #39) or its compatibility forms (UAX #15) say look the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Final

Rewrite = Callable[[str, Random], str]
"""Takes a word of ASCII letters, gives what stands in its place."""

SHARE: Final = 0.3
"""Of the letters that have a look-alike, so many are replaced: enough that hardly a word stays, few enough to read."""

_ASCII: Final = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def _table(pairs: str) -> dict[str, str]:
    """Read `a` and its look-alikes, separated by spaces: the first character stands for those that follow it."""
    return {entry[0]: entry[1:] for entry in pairs.split()}


LOOK_ALIKES: Final[Mapping[str, Mapping[str, str]]] = {
    "ascii": _table("lI1 Il1 O0"),
    "cyrillic": _table("aа cс dԁ eе hһ iі jј oо pр sѕ xх yу AА BВ CС EЕ HН IІ JЈ KК MМ OО PР SЅ TТ XХ YҮ"),
    "greek": _table("iι oο vν uυ pρ AΑ BΒ EΕ HΗ IΙ KΚ MΜ NΝ OΟ PΡ TΤ XΧ YΥ ZΖ"),
    "full-width": {letter: chr(ord(letter) + 0xFEE0) for letter in _ASCII},
    "mathematical": {
        letter: chr(0x1D5D4 + (ord(letter) - 65 if letter.isupper() else ord(letter) - 71)) for letter in _ASCII
    },
    "latin": _table("aàáâäåạ cçć eèéêëẹ gğ iìíîï lł nñń oòóôöøọ sşš uùúûü yýÿ zžż AÀÁÄÅ EÈÉËẸ IÌÍÏ OÒÓÖØ UÙÚÜ"),
    "small-capitals": _table("aᴀ bʙ cᴄ dᴅ eᴇ gɢ hʜ iɪ jᴊ kᴋ lʟ mᴍ nɴ oᴏ pᴘ rʀ tᴛ uᴜ vᴠ wᴡ yʏ zᴢ"),
}

WITHOUT_WIDTH: Final[Mapping[str, str]] = {
    "space": "\u200b",
    "joiner": "\u200c\u200d",
    "soft-hyphen": "\u00ad",
    "word-joiner": "\u2060\ufeff",
    "variation": "\ufe00\ufe0e\ufe0f\U000e0100",
    "mongolian": "\u180e\u180b",
    "tag": "".join(chr(0xE0000 + ord(letter)) for letter in "abcdefgh"),
    "operator": "\u2061\u2062\u2063\u2064\u034f",
}

_LEET: Final[Mapping[str, str]] = {"a": "4@", "e": "3", "i": "1!", "o": "0", "s": "5$", "t": "7", "b": "8", "l": "1"}


def look_alike(kind: str) -> Rewrite:
    """Give the attack that writes SHARE of the letters, one in each word at least, in a kind of LOOK_ALIKES."""
    table = LOOK_ALIKES[kind]

    def rewrite(word: str, rng: Random) -> str:
        places = [place for place, letter in enumerate(word) if letter in table]
        if not places:
            return word
        chosen = {place for place in places if rng.random() < SHARE} or {rng.choice(places)}
        return "".join(rng.choice(table[letter]) if at in chosen else letter for at, letter in enumerate(word))

    return rewrite


def without_width(kind: str) -> Rewrite:
    """Give the attack that puts a character of WITHOUT_WIDTH once or twice into each word."""
    characters = WITHOUT_WIDTH[kind]

    def rewrite(word: str, rng: Random) -> str:
        for _ in range(1 + (len(word) > 5)):
            at = rng.randrange(1, len(word))
            word = word[:at] + rng.choice(characters) + word[at:]
        return word

    return rewrite


def leet(word: str, rng: Random) -> str:
    """Write some letters as digits and signs, one in each word at least where there is one: `v1agra`."""
    places = [place for place, letter in enumerate(word) if letter.lower() in _LEET]
    if not places:
        return word
    chosen = {place for place in places if rng.random() < SHARE} or {rng.choice(places)}
    return "".join(rng.choice(_LEET[letter.lower()]) if at in chosen else letter for at, letter in enumerate(word))


def spaced(separators: Sequence[str]) -> Rewrite:
    """Give the attack that writes a long word letter by letter with one of the separators between: `v.i.a.g.r.a`."""

    def rewrite(word: str, rng: Random) -> str:
        if len(word) < 4:
            return word
        separator = rng.choice(separators)
        # Letters with spaces between need wider spaces around them, or nobody could tell the words apart.
        return f"  {separator.join(word)}  " if separator == " " else separator.join(word)

    return rewrite


def cut(inserts: Sequence[str]) -> Rewrite:
    """Give the attack that puts one of the inserts into the middle of a long word: `via<b></b>gra`."""

    def rewrite(word: str, rng: Random) -> str:
        if len(word) < 4:
            return word
        at = rng.randrange(1, len(word))
        return word[:at] + rng.choice(inserts) + word[at:]

    return rewrite


def numbered(word: str, rng: Random) -> str:
    """Write each letter as a character reference, decimal, hexadecimal or padded (WHATWG HTML 13.2.5.75)."""
    return "".join(rng.choice(("&#{0};", "&#x{0:x};", "&#{0:07d};")).format(ord(letter)) for letter in word)
