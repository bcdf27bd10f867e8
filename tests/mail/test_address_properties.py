"""What holds for every From field and every path, however hostile."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from gatepost.mail.address import author, parse_path
from gatepost.mail.domain import normal_domain
from gatepost.mail.header import Header

PIECES = st.sampled_from(
    [
        b"a@legit.example",
        b"<",
        b">",
        b"b@attack.example",
        b'"',
        b"(",
        b")",
        b",",
        b";",
        b":",
        b"@",
        b".",
        b" ",
        b"\r\n ",
        b"\\",
        b"=?utf-8?q?=3Ca=40legit.example=3E?=",
        b"\x00",
        b"\xff",
        "é".encode(),
        "。".encode(),
        b"Ann",
        b"\n",
        b"[192.0.2.1]",
    ]
)
VALUES = st.one_of(st.lists(PIECES, max_size=12).map(b"".join), st.binary(max_size=80))


@given(VALUES)
@settings(max_examples=300)
def test_an_author_is_plain_or_refused(value: bytes) -> None:
    """author() never raises, always says the same, and gives either one clean mailbox or a problem."""
    headers = (Header(b"From", value),)
    found = author(headers)
    assert found == author(headers)
    assert (found.mailbox is None) == (found.problem is not None)
    if found.mailbox is not None:
        domain = found.mailbox.domain
        assert domain
        assert normal_domain(domain, overlong=True) == domain
        assert found.mailbox.local.isprintable()


@given(st.lists(PIECES, max_size=8).map(b"".join))
@settings(max_examples=300)
def test_one_domain_is_the_only_one_in_the_field(value: bytes) -> None:
    """When an author is found, the other party's address stands in the field only inside quotes or comments."""
    found = author((Header(b"From", value),))
    others = {"legit.example": b"b@attack.example", "attack.example": b"a@legit.example"}
    if found.mailbox is not None and found.mailbox.domain in others and b'"' not in value and b"(" not in value:
        other = others[found.mailbox.domain]
        assert other not in value.replace(other + "é".encode(), b"")  # a letter more is a third party's address


@given(st.one_of(st.binary(max_size=120), st.lists(PIECES, max_size=8).map(b"".join)))
@settings(max_examples=200)
def test_a_path_never_raises(raw: bytes) -> None:
    """parse_path() takes any bytes; a domain it gives is clean."""
    path = parse_path(raw)
    assert path == parse_path(raw)
    if path is not None and path.domain:
        assert normal_domain(path.domain) == path.domain
        assert path.local.isprintable()


@given(st.text(max_size=300))
@settings(max_examples=200)
def test_a_normal_domain_is_a_fixed_point(text: str) -> None:
    """Normalising twice changes nothing, and nothing raises."""
    domain = normal_domain(text)
    assert normal_domain(domain) == domain
    assert domain.isascii()
