"""What the sender is known for here: the judge `sender`.

Of every message that was judged with confidence, and of every one that people labelled, the site remembers what it was, per
authenticated domain and per client address and network; all of it fades with age. What that lets one believe stands in belief.py. A
sender is good when even the pessimistic bound on its share of wanted mail is above one half, and bad when the optimistic
one is below; a new or little known one is neither.

Only authenticated names are asked about (world/state/keys.py). The strongest identity that is known speaks; the client's
address or network speaks when none is, with part of the strength, because its users do not choose their neighbours, and never for
the sender: whoever forges a name from a good neighbourhood must not profit from it.

While the shared store is away this worker's own memory answers: what it knows is said under the usual code, and a sender it
does not know is `sender.temperror`, not `sender.unknown`; both are marked degraded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, cast

from gatepost.checks.reputation.belief import facts as facts_of
from gatepost.checks.reputation.belief import strength, told
from gatepost.checks.reputation.inquiry import Case, Inquiry
from gatepost.checks.reputation.settings import Settings
from gatepost.evidence import Evidence, Status
from gatepost.mail import suffix
from gatepost.world.state.door import Answer, Recall, Tally
from gatepost.world.state.keys import Identity, Role, identities

CODES: Final[Mapping[str, str]] = {
    "sender.good": "The authenticated sender is known for wanted mail.",
    "sender.bad": "The authenticated sender, or the place it sends from, is known for unwanted mail.",
    "sender.neutral": "The sender is known for both, or not well enough to lean either way.",
    "sender.unknown": "Nothing is remembered about this sender yet.",
    "sender.temperror": "The memory of senders could not be asked.",
}

_SHARE: Final[Mapping[Role, float]] = {Role.ADDRESS: 0.75, Role.NETWORK: 0.5}
"""Strength of what is known about a place, next to the same about an authenticated domain."""

ROLES: Final[Mapping[Role, str]] = {
    Role.AUTHOR: "author's domain, DMARC pass",
    Role.SIGNER: "signed with DKIM",
    Role.ENVELOPE: "envelope domain, SPF pass",
    Role.ADDRESS: "the client's address",
    Role.NETWORK: "the client's network",
}


class SenderJudge:
    """Says what is remembered about who sends a message."""

    codes: Final = CODES

    def __init__(self, settings: Settings) -> None:
        self._minimum = settings.minimum_messages
        self._exempt = settings.exempt_networks
        suffix.load()  # Load the list before the workers are forked.

    def inquire(self, case: Case) -> Inquiry | None:
        """Ask about the sender of inbound mail; own users' mail is not asked about."""
        if not case.stranger:
            return None
        who = identities(case.envelope, case.found, self._exempt)
        asks = tuple(Recall(identity.key) for identity in who)
        return Inquiry(
            asks,
            lambda answers, heard: [self._judged(who, answers, heard.degraded)],
            lambda reason: [_unknown(reason, degraded=True)],
        )

    def _judged(self, who: Sequence[Identity], answers: Sequence[Answer], degraded: str) -> Evidence:
        """Let the strongest identity that is known well enough speak."""
        if not who:
            return _unknown("nobody is authenticated and the client has no address", degraded=False)
        for identity, answer in zip(who, answers, strict=True):
            tally = cast("Tally", answer)
            if tally.wanted + tally.unwanted >= self._minimum:
                return _known(identity, tally, degraded)
        return _unknown(", ".join(identity.name for identity in who), degraded=bool(degraded))


def _known(identity: Identity, tally: Tally, degraded: str) -> Evidence:
    """Turn what is known about an identity into evidence."""
    lean = strength(tally) * _SHARE.get(identity.role, 1.0)
    if lean > 0 and not identity.role.authenticated:
        lean = 0.0
    word, status = (
        ("good", Status.PASS) if lean > 0 else ("bad", Status.FAIL) if lean < 0 else ("neutral", Status.NEUTRAL)
    )
    detail = f"{identity.name} ({ROLES[identity.role]}) sent about {told(tally)} lately."
    facts = {
        "sender.identity": identity.name,
        "sender.role": identity.role.value,
        **facts_of("sender", tally),
    }
    return Evidence("sender", f"sender.{word}", status, detail, abs(lean), facts, degraded)


def _unknown(about: str, *, degraded: bool) -> Evidence:
    if degraded:
        detail = f"What is remembered about the sender could not be asked: {about}."
        return Evidence("sender", "sender.temperror", Status.TEMPERROR, detail, degraded="state")
    return Evidence("sender", "sender.unknown", Status.NONE, f"Not enough is remembered about this sender: {about}.")
