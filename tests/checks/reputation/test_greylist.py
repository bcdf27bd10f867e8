"""Greylisting: doubtful first contacts come back once, mail servers are known by it, and no mail is lost for it."""

from __future__ import annotations

import pytest

from gatepost.checks.reputation.family import GreylistSettings
from gatepost.decision.decide import decide
from gatepost.decision.policy import Policy
from gatepost.evidence import Evidence, Status
from gatepost.mail.envelope import Direction, Envelope
from gatepost.verdict import Accept, Defer, Reject
from gatepost.world.clock import FakeClock
from gatepost.world.state.door import Mark
from gatepost.world.state.memory import MemoryState
from support.remembered import Away, Local, Site, dmarc, letter, mail, with_table

ON = with_table(greylist=GreylistSettings(enabled=True))
DOUBTFUL = Evidence("content", "content.spam", value=0.5)
CLEAN = Evidence("content", "content.ham")


def arrive(site: Site, envelope: Envelope, *before: Evidence, opinion: Evidence = DOUBTFUL) -> tuple[str, list[str]]:
    """Let a message arrive and be remembered; gives what was decided and what greylisting said."""
    message = letter()
    evidence = (*before, opinion, *site.judge(envelope, message, *before, opinion))
    verdict = decide(Policy(), envelope.direction, evidence)
    site.remembering(envelope, message, evidence, verdict)
    return type(verdict.outcome).__name__, [
        item.code.removeprefix("greylist.") for item in evidence if item.check == "greylist"
    ]


def test_a_doubtful_first_contact_comes_back_and_is_through() -> None:
    """Deferred with 4.7.1, deferred again while it is early, accepted after the minimum time, and from then on."""
    site = Site(ON)
    assert arrive(site, mail()) == ("Defer", ["first"])
    site.clock.advance(100)
    assert arrive(site, mail()) == ("Defer", ["early"])
    site.clock.advance(250)
    assert arrive(site, mail()) == ("Accept", ["passed"])
    site.clock.advance(10)
    assert arrive(site, mail("192.0.2.99")) == ("Accept", ["passed"])  # another host of the same network
    verdict = decide(Policy(), Direction.INBOUND, [DOUBTFUL, Evidence("greylist", "greylist.first")])
    assert isinstance(verdict.outcome, Defer)
    assert verdict.outcome.code == (4, 7, 1)


def test_only_doubtful_mail_is_put_off() -> None:
    """A first contact below the mark of doubt is let in, and known from then on; one that is refused anyway is refused."""
    site = Site(ON)
    assert arrive(site, mail(), opinion=CLEAN) == ("Accept", ["first"])
    assert arrive(site, mail()) == ("Accept", [])
    infected = Evidence("virus", "virus.infected")
    verdict = decide(Policy(), Direction.INBOUND, [infected, Evidence("greylist", "greylist.first")])
    assert isinstance(verdict.outcome, Reject)


def test_networks_that_come_back_are_not_asked_again() -> None:
    """After three contacts that were tried again the network has proved itself."""
    site = Site(ON)
    for number in range(3):
        arrive(site, mail(sender=f"a{number}@x.example"))
        site.clock.advance(400)
        assert arrive(site, mail(sender=f"a{number}@x.example")) == ("Accept", ["passed"])
    assert arrive(site, mail(sender="new@y.example")) == ("Accept", [])
    assert arrive(site, mail("198.51.100.1", sender="new@y.example")) == ("Defer", ["first"])


def test_authenticated_senders_take_their_trust_along() -> None:
    """A domain that came back three times is not put off from another network; one with a record never is."""
    site, proof = Site(ON), dmarc("shop.example")
    for number in range(3):
        arrive(site, mail(sender=f"a{number}@shop.example"), proof)
        site.clock.advance(400)
        arrive(site, mail(sender=f"a{number}@shop.example"), proof)
    assert arrive(site, mail("198.51.100.1", sender="b@shop.example"), proof) == ("Accept", [])
    known = Site(ON)
    known.state.remember([Mark("domain:shop.example", wanted=10.0)])
    assert arrive(known, mail(), proof) == ("Accept", [])
    bad = Site(ON)
    bad.state.remember([Mark("domain:shop.example", unwanted=3.0)])
    assert arrive(bad, mail(), proof)[1] == ["first"]


def test_own_mail_bounces_and_relays_are_never_put_off() -> None:
    """Neither submission nor the null path nor an exempt network nor mail without an address."""
    site = Site(ON)
    for envelope in (
        mail(login="ann"),
        mail(direction=Direction.OUTBOUND),
        mail(direction=Direction.INTERNAL),
        mail(sender=""),
        mail("127.0.0.1"),
        mail(ip=""),
    ):
        assert arrive(site, envelope)[1] == []


def test_known_forwarders_are_never_put_off() -> None:
    """The administrator named them, and what they hand on is not theirs: they could never prove that they try again."""
    assert arrive(Site(ON), mail(), Evidence("forward", "forward.known", Status.PASS)) == ("Accept", [])


def test_a_clock_that_was_ahead_keeps_nobody_out() -> None:
    """A contact that was noted a day ahead, and put off, is through when the clock is right again; a second ahead is none."""
    for ahead, decided in ((86_400, "Accept"), (1, "Defer")):
        site = Site(ON)
        site.clock.advance(ahead)
        assert arrive(site, mail())[0] == "Defer"
        site.clock.advance(-ahead)
        assert arrive(site, mail())[0] == decided


def test_it_is_off_unless_switched_on() -> None:
    """The default delays nothing."""
    assert arrive(Site(), mail()) == ("Accept", [])


class ReadOnlySoon(MemoryState):
    """A store that takes nothing new."""

    def exchange(self, asks):
        """Answer as one that did not write."""
        return [False if answer is True else answer for answer in super().exchange(asks)]


@pytest.mark.parametrize("store", [Away, Local, ReadOnlySoon])
def test_trouble_with_the_store_puts_nobody_off(store: type[MemoryState]) -> None:
    """Neither local memory nor no memory nor a store that did not write the contact down defers anything."""
    clock = FakeClock()
    assert arrive(Site(ON, store(clock), clock), mail())[0] == "Accept"


def test_a_store_that_lost_the_deferral_lets_the_retry_in() -> None:
    """Where it was not written down that the message was put off, it is not put off again."""
    site = Site(ON)
    site.judge(mail(), letter(), DOUBTFUL)  # judged, but what came of it was never remembered
    assert arrive(site, mail()) == ("Accept", [])
    assert isinstance(decide(Policy(), Direction.INBOUND, [DOUBTFUL]).outcome, Accept)
