"""What the tests of memory share: envelopes, proofs, stores that are away, and a site that judges and then remembers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from ipaddress import ip_address

from gatepost.checks.check import Check
from gatepost.checks.reputation.family import CODES, Memory, build, build_gate
from gatepost.effects.remember import Kept, Remembering
from gatepost.evidence import Evidence, Found, Status
from gatepost.mail.address import Address
from gatepost.mail.envelope import Client, Direction, Envelope
from gatepost.mail.message import Inner, Message, Shown, from_bytes
from gatepost.verdict import Accept, Label, Quarantine, Verdict
from gatepost.world.clock import FakeClock
from gatepost.world.dns.door import Resolver
from gatepost.world.dns.fake import FakeDns
from gatepost.world.seen.people import People
from gatepost.world.seen.secret import Secret
from gatepost.world.state.door import Answer, Ask, StateUnavailableError
from gatepost.world.state.memory import MemoryState

DAY = 86_400
PEOPLE = People(Secret(b"key of the tests"))
KEPT = Kept(correspondent=180 * DAY, sent=60 * DAY, campaign=DAY, put_off=36 * DAY, returns=36 * DAY)
HAM = Verdict(Accept(), -1.0, (), Label.HAM, 0.01)
SPAM = Verdict(Quarantine("spam"), 12.0, (), Label.SPAM, 0.999)
PHISH = Verdict(Quarantine("phish"), 12.0, (), Label.PHISH, 0.999)


class Away(MemoryState):
    """A store whose every question fails."""

    def exchange(self, asks: Sequence[Ask]) -> list[Answer]:
        """Fail."""
        raise StateUnavailableError(f"redis at nowhere: refused {len(asks)}")


class Local(MemoryState):
    """A store that answers from local memory."""

    def degraded(self) -> bool:
        """Say so."""
        return True


class Counting(MemoryState):
    """A store that counts its round trips, and the asks of each."""

    trips: list[int]

    def exchange(self, asks: Sequence[Ask]) -> list[Answer]:
        """Count, and answer."""
        self.trips = [*getattr(self, "trips", []), len(asks)]
        return super().exchange(asks)


def spf(sender: str) -> Evidence:
    """Give an SPF pass of an envelope sender."""
    return Evidence("spf", "spf.pass", Status.PASS, facts={"smtp.mailfrom": sender})


def dmarc(domain: str) -> Evidence:
    """Give a DMARC pass of an author's domain."""
    return Evidence("dmarc", "dmarc.pass", Status.PASS, facts={"header.from": domain})


def mail(ip: str = "192.0.2.1", sender: str = "a@shop.example", to: str = "ann@here.example", **more) -> Envelope:
    """Make an envelope: `login` makes it own mail, `helo` is the client's greeting; `to` are addresses, by spaces."""
    login, helo = more.pop("login", ""), more.pop("helo", "")
    direction = more.pop("direction", Direction.OUTBOUND if login else Direction.INBOUND)
    local, _, domain = sender.rpartition("@")
    recipients = tuple(Address(*address.rsplit("@", 1)) for address in to.split())
    client = Client(ip=ip_address(ip) if ip else None, login=login, helo=helo)
    return Envelope(
        client=client,
        sender=Address(local, domain) if sender else None,
        recipients=recipients,
        direction=direction,
        **more,
    )


def letter(text: str = "", *, urls: Sequence[str] = (), file: str = "", **fields: str) -> Message:
    """Make a message with fields (`message_id="<1@x>"`), what its reader sees, its links, and the digest of a file in it."""
    head = "".join(f"{name.replace('_', '-')}: {value}\n" for name, value in fields.items())
    message = from_bytes(f"{head}\n{text}\n".encode())
    message.show(Shown(text, tuple(urls)))
    if file:
        message.lay_open((Inner("a.zip > b.exe", sha256=file),))
    return message


@dataclass
class Site:
    """A site's memory over a store in memory: it judges, and remembers what it was told the verdict is."""

    memory: Memory = field(default_factory=Memory)
    state: MemoryState | None = None
    clock: FakeClock = field(default_factory=FakeClock)
    resolver: Resolver = field(default_factory=FakeDns)
    people: People = PEOPLE

    def __post_init__(self) -> None:
        """Build the checks, the gate and what remembers."""
        self.state = self.state or MemoryState(self.clock)
        self.check, self.lists = self.checks()
        self.gate = build_gate(self.memory, self.state)
        exempt = tuple(self.memory.reputation.exempt_networks)
        self.remembering = Remembering(self.state, self.people, KEPT, exempt)

    def checks(self) -> tuple[Check, ...]:
        """Give the family's checks."""
        return build(self.memory, self.state, self.resolver, self.people, self.clock)

    def judge(self, envelope: Envelope, message: Message | None = None, *before: Evidence) -> list[Evidence]:
        """Give what memory says about a message; every code is documented."""
        said = list(self.check.run(envelope, message or letter(), Found(before)))
        assert {item.code for item in said} <= set(CODES)
        return said

    def say(self, envelope: Envelope, message: Message | None = None, *before: Evidence) -> list[str]:
        """Give the codes of what memory says."""
        return [item.code for item in self.judge(envelope, message, *before)]

    def live(
        self, envelope: Envelope, message: Message | None = None, *before: Evidence, verdict: Verdict = HAM
    ) -> list[str]:
        """Judge a message and remember it under a verdict; gives the codes."""
        message = message or letter()
        said = self.judge(envelope, message, *before)
        self.remembering(envelope, message, (*before, *said), verdict)
        return [item.code for item in said]


def with_table(**tables: object) -> Memory:
    """Give the memory's settings with some tables of their own."""
    return replace(Memory(), **tables)
