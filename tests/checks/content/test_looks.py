"""Looks: numbers of a message in steps, the same for the same look."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatepost.checks.content.looks import look_tokens
from gatepost.checks.content.text import Reading
from gatepost.mail.message import from_bytes

_MESSAGE = from_bytes(b"From: a@example.org\r\n\r\nx")


def _looks(text: str, subject: str = "", spaced_out: int = 0) -> set[str]:
    """Give the tokens of a text and a subject."""
    return set(look_tokens(_MESSAGE, Reading(text=text, source=len(text)), subject, spaced_out=spaced_out))


def _step(tokens: set[str], name: str) -> int:
    """Give the step of one number."""
    return next(int(match[1]) for token in tokens if (match := re.fullmatch(rf"={name}-(\d)", token)))


@pytest.mark.parametrize(
    ("name", "little", "much"),
    [
        ("capitals", "quiet words here", "LOUD WORDS HERE"),
        ("digits", "no number", "12345 67890"),
        ("exclaims", "well.", "well!!!"),
        ("asks", "well.", "well???"),
        ("money", "free", "$5 €6 £7"),
        ("foreign", "plain", "Привет мир"),
        ("emoji", "plain", "go 🎁🎉🔥"),
        ("words", "one two", "word " * 1000),
        ("word-length", "a bc d", "extraordinarily longish"),
        ("lines", "one line", "a\nb\nc\nd\n"),
        ("distinct", "same same same same", "all words differ here"),
    ],
)
def test_more_of_a_thing_is_a_higher_step(name: str, little: str, much: str):
    """Each number rises with what it counts."""
    assert _step(_looks(little), name) < _step(_looks(much), name)


def test_each_number_has_one_step():
    """A message is in one step of each number, never in two."""
    names = [token.rpartition("-")[0] for token in _looks("Some text, 5 words!", "Subject") if token[-1].isdigit()]
    assert len(names) == len(set(names))


def test_letters_written_one_by_one_are_told():
    """A word of five letters that had to be joined is a fact; three separators are not."""
    assert "=spaced-out" in _looks("viagra", spaced_out=4)
    assert "=spaced-out" not in _looks("viagra", spaced_out=3)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=300), st.text(max_size=80))
def test_any_text_has_looks(text: str, subject: str):
    """Nothing raises, and the number of tokens is bounded whatever the text."""
    assert 20 < len(_looks(text, subject)) < 40
