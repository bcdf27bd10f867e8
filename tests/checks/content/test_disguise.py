"""Words written with other letters are read as what they stand for, and honest words are left alone."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.checks.content._loops import skeleton
from gatepost.checks.content.disguise import SHORTEST
from gatepost.checks.content.tokens import extract
from gatepost.checks.content.words import read_words
from gatepost.mail.message import from_bytes
from support.letters import letter


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("mlcrosoft", "microsoft"),
        ("0rder", "order"),
        ("1imited", "limited"),
        ("soiid", "solid"),
        ("pr1ces", "prices"),
        ("paypai", "paypal"),
        ("viiagraa", "viagra"),
        ("c1al1s", "cialis"),
        ("xxanax", "xanax"),
    ],
)
def test_a_disguise_is_undone(written: str, meant: str) -> None:
    """Look-alike letters, digits and signs, and doubled letters in what spammers sell."""
    found = read_words(f"about {written} {meant} today")
    assert found.read == ["about", meant, meant, "today"]
    assert found.disguised == {written.encode()}


@pytest.mark.parametrize(
    "text",
    [
        "please recieve the accomodation untill tommorow, definately seperate",  # as people mistype
        "the alien flies to piano lessons; chili and angie complied daily",  # words that look like others
        "selten erhielt Lisa in Lille ein Billett; familles et filles, piel y hiel",
        "build5 file42 abc123 x86 mp3 utf8 0x10ffff 31337 sha1 log4j",
        "price 1,500 usd at 10:15, code 77l0 in hall i5",
    ],
)
def test_honest_words_are_left_alone(text: str) -> None:
    """Typing errors, other languages, names of machines, numbers: none of them is a disguise."""
    assert read_words(text.lower()).disguised == frozenset()


@given(words=st.lists(st.text(string.ascii_lowercase + string.digits + "@$!'", min_size=1, max_size=30), max_size=40))
def test_only_look_alikes_are_taken_for_a_word(words: list[str]) -> None:
    """Whatever the words, what they are taken for looks like them but for doubled letters, and is none of them itself."""
    for written in words:
        found = read_words(f"{written} ")
        for taken in map(bytes.decode, found.disguised):
            (meant,) = read_words(f" {taken} ").read
            assert taken != meant
            assert len(meant) >= SHORTEST
            assert dict.fromkeys(skeleton(taken)).keys() == dict.fromkeys(skeleton(meant)).keys()


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("Order your software today", set()),
        ("Order your s0ftware today", {"=disguised"}),
        ("0rder your s0ftware today", {"=disguised", "=disguised-some"}),
        ("0rder y0ur s0ftware t0day, mlcrosoft", {"=disguised", "=disguised-some", "=disguised-many"}),
    ],
)
def test_disguises_are_counted(text: str, facts: set[str]) -> None:
    """How many words were disguised is a fact of the message, and one of bare text too."""
    for data in (letter("Offer", text), f"Subject: Offer\n\n{text}\n".encode()):
        found = {token.decode() for token in extract(from_bytes(data)).tokens}
        assert {token for token in found if token.startswith("=disguised")} == facts
