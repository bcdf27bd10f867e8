"""The `[state]` table of the config."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, field_validator

REDIS_SCHEMES = (
    "redis://",
    "rediss://",
    "unix://",
    "redis+sentinel://",
    "rediss+sentinel://",
    "redis+cluster://",
    "rediss+cluster://",
)
SCHEMES = (*REDIS_SCHEMES, "sqlite://")


class Settings(BaseModel):
    """Where Gatepost keeps what it remembers, and for how long."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str = Field(
        default="",
        max_length=1_000,
        description="Where rates and reputation are kept: redis://, rediss:// (TLS) or unix:///socket for a Redis server, "
        "redis+sentinel://host:port,host:port/service for the master that Sentinel names, redis+cluster://host:port,host:port "
        "for a cluster, sqlite:///path for a file of your choice; empty for the embedded file in the state directory.",
    )
    timeout_seconds: float = Field(
        default=0.25,
        ge=0.01,
        le=10.0,
        description="Longest wait for one answer of the store, in seconds; past it, or after slow answers in a row (0.1 s and "
        "more each, 0.25 s together), the worker goes on with its own memory.",
    )
    retry_seconds: float = Field(
        default=30.0,
        ge=0.05,
        le=3_600.0,
        description="Longest pause between two tries of a store that is away, in seconds; the first is a second, and each doubles.",
    )
    half_life_days: float = Field(
        default=30.0,
        ge=0.1,
        le=3_650.0,
        description="Days after which a judgement about a sender counts half.",
    )
    entries: int = Field(
        default=250_000,
        ge=1_000,
        le=50_000_000,
        description="Records of each kind (rates, limits, sender tallies, sets, values) kept in an SQLite file; past it those that "
        "would expire first are dropped.",
    )
    local_entries: int = Field(
        default=50_000,
        ge=100,
        le=5_000_000,
        description="Records of each kind that a worker keeps in its own memory while the store is away; past it the least "
        "recently written are forgotten.",
    )

    @field_validator("url")
    @classmethod
    def _known_scheme(cls, url: str) -> str:
        if url and not url.startswith(SCHEMES):
            # The URL itself may hold a password and is not repeated.
            raise ValueError(f"must start with {', '.join(SCHEMES[:-1])} or {SCHEMES[-1]}, or be empty")
        return url
