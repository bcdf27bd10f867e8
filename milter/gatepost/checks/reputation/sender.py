"""What the sender is known for here: the check `sender`.

Of every message that was judged with confidence the site remembers, per authenticated domain and per client network, how
much was wanted and how much was not; both fade with age. What is known about a sender is then a Beta distribution over
"the share of its mail that is wanted" (Jøsang and Ismail, "The Beta Reputation System", 2002), beginning with Beta(1, 1):
anything is possible. A few good messages move its mean a lot and leave it wide; so the evidence goes by the bound that the
share exceeds with 95 % probability: a sender is good when even this pessimistic bound is above one half, and bad when the
optimistic one is below. Its distance from one half is the strength: 0.06 after three good messages, 0.58 after ten, 0.95
after a hundred.

Only authenticated names are asked about (world/state/keys.py). The strongest identity that is known speaks; the client's
network speaks when none is, at half strength, because its users do not choose their neighbours.

While the shared store is away this worker's own memory answers: what it knows is said under the usual code, and a sender it
does not know is `sender.temperror`, not `sender.unknown`; both are marked degraded.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final

from gatepost.checks.reputation.settings import Settings
from gatepost.evidence import Evidence, Found, Status
from gatepost.mail import suffix
from gatepost.mail.envelope import Direction, Envelope
from gatepost.mail.message import Message
from gatepost.world.state.door import State, StateUnavailableError, Tally
from gatepost.world.state.keys import Identity, Role, identities

CODES: Final[Mapping[str, str]] = {
    "sender.good": "The authenticated sender, or its network, is known for wanted mail.",
    "sender.bad": "The authenticated sender, or its network, is known for unwanted mail.",
    "sender.neutral": "The sender is known for both, or not well enough to lean either way.",
    "sender.unknown": "Nothing is remembered about this sender yet.",
    "sender.temperror": "The memory of senders could not be asked.",
}

_SIGMAS: Final = 1.645
"""Standard deviations from the mean to the bound below (or above) which 5 % of a normal distribution lie."""

_NETWORK_SHARE: Final = 0.5
"""Strength of what is known about a network, next to the same about an authenticated domain."""


class SenderCheck:
    """The check `sender`: what is remembered about who sends this; one round trip to the state."""

    name: Final = "sender"
    codes: Final = CODES
    after: Final = frozenset({"spf", "dkim", "dmarc"})

    def __init__(self, settings: Settings, state: State) -> None:
        self._minimum = settings.minimum_messages
        self._exempt = settings.exempt_networks
        self._state = state
        suffix.load()  # Load the list before the workers are forked.

    def run(self, envelope: Envelope, message: Message, found: Found) -> Sequence[Evidence]:  # noqa: ARG002  the contract
        """Give one piece of evidence on the sender of inbound mail; own users' mail is not asked about."""
        if envelope.direction is not Direction.INBOUND or envelope.client.login:
            return []
        who = identities(envelope, found, self._exempt)
        if not who:
            return [_unknown("nobody is authenticated and the client has no address", degraded=False)]
        try:
            tallies = self._state.recall([identity.key for identity in who])
        except StateUnavailableError as error:
            return [_unknown(str(error), degraded=True)]
        degraded = self._state.degraded()
        for identity, tally in zip(who, tallies, strict=True):
            if tally.wanted + tally.unwanted >= self._minimum:
                return [_judge(identity, tally, degraded="state" if degraded else "")]
        return [_unknown(", ".join(identity.name for identity in who), degraded=degraded)]


def strength(tally: Tally) -> float:
    """Give how surely a sender is good (above 0, up to 1) or bad (below 0, down to -1); 0 when it may be either."""
    alpha, beta = tally.wanted + 1.0, tally.unwanted + 1.0
    total = alpha + beta
    mean = alpha / total
    reach = _SIGMAS * math.sqrt(alpha * beta / (total * total * (total + 1.0)))
    if mean - reach > 0.5:
        return 2.0 * (mean - reach) - 1.0
    if mean + reach < 0.5:
        return 2.0 * (mean + reach) - 1.0
    return 0.0


def _judge(identity: Identity, tally: Tally, degraded: str) -> Evidence:
    """Turn what is known about an identity into evidence."""
    lean = strength(tally) * (_NETWORK_SHARE if identity.role is Role.NETWORK else 1.0)
    word, status = (
        ("good", Status.PASS) if lean > 0 else ("bad", Status.FAIL) if lean < 0 else ("neutral", Status.NEUTRAL)
    )
    detail = (
        f"{identity.name} ({_ROLES[identity.role]}) sent about {tally.wanted:.1f} wanted and {tally.unwanted:.1f} unwanted "
        "messages lately."
    )
    facts = {
        "sender.identity": identity.name,
        "sender.role": identity.role.value,
        "sender.wanted": f"{tally.wanted:.1f}",
        "sender.unwanted": f"{tally.unwanted:.1f}",
    }
    return Evidence("sender", f"sender.{word}", status, detail, abs(lean), facts, degraded)


_ROLES: Final[Mapping[Role, str]] = {
    Role.AUTHOR: "author's domain, DMARC pass",
    Role.SIGNER: "signed with DKIM",
    Role.ENVELOPE: "envelope domain, SPF pass",
    Role.NETWORK: "the client's network",
}


def _unknown(about: str, *, degraded: bool) -> Evidence:
    if degraded:
        detail = f"What is remembered about the sender could not be asked: {about}."
        return Evidence("sender", "sender.temperror", Status.TEMPERROR, detail, degraded="state")
    return Evidence("sender", "sender.unknown", Status.NONE, f"Not enough is remembered about this sender: {about}.")
