"""The authentication family: its settings, its codes, its checks in the order in which they run.

SPF, DKIM and ARC each say who vouches for a message; DMARC asks whether one of them vouches for the From domain. iprev
names the client. Mail also comes by way of others: upstream reads what a trusted relay found, forward recognises lists
and forwarders.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from gatepost.checks.auth import arc, dkim, dmarc, forwarding, iprev, spf, upstream
from gatepost.checks.auth.dkim_key import key_question
from gatepost.checks.auth.dkim_signature import Signature, parse_signature
from gatepost.checks.auth.overrides import overridable
from gatepost.checks.auth.settings import Settings
from gatepost.checks.check import Check
from gatepost.mail import limits, suffix
from gatepost.mail.address import author
from gatepost.mail.header import Header
from gatepost.world.budget import Share
from gatepost.world.clock import Clock
from gatepost.world.dns.door import Question, RecordType, Resolver

__all__ = ["CODES", "SHARES", "Settings", "build", "foreseen"]

CODES: Final[Mapping[str, str]] = {
    **upstream.CODES,
    **iprev.CODES,
    **spf.CODES,
    **dkim.CODES,
    **arc.CODES,
    **dmarc.CODES,
    **forwarding.CODES,
}

SHARES: Final[Mapping[str, Share]] = {
    "iprev": Share(limits.IPREV_LOOKUPS, limits.IPREV_TIME),
    "spf": Share(limits.SPF_LOOKUPS, limits.SPF_TIME),
    "dkim": Share(limits.DKIM_LOOKUPS, limits.DKIM_TIME),
    "arc": Share(limits.ARC_LOOKUPS, limits.DKIM_TIME),
    "dmarc": Share(limits.DMARC_LOOKUPS, limits.DMARC_TIME),
}
"""What each check that asks DNS may use of a message's budget, so that none of them can keep another from asking."""


def build(settings: Settings, resolver: Resolver, clock: Clock) -> tuple[Check, ...]:
    """Give the checks of this family in the order upstream, iprev, spf, dkim, arc, dmarc, forward."""
    suffix.load()
    rules = dkim.Rules(settings.min_rsa_bits, settings.clock_skew_seconds)
    forwarders = forwarding.Forwarders.of(settings.forwarders)
    judges: tuple[Check, ...] = (
        iprev.IprevCheck(resolver, forwarders),
        spf.SpfCheck(resolver, clock),
        dkim.DkimCheck(resolver, clock, rules),
        arc.ArcCheck(resolver, clock, rules, settings.trusted_arc_sealers),
        dmarc.DmarcCheck(resolver, settings.overrides),
    )
    return (
        upstream.UpstreamCheck(settings.trusted_upstreams, settings.authserv_ids),
        *(overridable(judge, settings.overrides) for judge in judges),
        forwarding.ForwardCheck(forwarders),
    )


def foreseen(field: Header) -> tuple[Question, ...]:
    """Give the DNS questions that one header field lets us foresee, for `Resolver.prefetch()` while the body still comes.

    Reads From (its DMARC record) and DKIM-Signature (its key); every other field, and one with a fault, gives none.
    """
    if field.key == b"from":
        mailbox = author((field,)).mailbox
        return (Question(f"_dmarc.{mailbox.domain}", RecordType.TXT),) if mailbox else ()
    if field.key == b"dkim-signature":
        signature = parse_signature(field)
        return (key_question(signature.domain, signature.selector),) if isinstance(signature, Signature) else ()
    return ()
