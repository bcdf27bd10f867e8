"""How much mail comes from here just now: the check `rate`, and the gate that asks the same before a message is taken.

Three things are counted over a sliding window: messages of a client address, of an envelope domain, and of a login. Above
a soft limit the number is evidence, and stronger the further above; above a hard limit the code says `exceeded`, which
policy answers with "try again later".

- A client is an IPv4 address or an IPv6 /64, because the holder of a /64 has 2^64 addresses to rotate through.
- An envelope domain is counted as itself only under an SPF pass, and otherwise together with the client's network. Else
  anybody could use up the allowance of a domain by forging it.
- A login counts on outbound mail: a thousand messages an hour from one mailbox is a stolen password.

While the shared store is away each worker counts by itself: what it then sees above a limit is said under the usual code,
and where it sees nothing unusual it says `rate.temperror` instead of `rate.normal`, both marked degraded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from gatepost.checks.reputation.settings import Settings
from gatepost.evidence import Evidence, Found, Status
from gatepost.mail.envelope import Direction, Envelope, inside
from gatepost.mail.message import Message
from gatepost.mail.suffix import registrable
from gatepost.world.state import keys
from gatepost.world.state.door import Hit, State, StateUnavailableError

CODES: Final[Mapping[str, str]] = {
    "rate.normal": "The client, sender or user sends no more than is usual.",
    "rate.client-high": "The client address sent more messages lately than the soft limit.",
    "rate.client-exceeded": "The client address sent more messages lately than the hard limit.",
    "rate.sender-high": "The envelope domain sent more messages lately than the soft limit.",
    "rate.sender-exceeded": "The envelope domain sent more messages lately than the hard limit.",
    "rate.login-high": "The authenticated user sent more messages lately than the soft limit.",
    "rate.login-exceeded": "The authenticated user sent more messages lately than the hard limit.",
    "rate.temperror": "The shared counters could not be asked, and this worker alone saw nothing unusual.",
}

_FULL_VALUE_AT: Final = 4.0
"""Times the soft limit at which the evidence has its full value, 1."""


@dataclass(frozen=True, slots=True)
class _Count:
    """One thing that is counted: the word in the code, the name for people, its key and its two limits (0: none)."""

    word: str
    name: str
    key: str
    soft: int
    hard: int


class _Limits:
    """Which counts apply to an envelope."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def counted(self, envelope: Envelope) -> list[_Count]:
        """Give the counts known at RCPT: the login of own users, else the client address."""
        wanted, client = self._settings, envelope.client
        if client.login:
            name = f"user {client.login}"
            return [
                _Count("login", name, keys.key("login", client.login.casefold()), wanted.login_soft, wanted.login_hard)
            ]
        if envelope.direction is not Direction.INBOUND or client.ip is None or self.exempt(envelope):
            return []
        host = keys.host_of(client.ip)
        return [_Count("client", host, keys.key("client", host), wanted.client_soft, wanted.client_hard)]

    def sender(self, envelope: Envelope, found: Found) -> list[_Count]:
        """Give the count of the envelope domain; none for the null path and for own users."""
        domain = registrable(envelope.sender.domain) if envelope.sender else ""
        if not domain or envelope.client.login or envelope.direction is not Direction.INBOUND or self.exempt(envelope):
            return []
        proven = any(item.status is Status.PASS and item.facts.get("smtp.mailfrom") for item in found.of("spf"))
        network = keys.network_of(envelope.client.ip) if envelope.client.ip else "local"
        place = keys.key("sender", domain) if proven else keys.key("sender-unproven", domain, network)
        name = f"domain {domain}" if proven else f"domain {domain} at {network}"
        return [_Count("sender", name, place, self._settings.sender_soft, self._settings.sender_hard)]

    def exempt(self, envelope: Envelope) -> bool:
        """Say whether the client stands in a network that is not counted."""
        ip = envelope.client.ip
        return ip is not None and inside(ip, self._settings.exempt_networks)


class RateCheck:
    """The check `rate`: counts this message and reports what is unusual; one round trip to the state."""

    name: Final = "rate"
    codes: Final = CODES
    after: Final = frozenset({"spf"})

    def __init__(self, settings: Settings, state: State) -> None:
        self._limits = _Limits(settings)
        self._window = settings.window_seconds
        self._state = state

    def run(self, envelope: Envelope, message: Message, found: Found) -> Sequence[Evidence]:  # noqa: ARG002  the contract
        """Count the message; gives one piece of evidence per limit passed, or one that says that none was."""
        counts = self._limits.counted(envelope) + self._limits.sender(envelope, found)
        if not counts:
            return []
        try:
            rates = self._state.hit([Hit(count.key, self._window) for count in counts])
        except StateUnavailableError as error:
            return [_unknown(str(error))]
        degraded = "state" if self._state.degraded() else ""
        over = [_judge(*pair, self._window, degraded) for pair in zip(counts, rates, strict=True)]
        said = [item for item in over if item is not None]
        if said:
            return said
        if degraded:
            return [_unknown("only this worker's own count is known")]
        seen = "; ".join(f"{rate:.0f} from {count.name}" for count, rate in zip(counts, rates, strict=True))
        return [Evidence("rate", "rate.normal", detail=f"Messages in the last {_span(self._window)}: {seen}.")]


class RateGate:
    """The same limits at RCPT, before the message is taken: only looks, counts nothing, asks only where a hard limit is set.

    Looking does not count, so a client that keeps knocking while it is deferred is let in again as its window passes.
    """

    def __init__(self, settings: Settings, state: State) -> None:
        self._limits = _Limits(settings)
        self._window = settings.window_seconds
        self._state = state

    def admit(self, envelope: Envelope) -> Evidence | None:
        """Give `rate.client-exceeded` or `rate.login-exceeded` when a hard limit was passed already, else None.

        Asks at the first recipient only. State trouble admits: the check at the end of the message reports it.
        """
        counts = [count for count in self._limits.counted(envelope) if count.hard]
        if not counts or len(envelope.recipients) > 1:
            return None
        try:
            rates = self._state.hit([Hit(count.key, self._window, 0) for count in counts])
        except StateUnavailableError:
            return None
        degraded = "state" if self._state.degraded() else ""
        for count, rate in zip(counts, rates, strict=True):
            # The message at hand is not in the estimate yet.
            if rate >= count.hard:
                return _judge(count, rate + 1, self._window, degraded)
        return None


def _judge(count: _Count, rate: float, window: int, degraded: str) -> Evidence | None:
    """Give evidence when a count is above one of its limits."""
    if count.hard and rate > count.hard:
        word, limit, value = "exceeded", count.hard, 1.0
    elif count.soft and rate > count.soft:
        word, limit, value = "high", count.soft, min(1.0, rate / (_FULL_VALUE_AT * count.soft))
    else:
        return None
    return Evidence(
        "rate",
        f"rate.{count.word}-{word}",
        Status.POLICY,
        f"{rate:.0f} messages from {count.name} in the last {_span(window)}, more than {limit}.",
        value,
        {"rate.count": f"{rate:.0f}", "rate.limit": str(limit)},
        degraded,
    )


def _unknown(reason: str) -> Evidence:
    detail = f"How much this sender sends could not be asked: {reason}."
    return Evidence("rate", "rate.temperror", Status.TEMPERROR, detail, degraded="state")


def _span(seconds: int) -> str:
    """Give a stretch of time in words."""
    for size, word in ((3_600, "hour"), (60, "minute")):
        if seconds % size == 0:
            return word if seconds == size else f"{seconds // size} {word}s"
    return f"{seconds} seconds"
