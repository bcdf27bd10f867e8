"""What is kept of a labelled message: whole, the same for copies, and nothing else is taken for one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatepost.checks.content.lesson import LABELS, Lesson, decode, encode, make, words_of
from gatepost.checks.content.tokens import Features, extract
from gatepost.mail import limits
from gatepost.mail.message import from_bytes
from gatepost.world.state.door import Entry
from gatepost.world.state.journal import checked
from support.letters import letter

HASHES = st.sets(st.integers(0, 2**32 - 1), min_size=1, max_size=60)


def lesson(hashes: set[int], label: str = "spam", time: int = 1_700_000_000) -> Lesson:
    """Make a lesson of hashes."""
    return Lesson(label, time, np.array(sorted(hashes), np.uint32))


@given(hashes=HASHES, label=st.sampled_from(LABELS), time=st.integers(-5, 2**33))
@settings(max_examples=150)
def test_a_lesson_survives_its_bytes(hashes: set[int], label: str, time: int) -> None:
    """Label, tokens and time come back, under the id that it was written under and no other."""
    one = lesson(hashes, label, time)
    back = decode(one.id, encode(one))
    assert back is not None
    assert (back.label, back.time) == (label, min(max(time, 0), 2**32 - 1))
    assert (back.tokens == one.tokens).all()
    assert decode("0" * 20, encode(one)) is None


@given(data=st.binary(max_size=80), name=st.text(max_size=20))
@settings(max_examples=200)
def test_arbitrary_bytes_are_no_lesson(data: bytes, name: str) -> None:
    """Whatever somebody wrote into the store, reading it gives None and never raises."""
    assert decode(name, data) is None


@given(hashes=HASHES, at=st.integers(0, 300), change=st.integers(1, 255))
@settings(max_examples=150)
def test_a_damaged_lesson_is_no_lesson(hashes: set[int], at: int, change: int) -> None:
    """A changed version, label or token, a missing or a further byte is noticed (the time alone may differ)."""
    one = lesson(hashes, "ham")
    data = bytearray(encode(one))
    at %= len(data)
    if at in {2, 3, 4, 5, 6}:
        data[2] = 3
    else:
        data[at] ^= change
    assert decode(one.id, bytes(data)) is None
    assert decode(one.id, encode(one)[:-1]) is None
    assert decode(one.id, encode(one) + b"\0") is None


def test_copies_of_a_message_are_one_lesson() -> None:
    """Another recipient, date and message id change nothing; another word does."""
    one = letter("Offer", "Buy cheap pills online today")
    copy = one.replace(b"Pat Example <pat@mailbox.example>", b"Kim <kim@elsewhere.example>").replace(b"<1@", b"<2@")
    other = letter("Offer", "Buy cheap watches online today")
    ids = [make(extract(from_bytes(each)), "spam", 1.0).id for each in (one, copy, other)]
    assert ids[0] == ids[1] != ids[2]


def test_structure_is_no_lesson() -> None:
    """Facts about looks are not learned, and a message of nothing else has nothing to teach."""
    features = Features((b"=links-1", b"offer", b"=text-0", b"s:pills"), readable=True, unread=frozenset())
    tokens, places = words_of(features)
    assert sorted(features.tokens[place] for place in places) == [b"offer", b"s:pills"]
    assert (tokens == features.hashes()[places]).all()
    assert make(Features((b"=links-0",), readable=True, unread=frozenset()), "ham", 1.0) is None
    assert make(extract(from_bytes(b"")), "ham", 1.0) is None


def test_of_a_long_message_the_same_tokens_are_kept() -> None:
    """The bound holds, fits a record of the journal, and two long messages that share their words keep the same ones."""
    words = [f"word{number}".encode() for number in range(limits.TOKENS)]
    long, longer = (Features(tuple(each), readable=True, unread=frozenset()) for each in (words[:-100], words))
    one, other = make(long, "spam", 1.0), make(longer, "spam", 1.0)
    assert one.tokens.size == other.tokens.size == limits.LESSON_TOKENS
    assert np.intersect1d(one.tokens, other.tokens).size > limits.LESSON_TOKENS * 0.98
    assert decode(one.id, encode(one)) is not None
    checked([Entry(one.id, encode(one))])


@pytest.mark.parametrize(
    "header", ["X-Spam-Flag: YES", "X-Spam-Status: Yes, score=99", "X-Gatepost-Verdict: class=spam"]
)
def test_verdicts_in_headers_are_not_learned(header: str) -> None:
    """What a filter said about a message is no part of the lesson."""
    plain = letter("Offer", "Buy cheap pills online today")
    marked = header.encode() + b"\n" + plain
    assert make(extract(from_bytes(marked)), "spam", 1.0).id == make(extract(from_bytes(plain)), "spam", 1.0).id
