"""DMARC records and the tree walk."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatepost.checks.auth.dmarc_record import QUERIES, Policy, Record, parse_record, walk
from gatepost.world.dns.fake import FakeDns

RUA = "; rua=mailto:d@example.com"


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("v=DMARC1; p=reject", Record(Policy.REJECT)),
        (" v = DMARC1 ;p = Reject;", Record(Policy.REJECT)),
        ("v=DMARC1; sp=none; p=quarantine", Record(Policy.QUARANTINE, Policy.NONE)),
        ("v=DMARC1; p=none; np=reject; t=y", Record(Policy.NONE, np=Policy.REJECT, testing=True)),
        ("v=DMARC1; p=none; adkim=S; aspf=s", Record(Policy.NONE, strict_dkim=True, strict_spf=True)),
        ("v=DMARC1; p=none; adkim=x; psd=maybe; pct=0; ri=1", Record(Policy.NONE)),
        ("v=DMARC1; p=none; psd=Y", Record(Policy.NONE, psd="y")),
        ("v=DMARC1; p=reject; junk; =x; x-y=1; 1=2; é=3;", Record(Policy.REJECT)),
        ("V=DMARC1; P=reject; SP=none", Record(Policy.REJECT, Policy.NONE)),
        ("v=DMARC1; p=reject; P=none", None),
        ("v=DMARC1; RUA=mailto:d@example.com", Record(Policy.NONE)),
        ("v=DMARC1; p=none; junk;", Record(Policy.NONE)),
        ("v=DMARC1", Record(Policy.NONE, usable=False)),
        ("v=DMARC1; p=bad", Record(Policy.NONE, usable=False)),
        ("v=DMARC1; p=bad; sp=reject" + RUA, Record(Policy.NONE)),
        ("v=DMARC1" + RUA + "!10m", Record(Policy.NONE)),
        ("v=DMARC1; rua=http://x", Record(Policy.NONE, usable=False)),
        ("v=DMARC1; p=reject; p=none", None),
        ("v=dmarc1; p=reject", None),
        ("v=DMARC1 p=reject", None),
        ("v=DMARC12; p=reject", None),
        ("p=reject; v=DMARC1", None),
        ("v=spf1 -all", None),
        ("", None),
    ],
)
def test_records(text: str, want: Record | None) -> None:
    """A record is read by RFC 9989 4.7: unknown tags ignored, a broken policy asks for nothing."""
    assert parse_record(text.encode()) == want


@given(st.binary(max_size=200).map(lambda tail: b"v=DMARC1;" + tail))
@settings(max_examples=200)
def test_no_record_raises(text: bytes) -> None:
    """Any bytes give a record or none."""
    assert parse_record(text) == parse_record(text)


def test_policies_are_ranked() -> None:
    """t=y goes down one step and never below none."""
    assert [policy.milder for policy in Policy] == [Policy.NONE, Policy.NONE, Policy.QUARANTINE]


@pytest.mark.parametrize("labels", range(1, 20))
def test_a_walk_asks_at_most_eight(labels: int) -> None:
    """Names of any depth cost at most eight questions, the first at the name, the last at the top."""
    dns = FakeDns()
    name = ".".join(f"l{number}" for number in range(labels))
    walk(dns, name)
    asked = [question.name.removeprefix("_dmarc.") for question in dns.asked]
    assert len(asked) == min(labels, QUERIES)
    assert asked[0] == name
    assert asked[-1] == name.split(".")[-1]
