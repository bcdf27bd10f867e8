"""The five stages together: order, deadlines, failures of checks, and the one record."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar
from unittest.mock import ANY

import pytest

from gatepost.decision.policy import Actions, Policy, Thresholds
from gatepost.effects.headers import HeaderWriter
from gatepost.evidence import Evidence, Found, Status
from gatepost.ledger.record import Record
from gatepost.mail.envelope import Direction, Envelope
from gatepost.mail.message import Message, from_bytes
from gatepost.pipeline import Pipeline
from gatepost.testing import FakeClock
from gatepost.verdict import Accept, AddHeader, Because, Defer, Reject, RemoveHeader
from gatepost.world import budget

MESSAGE = from_bytes(b"From: anna@sender.example\nX-Spam-Flag: NO\nMessage-ID: <1@sender.example>\n\nhello\n")
POINTS = {"one.found": 2.0, "two.found": 0.5, "content.spam": 6.0}


@dataclass(frozen=True)
class FakeCheck:
    """A check that says what it was made to say."""

    name: str
    say: Callable[[Found], Iterable[Evidence]]
    codes: ClassVar[Mapping[str, str]] = {}
    after: ClassVar[frozenset[str]] = frozenset()

    def run(self, envelope: Envelope, message: Message, found: Found) -> list[Evidence]:  # noqa: ARG002  the contract
        """Say it."""
        return list(self.say(found))


@dataclass
class ListSink:
    """Keeps records."""

    records: list[Record] = field(default_factory=list)

    def write(self, record: Record) -> None:
        """Keep a record."""
        self.records.append(record)


def finding(check: str, word: str = "found", **more: object) -> FakeCheck:
    """Give a check that finds one thing."""
    return FakeCheck(check, lambda _: [Evidence(check, f"{check}.{word}", **more)])


def site(*checks: FakeCheck, clock: FakeClock | None = None, **more: object) -> Pipeline:
    """Give a pipeline of some checks."""
    writer = HeaderWriter("mx.gatepost.test", 5.0, b"key")
    base = Pipeline(checks, Policy(Thresholds(), Actions(), POINTS), writer, clock or FakeClock(), lambda: "id1")
    return replace(base, **more)


def test_checks_run_in_order_and_see_what_came_before() -> None:
    """Each check sees the evidence of those before it, none of those after it, and the record keeps the order."""
    seen: list[list[str]] = []

    def look(found: Found) -> list[Evidence]:
        seen.append([item.code for item in found.items])
        return [Evidence("two", "two.found")]

    record = site(finding("one"), FakeCheck("two", look), finding("three")).judge(Envelope(), MESSAGE)
    assert seen == [["one.found"]]
    assert [item.code for item in record.evidence] == ["one.found", "two.found", "three.found"]
    assert record.verdict.because == (Because("one.found", 2.0), Because("two.found", 0.5))
    assert record.verdict.score == 2.5


def test_a_check_that_raises_is_evidence_and_the_others_go_on(caplog: pytest.LogCaptureFixture) -> None:
    """An exception becomes `<check>.error`, marks the verdict as incomplete, leaves its traceback in the log, no more."""

    def broken(_: Found) -> Iterable[Evidence]:
        yield Evidence("two", "two.found")
        raise RuntimeError("hush \r\n hush")

    record = site(finding("one"), FakeCheck("two", broken), finding("three")).judge(Envelope(), MESSAGE)
    assert [item.code for item in record.evidence] == ["one.found", "two.error", "three.found"]
    assert record.evidence[1].status is Status.TEMPERROR
    assert "hush" not in record.evidence[1].detail
    assert record.verdict.degraded == ("two",)
    assert "Traceback" in caplog.text
    assert "RuntimeError" in caplog.text


def test_the_deadline_holds_over_all_checks() -> None:
    """A check that would begin after the deadline does not; it is said as temporary and incomplete, never as clean."""
    clock = FakeClock()

    def slow(_: Found) -> list[Evidence]:
        assert budget.current().remaining() == 30.0
        clock.advance(31)
        assert budget.current().remaining() == 0.0
        return [Evidence("slow", "slow.found")]

    record = site(FakeCheck("slow", slow), finding("virus", "clean"), clock=clock).judge(Envelope(), MESSAGE)
    assert [item.code for item in record.evidence] == ["slow.found", "virus.timeout"]
    assert record.evidence[1].status is Status.TEMPERROR
    assert record.verdict.degraded == ("virus",)
    assert record.timings == {"slow": 31, "virus": 0}
    assert record.seconds == 31
    headers = {edit.name: edit.value for edit in record.verdict.edits if isinstance(edit, AddHeader)}
    assert headers["X-Virus-Status"] == "error"


def test_each_message_has_a_budget_of_its_own() -> None:
    """What one message used up is not missed by the next."""
    left: list[int] = []

    def spend(_: Found) -> list[Evidence]:
        left.append(budget.current().lookups)
        budget.current().take_lookup()
        return []

    pipeline = site(FakeCheck("one", spend))
    for _ in range(3):
        pipeline.judge(Envelope(), MESSAGE)
    assert len(set(left)) == 1


def test_the_record_is_complete_and_written_once() -> None:
    """The sink gets the very record that is returned, with reply, size, versions and id; the reply names the id."""
    sink = ListSink()
    policy = Policy(Thresholds(), Actions(inbound={"one.found": "reject"}), POINTS)
    record = site(finding("one"), sink=sink, policy=policy, versions={"model": "m1"}).judge(Envelope("Q1"), MESSAGE)
    assert sink.records == [record]
    assert record.reply == "550 5.7.1 refused by local policy (one.found) (id id1)"
    assert record.message_id == "<1@sender.example>"
    assert record.size == len(MESSAGE.raw()) - 2
    assert (record.envelope.queue_id, record.record_id, record.versions) == ("Q1", "id1", {"model": "m1"})
    assert record.reason.startswith("Refused (refused by local policy (one.found))")


def test_forged_headers_go_and_ours_come() -> None:
    """Inbound mail gets its edits: removals first, one Authentication-Results at the very top."""
    edits = site(finding("one")).judge(Envelope(), MESSAGE).verdict.edits
    assert edits[0] == RemoveHeader("X-Spam-Flag", 1)
    assert [edit.index for edit in edits if isinstance(edit, AddHeader) and edit.name == "Authentication-Results"] == [
        0
    ]


@pytest.mark.parametrize("direction", [Direction.OUTBOUND, Direction.INTERNAL])
def test_own_mail_is_not_edited(direction: Direction) -> None:
    """Outbound and internal mail has a verdict and a record, and is left as it is."""
    record = site(finding("one")).judge(Envelope(direction=direction), MESSAGE)
    assert record.verdict.edits == ()
    assert record.verdict.score == 2.0


def test_what_comes_after_the_verdict_cannot_spoil_it(caplog: pytest.LogCaptureFixture) -> None:
    """A failure while remembering is logged; verdict, record and sink are as without it."""
    sink, given = ListSink(), []

    def broken(envelope: Envelope, message: Message, evidence: tuple[Evidence, ...], verdict: object) -> None:
        given.append((envelope, message, [item.code for item in evidence]))
        raise RuntimeError("the store is gone")

    record = site(finding("one"), after=broken, sink=sink).judge(Envelope("Q1"), MESSAGE)
    assert given == [(Envelope("Q1"), MESSAGE, ["one.found"])]
    assert record.verdict.outcome == Accept()
    assert sink.records == [record]
    assert "the store is gone" in caplog.text


def test_the_answer_at_rcpt() -> None:
    """What the gate finds is weighed like any evidence: nothing is acceptance, an exceeded rate defers."""
    assert site().admit(Envelope()) == Accept()
    gate = [Evidence("rate", "rate.client-exceeded", Status.FAIL, "too many")]
    assert isinstance(site(gate=lambda _: gate).admit(Envelope()), Defer)


@pytest.mark.parametrize("order", [1, -1])
def test_a_connection_that_is_refused_is_refused_whole(order: int) -> None:
    """Whatever else speaks against the recipient, the answer is about the connection, and marked so; others are not."""
    about = Evidence("rate", "rate.client-exceeded", Status.POLICY, facts={"rate.of": "connections"})
    other = Evidence("rate", "rate.recipient-refused", Status.POLICY, facts={"rate.of": "messages"})
    both = [about, other][::order]
    assert site(gate=lambda _: both).admit(Envelope()) == Defer((4, 7, 1), ANY, connection=True)
    assert site(gate=lambda _: [other]).admit(Envelope()) == Reject((5, 7, 1), ANY)


def test_a_gate_that_raises_lets_mail_in(caplog: pytest.LogCaptureFixture) -> None:
    """A failure at RCPT refuses nobody: the message itself will be judged."""

    def broken(_: Envelope) -> Iterable[Evidence]:
        raise RuntimeError("the store is gone")

    with caplog.at_level(logging.ERROR):
        assert site(gate=broken).admit(Envelope()) == Accept()
    assert "the store is gone" in caplog.text
