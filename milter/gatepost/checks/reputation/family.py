"""The reputation drawer: its settings, its codes, and how it is built.

`reputation` says what the site itself has seen before, over one round trip to the store; `dnslist` says what others have
seen, over DNS.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from gatepost.checks.check import Check
from gatepost.checks.reputation import campaign, correspondents, dnslist, greylist, rate, sender, things
from gatepost.checks.reputation.campaign import CampaignJudge
from gatepost.checks.reputation.check import ReputationCheck
from gatepost.checks.reputation.correspondents import CorrespondentJudge
from gatepost.checks.reputation.dnslist import DnsListCheck
from gatepost.checks.reputation.dnslist_settings import DnsListSettings
from gatepost.checks.reputation.gate import Gate
from gatepost.checks.reputation.greylist import GreylistJudge
from gatepost.checks.reputation.inquiry import Judge
from gatepost.checks.reputation.rate import RateGate, RateJudge
from gatepost.checks.reputation.rate_settings import Limit, Per, RateSettings
from gatepost.checks.reputation.sender import SenderJudge
from gatepost.checks.reputation.settings import CampaignSettings, CorrespondentSettings, GreylistSettings, Settings
from gatepost.checks.reputation.subjects import Counted
from gatepost.checks.reputation.things import ThingsJudge
from gatepost.world.clock import Clock
from gatepost.world.dns.door import Resolver
from gatepost.world.seen.people import People
from gatepost.world.state.door import State

__all__ = [
    "CODES",
    "CampaignSettings",
    "CorrespondentSettings",
    "DnsListCheck",
    "DnsListSettings",
    "GreylistSettings",
    "Memory",
    "RateSettings",
    "Settings",
    "build",
    "build_gate",
]

CODES: Final[Mapping[str, str]] = {
    **rate.CODES,
    **sender.CODES,
    **things.CODES,
    **correspondents.CODES,
    **campaign.CODES,
    **greylist.CODES,
    **dnslist.CODES,
}


@dataclass(frozen=True, slots=True)
class Memory:
    """The tables of the config that this family reads."""

    reputation: Settings = field(default_factory=Settings)
    rates: RateSettings = field(default_factory=RateSettings)
    correspondents: CorrespondentSettings = field(default_factory=CorrespondentSettings)
    greylist: GreylistSettings = field(default_factory=GreylistSettings)
    campaigns: CampaignSettings = field(default_factory=CampaignSettings)
    dnslists: DnsListSettings = field(default_factory=DnsListSettings)


def build(memory: Memory, state: State, resolver: Resolver, people: People, clock: Clock) -> tuple[Check, ...]:
    """Give the family's checks. The order of the judges is that of their voices: who hears others comes after them."""
    exempt = memory.reputation.exempt_networks
    judges: list[Judge] = [
        RateJudge(counted(memory)),
        SenderJudge(memory.reputation),
        ThingsJudge(memory.reputation),
        CorrespondentJudge(people, memory.correspondents.enabled),
        CampaignJudge(memory.campaigns),
        GreylistJudge(memory.greylist, people, exempt),
    ]
    return (ReputationCheck(judges, state, clock), DnsListCheck(memory.dnslists, resolver, clock, exempt))


def build_gate(memory: Memory, state: State) -> Gate:
    """Give what is asked at RCPT: the evidence, if any, that speaks against taking this client's next message now."""
    return Gate(RateGate(counted(memory)), state)


def counted(memory: Memory) -> Counted:
    """Give all limits on rates: the keys of [reputation], read as limits, and the lists of [rates]."""
    usual = memory.reputation
    clients = _usual(usual, "client", usual.client_soft, usual.client_hard)
    senders = _usual(usual, "sender", usual.sender_soft, usual.sender_hard)
    logins = _usual(usual, "login", usual.login_soft, usual.login_hard)
    return Counted(
        (*clients, *senders, *memory.rates.inbound),
        (*logins, *memory.rates.submission),
        usual.exempt_networks,
        memory.rates,
    )


def _usual(settings: Settings, per: Per, soft: int, hard: int) -> Iterable[Limit]:
    if soft:
        yield Limit(per=per, limit=soft, window_seconds=settings.window_seconds, action="score")
    if hard:
        yield Limit(per=per, limit=hard, window_seconds=settings.window_seconds, action="defer")
