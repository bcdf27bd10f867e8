"""Under which keys near-duplicate texts are counted and labelled: one key for each band of a text's digest (mail.shingles)."""

from __future__ import annotations

from collections.abc import Sequence

from gatepost.evidence import Found
from gatepost.mail.envelope import Envelope
from gatepost.mail.shingles import AGREEING
from gatepost.world.state.keys import Role, identities, key


def label_keys(bands: Sequence[str]) -> tuple[str, ...]:
    """Give the keys of the tallies of people's labels on a text."""
    return tuple(key("text", band) for band in bands)


def sender_keys(bands: Sequence[str]) -> tuple[str, ...]:
    """Give the keys under which the different senders of a text are counted."""
    return tuple(key("senders", band) for band in bands)


def sender_name(envelope: Envelope, found: Found) -> str:
    """Give who counts as one sender of a text: the strongest authenticated domain, else the client's network, else ""."""
    who = identities(envelope, found)
    if not who:
        return ""
    return (who[0] if who[0].role.authenticated else who[-1]).key


def unknown_sender(found: Found) -> bool:
    """Say whether nobody here knows who sends: no authenticated name with a record, and nobody local people wrote to.

    Reads the evidence of `sender` and `correspondent`. What a place is known for is nothing about the sender.
    """
    sender = next(iter(found.of("sender")), None)
    if sender is None or sender.code == "sender.temperror" or found.of("correspondent"):
        return False
    return sender.facts.get("sender.role", "") in {"", Role.ADDRESS, Role.NETWORK}


def agreed(numbers: Sequence[float]) -> float:
    """Give the number that enough bands (mail.shingles.AGREEING) reach: what one band alone says may be a coincidence."""
    return sorted(numbers, reverse=True)[AGREEING - 1] if len(numbers) >= AGREEING else 0.0
