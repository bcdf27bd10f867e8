"""The maths of an evaluation against slow, obvious ways of getting the same."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from gatepost.training.measure import (
    calibration_error,
    can_show,
    interval,
    one_minus_auc,
    reliability,
    roc,
    threshold,
)
from gatepost.training.report import RATES, TOO_FEW, report
from gatepost.training.score import Side

# Few different values, so that ties are the rule; minus infinity is a message without text.
SCORES = st.lists(st.sampled_from([-math.inf, -3.5, -1.0, 0.0, 0.25, 2.0, 7.5]), min_size=1, max_size=40).map(np.array)
FEW = settings(max_examples=150, deadline=None)


def side(logits: list[float], broken: int = 0) -> Side:
    """Give scored mail by its log-odds; minus infinity has no opinion."""
    made = Side()
    for number, logit in enumerate(logits):
        odds = math.nan if math.isinf(logit) else 1 / (1 + math.exp(-logit))
        made.add((logit, odds, number < broken))
    return made


@FEW
@given(SCORES, SCORES)
def test_auc_counts_pairs(ham: np.ndarray, unwanted: np.ndarray):
    """1-AUC is the share of pairs in the wrong order, ties counting half."""
    wrong = sum((h > u) + (h == u) / 2 for h in ham for u in unwanted)
    assert one_minus_auc(ham, unwanted) == pytest.approx(wrong / (ham.size * unwanted.size))


@FEW
@given(SCORES, SCORES)
def test_auc_is_that_of_scikit_learn(ham: np.ndarray, unwanted: np.ndarray):
    """The ranking agrees with the library that others measure with."""
    labels = np.repeat([0, 1], [ham.size, unwanted.size])
    scores = np.nan_to_num(np.concatenate((ham, unwanted)), neginf=-100)
    assert one_minus_auc(ham, unwanted) == pytest.approx(1 - roc_auc_score(labels, scores))


@FEW
@given(SCORES, SCORES)
def test_the_roc_curve_only_rises_and_encloses_the_auc(ham: np.ndarray, unwanted: np.ndarray):
    """The curve runs from corner to corner without a step back, and the area above it is 1-AUC."""
    wrong, caught = roc(ham, unwanted)
    assert (wrong[0], caught[0], wrong[-1], caught[-1]) == (0, 0, 1, 1)
    assert (np.diff(wrong) >= 0).all()
    assert (np.diff(caught) >= 0).all()
    assert np.trapezoid(caught, wrong) == pytest.approx(1 - one_minus_auc(ham, unwanted))


@FEW
@given(SCORES, st.sampled_from([0.0001, 0.001, 0.01, 0.1, 0.5]))
def test_no_more_ham_than_allowed_passes_the_threshold(ham: np.ndarray, rate: float):
    """At most the named share of ham exceeds the threshold, and a lower score would let too much through."""
    limit = threshold(ham, rate)
    assert (ham > limit).sum() <= rate * ham.size
    assert (ham >= limit).sum() > rate * ham.size or rate * ham.size >= ham.size


@FEW
@given(st.integers(1, 400).flatmap(lambda trials: st.tuples(st.integers(0, trials), st.just(trials))))
def test_intervals_hold_the_rate_and_narrow_with_messages(counts: tuple[int, int]):
    """An interval holds the observed rate, stays a share, and ten times the messages never widen it."""
    hits, trials = counts
    low, high = interval(hits, trials)
    assert 0 <= low <= hits / trials <= high <= 1
    more = interval(10 * hits, 10 * trials)
    assert more[1] - more[0] <= high - low


@pytest.mark.parametrize("true", [0.001, 0.02, 0.3, 0.97])
def test_intervals_are_right_as_often_as_they_promise(true: float):
    """Over all outcomes of 300 messages the interval holds the true rate with at least 95 % probability."""
    trials = 300
    covered = sum(
        math.comb(trials, hits) * true**hits * (1 - true) ** (trials - hits)
        for hits in range(trials + 1)
        if interval(hits, trials)[0] <= true <= interval(hits, trials)[1]
    )
    assert covered >= 0.95


def test_intervals_are_those_of_the_textbook():
    """Known bounds by Clopper and Pearson; nothing seen in n messages leaves about 3.7 / n possible."""
    assert interval(0, 10) == pytest.approx((0, 0.30850), abs=1e-5)
    assert interval(10, 10) == pytest.approx((0.69150, 1), abs=1e-5)
    assert interval(4, 20) == pytest.approx((0.05733, 0.43661), abs=1e-5)
    assert interval(0, 0) == (0, 1)


@FEW
@given(st.lists(st.tuples(st.booleans(), st.floats(0, 1)), min_size=1, max_size=60))
def test_calibration_is_the_mean_distance_of_the_bins(messages: list[tuple[bool, float]]):
    """Bins hold every message once; the error is their distance from the truth, weighted, between 0 and 1."""
    labels = np.array([int(unwanted) for unwanted, _ in messages])
    odds = np.array([probability for _, probability in messages])
    bins = reliability(labels, odds)
    assert sum(each.messages for each in bins) == len(messages)
    assert sum(each.unwanted for each in bins) == labels.sum()
    assert all(each.start - 1e-9 <= each.predicted <= each.end + 1e-9 for each in bins)
    assert 0 <= calibration_error(bins) <= 1


def test_calibration_of_known_mail():
    """Mail that is always called 80 % and is so in half of the cases is 0.3 off; honest certainty is not off at all."""
    assert calibration_error(reliability(np.array([1, 0]), np.array([0.8, 0.8]))) == pytest.approx(0.3)
    assert calibration_error(reliability(np.array([1, 0]), np.array([1.0, 0.0]))) == 0


def test_a_rate_needs_enough_ham():
    """One false positive in a thousand can be seen among a thousand ham, not among 999."""
    assert can_show(1000, 0.001)
    assert not can_show(999, 0.001)
    found = report(["mine"], [(side([-5.0] * 999), side([5.0] * 9))], 0.8).rows[0]
    assert found.too_few == ("0.1%", "0.01%")
    assert found.caught == {"1%": 1.0, "0.1%": None, "0.01%": None}
    assert found.words()[3:6] == ("100.0%", TOO_FEW, TOO_FEW)
    assert found.as_json()["too few ham for"] == ["0.1%", "0.01%"]


def test_errors_at_the_threshold_are_those_of_the_check():
    """From the mark on content alone marks: at it, not only above it. Mail without text never is marked."""
    ham = [math.log(0.7 / 0.3), -2.0, -2.0, -math.inf]
    found = report(["mine"], [(side(ham), side([3.0, -3.0, -math.inf]))], ham[0]).rows[0]
    assert found.flagged is not None
    assert found.missed is not None
    assert (found.flagged.hits, found.flagged.messages) == (1, 4)
    assert (found.missed.hits, found.missed.messages) == (2, 3)
    assert found.textless == 2
    assert (found.flagged.low, found.flagged.high) == interval(1, 4)


def test_a_source_of_one_kind_is_ranked_against_the_other_kind_of_all():
    """A mailbox of ham has no spam of its own: its row says against what it was ranked, and gives no calibration."""
    sides = [(side([-1.0, 2.0]), side([])), (side([-9.0]), side([1.0, 3.0]))]
    mailbox, pack = report(["mailbox", "pack"], sides, 0.8).rows
    assert (mailbox.against, pack.against) == ("unwanted", "")
    assert mailbox.one_minus_auc == pytest.approx(1 / 4)
    assert pack.one_minus_auc == 0
    assert mailbox.calibration_error is None
    assert mailbox.missed is None
    assert mailbox.words()[2] == "0.25000*"


def test_the_total_is_of_all_messages():
    """The total counts and ranks the messages of all sources together."""
    sides = [(side([-1.0, 2.0], broken=1), side([])), (side([-9.0]), side([1.0, 3.0])), (side([]), side([]))]
    total = report(["a", "b", "c"], sides, 0.8).total
    assert (total.ham, total.unwanted, total.broken) == (3, 2, 1)
    assert total.one_minus_auc == pytest.approx(1 / 6)
    assert set(total.caught) == set(RATES)
