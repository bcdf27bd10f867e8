"""Drift: the stability index itself, and what counts as moved."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatepost.checks.content.drift import ENOUGH, Drift, age_in_months, compare, psi, verdict
from gatepost.checks.content.population import BINS, SIDES, Population, Side

HIGH = (0.7, 0.1, 0.05, 0.05, 0.02, 0.02, 0.02, 0.02, 0.01, 0.01)
LOW = tuple(reversed(HIGH))
EVEN = (1 / BINS,) * BINS
FACTS = {"=links-0": 0.5, "=form": 0.02, "=text-2": 0.3, "=att-pdf": 0.1}


def side(messages: float = 5_000, **changes: object) -> Side:
    """Give a side of usual mail."""
    return replace(Side(messages, HIGH, EVEN, messages, FACTS), **changes)


def mail(ham: Side | None = None, unwanted: Side | None = None) -> Population:
    """Give usual mail, or mail with one side of another kind."""
    return Population((ham or side(), unwanted or side(scores=LOW)), 0.01)


def test_the_index_of_a_known_example():
    """Two bins that go from 50:50 to 80:20 have 0.3 ln 1.6 - 0.3 ln 0.4 = 0.416."""
    assert psi((0.5, 0.5), (0.8, 0.2), 1e9, 1e9) == pytest.approx(0.3 * math.log(1.6) - 0.3 * math.log(0.4))


@settings(max_examples=100)
@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 500)), min_size=1, max_size=20))
def test_the_index_is_never_negative_nor_infinite(counts: list[tuple[int, int]]):
    """Whatever the histograms, empty bins included, the index is a finite number from 0 on, and 0 for equal ones."""
    one, other = ([pair[place] / max(1, sum(p[place] for p in counts)) for pair in counts] for place in (0, 1))
    assert 0 <= psi(one, other, 500, 300) < math.inf
    assert psi(one, one, 500, 500) == 0


@pytest.mark.parametrize(("index", "word"), [(0, "ok"), (0.09, "ok"), (0.1, "watch"), (0.24, "watch"), (0.25, "stale")])
def test_the_words_of_the_index(index: float, word: str):
    """Below 0.1 mail is stable, from 0.25 on the model is stale."""
    assert verdict(index) == word


def test_the_same_mail_has_not_moved():
    """Equal populations are ok, every measure was looked at, and the facts that moved most are named all the same."""
    found = compare(mail(), mail())
    assert (found.verdict, found.psi) == (Drift.OK, 0)
    assert [(each.what, each.side) for each in found.measures] == [
        (what, name) for name in SIDES for what in ("scores", "known words")
    ]
    assert len(found.moved) == 3


def test_more_spam_is_no_drift():
    """Ten times as much spam of the same kind says nothing about the model: each side is compared with its like."""
    assert compare(mail(), mail(unwanted=side(50_000, scores=LOW))).verdict is Drift.OK


def test_moved_scores_are_stale():
    """Wanted mail whose scores go up to the middle makes the model stale, and the measure says on which side."""
    found = compare(mail(), mail(ham=side(scores=LOW)))
    assert found.verdict is Drift.STALE
    worst = max(found.measures, key=lambda each: each.psi)
    assert (worst.what, worst.side) == ("scores", "ham-like")
    assert (worst.expected < 0.1, worst.seen > 0.4) == (True, True)


def test_unknown_words_are_stale_here_and_watched_against_training():
    """A model knows its training mail better than any other: only the site's own past makes unknown words stale."""
    strange = mail(ham=side(known=LOW), unwanted=side(scores=LOW, known=LOW))
    assert compare(mail(), strange).verdict is Drift.STALE
    assert compare(mail(), strange, words_count=False).verdict is Drift.WATCH


def test_one_fact_alone_is_named_and_three_are_drift():
    """One newsletter with a new layout is no drift; three facts that move together are. The farthest is named first."""
    one = compare(mail(), mail(ham=side(facts={**FACTS, "=links-0": 0.05})))
    assert one.verdict is Drift.OK
    assert (one.moved[0].what, one.moved[0].side, one.moved[0].expected, one.moved[0].seen) == (
        "=links-0",
        "ham-like",
        0.5,
        0.05,
    )
    three = compare(mail(), mail(ham=side(facts={**FACTS, "=links-0": 0.05, "=form": 0.4, "=att-pdf": 0.7})))
    assert three.verdict is Drift.STALE
    assert {each.what for each in three.moved} == {"=links-0", "=form", "=att-pdf"}


def test_too_few_messages_say_nothing():
    """Below ENOUGH messages on both sides there is no verdict; one side that has enough is judged alone."""
    few = side(ENOUGH - 1, scores=LOW)
    found = compare(mail(), mail(ham=few, unwanted=few))
    assert found.verdict is Drift.UNKNOWN
    assert "too few messages" in found.why
    assert found.why == f"too few messages: {ENOUGH - 1} of {ENOUGH} of one side"
    found = compare(mail(ham=few, unwanted=few), mail(unwanted=few))
    assert (found.verdict, found.why) == (
        Drift.UNKNOWN,
        f"too few messages in what it is compared with: {ENOUGH - 1} of {ENOUGH} ham-like",
    )
    found = compare(mail(), mail(ham=few))
    assert (found.verdict, {each.side for each in found.measures}) == (Drift.OK, {"unwanted-like"})


def test_a_fact_that_only_one_side_of_the_comparison_knows_is_passed_over():
    """A reference made with other facts compares what both have."""
    found = compare(mail(ham=side(facts={"=old": 0.9, "=form": 0.02})), mail())
    assert {each.what for each in found.moved if each.side == "ham-like"} <= {"=form"}


def test_chance_alone_does_not_reach_watch():
    """Two thousand draws of ENOUGH messages from the reference itself: fewer than one in a hundred is more than ok."""
    numpy = pytest.importorskip("numpy")
    dice = numpy.random.default_rng(11)
    draws = dice.multinomial(ENOUGH, HIGH, size=2_000) / ENOUGH
    assert sum(psi(HIGH, draw.tolist(), 50_000, ENOUGH) >= 0.1 for draw in draws) < 20


@pytest.mark.parametrize(
    ("name", "months"),
    [
        ("base-202611", 0),
        ("base-202505", 18),
        ("base-202504", 19),
        ("base-202701", 0),
        ("mine", None),
        ("base-202613", None),
        ("base-2026", None),
        ("base-²02611", None),
    ],
)
def test_the_age_is_in_the_name(name: str, months: int | None):
    """`base-YYYYMM` says when a model was made; a clock that is behind makes no negative age."""
    assert age_in_months(name, 2026, 11) == months
