"""The family as a whole: its order, its codes, its settings, and messages through all of it."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from gatepost.checks.auth.family import CODES, Settings, build, foreseen
from gatepost.evidence import Found, Status
from gatepost.mail.address import parse_path
from gatepost.mail.header import Header
from gatepost.mail.message import Message, from_bytes
from gatepost.world.clock import FakeClock
from gatepost.world.dns.fake import FakeDns, NoNetworkDns
from support.signing import MESSAGE, rsa_key, seal, sign
from support.suites_auth import inbound

ZONE = {
    "s._domainkey.example.com": {"TXT": [rsa_key().record()]},
    "s._domainkey.relay.example": {"TXT": [rsa_key().record()]},
    "_dmarc.example.com": {"TXT": ["v=DMARC1; p=reject"]},
    "example.com": {"TXT": ["v=spf1 ip4:192.0.2.1 -all"]},
    "1.2.0.192.in-addr.arpa": {"PTR": ["mx.example.com"]},
    "mx.example.com": {"A": ["192.0.2.1"]},
}


def judge(message: Message, dns: object = None, sender: bytes = b"<ann@example.com>", ip: str = "192.0.2.1") -> Found:
    """Run all checks in their order."""
    found = Found()
    for check in build(Settings(trusted_arc_sealers=("relay.example",)), dns or FakeDns(ZONE), FakeClock(time.time())):
        found = found.plus(check.run(inbound(ip, sender=parse_path(sender)), message, found))
    return found


def codes(found: Found) -> list[str]:
    """Give the codes in order."""
    return [item.code for item in found.items]


def test_an_honest_message() -> None:
    """Mail from the domain's own server, signed, passes everywhere."""
    found = judge(from_bytes(sign(MESSAGE)))
    assert codes(found) == ["iprev.pass", "spf.pass", "dkim.pass", "arc.none", "dmarc.pass"]
    assert found.of("dmarc")[0].facts["aligned"] == "dkim,spf"


def test_a_forwarded_message() -> None:
    """Forwarded mail fails SPF; its signature carries it."""
    found = judge(from_bytes(sign(MESSAGE)), ip="192.0.2.9")
    assert codes(found) == ["iprev.permerror", "spf.fail", "dkim.pass", "arc.none", "dmarc.pass"]


def test_a_list_that_seals() -> None:
    """A list that changes the message breaks its signature; the seal of a trusted list says so."""
    changed = sign(MESSAGE).replace(b"Subject: ", b"Subject: [list] ")
    found = judge(from_bytes(seal(changed)), ip="192.0.2.9")
    assert codes(found)[2:] == ["dkim.fail", "arc.pass", "arc.trusted", "dmarc.fail", "dmarc.reject"]


def test_a_forgery() -> None:
    """A stranger's own domain, authenticated in every way, does not speak for the author's."""
    dns = FakeDns({**ZONE, "attack.example": {"TXT": ["v=spf1 +all"]}})
    signed = sign(MESSAGE, domain=b"attack.example")
    found = judge(from_bytes(signed), dns, sender=b"<x@attack.example>", ip="192.0.2.66")
    assert found.code("spf.pass") is not None
    assert found.code("dmarc.fail") is not None
    assert found.code("dmarc.reject") is not None


def test_without_network() -> None:
    """With no DNS at all everything is temperror, marked, and nothing is fail or clean."""
    found = judge(from_bytes(seal(sign(MESSAGE))), NoNetworkDns())
    assert {item.status for item in found.items} == {Status.TEMPERROR}
    assert {item.degraded for item in found.items} == {"dns"}


def test_order_and_names() -> None:
    """The order is fixed, and nobody reads what has not run yet."""
    checks = build(Settings(), FakeDns(), FakeClock())
    assert [check.name for check in checks] == ["upstream", "iprev", "spf", "dkim", "arc", "dmarc", "forward"]
    seen: set[str] = set()
    for check in checks:
        assert check.after <= seen
        seen.add(check.name)


def test_codes_are_complete() -> None:
    """Every code has a meaning in one line, and belongs to the check whose name it carries."""
    own = {
        code: meaning for check in build(Settings(), FakeDns(), FakeClock()) for code, meaning in check.codes.items()
    }
    assert own == dict(CODES)
    for check in build(Settings(), FakeDns(), FakeClock()):
        assert all(code.startswith(f"{check.name}.") for code in check.codes)
    assert all(meaning.endswith(".") and "\n" not in meaning for meaning in CODES.values())


@pytest.mark.parametrize(
    "wrong",
    [
        {"min_rsa_bits": 512},
        {"min_rsa_bits": 8192},
        {"clock_skew_seconds": -1},
        {"unknown": 1},
        {"trusted_arc_sealers": ["a@b.example"]},
    ],
)
def test_settings_are_bounded(wrong: dict[str, object]) -> None:
    """A setting out of its bounds, or unknown, is refused."""
    with pytest.raises(ValidationError):
        Settings(**wrong)


def test_sealers_are_domains_in_one_form() -> None:
    """A trusted sealer may be written as people write domains."""
    settings = Settings(trusted_arc_sealers=["LIST.Example.", "bücher.example"])
    assert settings.trusted_arc_sealers == ("list.example", "xn--bcher-kva.example")


def test_settings_describe_themselves() -> None:
    """Every setting has a default and a sentence."""
    for field in Settings.model_fields.values():
        assert not field.is_required()
        assert field.description
        assert field.description.endswith(".")


def test_fields_let_questions_be_foreseen() -> None:
    """From and DKIM-Signature name their records as soon as they arrive; broken and other fields name none."""
    asked = [foreseen(field) for field in from_bytes(sign(MESSAGE)).headers]
    assert [question.name for questions in asked for question in questions] == [
        "s._domainkey.example.com",
        "_dmarc.example.com",
    ]
    for name, value in ((b"From", b" a@b.example, c@d.example"), (b"DKIM-Signature", b" v=1"), (b"Subject", b" x")):
        assert foreseen(Header(name, value)) == ()


NAMES = st.sampled_from(
    [b"From", b"DKIM-Signature", b"ARC-Seal", b"ARC-Message-Signature", b"ARC-Authentication-Results"]
)
TAGS = st.lists(
    st.sampled_from(
        [
            b"v=1",
            b"a=rsa-sha256",
            b"i=1",
            b"i=@example.com",
            b"d=example.com",
            b"s=s",
            b"h=from",
            b"bh=AAAA",
            b"b=AAAA",
            b"cv=none",
            b"l=0",
            b"l=",
            b"x=1",
            b"c=relaxed",
            b"t=1",
            b"q=dns/txt",
            b"=",
            b"\x00",
            b"\xff",
            b"i=0",
            b"i=99999999999",
        ]
    ),
    max_size=14,
).map(b"; ".join)
FIELDS = st.lists(st.tuples(NAMES, TAGS), max_size=6)


@given(FIELDS, st.binary(max_size=40), st.binary(max_size=40))
@settings(max_examples=200)
def test_nothing_raises_and_nothing_passes(fields: list[tuple[bytes, bytes]], body: bytes, sender: bytes) -> None:
    """Whatever stands in the fields, every check answers with codes of its own, and no made-up signature passes."""
    head = b"".join(name + b": " + value + b"\r\n" for name, value in fields)
    found = judge(from_bytes(head + b"\r\n" + body), sender=b"<" + sender + b">")
    assert {item.check for item in found.items} - {"forward"} == {"iprev", "spf", "dkim", "arc", "dmarc"}
    assert all(item.code in CODES for item in found.items)
    assert found.code("dkim.pass") is None
    assert found.code("arc.pass") is None
