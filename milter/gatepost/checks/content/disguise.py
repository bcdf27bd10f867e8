"""Words written with other letters (`mlcrosoft`, `0rder`, `soiid`, `viiagraa`), which a filter shall not know and a reader does.

A word that is no common one is compared with those by its skeleton: digits and signs stand for the letters that they look like,
and l for i. What spammers sell (drugs, software, watches) is also found where letters are doubled. A disguise is undone, so that
the word speaks as itself, and counted: of 39,820 wanted messages of the public packs 24 have such a word and none has two, of
49,292 unwanted ones every tenth has one (tests/bench/fact_counts.py). Words that wanted mail writes in two ways are no common
words here, which flatters that.

The common words are in common.txt (tests/bench/common_words.py makes it). Letters of other alphabets are lookalikes.py's.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

SHORTEST: Final = 5
"""Letters of a common word: shorter ones look like each other."""

SOLD: Final = (
    "viagra cialis levitra valium xanax ambien phentermine vicodin hydrocodone tramadol codeine meridia propecia zoloft prozac "
    "lipitor celebrex tadalafil sildenafil diazepam lorazepam alprazolam adipex microsoft photoshop adobe macromedia autodesk "
    "symantec rolex breitling replica replicas pharmacy pharmaceutical pharmaceuticals medication medications prescription "
    "prescriptions mortgage refinance erection erections orgasm"
)
"""What spammers sell, found where letters are doubled too."""


def common() -> list[str]:
    """Read the common words."""
    return Path(__file__).with_name("common.txt").read_text("ascii").split()
