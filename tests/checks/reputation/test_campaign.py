"""Campaigns: the same text from many unknown senders, and what people called it."""

from __future__ import annotations

import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatepost.effects.teach import Label, take_back, teach
from gatepost.mail.message import from_bytes
from gatepost.mail.shingles import AGREEING, bands
from gatepost.world.clock import FakeClock
from gatepost.world.seen.campaigns import agreed, label_keys
from gatepost.world.state.door import Mark
from support.remembered import Away, Site, dmarc, letter, mail

WORDS = [f"{a}{b}{c}" for a in "bdfgklmnprst" for b in "aeiou" for c in "nrst"]
LINES = random.Random(7)
TEXT = " ".join(LINES.choice(WORDS) for _ in range(120))
OTHER = " ".join(LINES.choice(WORDS) for _ in range(120))
HALF_LIFE = 30 * 86_400.0


def variant(number: int) -> str:
    """Give the text as a campaign sends it: another greeting, number and link for everybody."""
    return f"Dear {WORDS[number]},\n{TEXT}\nYour code is {number * 7919}. http://x{number}.example/{number}"


def told(site: Site, *arguments) -> list[str]:
    """Give what is said of campaigns."""
    return [item.code for item in site.judge(*arguments) if item.check == "campaign"]


def test_one_text_from_many_strangers_is_a_burst() -> None:
    """Up to five senders nothing is said; the sixth is told of, and the value grows to four times as many."""
    site = Site()
    said = []
    for number in range(25):
        envelope, message = mail(f"198.51.{number}.1", sender=f"a@d{number}.example"), letter(variant(number))
        said.append([item.value for item in site.judge(envelope, message) if item.code == "campaign.burst"])
        site.live(envelope, message)
    assert said[:5] == [[]] * 5
    assert said[5] == [0.25]
    assert said[-1] == [1.0]
    assert told(site, mail("203.0.113.1"), letter(OTHER)) == []
    site.clock.advance(86_401)
    assert told(site, mail("203.0.113.1"), letter(variant(1))) == []


def test_a_newsletter_is_no_burst() -> None:
    """One authenticated sender is one, from however many addresses and to however many people."""
    site = Site()
    for number in range(30):
        site.live(mail(f"198.51.{number}.1", sender="a@news.example"), letter(variant(number)), dmarc("news.example"))
    assert told(site, mail("203.0.113.1"), letter(variant(1)), dmarc("news.example")) == []


def test_known_senders_neither_count_nor_hear_of_it() -> None:
    """What many shops say alike is no burst where they are known, nor is a correspondent told of one."""
    site = Site()
    for number in range(12):
        site.state.remember([Mark(f"domain:d{number}.example", wanted=10.0)])
        site.live(mail(f"198.51.{number}.1"), letter(variant(number)), dmarc(f"d{number}.example"))
    assert told(site, mail("203.0.113.1"), letter(variant(1))) == []
    for number in range(12, 24):
        site.live(mail(f"198.51.{number}.1"), letter(variant(number)), dmarc(f"d{number}.example"))
    assert told(site, mail("203.0.113.1"), letter(variant(1))) == ["campaign.burst"]
    assert told(site, mail("203.0.113.1"), letter(variant(1)), dmarc("d3.example")) == []


def test_a_short_text_has_no_siblings() -> None:
    """What many people write in the same few words is no campaign."""
    site = Site()
    for number in range(30):
        site.live(mail(f"198.51.{number}.1"), letter("Thanks, see you on Monday then!"))
    assert told(site, mail("203.0.113.1"), letter("Thanks, see you on Monday then!")) == []


@pytest.mark.parametrize(
    ("word", "code"), [("spam", "labelled-spam"), ("phish", "labelled-spam"), ("ham", "labelled-ham")]
)
def test_a_label_reaches_the_siblings(word: str, code: str) -> None:
    """One label speaks of near copies by whomever, another takes it back, and its withdrawal does."""
    site = Site()
    label = Label("a" * 20, word, label_keys(letter(variant(1)).bands))
    teach(site.state, [label, label], site.clock.now(), HALF_LIFE)
    assert told(site, mail(), letter(variant(2))) == [f"campaign.{code}"]
    assert told(site, mail(), letter(OTHER)) == []
    (said,) = [item for item in site.judge(mail(), letter(variant(2))) if item.check == "campaign"]
    assert said.value == pytest.approx(0.5)
    site.clock.advance(HALF_LIFE / 10)
    take_back(site.state, [label.id, "b" * 20], site.clock.now(), HALF_LIFE)
    assert told(site, mail(), letter(variant(2))) == []


def test_labels_that_disagree_say_nothing() -> None:
    """One person's spam is another's newsletter."""
    site = Site()
    keys = label_keys(letter(variant(1)).bands)
    teach(site.state, [Label("a" * 20, "spam", keys), Label("b" * 20, "ham", keys)], site.clock.now(), HALF_LIFE)
    assert told(site, mail(), letter(variant(2))) == []


def test_no_text_is_kept() -> None:
    """Nothing of what a message says stands in the store."""
    site = Site()
    site.live(mail(), letter(variant(1)))
    kept = list(site.state._tables["s"])
    assert len(kept) == 4
    assert all(re.fullmatch(r"s:\{senders:[0-9a-f]{16}\}", place) for place in kept)


def test_a_store_that_is_away_tells_of_no_campaign() -> None:
    """No answer is no burst."""
    assert told(Site(state=Away(FakeClock())), mail(), letter(variant(1))) == []
    assert from_bytes(b"Subject: x\n\nhello\n").bands == ()


# ---------------------------------------------------------------------- digests
def sharing(one: str, two: str) -> int:
    """Give how many bands two texts share."""
    return sum(a == b for a, b in zip(bands(one), bands(two), strict=True))


def test_near_copies_share_bands_and_strangers_do_not() -> None:
    """Nine in ten of a campaign's letters are recognised, and of a hundred unrelated texts none."""
    known = [sharing(variant(0), variant(number)) >= AGREEING for number in range(1, 101)]
    assert sum(known) >= 90
    words = random.Random(3)
    others = [" ".join(words.choice(WORDS) for _ in range(120)) for _ in range(100)]
    assert not any(sharing(TEXT, other) >= AGREEING for other in others)


def test_digests_are_the_same_for_ever() -> None:
    """They are compared across processes, hosts and months: this one is written down."""
    text = "the quick brown fox jumps over the lazy dog and runs away from every wolf in this dark wood"
    assert bands(text) == ("806d41a05bc5dc92", "314672569ce509d0", "f6a06f240cec43c0", "fbcc75801f4f9cf2")


@given(text=st.text(max_size=3_000))
@settings(max_examples=100)
def test_any_text_can_be_digested(text: str) -> None:
    """Four digests of sixteen digits or none, the same each time."""
    found = bands(text)
    assert found == bands(text)
    assert len(found) in {0, 4}
    assert all(len(each) == 16 for each in found)


def test_one_band_alone_is_a_coincidence() -> None:
    """What counts is what at least two bands say."""
    assert [agreed(numbers) for numbers in ([9, 0, 0, 0], [9, 4, 0, 0], [], [9])] == [0, 4, 0, 0]
