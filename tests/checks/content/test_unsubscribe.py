"""How to unsubscribe: List-Unsubscribe and List-Unsubscribe-Post."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.checks.content.unsubscribe import WayOut, way_out
from gatepost.mail import limits
from gatepost.mail.domain import normal_domain
from gatepost.mail.header import Header
from gatepost.mail.message import Message

POST = Header(b"List-Unsubscribe-Post", b" List-Unsubscribe=One-Click")


def way(value: bytes, *more: Header) -> WayOut:
    """Read one List-Unsubscribe field."""
    found = way_out(Message((Header(b"List-Unsubscribe", value), *more)))
    assert found is not None
    return found


def test_a_message_that_does_not_say() -> None:
    """Without the field there is nothing to read, whatever else a list says; One-Click alone is no way out."""
    assert way_out(Message((Header(b"List-Id", b" <news.sender.example>"), POST))) is None


@pytest.mark.parametrize(
    ("value", "https", "mailto"),
    [
        (b" <https://news.sender.example/out?id=7>", "news.sender.example", ""),
        (b" <mailto:out@sender.example?subject=out>", "", "sender.example"),
        (b" <mailto:out@a.example>, <https://b.example/>", "b.example", "a.example"),
        (b" <https://b.example/1>,\r\n <https://c.example/2>", "b.example", ""),
        (b" (the easy way) <https://b.example>", "b.example", ""),
        (b" (a \\) b) <https://b.example> (or so), <mailto:x@c.example>", "b.example", "c.example"),
        (b" <https://b.example/o\r\n ut?a=(1)>", "b.example", ""),
        (b" <HTTPS://B.Example:8443/out>", "b.example", ""),
        (b" <http://b.example/out>, <mailto:out@b.example>", "", "b.example"),
        (b" <mailto:out%2B7@b.example>", "", "b.example"),
        (b" <ftp://b.example/>, <https://c.example/>", "c.example", ""),
    ],
)
def test_ways_out(value: bytes, https: str, mailto: str) -> None:
    """The hosts of the first web address and of the first mailbox are given; comments and folding do not matter."""
    assert way(value) == WayOut(https, mailto)


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b" https://b.example/out",
        b" see <https://b.example/out>",
        b" <http://b.example/out>",
        b" <https://192.0.2.1/out>",
        b" <https://[2001:db8::1]/out>",
        b" <https://localhost/out>",
        b" <https://sender.example@evil.example/>",
        b" <https://evil.example\\@sender.example/>",
        b" <https:///out>",
        b" <https://b.example/\xe9>",
        b" <mailto:>",
        b" <mailto:a@b.example,c@d.example>",
        b" <mailto:a%40b@c>",
        b" <mailto:a@b.example%0d%0aBcc:c@d.example>",
        b" <javascript:alert(1)>",
        b" <https://b.example/out",
        b" (<https://b.example/out>)",
        b" <" + b"https://b.example/" + b"a" * limits.LIST_FIELD_BYTES + b">",
    ],
)
def test_no_way_out(value: bytes) -> None:
    """What no mail program could follow, or would follow to somewhere else than it seems, is a fault and no way out."""
    found = way(value, POST)
    assert (found.https, found.mailto, found.one_click) == ("", "", False)
    assert found.fault


def test_two_fields_are_none() -> None:
    """Of two fields a reader cannot know which one counts."""
    field = Header(b"List-Unsubscribe", b" <https://b.example/>")
    assert way(b" <https://b.example/>", field).fault == "it has 2 List-Unsubscribe fields"


@pytest.mark.parametrize(
    ("value", "fields", "answer"),
    [
        (b" <https://b.example/>", [POST], True),
        (b" <https://b.example/>", [Header(b"list-unsubscribe-post", b"\tlist-unsubscribe=one-click ")], True),
        (b" <https://b.example/>", [], False),
        (b" <https://b.example/>", [POST, POST], False),
        (b" <https://b.example/>", [Header(b"List-Unsubscribe-Post", b" yes")], False),
        (b" <mailto:out@b.example>", [POST], False),
    ],
)
def test_one_click(value: bytes, fields: list[Header], answer: bool) -> None:
    """One click takes both fields, each once, and a web address (RFC 8058 3.1)."""
    assert way(value, *fields).one_click is answer


@given(
    st.lists(
        st.sampled_from(
            [
                b"<",
                b">",
                b"(",
                b")",
                b"\\",
                b",",
                b" ",
                b"\r\n ",
                b"https://",
                b"mailto:",
                b"a@b.c",
                b"b.c/",
                b"%",
                b"\xff",
                b"\0",
            ]
        ),
        max_size=60,
    )
)
def test_hostile_fields(pieces: list[bytes]) -> None:
    """Whatever the field holds, reading it ends, raises nothing, and gives domain names or a fault."""
    found = way(b"".join(pieces), POST)
    assert bool(found.https or found.mailto) != bool(found.fault)
    for host in filter(None, (found.https, found.mailto)):
        assert normal_domain(host) == host
        assert "." in host


@pytest.mark.parametrize("piece", [b"(", b"<", b"<a", b"(\\", b" ,", b"()", b"<>"])
def test_fields_made_to_be_slow(piece: bytes) -> None:
    """Repetition within the limit is read in one pass."""
    value = piece * (limits.LIST_FIELD_BYTES // len(piece))
    assert all(way(value).fault for _ in range(50))
