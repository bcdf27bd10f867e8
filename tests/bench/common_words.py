"""The words that disguises are undone to: common ones of the packs, and none that another word looks like.

    python tests/bench/common_words.py ../shared/corpora models/invented > milter/gatepost/checks/content/common.txt

A word is taken that at least 100 messages of at least three packs have, 20 of them ham: spam often writes `mlcrosoft`. It is left out where ham has another word of the same
skeleton (disguise.py) that is not common itself: `alien` is no disguise of `allen`.
"""

from __future__ import annotations

import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable
from multiprocessing import get_context
from pathlib import Path

from gatepost.checks.content._loops import skeleton
from gatepost.checks.content.disguise import SHORTEST
from gatepost.checks.content.text import normalise, read_text
from gatepost.checks.content.words import LONGEST
from gatepost.mail.message import from_bytes
from gatepost.training.corpus import Sample, find_packs, read_pack

MESSAGES = 100
HAM = 20
PACKS = 3
# Letters alone: as they are written, since what words.py cuts has disguises undone already.
_PLAIN = re.compile(rf"(?<![\w'@$!])[a-z]{{{SHORTEST},{LONGEST}}}(?![\w'@$!])")


def words_of(sample: Sample) -> tuple[str, bool, frozenset[str]]:
    """Give the pack of a message, whether it is ham, and the plain words of its subject and text."""
    message = from_bytes(sample.data)
    text = f"{normalise(message.text(b'subject'))[0]} {read_text(message).text}".lower()
    return sample.pack, sample.label == "ham", frozenset(_PLAIN.findall(text))


def common_words(seen: Iterable[tuple[str, bool, frozenset[str]]]) -> list[str]:
    """Choose the words, in order."""
    messages: Counter[str] = Counter()
    packs: dict[str, set[str]] = defaultdict(set)
    in_ham: Counter[str] = Counter()
    for pack, ham, words in seen:
        messages.update(words)
        for word in words:
            packs[word].add(pack)
        if ham:
            in_ham.update(words)
    common = {
        word
        for word, count in messages.items()
        if count >= MESSAGES and in_ham[word] >= HAM and len(packs[word]) >= PACKS
    }
    taken = {skeleton(word) for word in in_ham.keys() - common}
    return sorted(word for word in common if skeleton(word) not in taken)


def main(paths: list[str]) -> int:
    """Read the packs and print the words."""
    samples = (sample for pack in find_packs([Path(path) for path in paths]) for sample in read_pack(pack))
    with get_context("fork").Pool() as pool:
        print("\n".join(common_words(pool.imap(words_of, samples, chunksize=64))))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
