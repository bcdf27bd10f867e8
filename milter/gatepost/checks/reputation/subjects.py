"""Whose mail is counted: the clients, senders, logins and recipients of a message, and the keys of their counters.

- A client is an IPv4 address or an IPv6 /64, because the holder of a /64 has 2^64 addresses to rotate through.
- An envelope domain is counted as itself only under an SPF pass, and otherwise together with the client's network. Else
  anybody could use up the allowance of a domain by forging it.
- A login counts on outbound mail: a thousand messages an hour from one mailbox is a stolen password.
- A recipient is a mailbox, however its address is written: `Bob@`, `"bob"@` and `bob+anything@` fill the same one.

Names of people stand in a counter's key as a digest. It has no key of the site's: the counter is gone after two windows, and
hosts that share a store must count together whatever keys they hold.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from gatepost.checks.reputation.rate_settings import Limit, Per, RateSettings
from gatepost.evidence import Found, Status
from gatepost.mail import limits
from gatepost.mail.address import Address
from gatepost.mail.envelope import Direction, Envelope, IpNetwork, inside
from gatepost.mail.suffix import registrable
from gatepost.world.seen.people import plain
from gatepost.world.state import keys

_DIGEST_BYTES = 12


@dataclass(frozen=True, slots=True)
class Subject:
    """Somebody who is counted: the word in the code, the name for people, and what its keys are made of."""

    per: Per
    name: str
    parts: tuple[str, ...]

    def key(self, what: str, *more: str) -> str:
        """Give the key of one counter."""
        return keys.key("rate", what, *self.parts, *more)


@dataclass(frozen=True, slots=True)
class Counted:
    """Which limits apply to whom: the built-in table of [reputation], and the lists of [rates]."""

    inbound: tuple[Limit, ...]
    submission: tuple[Limit, ...]
    exempt: Sequence[IpNetwork]
    lists: RateSettings

    def table(self, envelope: Envelope) -> tuple[Limit, ...]:
        """Give the limits for a message by the way it goes; a program of this host has none."""
        ip = envelope.client.ip
        if ip is not None and not envelope.client.login and inside(ip, self.exempt):
            return ()
        if envelope.client.login or envelope.direction is Direction.OUTBOUND:
            return () if envelope.client.login.casefold() in self.lists.exempt_logins else self.submission
        return self.inbound if envelope.direction is Direction.INBOUND else ()

    def subjects(self, per: Per, envelope: Envelope, found: Found | None) -> tuple[Subject, ...]:
        """Give who is counted under a word; several only for recipients. `found` is None before the sender is known."""
        client = envelope.client
        match per:
            case "client" if client.ip is not None:
                host = keys.host_of(client.ip)
                return (Subject(per, host, ("client", host)),)
            case "network" if client.ip is not None:
                network = keys.network_of(client.ip)
                return (Subject(per, f"network {network}", ("network", network)),)
            case "login" if client.login:
                return (Subject(per, f"user {client.login}", ("login", _digest(client.login.casefold()))),)
            case "sender" if envelope.sender is not None and found is not None:
                return self._sender(envelope, envelope.sender, found)
            case "recipient":
                named = dict.fromkeys(plain(address.spec) for address in envelope.recipients)
                wanted = [name for name in named if name not in self.lists.exempt_recipients]
                return tuple(
                    Subject(per, f"recipient {name}", ("recipient", _digest(name)))
                    for name in wanted[: limits.RATE_RECIPIENTS]
                )
            case _:
                return ()

    def _sender(self, envelope: Envelope, sender: Address, found: Found) -> tuple[Subject, ...]:
        if envelope.client.login or envelope.direction is not Direction.INBOUND:
            name = sender.spec.casefold()
            return (Subject("sender", f"sender {name}", ("sender-own", _digest(name))),)
        domain = registrable(sender.domain)
        if not domain:
            return ()
        proven = any(item.status is Status.PASS and item.facts.get("smtp.mailfrom") for item in found.of("spf"))
        if proven:
            own = (Subject("sender", f"domain {domain}", ("sender", domain)),)
            return () if domain in self.lists.exempt_domains else own
        network = keys.network_of(envelope.client.ip) if envelope.client.ip else "local"
        return (Subject("sender", f"domain {domain} at {network}", ("sender-unproven", domain, network)),)


def _digest(name: str) -> str:
    return hashlib.blake2b(
        name.encode("utf-8", "surrogatepass"), digest_size=_DIGEST_BYTES, person=b"gatepost rate"
    ).hexdigest()
