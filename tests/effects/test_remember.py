"""What the site learns from its own verdicts, and what it refuses to learn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from ipaddress import ip_address

import pytest

from gatepost.effects.remember import remember
from gatepost.evidence import Evidence, Status
from gatepost.mail.envelope import Client, Direction, Envelope
from gatepost.verdict import Accept, Because, Defer, Label, Quarantine, Reject, Verdict
from gatepost.world.clock import FakeClock
from gatepost.world.state.door import Mark, StateUnavailableError, Tally
from gatepost.world.state.memory import MemoryState

MAIL = Envelope(client=Client(ip=ip_address("192.0.2.1")))
DMARC = Evidence("dmarc", "dmarc.pass", Status.PASS, facts={"header.from": "shop.example"})
VIRUS = Evidence("virus", "virus.infected", Status.FAIL)
HAM = Verdict(Accept(), -1.0, (Because("content.ham", -1.0),), Label.HAM, 0.01)
SPAM = Verdict(Reject((5, 7, 1), "spam"), 16.0, (Because("content.spam", 16.0),), Label.SPAM, 0.999)
KEYS = ["domain:shop.example", "network:192.0.2.0/24"]


def learned(verdict: Verdict, *evidence: Evidence, envelope: Envelope = MAIL) -> list[Tally]:
    """Give what is known of the author's domain and of the network after one verdict."""
    state = MemoryState(FakeClock())
    remember(state, envelope, evidence or (DMARC,), verdict)
    return state.recall(KEYS)


def test_sure_verdicts_count_half_a_message() -> None:
    """Plain ham counts as wanted, plain spam as unwanted, for the proven author and for the network."""
    assert learned(HAM) == [Tally(0.5, 0)] * 2
    assert learned(SPAM) == [Tally(0, 0.5)] * 2
    assert learned(replace(SPAM, outcome=Quarantine("spam"))) == [Tally(0, 0.5)] * 2
    assert learned(replace(SPAM, outcome=Accept(), score=7.0, because=())) == [Tally(0, 0.5)] * 2


def test_a_virus_counts_whole() -> None:
    """A virus is no opinion, whatever the classifier thought of the text."""
    assert learned(replace(HAM, outcome=Reject((5, 7, 1), "virus")), DMARC, VIRUS) == [Tally(0, 1.0)] * 2


@pytest.mark.parametrize(
    "verdict",
    [
        replace(HAM, degraded=("dns",)),
        replace(SPAM, degraded=("state",)),
        replace(HAM, label=Label.BULK),
        replace(HAM, probability=0.4),
        replace(HAM, probability=None),
        replace(HAM, score=3.0, because=()),
        replace(SPAM, probability=0.6),
        replace(SPAM, score=4.0, because=()),
        replace(SPAM, outcome=Defer((4, 7, 1), "later")),
        replace(HAM, outcome=Defer((4, 7, 1), "later")),
    ],
)
def test_doubtful_and_degraded_verdicts_teach_nothing(verdict: Verdict) -> None:
    """Neither the middle of the scale nor a verdict with a part missing nor a deferral is a lesson."""
    assert learned(verdict) == [Tally(), Tally()]


def test_reputation_does_not_feed_itself() -> None:
    """Points that memory gave are taken out first: they can neither make mail wanted nor unwanted."""
    praised = Verdict(Accept(), 0.5, (Because("content.x", 3.5), Because("sender.good", -3.0)), Label.HAM, 0.05)
    blamed = Verdict(
        Quarantine("x"),
        10.0,
        (Because("content.x", 4.0), Because("sender.bad", 4.0), Because("rate.client-high", 2.0)),
        Label.SPAM,
        0.95,
    )
    assert learned(praised) == [Tally(), Tally()]
    assert learned(blamed) == [Tally(), Tally()]


def test_a_forged_domain_is_not_blamed() -> None:
    """Spam that only claims a domain is held against the network it came from."""
    forged = Evidence("dmarc", "dmarc.fail", Status.FAIL, facts={"header.from": "shop.example"})
    assert learned(SPAM, forged) == [Tally(), Tally(0, 0.5)]


def test_own_mail_is_not_judged() -> None:
    """Outbound mail and logged-in users leave no trace."""
    for envelope in (replace(MAIL, direction=Direction.OUTBOUND), Envelope(client=Client(MAIL.client.ip, login="ann"))):
        assert learned(SPAM, envelope=envelope) == [Tally(), Tally()]
    assert learned(SPAM, Evidence("x", "x.y"), envelope=Envelope()) == [Tally(), Tally()]


def test_trouble_with_the_store_is_only_logged(caplog: pytest.LogCaptureFixture) -> None:
    """The mail goes on; one line says what was lost."""

    class Away(MemoryState):
        def remember(self, marks: Sequence[Mark]) -> None:
            raise StateUnavailableError(f"redis at nowhere: refused {len(marks)}")

    remember(Away(FakeClock()), MAIL, (DMARC,), HAM)
    assert "not remembered: redis at nowhere: refused" in caplog.text
