"""Words written with other letters (`mlcrosoft`, `0rder`, `soiid`, `viiagraa`), which a filter shall not know and a reader does.

A word that is no common one is compared with those by its skeleton: digits and signs stand for the letters that they look like,
and l for i. What spammers sell (drugs, software, watches) is also found where letters are doubled. A disguise is undone, so that
the word speaks as itself, and counted: of 39,820 wanted messages of the public packs 24 have such a word and none has two, of
49,292 unwanted ones every tenth has one (tests/bench/fact_counts.py). Words that wanted mail writes in two ways are no common
words here, which flatters that.

The common words are in common.txt (tests/bench/common_words.py makes it). Letters of other alphabets are lookalikes.py's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np

SHORTEST: Final = 5
"""Letters of a common word: shorter ones look like each other."""

_LOOKS_LIKE: Final = str.maketrans("1l!0345$7@", "iiioeassta")
_SOLD: Final = (
    "viagra cialis levitra valium xanax ambien phentermine vicodin hydrocodone tramadol codeine meridia propecia zoloft prozac "
    "lipitor celebrex tadalafil sildenafil diazepam lorazepam alprazolam adipex microsoft photoshop adobe macromedia autodesk "
    "symantec rolex breitling replica replicas pharmacy pharmaceutical pharmaceuticals medication medications prescription "
    "prescriptions mortgage refinance erection erections orgasm"
).split()


def skeleton(word: str) -> str:
    """Give what a lower-case word looks like: signs and digits as letters, l as i."""
    return word.translate(_LOOKS_LIKE)


def _undoubled(text: str) -> str:
    """Give a text with each run of one character as one; beyond ASCII all are `?`. An expression takes four times as long."""
    signs = np.frombuffer(text.encode("ascii", "replace"), np.uint8)
    kept = np.ones(signs.size, bool)
    np.not_equal(signs[1:], signs[:-1], out=kept[1:])
    return bytes(signs[kept]).decode("ascii")


def load() -> None:
    """Read the common words. To be called before forking: workers share them, and might not be able to read the file."""
    _known()


@cache
def _known() -> tuple[frozenset[str], Mapping[str, str], Mapping[str, str]]:
    """Give the words that are none in disguise, and words by skeleton: the common ones, and those sold, without doubled letters."""
    common = frozenset(Path(__file__).with_name("common.txt").read_text("ascii").split())
    sold = {_undoubled(skeleton(word)): word for word in _SOLD}
    return common.union(_SOLD), {skeleton(word): word for word in common}, sold


def disguised(words: Sequence[str]) -> dict[str, str]:
    """Give the words in disguise among lower-case ones, each with the word that it stands for."""
    plain, common, sold = _known()
    strange = list(set(words) - plain)
    looks = skeleton(" ".join(strange))
    single = _undoubled(looks)
    # Nearly all mail has none, which two sets tell faster than a look at each word.
    if common.keys().isdisjoint(looks.split()) and sold.keys().isdisjoint(single.split()):
        return {}
    pairs = zip(strange, looks.split(" "), single.split(" "), strict=True)
    return {
        word: meant
        for word, look, once in pairs
        if (meant := common.get(look) or sold.get(once, "")) and not word[-1].isdigit()  # `build5` is the fifth
    }
