"""iprev: does the client's name lead back to it."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from gatepost.checks.auth.forwarding import Forwarders
from gatepost.checks.auth.iprev import IprevCheck
from gatepost.evidence import Found
from gatepost.mail import limits
from gatepost.mail.envelope import Client, Direction, Envelope
from gatepost.mail.message import Message
from gatepost.world.dns.fake import FakeDns

V6 = "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"
ZONE = {
    "1.2.0.192.in-addr.arpa": {"PTR": ["liar.example", "mx.example"]},
    "2.2.0.192.in-addr.arpa": {"PTR": ["liar.example"]},
    "3.2.0.192.in-addr.arpa": {"PTR": ["slow.example"]},
    "4.2.0.192.in-addr.arpa": {"PTR": ["slow.example", "four.example"]},
    "5.2.0.192.in-addr.arpa": {},
    "8.2.0.192.in-addr.arpa": {
        "PTR": [*(f"n{number}.example" for number in range(20)), "four.example", "mx.eight.example"]
    },
    "9.2.0.192.in-addr.arpa": {"PTR": ["mx.eight.example", "slow.example"]},
    "mx.eight.example": {"A": ["192.0.2.8"]},
    "6.2.0.192.in-addr.arpa": {"PTR": [f"n{number}.example" for number in range(50)]},
    "mx.example": {"A": ["198.51.100.9", "192.0.2.1"], "AAAA": ["2001:db8::1"]},
    "four.example": {"A": ["192.0.2.4", "192.0.2.8"]},
    "liar.example": {"A": ["203.0.113.1"]},
    V6: {"PTR": ["mx.example"]},
}


def run(ip: str | None, direction: Direction = Direction.INBOUND) -> tuple[object, ...]:
    """Run the check on a client."""
    dns = FakeDns(ZONE, servfail=["7.2.0.192.in-addr.arpa"], timeout=["slow.example"])
    envelope = Envelope(client=Client(ip=ip_address(ip) if ip else None), direction=direction)
    return IprevCheck(dns, Forwarders(names=("eight.example",))).run(envelope, Message(()), Found())


@pytest.mark.parametrize(
    ("ip", "code", "name"),
    [
        ("192.0.2.1", "iprev.pass", "mx.example"),
        ("::ffff:192.0.2.1", "iprev.pass", "mx.example"),
        ("2001:db8::1", "iprev.pass", "mx.example"),
        ("192.0.2.4", "iprev.pass", "four.example"),
        ("192.0.2.2", "iprev.fail", "liar.example"),
        ("192.0.2.3", "iprev.temperror", "slow.example"),
        ("192.0.2.5", "iprev.permerror", None),
        ("192.0.2.99", "iprev.permerror", None),
        ("192.0.2.7", "iprev.temperror", None),
        ("192.0.2.8", "iprev.pass", "mx.eight.example"),
        ("192.0.2.9", "iprev.temperror", "slow.example"),
        (None, "iprev.none", None),
    ],
)
def test_results(ip: str | None, code: str, name: str | None) -> None:
    """Each way the two look-ups can end has its own word (RFC 8601 2.7.3); a known forwarder's name goes first, a proven one."""
    (evidence,) = run(ip)
    assert evidence.code == code
    assert evidence.facts.get("name") == name
    assert (evidence.degraded == "dns") == code.endswith("temperror")


def test_names_are_bounded() -> None:
    """A client with fifty names gets ten of them looked up."""
    dns = FakeDns(ZONE)
    IprevCheck(dns).run(Envelope(client=Client(ip=ip_address("192.0.2.6"))), Message(()), Found())
    assert len(dns.asked) == 1 + limits.IPREV_NAMES


def test_other_directions_are_not_judged() -> None:
    """Our own users' addresses are nobody's business."""
    assert run("192.0.2.1", Direction.OUTBOUND) == ()
