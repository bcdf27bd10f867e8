"""Records read back from plain data."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.evidence import Evidence, Status
from gatepost.ledger.recall import names, recalled
from gatepost.ledger.record import Record, entry, judgement
from gatepost.mail.envelope import Direction, Envelope
from gatepost.verdict import Accept, Because, Defer, Label, Outcome, Quarantine, Reject, Verdict, outcome_word

RECORD = Record(
    record_id="98e6734219310a53",
    at=1_780_000_000.5,
    envelope=Envelope(queue_id="4XyZ", direction=Direction.OUTBOUND),
    evidence=(Evidence("content", "content.spam", Status.FAIL, "spam", 0.75, {"logit": "+5.18"}),),
    verdict=Verdict(
        Accept(),
        5.6,
        (Because("content.spam", 5.6, "spam"), Because("dkim.fail", 0.0, "broken", "forward.list")),
        Label.SPAM,
        0.994,
        ("dns",),
    ),
    reason="Marked as spam with score 5.6",
    reply=None,
    seconds=0.01,
    message_id="<1@example.org>",
    versions={"gatepost": "0.1.0"},
)

plain = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5) | st.integers(),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(max_size=5), inside, max_size=3),
    max_leaves=6,
)


@pytest.mark.parametrize("outcome", [Accept(), Quarantine("why"), Defer((4, 7, 1), "later"), Reject((5, 7, 1), "no")])
def test_a_logged_record_comes_back(outcome: Outcome) -> None:
    """What a verdict was made from survives the log: evidence, values, parts, excuses, direction, outcome."""
    logged = replace(RECORD, verdict=replace(RECORD.verdict, outcome=outcome))
    back = recalled(json.loads(json.dumps(entry(logged))))
    assert back is not None
    assert back.evidence == RECORD.evidence
    assert outcome_word(back.verdict.outcome) == outcome_word(outcome)
    assert replace(back.verdict, outcome=Accept()) == RECORD.verdict
    assert (back.record_id, back.at, back.reason) == (RECORD.record_id, RECORD.at, RECORD.reason)
    assert back.envelope == RECORD.envelope


def test_a_scanned_verdict_comes_back() -> None:
    """A line of `gatepost scan --json`, which has no envelope and no id, is a record too."""
    back = recalled({"file": "a.eml", **judgement(RECORD)})
    assert back is not None
    assert back.verdict == RECORD.verdict


def test_names_of_a_record() -> None:
    """A record is found by its id, by the mail server's queue id, and by its file."""
    assert names(entry(RECORD)) == {"98e6734219310a53", "4XyZ"}
    assert names({"file": "a.eml", "id": 7, "queue_id": ""}) == {"a.eml"}


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -1e300, "many", None, [1]])
def test_numbers_beyond_reason_make_no_record(number: object) -> None:
    """A score that is no number would spread into every sum."""
    assert recalled(entry(RECORD) | {"score": number}) is None


@given(st.sampled_from(sorted(entry(RECORD))), plain)
def test_any_other_shape_is_none_and_never_an_exception(key: str, value: object) -> None:
    """A key of another shape makes no record or a whole one; nothing is raised."""
    back = recalled(entry(RECORD) | {key: value})
    assert back is None or isinstance(back, Record)


@given(st.dictionaries(st.sampled_from([*sorted(entry(RECORD)), "file"]), plain, max_size=6))
def test_any_object_is_read(data: dict[str, object]) -> None:
    """So is an object of any keys."""
    assert recalled(data) is None or "evidence" in data
