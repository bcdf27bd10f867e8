"""The shipped model under attack: invented spam that it catches stays caught, but for a table of known weaknesses.

The measure is `gatepost evaluate --attacks` on thousands of messages (docs/attacks.md); this is the alarm that tells of a
weakness come back. An attack leaves the table when the model holds against it, and enters it with its reason alone.
"""

from __future__ import annotations

import random

import pytest

from gatepost.checks.content.family import Settings, build
from gatepost.checks.content.tokens import extract
from gatepost.mail.message import from_bytes
from gatepost.training.attacks import ATTACKS
from support.letters import letter

_CHECK = build(Settings())

_SPAM = {
    "pills": letter(
        "Cheap meds online 80% off",
        "Buy viagra and cialis online without prescription! Lowest prices, free shipping worldwide. Click here to order now.",
    ),
    "account": letter(
        "Your account has been limited",
        "x",
        html="<html><body><p>Dear customer,</p><p>We noticed unusual activity in your account. Your account has been suspended. "
        "Please verify your account information within 24 hours by clicking the link below, or your account will be "
        "permanently closed.</p><p><a href='http://203.0.113.9/login'>https://www.paypal.com/verify</a></p></body></html>",
        sender="PayPal Security <service@secure-update.top>",
    ),
    "advance fee": letter(
        "URGENT BUSINESS PROPOSAL",
        "Dear friend, I am the son of the late minister. I need your assistance to transfer the sum of ten million US dollars "
        "into your account. You will receive 30 percent of the total fund. Kindly reply with your bank details. God bless.",
        sender="Barrister Williams <barrister@example.com>",
    ),
}

_IN_VIEW = "words of wanted mail in view weigh against the few of the spam, in its own stretch too"

ALLOWED = {
    "word-salad": _IN_VIEW,
    "good-words": _IN_VIEW,
    "long-padding": _IN_VIEW,
    "reply-quote": _IN_VIEW,
    "subject-only": "a few words with nothing behind them are soon those of a wanted one-liner",
}
"""Attacks that the shipped model may fall for, and why."""


@pytest.mark.parametrize("spam", _SPAM)
@pytest.mark.parametrize("name", [name for name in ATTACKS if name not in ALLOWED])
def test_caught_spam_stays_caught(name: str, spam: str):
    """The probability stays above the configured threshold whatever is done to the message."""
    for seed in range(3):
        features = extract(from_bytes(ATTACKS[name].apply(_SPAM[spam], random.Random(seed), ())))
        assert features.readable
        assert _CHECK.model.judge(features, 5).probability >= _CHECK.spam_from, (seed, features.tokens[:40])


def test_the_table_names_attacks_there_are():
    """No exception outlives its attack."""
    assert set(ALLOWED) <= set(ATTACKS)
