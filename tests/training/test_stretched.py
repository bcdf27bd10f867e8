"""What is held out in training is scored as the live check scores it."""

from __future__ import annotations

import numpy as np
import pytest

from gatepost.checks.content.caution import caution
from gatepost.checks.content.model import Model, Scale, table_of
from gatepost.checks.content.tokens import extract
from gatepost.mail.message import from_bytes
from gatepost.training.columns import Columns, build_matrix
from gatepost.training.corpus import Sample
from gatepost.training.fit import Linear
from gatepost.training.stretched import score_rows
from gatepost.training.table import read_table
from support.letters import letter

_BITS = 22
_POWER = 0.25
_PITCH = " ".join(f"pitch{number:x} offer{number:x}" for number in range(40))
_LETTERS = [
    letter("short", "lunch tomorrow at noon"),
    letter(
        "behind",
        " ".join(f"wanted{chr(97 + number % 26)}{chr(97 + number // 26)}" for number in range(500)) + " " + _PITCH,
    ),
    letter("long", " ".join(f"wanted{chr(97 + number % 26)}{chr(97 + number // 26)}" for number in range(500))),
]


def test_training_scores_what_the_live_check_scores():
    """With the same weights the score of a row is the log-odds of the message, whether long, short or padded."""
    messages = [from_bytes(data) for data in _LETTERS]
    samples = [
        Sample("pack", "pack", str(number), "ham", 2026, str(number), data) for number, data in enumerate(_LETTERS)
    ]
    table = read_table(samples, 1, lambda *_: None)
    hashes = np.unique(np.concatenate([extract(message).hashes() for message in messages]))
    columns = Columns(hashes, np.ones(hashes.size, bool))
    pitch = set(extract(messages[1]).tokens) - set(extract(messages[2]).tokens)
    good = {token for token in extract(messages[2]).tokens if token.startswith(b"wanted")}
    weight = dict.fromkeys(pitch, 3) | dict.fromkeys(good, -2)
    by_hash = {
        int(number): weight.get(token, 0)
        for message in messages
        for token, number in zip(extract(message).tokens, extract(message).hashes(), strict=True)
    }
    weights = np.array([by_hash[int(number)] for number in hashes], np.int16)
    arrays = {name: np.zeros(1 << _BITS, np.int16) for name in ("unwanted", "phish", "bulk")}
    fingerprint = np.zeros(1 << _BITS, np.uint8)
    buckets = hashes & np.uint32((1 << _BITS) - 1)
    assert np.unique(buckets).size == hashes.size
    fingerprint[buckets] = (hashes >> np.uint32(24)).astype(np.uint8)
    arrays["unwanted"][buckets] = weights
    scale = Scale(step=1.0, bias=-0.5, slope=1.0, offset=0.0)
    model = Model("test", _POWER, scale, scale, scale, table_of({"fingerprint": fingerprint, **arrays}))
    linear = Linear(weights.astype(np.float64), -0.5)
    matrix = build_matrix(table, columns.hashes, _POWER)
    found = score_rows(linear, np.array([True, True, True]), matrix, table, columns, _POWER)
    opinions = [model.judge(extract(message), 0) for message in messages]
    plain = [opinion.logit + caution(opinion.bulk, opinion.phish) for opinion in opinions]
    assert found.tolist() == pytest.approx(plain, abs=1e-3)
    assert [opinion.stretch is not None for opinion in opinions[:2]] == [False, True]
    assert found[1] > 0 > found[2]
