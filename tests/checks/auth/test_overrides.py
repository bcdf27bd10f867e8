"""Overrides: for whom they are meant, and that they show."""

from __future__ import annotations

from typing import Any

import pytest

from gatepost.checks.auth.family import build
from gatepost.checks.auth.overrides import Overridden, matching
from gatepost.checks.auth.settings import Override, Settings
from gatepost.evidence import Found
from gatepost.mail.envelope import Direction, Envelope
from gatepost.mail.message import from_bytes
from gatepost.world.clock import FakeClock
from gatepost.world.dns.fake import FakeDns
from support.suites_auth import inbound

ZONE = {"_dmarc.example.com": {"TXT": ["v=DMARC1; p=reject"]}, "_dmarc.example.org": {"TXT": ["v=DMARC1; p=none"]}}


def judge(*overrides: dict[str, Any], author: bytes = b"ann@example.com", envelope: Envelope | None = None) -> Found:
    """Run the whole family under overrides."""
    letter = from_bytes(b"From: " + author + b"\r\n\r\nhello\r\n")
    found = Found()
    for check in build(Settings.model_validate({"overrides": overrides}), FakeDns(ZONE), FakeClock()):
        found = found.plus(check.run(envelope or inbound(), letter, found))
    return found


@pytest.mark.parametrize(
    ("domain", "network", "author", "ip", "expected"),
    [
        ("example.com", None, "example.com", "192.0.2.1", True),
        ("example.com", None, "news.example.com", "192.0.2.1", True),
        ("example.com", None, "badexample.com", "192.0.2.1", False),
        ("example.com", None, "", "192.0.2.1", False),
        (None, "192.0.2.0/24", "", "192.0.2.1", True),
        (None, "192.0.2.0/24", "", "::ffff:192.0.2.1", True),
        (None, "192.0.2.0/24", "", "2001:db8::1", False),
        (None, "192.0.2.0/24", "", "", False),
        ("example.com", "192.0.2.0/24", "example.com", "192.0.2.1", True),
        ("example.com", "192.0.2.0/24", "example.com", "198.51.100.1", False),
        ("example.com", "192.0.2.0/24", "example.org", "192.0.2.1", False),
    ],
)
def test_for_whom(domain: str | None, network: str | None, author: str, ip: str, expected: bool) -> None:
    """A domain covers the names below it, a network its clients, and both together what is covered by both."""
    override = Override.model_validate({"domain": domain, "network": network, "skip": ("spf",)})
    assert list(matching((override,), inbound(ip), author)) == ([override] if expected else [])


@pytest.mark.parametrize("name", ["iprev", "spf", "dkim", "arc", "dmarc"])
def test_a_check_left_out_says_so(name: str) -> None:
    """It reports `none`, names the override for people, and the others judge as before."""
    found, usual = judge({"network": "192.0.2.0/24", "skip": (name,)}), judge()
    (evidence,) = found.of(name)
    assert evidence.code == f"{name}.none"
    assert evidence.facts == {"reason": "not judged by local policy"}
    assert "192.0.2.0/24" in evidence.detail
    assert [each for each in found.items if each.check != name] == [each for each in usual.items if each.check != name]


@pytest.mark.parametrize(
    ("author", "policy", "codes"),
    [
        (b"ann@example.com", "none", ["dmarc.fail"]),
        (b"ann@example.com", "quarantine", ["dmarc.fail", "dmarc.quarantine"]),
        (b"ann@example.org", "reject", ["dmarc.fail", "dmarc.reject"]),
        (b"ann@example.net", "reject", ["dmarc.none"]),
        (b"ann@example.com, bob@example.org", "none", ["dmarc.permerror"]),
    ],
)
def test_another_policy(author: bytes, policy: str, codes: list[str]) -> None:
    """The override's policy takes the place of a published one; where there is no record and no one author, nothing changes."""
    overrides = ({"domain": name, "dmarc_policy": policy} for name in ("example.com", "example.org", "example.net"))
    found = judge(*overrides, author=author)
    assert [each.code for each in found.of("dmarc")] == codes


def test_the_first_policy_counts() -> None:
    """Where several overrides are meant, the first one that names a policy decides."""
    found = judge(
        {"domain": "example.com", "skip": ("spf",)},
        {"domain": "example.com", "dmarc_policy": "none"},
        {"network": "192.0.2.0/24", "dmarc_policy": "reject"},
    )
    assert [each.code for each in found.of("dmarc")] == ["dmarc.fail"]
    assert found.of("spf")[0].facts == {"reason": "not judged by local policy"}


def test_without_overrides_nothing_is_wrapped() -> None:
    """A site without exceptions pays nothing for them, and own mail is not judged under them either."""
    assert not any(isinstance(check, Overridden) for check in build(Settings(), FakeDns(), FakeClock()))
    own = Envelope(client=inbound().client, direction=Direction.OUTBOUND)
    assert judge({"network": "192.0.2.0/24", "skip": ("spf",)}, envelope=own).items == ()
