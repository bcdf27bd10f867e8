"""The `[reputation]` table of the config."""

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
