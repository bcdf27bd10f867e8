"""How a site remembers: its memory's parts, put together from the config and the doors."""

from __future__ import annotations

from ipaddress import ip_address

from gatepost.checks.reputation.dnslist import Standing, by_address, by_domain, read
from gatepost.checks.reputation.dnslist_settings import DnsList
from gatepost.effects.remember import Kept, Remembering
from gatepost.service.config import Config
from gatepost.world.dns.door import Records, Resolver
from gatepost.world.seen.people import People
from gatepost.world.seen.secret import Secret
from gatepost.world.state.door import State

_DAY = 86_400


def people(config: Config, state: State, key: bytes) -> People:
    """Give what hashes people's addresses: all hosts that share a store must agree on its key (world/seen/secret.py).

    `key` is this host's site key, or b"" where it has none. One that nobody configured is good where the store is a file of
    this host.
    """
    shared = bool(config.state.url) and not config.state.url.startswith("sqlite://")
    agree = not key or (shared and not config.headers.signing_key)
    return People(Secret(state=state) if agree else Secret(key))


def remembering(config: Config, state: State, known: People) -> Remembering:
    """Give what writes down what a judged message teaches."""
    wanted, grey = config.correspondents, config.greylist
    kept = Kept(
        correspondent=wanted.keep_days * _DAY if wanted.enabled else 0,
        sent=wanted.message_days * _DAY,
        campaign=config.campaigns.window_seconds,
        put_off=grey.keep_days * _DAY,
        returns=grey.trust_days * _DAY,
    )
    return Remembering(state, known, kept, tuple(config.memory().reputation.exempt_networks))


def list_trouble(listed: DnsList, resolver: Resolver) -> str:
    """Say in half a sentence what is wrong with a DNS list, asking for what is always on it, and what never; "" where all is well."""
    return (_test_trouble(listed, resolver) if listed.test else "") or _lists_all(listed, resolver)


def _lists_all(listed: DnsList, resolver: Resolver) -> str:
    """Say that a list names what no list may (RFC 5782 5): one that was given up answers everything, and all mail is listed."""
    addresses = "address" in listed.kinds
    subject = by_address(listed, ip_address("127.0.0.1")) if addresses else by_domain(listed, "link", "invalid")
    if read(listed, resolver.ask(subject.question)).standing is not Standing.LISTED:
        return ""
    return f"lists {subject.name}, which no list may: it lists everything, take it out"


def _test_trouble(listed: DnsList, resolver: Resolver) -> str:
    """Say what is wrong with a list by its own test entry."""
    try:
        subject = by_address(listed, ip_address(listed.test))
    except ValueError:
        subject = by_domain(listed, "link", listed.test)
    found = read(listed, resolver.ask(subject.question))
    match found.standing:
        case Standing.AWAY:
            return f"does not answer ({found.text})"
        case Standing.BLOCKED:
            return found.text
        case Standing.CLEAR if isinstance(resolver.ask(subject.question), Records):
            return ""  # The test entry may have an answer that nobody gives a meaning to.
        case Standing.CLEAR:
            return f"does not list its own test entry {listed.test}: the zone is wrong, or no longer kept"
        case Standing.LISTED:
            return ""
