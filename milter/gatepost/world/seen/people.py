"""Who writes to whom: the keys of correspondents, of messages that were sent, and of first contacts.

Nothing here can be read back: a key is a keyed hash (secret.py) of the local person and the other one, or of a Message-ID, and its
value holds hashes alone. One can ask "did ann write to bob?", not "to whom did ann write?".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from gatepost.evidence import Found
from gatepost.mail import limits
from gatepost.mail.address import Address, author
from gatepost.mail.envelope import Envelope
from gatepost.mail.message import Message
from gatepost.mail.suffix import registrable
from gatepost.world.seen.secret import Secret
from gatepost.world.state.keys import identities, key, network_of

_AUTOMATIC: Final = re.compile(rb"\s*+(?:bulk|list|junk|auto_reply)\b", re.IGNORECASE)
_REPORT: Final = re.compile(rb"\s*+multipart/report\b", re.IGNORECASE)
_PROGRAMS: Final = (b"x-autoreply", b"x-autorespond", b"x-auto-response-suppress")
_BY_HAND: Final = re.compile(rb"\s*+no\b", re.IGNORECASE)
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)
_DOT_STRING: Final = re.compile(r"[^\s\x00-\x1f\x7f<>()\[\]\\,;:\"@]++")
_ID: Final = re.compile(rb"<([^<>\s]{3,998})>")


@dataclass(frozen=True, slots=True)
class People:
    """Makes the keys. Every call needs `secret.ready()`."""

    secret: Secret

    def pair(self, local: Address, other: str) -> str:
        """Give the key of "this local person wrote to that address"."""
        return key("wrote", self.secret.digest(plain(local.spec), plain(other)))

    def sent(self, message_id: str) -> str:
        """Give the key of a message that a local person sent."""
        return key("sent", self.secret.digest(message_id))

    def person(self, local: Address) -> str:
        """Give the hash of a local person, the value under `sent`."""
        return self.secret.digest("person", plain(local.spec))

    def contact(self, envelope: Envelope) -> str:
        """Give the name of a contact: the client's network, the envelope sender and the first recipient in order."""
        network = network_of(envelope.client.ip) if envelope.client.ip else "local"
        sender = plain(envelope.sender.spec) if envelope.sender else "<>"
        return self.secret.digest("contact", network, sender, min(plain(each.spec) for each in envelope.recipients))


def plain(spec: str) -> str:
    """Give an address as it is compared: without case, needless quotes (RFC 5321 4.1.2), and the detail of `user+detail@` (RFC 5233)."""
    local, at, domain = spec.casefold().rpartition("@")
    if local.startswith('"'):
        bare = _ESCAPED.sub(r"\1", local[1:-1])
        if not _DOT_STRING.fullmatch(bare):
            return f"{local}{at}{domain}"
        local = bare
    return f"{local.partition('+')[0] or local}{at}{domain}"


def message_id(message: Message) -> str:
    """Give the Message-ID without its brackets, or "" where there is none of at most limits.MESSAGE_ID_BYTES."""
    found = message.every(b"message-id")
    match = _ID.search(found[0].value[: limits.MESSAGE_ID_BYTES + 50]) if found else None
    return match[1].decode("latin-1") if match else ""


def answered(message: Message) -> tuple[str, ...]:
    """Give the Message-IDs that a message says it answers (RFC 5322 3.6.4), nearest first, at most limits.REFERENCES."""
    found: dict[str, None] = {}
    for name in (b"in-reply-to", b"references"):
        for field in message.every(name)[:1]:
            ids = _ID.findall(field.value[-limits.HEADER_TEXT_BYTES :])
            found.update(dict.fromkeys(each.decode("latin-1") for each in reversed(ids)))
    return tuple(found)[: limits.REFERENCES]


def proven_writer(envelope: Envelope, message: Message, found: Found) -> str:
    """Give the author's address where its domain is authenticated (DMARC, or DKIM or SPF of the same domain), else "".

    A domain answers for the local parts of its own users.
    """
    writer = author(message.headers).mailbox
    if writer is None or not writer.domain:
        return ""
    domain = registrable(writer.domain)
    proven = any(each.role.authenticated and each.name == domain for each in identities(envelope, found))
    return writer.spec if proven else ""


def automatic(message: Message) -> bool:
    """Say whether a program wrote the message: its recipients are nobody's choice.

    RFC 3834 5 and RFC 2076 3.9 have fields for that; older answering programs and Exchange have their own, and receipts and
    reports have a type (RFC 6522, RFC 8098).
    """
    return (
        any(_AUTOMATIC.match(field.value) for field in message.every(b"precedence"))
        or any(not _BY_HAND.match(field.value) for field in message.every(b"auto-submitted"))
        or any(_REPORT.match(field.value) for field in message.every(b"content-type"))
        or any(message.every(name) for name in _PROGRAMS)
    )
