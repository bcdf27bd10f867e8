"""What a site's labels move and what they leave alone."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatepost.checks.content.counts import Change, Counts
from gatepost.checks.content.lesson import make
from gatepost.checks.content.model import Opinion, Part
from gatepost.checks.content.site import HAM_LOGIT, LIKENESS, SPAM_LOGIT, WORD_VOICE, SiteMemory
from gatepost.checks.content.tokens import Features, extract
from gatepost.mail.message import from_bytes
from support.letters import invented

WORDS = [f"w{number}" for number in range(400)]


def features(*words: str) -> Features:
    """Give the features of a message with these words."""
    return Features(tuple(word.encode() for word in words), readable=True, unread=frozenset())


def opinion(logit: float = 0.0) -> Opinion:
    """Give a model's opinion that one part makes up."""
    return Opinion(logit, 1 / (1 + math.exp(-logit)), 0.1, 0.5, (Part("model", logit - 0.5),), 1)


def taught(*lessons: tuple[str, Features], weight: float = 1.0) -> SiteMemory:
    """Give a memory that learned labelled messages in order."""
    memory = SiteMemory(weight)
    for label, seen in lessons:
        lesson = make(seen, label, 0.0)
        memory.apply([(lesson.id, lesson)])
    return memory


def moved(memory: SiteMemory, seen: Features, logit: float = 0.0) -> float:
    """Give by how much the memory moves the model's log-odds."""
    return memory.adjust(seen, opinion(logit)).moved


SPAM, HAM = features(*WORDS[:60]), features(*WORDS[100:160])
TWIN = features(*WORDS[:57], "new", "other", "word")
STRANGER = features(*WORDS[200:255], *WORDS[:5])


def test_without_labels_nothing_moves() -> None:
    """The opinion is the model's own, the same object."""
    before = opinion(1.0)
    assert taught().adjust(SPAM, before).opinion is before


@pytest.mark.parametrize("logit", [-6.0, 0.0, 2.0])
def test_one_label_moves_the_message_and_its_twin_alone(logit: float) -> None:
    """A reported message, and one nearly the same, is spam from the first label on; mail with a few words of it stays."""
    memory = taught(("spam", SPAM))
    assert memory.adjust(SPAM, opinion(logit)).opinion.logit > 4.0
    assert memory.adjust(TWIN, opinion(logit)).opinion.logit > 4.0
    assert moved(memory, STRANGER, logit) == 0.0
    assert moved(memory, HAM, logit) == 0.0


@pytest.mark.parametrize("words", [("d:mail.example",), ("d:mail.example", "f:ann")])
def test_a_message_without_text_has_no_twins_in_every_other(words: tuple[str, ...]) -> None:
    """Two pictures from one provider share all the words that they have, and are not called the same message for that."""
    memory = taught(("spam", features(*words)))
    found = memory.adjust(features(*words), opinion(0.0))
    assert found.reported < 0.5
    assert found.moved < 2.2


def test_a_ham_label_is_believed_more_carefully() -> None:
    """A wanted message becomes ham but not beyond doubt: phishing looks like the mail that it imitates."""
    memory = taught(("ham", HAM))
    after = memory.adjust(HAM, opinion(6.0)).opinion
    assert HAM_LOGIT < after.logit < -0.9
    assert memory.adjust(HAM, opinion(-5.0)).opinion.logit == -5.0


def test_labelling_again_replaces_and_counts_once() -> None:
    """The same label twice is one label; another label takes the first one's place."""
    once, twice = taught(("spam", SPAM)), taught(("spam", SPAM), ("spam", SPAM))
    assert once.adjust(TWIN, opinion()) == twice.adjust(TWIN, opinion())
    changed, plain = taught(("spam", SPAM), ("ham", SPAM)), taught(("ham", SPAM))
    assert changed.adjust(TWIN, opinion()) == plain.adjust(TWIN, opinion())


LESSONS = st.lists(
    st.tuples(st.sampled_from(["ham", "spam", "phish"]), st.sets(st.sampled_from(WORDS), min_size=3, max_size=40)),
    max_size=12,
)


