"""[auth]: what an administrator may choose about authentication."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, Field, model_validator

from gatepost.checks.auth.dmarc_record import Policy
from gatepost.checks.auth.forwarding import Forwarders
from gatepost.mail import limits
from gatepost.mail.domain import normal_domain
from gatepost.mail.envelope import IpNetwork

Skippable = Literal["iprev", "spf", "dkim", "arc", "dmarc"]


def _domain(text: str) -> str:
    name = normal_domain(text)
    if not name:
        raise ValueError("not a domain name")
    return name


def _forwarder(text: str) -> str:
    Forwarders.of((text,))
    return text


class Override(BaseModel, frozen=True, extra="forbid"):
    """[[auth.overrides]]: what is different for an author's domain, for a network of clients, or for one from the other."""

    domain: Annotated[str, AfterValidator(_domain)] | None = Field(
        default=None,
        description="The author's domain (From) that is meant, with all names below it. Anybody can write it: add a network where that matters.",
    )
    network: IpNetwork | None = Field(default=None, description="The network (CIDR) of clients that is meant.")
    skip: tuple[Skippable, ...] = Field(
        default=(),
        max_length=5,
        description="Checks that do not judge such mail: iprev, spf, dkim, arc, dmarc. They report `none` with this reason.",
    )
    dmarc_policy: Literal["published", "none", "quarantine", "reject"] = Field(
        default="published",
        description="What to take for the author's DMARC policy when DMARC fails, in place of the published one.",
    )

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.domain is None and self.network is None:
            raise ValueError("an override needs a domain or a network")
        if not self.skip and self.dmarc_policy == "published":
            raise ValueError("an override needs skip or dmarc_policy")
        return self

    @property
    def policy(self) -> Policy | None:
        """`dmarc_policy`, read; None for the published one."""
        return None if self.dmarc_policy == "published" else Policy(self.dmarc_policy)

    @property
    def words(self) -> str:
        """For which mail it is meant, in words."""
        return " from ".join(str(each) for each in (self.domain, self.network) if each is not None)


class Settings(BaseModel, frozen=True, extra="forbid"):
    """[auth]."""

    trusted_arc_sealers: tuple[Annotated[str, AfterValidator(_domain)], ...] = Field(
        default=(),
        max_length=1_000,
        description="Domains whose ARC seals are believed; a valid chain by anybody else proves nothing about the sender.",
    )
    forwarders: tuple[Annotated[str, AfterValidator(_forwarder)], ...] = Field(
        default=(),
        max_length=1_000,
        description="Forwarders whose clients are known: networks (CIDR), host names, or domains with all hosts below. A name counts when it leads back to the client (iprev).",
    )
    trusted_upstreams: tuple[IpNetwork, ...] = Field(
        default=(),
        max_length=1_000,
        description="Networks (CIDR) of relays in front of this host, such as a backup MX: SPF and iprev do not judge them, and their Authentication-Results are read.",
    )
    trusted_authserv_ids: tuple[Annotated[str, Field(min_length=1, max_length=253)], ...] = Field(
        default=(),
        max_length=100,
        description="Names in Authentication-Results that are read when a trusted upstream hands them on. From anybody else such fields are removed as forged.",
    )
    overrides: tuple[Override, ...] = Field(
        default=(),
        max_length=1_000,
        description="Exceptions, as [[auth.overrides]] tables: `domain`, `network` or both say for which mail; `skip` and `dmarc_policy` say what is different.",
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

    @property
    def authserv_ids(self) -> tuple[str, ...]:
        """`trusted_authserv_ids` as they are compared: lower case, without a final dot."""
        return tuple(text.lower().rstrip(".") for text in self.trusted_authserv_ids)
