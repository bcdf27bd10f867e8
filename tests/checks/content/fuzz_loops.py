"""Feed odd inputs to a build of the compiled loops: python fuzz_loops.py LIBRARY ROUNDS [SEED]. Prints `ROUNDS rounds`.

For a build with sanitizers, which end the process where a loop goes astray (test_loops.py runs it so).
"""

from __future__ import annotations

import importlib.util
import random
import sys
from array import array
from contextlib import suppress
from types import ModuleType

_PIECES = [
    *"it's|v1agra|viiiiiiiiiiiiagraaaaaaa|now!click|''|'|!|@|é|世|не".split("|"),
    *("x" * 40, "1" * 30, "a1" * 13, "a" * 24, "#4", "-"),
    *'<a|</A>|<p|<br/>|<h1 |<blockquote>|<span|style=|HIDDEN|href|<noscript|<|</|<b\0|>|/|"|<td\n|<strike\t|color'.split(
        "|"
    ),
]
_LETTERS = "abil10345$7@!' .'_-#\néß\0"


def _load(path: str) -> ModuleType:
    """Load the build."""
    spec = importlib.util.spec_from_file_location("_loops", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _text(dice: random.Random) -> str:
    """Give a text of odd pieces, now and then a long one."""
    length = dice.choice((0, 1, 3, 10, 60, 400, 2000))
    return "".join(dice.choice(_PIECES if dice.random() < 0.4 else _LETTERS) for _ in range(length))


def _words(loops: ModuleType, lexicon: object, text: str, dice: random.Random) -> None:
    """Cut a text into words and number them; look them up and add them up."""
    cut, _ = lexicon.cut("".join(letter for letter in text if letter.isascii()))
    kept, _ = lexicon.keep(" ".join(text.split()))
    for words in (cut, kept, kept[: dice.randrange(len(kept) + 1)], text.encode()):
        hashes, _, places = loops.number_tokens(words, dice.randrange(50), dice.choice((0, 1, 5, 100_000)))
        records = 1 << dice.choice((0, 4, 10))
        with suppress(ValueError):
            loops.look_up(hashes, dice.randbytes(8 * records + dice.choice((0, 0, 0, 1))))
        with suppress(ValueError):
            inside = dice.randbytes(max(0, len(hashes) // 4 + dice.choice((0, 0, 1, -1))))
            loops.weigh(hashes, dice.randbytes(8 * records), dice.choice((-1, 0, 1, 24, 10**6)), inside)
        loops.hash_all(tuple(words.split(b" ")), hashes)
        loops.spells(words)
        lexicon.sift(words, dice.choice((b"", words, b"  it's viagra #4 ", text.encode())))
        tokens = max(0, len(hashes) // 4 + dice.choice((0, 0, 60, -1)))
        weights = array("d", [dice.uniform(-2, 2) for _ in range(2 * tokens)])
        loops.strongest(weights, dice.choice((-1, 0, 1, 24, 10**6)))
        with suppress(ValueError):
            loops.members_of(places, tokens, dice.choice((0, 0, 1, -1)), dice.randrange(60))
        with suppress(ValueError):
            loops.sum_stretches(places, weights, dice.choice((-1, 0, 1, 2, 3)), dice.choice((0, 1, 2, 40)))


def main(path: str, rounds: int, seed: int = 1) -> None:
    """Run so many rounds."""
    dice = random.Random(seed)
    loops = _load(path)
    lexicon = loops.Lexicon(
        "the and och der не", "order limited solid microsoft about", "viagra cialis pharmaceuticals"
    )
    for _ in range(rounds):
        text = _text(dice)
        _words(loops, lexicon, text, dice)
        page = text.encode()[: dice.randrange(len(text) + 1)]
        loops.survey_page(page)
        loops.survey_text(page)
        loops.prepare_page(page)
        loops.list_styles(page)
        loops.skeleton(text)
    print(f"{rounds} rounds")


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