@given(lessons=LESSONS, extra=st.sets(st.sampled_from(WORDS), min_size=3, max_size=40), logit=st.floats(-9, 9))
@settings(max_examples=100, deadline=None)
def test_taking_a_label_back_leaves_nothing(lessons, extra: set[str], logit: float) -> None:
    """After learning and undoing one more message every opinion is what it was, to the last bit."""
    memory = taught(*((label, features(*sorted(words))) for label, words in lessons))
    one = make(features(*sorted(extra)), "spam", 0.0)
    if any(make(features(*sorted(words)), "ham", 0.0).id == one.id for _, words in lessons):
        return
    probes = [features(*sorted(extra)), TWIN, STRANGER, HAM]
    before = [memory.adjust(probe, opinion(logit), -1) for probe in probes]
    memory.apply([(one.id, one)])
    memory.apply([(one.id, None)])
    assert [memory.adjust(probe, opinion(logit), -1) for probe in probes] == before


@given(lessons=LESSONS, probe=st.sets(st.sampled_from(WORDS), min_size=1), logit=st.floats(-9, 9))
@settings(max_examples=150, deadline=None)
def test_the_parts_add_up(lessons, probe: set[str], logit: float) -> None:
    """Base and all parts make the log-odds; the strongest few are a prefix of all; the probability fits the log-odds."""
    memory = taught(*((label, features(*sorted(words))) for label, words in lessons))
    seen = features(*sorted(probe))
    every = memory.adjust(seen, opinion(logit), -1)
    told = every.opinion
    assert told.base + sum(part.points for part in told.parts) == pytest.approx(told.logit, abs=1e-9)
    assert every.moved == pytest.approx(told.logit - logit, abs=1e-9)
    assert told.probability == pytest.approx(1 / (1 + math.exp(-told.logit)))
    assert memory.adjust(seen, opinion(logit), 3).opinion.parts == told.parts[:3]


def site(ham: int, spam: int, weight: float = 1.0) -> SiteMemory:
    """Give a site that labelled invented mail of both kinds."""
    lessons = [("ham", number) for number in range(ham)] + [("spam", number) for number in range(spam)]
    return taught(*((label, extract(from_bytes(invented(label, number)))) for label, number in lessons), weight=weight)


def mean_move(memory: SiteMemory, label: str) -> float:
    """Give how far unseen invented mail of a kind is moved."""
    unseen = [extract(from_bytes(invented(label, number))) for number in range(900, 920)]
    return float(np.mean([moved(memory, each) for each in unseen]))


def test_the_weight_grows_with_labels_of_both_kinds() -> None:
    """Unseen mail of a kind is moved the right way, and the more so the more was labelled, up to the cap."""
    spam = [mean_move(site(count, count), "spam") for count in (1, 5, 20, 60)]
    ham = [mean_move(site(count, count), "ham") for count in (1, 5, 20, 60)]
    assert spam == sorted(spam)
    assert ham == sorted(ham, reverse=True)
    assert 0 <= spam[0] < 0.3
    assert -0.3 < ham[0] <= 0
    assert 1 < spam[-1] < WORD_VOICE.cap
    assert -WORD_VOICE.cap < ham[-1] < -1


def test_a_site_that_only_reports_spam_does_not_drift() -> None:
    """However much spam is reported, ham that is no twin of it stays where it was; with one ham label it still does."""
    assert mean_move(site(0, 80), "ham") == 0
    assert mean_move(site(1, 80), "ham") < 0.2


def test_one_label_flips_nothing_unrelated_at_a_grown_site() -> None:
    """At a site with labels one wrong label moves other mail little, even where all mail is made of the same few words."""
    memory = site(30, 30)
    probes = [extract(from_bytes(invented("ham", number))) for number in range(900, 930)]
    before = [moved(memory, probe) for probe in probes]
    wrong = make(extract(from_bytes(invented("ham", 500))), "spam", 0.0)
    memory.apply([(wrong.id, wrong)])
    after = [moved(memory, probe) for probe in probes]
    assert max(abs(one - other) for one, other in zip(before, after, strict=True)) < 0.8


def test_the_setting_scales_it() -> None:
    """Half the weight moves half as far, none moves nothing."""
    full, half, none = (mean_move(site(20, 20, weight), "spam") for weight in (1.0, 0.5, 0.0))
    assert half == pytest.approx(full / 2, rel=0.2)
    assert none == 0


