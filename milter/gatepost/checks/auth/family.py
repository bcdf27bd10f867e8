"""The authentication family: its settings, its codes, its checks in the order in which they run.

SPF, DKIM and ARC each say who vouches for a message; DMARC asks whether one of them vouches for the From domain. iprev
names the client.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, field_validator

from gatepost.checks.auth import arc, dkim, dmarc, iprev, spf
from gatepost.checks.auth.dkim_key import key_question
from gatepost.checks.auth.dkim_signature import Signature, parse_signature
from gatepost.checks.check import Check
from gatepost.mail import limits
from gatepost.mail.address import author
from gatepost.mail.domain import normal_domain
from gatepost.mail.header import Header
from gatepost.world.clock import Clock
from gatepost.world.dns.door import Question, RecordType, Resolver


class Settings(BaseModel):
    """What an administrator may choose about authentication."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    trusted_arc_sealers: tuple[str, ...] = Field(
        default=(),
        max_length=1_000,
        description="Domains whose ARC seals are believed; a valid chain by anybody else proves nothing about the sender.",
    )
    min_rsa_bits: int = Field(
        default=limits.RSA_KEY_BITS_MIN,
        ge=limits.RSA_KEY_BITS_MIN,
        le=4096,
        description="RSA keys with fewer bits do not authenticate; the signature is reported as `policy`.",
    )
    clock_skew_seconds: int = Field(
        default=300,
        ge=0,
        le=86_400,
        description="How far a signer's clock may be off when the expiry of a signature is judged, in seconds.",
    )

    @field_validator("trusted_arc_sealers")
    @classmethod
    def _domains(cls, domains: tuple[str, ...]) -> tuple[str, ...]:
        for domain in domains:
            if not normal_domain(domain):
                raise ValueError(f"{domain!r} is not a domain name")
        return tuple(normal_domain(domain) for domain in domains)


CODES: Final[Mapping[str, str]] = {**iprev.CODES, **spf.CODES, **dkim.CODES, **arc.CODES, **dmarc.CODES}


def build(settings: Settings, resolver: Resolver, clock: Clock) -> tuple[Check, ...]:
    """Give the checks of this family in the order iprev, spf, dkim, arc, dmarc."""
    rules = dkim.Rules(settings.min_rsa_bits, settings.clock_skew_seconds)
    return (
        iprev.IprevCheck(resolver),
        spf.SpfCheck(resolver, clock),
        dkim.DkimCheck(resolver, clock, rules),
        arc.ArcCheck(resolver, clock, rules, settings.trusted_arc_sealers),
        dmarc.DmarcCheck(resolver),
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
