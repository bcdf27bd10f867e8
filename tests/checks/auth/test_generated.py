"""A hundred thousand made-up messages and From lines: no exception, no pass for a stranger, one author."""

from __future__ import annotations

import random
import time
from collections import Counter

import authres
import pytest

from gatepost.arrival.session import Transaction
from gatepost.checks.auth.dmarc import DmarcCheck
from gatepost.checks.auth.family import Settings, build
from gatepost.effects.headers import authentication_results
from gatepost.evidence import Evidence, Found, Status
from gatepost.mail.address import author
from gatepost.mail.authres import read_results
from gatepost.mail.envelope import Client, Direction
from gatepost.mail.header import Header
from gatepost.mail.message import Message, from_bytes
from gatepost.world.clock import FakeClock
from gatepost.world.dns.fake import FakeDns
from support.generated_mail import ATTACKER, VICTIM, ZONE, from_lines, messages, plain_domains
from support.suites_auth import inbound

LINES, MAIL, PARTS = 90_000, 10_000, 10

ATTACKER_IS_PROVEN = Found(
    (
        Evidence("spf", "spf.pass", Status.PASS, facts={"domain": ATTACKER}),
        Evidence("dkim", "dkim.pass", Status.PASS, facts={"header.d": ATTACKER}),
    )
)


def _within(domain: str, organization: str) -> bool:
    return domain == organization or domain.endswith("." + organization)


@pytest.mark.parametrize("part", range(PARTS))
def test_from_lines(part: int) -> None:
    """Whatever From says: the author stands in it, nobody else does, it is the same when read again, and DMARC agrees."""
    dice = random.Random(part)
    dns, seen = FakeDns(ZONE), Counter[str]()
    check, envelope = DmarcCheck(dns), inbound()
    for _ in range(LINES // PARTS):
        message = from_bytes(from_lines(dice))
        writer = author(message.headers)
        assert writer == author(from_bytes(message.raw()).headers)
        if b"\r\r\n" not in message.raw():  # an MTA hands that over as CRLF, which is no longer a bare CR
            other = author(_through_the_milter(message))
            assert (writer.mailbox, writer.problem) == (other.mailbox, other.problem)
        assert (writer.mailbox is None) == (writer.problem is not None)
        seen["problem" if writer.problem else "mailbox"] += 1
        evidence = check.run(envelope, message, ATTACKER_IS_PROVEN)
        if writer.mailbox is None:
            assert evidence[0].code in ("dmarc.permerror", "dmarc.none")
            continue
        fields = [header.value for header in message.headers if header.key == b"from"]
        assert len(fields) == 1
        assert plain_domains(fields[0].decode("utf-8", "surrogateescape")) == {writer.mailbox.domain}, fields
        if evidence[0].status is Status.PASS:
            assert _within(writer.mailbox.domain, ATTACKER), fields
    assert min(seen["problem"], seen["mailbox"]) > LINES // PARTS // 10, seen


def _through_the_milter(message: Message) -> tuple[Header, ...]:
    """Give the fields as they come from an MTA, folded with LF alone."""
    transaction = Transaction(Client(), Direction.INBOUND, None)
    for header in message.headers:
        transaction.header(header.name, header.value.replace(b"\r\n", b"\n"))
    return tuple(transaction.headers)


@pytest.mark.parametrize("part", range(PARTS))
def test_messages(part: int) -> None:
    """Whatever a message claims: it passes only for who vouches for it, and its results can be read by others."""
    clock = FakeClock(time.time())
    checks = build(Settings(), FakeDns(ZONE), clock)
    seen = Counter[str]()
    for number, made in enumerate(messages(part, MAIL // PARTS)):
        message = from_bytes(made.data)
        found = Found()
        for check in checks:
            found = found.plus(check.run(made.envelope, message, found))
        seen.update(item.code for item in found.items)
        for item in found.of("dkim"):
            assert item.status is not Status.PASS or item.facts["header.d"] in made.dkim, made
        for item in found.of("spf"):
            assert item.status is not Status.PASS or item.facts["domain"] in made.spf, made
        (verdict,) = (item for item in found.of("dmarc") if item.code == f"dmarc.{item.status}")
        if verdict.status is Status.PASS:
            organization = next(name for name in (VICTIM, ATTACKER) if _within(verdict.facts["header.from"], name))
            assert any(_within(domain, organization) for domain in made.spf | made.dkim), made
        _one_result_set(message, found, slow=number % 8 == 0)
    assert {"dmarc.pass", "dmarc.fail", "dmarc.permerror", "dkim.pass", "dkim.fail", "spf.pass", "spf.fail"} <= set(
        seen
    )


def _one_result_set(message: Message, found: Found, *, slow: bool) -> None:
    """Hold Authentication-Results to what readers get out of it: our own, and now and then authres, which takes its time."""
    line = authentication_results("mx.example.org", found.items)
    assert "\n" not in line
    assert "\r" not in line
    read = read_results(line.encode())
    assert read is not None
    assert read.authserv_id == "mx.example.org"
    got = [(result.method, result.word) for result in read.results]
    assert got == [(item.check, str(item.status)) for item in found.items if item.code == f"{item.check}.{item.status}"]
    writer = author(message.headers)
    for result in read.results:
        if result.method == "dmarc" and writer.mailbox:
            assert result.properties["header.from"] == writer.mailbox.domain
    if slow:
        other = authres.AuthenticationResultsHeader.parse_value(line)
        assert [(result.method, result.result) for result in other.results] == got