def test_phish_is_remembered() -> None:
    """A twin of reported phish is phish. A twin of spam keeps the model's opinion on that, where the model had one."""
    assert taught(("phish", SPAM)).adjust(TWIN, opinion()).opinion.phish > 0.8
    spam = taught(("spam", SPAM))
    for logit, least, most in ((2.0, 0.7, 0.7), (-2.0, 0.0, 0.2)):
        found = spam.adjust(TWIN, replace(opinion(logit), phish=0.7)).opinion
        assert least - 1e-9 <= found.phish <= most + 1e-9
    assert taught(("ham", SPAM)).adjust(TWIN, opinion()).opinion.phish == 0.1


def test_twins_of_both_kinds_leave_it_to_the_model() -> None:
    """Where near-twins were labelled ham as often as spam, nothing is drawn either way."""
    other = features(*WORDS[:56], "a", "b", "c", "d")
    memory = taught(("spam", SPAM), ("ham", other))
    drawn = [
        part for part in memory.adjust(features(*WORDS[:58]), opinion(), -1).opinion.parts if part.token == LIKENESS
    ]
    assert sum(abs(part.points) for part in drawn) < 0.5 * SPAM_LOGIT


def test_short_messages_are_no_twins_for_a_few_common_words() -> None:
    """Two words in common out of five do not make a message spam."""
    memory = taught(("spam", features("hello", "pat", "buy", "pills", "now")))
    assert moved(memory, features("hello", "pat", "lunch", "at", "noon")) < 0.2


def test_a_very_short_message_can_be_labelled() -> None:
    """The same three words again are the same message, at once and strongly; two of them are not."""
    memory = taught(("spam", features("hello", "there", "hello there")))
    assert memory.adjust(features("hello", "there", "hello there"), opinion(-3.0)).opinion.logit > 3
    assert moved(memory, features("hello", "again", "hello again")) == 0


def fielded(program: str, count: int = 30) -> SiteMemory:
    """Give a site where spam and ham have the same words, and spam is written with a certain program."""
    memory = SiteMemory()
    for number in range(count):
        for label, mailer in (("ham", "mutt"), ("spam", program)):
            lesson = make(features(*WORDS[number : number + 60], label), label, 0.0, (f"h:x-mailer={mailer}".encode(),))
            memory.apply([(lesson.id, lesson)])
    return memory


def test_fields_speak_beside_words() -> None:
    """Mail with unknown words is moved by the program that wrote it; without fields, or with strange ones, it stays."""
    memory = fielded("bulker")
    for program, low, high in (("bulker", 0.4, 8.0), ("mutt", -8.0, -0.4), ("other", 0.0, 0.0)):
        found = memory.adjust(STRANGER, opinion(), -1, lambda program=program: (f"h:x-mailer={program}".encode(),))
        plain = memory.adjust(STRANGER, opinion(), -1)
        assert low <= found.moved - plain.moved <= high
        told = found.opinion
        assert told.base + sum(part.points for part in told.parts) == pytest.approx(told.logit, abs=1e-9)


def test_fields_are_forgotten_with_their_label() -> None:
    """Taking all labels but one of each kind back leaves what those two say."""
    memory, few = fielded("bulker"), fielded("bulker", 1)
    names = [
        make(features(*WORDS[number : number + 60], label), label, 0.0).id
        for number in range(1, 30)
        for label in ("ham", "spam")
    ]
    memory.apply([(name, None) for name in names])
    asked = lambda: (b"h:x-mailer=bulker", b"h:x-mailer=mutt")  # noqa: E731
    assert memory.adjust(STRANGER, opinion(), -1, asked) == few.adjust(STRANGER, opinion(), -1, asked)


@given(
    steps=st.lists(
        st.tuples(st.sets(st.integers(0, 40), max_size=8), st.booleans(), st.sampled_from([1, -1])), max_size=30
    )
)
@settings(max_examples=100, deadline=None)
def test_counts_are_exact(steps) -> None:
    """Whatever is counted and taken back, the table says what a plain counter says."""
    counts, plain = Counts(), Counter()
    for tokens, unwanted, sign in steps:
        counts.add([Change(np.array(sorted(tokens), np.uint32), unwanted, sign)])
        for token in tokens:
            plain[token, unwanted] += sign
    found = counts.of(np.arange(41, dtype=np.uint32))
    assert found.tolist() == [[plain[token, False], plain[token, True]] for token in range(41)]
