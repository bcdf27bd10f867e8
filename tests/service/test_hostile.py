"""Hostile mail through the whole pipeline: a verdict, no exception, work that grows no faster than the message."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.ledger.record import Record, entry
from gatepost.mail.address import parse_path
from gatepost.mail.envelope import Client, Envelope
from gatepost.mail.message import from_bytes
from gatepost.pipeline import Pipeline
from gatepost.service.assemble import pipeline
from gatepost.service.config import load
from gatepost.service.doors import Doors
from gatepost.verdict import AddHeader, outcome_word
from gatepost.world.clock import SystemClock
from gatepost.world.dns.fake import FakeDns, NoNetworkDns
from gatepost.world.state.memory import MemoryState
from support.cases import Case, cases, pattern_scanner
from support.hostile import FIXED, GROWING, HEAD, SIGNED, costly_key

# Seconds of processor time. No case needs one of them; what needs more must at least not grow with the square of the size.
PLENTY = 2.0
GROWTH = 3.0

ENVELOPE = Envelope(
    client=Client(ip=ip_address("192.0.2.10"), helo="mail.sender.example"),
    sender=parse_path(b"anna@sender.example"),
    recipients=tuple(filter(None, [parse_path(b"piet@rcpt.example")])),
)
SIZED = {**GROWING, **SIGNED}


@pytest.fixture(scope="module")
def site() -> Pipeline:
    """Give a site's pipeline with a zone in which the hostile signer's key is as costly as it may be."""
    clock = SystemClock()
    resolver = FakeDns({"s._domainkey.x.example": {"TXT": [costly_key()]}})
    return pipeline(load(None), Doors(clock, resolver, MemoryState(clock), pattern_scanner()), b"key", live=False)


@pytest.fixture(scope="module")
def alone() -> Pipeline:
    """Give a site's pipeline that nobody answers."""
    clock = SystemClock()
    return pipeline(load(None), Doors(clock, NoNetworkDns(), MemoryState(clock), None), b"key", live=False)


def judged(pipeline: Pipeline, data: bytes) -> Record:
    """Judge bytes, and hold the verdict to what every verdict promises."""
    record = pipeline.judge(ENVELOPE, from_bytes(data))
    verdict = record.verdict
    assert outcome_word(verdict.outcome) in {"accept", "quarantine", "defer", "reject"}
    assert round(sum(part.points for part in verdict.because), 6) == verdict.score
    assert not [item.code for item in record.evidence if item.code.endswith((".error", ".timeout"))]
    added = [edit for edit in verdict.edits if isinstance(edit, AddHeader)]
    assert [edit.name for edit in added].count("Authentication-Results") == 1
    for edit in added:
        assert all(line.isascii() and line.isprintable() for line in edit.value.split("\n "))
    assert len(str(entry(record))) < 200_000
    return record


def spent(work: Callable[[], object]) -> float:
    """Give the processor seconds that this thread spends on some work, which other jobs on the machine do not change."""
    begin = time.thread_time()
    work()
    return time.thread_time() - begin


@pytest.mark.parametrize("name", FIXED)
def test_odd_bytes_have_a_verdict(site: Pipeline, name: str) -> None:
    """Bytes that are hardly a message get a verdict whose parts sum up, one A-R, and no check fails on them."""
    judged(site, FIXED[name]())


@pytest.mark.parametrize("name", SIZED)
def test_large_mail_costs_no_more_than_its_size(site: Pipeline, name: str) -> None:
    """A message built to be slow is judged in a moment; if not, half of it must take much less than half the time."""
    size, make = SIZED[name]
    data = make(size)
    whole = spent(lambda: judged(site, data))
    if whole > PLENTY:
        smaller = make(size // 2)
        half = spent(lambda: judged(site, smaller))
        assert whole < GROWTH * half, f"{whole:.1f} s for {len(data)} bytes, {half:.1f} s for half of it"
    assert whole < site.seconds / 2


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("one long line", {"virus.skipped"}),
        ("nested multiparts", {"virus.skipped"}),
        ("sibling parts", {"virus.skipped"}),
        ("dashed lines in each part", {"virus.skipped", "mime.ambiguous"}),
        ("nearly delimiters, nested", {"virus.skipped", "mime.ambiguous"}),
        ("boundaries in comments", {"virus.skipped", "mime.ambiguous"}),
        ("From fields", {"dmarc.permerror"}),
        ("mailboxes", {"dmarc.permerror"}),
        ("long From", {"dmarc.permerror"}),
    ],
)
def test_what_was_not_read_is_said(site: Pipeline, name: str, words: set[str]) -> None:
    """Past a limit the verdict says that something was left out: it is never clean, and never guessed."""
    size, make = SIZED[name]
    assert words <= {item.code for item in judged(site, make(size)).evidence}


