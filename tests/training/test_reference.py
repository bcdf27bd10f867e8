"""The reference that training keeps: the same bins by the same rule as the live counts."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from gatepost.checks.content import watch
from gatepost.checks.content.drift import Drift, compare
from gatepost.checks.content.model import Opinion, load_model
from gatepost.checks.content.population import BINS, WATCHED, population_from
from gatepost.checks.content.tokens import Features, extract
from gatepost.checks.content.watch import WEEK, Watch, read
from gatepost.mail.message import from_bytes
from gatepost.training.reference import presence, reference
from gatepost.world.clock import FakeClock
from gatepost.world.state.memory import MemoryState
from support.letters import invented
from support.model import write_model


def test_training_and_live_count_alike(tmp_path: Path, monkeypatch):
    """The same messages, counted live and written by training, are one population: no drift from the first day."""
    monkeypatch.setattr(watch, "SEND_SECONDS", 3_600.0)
    model = load_model(write_model(tmp_path / "m", spam="lottery", ham="lunch"))
    clock = FakeClock(watch.MONTH * 700.5)
    state = MemoryState(clock)
    counter = Watch(state, clock, "m")
    seen: list[tuple[Features, Opinion]] = []
    for number in range(450):
        for label in ("ham", "spam"):
            features = extract(from_bytes(invented(label, number)))
            opinion = model.judge(features, 0)
            seen.append((features, opinion))
            clock.advance(1)
            counter.count(features, opinion, label)
    counter.send()
    kept = reference(
        np.array([opinion.probability for _, opinion in seen]),
        np.array([opinion.known / len(features.tokens) for features, opinion in seen]),
        0.0,
        presence([features.hashes() for features, _ in seen]),
    )
    expected = population_from(json.loads(json.dumps(kept)))
    live = read(state, "m", WEEK).population
    assert [side.messages for side in expected.sides] == [side.messages for side in live.sides]
    found = compare(expected, live)
    assert found.verdict is Drift.OK
    assert found.psi < 1e-6


def test_presence_finds_each_fact_by_its_hash():
    """A fact is found among other tokens, in each message for itself; messages without tokens have none."""

    def hashes(*tokens: str):
        return Features(tuple(token.encode() for token in tokens), readable=True, unread=frozenset()).hashes()

    found = presence([hashes("lunch", WATCHED[0], WATCHED[-1]), hashes(), hashes("=unknown", WATCHED[0])])
    assert set(found) == set(WATCHED)
    assert found[WATCHED[0]].tolist() == [True, False, True]
    assert found[WATCHED[-1]].tolist() == [True, False, False]
    assert not found[WATCHED[1]].any()


def test_bare_text_has_no_build():
    """Messages without any fact (a corpus of text without headers) lower no rate: what is missing is not absent."""
    form, links = np.array([True, False, False, False]), np.array([True, True, False, False])
    kept = reference(np.full(4, 0.1), np.zeros(4), 0.0, {"=form": form, "=links-1": links})["ham-like"]
    assert (kept["messages"], kept["looked"], kept["facts"]) == (4, 2, {"=form": 0.5, "=links-1": 1.0})


def test_a_side_without_messages_is_empty():
    """Training mail of one kind alone gives a reference all the same, and certainty lies in the last bin."""
    kept = reference(np.array([1.0, 0.5]), np.array([1.0, 0.0]), 0.25, {"=form": np.array([True, False])})
    assert kept["ham-like"]["messages"] == 0
    assert kept["unwanted-like"]["scores"] == [0.5, *[0] * (BINS - 2), 0.5]
    assert kept["unwanted-like"]["known"] == [0.5, *[0] * (BINS - 2), 0.5]
    assert (kept["unwanted-like"]["messages"], kept["unwanted-like"]["looked"]) == (2, 1)
    assert population_from(kept).unreadable == 0.25
