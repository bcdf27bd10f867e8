"""Shares of an opinion: sums that hold as printed, in facts of bounded size, whatever the model and the message."""

from __future__ import annotations

from decimal import Decimal
from zlib import crc32

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gatepost.checks.content import shares
from gatepost.checks.content.fields import no_fields
from gatepost.checks.content.lesson import make
from gatepost.checks.content.model import HEADS, Model, Opinion, Part, Scale, table_of
from gatepost.checks.content.site import SiteMemory
from gatepost.checks.content.tokens import extract
from gatepost.mail import limits
from gatepost.mail.message import from_bytes
from support.letters import letter

_WORDS = [f"word{chr(97 + number)}{chr(97 + other)}" for number in range(8) for other in range(8)]
_BITS = 14

logits = st.floats(-40, 40)
opinions = st.builds(
    lambda base, parts, others: Opinion(
        base + sum(points for _, points in parts) + others,
        0.5,
        0.5,
        base,
        tuple(sorted((Part(*part) for part in parts), key=lambda part: -abs(part.points))),
        0,
    ),
    logits,
    st.lists(st.tuples(st.text(max_size=80), st.floats(-9, 9)), max_size=60),
    logits,
)


def _sum(facts: dict[str, str]) -> Decimal:
    """Add up what a record prints, as whoever checks it would."""
    named = (token.rpartition("(") for token in facts["tokens"].split())
    parts = [Decimal(token[0] + share.rstrip(")")) for token, _, share in named]
    return sum(parts, Decimal(facts["base"]) + Decimal(facts["rest"]))


def _check(opinion: Opinion) -> shares.Shares:
    """Hold an opinion's shares to everything they promise."""
    told = shares.shares(opinion)
    facts = shares.facts(told)
    assert told.logit == round(100 * opinion.logit)
    assert _sum(facts) == Decimal(facts["logit"])
    assert len(facts["tokens"]) <= limits.DETAIL_CHARACTERS
    assert all(fact.isprintable() for fact in facts.values())
    assert shares.read(facts) == told
    return told


@given(opinions, st.floats(-20, 20))
def test_sums_hold_as_printed(opinion: Opinion, given_points: float) -> None:
    """Base, named shares and rest are the logit to the last digit, a record gives them back, and points are shared out whole."""
    told = _check(opinion)
    points = round(given_points, 1)
    shared = shares.points(told, points)
    assert len(shared) == len(told.parts) + 2
    assert sum(shared) == round(100 * points)


@given(st.integers(0, 2**32 - 1), st.lists(st.sampled_from(_WORDS), min_size=30, max_size=200), st.booleans())
def test_the_strongest_of_both_directions_are_named(seed: int, words: list[str], taught: bool) -> None:
    """However many words are stronger on the one side, the three strongest of the other are named where there are as many."""
    dice = np.random.default_rng(seed)
    features = extract(from_bytes(letter(" ".join(words[:3]), " ".join(words))))
    fingerprint, weights = np.zeros(1 << _BITS, np.uint8), np.zeros(1 << _BITS, np.int16)
    for token in features.tokens:
        place = crc32(token) & ((1 << _BITS) - 1)
        fingerprint[place] = crc32(token) >> 24
        weights[place] = dice.integers(-900, 0) if dice.random() < 0.1 else dice.integers(5000, 9000)
    scale = Scale(0.001, 0.0, 2.0, 0.0)
    heads = {"unwanted": weights, "phish": np.zeros_like(weights), "bulk": np.zeros_like(weights)}
    model = Model(
        "leaning", 0.5, scale, scale, Scale(0.001, 0.0, 1.0, -50.0), table_of({"fingerprint": fingerprint, **heads})
    )
    opinion = model.judge(features, shares.WEIGHED, shares.EACH_WAY)
    every = model.judge(features, -1)
    if taught:
        memory = SiteMemory()
        memory.apply([(str(n), make(features, "spam", 1.0, ())) for n in range(3)])
        opinion, every = (
            memory.adjust(features, each, most, no_fields, shares.EACH_WAY).opinion
            for each, most in ((opinion, shares.WEIGHED), (every, -1))
        )
    told = _check(opinion)
    for sign in (1, -1):
        side = [part for part in every.parts if part.points * sign >= 0.011]
        least = min((abs(part.points) for part in side[: shares.EACH_WAY]), default=0.0)
        named = [part for part in told.parts if part.hundredths * sign > 0 and abs(part.hundredths) >= 100 * least - 1]
        # Tokens as long as this leave room for six of them in a fact.
        assert len(named) >= min(shares.EACH_WAY, len(side)), (sign, side[:5], told.parts)


@given(st.integers(0, 2**32 - 1), st.lists(st.sampled_from(_WORDS), max_size=80))
def test_sums_hold_for_models_and_messages(seed: int, words: list[str]) -> None:
    """The same from a message on, for any model that knows its words; each share is the model's own, to a hundredth."""
    dice = np.random.default_rng(seed)
    features = extract(from_bytes(letter(" ".join(words[:5]), " ".join(words))))
    fingerprint = np.zeros(1 << _BITS, np.uint8)
    for token in features.tokens:
        fingerprint[crc32(token) & ((1 << _BITS) - 1)] = crc32(token) >> 24
    weights = dice.integers(-9000, 9000, 1 << _BITS).astype(np.int16)
    scale = Scale(
        float(dice.uniform(1e-5, 1e-3)), float(dice.normal()), float(dice.uniform(0.2, 4)), float(dice.normal())
    )
    model = Model(
        "random", 0.5, scale, scale, scale, table_of({"fingerprint": fingerprint, **dict.fromkeys(HEADS, weights)})
    )
    told = _check(model.judge(features, shares.WEIGHED))
    exact = {part.token: part.points for part in model.judge(features, -1).parts}
    assert all(abs(part.hundredths / 100 - exact[part.token]) <= 0.01 for part in told.parts)


@given(opinions)
def test_both_directions_are_named(opinion: Opinion) -> None:
    """Where the opinion brings reasons for and against, both are named, however strong the one side is."""
    told = shares.shares(opinion)
    for sign in (1, -1):
        if any(part.points * sign >= 0.02 and len(part.token) <= 20 for part in opinion.parts[:6]):
            assert any(part.hundredths * sign > 0 for part in told.parts)


def test_a_weak_other_side_is_named() -> None:
    """Twenty strong reasons for it do not push the only one against it out of the list."""
    parts = (*(Part(f"strong{number}", 2.0) for number in range(20)), Part("weak", -0.02))
    told = shares.shares(Opinion(39.98, 1.0, 0.0, 0.0, parts, 21))
    assert told.parts[-1] == shares.Share("weak", -2)


def test_facts_of_other_versions() -> None:
    """A record without shares gives none; one whose list of tokens was cut gives those that are whole, and a larger rest."""
    assert shares.read({}) is None
    assert shares.read({"logit": "1", "base": "+0.10", "tokens": "+a(1.00)"}) is None
    told = shares.read({"logit": "+2.00", "base": "+0.10", "rest": "+0.00", "tokens": "+a(1.00) -b_c(0.10) +d(0.…"})
    assert told == shares.Shares(10, (shares.Share("a", 100), shares.Share("b c", -10)), 100)


def test_points_without_a_proportion() -> None:
    """Where the shares cancel out exactly, the points stay together instead of growing without bound."""
    told = shares.Shares(100, (shares.Share("a", -100),), 0)
    assert shares.points(told, 0.1) == [10, 0, 0]
