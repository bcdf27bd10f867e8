"""Doubtful strangers are asked to come back: the judge `greylist` (RFC 6647).

A program that sends spam from a stolen machine seldom tries again; a mail server does. A first contact, of a client network, an
envelope sender and a recipient, is `greylist.first`, before the minimum time has passed `greylist.early`, and both put the message off
only where its score makes it doubtful ([thresholds] greylist). Whoever tried again after the minimum time is through
(`greylist.passed`), and networks and authenticated domains that did so a few times are not asked any more. The same holds for
authenticated senders that are known, for correspondents, for forwarders that the administrator named, which do try again, and for
the null path, because a bounce must arrive.

Mail must not be lost for it: nobody is put off by this worker's own memory while the shared store is away, nor where the store did not
confirm that it wrote the contact down; and mail of own users never is.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, cast

from gatepost.checks.reputation.inquiry import Case, Heard, Inquiry
from gatepost.checks.reputation.rate import span
from gatepost.checks.reputation.settings import GreylistSettings
from gatepost.evidence import Evidence, Status
from gatepost.mail.envelope import IpNetwork, inside
from gatepost.world.seen.campaigns import unknown_sender
from gatepost.world.seen.contacts import first_key, proven_by, put_off_key, returns_key
from gatepost.world.seen.people import People
from gatepost.world.state.door import Answer, Ask, Distinct, Get, Put

CODES: Final[Mapping[str, str]] = {
    "greylist.first": "The first message of this sender, from this network, to this recipient.",
    "greylist.early": "A first contact came back before the minimum time had passed.",
    "greylist.passed": "The message was put off once and came back after the minimum time, as mail servers do.",
}

TIME: Final = struct.Struct(">I")
"""How the time of a first contact is stored: Unix seconds, good until 2106."""


@dataclass(frozen=True, slots=True)
class GreylistJudge:
    """Says whether a message is a first contact, and whether it came back as it should."""

    settings: GreylistSettings
    people: People
    exempt: Sequence[IpNetwork]

    @property
    def codes(self) -> Mapping[str, str]:
        """Each code with its meaning."""
        return CODES

    def inquire(self, case: Case) -> Inquiry | None:
        """Ask when the contact was first seen, writing it down if it was not; nothing about own users and bounces."""
        envelope = case.envelope
        ip = envelope.client.ip
        if not (self.settings.enabled and case.stranger and envelope.sender and envelope.recipients) or ip is None:
            return None
        if inside(ip, self.exempt) or case.found.code("forward.known") or not self.people.secret.ready():
            return None
        contact = self.people.contact(envelope)
        earned = proven_by(envelope, case.found)
        now = TIME.pack(int(case.now) & 0xFFFFFFFF)
        asks: tuple[Ask, ...] = (
            Get(first_key(contact)),
            Put(first_key(contact), now, self.settings.keep_days * 86_400, absent_only=True),
            Get(put_off_key(contact)),
            *(
                Distinct(returns_key(each), "", self.settings.trust_days * 86_400, self.settings.returns)
                for each in earned
            ),
        )

        def speak(answers: Sequence[Answer], heard: Heard) -> Iterator[Evidence]:
            trusted = any(cast("int", each) >= self.settings.returns for each in answers[3:])
            if not (heard.degraded or trusted or _known(heard)):
                yield from self._said(answers, case.now)

        return Inquiry(asks, speak)

    def _said(self, answers: Sequence[Answer], now: float) -> Iterator[Evidence]:
        first, written, put_off = answers[:3]
        if not isinstance(first, bytes) or len(first) != TIME.size:
            if written:
                detail = "This sender never wrote to this recipient from this network."
                yield Evidence("greylist", "greylist.first", Status.POLICY, detail)
            return
        age = int(now) - TIME.unpack(first)[0]
        # A time to come was written by a clock that was ahead: how long ago it was nobody knows, only that it was before.
        if put_off is None or age < -self.settings.minimum_seconds:
            return
        age = max(0, age)
        if age < self.settings.minimum_seconds:
            detail = f"A first contact came back after {age} seconds, before {span(self.settings.minimum_seconds)} had passed."
            yield Evidence("greylist", "greylist.early", Status.POLICY, detail, facts={"greylist.seconds": str(age)})
        else:
            detail = f"The message was put off and came back after {age} seconds."
            yield Evidence("greylist", "greylist.passed", Status.PASS, detail, facts={"greylist.seconds": str(age)})


def _known(heard: Heard) -> bool:
    """Say whether the sender needs no proof: authenticated and not bad, or somebody that local people write to."""
    return not (unknown_sender(heard.found) or heard.found.code("sender.bad"))
