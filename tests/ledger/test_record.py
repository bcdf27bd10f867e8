"""The canonical record."""

from __future__ import annotations

import json
import os

from hypothesis import given
from hypothesis import strategies as st

from gatepost.evidence import Evidence, Status
from gatepost.ledger.outlet import Outlet
from gatepost.ledger.record import Record, entry, judgement, shown
from gatepost.ledger.sinks import LogSink
from gatepost.mail.address import Address
from gatepost.mail.envelope import Envelope
from gatepost.verdict import Accept, AddHeader, Because, Verdict


def record(detail: str = "a sentence") -> Record:
    """Make a record."""
    verdict = Verdict(Accept(), 2.5, (Because("dmarc.fail", 2.5, detail),), edits=(AddHeader("X-A", "b\n c"),))
    evidence = (Evidence("dmarc", "dmarc.fail", Status.FAIL, detail, facts={"header.from": detail}),)
    envelope = Envelope("Q1", sender=Address("a", "example.org"), recipients=(Address("b", "example.com"),))
    return Record("id1", 1.0, envelope, evidence, verdict, "why", None, 0.002, timings={"spf": 0.001})


def test_the_json_contract() -> None:
    """The keys of `scan --json` are those that others build on."""
    assert set(judgement(record())) == {
        "outcome", "score", "spam_probability", "class", "degraded", "because", "evidence", "headers", "reply", "seconds",
    }  # fmt: skip
    assert judgement(record())["headers"] == [["X-A", "b c"]]
    assert judgement(record())["because"] == [{"code": "dmarc.fail", "points": 2.5, "detail": "a sentence"}]


@given(st.text(max_size=600))
def test_any_text_is_one_json_line(detail: str) -> None:
    """Whatever a message says, its record is one valid line of JSON in UTF-8."""
    line = json.dumps(entry(record(detail)), ensure_ascii=False)
    assert "\n" not in line
    assert json.loads(line.encode())["id"] == "id1"


def test_control_characters_are_made_visible() -> None:
    """Terminal escapes and lone surrogates from a message never reach a terminal."""
    assert shown("a\x1b[31mb\udce9\u202e") == "a\N{REPLACEMENT CHARACTER}[31mb?\N{REPLACEMENT CHARACTER}"


def test_the_log_sink_writes_one_line() -> None:
    """One message is one line on the log."""
    reader, writer = os.pipe()
    LogSink(Outlet(writer)).write(record())
    os.close(writer)
    with os.fdopen(reader) as stream:
        lines = stream.readlines()
    assert len(lines) == 1
    assert json.loads(lines[0])["mail_from"] == "a@example.org"


def test_a_dead_log_stops_no_mail() -> None:
    """A sink whose reader is gone does not raise."""
    reader, writer = os.pipe()
    os.close(reader)
    LogSink(Outlet(writer)).write(record())
    os.close(writer)
