"""Signatures that are made by the letter of the RFC and not by dkimpy, with what dkimpy gets wrong."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.checks.auth.arc import ArcCheck
from gatepost.checks.auth.arc_chain import Chain, verify_chain
from gatepost.checks.auth.dkim import DkimCheck, Rules
from gatepost.checks.auth.signed import SignedMessage, canonical_field
from gatepost.evidence import Found
from gatepost.mail.header import Header
from gatepost.world.clock import FakeClock
from gatepost.world.dns.fake import FakeDns
from support import exact_signing as exact
from support.suites_auth import inbound

NOW = 1_800_000_000
KEYS = FakeDns({f"s._domainkey.{domain}": {"TXT": [exact.record()]} for domain in ("example.com", "relay.example")})
START = b" v=1; a=rsa-sha256; d=example.com; s=s; h=from:to:subject:date; bh={bh}; c=relaxed/relaxed; "
SIMPLE = START.replace(b"relaxed", b"simple")


def dkim(*headers: Header, body: bytes = exact.BODY) -> str:
    """Give the result for the first signature."""
    return str(
        DkimCheck(KEYS, FakeClock(NOW), Rules()).run(inbound(), exact.message(*headers, body=body), Found())[0].status
    )


def arc(headers: list[Header], body: bytes = exact.BODY) -> Chain:
    """Judge a chain."""
    return verify_chain(SignedMessage(exact.message(*headers, body=body)), KEYS, Rules(), FakeClock(NOW))


@pytest.mark.parametrize(
    "template",
    [
        START + b"b={b}",
        START + b"b={b}; ",
        START + b"b=\r\n {b} \r\n\t; t=1799999999",
        START + b"b \r\n = {b}",
        b"b={b}; v=1; a=rsa-sha256; d=example.com; s=s; h=from:to:subject:date; bh={bh}; c=relaxed/relaxed",
        START + b"z=From:Ann|Subject:a\r\n b=20c; b={b}",
        START + b"note=a b=c; b={b}",
        SIMPLE + b"b={b}",
        SIMPLE + b"b={b}; ",
        SIMPLE + b"b={b}; t=1799999999 \t",
        SIMPLE + b"b=\r\n\t{b} ; t=1799999999",
        b"\tbh={bh};\r\n\ts=s;d=example.com;a=rsa-sha256;v=1;b={b};h=from : to:\r\n subject:date ",
    ],
)
def test_a_signature_may_be_written_in_every_way_of_the_rfc(template: bytes) -> None:
    """White space, folding and the order of tags are the signer's, and only b= is left out of what is signed (RFC 6376 3.7)."""
    assert dkim(exact.signature(template), *exact.HEADERS) == "pass"


_SPACE = st.sampled_from([b"", b" ", b"\t", b"  ", b"\r\n ", b" \r\n\t"])
_VALUES = st.lists(st.sampled_from([b"a", b" ", b"\t", b"\r\n ", b"=", b"\x0c", b"\xc3\xa9", b":"]), max_size=6).map(
    b"".join
)


@given(
    st.permutations([b"v=1", b"a=rsa-sha256", b"d=example.com", b"s=s", b"h=from:to:x", b"bh={bh}", b"b={b}"]),
    st.sampled_from([b"relaxed", b"simple"]),
    st.lists(_SPACE, min_size=16, max_size=16),
    _VALUES,
)
def test_every_spelling_verifies(tags: list[bytes], form: bytes, spaces: list[bytes], value: bytes) -> None:
    """Whatever stands around its tags, and whatever a field holds, a signature that was made by the RFC passes."""
    parts = [spaces.pop() + tag + spaces.pop() for tag in [*tags, b"c=" + form + b"/" + form]]
    headers = (*exact.HEADERS, Header(b"X", value.rstrip(b"\r\n")))
    assert dkim(exact.signature(b";".join(parts), headers), *headers) == "pass"


