"""The mail of the demo: made up people at documentation names, really signed, with the DNS zone that goes with it."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from email.header import Header

import dkim
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from support.clamd import EICAR

BANK, NEWS, FRIEND, STRANGER = "203.0.113.10", "203.0.113.20", "203.0.113.30", "198.51.100.66"
_DATE = b"Date: Tue, 03 Nov 2026 10:00:00 +0000"


@dataclass(frozen=True)
class Sample:
    """One message, who sends it from where, and what should become of it, in a word for people."""

    title: str
    raw: bytes
    sender: str
    ip: str
    name: str
    expected: str


class Signer:
    """An RSA key, its DNS record, and signatures by it."""

    def __init__(self) -> None:
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    @property
    def record(self) -> str:
        """The TXT record of the public key (RFC 6376 3.6.1)."""
        public = self._key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return f"v=DKIM1; k=rsa; p={base64.b64encode(public).decode()}"

    def sign(self, raw: bytes, domain: str) -> bytes:
        """Put a DKIM signature on top."""
        pem = self._key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
        return bytes(dkim.sign(raw, b"s1", domain.encode(), pem, canonicalize=(b"relaxed", b"relaxed"))) + raw


def zone(signer: Signer) -> dict[str, Mapping[str, list[object]]]:
    """Give the records of everybody who appears."""
    found: dict[str, Mapping[str, list[object]]] = {}
    for domain, ip, policy in (
        ("bank.example", BANK, "reject"),
        ("news.example", NEWS, "none"),
        ("freund.example", FRIEND, "none"),
    ):
        host = f"mx.{domain}"
        found[domain] = {"TXT": [f"v=spf1 ip4:{ip} -all"], "A": [ip], "MX": [(10, host)]}
        found[f"_dmarc.{domain}"] = {"TXT": [f"v=DMARC1; p={policy}"]}
        found[f"s1._domainkey.{domain}"] = {"TXT": [signer.record]}
        found[host] = {"A": [ip], "TXT": [f"v=spf1 ip4:{ip} -all"]}
        found[".".join(reversed(ip.split("."))) + ".in-addr.arpa"] = {"PTR": [host]}
    found["pills.example"] = {"TXT": ["v=spf1 ?all"], "A": [STRANGER]}
    return found


def _message(*fields: str, body: str) -> bytes:
    head = b"\r\n".join([*(field.encode() for field in fields), _DATE])
    return head + b"\r\n\r\n" + body.replace("\n", "\r\n").encode()


def samples(signer: Signer) -> list[Sample]:
    """Give eight messages."""
    return [
        Sample("signed mail", signer.sign(_letter(), "bank.example"), "anna@bank.example", BANK, "mx.bank.example", "delivered"),
        Sample("spoofed sender", _spoof(), "security@bank.example", STRANGER, "", "refused"),
        Sample("spam", _spam(), "win@pills.example", STRANGER, "", "flagged or refused"),
        Sample("phish", _phish(), "it@pills.example", STRANGER, "", "flagged or refused"),
        Sample("newsletter", signer.sign(_newsletter(), "news.example"), "bounce@news.example", NEWS, "mx.news.example", "delivered"),
        Sample("virus", signer.sign(_virus(), "freund.example"), "jonas@freund.example", FRIEND, "mx.freund.example", "refused"),
        Sample("bounce", signer.sign(_bounce(), "news.example"), "", NEWS, "mx.news.example", "delivered"),
        Sample("not English", signer.sign(_german(), "freund.example"), "jonas@freund.example", FRIEND, "mx.freund.example", "delivered"),
    ]  # fmt: skip


def _letter() -> bytes:
    return _message(
        "From: Anna Berg <anna@bank.example>", "To: b@example.org", "Subject: Minutes of Monday's meeting",
        "Message-ID: <1@bank.example>", "MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8",
        body="Hello Ben,\n\nattached to the wiki are the minutes of Monday's meeting. The budget figures on page three\n"
        "still need your numbers; Thursday is early enough.\n\nRegards\nAnna\n",
    )  # fmt: skip


def _spoof() -> bytes:
    return _message(
        "From: Example Bank <security@bank.example>", "To: b@example.org", "Subject: Statement available",
        "Message-ID: <2@pills.example>", body="Dear customer,\n\nyour monthly statement is available.\n",
    )  # fmt: skip


def _spam() -> bytes:
    return _message(
        "From: Best Prices <win@pills.example>", "To: undisclosed-recipients:;", "Subject: Cheap viagra, cialis - 80% OFF today only!!!",
        "Message-ID: <3@pills.example>", "MIME-Version: 1.0", "Content-Type: text/html; charset=utf-8",
        body="<html><body><h1>BUY VIAGRA ONLINE NOW</h1><p>No prescription. Lowest prices guaranteed, order viagra and cialis\n"
        "today and SAVE 80%! Click <a href='http://198.51.100.66/buy?id=1'>here</a> to order. 100% free shipping, act now!\n"
        "</p><p>viagra cialis levitra soma xanax</p></body></html>\n",
    )  # fmt: skip


def _phish() -> bytes:
    return _message(
        "From: Mailbox Administrator <it@pills.example>", "To: b@example.org", "Subject: Your mailbox is full - verify your account",
        "Message-ID: <4@pills.example>", "MIME-Version: 1.0", "Content-Type: text/html; charset=utf-8",
        body="<html><body><p>Dear user,</p><p>Your mailbox has exceeded its storage limit and will be suspended within 24 hours.\n"
        "To keep your account, verify your password here:\n"
        "<a href='http://198.51.100.66/login.php?u=b@example.org'>https://www.bank.example/login</a></p>\n"
        "<p>Failure to verify will result in permanent loss of your account.</p></body></html>\n",
    )  # fmt: skip


def _newsletter() -> bytes:
    return _message(
        "From: Garden Weekly <letters@news.example>", "To: b@example.org", "Subject: This week in the garden: planting garlic",
        "Message-ID: <5@news.example>", "List-Id: Garden Weekly <weekly.news.example>", "Precedence: bulk",
        "List-Unsubscribe: <https://news.example/unsubscribe/42>", "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
        "MIME-Version: 1.0", "Content-Type: text/html; charset=utf-8",
        body="<html><body><h2>Garlic goes in now</h2><p>Choose firm bulbs and plant the cloves five centimetres deep.</p>\n"
        "<p><a href='https://news.example/garlic'>Read on</a></p><p><small>You subscribed on our site.\n"
        "<a href='https://news.example/unsubscribe/42'>Unsubscribe</a></small></p></body></html>\n",
    )  # fmt: skip


def _virus() -> bytes:
    return _message(
        "From: Jonas Freund <jonas@freund.example>", "To: b@example.org", "Subject: the file you asked for",
        "Message-ID: <6@freund.example>", "MIME-Version: 1.0", 'Content-Type: multipart/mixed; boundary="b1"',
        body='--b1\nContent-Type: text/plain\n\nHere it is.\n--b1\nContent-Type: application/octet-stream; name="file.com"\n'
        'Content-Disposition: attachment; filename="file.com"\nContent-Transfer-Encoding: base64\n\n'
        f"{base64.b64encode(EICAR).decode()}\n--b1--\n",
    )  # fmt: skip


def _bounce() -> bytes:
    return _message(
        "From: Mail Delivery System <MAILER-DAEMON@news.example>", "To: b@example.org", "Subject: Undelivered Mail Returned to Sender",
        "Message-ID: <7@news.example>", "Auto-Submitted: auto-replied", "MIME-Version: 1.0",
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b2"',
        body="--b2\nContent-Type: text/plain\n\nI'm sorry to have to inform you that your message could not be delivered to\n"
        "<nobody@news.example>: user unknown.\n--b2\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.news.example\n\n"
        "Final-Recipient: rfc822; nobody@news.example\nAction: failed\nStatus: 5.1.1\n--b2--\n",
    )  # fmt: skip


def _german() -> bytes:
    subject = Header("Grüße und der Zug am Freitag", "utf-8").encode()
    return _message(
        "From: Jonas Freund <jonas@freund.example>", "To: b@example.org", f"Subject: {subject}",
        "Message-ID: <8@freund.example>", "MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit",
        body="Hallo Ben,\n\nmein Zug kommt am Freitag um 17 Uhr 40 an. Schön, dass wir uns endlich wiedersehen! Soll ich etwas\n"
        "mitbringen? Die Kinder freuen sich schon auf den Ausflug.\n\nViele Grüße\nJonas\n",
    )  # fmt: skip
