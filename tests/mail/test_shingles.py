"""Digests of text: the same for ever, and of words alone."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.mail.shingles import bands

_TEXT = (
    "The quick brown fox jumps over the lazy dog while twelve more words follow here, each different from all others."
)
_PIECES = st.sampled_from(["ab", "Cde", "x", "y" * 39, "z" * 41, "w" * 83, " ", "\n", "1", "_", "-", "'"])


@pytest.mark.parametrize(
    ("text", "digests"),
    [
        (_TEXT, ("ae8d78d27d129022", "f2ba4d8b8a682320", "6c5ffa4ce09944c9", "dbe2916e7b2b1b82")),
        (
            "Die Größe der Straße überrascht uns: zwölf weitere Wörter folgen hier, jedes anders als alle übrigen davor.",
            ("af43a44ac7dffa7d", "7cf5a88d9c1e61ae", "eadd7b551726b575", "9f25d6e97855c397"),
        ),
    ],
)
def test_digests_are_the_same_for_ever(text: str, digests: tuple[str, ...]):
    """What hosts and months compare does not change with a release."""
    assert bands(text) == digests


@given(st.lists(_PIECES, max_size=60).map("".join))
def test_words_are_runs_of_letters(text: str):
    """Of two to 40, longer runs cut; case and all between words say nothing. The letter beyond ASCII takes the other way there."""
    words = " ".join(re.findall(r"[^\W\d_]{2,40}", text.lower()))
    assert bands(f"{_TEXT} {text}") == bands(f"{_TEXT} {words}".upper())
    assert bands(f"ärger {_TEXT} {text}") == bands(f"Ärger {_TEXT} {words}")


def test_links_and_short_texts_say_nothing():
    """A link differs from copy to copy; fewer than twelve different words tell no text from another."""
    assert bands(f"{_TEXT} HTTP://x.example/abc/def www.y.example/ghi") == bands(_TEXT)
    assert bands("one two three four five six seven eight nine ten eleven " * 9) == ()
    assert bands("") == ()
