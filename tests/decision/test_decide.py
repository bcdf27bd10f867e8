"""Evidence to verdict."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.decision.decide import decide
from gatepost.decision.explain import reason, refusal
from gatepost.decision.policy import EXCUSES, Action, Actions, Policy, Thresholds
from gatepost.decision.weights import WEIGHTS
from gatepost.evidence import Evidence, Status
from gatepost.mail.envelope import Direction
from gatepost.verdict import Accept, Defer, Label, Quarantine, Reject, outcome_word

SPAM = Evidence("content", "content.spam", Status.FAIL, "spam", 1.0, {"class": "spam", "probability": "0.9990"})
POLICY = Policy()


def verdict(*evidence: Evidence, policy: Policy = POLICY, direction: Direction = Direction.INBOUND):
    """Decide on some evidence."""
    return decide(policy, direction, evidence)


def code(name: str, value: float = 1.0) -> Evidence:
    """Make evidence with a code and a value."""
    return Evidence(name.partition(".")[0], name, Status.FAIL, f"detail of {name}", value)


@pytest.mark.parametrize("what", ["messages", "recipients", "bytes", "connections"])
def test_a_passed_limit_names_what_it_counts(what: str) -> None:
    """The sender is told of what there was too much, and whether to come back."""
    for word, text in (("exceeded", ", try again later"), ("refused", "")):
        passed = Evidence("rate", f"rate.client-{word}", Status.POLICY, facts={"rate.of": what})
        assert refusal(passed, "", final=False) == f"too many {what} from this address{text}"


@pytest.mark.parametrize("name", ["virus.unreachable", "virus.timeout", "greylist.first", "rate.client-exceeded"])
def test_a_refusal_for_good_asks_for_no_other_try(name: str) -> None:
    """Where a site refuses for good what is put off by default, the reply does not ask the sender to come back."""
    refused = POLICY.actions.model_copy(update={"inbound": {name: Action.REJECT}})
    low = POLICY.thresholds.model_copy(update={"greylist": -1.0})
    outcome = verdict(code(name), policy=replace(POLICY, actions=refused, thresholds=low)).outcome
    assert isinstance(outcome, Reject)
    assert "again" not in outcome.text.replace("tried again", "")
    put_off = verdict(code(name), policy=replace(POLICY, thresholds=low), direction=Direction.OUTBOUND).outcome
    assert not isinstance(put_off, Defer) or "try again" in put_off.text


def test_no_evidence_is_delivered() -> None:
    """A message about which nothing was found is accepted with score 0 and no probability."""
    found = verdict()
    assert (found.outcome, found.score, found.label, found.probability) == (Accept(), 0.0, Label.HAM, None)


@given(st.lists(st.tuples(st.sampled_from(sorted(WEIGHTS)), st.floats(-3, 3)), max_size=30))
def test_the_parts_sum_to_the_score(found: list[tuple[str, float]]) -> None:
    """Whatever was found, the points shown add up to the score shown, to the tenth."""
    answer = verdict(*(code(name, value) for name, value in found))
    assert f"{sum(part.points for part in answer.because):.1f}" in {
        f"{answer.score:.1f}",
        f"{answer.score:.1f}".replace("-0.0", "0.0"),
        f"-{answer.score:.1f}",
    }
    assert all(round(part.points * 10) == pytest.approx(part.points * 10) for part in answer.because)
    assert len({part.code for part in answer.because}) == len(answer.because)


def test_a_code_counts_once() -> None:
    """Eight failed signatures weigh as much as one."""
    assert verdict(*[code("dkim.fail")] * 8).score == verdict(code("dkim.fail")).score


@pytest.mark.parametrize(
    ("score", "word"),
    [(4.9, "accept"), (5.0, "accept"), (9.9, "accept"), (10.0, "quarantine"), (14.9, "quarantine"), (15.0, "reject")],
)
def test_thresholds_begin_at_their_number(score: float, word: str) -> None:
    """A score equal to a threshold has reached it."""
    policy = replace(POLICY, weights={"spf.fail": score})
    assert outcome_word(verdict(code("spf.fail"), policy=policy).outcome) == word


def test_content_alone_marks_and_does_not_hold() -> None:
    """The classifier's full confidence marks a message and leaves holding it to further evidence."""
    found = verdict(SPAM)
    assert (outcome_word(found.outcome), found.label) == ("accept", Label.SPAM)
    assert POLICY.thresholds.tag <= found.score < POLICY.thresholds.quarantine


