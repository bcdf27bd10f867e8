"""What would have flipped a verdict."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatepost.decision.decide import decide
from gatepost.decision.flip import Answer, Flip, answer, smallest_absence, smallest_presences
from gatepost.decision.policy import Policy
from gatepost.decision.weights import WEIGHTS
from gatepost.evidence import Evidence, Status
from gatepost.mail.envelope import Direction

POLICY = Policy()
SPAM = Evidence("content", "content.spam", Status.FAIL, "spam", 0.8, {"class": "spam", "probability": "0.9960"})


def code(name: str, value: float = 1.0) -> Evidence:
    """Make evidence with a code and a value."""
    return Evidence(name.partition(".")[0], name, Status.FAIL, f"detail of {name}", value)


def without(*evidence: Evidence) -> Flip | None:
    """Ask for the smallest absence."""
    return smallest_absence(POLICY, Direction.INBOUND, evidence)


def with_more(*evidence: Evidence) -> tuple[Flip, ...]:
    """Ask for the smallest presences."""
    return smallest_presences(POLICY, Direction.INBOUND, evidence)


@pytest.mark.parametrize(
    ("score", "what"),
    [(0, Answer.DELIVERED), (5, Answer.MARKED), (10, Answer.HELD), (15, Answer.REFUSED)],
)
def test_answers_tell_what_outcomes_hide(score: float, what: Answer) -> None:
    """Marked mail is accepted, and yet another answer than delivered mail: people ask why it was marked."""
    policy = Policy(weights={"spf.fail": score})
    assert answer(decide(policy, Direction.INBOUND, [code("spf.fail")]), policy.thresholds) is what


def test_a_deferral_is_an_answer() -> None:
    """What is put off is told as such, and without what put it off the message would be delivered."""
    found = code("rate.client-exceeded")
    assert answer(decide(POLICY, Direction.INBOUND, [found]), POLICY.thresholds) is Answer.DEFERRED
    assert without(found) == Flip("rate.client-exceeded", 0.0, Answer.DELIVERED)


def test_the_smallest_absence_is_named() -> None:
    """Of two findings without either of which mail would not be marked, the lighter one is named."""
    assert without(SPAM, code("spf.softfail")) == Flip("content.spam", -6.0, Answer.DELIVERED)
    assert without(code("sender.bad"), code("spf.fail")) == Flip("spf.fail", -1.5, Answer.DELIVERED)


def test_no_single_absence() -> None:
    """Where every finding could go and the answer stayed, none is named."""
    assert without(code("spf.softfail")) is None
    assert without(*(code(name) for name in ("rate.login-high", "dmarc.fail", "spf.fail", "dmarc.permerror"))) is None


def test_an_excuse_that_goes_counts() -> None:
    """What excused a failure is named when the failure would have counted without it."""
    flip = without(code("dmarc.reject"), code("forward.list"))
    assert flip == Flip("forward.list", 2.5, Answer.HELD)


def test_presences_go_both_ways() -> None:
    """Marked mail is told what would have delivered it and what would have held it, the nearer one first."""
    nearer, farther = with_more(SPAM)
    assert abs(nearer.points) <= abs(farther.points)
    assert {nearer.points < 0, farther.points < 0} == {True, False}
    assert all(flip.code != "content.spam" for flip in (nearer, farther))


def test_the_classifier_says_one_thing() -> None:
    """Another finding of the classifier takes the place of the one there is; its points are not added to it."""
    policy = Policy(weights={"content.spam": 7.5, "content.ham": -2.0}, excuses={})
    (flip,) = smallest_presences(policy, Direction.INBOUND, [SPAM])
    assert flip == Flip("content.ham", -8.0, Answer.DELIVERED)


def test_what_may_exclude_each_other_is_not_tried() -> None:
    """A sender is not good and bad at once: beside a finding that counts, the check's other codes are left alone."""
    assert all(flip.code != "sender.good" for flip in with_more(code("sender.bad"), code("spf.fail")))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(sorted(WEIGHTS)), st.floats(0, 1)), max_size=8),
    st.sampled_from([Direction.INBOUND, Direction.OUTBOUND]),
)
def test_flips_are_decide_s_own(found: list[tuple[str, float]], direction: Direction) -> None:
    """Whatever was found: put a named flip to decide(), and it gives the answer and the score that were told."""
    evidence = [code(name, value) for name, value in found]
    verdict = decide(POLICY, direction, evidence)
    flip = smallest_absence(POLICY, direction, evidence)
    if flip:
        then = decide(POLICY, direction, [item for item in evidence if item.code != flip.code])
        assert answer(then, POLICY.thresholds) is flip.answer is not answer(verdict, POLICY.thresholds)
        assert then.score == pytest.approx(verdict.score + flip.points)
    for flip in smallest_presences(POLICY, direction, evidence):
        assert flip.answer is not answer(verdict, POLICY.thresholds)
        assert all(item.code != flip.code for item in evidence)
