"""A long text is also judged by its stretches, exactly, and by a fixed margin harder than as a whole."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatepost.checks.content import stretches
from gatepost.checks.content.family import find_model
from gatepost.checks.content.model import load_model
from gatepost.checks.content.stretches import LONG, STEP, Places
from gatepost.checks.content.tokens import Features, extract
from gatepost.mail import limits
from gatepost.mail.message import from_bytes
from gatepost.training.invented import read_files
from support.letters import letter

_MODEL = load_model(find_model("base"))
_PITCH = (
    "Cheap viagra and cialis online without prescription! Lowest prices, free shipping worldwide, click here to order your "
    "pills now. Our online pharmacy offers generic meds at up to 80% off: xanax, valium, tramadol, phentermine, all without "
    "a doctor. Lose weight fast with our amazing diet pills, enlarge your penis in weeks, guaranteed results or your money "
    "back. Join our casino and get a $500 bonus free on your first deposit. Refinance your mortgage today, bad credit ok, "
    "lowest rates approved. Buy replica rolex watches, cheap software downloads, work from home and make money fast. "
)
_MODELS = Path(__file__).resolve().parents[3] / "models"
_WANTED = [
    record.text
    for _, _, record in read_files(_MODELS / "invented")
    if record.label == "ham" and record.language == "en" and record.kind in ("business", "personal")
]
_NOVEL = "\n".join(_WANTED[:60])


def _features(text: str) -> Features:
    return extract(from_bytes(letter("note", text)))


_TOKENS = 7
_PLACES = st.lists(st.tuples(*[st.integers(-1, _TOKENS - 1)] * 2), min_size=LONG + 1, max_size=9 * STEP).map(
    lambda pairs: np.array(pairs, np.int32).T
)


@settings(max_examples=60, deadline=None)
@given(places=_PLACES, weights=st.lists(st.integers(-9, 9), min_size=_TOKENS, max_size=_TOKENS))
def test_sums_are_those_of_the_tokens_that_stand_there(places: Places, weights: list[int]):
    """Each stretch counts each of its tokens once, and those without a place always."""
    sums = stretches.add_up(places, np.array([weights], np.float64))[0]
    steps = math.ceil(places.shape[1] / STEP)
    assert sums.size == steps - 1
    nowhere = set(range(_TOKENS)) - set(places.ravel().tolist())
    for number in range(sums.size):
        here = places[:, number * STEP : (number + 2) * STEP]
        there = (set(here.ravel().tolist()) - {-1}) | nowhere
        assert sums[number] == sum(weights[token] for token in there)
        inside, stretch = stretches.members(places, _TOKENS, number)
        assert set(np.flatnonzero(inside).tolist()) == there
        assert (stretch.first, stretch.words) == (number * STEP + 1, places.shape[1])
        assert stretch.last == min((number + 2) * STEP, places.shape[1])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(["pills", "cheap", "42", "of", "mill", "note", "99,50"]), max_size=3 * LONG))
def test_places_name_the_words_in_reading_order(words: list[str]):
    """Every place holds the word that stands there, and the pair that begins there; numbers have none."""
    features = _features(" ".join(words))
    if len(words) <= LONG:
        assert not features.places.size
        return
    for number, word in enumerate(words):
        single, pair = features.places[:, number]
        if word[0].isdigit():
            assert single == -1
        else:
            assert features.tokens[single] == word.encode()
            if number + 1 < len(words) and not words[number + 1][0].isdigit():
                assert features.tokens[pair] == f"{word} {words[number + 1]}".encode()
    assert features.places[1, -1] == -1


def test_no_place_names_a_token_that_was_cut():
    """A text beyond the limit on tokens has places for those that are scored, and none beyond."""
    letters = "abcdefghijklmnop"
    features = _features(
        " ".join("".join(letters[number >> at & 15] for at in (0, 4, 8, 12)) for number in range(9_999))
    )
    assert len(features.tokens) == limits.TOKENS
    assert features.places.max() == limits.TOKENS - 1
    assert features.places.min() == -1


def test_the_margin_grows_with_the_number_of_stretches():
    """One of many must be worse than one of few."""
    assert stretches.margin(1) == stretches.MARGIN
    assert stretches.margin(8) < stretches.margin(80)
    most, score = stretches.worst([1.0, 5.0, 2.0], [9, 9, 9], power=0.0)
    assert (most, score) == (1, pytest.approx(5.0 - stretches.margin(3)))


@pytest.mark.parametrize("before", [0, 30, 60], ids=["behind", "around", "in front"])
def test_wanted_words_elsewhere_do_not_excuse_a_pitch(before: int):
    """A pitch among thousands of words of wanted mail is judged by itself, and the explanation adds up to that."""
    text = "\n".join([*_WANTED[:before], _PITCH, *_WANTED[before:60]])
    opinion = _MODEL.judge(_features(text), -1)
    assert _MODEL.judge(_features(_NOVEL), 0).probability < 0.1
    assert opinion.probability > 0.5
    assert opinion.stretch is not None
    assert {part.token.encode() for part in opinion.parts if part.points > 0} & set(_features(_PITCH).tokens)
    assert opinion.base + sum(part.points for part in opinion.parts) == pytest.approx(opinion.logit, abs=1e-9)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from([_PITCH, *_WANTED]), min_size=1, max_size=30))
def test_a_stretch_never_makes_mail_look_better(pieces: list[str]):
    """The score is that of the whole or a higher one."""
    features = _features("".join(pieces))
    whole = _MODEL.judge(Features(features.tokens, readable=True, unread=frozenset()), 0)
    assert _MODEL.judge(features, 0).logit >= whole.logit