def test_a_virus_is_refused_whatever_speaks_for_the_message() -> None:
    """A forced outcome stands even where the score has been talked down."""
    found = verdict(code("virus.infected"), code("sender.good"), code("content.ham"), code("arc.trusted"))
    assert isinstance(found.outcome, Reject)
    assert "virus" in found.outcome.text


def test_a_p_reject_failure_is_held() -> None:
    """An unauthenticated message of a domain that publishes p=reject is held by default, and the reason names DMARC."""
    found = verdict(code("dmarc.fail"), code("dmarc.reject"))
    assert isinstance(found.outcome, Quarantine)
    assert "dmarc.reject" in found.outcome.reason


def test_the_direction_chooses_the_table() -> None:
    """An unreachable scanner lets inbound mail through, said so, and defers outbound mail."""
    error = replace(code("virus.error"), degraded="virus")
    inbound, outbound = verdict(error), verdict(error, direction=Direction.OUTBOUND)
    assert (outcome_word(inbound.outcome), inbound.degraded) == ("accept", ("virus",))
    assert isinstance(outbound.outcome, Defer)


def test_the_site_overrules_one_action_and_keeps_the_others() -> None:
    """Naming one code in [actions] leaves the built-in ones in place."""
    actions = Actions.model_validate({"inbound": {"dmarc.reject": "reject"}})
    policy = replace(POLICY, actions=actions)
    assert isinstance(verdict(code("dmarc.reject"), policy=policy).outcome, Reject)
    assert isinstance(verdict(code("virus.infected"), policy=policy).outcome, Reject)


def test_what_is_said_of_a_scanner_error_holds_for_one_that_does_not_answer() -> None:
    """One line defers mail whenever the scanner does not scan; a kind that is named goes its own way, and a limit is no trouble."""
    policy = replace(
        POLICY, actions=Actions.model_validate({"inbound": {"virus.error": "defer", "virus.timeout": "quarantine"}})
    )
    for trouble in ("virus.error", "virus.unreachable", "virus.reloading"):
        assert isinstance(verdict(code(trouble), policy=policy).outcome, Defer)
    assert isinstance(verdict(code("virus.timeout"), policy=policy).outcome, Quarantine)
    assert verdict(code("virus.limit"), policy=policy).outcome == Accept()
    assert isinstance(verdict(code("virus.unreachable"), direction=Direction.OUTBOUND).outcome, Defer)


def test_the_most_severe_action_wins() -> None:
    """Held and deferred at once is deferred: the message comes again and nothing is lost."""
    found = verdict(code("dmarc.reject"), code("rate.client-exceeded"))
    assert isinstance(found.outcome, Defer)


@pytest.mark.parametrize("given_", [(6.0, 5.0, 15.0), (5.0, 20.0, 15.0)])
def test_thresholds_must_ascend(given_: tuple[float, float, float]) -> None:
    """Thresholds out of order are refused."""
    tag, quarantine, reject = given_
    with pytest.raises(ValueError, match="ascend"):
        Thresholds(tag=tag, quarantine=quarantine, reject=reject)


def test_the_reason_says_what_would_have_flipped_it() -> None:
    """The sentence for people names the parts without which the mark would not stand."""
    text = reason(verdict(SPAM, code("spf.softfail")), POLICY.thresholds)
    assert "Marked as spam with score 8.0" in text
    assert "without content.spam it would not be marked" in text


