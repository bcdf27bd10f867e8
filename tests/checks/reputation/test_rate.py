"""Rates: what is counted for whom, soft and hard limits, the gate at RCPT, and a store that is away."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address

import pytest
from pydantic import ValidationError

from gatepost.checks.reputation.family import CODES, Settings, build, build_gate
from gatepost.checks.reputation.rate import RateCheck, RateGate
from gatepost.evidence import Evidence, Found, Status
from gatepost.mail.address import Address
from gatepost.mail.envelope import Client, Direction, Envelope
from gatepost.mail.message import Message
from gatepost.world.clock import FakeClock
from gatepost.world.state.door import Hit, StateUnavailableError
from gatepost.world.state.memory import MemoryState

SPF = Found((Evidence("spf", "spf.pass", Status.PASS, facts={"smtp.mailfrom": "a@shop.example"}),))


class Away(MemoryState):
    """A state whose every question fails."""

    def hit(self, hits: Sequence[Hit]) -> list[float]:
        """Fail."""
        raise StateUnavailableError(f"redis at nowhere: refused {len(hits)}")


class Local(MemoryState):
    """A state that answers from local memory."""

    def degraded(self) -> bool:
        """Say so."""
        return True


def mail(ip: str = "192.0.2.1", sender: str = "shop.example", login: str = "", **more) -> Envelope:
    """Make an envelope."""
    direction = Direction.OUTBOUND if login else Direction.INBOUND
    return Envelope(
        client=Client(ip=ip_address(ip), login=login),
        sender=Address("a", sender) if sender else None,
        direction=more.pop("direction", direction),
        **more,
    )


def say(check: RateCheck, envelope: Envelope, found: Found = SPF) -> list[str]:
    """Run the check and give its codes, each of them documented."""
    said = [item.code for item in check.run(envelope, Message(()), found)]
    assert set(said) <= set(CODES)
    return said


@pytest.fixture
def state() -> MemoryState:
    """Give an empty memory."""
    return MemoryState(FakeClock())


def test_grows_from_normal_over_high_to_exceeded(state: MemoryState) -> None:
    """Up to the soft limit nothing is said against a client; then a growing value; past the hard limit `exceeded`."""
    check = RateCheck(Settings(client_soft=2, client_hard=10), state)
    said = [check.run(mail(), Message(()), SPF)[0] for _ in range(12)]
    assert [item.code for item in said] == ["rate.normal"] * 2 + ["rate.client-high"] * 8 + ["rate.client-exceeded"] * 2
    values = [item.value for item in said[2:10]]
    assert values == sorted(values)
    assert 0 < values[0] < 0.5
    assert values[-1] == 1.0
    assert said[-1].facts == {"rate.count": "12", "rate.limit": "10"}


def test_a_whole_network_of_ipv6_addresses_is_one_client(state: MemoryState) -> None:
    """Rotating through a /64 does not help."""
    check = RateCheck(Settings(client_soft=3), state)
    said = [say(check, mail(f"2001:db8::{number:x}"))[0] for number in range(1, 6)]
    assert said[-1] == "rate.client-high"


def test_a_forger_cannot_use_up_a_domains_allowance(state: MemoryState) -> None:
    """Without an SPF pass mail is counted by domain and network, so the domain's own mail is untouched."""
    check = RateCheck(Settings(sender_soft=3, sender_hard=5), state)
    forged = [say(check, mail("198.51.100.9"), Found())[0] for _ in range(8)]
    assert forged[-1] == "rate.sender-exceeded"
    assert say(check, mail()) == ["rate.normal"]
    assert say(check, mail("203.0.113.9"), Found()) == ["rate.normal"]


def test_own_users_are_counted_by_login_alone(state: MemoryState) -> None:
    """From whatever address a stolen password is used, the login's count goes up, and nobody else's."""
    check = RateCheck(Settings(login_soft=2, client_soft=1, sender_soft=1), state)
    said = [say(check, mail(f"192.0.2.{number}", login="ann")) for number in range(1, 5)]
    assert said[1:3] == [["rate.normal"], ["rate.login-high"]]
    assert say(check, mail(login="ANN")) == ["rate.login-high"]
    assert say(check, mail(login="bob")) == ["rate.normal"]


def test_exempt_and_unknown_clients_are_not_counted(state: MemoryState) -> None:
    """Loopback, own networks and mail without a client address say nothing at all."""
    check = RateCheck(Settings(client_soft=1), state)
    for _ in range(3):
        assert say(check, mail("127.0.0.1")) == []
        assert say(check, mail("::ffff:127.0.0.1")) == []
        assert say(check, Envelope()) == []
        assert say(check, mail(direction=Direction.OUTBOUND)) == []


def test_the_window_passes() -> None:
    """Two windows later the slate is clean."""
    clock = FakeClock()
    check = RateCheck(Settings(client_soft=1, window_seconds=60), MemoryState(clock))
    assert [say(check, mail())[0] for _ in range(2)] == ["rate.normal", "rate.client-high"]
    clock.advance(121)
    assert say(check, mail()) == ["rate.normal"]


def test_a_store_that_is_away_is_not_called_normal() -> None:
    """No answer is temperror and degraded; local memory speaks up only for what it saw itself, marked degraded too."""
    (away,) = RateCheck(Settings(), Away(FakeClock())).run(mail(), Message(()), SPF)
    assert (away.code, away.status, away.degraded) == ("rate.temperror", Status.TEMPERROR, "state")
    check = RateCheck(Settings(client_soft=1), Local(FakeClock()))
    said = [check.run(mail(), Message(()), SPF)[0] for _ in range(2)]
    assert [(item.code, item.degraded) for item in said] == [("rate.temperror", "state"), ("rate.client-high", "state")]


def test_the_gate_looks_and_does_not_count(state: MemoryState) -> None:
    """At RCPT a client past its hard limit is named; asking a thousand times does not push anybody over it."""
    settings = Settings(client_hard=2, login_hard=1)
    gate, check = RateGate(settings, state), RateCheck(settings, state)
    for _ in range(1_000):
        assert gate.admit(mail()) is None
    for _ in range(2):
        check.run(mail(), Message(()), SPF)
    said = gate.admit(mail(recipients=(Address("b", "here.example"),)))
    assert said is not None
    assert said.code == "rate.client-exceeded"
    assert gate.admit(mail("192.0.2.2")) is None
    check.run(mail(login="ann"), Message(()), Found())
    assert [item.code for item in build_gate(settings, state, FakeClock())(mail(login="ann"))] == [
        "rate.login-exceeded"
    ]


def test_the_gate_asks_once_and_only_where_a_hard_limit_is_set() -> None:
    """Later recipients and sites without hard limits cost no round trip; a store that is away admits."""
    many = mail(recipients=(Address("b", "here.example"), Address("c", "here.example")))
    assert RateGate(Settings(client_hard=1), Away(FakeClock())).admit(many) is None
    assert RateGate(Settings(client_hard=0), Away(FakeClock())).admit(mail()) is None
    assert RateGate(Settings(client_hard=1), Away(FakeClock())).admit(mail()) is None


def test_settings_have_bounds() -> None:
    """Nonsense and unknown names are refused when the config is read."""
    for wrong in ({"window_seconds": 0}, {"client_soft": -1}, {"exempt_networks": ["10.0.0.1/8"]}, {"unknown": 1}):
        with pytest.raises(ValidationError):
            Settings.model_validate(wrong)
    checks = build(Settings(), MemoryState(FakeClock()), FakeClock())
    assert [check.name for check in checks] == ["rate", "sender"]
    assert all(code.partition(".")[0] == check.name for check in checks for code in check.codes)
