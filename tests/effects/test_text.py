"""The one sanitiser."""

from __future__ import annotations

import re

import authres
from hypothesis import example, given
from hypothesis import strategies as st

from gatepost.effects import text


@given(st.text(max_size=300))
def test_a_line_is_one_line_of_ascii(given_: str) -> None:
    """No input puts a line end, a control character or a byte over 127 into a header."""
    assert re.fullmatch(r"[\x20-\x7e]*", text.line(given_))


@given(st.text(max_size=300))
def test_a_comment_cannot_be_left(given_: str) -> None:
    """No input closes a comment or a quoted string, or begins another result."""
    assert not set(text.comment(given_)) & set('()\\";@\r\n')


@given(st.text(max_size=300))
def test_a_value_is_one_word(given_: str) -> None:
    """A property value holds no white space and no special."""
    assert re.fullmatch(r"[^\s()<>\\\",;\[\]]+", text.value(given_))


@given(st.text(max_size=300))
def test_a_mailbox_is_an_address_or_a_domain_or_a_word(given_: str) -> None:
    """Whatever stands for an address is one word with at most one @ that a reader would split at."""
    assert re.fullmatch(r"[^\s()<>\\\",;\[\]]+", text.mailbox(given_))


@given(st.text('ab.@-_=é "', max_size=30))
@example("@victim..example")
@example(".a@victim.example")
def test_a_mailbox_can_be_read_by_others(given_: str) -> None:
    """What stands for an address does not stop a reader of Authentication-Results at a stray dot."""
    line = f"Authentication-Results: mx.example.org; spf=none smtp.mailfrom={text.mailbox(given_)}; dkim=none"
    read = authres.AuthenticationResultsHeader.parse(line)
    assert [result.method for result in read.results] == ["spf", "dkim"]


def test_an_odd_local_part_is_left_out() -> None:
    """A quoted local part gives way to the bare domain (RFC 8601 2.7.2)."""
    assert text.mailbox('"a b"@example.org') == "example.org"
    assert text.mailbox("o'hara+x@example.org") == "o'hara+x@example.org"
    assert text.mailbox("any@legitimate.example(a.attack.example") == "any_legitimate.example_a.attack.example"


@given(st.lists(st.text("abc.=", min_size=1, max_size=40), min_size=1, max_size=60))
def test_folding_loses_nothing(words: list[str]) -> None:
    """A folded value reads the same unfolded, and a line is long only where a word is."""
    value = " ".join(words)
    folded = text.fold(value, 20)
    assert folded.replace("\n ", " ") == value
    assert all(len(line) <= 77 or " " not in line.strip() for line in folded.split("\n"))
