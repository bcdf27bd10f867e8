"""The tables `[reputation]`, `[correspondents]`, `[greylist]` and `[campaigns]` of the config."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network

from pydantic import BaseModel, ConfigDict, Field


class Settings(BaseModel):
    """How much mail is much, and how much must be known about a sender before it counts.

    The half-life of what is remembered belongs to the store: `[state] half_life_days`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    window_seconds: int = Field(
        default=3_600, ge=10, le=86_400, description="The stretch of time over which messages are counted, in seconds."
    )
    client_soft: int = Field(
        default=1_000,
        ge=0,
        le=100_000_000,
        description="Messages from one client address (IPv6: one /64) per window above which they speak for unwanted mail; "
        "0 for no limit.",
    )
    client_hard: int = Field(
        default=0,
        ge=0,
        le=100_000_000,
        description="Messages from one client address per window above which further ones are deferred; 0 for no limit. Large "
        "providers send a lot from one address: choose it with your traffic in view.",
    )
    sender_soft: int = Field(
        default=2_000,
        ge=0,
        le=100_000_000,
        description="Messages from one envelope domain per window above which they speak for unwanted mail; 0 for no limit. "
        "Mail without an SPF pass is counted by domain and network, so that a forger uses up its own allowance only.",
    )
    sender_hard: int = Field(
        default=0,
        ge=0,
        le=100_000_000,
        description="Messages from one envelope domain per window above which further ones are deferred; 0 for no limit.",
    )
    login_soft: int = Field(
        default=200,
        ge=0,
        le=100_000_000,
        description="Messages of one authenticated user per window above which a stolen password is suspected; 0 for no limit.",
    )
    login_hard: int = Field(
        default=1_000,
        ge=0,
        le=100_000_000,
        description="Messages of one authenticated user per window above which further ones are deferred; 0 for no limit.",
    )
    exempt_networks: tuple[IPv4Network | IPv6Network, ...] = Field(
        default=(IPv4Network("127.0.0.0/8"), IPv6Network("::1/128")),
        max_length=10_000,
        description="Networks whose clients are neither counted nor remembered, such as your own relays.",
    )
    minimum_messages: float = Field(
        default=3.0,
        ge=0.5,
        le=100.0,
        description="Judged messages, faded with age, from which on an identity counts as known.",
    )


class CorrespondentSettings(BaseModel):
    """Whether it is remembered, as keyed hashes, whom local people write to."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    enabled: bool = Field(default=True, description="Remember whom local people write to, and know their answers.")
    keep_days: int = Field(
        default=180, ge=1, le=3_650, description="Days after the last letter until a correspondent is forgotten."
    )
    message_days: int = Field(
        default=60, ge=1, le=3_650, description="Days for which an answer to a sent message is known as one."
    )


class GreylistSettings(BaseModel):
    """Whether doubtful first contacts are asked to come back.

    Off by default: it delays some wanted mail by minutes or hours (a code to log in with, a large sender whose next try comes
    from another network), which a site should choose knowingly.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    enabled: bool = Field(
        default=False,
        description="Put doubtful first contacts off ([thresholds] greylist says from which score on). Off by default: it "
        "delays some wanted mail, which a site should choose knowingly.",
    )
    minimum_seconds: int = Field(
        default=300,
        ge=1,
        le=86_400,
        description="How long a first contact has to wait before it tries again, in seconds.",
    )
    keep_days: int = Field(default=36, ge=1, le=400, description="Days for which a contact is remembered.")
    returns: int = Field(
        default=3,
        ge=1,
        le=64,
        description="Different contacts of a network or authenticated domain that came back, from which on it is not put off.",
    )
    trust_days: int = Field(default=36, ge=1, le=400, description="Days over which those are counted.")


class CampaignSettings(BaseModel):
    """When the same text from many senders is a burst."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    window_seconds: int = Field(
        default=86_400,
        ge=60,
        le=604_800,
        description="The stretch of time over which senders of one text are counted, in seconds.",
    )
    senders: int = Field(
        default=5,
        ge=2,
        le=16,
        description="Senders that nobody here knows, authenticated domains or else networks, from which on the same text "
        "speaks for unwanted mail; its full weight comes at four times as many.",
    )
