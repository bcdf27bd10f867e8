"""ARC (RFC 8617): what earlier hops saw, sealed, so that forwarding does not erase it.

Every hop that may break a signature adds a set of three fields: what it found (ARC-Authentication-Results), a signature
over the message as it left (ARC-Message-Signature) and a seal over all sets (ARC-Seal). A valid chain proves who sealed,
not that the sealers tell the truth: only a seal by a domain the administrator trusts says more than "unbroken". What such
a sealer found out about the author is then read from its ARC-Authentication-Results.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from gatepost.checks.auth.arc_chain import ArcSet, Chain, verify_chain
from gatepost.checks.auth.dkim import Rules
from gatepost.checks.auth.signed import SignedMessage
from gatepost.checks.auth.vouching import vouches
from gatepost.evidence import Evidence, Found, Status
from gatepost.mail.address import author
from gatepost.mail.authres import read_results
from gatepost.mail.envelope import Direction, Envelope
from gatepost.mail.message import Message
from gatepost.world.clock import Clock
from gatepost.world.dns.door import Resolver

__all__ = ["CODES", "ArcCheck", "verify_chain"]

CODES: Final[Mapping[str, str]] = {
    "arc.pass": "The ARC chain is unbroken.",
    "arc.fail": "The ARC chain is broken or was sealed as broken.",
    "arc.none": "There is no ARC chain.",
    "arc.neutral": "The ARC chain was not judged: part of the message is missing.",
    "arc.temperror": "DNS did not answer, so the ARC chain could not be judged.",
    "arc.trusted": "A sealer whom the administrator trusts found the author's domain authenticated.",
    "arc.unsure": "A sealer whom the administrator trusts would vouch for the author; DNS did not answer, so the seal is open.",
    "arc.sealed": "A sealer whom the administrator trusts sealed the message and does not vouch for the author's domain.",
}


def believable(chain: Chain, trusted: Sequence[str]) -> Iterator[ArcSet]:
    """Give the sets whose results may be believed if the chain is whole, newest first.

    A seal covers the fields of the chain and not the message, so an old set could be carried to another message. A trusted
    sealer's set belongs to this one when its own signature still holds, or when everybody who sealed after it is trusted
    too: they found it in order when the message reached them. A message signature that leaves out the From field, which the
    rules of the chain allow, ties no author to a set.
    """
    handed_on = True
    for each in chain.sets:
        believed = each.sealer in trusted and each.names_author
        if believed and (handed_on or each.holds):
            yield each
        handed_on = handed_on and believed


@dataclass(frozen=True, slots=True)
class ArcCheck:
    """Reports one `arc.<result>` for inbound mail; beside it what a trusted sealer says, `arc.trusted` and others.

    `trusted` are domains in the form of normal_domain(). Facts: `arc.chain` (number of sets), `header.d` (the last sealer),
    `header.oldest-pass` (RFC 8617 10.2); beside it `header.d` is the trusted sealer, `instance`
    its set, and `vouches` the result by which it vouches.
    """

    resolver: Resolver
    clock: Clock
    rules: Rules
    trusted: Sequence[str] = ()
    name: ClassVar[str] = "arc"
    codes: ClassVar[Mapping[str, str]] = CODES
    after: ClassVar[frozenset[str]] = frozenset()

    def run(self, envelope: Envelope, message: Message, found: Found) -> tuple[Evidence, ...]:  # noqa: ARG002
        """Judge the chain, and what trusted sealers say in it."""
        if envelope.direction is not Direction.INBOUND:
            return ()
        if message.truncated and message.every(b"arc-seal"):
            chain = Chain(Status.NEUTRAL, "the message is too large to verify")
        else:
            chain = verify_chain(SignedMessage(message), self.resolver, self.rules, self.clock)
        facts = {"arc.chain": str(len(chain.sets))} if chain.sets else {}
        if chain.sealer:
            facts["header.d"] = chain.sealer
        if chain.oldest_pass is not None:
            facts["header.oldest-pass"] = str(chain.oldest_pass)
        degraded = "dns" if chain.status is Status.TEMPERROR else ""
        detail = f"ARC {chain.status}" + (f" by {chain.sealer}" if chain.sealer else "") + f": {chain.reason}."
        evidence = Evidence("arc", f"arc.{chain.status}", chain.status, detail, facts=facts, degraded=degraded)
        return (evidence, *self._testimony(chain, message))

    def _testimony(self, chain: Chain, message: Message) -> Iterator[Evidence]:
        """Say what trusted sealers found out about the author; the newest set that vouches counts."""
        if chain.status not in (Status.PASS, Status.TEMPERROR):
            return
        mailbox = author(message.headers).mailbox
        domain = mailbox.domain if mailbox else ""
        sealed = tuple(believable(chain, self.trusted))
        for each in sealed:
            results = read_results(each.results, sealed=True)
            if results and (vouched := vouches(results, domain)):
                yield _vouched(each, domain, vouched, chain.status)
                return
        if sealed and chain.status is Status.PASS:
            facts = {"header.d": sealed[0].sealer, "instance": str(sealed[0].instance)}
            detail = f"{sealed[0].sealer}, a trusted sealer, does not vouch for {domain or 'the author'}."
            yield Evidence("arc", "arc.sealed", Status.NEUTRAL, detail, facts=facts)


def _vouched(by: ArcSet, domain: str, vouched: str, status: Status) -> Evidence:
    """Say that a trusted sealer vouches, or would if its seal could be verified now."""
    facts = {"header.d": by.sealer, "instance": str(by.instance), "vouches": vouched}
    if status is Status.PASS:
        detail = f"{by.sealer}, a trusted sealer, vouches for {domain}: {vouched}."
        return Evidence("arc", "arc.trusted", Status.PASS, detail, facts=facts)
    detail = f"Whether {by.sealer}, a trusted sealer, vouches for {domain} is not known now."
    return Evidence("arc", "arc.unsure", Status.TEMPERROR, detail, facts=facts, degraded="dns")
