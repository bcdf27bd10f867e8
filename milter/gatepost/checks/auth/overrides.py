"""The administrator's exceptions: for some author's domain or some network, checks are left out or another policy holds.

An exception stands in the evidence like everything else: a check that is left out reports `none`, and says why.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from gatepost.checks.auth.settings import Override
from gatepost.checks.check import Check
from gatepost.evidence import Evidence, Found, Status
from gatepost.mail.address import author
from gatepost.mail.envelope import Direction, Envelope, inside
from gatepost.mail.message import Message


def matching(overrides: Sequence[Override], envelope: Envelope, domain: str) -> Iterator[Override]:
    """Give the overrides that are meant for mail by an author's domain ("" for nobody) from this client, in order."""
    ip = envelope.client.ip
    for each in overrides:
        wanted, network = each.domain, each.network
        if wanted is not None and domain != wanted and not domain.endswith(f".{wanted}"):
            continue
        if network is None or (ip is not None and inside(ip, (network,))):
            yield each


@dataclass(frozen=True, slots=True)
class Overridden:
    """A check with the overrides that leave it out; for all other mail it is the check itself."""

    check: Check
    overrides: Sequence[Override]

    @property
    def name(self) -> str:
        """The check's name."""
        return self.check.name

    @property
    def codes(self) -> Mapping[str, str]:
        """The check's codes."""
        return self.check.codes

    @property
    def after(self) -> frozenset[str]:
        """The checks whose evidence the check reads."""
        return self.check.after

    def run(self, envelope: Envelope, message: Message, found: Found) -> Sequence[Evidence]:
        """Run the check, or say which override left it out."""
        if envelope.direction is Direction.INBOUND:
            mailbox = author(message.headers).mailbox
            skipped = next(matching(self.overrides, envelope, mailbox.domain if mailbox else ""), None)
            if skipped is not None:
                detail = f"{self.name.upper()} did not judge: the override for {skipped.words} says so."
                facts = {"reason": "not judged by local policy"}
                return (Evidence(self.name, f"{self.name}.none", Status.NONE, detail, facts=facts),)
        return self.check.run(envelope, message, found)


def overridable(check: Check, overrides: Sequence[Override]) -> Check:
    """Give a check that obeys the overrides which name it, or the check itself where none does."""
    named = tuple(each for each in overrides if check.name in each.skip)
    return Overridden(check, named) if named else check