@pytest.mark.parametrize("form", [b"simple", b"relaxed"])
@pytest.mark.parametrize("name", [b"Subject", b"Subject ", b"SUBJECT\t"])
def test_nothing_is_added_to_what_is_signed_once_more(form: bytes, name: bytes) -> None:
    """A name that is signed more often than it stands there keeps others out, with white space before the colon too."""
    template = START.replace(b"relaxed", form).replace(b"h=from", b"h=subject:from") + b"b={b}"
    signed = (exact.signature(template), *exact.HEADERS)
    assert dkim(*signed) == "pass"
    assert dkim(Header(name, b" Win"), *signed) == "fail"
    assert dkim(*signed, Header(name, b" Win")) == "fail"


@pytest.mark.parametrize("form", [b"simple", b"relaxed"])
def test_a_space_before_the_colon_is_signed_as_it_stands(form: bytes) -> None:
    """`Subject :` is a subject, and its signature holds."""
    headers = [*exact.HEADERS[:2], Header(b"Subject ", b" Lunch"), exact.HEADERS[3]]
    assert dkim(exact.signature(START.replace(b"relaxed", form) + b"b={b}", headers), *headers) == "pass"
    assert (
        dkim(
            exact.signature(START.replace(b"relaxed", form) + b"b={b}"),
            Header(b"From ", b" x@evil.example"),
            *exact.HEADERS,
        )
        == "fail"
    )


@pytest.mark.parametrize("below", [(), (Header(b"DKIM-Signature", b" v=1; a=rsa-sha256; d=old.example; b=eA=="),)])
@pytest.mark.parametrize("names", [b"dkim-signature", b"dkim-signature:dkim-signature"])
def test_a_signature_does_not_sign_its_own_field_by_name(below: tuple[Header, ...], names: bytes) -> None:
    """DKIM-Signature in h= means the others, and keeps further ones out (RFC 6376 3.5)."""
    headers = (*below, *exact.HEADERS)
    own = exact.signature(START.replace(b" h=", b" h=" + names + b":") + b"b={b}", headers)
    assert dkim(own, *headers) == "pass"
    if not below:
        added = Header(b"DKIM-Signature", b" v=1; a=rsa-sha256; d=new.example; b=eA==")
        assert dkim(own, *headers, added) == "fail"


def test_only_white_space_is_relaxed() -> None:
    """A form feed at the end of a field is no white space (RFC 6376 2.8)."""
    headers = [*exact.HEADERS[:2], Header(b"Subject", b" Lunch\x0c"), exact.HEADERS[3]]
    assert dkim(exact.signature(START + b"b={b}", headers), *headers) == "pass"


def test_base64_may_lack_its_padding() -> None:
    """The equals signs at its end are optional (RFC 6376 2.10)."""
    field = exact.signature(START + b"b={b}")
    assert field.value.endswith(b"=")
    assert dkim(Header(field.name, field.value.rstrip(b"=")), *exact.HEADERS) == "pass"


def test_a_signature_ends_after_it_begins() -> None:
    """`x=` must be greater than `t=` (RFC 6376 3.5)."""
    times = b"t=1799999999; x=1799999999; "
    assert dkim(exact.signature(START + times + b"b={b}"), *exact.HEADERS) == "permerror"


MS, AS = exact.MESSAGE_SIGNATURE, exact.SEAL


