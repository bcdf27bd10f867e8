"""After the verdict: remember what its sender sent, in one round trip.

A filter that believes its own verdicts talks itself into anything: a sender once taken for good is accepted, which makes it
better still. So reputation learns only what would have been concluded without memory, and only when that is sure:

- the points that memory gave (`sender.*`, `rate.*`, `campaign.*` ...) are taken out of the score before it is looked at;
- what remains must be well clear of the middle and must agree with the classifier;
- a verdict reached without one of its dependencies teaches nothing, nor does one that only put the mail off;
- own users' mail is not judged: it would make a reputation for the site itself;
- one verdict counts half a message; a virus, which is not an opinion, counts a whole one;
- the store holds at most a hundred messages' worth per identity, so that no fame lasts through a break-in.

Marks go to authenticated names and to the client's address and network (world/state/keys.py), so that a forged domain is not
blamed, and to what the message carries (world/seen/traces.py), which nobody profits from. Beside that it is remembered who sent
a text that nobody here knows (campaigns), whom own users write to (correspondents), and who was put off and came back.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from gatepost.evidence import Evidence, Found
from gatepost.mail import limits
from gatepost.mail.envelope import Direction, Envelope, IpNetwork, inside
from gatepost.mail.message import Message
from gatepost.verdict import Accept, Defer, Label, Quarantine, Reject, Verdict
from gatepost.world.seen.campaigns import sender_keys, sender_name, unknown_sender
from gatepost.world.seen.contacts import proven_by, put_off_key, returns_key
from gatepost.world.seen.lessons import OPINION_WEIGHT, UNKNOWN_WEIGHT, VIRUS_WEIGHT, Kind, marks
from gatepost.world.seen.people import People, automatic, message_id
from gatepost.world.seen.traces import traces
from gatepost.world.state.door import Ask, Distinct, Put, State, StateUnavailableError
from gatepost.world.state.keys import identities, places

WANTED_SCORE: Final = 1.0
"""Score, without memory's own points, up to which accepted mail may count as wanted."""

WANTED_PROBABILITY: Final = 0.1
"""Spam probability up to which accepted mail may count as wanted; mail the classifier did not read never does."""

UNWANTED_SCORE: Final = 5.0
"""Score, without memory's own points, from which mail counts as unwanted (the default threshold for marking it)."""

UNWANTED_PROBABILITY: Final = 0.9
"""Spam probability from which mail counts as unwanted. Mail the classifier did not read must have been held or refused."""

_OWN: Final = ("sender.", "rate.", "reputation.", "correspondent.", "campaign.", "greylist.")
_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Kept:
    """For how long things are remembered, in seconds; 0 for a correspondent: not at all."""

    correspondent: int
    sent: int
    campaign: int
    put_off: int
    returns: int


