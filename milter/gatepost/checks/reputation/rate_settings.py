"""The `[rates]` table of the config: limits in lists, one for mail from outside, one for what own users send."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from gatepost.mail import limits
from gatepost.mail.suffix import registrable
from gatepost.world.seen.people import plain

What = Literal["messages", "connections", "recipients", "bytes"]
Per = Literal["client", "network", "sender", "login", "recipient"]
Act = Literal["score", "defer", "reject"]

Domain = Annotated[str, Field(min_length=1, max_length=limits.DOMAIN_OCTETS), AfterValidator(registrable)]
Name = Annotated[str, Field(min_length=1, max_length=320), AfterValidator(str.casefold)]

Mailbox = Annotated[str, Field(min_length=1, max_length=320), AfterValidator(plain)]


class Limit(BaseModel):
    """[[rates.inbound]] and [[rates.submission]]: so much of something, of one sender or for one recipient, in a window."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    what: What = Field(
        default="messages",
        description="What is counted: messages, connections (of a client or network), recipients, or bytes of messages.",
    )
    per: Per = Field(
        description="Whose: a client (IPv4 address or IPv6 /64), a network (IPv4 /24, IPv6 /48), a sender (inbound: the "
        "envelope domain, together with the network unless SPF passes; submission: the address), a login (submission "
        "alone), or a recipient's mailbox (with any +detail).",
    )
    limit: int = Field(ge=1, le=2**50, description="How many in the window are still fine.")
    window_seconds: int = Field(default=3_600, ge=1, le=86_400, description="The window in seconds.")
    burst: int = Field(
        default=0,
        ge=0,
        le=2**50,
        description="How many may come at once, where the limit is then a steady rate (GCRA); 0: any number up to the limit, "
        "counted over a sliding window. A single message that is more passes where nothing else was counted.",
    )
    action: Act = Field(
        default="defer",
        description="What happens past it: `score` speaks for unwanted mail, `defer` asks to try again later, `reject` refuses; "
        "the codes are `rate.PER-high`, `-exceeded` and `-refused`, which [weights] and [actions] may change.",
    )

    @model_validator(mode="after")
    def _countable(self) -> Self:
        if self.what == "connections" and self.per not in {"client", "network"}:
            raise ValueError("connections are counted per client or per network")
        if self.what == "connections" and self.action == "score":
            raise ValueError("a connection has no score: connections are deferred or rejected")
        return self


class RateSettings(BaseModel):
    """Limits beside the usual ones of [reputation]; those of [reputation] exempt_networks are counted in neither."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    inbound: tuple[Limit, ...] = Field(
        default=(), max_length=limits.RATE_LIMITS, description="Limits for mail from outside."
    )
    submission: tuple[Limit, ...] = Field(
        default=(),
        max_length=limits.RATE_LIMITS,
        description="Limits for mail of authenticated users and own networks.",
    )
    exempt_logins: tuple[Name, ...] = Field(
        default=(),
        max_length=10_000,
        description="Authenticated users whose mail is not counted, such as a mailing program.",
    )
    exempt_domains: tuple[Domain, ...] = Field(
        default=(),
        max_length=10_000,
        description="Envelope domains whose mail from outside is not counted, where SPF passes.",
    )
    exempt_recipients: tuple[Mailbox, ...] = Field(
        default=(),
        max_length=10_000,
        description="Recipients' addresses that are not counted, such as abuse@ and postmaster@.",
    )

    @model_validator(mode="after")
    def _inbound_has_no_login(self) -> Self:
        if any(limit.per == "login" for limit in self.inbound):
            raise ValueError("mail from outside has no login: such a limit belongs into rates.submission")
        return self
