"""Look-alike letters: read as the plain ones they pass for, and left alone where they are themselves."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatepost.checks.content.lookalikes import plain_letters


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("viаgrа", "viagra"),  # Cyrillic a
        ("vîágrã", "viagra"),
        ("ｃａｓｉｎｏ", "casino"),
        ("𝓬𝓪𝓼𝓲𝓷𝓸 🅒🅐🅢🅗", "casino cash"),
        ("ᴠɪᴀɢʀᴀ", "viagra"),
        ("РАYРАL", "PAYPAL"),
        ("“don’t” – ok…", '"don\'t" - ok...'),
        ("Straße", "Strasse"),
    ],
)
def test_disguised_words_are_read(text: str, plain: str):
    """Letters that look like Latin ones are Latin ones where the word or its script says so."""
    assert plain_letters(text)[0].lower() == plain.lower()


@pytest.mark.parametrize("text", ["Привет, это счет", "Γειά σας φίλοι", "你好", "한국어 메일"])
def test_living_scripts_stay(text: str):
    """Text of a living script keeps its letters; only accents go."""
    plain = plain_letters(text)[0]
    letters = [character for character in plain if character.isalpha()]
    assert letters
    assert not any(character.isascii() for character in letters)


def test_characters_without_width_are_dropped_and_counted():
    """Zero-width and soft characters vanish from the text, and the caller learns how many there were."""
    assert plain_letters("pi\u200blls\u00ad \ufeffnow") == ("pills now", 3)


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=200))
def test_any_text_stays_bounded_and_settles(text: str):
    """Nothing raises, a text grows eighteenfold at most, and what comes out is in the normal form."""
    plain, dropped = plain_letters(text)
    assert len(plain) <= 18 * len(text)
    assert 0 <= dropped <= len(text)
    assert unicodedata.is_normalized("NFC", plain)
