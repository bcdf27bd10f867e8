"""ARC: the ValiMail suite, and what the check makes of a chain."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from gatepost.checks.auth.arc import ArcCheck, verify_chain
from gatepost.checks.auth.dkim import Rules
from gatepost.checks.auth.signed import SignedMessage
from gatepost.evidence import Evidence, Found
from gatepost.mail import limits
from gatepost.mail.envelope import Direction, Envelope
from gatepost.mail.message import Message, from_bytes
from gatepost.world.clock import FakeClock
from gatepost.world.dns.fake import FakeDns, NoNetworkDns
from support.signing import MESSAGE, rsa_key, seal
from support.suites_auth import SUITES, ArcCase, arc_cases, inbound

CASES = list(arc_cases())
ZONE = {f"s._domainkey.{domain}": {"TXT": [rsa_key().record()]} for domain in ("relay.example", "list.example")}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_valimail_suite(case: ArcCase) -> None:
    """Every chain of the suite gets its verdict; the three that the suite leaves open are fails."""
    assert verify_chain(SignedMessage(case.message), case.dns, Rules()).status == case.want


@pytest.mark.parametrize(
    "path", sorted((SUITES / "dkim-arc-stalwart" / "arc").glob("*.txt")), ids=lambda path: path.name
)
def test_real_chains(path: Path) -> None:
    """Chains of large forwarders with their keys of the day, Ed25519 among them, are unbroken."""
    records, _, data = path.read_bytes().partition(b"\n\n")
    keys = dict(line.split(" ", 1) for line in records.decode().splitlines())
    dns = FakeDns({name: {"TXT": [key]} for name, key in keys.items()})
    assert verify_chain(SignedMessage(from_bytes(data)), dns, Rules()).status == "pass"


def test_the_suite_is_whole() -> None:
    """The suite is run to its last case, or it is not there at all."""
    assert len(CASES) == (171 if SUITES.is_dir() else 0)


def judge(data: bytes | Message, dns: object = None, trusted: tuple[str, ...] = ()) -> tuple[Evidence, ...]:
    """Run the check."""
    message = data if isinstance(data, Message) else from_bytes(data)
    check = ArcCheck(dns or FakeDns(ZONE), FakeClock(time.time()), Rules(), trusted)
    return check.run(inbound(), message, Found())


def test_an_unbroken_chain() -> None:
    """Two sets, sealed one after the other, pass; the last sealer and the length are facts."""
    (evidence,) = judge(seal(seal(MESSAGE), b"list.example"))
    assert evidence.code == "arc.pass"
    assert evidence.facts == {"arc.chain": "2", "header.d": "list.example", "header.oldest-pass": "0"}


def test_trust_is_the_administrators() -> None:
    """A valid chain by a trusted sealer is said to be trusted; by anybody else it is only valid."""
    sealed = seal(seal(MESSAGE), b"list.example")
    assert [each.code for each in judge(sealed, trusted=("list.example",))] == ["arc.pass", "arc.trusted"]
    assert [each.code for each in judge(sealed, trusted=("other.example",))] == ["arc.pass"]
    broken = sealed.replace(b"noon", b"one")
    assert [each.code for each in judge(broken, trusted=("list.example",))] == ["arc.fail"]


def test_an_older_trusted_set_belongs_to_this_message_or_counts_for_nothing() -> None:
    """What a trusted sealer found stands behind a stranger's seal only while its own signature still holds."""
    kept = seal(seal(MESSAGE), b"list.example")
    evidence = judge(kept, trusted=("relay.example",))[1]
    assert (evidence.code, evidence.facts["header.d"], evidence.facts["instance"]) == (
        "arc.trusted",
        "relay.example",
        "1",
    )
    changed = seal(seal(MESSAGE).replace(b"noon", b"one"), b"list.example")
    assert [each.code for each in judge(changed, trusted=("relay.example",))] == ["arc.pass"]


def test_trusted_sealers_hand_on_what_they_found() -> None:
    """Behind a trusted sealer's seal the set of a trusted sealer before it counts, though the body has changed since."""
    changed = seal(seal(MESSAGE).replace(b"noon", b"one"), b"list.example", results=b"; spf=fail; arc=pass")
    evidence = judge(changed, trusted=("relay.example", "list.example"))[1]
    assert (evidence.code, evidence.facts["header.d"]) == ("arc.trusted", "relay.example")
    assert judge(changed, trusted=("list.example",))[1].code == "arc.sealed"


@pytest.mark.parametrize(
    ("results", "code"),
    [
        (b"; dmarc=pass (p=REJECT) header.from=Example.COM", "arc.trusted"),
        (b"; dmarc=pass header.from=other.example", "arc.sealed"),
        (b"; dmarc=pass", "arc.sealed"),
        (b"; dmarc=none header.from=example.com; dkim=pass header.d=news.example.com", "arc.trusted"),
        (b"; dmarc=fail header.from=example.com; dkim=pass header.d=example.com", "arc.sealed"),
        (b"; dkim=pass header.i=@example.com", "arc.trusted"),
        (b"; dkim=pass header.d=attack.example", "arc.sealed"),
        (b"; dkim=fail header.d=example.com", "arc.sealed"),
        (b"; spf=pass smtp.mailfrom=example.com", "arc.trusted"),
        (b"; spf=pass smtp.helo=example.com", "arc.sealed"),
        (b"; none", "arc.sealed"),
    ],
)
def test_what_vouches(results: bytes, code: str) -> None:
    """A trusted sealer vouches by DMARC for the author's very domain, else by SPF or DKIM for its organization."""
    assert judge(seal(MESSAGE, results=results), trusted=("relay.example",))[1].code == code


