"""Who counts as the sender, and under which key: the same for those who ask and for those who judge."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatepost.evidence import Evidence, Found, Status
from gatepost.mail import limits
from gatepost.mail.address import Address
from gatepost.mail.envelope import Client, Envelope
from gatepost.mail.suffix import registrable
from gatepost.world.state import keys
from gatepost.world.state.keys import Role

PLACES = [(Role.ADDRESS, "192.0.2.77"), (Role.NETWORK, "192.0.2.0/24")]


def proof(check: str, fact: str, domain: str, status: Status = Status.PASS) -> Evidence:
    """Give evidence as the authentication checks report it."""
    return Evidence(check, f"{check}.{status}", status, facts={fact: domain})


def who(*evidence: Evidence, ip: str = "192.0.2.77", exempt: tuple[str, ...] = ()) -> list[tuple[Role, str]]:
    """Give roles and names behind a message."""
    envelope = Envelope(client=Client(ip=ip_address(ip)), sender=Address("a", "forged.example"))
    found = keys.identities(envelope, Found(evidence), tuple(map(ip_network, exempt)))
    return [(identity.role, identity.name) for identity in found]


def test_only_passing_evidence_names_a_domain() -> None:
    """A forged domain is nobody: only the client's address and network are left."""
    for status in (Status.FAIL, Status.SOFTFAIL, Status.NONE, Status.TEMPERROR, Status.PERMERROR, Status.NEUTRAL):
        forged = (
            proof("dmarc", "header.from", "forged.example", status),
            proof("dkim", "header.d", "forged.example", status),
            proof("spf", "smtp.mailfrom", "a@forged.example", status),
        )
        assert who(*forged) == PLACES


def test_the_strongest_role_comes_first_and_once() -> None:
    """Author before signer before envelope before network, registrable domains, no repeats."""
    assert who(
        proof("spf", "smtp.mailfrom", "bounce@mail.esp.example"),
        proof("dkim", "header.d", "news.shop.co.uk"),
        proof("dkim", "header.d", "esp.example"),
        proof("dmarc", "header.from", "shop.co.uk"),
    ) == [(Role.AUTHOR, "shop.co.uk"), (Role.SIGNER, "esp.example"), *PLACES]


def test_more_signers_than_the_limit_do_not_push_the_network_out() -> None:
    """A sender may sign for any number of its own domains; they stop at the limit."""
    signers = [proof("dkim", "header.d", f"d{number}.example") for number in range(20)]
    found = who(*signers)
    assert len(found) == limits.REPUTATION_IDENTITIES
    assert found[-2:] == PLACES


def test_an_exempt_network_is_not_an_identity() -> None:
    """Mail that comes through the site's own relay says nothing about the relay."""
    assert who(ip="10.1.2.3", exempt=("10.0.0.0/8", "2001:db8::/32")) == []


def test_a_known_forwarder_is_not_an_identity() -> None:
    """Whoever hands on what others sent is not blamed for it, nor praised."""
    forwarded = Evidence("forward", "forward.known", Status.PASS)
    author = proof("dmarc", "header.from", "shop.example")
    rewritten = proof("spf", "smtp.mailfrom", "SRS0=x=y=shop.example=ann@forwarder.example")
    assert who(forwarded, author, rewritten) == [(Role.AUTHOR, "shop.example")]


@pytest.mark.parametrize(
    ("ip", "host", "network"),
    [
        ("192.0.2.77", "192.0.2.77", "192.0.2.0/24"),
        ("::ffff:192.0.2.77", "192.0.2.77", "192.0.2.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64", "2001:db8:1::/48"),
        ("fe80::1%eth0", "fe80::/64", "fe80::/48"),
    ],
)
def test_addresses_count_by_what_their_holder_cannot_change(ip: str, host: str, network: str) -> None:
    """IPv6 by /64 and /48, IPv4 by address and /24, a mapped address as the IPv4 it is."""
    assert keys.host_of(ip_address(ip)) == host
    assert keys.network_of(ip_address(ip)) == network


def test_what_has_no_registrable_domain_stays_itself() -> None:
    """A public suffix or a host name without dots is kept as it stands."""
    assert registrable("co.uk") == "co.uk"
    assert registrable("Localhost.") == "localhost"
    assert registrable("a.b.EXAMPLE.com.") == "example.com"
    assert registrable("a." * 200 + "example") == ""


@given(name=st.text(st.characters(), max_size=300))
@settings(max_examples=200)
def test_keys_are_short_printable_ascii_whatever_the_name(name: str) -> None:
    """No line end, surrogate or endless name reaches a store, and different names keep different keys."""
    made = keys.key("login", name)
    assert len(made) <= limits.STATE_KEY_CHARACTERS
    assert made.isascii()
    assert made.isprintable()
    assert made != keys.key("login", name + "x")


@pytest.mark.parametrize(
    ("text", "role", "name"),
    [
        ("news.shop.co.uk", Role.AUTHOR, "shop.co.uk"),
        ("ann@Shop.Example", Role.AUTHOR, "shop.example"),
        ("192.0.2.9", Role.NETWORK, "192.0.2.0/24"),
        ("192.0.2.0/24", Role.NETWORK, "192.0.2.0/24"),
        ("2001:db8:1:2::3", Role.NETWORK, "2001:db8:1::/48"),
    ],
)
def test_an_administrator_names_what_is_stored(text: str, role: Role, name: str) -> None:
    """What `reputation show` and `reset` are given leads to the key that the checks use."""
    identity = keys.named(text)
    assert (identity.role, identity.name) == (role, name)
    assert identity.key in {keys.domain_key(name), keys.network_key(name)}
