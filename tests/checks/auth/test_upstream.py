"""Trusted upstreams: whose word counts, for which method, and what it replaces."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.checks.auth.dmarc import DmarcCheck, identifiers_of
from gatepost.checks.auth.family import build
from gatepost.checks.auth.settings import Settings
from gatepost.checks.auth.upstream import CODES, UpstreamCheck
from gatepost.evidence import Found
from gatepost.mail.address import Address
from gatepost.mail.message import from_bytes
from gatepost.world.clock import FakeClock
from gatepost.world.dns.fake import FakeDns, NoNetworkDns
from support.suites_auth import inbound

SETTINGS = Settings.model_validate({"trusted_upstreams": ["192.0.2.0/24"], "trusted_authserv_ids": ["GW.example."]})
LETTER = b"From: ann@example.com\r\nSubject: x\r\n\r\nhello\r\n"


def judge(*fields: bytes, ip: str = "192.0.2.1", resolver: object = None, settings: Settings = SETTINGS) -> Found:
    """Run the whole family on a message with these A-R values on top."""
    letter = from_bytes(b"".join(b"Authentication-Results: " + each + b"\r\n" for each in fields) + LETTER)
    found = Found()
    for check in build(settings, resolver or FakeDns(), FakeClock()):
        found = found.plus(check.run(inbound(ip, sender=Address("ann", "example.com")), letter, found))
    return found


def test_the_relay_is_not_judged_in_the_senders_place() -> None:
    """SPF and iprev say `none` and why, and ask nobody."""
    found = judge(b"gw.example; none", resolver=NoNetworkDns())
    for code in ("spf.none", "iprev.none"):
        evidence = found.code(code)
        assert evidence is not None
        assert evidence.facts["reason"] == "relayed by a trusted upstream"
        assert not evidence.degraded


@pytest.mark.parametrize(
    ("result", "domain", "sure"),
    [
        (b"spf=pass smtp.mailfrom=ann@Example.COM", "example.com", True),
        (b"spf=pass smtp.mailfrom=example.com", "example.com", True),
        (b"spf=temperror smtp.mailfrom=example.com", "example.com", False),
        (b"spf=fail smtp.mailfrom=example.com", None, False),
        (b"spf=pass smtp.helo=example.com", None, False),
        (b"spf=pass", None, False),
        (b"dkim=pass header.d=example.com smtp.mailfrom=example.com", None, False),
    ],
)
def test_which_results_become_identifiers(result: bytes, domain: str | None, sure: bool) -> None:
    """The relay's SPF for the envelope sender takes the place of ours; DKIM is judged on the message as it arrived."""
    found = identifiers_of(judge(b"gw.example; " + result))
    assert [(each.method, each.domain, each.sure) for each in found] == ([("spf", domain, sure)] if domain else [])


def test_a_bounce_is_known_by_the_helo_name_that_the_relay_saw() -> None:
    """Under the null path the relay's SPF speaks of HELO, as ours does (RFC 7208 2.4)."""
    found = judge(b"gw.example; spf=pass smtp.helo=mx.example.com")
    assert [each.domain for each in identifiers_of(found, null_path=True)] == ["mx.example.com"]
    letter = from_bytes(b"Authentication-Results: gw.example; spf=pass smtp.helo=mx.example.com\r\n" + LETTER)
    dns = FakeDns({"_dmarc.example.com": {"TXT": ["v=DMARC1; p=reject"]}})
    before = UpstreamCheck(SETTINGS.trusted_upstreams, SETTINGS.authserv_ids).run(inbound(), letter, Found())
    for sender, code in ((None, "dmarc.pass"), (Address("ann", "example.com"), "dmarc.fail")):
        evidence = DmarcCheck(dns).run(inbound(sender=sender), letter, Found(before))
        assert evidence[0].code == code


@pytest.mark.parametrize(
    ("fields", "codes"),
    [
        ((b"other.example; spf=pass smtp.mailfrom=example.com",), ["relayed", "silent"]),
        ((b"other.example; spf=pass", b"gw.example; spf=fail"), ["relayed", "fail"]),
        ((b"gw.example; spf=fail", b"gw.example; spf=pass smtp.mailfrom=example.com"), ["relayed", "fail"]),
        ((b"gw.example (; spf=pass", b"gw.example; spf=fail"), ["relayed", "fail"]),
        ((b"i=1; gw.example; dmarc=pass header.from=example.com",), ["relayed", "silent"]),
        ((b"i=1; gw.example; dmarc=pass header.from=example.com", b"gw.example; spf=fail"), ["relayed", "fail"]),
        ((b"gw.example; auth=pass",), ["relayed", "pass", "silent"]),
        ((b"gw.example; dmarc=pass header.from=example.com",), ["relayed", "pass", "vouched"]),
        ((b"gw.example; dmarc=pass header.from=example.org",), ["relayed", "pass"]),
        ((b"gw.example; dkim=pass header.d=a.example.com",), ["relayed", "pass", "silent", "vouched"]),
        ((), ["relayed", "silent"]),
    ],
)
def test_what_is_read(fields: tuple[bytes, ...], codes: list[str]) -> None:
    """The topmost field by a trusted name is read, and no other."""
    assert [each.code for each in judge(*fields).of("upstream")] == [f"upstream.{code}" for code in codes]


def test_strangers_are_not_read() -> None:
    """The same field from another client says nothing, and that client is judged itself."""
    found = judge(b"gw.example; spf=pass smtp.mailfrom=example.com", ip="198.51.100.1")
    assert found.of("upstream") == ()
    assert identifiers_of(found) == ()
    assert judge(ip="::ffff:192.0.2.1").code("upstream.relayed") is not None


@given(st.binary(max_size=200))
def test_nothing_raises(value: bytes) -> None:
    """Whatever a relay writes, its evidence has known codes."""
    found = judge(b"gw.example; " + value.replace(b"\r", b"").replace(b"\n", b""))
    assert {each.code for each in found.of("upstream")} <= set(CODES)
