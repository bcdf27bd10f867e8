"""Relations: how the sender, the links and the words of a message agree."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatepost.checks.content.sender import read_sender, recipient_words
from gatepost.checks.content.tokens import extract
from gatepost.mail.message import from_bytes
from support.letters import letter


def _facts(data: bytes) -> set[str]:
    """Give the facts among a message's tokens."""
    return {token.decode() for token in extract(from_bytes(data)).tokens if token.startswith(b"=")}


def _from(sender: str) -> set[str]:
    """Give the facts of a message by its sender."""
    return _facts(letter("Hello", "words", sender=sender))


@pytest.mark.parametrize(
    ("sender", "fact"),
    [
        ("Example Shop <x@example.org>", "=name-own"),
        ("Ann Other <ann@example.org>", "=name-local"),
        ("Jane Doe <x@example.org>", "=name-other"),
        ("x@example.org", "=name-none"),
        ("PayPal <x@example.org>", "=name-brand-elsewhere"),
        ("P4ypal Team <x@example.org>", "=name-brand-elsewhere"),
        ("PayPal <service@paypal.com>", "=name-brand-own"),
        ("Microsoft Outlook <postmaster@outlook.com>", "=name-brand-own"),
        ("Microsoft Outlook <x@example.org>", "=name-brand-elsewhere"),
        ('"bank@bank.example" <x@example.org>', "=from-name-address"),
        ("Jane <jane@gmail.com>", "=from-freemail"),
        ("Jane <noreply@example.org>", "=from-role"),
        ("Jane <jane@mail.example.org>", "=from-below"),
        ("Jane <jane1234@example.org>", "=from-digits"),
        ("Jane <a.very.long.local.part@example.org>", "=from-long"),
        ("Jane <jane@example77.com>", "=domain-digits"),
        ("Jane <jane@bcdfghkl.com>", "=domain-unspeakable"),
        ("Jane <jane@great-offers.top>", "=domain-cheap"),
        ("Jane <jane@great-offers.top>", "=domain-hyphen"),
    ],
)
def test_the_sender_is_described_and_not_named(sender: str, fact: str):
    """Each trait of name and address is a fact; an ordinary shop's has no bad one."""
    assert fact in _from(sender)
    if fact != "=name-own":
        assert fact not in _from("Example Shop <jane@example.org>")


def test_a_list_behind_a_name_is_not_the_author():
    """`Jane via Dev List` is Jane."""
    message = from_bytes(b"From: Jane via Dev List <dev@lists.example.org>\r\n\r\n")
    assert read_sender(message).name == "jane"


def test_replies_that_go_elsewhere_are_told():
    """A Reply-To of another domain is a fact of its own, worse where it is a free mailbox."""
    mail = letter("Hello", "words")
    assert "=reply-freemail" in _facts(b"Reply-To: Ann <ann@gmail.com>\r\n" + mail)
    assert "=reply-elsewhere" in _facts(b"Reply-To: ann@example.net\r\n" + mail)
    assert not {"=reply-freemail", "=reply-elsewhere"} & _facts(b"Reply-To: ann@mail.example.org\r\n" + mail)


def test_links_are_seen_from_the_sender():
    """How many links lead home is a step from none to all."""
    home, away = "<a href='https://www.example.org/a'>a</a>", "<a href='https://other.example.net/b'>b</a>"
    assert "=links-home-all" in _facts(letter("x", "x", html=home))
    assert "=links-home-most" in _facts(letter("x", "x", html=home + home.replace("/a", "/c") + away))
    assert "=links-home-none" in _facts(letter("x", "x", html=away))


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("Click to unsubscribe", "=unsubscribe"),
        ("Newsletter abbestellen", "=unsubscribe"),
        ("点击退订", "=unsubscribe"),
        ("إلغاء الاشتراك", "=unsubscribe"),
        ("Privacy and terms", "=legal-2"),
        ("Shop Inc, 5 Main St, Springfield IL 62704", "=postal"),
        ("P.O. Box 5", "=postal"),
        ("10115 Berlin", "=postal"),
        ("London SW1A 1AA", "=postal"),
        ("Your Netflix plan ends", "=brand-elsewhere"),
    ],
)
def test_the_furniture_of_bulk_mail_is_seen(text: str, fact: str):
    """Ways out, legal lines, postal addresses and brands are facts; a note between friends has none."""
    assert fact in _facts(letter("Hello", text))
    assert fact not in _facts(letter("Hello", "See you at the garden on Sunday at 1030"))


def test_an_answer_to_nothing_is_told():
    """`Re:` without a message that it answers is a fact."""
    assert "=re-nothing" in _facts(letter("Re: our talk", "words"))
    assert "=re-answer" in _facts(b"In-Reply-To: <1@example.net>\r\n" + letter("Re: our talk", "words"))


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300), st.sampled_from([b"From", b"To", b"Reply-To"]))
def test_any_address_field_is_read(value: bytes, name: bytes):
    """Whatever stands in an address field, it is read without an exception, and hosts are hosts."""
    message = from_bytes(name + b": " + value.replace(b"\r", b"").replace(b"\n", b"") + b"\r\n\r\n")
    sender = read_sender(message)
    assert all(character.isalnum() or character in ".-" for character in sender.host + sender.reply)
    assert len(recipient_words(message)) < 1000


_POSTAL = re.compile(r"\b[A-Z]{2} \d{5}\b|\b\d{5} [A-Z][a-z]|\b[A-Z]{1,2}\d{1,2}[A-Z]? \d[A-Z]{2}\b|P\.?O\.? Box")
_PIECES = st.sampled_from(
    ["A", "B", "1", "12345", "a", " ", " ", "é", "P", "O", ".", " Box", "EC1A 1BB", "10115 Be", "CA 90210"]
)


@given(st.lists(_PIECES, max_size=9).map("".join))
def test_an_address_is_found_wherever_it_stands(text: str):
    """Looking for its shape first misses nothing that the whole expression would find, and finds nothing more."""
    # A word that is no address stands around it, so that the text has something to be read.
    facts = _facts(letter("Hello", f"words, {text}, words"))
    assert ("=postal" in facts) == bool(_POSTAL.search(f", {text},"))
