"""Whom local people write to: the judge `correspondent`.

What local users send is remembered (effects/remember.py): each pair of writer and recipient, and the Message-ID, all as keyed
hashes. Mail from outside is then wanted where it

- answers a message that one of its recipients sent (In-Reply-To or References name its Message-ID, which only those know who have
  seen it). Message-IDs of public lists are public, so an answer by somebody who is not authenticated has half the value;
- or comes from the authenticated address of somebody whom one of its recipients wrote to.

A stranger can earn neither by writing to people: automatic answers, such as vacation notices, are not remembered.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from gatepost.checks.reputation.inquiry import Case, Heard, Inquiry
from gatepost.evidence import Evidence, Status
from gatepost.mail import limits
from gatepost.world.seen.people import People, answered, proven_writer
from gatepost.world.state.door import Answer, Get

CODES: Final[Mapping[str, str]] = {
    "correspondent.reply": "The message answers one that its recipient sent.",
    "correspondent.known": "The authenticated author is somebody whom a recipient wrote to.",
}

_UNPROVEN_REPLY: Final = 0.5
"""Value of an answer whose author is not authenticated."""


@dataclass(frozen=True, slots=True)
class CorrespondentJudge:
    """Says whether mail from outside comes from somebody whom local people write to."""

    people: People
    enabled: bool = True

    @property
    def codes(self) -> Mapping[str, str]:
        """Each code with its meaning."""
        return CODES

    def inquire(self, case: Case) -> Inquiry | None:
        """Ask for the messages that this one answers, and for the pairs of its recipients and its proven author."""
        if not (self.enabled and case.stranger and case.envelope.recipients):
            return None
        ids, writer = answered(case.message), proven_writer(case.envelope, case.message, case.found)
        if not (ids or writer) or not self.people.secret.ready():
            return None
        here = case.envelope.recipients[: limits.CORRESPONDENT_QUESTIONS]
        asks = [Get(self.people.sent(each)) for each in ids]
        asks += [Get(self.people.pair(local, writer)) for local in here] if writer else []
        locals_ = {self.people.person(local).encode() for local in here}

        def speak(answers: Sequence[Answer], heard: Heard) -> Iterator[Evidence]:
            if any(answer in locals_ for answer in answers[: len(ids)]):
                yield _reply(writer, heard.degraded)
            if any(answers[len(ids) :]):
                detail = f"{writer}, who is authenticated, is somebody that a recipient wrote to."
                facts = {"correspondent.author": writer}
                yield Evidence("correspondent", "correspondent.known", Status.PASS, detail, 1.0, facts, heard.degraded)

        return Inquiry(tuple(asks), speak)


def _reply(writer: str, degraded: str) -> Evidence:
    who = f", and its author {writer} is authenticated" if writer else "; its author is not authenticated"
    detail = f"The message answers one that a recipient sent{who}."
    value = 1.0 if writer else _UNPROVEN_REPLY
    return Evidence("correspondent", "correspondent.reply", Status.PASS, detail, value, {}, degraded)
