"""Reputation: what is said about a sender, on how much evidence, and when nothing is."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatepost.checks.reputation.belief import confidence, strength, wanted_share
from gatepost.evidence import Evidence, Status
from gatepost.mail.envelope import Client, Direction, Envelope
from gatepost.world.clock import FakeClock
from gatepost.world.state.door import Mark, Tally
from gatepost.world.state.memory import MemoryState
from support.remembered import Away, Local, Site, dmarc, letter, mail

DMARC = dmarc("shop.example")
DKIM = Evidence("dkim", "dkim.pass", Status.PASS, facts={"header.d": "esp.example"})


def say(state: MemoryState, *found: Evidence, envelope: Envelope | None = None) -> Evidence:
    """Ask memory and give its one piece of evidence on the sender."""
    said = Site(state=state).judge(envelope or mail(), None, *found)
    (found_one,) = [item for item in said if item.check == "sender"]
    return found_one


@pytest.fixture
def state() -> MemoryState:
    """Give an empty memory."""
    return MemoryState(FakeClock())


@pytest.mark.parametrize(
    ("tally", "code", "status"),
    [
        (Tally(50, 0), "sender.good", Status.PASS),
        (Tally(0, 50), "sender.bad", Status.FAIL),
        (Tally(25, 25), "sender.neutral", Status.NEUTRAL),
        (Tally(2, 0), "sender.unknown", Status.NONE),
        (Tally(), "sender.unknown", Status.NONE),
    ],
)
def test_each_history_has_its_code(state: MemoryState, tally: Tally, code: str, status: Status) -> None:
    """Known for good, known for bad, for both, or not known."""
    state.remember([Mark("domain:shop.example", tally.wanted, tally.unwanted)])
    said = say(state, DMARC)
    assert (said.code, said.status, said.degraded) == (code, status, "")


def test_the_sentence_names_what_it_is_based_on(state: MemoryState) -> None:
    """A person reads who, in which capacity, and how much of each; a machine reads the confidence as well."""
    state.remember([Mark("domain:shop.example", 40.0, 1.0)])
    said = say(state, DMARC)
    assert said.detail == (
        "shop.example (author's domain, DMARC pass) sent about 40.0 wanted and 1.0 unwanted messages lately."
    )
    assert said.facts == {
        "sender.identity": "shop.example",
        "sender.role": "author",
        "sender.wanted": "40.0",
        "sender.unwanted": "1.0",
        "sender.wanted-share": "0.95",
        "sender.confidence": "0.90",
    }


def test_a_forged_name_gets_no_credit(state: MemoryState) -> None:
    """The best reputation is of no use to whoever fails to prove the name."""
    state.remember([Mark("domain:shop.example", wanted=100.0)])
    forged = Evidence("dmarc", "dmarc.fail", Status.FAIL, facts={"header.from": "shop.example"})
    assert say(state, forged).code == "sender.unknown"


def test_the_strongest_known_identity_speaks(state: MemoryState) -> None:
    """A known author outweighs its provider; an unknown author is judged by the provider, then by the place."""
    state.remember([Mark("network:192.0.2.0/24", unwanted=50.0)])
    by_network = say(state, DMARC, DKIM)
    assert (by_network.code, by_network.facts["sender.role"]) == ("sender.bad", "network")
    state.remember([Mark("address:192.0.2.1", unwanted=50.0)])
    by_address = say(state, DMARC, DKIM)
    assert by_address.facts["sender.role"] == "address"
    state.remember([Mark("domain:esp.example", wanted=50.0)])
    assert say(state, DMARC, DKIM).facts["sender.role"] == "signer"
    state.remember([Mark("domain:shop.example", unwanted=50.0)])
    by_author = say(state, DMARC, DKIM)
    assert (by_author.code, by_author.facts["sender.role"]) == ("sender.bad", "author")
    assert by_network.value == pytest.approx(by_author.value / 2)
    assert by_network.value < by_address.value < by_author.value


@pytest.mark.parametrize("key", ["network:192.0.2.0/24", "address:192.0.2.1"])
def test_a_good_place_does_not_speak_for_a_sender(state: MemoryState, key: str) -> None:
    """Whoever forges a name from a shared host must not profit from its neighbours."""
    state.remember([Mark(key, wanted=100.0)])
    forged = Evidence("dmarc", "dmarc.fail", Status.FAIL, facts={"header.from": "shop.example"})
    assert say(state, forged).code == "sender.neutral"


def test_nobody_at_all_is_unknown() -> None:
    """Mail without a client address or a proven name asks nothing."""
    assert say(Away(FakeClock()), envelope=Envelope()).code == "sender.unknown"


def test_own_users_are_not_asked_about() -> None:
    """Outbound and authenticated mail gets no opinion."""
    for envelope in (Envelope(direction=Direction.OUTBOUND), Envelope(client=Client(login="ann"))):
        assert not [item for item in Site().judge(envelope, letter(), DMARC) if item.check == "sender"]


def test_a_store_that_is_away_is_not_called_unknown() -> None:
    """No answer is temperror; local memory speaks of those it knows; both are marked degraded."""
    said = say(Away(FakeClock()), DMARC)
    assert (said.code, said.status, said.degraded) == ("sender.temperror", Status.TEMPERROR, "state")
    local = Local(FakeClock())
    assert (say(local, DMARC).code, say(local, DMARC).degraded) == ("sender.temperror", "state")
    local.remember([Mark("domain:shop.example", wanted=50.0)])
    assert (say(local, DMARC).code, say(local, DMARC).degraded) == ("sender.good", "state")


def test_strength_grows_as_documented() -> None:
    """The numbers in the module's own words."""
    assert [round(strength(Tally(wanted, 0)), 2) for wanted in (3, 10, 100)] == [0.06, 0.58, 0.95]
    assert [round(confidence(Tally(wanted, 0)), 2) for wanted in (0, 100)] == [0.05, 0.97]


@given(wanted=st.floats(0, 1_000), unwanted=st.floats(0, 1_000))
@settings(max_examples=200)
def test_strength_is_fair_and_bounded(wanted: float, unwanted: float) -> None:
    """Within -1 and 1, mirrored when good and bad change places, and never against the majority."""
    tally = Tally(wanted, unwanted)
    lean = strength(tally)
    assert -1.0 < lean < 1.0
    assert lean == pytest.approx(-strength(Tally(unwanted, wanted)))
    assert lean * (wanted - unwanted) >= 0
    assert 0.0 <= confidence(tally) < 1.0
    assert 0.0 < wanted_share(tally) < 1.0
