"""The content check: one finding, its facts, and what it says when something was not read."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from pydantic import ValidationError

from gatepost.checks.content.classifier import CERTAIN_LOGIT, CODES, ContentCheck, certainty
from gatepost.checks.content.family import Settings, build
from gatepost.evidence import Evidence, Found, Status
from gatepost.mail import limits
from gatepost.mail.envelope import Envelope
from gatepost.mail.message import from_bytes
from support.letters import letter

_FINDINGS = {"content.spam", "content.phish", "content.ham", "content.bulk", "content.unsure", "content.none"}


@pytest.fixture(scope="module")
def check() -> ContentCheck:
    """Give the check with the shipped model and default settings."""
    return build(Settings())


def _run(check: ContentCheck, data: bytes) -> list[Evidence]:
    """Give the check's evidence about a message."""
    return list(check.run(Envelope(), from_bytes(data), Found()))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\r\n",
        letter("Lunch", "Shall we have lunch on Tuesday?"),
        letter("Cheap viagra", "Buy cheap viagra pills online now, no prescription, click here"),
        letter("x", "y", html="<div>" * 30_000),
    ],
)
def test_exactly_one_finding_and_only_known_codes(check: ContentCheck, data: bytes):
    """Every message gets one finding about its text; every code has its meaning; values lie in [0, 1]."""
    found = _run(check, data)
    assert sum(item.code in _FINDINGS for item in found) == 1
    for item in found:
        assert item.check == check.name == "content"
        assert item.code in CODES
        assert 0 <= item.value <= 1


def test_facts_are_complete_and_well_formed(check: ContentCheck):
    """Probability, class, model and the strongest tokens with signs are there for machines."""
    (item,) = _run(check, letter("Cheap viagra", "Buy cheap viagra pills online now, no prescription, click here"))
    assert item.code == "content.spam"
    assert item.status is Status.FAIL
    assert re.fullmatch(r"[01]\.\d{4}", item.facts["probability"])
    assert item.facts["class"] == "spam"
    assert item.facts["model"] == check.model.version
    tokens = item.facts["tokens"].split(" ")
    assert 1 <= len(tokens) <= 12
    shares = [re.fullmatch(r"([+-])\S+\((\d+\.\d\d)\)", token) for token in tokens]
    assert all(shares)
    printed = sum(Decimal(share[1] + share[2]) for share in shares if share)
    assert printed + Decimal(item.facts["base"]) + Decimal(item.facts["rest"]) == Decimal(item.facts["logit"])


def test_the_sentence_tells_both_sides_in_words(check: ContentCheck):
    """The detail gives the probability, the strongest reasons for the finding and those against it, in a bounded sentence."""
    text = "Buy cheap viagra pills online now, no prescription, click here. Shall we have lunch on Tuesday, thanks?"
    (item,) = _run(check, letter("Cheap viagra", text))
    head, toward, against = re.fullmatch(r"(.*), mostly for: (.*); against it: (.*)\.", item.detail).groups()
    assert "probability of being unwanted" in head
    for reasons in (toward, against):
        assert reasons
        assert "=" not in reasons
    assert len(item.detail) <= limits.DETAIL_CHARACTERS


def test_nothing_to_read_is_no_opinion(check: ContentCheck):
    """A message without text says `content.none` and gives no probability."""
    (item,) = _run(check, b"From: a@example.org\r\n\r\n")
    assert (item.code, item.status) == ("content.none", Status.NONE)
    assert "probability" not in item.facts


def test_what_was_not_read_is_said(check: ContentCheck):
    """Past a limit `content.limit` names it, beside the finding about the rest."""
    found = _run(check, letter("x", "y", html="<div>" * 30_000 + "casino"))
    (limit,) = [item for item in found if item.code == "content.limit"]
    assert limit.status is Status.NEUTRAL
    assert "html-limit" in limit.facts["limits"]


def test_between_the_bounds_it_is_unsure():
    """With bounds at the extremes everything readable is unsure, and unsure mail counts as ham."""
    check = build(Settings(spam_from=1.0, ham_to=0.0))
    (item,) = _run(check, letter("Hello", "Shall we meet?"))
    assert (item.code, item.status, item.facts["class"]) == ("content.unsure", Status.NEUTRAL, "ham")


def test_a_newsletter_is_bulk_mail(check: ContentCheck):
    """What has the form of commercial bulk mail and is no spam is called that, and credited less than ham."""
    shop = "https://www.fjordcoffee.example"
    page = (
        f"<html><body><table><tr><td><img src='{shop}/logo.png'><h2>New beans from Huila</h2><p>The new harvest has arrived at the "
        "roastery, and the first bags leave on Thursday. Members save 15 % until Sunday.</p>"
        f"<p><a href='{shop}/huila'>Shop the harvest</a> <a href='{shop}/guide'>Read the brew guide</a></p><p>Fjord Coffee, Harbour Street 4, Bergen."
        f"<br>You get this because you subscribed at our shop. <a href='{shop}/leave'>Unsubscribe</a> | "
        f"<a href='{shop}/prefs'>Preferences</a> | <a href='{shop}/privacy'>Privacy policy</a></p></td></tr></table></body></html>"
    )
    (item,) = _run(
        check, letter("New beans, and a brew guide", "x", html=page, sender="Fjord Coffee <news@fjordcoffee.example>")
    )
    assert (item.code, item.status, item.facts["class"]) == ("content.bulk", Status.NEUTRAL, "bulk")
    assert float(item.facts["bulk"]) >= 0.5
    assert float(item.facts["probability"]) < check.spam_from


@pytest.mark.parametrize(("logit", "value"), [(3.0, 0.0), (0.0, 0.0), (-CERTAIN_LOGIT / 2, 0.5), (-20.0, 1.0)])
def test_bulk_mail_is_credited_as_far_as_it_is_wanted(logit: float, value: float):
    """Bulk mail that leans to spam gets no credit, and no points against it either."""
    assert certainty("bulk", logit, 5.0) == pytest.approx(value)


def test_bounds_that_overlap_are_refused():
    """Settings outside their bounds do not validate."""
    for wrong in ({"spam_from": 0.4}, {"ham_to": 0.6}, {"model": ""}, {"unknown": 1}):
        with pytest.raises(ValidationError):
            Settings.model_validate(wrong)


def test_every_setting_is_described():
    """Each setting has a default and a sentence for the reference."""
    for name, field in Settings.model_fields.items():
        assert field.default is not None, name
        assert (field.description or "").endswith("."), name
