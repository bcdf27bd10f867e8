"""Words: what a text is cut into, in every script, whatever it is disguised as."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatepost.checks.content.lookalikes import plain_letters
from gatepost.checks.content.words import LONGEST, cut, joined, without_addresses


def _cut(text: str) -> list[str]:
    """Cut a text as the features do."""
    return cut(without_addresses(joined(plain_letters(text)[0]).lower()))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("It's 'quoted', don't", ["it's", "quoted", "don't"]),
        ("c@sh v1agra pr!ze casin0 v14gr4", ["cash", "viagra", "prize", "casino", "viagra"]),
        ("now!click @home wow!! $50", ["now", "click", "home", "wow", "#2"]),
        ("11th 24hrs mp3 invoice2024", ["11th", "24hrs", "mp3", "invoice"]),
        ("V I A G R A, v.i.a.g.r.a", ["viagra", "viagra"]),
        ("at 12:30 costs 1000", ["at", "#2", "#2", "costs", "#4"]),
        ("Straße œuvre l’été", ["strasse", "oeuvre", "l'ete"]),
        ("Привет подъём 😀 5шт", ["привет", "подъем", "5шт"]),
        ("п'ятниця об'єкт", ["ятниця", "об'єкт"]),
        ("카드 명세서", ["카드", "명세"]),
        ("代开发票", ["代开", "开发", "发票"]),
        ("カード決済のご注文確認", ["カード", "決済", "注文", "文確", "確認"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("สวัสดี", ["สวัส", "วัสด", "ัสดี"]),
        ("مَرْحَبًا إلغاء", ["مرحبا", "الغاء"]),
        ("שָׁלוֹם לך", ["שלום", "לך"]),
    ],
)
def test_words_of_every_script(text: str, words: list[str]):
    """Each script is cut the way it is written, and disguises are undone."""
    assert _cut(text) == words


def test_addresses_are_no_words():
    """Web and mail addresses go; a sign between letters that makes no address stays a letter."""
    assert _cut("see https://x.example/pills?a=b or www.casino.example, write bob@mail.example c@sh") == [
        "see",
        "or",
        "write",
        "cash",
    ]


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=300))
def test_any_text_gives_words_within_bounds(text: str):
    """Whatever the text, words are not empty, hold no white space and are no longer than the limit."""
    for word in _cut(text):
        assert 1 < len(word) <= LONGEST
        assert word.split() == [word]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from("offer pills it's v1agra 2024 c@sh now!click don't a1b2".split()), max_size=12))
def test_the_two_ways_of_cutting_agree(words: list[str]):
    """A text with one emoji, which is cut by an expression, gives the words that the table gives for the text alone."""
    text = " ".join(words)
    assert cut(f"{text} 😀") == cut(text)
