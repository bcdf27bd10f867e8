"""What a model's training mail looks like to the model, kept beside it so that drift can be told from it later.

The numbers are those that checks/content/watch.py counts live, made of the same bins by the same rule: two sides by the
model's own opinion, and of each the scores, the share of known tokens, the rates of the watched facts. The probabilities
should be held out (a model that scores what it has learned by heart is surer than it will ever be again) and calibrated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from zlib import crc32

import numpy as np
import numpy.typing as npt

from gatepost.checks.content.population import BINS, WATCHED, Population, Side, population_data

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


def reference(
    probabilities: Floats, tokens_known_share: Floats, unreadable_share: float, facts: Mapping[str, Bools]
) -> dict[str, Any]:
    """Give the object `reference` of metrics.json, out of one entry for each readable training message.

    `probabilities` of being unwanted, calibrated; `tokens_known_share` the share of its tokens that the model knows;
    `unreadable_share` of all messages had no text; `facts` says for each of WATCHED (see presence()) which messages have it.
    """
    unwanted = probabilities >= 0.5
    sides = [_side(probabilities, tokens_known_share, facts, rows) for rows in (~unwanted, unwanted)]
    return population_data(Population((sides[0], sides[1]), unreadable_share))


def presence(hashes: Sequence[npt.NDArray[np.uint32]]) -> dict[str, Bools]:
    """Say for each of the WATCHED facts which messages have it, given each message's token hashes (`Features.hashes()`)."""
    wanted = np.array([crc32(fact.encode()) for fact in WATCHED], np.uint32)
    order = np.argsort(wanted)
    table = np.zeros((len(hashes), len(WATCHED)), bool)
    for row, tokens in enumerate(hashes):
        place = order[np.minimum(np.searchsorted(wanted[order], tokens), wanted.size - 1)]
        table[row, place[wanted[place] == tokens]] = True
    return {fact: table[:, column] for column, fact in enumerate(WATCHED)}


def _side(probabilities: Floats, known: Floats, facts: Mapping[str, Bools], rows: Bools) -> Side:
    """Count the messages of one side; the bins are halves of [0, 1] for scores and the whole of it for known tokens."""
    messages = int(rows.sum())
    if not messages:
        return Side()
    scores = _shares(np.minimum((probabilities[rows] * 2 * BINS).astype(int), 2 * BINS - 1) % BINS)
    shares = _shares(np.minimum((known[rows] * BINS).astype(int), BINS - 1))
    # Bare text, as some corpora have it, has no facts: its build is missing, not plain (as in checks/content/tokens.py).
    built = rows & np.logical_or.reduce([*facts.values()])
    looked = int(built.sum())
    rates = {fact: float(has[built].mean()) for fact, has in facts.items()} if looked else {}
    return Side(messages, scores, shares, looked, rates)


def _shares(places: npt.NDArray[np.int_]) -> tuple[float, ...]:
    """Give the share of messages in each bin."""
    return tuple((np.bincount(places, minlength=BINS) / places.size).tolist())