@dataclass(frozen=True, slots=True)
class Remembering:
    """Writes down what a judged message teaches; holds nothing of a message.

    `exempt` networks (own relays) are not blamed for what they hand on.
    """

    state: State
    people: People
    kept: Kept
    exempt: tuple[IpNetwork, ...] = ()

    def __call__(self, envelope: Envelope, message: Message, evidence: tuple[Evidence, ...], verdict: Verdict) -> None:
        """Remember a message; one round trip at most. Never raises for a store that is away: the mail goes on."""
        asks = [*self._asks(envelope, message, Found(evidence), verdict)]
        try:
            if asks:
                self.state.exchange(asks)
        except StateUnavailableError as error:
            _log.warning("what one message teaches is not remembered: %s", error)

    def unknown_recipient(self, envelope: Envelope) -> None:
        """Remember that a client from outside named a recipient who does not exist: harvesters guess thousands of names.

        Only the client's address and network are blamed; whose name is in MAIL FROM is not proven yet. One round trip.
        """
        ip = envelope.client.ip
        own = envelope.direction is not Direction.INBOUND or envelope.client.login
        if own or ip is None or inside(ip, self.exempt):
            return
        asks = [each for place in places(ip) for each in marks(place.key, Kind.UNKNOWN, UNKNOWN_WEIGHT)]
        try:
            self.state.exchange(asks)
        except StateUnavailableError as error:
            _log.warning("an unknown recipient is not remembered: %s", error)

    def _asks(self, envelope: Envelope, message: Message, found: Found, verdict: Verdict) -> Iterator[Ask]:
        if envelope.direction is Direction.INBOUND and not envelope.client.login:
            yield from self._reputation(envelope, message, found, verdict)
            yield from self._campaign(envelope, message, found)
            yield from self._greylist(envelope, found, verdict)
        elif envelope.direction is not Direction.INTERNAL:
            yield from self._correspondents(envelope, message, verdict)

    def _reputation(self, envelope: Envelope, message: Message, found: Found, verdict: Verdict) -> Iterator[Ask]:
        kind, weight = lesson(found.items, verdict)
        if kind is None:
            return
        for identity in identities(envelope, found, self.exempt):
            yield from marks(identity.key, kind, weight)
        for trace in traces(envelope, message, found, self.exempt):
            yield from marks(trace.key, kind, weight)

    def _campaign(self, envelope: Envelope, message: Message, found: Found) -> Iterator[Ask]:
        """Count the sender of a text where nobody here knows it; what was put off will come again and counts then."""
        name = sender_name(envelope, found)
        if name and unknown_sender(found):
            for place in sender_keys(message.bands):
                yield Distinct(place, name, self.kept.campaign)

    def _greylist(self, envelope: Envelope, found: Found, verdict: Verdict) -> Iterator[Ask]:
        """Note that a contact was put off, or that it came back and for whom that speaks."""
        put_off = isinstance(verdict.outcome, Defer) and found.code("greylist.first")
        if not (put_off or found.code("greylist.passed")) or not self.people.secret.ready():
            return
        contact = self.people.contact(envelope)
        if put_off:
            yield Put(put_off_key(contact), b"1", self.kept.put_off)
        else:
            for each in proven_by(envelope, found):
                yield Distinct(returns_key(each), contact, self.kept.returns)

    def _correspondents(self, envelope: Envelope, message: Message, verdict: Verdict) -> Iterator[Ask]:
        """Note whom an own user wrote to, by hand, in a message that was let out and is no spam."""
        sent = isinstance(verdict.outcome, Accept) and verdict.label in {Label.HAM, Label.BULK}
        if not (sent and self.kept.correspondent) or envelope.sender is None or automatic(message):
            return
        if len(envelope.recipients) > limits.CORRESPONDENTS or not self.people.secret.ready():
            return
        person = self.people.person(envelope.sender).encode()
        for recipient in envelope.recipients:
            yield Put(self.people.pair(envelope.sender, recipient.spec), b"1", self.kept.correspondent)
        identifier = message_id(message)
        if identifier:
            yield Put(self.people.sent(identifier), person, self.kept.sent)


def lesson(evidence: tuple[Evidence, ...], verdict: Verdict) -> tuple[Kind | None, float]:
    """Give the kind of mail that a verdict teaches, and how much it counts; (None, 0) where it is no lesson."""
    if verdict.degraded:
        return None, 0.0
    if any(item.code == "virus.infected" for item in evidence):
        return Kind.VIRUS, VIRUS_WEIGHT
    score = verdict.score - sum(part.points for part in verdict.because if part.code.startswith(_OWN))
    chance = verdict.probability
    unwanted = Kind.PHISH if verdict.label is Label.PHISH else Kind.SPAM
    match verdict.outcome:
        case Defer():
            return None, 0.0
        case Accept() if verdict.label is Label.HAM and score <= WANTED_SCORE:
            sure = chance is not None and chance <= WANTED_PROBABILITY
            return (Kind.WANTED, OPINION_WEIGHT) if sure else (None, 0.0)
        case Quarantine() | Reject() if chance is None and score >= UNWANTED_SCORE:
            return unwanted, OPINION_WEIGHT
        case Accept() | Quarantine() | Reject():
            sure = chance is not None and chance >= UNWANTED_PROBABILITY and score >= UNWANTED_SCORE
            return (unwanted, OPINION_WEIGHT) if sure else (None, 0.0)
