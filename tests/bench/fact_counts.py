"""How often facts stand in mail: `python tests/bench/fact_counts.py FACT[,FACT...] PACK...`.

    python tests/bench/fact_counts.py disguised,disguised-some ../shared/corpora

prints for each pack and label the number of messages that have each fact (a token that begins with `=`), and how many there are.
"""

from __future__ import annotations

import sys
from collections import Counter
from multiprocessing import get_context
from pathlib import Path

from gatepost.checks.content.tokens import extract
from gatepost.mail.message import from_bytes
from gatepost.training.corpus import Sample, find_packs, read_pack


def facts_of(sample: Sample) -> tuple[str, str, frozenset[str]]:
    """Give the pack of a message, its label, and its facts without the `=`."""
    tokens = extract(from_bytes(sample.data)).tokens
    return sample.pack, sample.label, frozenset(token[1:].decode() for token in tokens if token.startswith(b"="))


def main(names: str, paths: list[str]) -> int:
    """Count and print."""
    facts = names.split(",")
    messages: Counter[tuple[str, str]] = Counter()
    found: Counter[tuple[str, str, str]] = Counter()
    samples = (sample for pack in find_packs([Path(path) for path in paths]) for sample in read_pack(pack))
    with get_context("fork").Pool() as pool:
        for pack, label, there in pool.imap_unordered(facts_of, samples, chunksize=64):
            messages[pack, label] += 1
            found.update((pack, label, fact) for fact in facts if fact in there)
    print("\t".join(("pack", "label", "messages", *facts)))
    for pack, label in sorted(messages):
        counts = (str(found[pack, label, fact]) for fact in facts)
        print("\t".join((pack, label, str(messages[pack, label]), *counts)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
