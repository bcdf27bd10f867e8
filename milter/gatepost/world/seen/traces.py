"""What a message carries and its sender could have made up: the HELO name, the domains of its links, its attached files.

Such a trace says nothing good about anybody, because every forger can carry it as well. It can tell of more of the same: a
link domain, a file or a HELO name that came with unwanted mail alone. What also comes with wanted mail (the links of every
signature block) is known for both and tells nothing. A HELO name that is not proven is kept together with the client's network if
it could be somebody's domain, so that a forger blames itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from gatepost.evidence import Found, Status
from gatepost.mail.envelope import Envelope, IpNetwork, inside
from gatepost.mail.message import Message
from gatepost.mail.suffix import private_suffix, under_known_suffix
from gatepost.world.state.keys import identities, key, network_of


class Kind(StrEnum):
    """What kind of trace."""

    HELO = "helo"
    LINK = "link"
    FILE = "file"


@dataclass(frozen=True, slots=True)
class Trace:
    """One trace: its kind, its name for people, and the key of its tally."""

    kind: Kind
    name: str
    key: str


def traces(envelope: Envelope, message: Message, found: Found, exempt: Sequence[IpNetwork] = ()) -> tuple[Trace, ...]:
    """Give the traces of a message, at most one HELO, limits.REPUTATION_LINKS links and limits.REPUTATION_FILES files.

    Reads the evidence of `spf` (`smtp.helo`) and `iprev` (`name`) with status pass, and what identities() reads. How a client
    in an `exempt` network or a known forwarder greets is no trace, and neither is a link to the proven sender's own domain: that has a record
    already, and one mistake must not count twice.
    """
    ip = envelope.client.ip
    own = {each.name for each in identities(envelope, found) if each.role.authenticated}
    relayed = ip is None or inside(ip, exempt) or found.code("forward.known")
    return (
        *(() if ip is None or relayed else _helo(envelope.client.helo, network_of(ip), found)),
        *(link(domain) for domain in message.link_domains if domain not in own),
        *(file(digest) for digest in message.file_digests),
    )


def link(domain: str) -> Trace:
    """Give the trace of a link's registrable domain."""
    return Trace(Kind.LINK, domain, key("link", domain))


def file(digest: str) -> Trace:
    """Give the trace of a file by its SHA-256 in lower-case hexadecimal digits."""
    return Trace(Kind.FILE, digest, key("file", digest))


def helo(name: str, network: str = "") -> Trace:
    """Give the trace of a HELO name, in a network where it is not proven."""
    return Trace(
        Kind.HELO, f"{name} from {network}" if network else name, key("helo", name, *([network] * bool(network)))
    )


def _helo(greeting: str, network: str, found: Found) -> tuple[Trace, ...]:
    name = greeting.strip().lower().removesuffix(".")
    if not name or name.startswith("["):
        return ()
    if not (under_known_suffix(name) and private_suffix(name)) or name in _proven(found):
        return (helo(name),)
    return (helo(name, network),)


def _proven(found: Found) -> set[str]:
    """Give the names that lead back to the client: its reverse name, and a HELO name that passed SPF."""
    facts = [
        item.facts.get(fact, "")
        for check, fact in (("iprev", "name"), ("spf", "smtp.helo"))
        for item in found.of(check)
        if item.status is Status.PASS
    ]
    return {fact.lower().removesuffix(".") for fact in facts if fact}
