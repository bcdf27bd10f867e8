"""Header fields as a site learns them: what the author's side wrote, bounded, and nothing that delivery or a filter added."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatepost.checks.content.fields import field_tokens
from gatepost.checks.content.lesson import decode, encode, fields_of, make
from gatepost.checks.content.speak import speak
from gatepost.checks.content.tokens import extract
from gatepost.mail import limits
from gatepost.mail.header import Header
from gatepost.mail.message import Message, from_bytes
from support.letters import letter

MAIL = (
    b"From: Ann Other <ann@choir.example>\r\n"
    b"To: pat@mailbox.example\r\n"
    b"Subject: Rehearsal\r\n"
    b"Date: Mon, 02 Nov 2026 09:00:00 +0100\r\n"
    b"Message-ID: <20261102.4AF3@mail.choir.example>\r\n"
    b"X-Mailer: The Bat! 9.1\r\n"
    b"In-Reply-To: <77@mailbox.example>\r\n"
    b"\r\n"
    b"See you on Tuesday.\r\n"
)


def tokens(data: bytes) -> set[str]:
    """Give the field tokens of a message as text."""
    return {token.decode() for token in field_tokens(from_bytes(data))}


def test_what_is_told_of_fields() -> None:
    """Which fields there are and in which order, the words of some, the shapes of what a program makes anew."""
    assert tokens(MAIL) == {
        *("h:from", "h:from=ann", "h:from=other", "h:from=ann@choir.example"),
        *("h:from>date", "h:date", "h:date=a, 0 a 0 0:0:0 +0", "h:date=+0100"),
        *("h:date>message-id", "h:message-id", "h:message-id=0.0a0", "h:message-id=mail.choir.example"),
        *("h:message-id>x-mailer", "h:x-mailer", "h:x-mailer=the", "h:x-mailer=bat!", "h:x-mailer=9.1"),
        *("h:x-mailer>in-reply-to", "h:in-reply-to"),
    }


@pytest.mark.parametrize(
    "added",
    [
        b"Return-Path: <bounce@elsewhere.example>",
        b"Delivered-To: pat@mailbox.example",
        b"Received: from a.example by b.example; Mon, 02 Nov 2026 09:00:01 +0000",
        b"Authentication-Results: mx.example; dkim=pass header.d=choir.example",
        b"X-Spam-Flag: YES",
        b"X-Spam-Status: Yes, score=99",
        b"X-Gatepost-Verdict: class=spam",
        b"X-Bogosity: Spam, tests=bogofilter",
        b"Status: RO",
        b"X-Keywords: $Junk",
        b"Cc: kim@mailbox.example",
    ],
)
def test_what_delivery_adds_is_not_learned(added: bytes) -> None:
    """A message in somebody's junk folder teaches what it would have told when it came."""
    assert tokens(added + b"\r\n" + MAIL) == tokens(MAIL)


@given(
    names=st.lists(
        st.sampled_from([b"From", b"X-Mailer", b"List-Id", b"Message-ID", b"Date", b"Subject", b"X-Other"]), max_size=80
    ),
    value=st.binary(max_size=400),
)
@settings(max_examples=150, deadline=None)
def test_hostile_fields_are_bounded(names: list[bytes], value: bytes) -> None:
    """Whatever stands in however many fields: so many tokens, of so many bytes, each once, and never an exception."""
    found = field_tokens(Message(tuple(Header(name, value) for name in names)))
    assert len(found) == len(set(found)) <= limits.LEARNED_FIELDS * (limits.LEARNED_FIELD_WORDS + 2)
    assert all(token.startswith(b"h:") and len(token) < 80 for token in found)
    for token in found:
        assert speak(f"site:{token.decode('utf-8', 'replace')}").isprintable()


def test_a_lesson_keeps_fields_and_so_many_of_them() -> None:
    """They come back from its bytes; the id is that of the words, so that copies with another program are one lesson."""
    seen = extract(from_bytes(letter("Offer", "Buy cheap pills online today")))
    many = tuple(f"h:x-mailer={number}".encode() for number in range(limits.LESSON_FIELDS + 50))
    plain, full = make(seen, "spam", 1.0), make(seen, "spam", 1.0, many)
    assert plain is not None
    assert full is not None
    assert full.id == plain.id
    back = decode(full.id, encode(full))
    assert back is not None
    assert back.fields.tolist() == full.fields.tolist() == fields_of(many)[0].tolist()
    assert full.fields.size == limits.LESSON_FIELDS


@pytest.mark.parametrize(
    ("token", "told"),
    [
        ("site:h:x-mailer=outlook", '"outlook" in the field x-mailer by local labels'),
        ("site:h:from>subject", "the field subject right after from by local labels"),
        ("site:h:list-id", "a field list-id by local labels"),
    ],
)
def test_field_tokens_are_told_in_words(token: str, told: str) -> None:
    """An explanation says what of a header field spoke, and that local labels made it."""
    assert speak(token) == told