def test_ten_thousand_signatures_are_eight_and_a_count(site: Pipeline) -> None:
    """Of ten thousand signatures, within the fields that are kept, eight are judged and the rest is one finding."""
    record = judged(site, GROWING["signatures"][1](1_500))
    found = [item for item in record.evidence if item.check == "dkim"]
    assert len(found) == 9
    assert found[-1].facts["unread"] == "1492"


_PIECES = rb"""
From: |a@b.example|\r\n|\n|\r|\0| |\t|(|)|"|\|<|>|;|:|=?|?=|?B?|--b|--|Content-Type: |multipart/mixed; boundary=b|message/rfc822
|text/html|; charset=|utf-7|\xff\xfe|Content-Transfer-Encoding: base64\r\n|name*0*=|%zz|ARC-Seal: i=1; cv=none; |X-Spam-Flag
|DKIM-Signature: v=1; a=rsa-sha256; d=x.example; s=s; h=from; bh=YQ==; b=YQ==|Authentication-Results: |<a href='|http://|[::1]
|xn--|&#|<style>|List-Id: |Subject: =?utf-8?Q?|Date: |Message-ID: <|=\r\n|=3D|\r\n\r\n"""
_ESCAPES = {rb"\r": b"\r", rb"\n": b"\n", rb"\0": b"\0", rb"\t": b"\t", rb"\xff\xfe": b"\xff\xfe"}


def _unescaped(piece: bytes) -> bytes:
    for written, meant in _ESCAPES.items():
        piece = piece.replace(written, meant)
    return piece


_line_pieces = st.sampled_from([_unescaped(piece.strip(b"\n")) for piece in _PIECES.split(b"|")])


@given(st.lists(_line_pieces | st.binary(max_size=12), max_size=60).map(b"".join), st.booleans())
def test_any_bytes_have_a_verdict(alone: Pipeline, data: bytes, with_head: bool) -> None:
    """Whatever arrives, with nobody answering: a verdict whose parts sum up, one A-R, and DNS named as missing."""
    record = judged(alone, HEAD + data if with_head else data)
    assert "dns" in record.verdict.degraded


SIGNED_CASES = [
    case for case in cases() if str(case).endswith(("dkim-two-signatures", "dkim-ed25519", "arc-pass", "arc-two-sets"))
]
_pipeline = cache(Case.pipeline)
_changes = st.tuples(st.floats(0, 1), st.integers(0, 40), _line_pieces | st.binary(max_size=8))


@given(st.sampled_from(SIGNED_CASES), st.lists(_changes, max_size=5))
def test_changed_signed_mail_has_a_verdict(case: Case, changes: list[tuple[float, int, bytes]]) -> None:
    """Signed mail that was cut and patched anywhere still has a verdict, and no check fails on it."""
    data = case.data()
    for share, cut, piece in changes:
        place = int(share * len(data))
        data = data[:place] + piece + data[place + cut :]
    record = _pipeline(case).judge(case.envelope(), from_bytes(data))
    assert not [item.code for item in record.evidence if item.code.endswith(".error")]
    assert round(sum(part.points for part in record.verdict.because), 6) == record.verdict.score


@given(sender=st.binary(max_size=60), helo=st.text(max_size=40), recipient=st.binary(max_size=40), v6=st.booleans())
def test_any_envelope_has_a_verdict(alone: Pipeline, sender: bytes, helo: str, recipient: bytes, v6: bool) -> None:
    """Whatever the client says in HELO, MAIL and RCPT, the message has a verdict and its headers stay whole."""
    client = Client(ip=ip_address("2001:db8::1" if v6 else "192.0.2.1"), helo=helo)
    to = parse_path(recipient)
    envelope = Envelope(client=client, sender=parse_path(sender), recipients=(to,) if to else ())
    record = alone.judge(envelope, from_bytes(HEAD + b"\r\nhello\r\n"))
    assert not [item.code for item in record.evidence if item.code.endswith(".error")]
    for edit in record.verdict.edits:
        if isinstance(edit, AddHeader):
            assert all(line.isascii() and line.isprintable() for line in edit.value.split("\n "))
