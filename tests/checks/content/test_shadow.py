"""The shadow model: written down, without effect, and harmless when it breaks."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatepost.checks.content.classifier import ContentCheck
from gatepost.checks.content.family import Settings, build, watched
from gatepost.checks.content.model import ModelError
from gatepost.checks.content.shadow import FACT, TOKENS_FACT, Said, Shadow, read_fact
from gatepost.checks.content.watch import WEEK, read_pairs
from gatepost.evidence import Evidence, Found
from gatepost.mail.envelope import Envelope
from gatepost.mail.message import Message, from_bytes
from gatepost.world.clock import FakeClock
from gatepost.world.state.memory import MemoryState
from support.letters import letter
from support.model import write_model

PILLS = from_bytes(letter("Offer", "Buy cheap viagra now, said the minutes of no meeting, viagra"))
LUNCH = from_bytes(letter("Lunch", "The minutes are here"))


@pytest.fixture
def both(tmp_path: Path) -> ContentCheck:
    """Give the check with a live model and a candidate that has learned the opposite."""
    live = write_model(tmp_path / "live", spam="viagra", ham="lunch")
    return build(Settings(model=str(live), shadow=str(write_model(tmp_path / "next", spam="lunch", ham="viagra"))))


def finding(check: ContentCheck, message: Message) -> Evidence:
    """Give the finding about a message."""
    (item,) = check.run(Envelope(), message, Found())
    return item


def test_the_candidate_is_written_down_without_effect(both: ContentCheck):
    """Code, value, sentence and every other fact are those of the live model alone."""
    told, alone = finding(both, PILLS), finding(replace(both, shadow=None), PILLS)
    said = read_fact(told.facts[FACT])
    assert said is not None
    assert (said.model, said.label) == ("next", "ham")
    assert said.probability < 0.5 < said.live_probability == float(told.facts["probability"])
    assert said.live_label == told.facts["class"]
    rest = {name: fact for name, fact in told.facts.items() if name not in {FACT, TOKENS_FACT}}
    assert replace(told, facts=rest) == alone


def test_a_disagreement_names_the_tokens_that_differ(both: ContentCheck):
    """Where the classes differ the token whose points differ most comes first, with the candidate's sign."""
    assert finding(both, PILLS).facts[TOKENS_FACT].startswith("-viagra(")


def test_agreement_costs_no_words(tmp_path: Path):
    """Two models of one mind leave the opinion alone in the record."""
    one = str(write_model(tmp_path / "one"))
    facts = finding(build(Settings(model=one, shadow=one)), PILLS).facts
    assert FACT in facts
    assert TOKENS_FACT not in facts


def test_disagreements_are_counted_in_the_store(both: ContentCheck):
    """The pair of classes of every stranger's message is counted."""
    state = MemoryState(FakeClock())
    check = watched(both, state, FakeClock())
    for message in (PILLS, PILLS, LUNCH):
        finding(check, message)
    assert check.watch is not None
    check.watch.send()
    assert read_pairs(state, "live", "next", ["phish>ham", "ham>ham", "ham>phish"], WEEK) == {
        "phish>ham": 2,
        "ham>ham": 1,
    }


def test_a_candidate_that_raises_harms_nothing(both: ContentCheck, caplog: pytest.LogCaptureFixture):
    """The live finding stands, the record says that the candidate failed, and the traceback is logged once."""
    assert both.shadow is not None
    broken = Shadow(replace(both.shadow.model, table=both.shadow.model.table[:0]))
    check, alone = replace(both, shadow=broken), replace(both, shadow=None)
    with caplog.at_level(logging.ERROR):
        told = [finding(check, PILLS) for _ in range(5)]
    assert len([record for record in caplog.records if record.exc_info]) == 1
    assert all(item.code == finding(alone, PILLS).code for item in told)
    assert told[0].facts[FACT] == "model=next failed"
    assert read_fact(told[0].facts[FACT]) is None


def test_a_broken_candidate_is_one_clear_line(tmp_path: Path):
    """A shadow that cannot be loaded is refused like the live model, and the line says which of the two it is."""
    live, candidate = write_model(tmp_path / "live"), write_model(tmp_path / "next")
    (candidate / "weights.npz").write_bytes((candidate / "weights.npz").read_bytes()[:100])
    for wrong in (candidate, tmp_path / "nowhere", "base-190001"):
        with pytest.raises(ModelError, match=r"\[classifier\] shadow: model ") as caught:
            build(Settings(model=str(live), shadow=str(wrong)))
        assert "\n" not in str(caught.value)


def test_no_text_no_second_opinion(both: ContentCheck):
    """A message without text is not shown to the candidate either."""
    assert FACT not in finding(both, from_bytes(b"From: a@example.org\r\n\r\n")).facts


@settings(max_examples=150)
@given(
    st.text() | st.from_regex(r"model=.{0,20} probability=[01]\.\d{4} class=(ham|spam) live=0.5 ham", fullmatch=True)
)
def test_any_text_is_read_or_refused(text: str):
    """What stands in a log never raises; what is read has a probability and a class."""
    said = read_fact(text)
    assert said is None or (said.label and said.probability < 2)


def test_a_name_with_spaces_is_read_back():
    """A model may be called anything on one line."""
    told = "model=my own probability=0.5 model probability=0.0312 class=bulk live=0.9000 spam"
    assert read_fact(told) == Said("my own probability=0.5 model", 0.0312, "bulk", 0.9, "spam")
