"""What one wrong label moves: `python tests/bench/one_wrong_label.py PACK [MODEL]`.

A site with thirty labels of each kind, drawn from the pack, labels one ham message spam. Of other ham that shares less than a fifth
of its words with that one, it prints by how much log-odds move: the median, and what 99 of 100 stay below.
"""

from __future__ import annotations

import random
import sys
from itertools import islice
from pathlib import Path

import numpy as np

from gatepost.arrival.replay import Stored
from gatepost.checks.content.family import Settings, build
from gatepost.checks.content.lesson import words_of
from gatepost.checks.content.site import SiteMemory
from gatepost.training.corpus import read_pack
from gatepost.training.online import Met, meet
from gatepost.training.sources import Letter

LABELS, PROBES, TRIALS, MOST = 30, 150, 12, 12_000
STRANGER = 0.2
"""Share of common words, of all that either has, from which on two messages are no strangers."""


def moves(met: list[Met], dice: random.Random) -> list[float]:
    """Give the moves of one trial."""
    kinds = {kind: [each for each in met if each.unwanted == kind] for kind in (False, True)}
    site = SiteMemory()
    for each in (*dice.sample(kinds[False], LABELS), *dice.sample(kinds[True], LABELS)):
        each.taught(site)
    wrong, *probes = dice.sample(kinds[False], 1 + PROBES)
    strangers = [probe for probe in probes if resemblance(probe, wrong) < STRANGER]
    before = [probe.predicted(site)[0] for probe in strangers]
    Met(0, unwanted=True, seen=wrong.seen, fields=wrong.fields).taught(site)
    return [abs(probe.predicted(site)[0] - old) for probe, old in zip(strangers, before, strict=True)]


def resemblance(one: Met, other: Met) -> float:
    """Give the share of words that two messages have in common; 1 where one has no text."""
    if isinstance(one.seen, bool) or isinstance(other.seen, bool):
        return 1.0
    words, others = words_of(one.seen[0])[0], words_of(other.seen[0])[0]
    common = np.intersect1d(words, others).size
    return common / max(words.size + others.size - common, 1)


def main(pack: str, model: str = "base") -> None:
    """Measure and print."""
    check = build(Settings(model=model))
    letters = (
        Letter(0, sample.label != "ham", Stored(sample.name, sample.data, cut=False))
        for sample in read_pack(Path(pack))
    )
    met = [meet(check, letter) for letter in islice(letters, MOST)]
    dice = random.Random(3)
    found = [move for _ in range(TRIALS) for move in moves(met, dice)]
    print(f"{len(found)} strangers: median {np.median(found):.2f}, 99 of 100 below {np.quantile(found, 0.99):.2f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