def test_the_reason_says_when_an_answer_is_missing() -> None:
    """A verdict reached without DNS says so."""
    text = reason(verdict(Evidence("spf", "spf.temperror", Status.TEMPERROR, degraded="dns")), POLICY.thresholds)
    assert "no answer from dns" in text


def test_a_list_lifts_the_force_and_not_the_failure() -> None:
    """Behind an authenticated list a p=reject failure forces nothing; that DMARC failed still weighs."""
    found = verdict(code("dmarc.fail"), code("dmarc.reject"), code("forward.list"))
    assert found.outcome == Accept()
    assert found.score == WEIGHTS["dmarc.fail"]
    assert [(part.code, part.points, part.excuse) for part in found.because] == [
        ("dmarc.fail", 2.5, ""),
        ("dmarc.reject", 0.0, "forward.list"),
    ]
    assert "dmarc.reject excused by forward.list" in reason(found, POLICY.thresholds)


@pytest.mark.parametrize("excuse", ["arc.trusted", "upstream.vouched"])
def test_who_vouches_lifts_the_failure_as_well(excuse: str) -> None:
    """What a trusted sealer or upstream found in our place counts in place of what we find."""
    found = verdict(code("dmarc.fail"), code("dmarc.reject"), code(excuse))
    assert (found.outcome, found.score) == (Accept(), 0.0)
    assert {part.excuse for part in found.because} == {excuse}


@pytest.mark.parametrize("claim", ["forward.claimed", "forward.srs", "arc.sealed", "arc.pass", "upstream.relayed"])
def test_a_claim_excuses_nothing(claim: str) -> None:
    """What a forger can write, or what says nothing about the author, lifts neither points nor force."""
    found = verdict(code("dmarc.fail"), code("dmarc.reject"), code(claim))
    assert isinstance(found.outcome, Quarantine)
    assert found.score == WEIGHTS["dmarc.fail"] + WEIGHTS["dmarc.reject"]


@pytest.mark.parametrize("trouble", ["arc.unsure", "forward.temperror"])
def test_an_open_excuse_puts_a_refusal_off(trouble: str) -> None:
    """While DNS does not say whether a failure is excused it is not refused for good; held it may be, as that is undone."""
    refusing = replace(POLICY, actions=Actions.model_validate({"inbound": {"dmarc.reject": "reject"}}))
    found = verdict(code("dmarc.reject"), code(trouble), policy=refusing)
    assert isinstance(found.outcome, Defer)
    assert isinstance(verdict(code("dmarc.reject"), code(trouble)).outcome, Quarantine)
    assert isinstance(
        verdict(code("virus.infected"), code("dmarc.reject"), code(trouble), policy=refusing).outcome, Reject
    )
    strict = replace(refusing, excuses={})
    assert isinstance(verdict(code("dmarc.reject"), code(trouble), policy=strict).outcome, Reject)
    excused = verdict(code("dmarc.reject"), code(trouble), code("forward.list"), policy=refusing)
    assert excused.outcome == Accept()


def test_an_excuse_covers_its_failure_alone() -> None:
    """A virus that comes by way of a trusted forwarder is a virus."""
    trusted = [code(each) for each in ("forward.list", "forward.known", "arc.trusted", "upstream.vouched")]
    found = verdict(code("virus.infected"), code("dmarc.reject"), *trusted)
    assert isinstance(found.outcome, Reject)
    assert "virus" in found.outcome.text


def test_what_would_not_have_counted_needs_no_excuse() -> None:
    """A failure without points and without force is not among the reasons."""
    policy = replace(POLICY, weights={}, actions=Actions.model_validate({"inbound": {"dmarc.reject": "accept"}}))
    assert verdict(code("dmarc.reject"), code("forward.list"), policy=policy).because == ()


@given(
    st.lists(st.sampled_from(sorted({*EXCUSES, *(each for found in EXCUSES.values() for each in found)})), max_size=8)
)
def test_an_excuse_never_makes_it_worse(codes: list[str]) -> None:
    """With all excuses the score is at most what it is without any, and the outcome at most as severe."""
    with_them = verdict(*map(code, codes))
    without = verdict(*map(code, codes), policy=replace(POLICY, excuses={}))
    assert with_them.score <= without.score
    assert (with_them.outcome == Accept()) or (without.outcome != Accept())


