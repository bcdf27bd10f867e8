"""What others say of the sender and of the links: the check `dnslist` (RFC 5782).

A DNS list is asked for a name made of the address backwards, or of the domain, and its own zone; an answer in 127.0.0.0/8
says that it is listed, and which one says why. Three things are no listing, whatever they look like: an answer that says "you may not
ask" (through a public resolver, or too often), an answer outside of 127.0.0.0/8 (a zone that somebody else took over, a
resolver that answers everything), and trouble on the way. The first two are `dnslist.blocked`, the last is `dnslist.temperror`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, ip_network
from typing import Final

from gatepost.checks.reputation.dnslist_settings import REFUSALS, DnsList, DnsListSettings, span
from gatepost.evidence import Evidence, Found, Status
from gatepost.mail import limits
from gatepost.mail.address import author
from gatepost.mail.envelope import Direction, Envelope, IpAddress, IpNetwork, inside, unmapped
from gatepost.mail.message import Message
from gatepost.mail.suffix import private_suffix
from gatepost.world import budget
from gatepost.world.clock import Clock
from gatepost.world.dns.door import Answer, Question, Records, RecordType, Resolver, TempFailure

CODES: Final[Mapping[str, str]] = {
    "dnslist.address": "A DNS list names the client's address as a source of unwanted mail.",
    "dnslist.domain": "A DNS list names the sender's domain.",
    "dnslist.link": "A DNS list names a domain that a link leads to.",
    "dnslist.welcome": "A DNS list of good senders names the client or the sender.",
    "dnslist.clear": "The DNS lists name neither the client nor the domains.",
    "dnslist.blocked": "A DNS list refuses to answer this resolver, or answers what no list answers.",
    "dnslist.temperror": "A DNS list did not answer.",
}


_LOCAL: Final[tuple[IpNetwork, ...]] = tuple(
    map(ip_network, "127.0.0.0/8 10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 169.254.0.0/16 ::1 fc00::/7 fe80::/10".split())
)
"""Networks that no public list knows (RFC 1918, 3927, 4193, 4291)."""


REST_SECONDS: Final = 30.0
"""How long a list that did not answer is not asked again."""


class Standing(StrEnum):
    """What an answer of a list comes to."""

    LISTED = "listed"
    CLEAR = "clear"
    BLOCKED = "blocked"
    AWAY = "away"


@dataclass(frozen=True, slots=True)
class Finding:
    """An answer, read: its standing, what it means for people, and the share of the weight that a listing has."""

    standing: Standing
    text: str = ""
    share: float = 0.0


def read(listed: DnsList, answer: Answer) -> Finding:
    """Read the answer of a list; of several addresses the one with the greatest share counts. Never raises."""
    match answer:
        case TempFailure(reason=reason):
            return Finding(Standing.AWAY, listed.hide(reason))
        case Records(values=values):
            found = [_meant(listed, str(value)) for value in values[: limits.DNSLIST_ANSWERS]]
            blocked = next((each for each in found if each.standing is Standing.BLOCKED), None)
            return blocked or max(found, key=lambda each: each.share, default=Finding(Standing.CLEAR))
        case _:
            return Finding(Standing.CLEAR)


def _meant(listed: DnsList, value: str) -> Finding:
    address = IPv4Address(value)
    if not address.is_loopback:
        return Finding(Standing.BLOCKED, f"answered {value}, which no list answers")
    if any(_covers(pattern, int(address)) for pattern in (*REFUSALS, *listed.refusals)):
        return Finding(Standing.BLOCKED, f"answered {value}: this resolver may not ask, or asked too often")
    if not listed.answers:
        return Finding(Standing.LISTED, "listed", 1.0)
    meant = [each for each in listed.answers if _covers(each.answer, int(address))]
    best = max(meant, key=lambda each: each.share, default=None)
    return Finding(Standing.LISTED, best.text, best.share) if best and best.share else Finding(Standing.CLEAR)


def _covers(pattern: str, value: int) -> bool:
    low, high, bits = span(pattern)
    return low <= value <= high and (not bits or bool(value & bits))


@dataclass(frozen=True, slots=True)
class Subject:
    """Something that a list is asked about: the code's word, its name for people, and the name asked for."""

    word: str
    name: str
    question: Question


def by_address(listed: DnsList, ip: IpAddress) -> Subject:
    """Give the question about a client's address (RFC 5782 2.1, 2.4)."""
    backwards = unmapped(ip).reverse_pointer.removesuffix(".in-addr.arpa").removesuffix(".ip6.arpa")
    return Subject("address", str(ip), Question(f"{backwards}.{listed.zone}", RecordType.A))


def by_domain(listed: DnsList, word: str, domain: str) -> Subject:
    """Give the question about a domain (RFC 5782 2.3)."""
    return Subject(word, domain, Question(f"{domain}.{listed.zone}", RecordType.A))


