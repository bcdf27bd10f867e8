"""Whose name an Authentication-Results value bears: no spelling hides a forgery, and other hosts keep theirs."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.mail.authserv import claims

NAME = "mx.example.org"


@pytest.mark.parametrize(
    "value",
    [
        b" mx.example.org; spf=pass",
        b"mx.example.org;spf=pass",
        b' "mx.example.org" 1; none',
        b" MX.Example.ORG.; none",
        b" mx.example.org. 1; none",
        b" (comment) mx.example.org (more); none",
        b"\r\n mx.example.org; none",
        b" (never closed mx.example.org; none",
        b" \\(mx.example.org; none",
        b' ("(") mx.example.org; none',
        b" mx.example.org",
        b" mx.example.org spf=pass",
        b" mx.example.org, spf=pass",
        b" mx.ex\\ample.org; none",
        b' "mx.example.org;"; none',
        b' "" mx.example.org; none',
        b" i=1; mx.example.org; spf=pass",
        b" I = 12 ;; mx.example.org; spf=pass",
        b" i=1 mx.example.org; spf=pass",
        b" ; mx.example.org; none",
        b";;mx.example.org; none",
        b" mx.example.org:25; none",
        b" mx.example.org/1; none",
        b" <mx.example.org>; none",
        b" [mx.example.org]; none",
        b" \xef\xbb\xbfmx.example.org; none",
        b" \xef\xbb\xbfi=1; mx.example.org; none",
        b" mx.example.org\xc2\xa0; none",
        b" mx.example.org\xa0; none",
        b" mx.example.org\x00; none",
        b" m\xe2\x80\x8bx.example.org; none",
        b" mx . example . org; none",
        b" mx.example\r\n .org; none",
        b" mx.(c)example.org; none",
        b" mx. (a comment) example.org; none",
        b" mx\xe3\x80\x82example.org; none",
        b" \xef\xbd\x8dx.example.org; none",
        b" =?utf-8?q?mx.example.org?=; none",
    ],
)
def test_every_spelling_of_our_name_is_a_forgery(value: bytes) -> None:
    """A foreign Authentication-Results that claims our authserv-id is recognised however it is written (RFC 8601 5)."""
    assert claims(value, "other.example.org", NAME)


@pytest.mark.parametrize(
    "value",
    [
        b" other.example; spf=pass smtp.mailfrom=mx.example.org",
        b" other.example (mx.example.org); none",
        b" other.example (by mx.example.org 1); none",
        b" i=1; other.example; spf=pass (mx.example.org)",
        b" i=mx.example.org; none",
        b" a.mx.example.org; none",
        b" mx.example.org.example; none",
        b" mx.example; none",
        b" mx-example.org; none",
        b" notmx.example.org; none",
        b" none; mx.example.org",
        b"",
        b"; x",
        b" ;;; ",
    ],
)
def test_other_servers_results_stay(value: bytes) -> None:
    """Results of another server are left alone."""
    assert not claims(value, NAME)


@pytest.mark.parametrize(
    "name", ["mx.xn--bcher-kva.example", "mx.b\N{LATIN SMALL LETTER U WITH DIAERESIS}cher.example"]
)
@pytest.mark.parametrize(
    "value", ["mx.xn--bcher-kva.example", "MX.B\N{LATIN CAPITAL LETTER U WITH DIAERESIS}CHER.example"]
)
def test_a_label_and_u_label_are_one_name(name: str, value: str) -> None:
    """A name is recognised in either form, whichever the site is configured with (RFC 5890)."""
    assert claims(f" {value}; none".encode(), name)
    assert not claims(b" mx.bucher.example; none", name)


@given(
    st.lists(st.sampled_from([b" ", b";", b"(", b")", b"i=1;", b'"', b"\\", b"\xc3\xbc", b"x", b".", b"=?"])).map(
        b"".join
    )
)
def test_what_stands_before_is_no_claim(value: bytes) -> None:
    """Whatever a value is made of, it claims no name that does not stand in it; and none raises."""
    assert not claims(value, NAME)


@pytest.mark.parametrize(
    "piece", [b" ", b"ab cd ", b";", b"(", b"i=1;", b". ", b"\xc3\xbc ", b"a\xcc\x81\xcc\xa3", b"\xef\xb7\xba", b'"\\']
)
def test_no_value_makes_it_slow(piece: bytes) -> None:
    """A megabyte of anything is read in the time it takes to go through it a few times."""
    started = time.process_time()
    claims(piece * (1_000_000 // len(piece)), NAME)
    assert time.process_time() - started < 2.0
