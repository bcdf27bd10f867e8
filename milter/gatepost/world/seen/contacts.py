"""Under which keys greylisting remembers: first contacts, those that were put off, and who proved to try again."""

from __future__ import annotations

from gatepost.evidence import Found
from gatepost.mail.envelope import Envelope
from gatepost.world.state.keys import Identity, identities, key


def first_key(contact: str) -> str:
    """Give the key of the time at which a contact (People.contact) was first seen."""
    return key("contact", contact)


def put_off_key(contact: str) -> str:
    """Give the key that says that a contact's message was deferred."""
    return key("put-off", contact)


def proven_by(envelope: Envelope, found: Found) -> tuple[Identity, ...]:
    """Give who earns the trust of a message that was tried again: authenticated domains, and the client's network."""
    return tuple(each for each in identities(envelope, found) if each.role != "address")


def returns_key(identity: Identity) -> str:
    """Give the key under which the contacts that somebody tried again are counted."""
    return key("returns", identity.key)
