"""The shipped model: whole, small, and sensible about mail that nobody ever sent."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from gatepost.checks.content.family import Settings, build, find_model
from gatepost.evidence import Evidence, Found
from gatepost.mail.envelope import Envelope
from gatepost.mail.message import from_bytes
from support.letters import letter

_CHECK = build(Settings())

_UNWANTED = {
    "pills": letter(
        "Cheap meds online 80% off",
        "Buy viagra and cialis online without prescription! Lowest prices, free shipping worldwide. Click here to order now.",
    ),
    "stock": letter(
        "Hot stock alert",
        "Investors alert! This penny stock is about to explode. Current price: 0.45. 5 day target price: 2.50. Huge news is expected "
        "this week and the company is going to announce record profit. Get in now before the price goes up, do not miss this one!",
    ),
    "advance fee": letter(
        "URGENT BUSINESS PROPOSAL",
        "Dear friend, I am the son of the late minister. I need your assistance to transfer the sum of ten million US dollars "
        "into your account. You will receive 30 percent of the total fund. Kindly reply with your bank details. God bless.",
        sender="Barrister Williams <barrister@example.com>",
    ),
    "replica": letter(
        "Luxury watches for less",
        "Replica Rolex watches at the best prices on the web. Visit our site today and save money on designer brands.",
        html="<p>Replica Rolex watches at the <b>best prices</b> on the web.</p><p>Visit our <a href='http://watches.top/x'>site</a> "
        "today and save money on designer brands.</p>",
    ),
    "casino": letter(
        "Claim your bonus now",
        "Congratulations! You have been selected. Claim your free casino bonus now, win the jackpot. Limited offer, click here.",
    ),
    "account phish": letter(
        "Your account has been limited",
        "x",
        html="<p>Dear customer,</p><p>We noticed unusual activity in your account. Your account has been suspended. Please verify your "
        "account information within 24 hours by clicking the link below, or your account will be permanently closed.</p>"
        "<p><a href='http://203.0.113.9/login'>https://www.paypal.com/verify</a></p>",
        sender="PayPal Security <service@secure-update.top>",
    ),
    "wallet phish": letter(
        "Action required: verify your wallet",
        "x",
        html="<p>Dear user, your wallet has been suspended. To avoid losing your funds you must verify your wallet immediately. "
        "Failure to do so will result in permanent loss of access.</p><p><a href='https://wallet.click/'>Verify my wallet</a></p>",
        sender="Wallet Support <no-reply@wallet.click>",
    ),
}

_WANTED = {
    "personal": letter(
        "Sunday",
        "Hi Pat, are you coming on Sunday? Mum is making the soup, and I'll bring the photos from the trip. See you, Ann",
    ),
    "work": letter(
        "Minutes of Tuesday's meeting",
        "Hi all, attached are the minutes from Tuesday. I think the open issue is the test on the build server, which still fails. "
        "Could you have a look before Friday? Thanks, Jo",
    ),
    "patch": letter(
        "[PATCH v2] net: fix use after free in teardown",
        "The timer may still run when the structure is freed. Cancel it first. I tested this on the arm board, and the warning is gone.\n"
        "\nSigned-off-by: Ann Other <ann@example.org>\n---\n drivers/net/foo.c | 3 +++\n",
    ),
    "receipt": letter(
        "Your receipt from Corner Books (order 10442)",
        "Thanks for your order! Order number 10442. Item: A Field Guide to Mosses, quantity 1, 18.50. Shipping 3.20. Total 21.70. "
        "We will let you know when it ships. Questions? Reply to this email.",
    ),
    "bounce": letter(
        "Undelivered Mail Returned to Sender",
        "This is the mail system at host mail.example.org. I'm sorry to have to inform you that your message could not be delivered to "
        "one or more recipients. <jo@example.net>: host mx.example.net said: 550 5.1.1 User unknown (in reply to RCPT TO command)",
        sender="Mail Delivery System <MAILER-DAEMON@mail.example.org>",
    ),
    "reset": letter(
        "Reset your password",
        "Someone asked to reset the password of your account at Corner Books. If it was you, use the link below; it is valid for one hour. "
        "If you did not request this, you can ignore this email and your password will not change.",
    ),
    "newsletter": letter(
        "The Gardener's Letter, November",
        "x",
        html="<p>Dear readers, in this month's issue: how to prune an old apple tree, what to sow under glass, and an interview with the head "
        "gardener of the botanical garden.</p><p>The members' meeting is on 12 November in the town hall.</p><p>You receive this newsletter "
        "because you subscribed to it. <a href='https://garden.example/u'>Unsubscribe</a></p>",
    ),
    "german": letter(
        "Treffen am Donnerstag",
        "Hallo Pat, können wir das Treffen auf Donnerstag verschieben? Ich habe am Mittwoch einen Termin beim Zahnarzt. "
        "Den Entwurf für den Bericht schicke ich dir morgen. Viele Grüße, Anna",
    ),
    "chinese": letter("会议改期", "你好，周三的会议改到周四下午三点，地点不变。请把上周的报告带来，谢谢。王芳"),
    "french": letter(
        "Réunion de jeudi",
        "Bonjour, je vous confirme la réunion de jeudi à dix heures. Le compte rendu de la dernière séance est prêt. Cordialement, Claire",
    ),
}


def _judge(data: bytes) -> Evidence:
    """Give the finding of the shipped model about a message."""
    return _CHECK.run(Envelope(), from_bytes(data), Found())[0]


@pytest.mark.parametrize("name", _UNWANTED)
def test_obvious_spam_and_phishing_are_called_unwanted(name: str):
    """Classic spam and phishing is called spam or phish."""
    found = _judge(_UNWANTED[name])
    assert found.code in {"content.spam", "content.phish"}, found.detail


@pytest.mark.parametrize("name", _WANTED)
def test_everyday_mail_is_not_called_unwanted(name: str):
    """Personal and work mail, receipts, resets, bounces and newsletters, in four languages, are never called spam."""
    found = _judge(_WANTED[name])
    assert found.code in {"content.ham", "content.unsure"}, found.detail


def test_phishing_is_told_from_spam():
    """Mail that asks to verify an account is phish; pills are spam."""
    assert _judge(_UNWANTED["account phish"]).code == "content.phish"
    assert _judge(_UNWANTED["pills"]).code == "content.spam"


def test_the_checksums_cover_every_file():
    """Every file of the model stands in SHA256SUMS with its own digest, and nothing else does."""
    directory = find_model("base")
    lines = (directory / "SHA256SUMS").read_text().splitlines()
    sums = {name: digest for digest, name in (line.split("  ") for line in lines)}
    files = {path.name: path for path in directory.iterdir() if path.name != "SHA256SUMS"}
    assert sums == {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in files.items()}


def test_the_model_stays_small():
    """The shipped model takes less than six million bytes."""
    assert sum(path.stat().st_size for path in find_model("base").iterdir()) < 6_000_000


def test_the_card_names_the_data_and_its_licences():
    """The card lists each pack with its licence and says how to rebuild without one."""
    card = Path(find_model("base") / "card.md").read_text()
    for words in ("phishingpot", "CC BY-NC 4.0", "trec07", "TREC research agreement", "--without", "Known weaknesses"):
        assert words in card
