"""What the site learns from its own verdicts, and what it refuses to learn."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address, ip_network

import pytest

from gatepost.effects.remember import Remembering
from gatepost.effects.teach import Label as Given
from gatepost.effects.teach import take_back, teach
from gatepost.evidence import Evidence, Status
from gatepost.mail.envelope import Client, Direction, Envelope
from gatepost.verdict import Accept, Because, Defer, Label, Quarantine, Reject, Verdict
from gatepost.world.clock import FakeClock
from gatepost.world.seen.lessons import LABEL_WEIGHT
from gatepost.world.state.door import Put, Tally
from gatepost.world.state.memory import MemoryState
from support.remembered import DAY, KEPT, PEOPLE, Away, letter

MAIL = Envelope(client=Client(ip=ip_address("192.0.2.1")))
DMARC = Evidence("dmarc", "dmarc.pass", Status.PASS, facts={"header.from": "shop.example"})
VIRUS = Evidence("virus", "virus.infected", Status.FAIL)
HAM = Verdict(Accept(), -1.0, (Because("content.ham", -1.0),), Label.HAM, 0.01)
SPAM = Verdict(Reject((5, 7, 1), "spam"), 16.0, (Because("content.spam", 16.0),), Label.SPAM, 0.999)
KEYS = ["domain:shop.example", "network:192.0.2.0/24"]
LETTER = letter()


def learned(verdict: Verdict, *evidence: Evidence, envelope: Envelope = MAIL) -> list[Tally]:
    """Give what is known of the author's domain and of the network after one verdict."""
    state = MemoryState(FakeClock())
    Remembering(state, PEOPLE, KEPT)(envelope, LETTER, evidence or (DMARC,), verdict)
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
    remembering = Remembering(Away(FakeClock()), PEOPLE, KEPT)
    remembering(MAIL, LETTER, (DMARC,), HAM)
    remembering.unknown_recipient(MAIL)
    assert "an unknown recipient is not remembered" in caplog.text
    assert "not remembered: redis at nowhere: refused" in caplog.text


def test_each_kind_of_unwanted_mail_is_kept_apart() -> None:
    """Belief goes by wanted and unwanted; what it was stands beside it."""
    state = MemoryState(FakeClock())
    remembering = Remembering(state, PEOPLE, KEPT)
    remembering(MAIL, LETTER, (DMARC,), replace(SPAM, label=Label.PHISH))
    remembering(MAIL, LETTER, (DMARC, VIRUS), SPAM)
    remembering(MAIL, LETTER, (DMARC,), SPAM)
    whole, phish, virus, unknown = state.recall(
        [f"{kind}domain:shop.example" for kind in ("", "phish:", "virus:", "unknown:")]
    )
    assert (whole.unwanted, phish.unwanted, virus.unwanted, unknown.unwanted) == (2.0, 0.5, 1.0, 0.0)


def test_an_unknown_recipient_is_held_against_the_place_alone() -> None:
    """A harvester's address and network lose a quarter of a message each; own users and relays mistype freely."""
    state = MemoryState(FakeClock())
    remembering = Remembering(state, PEOPLE, KEPT, exempt=(ip_network("198.51.100.0/24"),))
    for _ in range(4):
        remembering.unknown_recipient(MAIL)
    remembering.unknown_recipient(Envelope(client=Client(ip=ip_address("198.51.100.1"))))
    remembering.unknown_recipient(Envelope(client=Client(ip=ip_address("203.0.113.1"), login="ann")))
    remembering.unknown_recipient(Envelope())
    keys = ["address:192.0.2.1", "network:192.0.2.0/24", "unknown:address:192.0.2.1", "domain:shop.example"]
    assert state.recall(keys) == [Tally(0, 1.0), Tally(0, 1.0), Tally(0, 1.0), Tally()]
    assert state.recall(["network:198.51.100.0/24", "network:203.0.113.0/24"]) == [Tally(), Tally()]


def test_an_exempt_relay_is_not_blamed_for_what_it_hands_on() -> None:
    """The relay's network has no record; the author behind it has."""
    state = MemoryState(FakeClock())
    Remembering(state, PEOPLE, KEPT, exempt=(ip_network("192.0.2.0/24"),))(MAIL, LETTER, (DMARC,), SPAM)
    assert state.recall(KEYS) == [Tally(0, 0.5), Tally()]


@pytest.mark.parametrize(
    "record", [b"junk", b"\xff", b"[]", b'{"a":1}', b'["odd",1,"k"]', b'["spam","x","k"]', b"[" * 900]
)
def test_what_is_no_record_of_a_label_takes_nothing_back(record: bytes) -> None:
    """Bytes that somebody else left in its place: the message can be labelled, and its label taken back, all the same."""
    clock = FakeClock()
    state = MemoryState(clock)
    state.exchange([Put("label:x", record, 600)])
    take_back(state, ["x"], clock.now(), DAY)
    state.exchange([Put("label:x", record, 600)])
    teach(state, [Given("x", "spam", ("k",))], clock.now(), DAY)
    assert state.recall(["k"]) == [Tally(0.0, LABEL_WEIGHT)]
    take_back(state, ["x"], clock.now(), DAY)
    assert state.recall(["k"]) == [Tally()]