PHISH = replace(SPAM, code="content.phish", facts={"class": "phish", "probability": "0.9990"})


def test_an_open_newsletter_is_bulk_whatever_it_reads_like() -> None:
    """Content that reads like spam is excused where bulk mail is sent openly: no points, the excuse named, class bulk."""
    found = verdict(SPAM, code("bulk.open"))
    assert (found.outcome, found.score, found.label) == (Accept(), 0.0, Label.BULK)
    assert [(part.code, part.points, part.excuse) for part in found.because] == [("content.spam", 0.0, "bulk.open")]
    said = reason(found, POLICY.thresholds)
    assert said.startswith("Delivered as bulk mail")
    assert "content.spam excused by bulk.open" in said


@pytest.mark.parametrize("name", ["bulk.closed", "bulk.deceit", "bulk.unwanted", "bulk.unsure"])
def test_other_bulk_mail_is_judged_by_its_words(name: str) -> None:
    """Closed, deceiving, unwanted and unproven bulk mail keeps the points of its content."""
    found = verdict(SPAM, code(name))
    assert found.label is Label.SPAM
    assert found.score >= POLICY.thresholds.tag
    assert not any(part.excuse for part in found.because)


def test_phishing_is_never_excused_by_openness() -> None:
    """A broken-into account at a mailing service sends openly, too: what reads like phishing keeps its points."""
    found = verdict(PHISH, code("bulk.open"))
    assert found.label is Label.PHISH
    assert found.score >= POLICY.thresholds.tag


def test_reputation_and_authentication_still_count() -> None:
    """Openness excuses content alone: what the sender is known for and what failed weighs as ever, and may mark."""
    found = verdict(SPAM, code("bulk.open"), code("sender.bad"), code("rate.client-high"))
    assert (found.score, found.label) == (5.0, Label.SPAM)
    assert isinstance(verdict(code("bulk.open"), code("virus.infected")).outcome, Reject)


def test_what_the_class_of_bulk_mail_rests_on() -> None:
    """Below the mark mail is bulk where it was sent so, wanted or not, or where the classifier says so; else ham."""
    by_form = Evidence("content", "content.bulk", Status.PASS, "bulk", 1.0, {"class": "bulk", "probability": "0.0400"})
    assert verdict(by_form).label is Label.BULK
    assert verdict(code("bulk.unwanted")).label is Label.BULK
    assert verdict(code("bulk.open"), code("content.ham")).label is Label.BULK
    assert verdict(code("bulk.closed")).label is Label.HAM
    assert verdict(code("bulk.deceit")).label is Label.HAM


def test_the_site_may_strike_the_excuse() -> None:
    """Without the entry in [excuses] an open newsletter that reads like spam is spam."""
    policy = replace(POLICY, excuses={**EXCUSES, "content.spam": ()})
    assert verdict(SPAM, code("bulk.open"), policy=policy).label is Label.SPAM


def test_a_refusal_waits_until_dns_says_whether_mail_is_open() -> None:
    """Where a site refuses spam by its content, mail that may yet turn out to be sent openly is put off."""
    policy = replace(POLICY, actions=Actions.model_validate({"inbound": {"content.spam": "reject"}}))
    assert isinstance(verdict(SPAM, policy=policy).outcome, Reject)
    assert isinstance(verdict(SPAM, code("bulk.unsure"), policy=policy).outcome, Defer)
    assert verdict(SPAM, code("bulk.open"), policy=policy).outcome == Accept()


def test_closed_bulk_mail_that_somebody_vouches_for() -> None:
    """A forwarder who is trusted explains why nobody authenticates the newsletter any more."""
    assert verdict(code("bulk.closed")).score > 0
    assert verdict(code("bulk.closed"), code("arc.trusted")).score == 0