def test_a_body_changed_between_two_seals() -> None:
    """The newest signature must hold; how far back the others do is told (RFC 8617 5.2)."""
    changed = seal(seal(MESSAGE).replace(b"noon", b"one"), b"list.example")
    (evidence,) = judge(changed)
    assert evidence.code == "arc.pass"
    assert evidence.facts["header.oldest-pass"] == "2"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"At noon", b"At one"),
        (b"spf=pass", b"spf=fail"),
        (b"cv=none", b"cv=pass"),
        (b"i=1", b"i=2"),
        (b"i=1", b"i=" + b"9" * 30),
        (b"d=relay.example", b"d=relay\x00.example"),
        (b"c=relaxed/relaxed", b"c=other/relaxed"),
        (b"ARC-Seal", b"X-ARC-Seal"),
        (b"bh=", b"bh=*"),
        (b"h=", b"h=" + b" " * 300),
        (b"h=", b"h=" + b"x:" * limits.DKIM_SIGNED_NAMES),
    ],
)
def test_a_broken_chain(old: bytes, new: bytes) -> None:
    """Any change to what a chain covers breaks it."""
    sealed = seal(MESSAGE)
    assert old in sealed
    assert [each.code for each in judge(sealed.replace(old, new))] == ["arc.fail"]


def test_no_chain() -> None:
    """Most mail has none."""
    assert [each.code for each in judge(MESSAGE)] == ["arc.none"]


def test_trouble_is_temporary() -> None:
    """A key that cannot be had now leaves the chain open; one that is not there breaks it."""
    (evidence,) = judge(seal(MESSAGE), NoNetworkDns())
    assert (evidence.code, evidence.degraded) == ("arc.temperror", "dns")
    assert [each.code for each in judge(seal(MESSAGE), FakeDns({"x": {}}))] == ["arc.fail"]


def test_a_trusted_seal_that_dns_leaves_open() -> None:
    """A trusted sealer who would vouch is said to be unsure while the key does not answer, and one who would not is not."""
    assert [each.code for each in judge(seal(MESSAGE), NoNetworkDns(), ("relay.example",))] == [
        "arc.temperror",
        "arc.unsure",
    ]
    silent = judge(seal(MESSAGE, results=b"; dmarc=fail header.from=example.com"), NoNetworkDns(), ("relay.example",))
    assert [each.code for each in silent] == ["arc.temperror"]
    assert [each.code for each in judge(seal(MESSAGE), NoNetworkDns(), ("list.example",))] == ["arc.temperror"]


def test_a_plain_fault_is_not_put_down_to_dns() -> None:
    """A chain that is broken whatever a silent server would have said is broken, not open."""
    silent = FakeDns(ZONE, servfail=["s._domainkey.relay.example"])
    sealed = seal(seal(MESSAGE), b"list.example")
    assert [each.code for each in judge(sealed, silent)] == ["arc.temperror"]
    assert [each.code for each in judge(sealed.replace(b"At noon", b"At one"), silent)] == ["arc.fail"]
    assert [each.code for each in judge(sealed.replace(b"cv=pass", b"cv=none"), silent)] == ["arc.fail"]
    assert [each.code for each in judge(sealed.replace(b"ARC-Seal: i=1", b"X-Seal: i=1"), silent)] == ["arc.fail"]


def test_the_clock_is_ours() -> None:
    """A set from the future breaks the chain by the clock that the check was given, not by the machine's."""
    sealed = from_bytes(seal(MESSAGE))
    for ahead, code in ((0, "arc.pass"), (-9 * 3600, "arc.pass"), (-11 * 3600, "arc.fail"), (10**8, "arc.pass")):
        check = ArcCheck(FakeDns(ZONE), FakeClock(time.time() + ahead), Rules())
        assert [each.code for each in check.run(inbound(), sealed, Found())] == [code]


def test_long_chains_are_bounded() -> None:
    """More sets than the RFC allows fail without a single question."""
    dns = FakeDns(ZONE)
    field = b"ARC-Seal: i=1; cv=none; a=rsa-sha256; d=relay.example; s=s; b=AAAA\r\n"
    assert [each.code for each in judge(field * 500 + MESSAGE, dns)] == ["arc.fail"]
    assert dns.asked == []


def test_a_cut_message_is_neutral() -> None:
    """What was not kept whole cannot be verified, and is no fail."""
    message = from_bytes(seal(MESSAGE))
    assert [each.code for each in judge(Message(message.headers, b"", truncated=True))] == ["arc.neutral"]


def test_other_directions_are_not_judged() -> None:
    """Chains on our own users' mail are not looked at."""
    check = ArcCheck(FakeDns(), FakeClock(), Rules())
    assert check.run(Envelope(direction=Direction.OUTBOUND), from_bytes(seal(MESSAGE)), Found()) == ()