class DnsListCheck:
    """Asks the lists about the client, the sender's domains and the links of inbound mail."""

    name: Final = "dnslist"
    codes: Final = CODES
    after: Final = frozenset({"forward", "content"})

    def __init__(
        self, settings: DnsListSettings, resolver: Resolver, clock: Clock, exempt: Sequence[IpNetwork] = ()
    ) -> None:
        self._lists = settings.active
        self._resolver = resolver
        self._clock = clock
        self._exempt = tuple(exempt)
        self._resting: dict[str, float] = {}  # by zone of the config: until when it is left alone

    def run(self, envelope: Envelope, message: Message, found: Found) -> Sequence[Evidence]:
        """Give the worst finding of each kind, or one that says that nothing is listed; nothing where no list is in use.

        What is said of a known forwarder's address is not said of whose mail it hands on.
        """
        if envelope.direction is not Direction.INBOUND or envelope.client.login or not self._lists:
            return ()
        asked = [(listed, subject) for listed in self._lists for subject in self._subjects(listed, envelope, message)]
        if found.code("forward.known"):
            asked = [(listed, subject) for listed, subject in asked if subject.word != "address"]
        if not asked:
            return ()
        self._resolver.prefetch(subject.question for listed, subject in asked if not self._rests(listed))
        return [*_told([(listed, subject, self._ask(listed, subject)) for listed, subject in asked])]

    def _ask(self, listed: DnsList, subject: Subject) -> Finding:
        """Ask a list; one that did not answer is left alone for a while, so that it holds up one message and not each.

        One that was never asked, because the message had no time or look-ups left, is not blamed for that.
        """
        if self._rests(listed):
            return Finding(Standing.AWAY, "it did not answer a moment ago")
        left = budget.current()
        may_ask = left.lookups > 0 and left.remaining() > 0
        found = read(listed, self._resolver.ask(subject.question))
        if may_ask and found.standing is Standing.AWAY:
            self._resting[listed.zone] = self._clock.monotonic() + REST_SECONDS
        return found

    def _rests(self, listed: DnsList) -> bool:
        return self._clock.monotonic() < self._resting.get(listed.zone, 0.0)

    def foreseen(self, envelope: Envelope) -> Iterator[Question]:
        """Give the questions that the client's address and the envelope sender let us foresee."""
        for listed in self._lists:
            for subject in self._subjects(listed, envelope, Message(())):
                yield subject.question

    def _subjects(self, listed: DnsList, envelope: Envelope, message: Message) -> Iterator[Subject]:
        ip = envelope.client.ip
        if "address" in listed.kinds and ip is not None and not inside(ip, (*_LOCAL, *self._exempt)):
            yield by_address(listed, ip)
        if "domain" in listed.kinds:
            writer = author(message.headers).mailbox
            named = (writer.domain if writer else "", envelope.sender.domain if envelope.sender else "")
            for domain in dict.fromkeys(filter(None, map(private_suffix, named))):
                yield by_domain(listed, "domain", domain)
        if "link" in listed.kinds:
            for domain in message.link_domains:
                yield by_domain(listed, "link", domain)


def _told(answers: Sequence[tuple[DnsList, Subject, Finding]]) -> Iterator[Evidence]:
    """Say what the lists answered: each kind of listing once, then what could not be asked."""
    worst: dict[str, Evidence] = {}
    for listed, subject, finding in answers:
        item = _evidence(listed, subject, finding)
        known = worst.get(item.code) if item else None
        if item and (known is None or item.value > known.value):
            worst[item.code] = item
    if not worst:
        lists = ", ".join(dict.fromkeys(listed.title for listed, _, _ in answers))
        yield Evidence("dnslist", "dnslist.clear", Status.PASS, f"Nothing is listed by {lists}.")
    yield from worst.values()


def _evidence(listed: DnsList, subject: Subject, finding: Finding) -> Evidence | None:
    facts = {"dnslist.list": listed.title, "dnslist.name": subject.name}
    match finding.standing:
        case Standing.CLEAR:
            return None
        case Standing.LISTED:
            word, status = ("welcome", Status.PASS) if listed.welcome else (subject.word, Status.FAIL)
            detail = f"{subject.name} is listed by {listed.title}: {finding.text}."
            return Evidence("dnslist", f"dnslist.{word}", status, detail, finding.share, facts)
        case Standing.BLOCKED:
            return Evidence("dnslist", "dnslist.blocked", Status.NONE, f"{listed.title} {finding.text}.", 1.0, facts)
        case Standing.AWAY:
            detail = f"{listed.title} was not asked about {subject.name}: {finding.text}."
            return Evidence("dnslist", "dnslist.temperror", Status.TEMPERROR, detail, 1.0, facts, "dns")
