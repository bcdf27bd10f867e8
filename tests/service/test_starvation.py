"""A sender chooses what SPF, DKIM and iprev ask, and of whom: none of that keeps DMARC from asking, or others from their turn."""

from __future__ import annotations

import time
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any

import pytest

from gatepost.checks.auth.family import SHARES
from gatepost.ledger.record import Record
from gatepost.mail import limits
from gatepost.mail.address import Address
from gatepost.mail.envelope import Client, Envelope
from gatepost.mail.message import from_bytes
from gatepost.service.assemble import pipeline
from gatepost.service.config import load
from gatepost.service.doors import Doors
from gatepost.testing import FakeClock, FakeDns, FakeScanner, MemoryState
from gatepost.verdict import Quarantine
from gatepost.world import budget
from gatepost.world.clock import Clock, SystemClock
from gatepost.world.dns.door import Answer, Question, Resolver, TempFailure
from gatepost.world.dns.live import LiveResolver
from gatepost.world.dns.live import Settings as DnsSettings
from support.dns_server import real_dns
from support.signing import ed25519_key, sign

LETTER = b"From: %b\r\nTo: b@example.org\r\nSubject: hi\r\nMessage-ID: <1@x.example>\r\n\r\nPay today.\r\n"
VICTIM = {"_dmarc.victim.example": {"TXT": ["v=DMARC1; p=reject; sp=reject"]}}
HOSTS = [f"m{number}.att.example" for number in range(9)]
COSTLY: Mapping[str, Mapping[str, Any]] = {
    "att.example": {"TXT": ["v=spf1 " + " ".join(f"mx:{host}" for host in HOSTS) + " +all"]},
    **{host: {"MX": [[10, f"h{number}.{host}"] for number in range(10)]} for host in HOSTS},
    **{f"h{number}.{host}": {"A": ["203.0.113.5"]} for host in HOSTS for number in range(10)},
    "1.2.0.192.in-addr.arpa": {"PTR": [f"r{number}.att.example" for number in range(10)]},
}
_SLOW = (".att.example", ".slow.example")
_SECONDS = 2.5


class SluggishDns(FakeDns):
    """Keeps to the budget as the live resolver does; names of the attacker cost time, and give their answer or none."""

    def __init__(self, zone: Mapping[str, Any], clock: FakeClock, *, silent: bool) -> None:
        """Take the zone and how slow names end."""
        super().__init__(zone)
        self._clock, self._silent = clock, silent

    def ask(self, question: Question) -> Answer:
        """Give the answer as long as the budget lasts."""
        allowed = budget.current()
        if not allowed.take_lookup() or not allowed.remaining():
            return TempFailure("the budget is spent")
        if question.name.endswith(_SLOW):
            in_time = allowed.remaining() > _SECONDS
            self._clock.advance(min(_SECONDS, allowed.remaining()))
            if self._silent or not in_time:
                return TempFailure("timeout")
        return super().ask(question)


def judged(resolver: Resolver, clock: Clock, letter: bytes) -> Record:
    """Judge a letter that comes from att.example's client by the pipeline of a site as it is built."""
    doors = Doors(clock, resolver, MemoryState(clock), FakeScanner())
    client = Client(ip_address("192.0.2.1"), helo="h.example")
    envelope = Envelope(client=client, sender=Address("x", "att.example"))
    return pipeline(load(None), doors, b"key", live=False).judge(envelope, from_bytes(letter))


@pytest.mark.parametrize("author", [b"a@victim.example", b"a@sub.victim.example"])
def test_a_costly_spf_record_costs_dmarc_nothing(author: bytes) -> None:
    """A record that asks all that RFC 7208 4.6.4 allows is evaluated to its end, and DMARC asks behind it what it has to."""
    with real_dns({**COSTLY, **VICTIM}) as address:
        clock = SystemClock()
        record = judged(LiveResolver(DnsSettings(servers=(address,)), clock), clock, LETTER % author)
    codes = [item.code for item in record.evidence]
    assert {"spf.pass", "dmarc.fail", "dmarc.reject"} <= set(codes)
    assert isinstance(record.verdict.outcome, Quarantine)


@pytest.mark.parametrize("silent", [False, True])
def test_slow_name_servers_cost_dmarc_nothing(*, silent: bool) -> None:
    """However slow the sender's own name servers are, a forged signature is seen through, DMARC fails, and every check has its turn."""
    letter = LETTER % b"a@sub.victim.example"
    for number in range(limits.DKIM_SIGNATURES):
        domain = f"d{number}.slow.example" if number else "victim.example"
        letter = sign(letter, ed25519_key(), domain=domain.encode())
    clock = FakeClock(time.time())
    record = judged(SluggishDns({**COSTLY, **VICTIM}, clock, silent=silent), clock, letter)
    codes = [item.code for item in record.evidence]
    assert {"iprev.temperror", "spf.temperror", "dmarc.fail", "dmarc.reject"} <= set(codes)
    signed = [(item.facts["header.d"], item.code) for item in record.evidence if item.check == "dkim"]
    assert signed[-1] == ("victim.example", "dkim.permerror")
    assert signed[0][1] == "dkim.temperror"
    assert not [code for code in codes if code.endswith(".timeout")]
    assert record.seconds < 30


def test_the_questions_of_all_checks_together_are_bounded() -> None:
    """The shares that authentication names and those that others have by default add up to less than 400 questions."""
    checks = pipeline(
        load(None), Doors(FakeClock(), FakeDns(), MemoryState(FakeClock()), FakeScanner()), b"", live=False
    ).lineup
    assert {check.name for check in checks} >= set(SHARES)
    asking = sum(SHARES.get(name, budget.Share()).lookups for name in [*SHARES, "dnslist"])
    assert asking < 400


def test_the_times_leave_something_to_everybody() -> None:
    """Each check that asks DNS waits no longer than the one after it may, and the last leaves time to read the message."""
    ends = [SHARES[name].until for name in ("iprev", "spf", "dkim", "dmarc")]
    assert ends == sorted(set(ends))
    assert ends[-1] < 1
    assert SHARES["arc"].until == SHARES["dkim"].until