def test_what_many_seals_cover_is_made_canonical_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each seal covers all sets below it: a large field in the first would cost fifty times its length."""
    made: list[Header] = []

    def counted(field: Header, canon: bytes) -> bytes:
        made.append(field)
        return canonical_field(field, canon)

    headers = exact.chain(exact.links(8))
    monkeypatch.setattr("gatepost.checks.auth.signed.canonical_field", counted)
    assert arc(headers).status == "pass"
    for field in headers:
        assert sum(each is field for each in made) <= 1


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"signature": MS.lstrip()},
        {"signature": b"\t" + MS.lstrip()},
        {"signature": b"\r\n\t" + MS.lstrip()},
        {"signature": MS.replace(b"i=%d;", b"i = %d ;")},
        {"signature": MS.replace(b" i=%d;", b"") + b"; i=%d"},
        {"signature": MS.replace(b" i=%d; a=rsa-sha256;", b" a=rsa-sha256;i=%d;")},
        {"signature": MS.replace(b"b={b}", b"b={b}\r\n ;t=1799999999")},
        {"signature": MS.replace(b"relaxed/relaxed", b"simple/simple")},
        {"signature": MS.replace(b"relaxed/relaxed", b"relaxed")},
        {"seal": AS.lstrip()},
        {"seal": b"b={b} ; i=%d;a=rsa-sha256;cv=%s;d=relay.example;s=s"},
        {"results": b"i=%d;relay.example;none"},
        {"results": b" (their words)\r\n i = %d ; relay.example; none"},
    ],
)
@pytest.mark.parametrize("count", [1, 2])
def test_a_chain_may_be_written_in_every_way_of_the_rfc(changed: dict[str, bytes], count: int) -> None:
    """White space, folding and the order of tags are the sealer's (RFC 6376 3.2)."""
    judged = arc(exact.chain(exact.links(count, **changed)))
    assert (judged.status, judged.oldest_pass) == ("pass", 0)


def test_fields_of_a_chain_may_stand_in_any_order() -> None:
    """The instance tells which set a field belongs to, not its place (RFC 8617 5.1.1)."""
    whole = exact.chain(exact.links(3))
    assert arc([*whole[3:6], *whole[0:3], *whole[6:]]).status == "pass"
    assert arc(whole[8::-1] + whole[9:]).status == "pass"


@pytest.mark.parametrize(
    "broken",
    [
        lambda whole: whole[1:],
        lambda whole: [whole[0], *whole],
        lambda whole: [Header(b"ARC-Seal", b" nothing"), *whole],
        lambda whole: [Header(b"ARC-Authentication-Results", b" i=0; x; none"), *whole],
        lambda whole: [Header(b"ARC-Authentication-Results", b" i=51; x; none"), *whole],
        lambda whole: whole[:3] + whole[6:],
    ],
)
def test_a_field_too_many_or_too_few_breaks_a_chain(broken: Callable[[list[Header]], list[Header]]) -> None:
    """Every set has one field of each kind, and no instance is left out (RFC 8617 5.2 step 3)."""
    whole = exact.chain(exact.links(3))
    assert arc(whole).status == "pass"
    assert arc(broken(whole)).status == "fail"


@pytest.mark.parametrize(
    "changed",
    [
        {"signature": MS.replace(b"bh=", b"x=1799990000; bh=")},
        {"signature": MS.replace(b"bh=", b"t=1800090000; bh=")},
        {"signature": MS.replace(b"from:", b"arc-seal:from:")},
        {"signature": MS.replace(b"rsa-sha256", b"rsa-sha1")},
        {"seal": AS.replace(b"s=s", b"s=s; t=1800090000")},
        {"seal": AS.replace(b"s=s", b"s=s; h=from")},
        {"seal": AS.replace(b"cv=%s", b"cv=x%s")},
        {"seal": AS.replace(b"d=relay", b"d=relay-")},
    ],
)
def test_a_chain_of_broken_fields_fails(changed: dict[str, bytes]) -> None:
    """Times count as they do for DKIM, and a field that may not be as it is breaks the chain."""
    assert arc(exact.chain(exact.links(2, **changed))).status == "fail"


def test_a_set_that_names_no_author_vouches_for_none() -> None:
    """A trusted sealer's signature without From would hold for anybody's message (RFC 6376 6.1.1)."""
    check = ArcCheck(KEYS, FakeClock(NOW), Rules(), ("relay.example",))

    def codes(**changed: bytes) -> list[str]:
        sealed = exact.message(*exact.chain(exact.links(1, **changed)))
        return [each.code for each in check.run(inbound(), sealed, Found())]

    assert codes() == ["arc.pass", "arc.trusted"]
    assert codes(signature=MS.replace(b"h=from:", b"h=")) == ["arc.pass"]
