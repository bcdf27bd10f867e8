"""DKIM: what passes, and every fault that must not count as a pass."""

from __future__ import annotations

import time

import pytest

from gatepost.checks.auth.dkim import DkimCheck, Rules
from gatepost.evidence import Evidence, Found
from gatepost.mail import limits
from gatepost.mail.envelope import Direction, Envelope
from gatepost.mail.message import Message, from_bytes
from gatepost.world.clock import FakeClock
from gatepost.world.dns.fake import FakeDns, NoNetworkDns
from support.signing import MESSAGE, SigningKey, ed25519_key, rsa_key, sign
from support.suites_auth import inbound


def judge(
    data: bytes | Message, dns: object = None, rules: Rules | None = None, at: float | None = None
) -> tuple[Evidence, ...]:
    """Run the check on a message; without a zone, example.com's key `s` is the usual one."""
    message = data if isinstance(data, Message) else from_bytes(data)
    dns = dns if dns is not None else zone(rsa_key())
    return DkimCheck(dns, FakeClock(at or time.time()), rules or Rules()).run(inbound(), message, Found())


def one(data: bytes, **options: object) -> Evidence:
    """Run the check on a message with one signature."""
    (evidence,) = judge(data, **options)
    return evidence


def zone(key: SigningKey, **tags: str) -> FakeDns:
    """Give a zone that holds example.com's key."""
    return FakeDns({"s._domainkey.example.com": {"TXT": [key.record(**tags)]}})


@pytest.mark.parametrize("canon", [(b"simple", b"simple"), (b"relaxed", b"relaxed"), (b"relaxed", b"simple")])
@pytest.mark.parametrize("key", [rsa_key, ed25519_key])
def test_pass(canon: tuple[bytes, bytes], key: object) -> None:
    """A sound signature passes, with the facts that Authentication-Results and DMARC need."""
    made = key()
    evidence = one(sign(MESSAGE, made, canonicalize=canon), dns=zone(made))
    assert evidence.code == "dkim.pass"
    assert evidence.facts["header.d"] == "example.com"
    assert evidence.facts["header.s"] == "s"
    assert evidence.facts["header.i"] == "@example.com"
    assert evidence.facts["header.a"] == ("rsa-sha256" if made.kind == "rsa" else "ed25519-sha256")
    assert len(evidence.facts["header.b"]) == 8
    assert evidence.facts["key.bits"] == ("2048" if made.kind == "rsa" else "256")


def test_selectors_may_be_numbers() -> None:
    """Selectors are often dates."""
    dns = FakeDns({"20261101._domainkey.example.com": {"TXT": [rsa_key().record()]}})
    assert one(sign(MESSAGE, selector=b"20261101"), dns=dns).code == "dkim.pass"


def test_none() -> None:
    """An unsigned message is `none`."""
    assert one(MESSAGE).code == "dkim.none"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"Lunch", b"Dinner"),
        (b"At noon", b"At one"),
        (b"From: Ann", b"From: Eve <eve@attack.example>\r\nFrom: Ann"),
        (b"To: Bob", b"To: Eve"),
    ],
)
def test_fail(old: bytes, new: bytes) -> None:
    """A changed body, a changed field and a second From break the signature."""
    evidence = one(sign(MESSAGE).replace(old, new))
    assert evidence.code == "dkim.fail"
    assert evidence.facts["reason"]


def test_a_from_added_on_top_breaks_an_ordinary_signature() -> None:
    """A second From above the signature does not pass even when From is signed once."""
    assert one(b"From: Eve <eve@attack.example>\r\n" + sign(MESSAGE, include_headers=[b"from"])).code == "dkim.fail"


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        (b"v=1;", b"v=2;", "permerror"),
        (b"v=1;", b"", "permerror"),
        (b"a=rsa-sha256", b"a=rsa-md5", "permerror"),
        (b"d=example.com", b"d=example.com\x00.attack.example", "permerror"),
        (b"d=example.com", b"d=example.com(attack.example", "permerror"),
        (b"d=example.com", b"d=", "permerror"),
        (b"s=s;", b"s=s\x00.x;", "permerror"),
        (b"s=s;", b"s=s;s=s;", "permerror"),
        (b"s=s;", b"s=other;", "permerror"),
        (b"q=dns/txt", b"q=http/well-known", "permerror"),
        (b"i=@example.com", b"i=@example.org", "permerror"),
        (b"i=@example.com", b"i=@notexample.com", "permerror"),
        (b"i=@example.com", b"i=example.com", "permerror"),
        (b"c=relaxed/simple", b"c=nofws/simple", "permerror"),
        (b"c=relaxed/simple", b"c=relaxed/simple/x", "permerror"),
        (b"t=", b"t=9", "permerror"),
        (b"t=", b"t=-", "permerror"),
        (b"v=1;", b"v=1; x=1;", "permerror"),
        (b"v=1;", b"v=1; l=99999;", "permerror"),
        (b"v=1;", b"v=1; l=-1;", "permerror"),
        (b"v=1;", b"v=1; broken;", "permerror"),
        (b"h=from : to : from", b"h=to", "permerror"),
        (b"bh=", b"bh=*", "permerror"),
        (b"v=1;", b"v=1; " + b" " * 300 + b";", "permerror"),
        (b"v=1;", b"v=1; z=" + b"x" * limits.DKIM_FIELD_BYTES + b";", "permerror"),
        (b"h=", b"h=" + b"x:" * limits.DKIM_SIGNED_NAMES, "permerror"),
        (b"v=1;", b"v=1; unknown=tag;", "fail"),
        (b"q=dns/txt", b"q=x:dns/txt", "fail"),
        (b"i=@example.com", b"i=a=40b@sub.example.com", "fail"),
    ],
)
def test_what_is_not_in_order(old: bytes, new: bytes, code: str) -> None:
    """A signature field with a fault is a permanent error before any arithmetic; one that only differs is a fail."""
    signed = sign(MESSAGE, include_headers=[b"from", b"to", b"from"])
    header, body = signed.split(b"From: Ann", 1)
    assert old in header
    evidence = one(header.replace(old, new, 1) + b"From: Ann" + body)
    assert evidence.code == f"dkim.{code}"
    assert evidence.degraded == ""


@pytest.mark.parametrize(
    ("tags", "code"),
    [
        ({"t": "y"}, "pass"),
        ({"t": "s"}, "pass"),
        ({"h": "sha1:sha256"}, "pass"),
        ({"s": "other:email"}, "pass"),
        ({"s": "*"}, "pass"),
        ({"n": "a note", "x": "unknown"}, "pass"),
        ({"h": "sha1"}, "permerror"),
        ({"s": "tlsrpt"}, "permerror"),
        ({"k": "ed25519"}, "permerror"),
        ({"k": "dsa"}, "permerror"),
        ({"v": "DKIM2"}, "permerror"),
        ({"p": ""}, "permerror"),
        ({"p": "!"}, "permerror"),
        ({"p": "AAAA"}, "permerror"),
        ({"p": "A" * 10_000}, "permerror"),
    ],
)
def test_what_a_key_record_allows(tags: dict[str, str], code: str) -> None:
    """Every restriction of the key record counts."""
    assert one(sign(MESSAGE), dns=zone(rsa_key(), **tags)).code == f"dkim.{code}"


def test_testing_keys_say_so() -> None:
    """A key with t=y is a fact of the result, which stays what it is."""
    assert one(sign(MESSAGE), dns=zone(rsa_key(), t="y")).facts["key.testing"] == "y"


def test_a_strict_key_allows_no_subdomain() -> None:
    """t=s: the domain of i= must be d= itself (RFC 6376 3.6.1)."""
    signed = sign(MESSAGE, identity=b"ann@sub.example.com")
    assert one(signed).code == "dkim.pass"
    assert one(signed).facts["header.i"] == "ann@sub.example.com"
    assert one(signed, dns=zone(rsa_key(), t="s")).code == "dkim.permerror"


def test_several_keys() -> None:
    """Of several records at the selector, the first that is a key counts."""
    records = ["some text", rsa_key().record(v="DKIM9"), rsa_key().record()]
    assert one(sign(MESSAGE), dns=FakeDns({"s._domainkey.example.com": {"TXT": records}})).code == "dkim.pass"


@pytest.mark.parametrize(
    ("dns", "code"),
    [
        (FakeDns(), "dkim.permerror"),
        (FakeDns({"s._domainkey.example.com": {"A": ["192.0.2.1"]}}), "dkim.permerror"),
        (FakeDns(servfail=["s._domainkey.example.com"]), "dkim.temperror"),
        (NoNetworkDns(), "dkim.temperror"),
    ],
)
def test_no_key(dns: object, code: str) -> None:
    """A key that is not there is permanent; one that cannot be had now is temporary, and marked."""
    evidence = one(sign(MESSAGE), dns=dns)
    assert evidence.code == code
    assert (evidence.degraded == "dns") == (code == "dkim.temperror")


def test_old_algorithms_and_short_keys_are_policy() -> None:
    """rsa-sha1 and short keys never pass; that the arithmetic was right, or not, is still told apart."""
    sha1 = sign(MESSAGE, algorithm=b"rsa-sha1")
    assert one(sha1).code == "dkim.policy"
    assert one(sha1.replace(b"noon", b"one")).code == "dkim.fail"
    short = sign(MESSAGE, rsa_key(1024))
    assert one(short, dns=zone(rsa_key(1024))).code == "dkim.pass"
    assert one(short, dns=zone(rsa_key(1024)), rules=Rules(min_rsa_bits=2048)).code == "dkim.policy"


def test_costly_keys_are_not_computed_with() -> None:
    """A key with a giant exponent or modulus costs nothing."""
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    def record(exponent: int, modulus: int) -> FakeDns:
        der = RSAPublicNumbers(exponent, modulus).public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1)
        import base64

        return FakeDns({"s._domainkey.example.com": {"TXT": ["p=" + base64.b64encode(der).decode()]}})

    signed = sign(MESSAGE)
    assert one(signed, dns=record(2**2046 + 1, 2**2047 + 1)).code == "dkim.policy"
    assert one(signed, dns=record(65537, 2**8300 + 1)).code == "dkim.policy"


def test_length_that_leaves_text_unsigned_is_policy() -> None:
    """l= over all of the body passes; a single line added below it does not."""
    signed = sign(MESSAGE, length=True)
    assert one(signed).code == "dkim.pass"
    evidence = one(signed + b"Buy now!\r\n")
    assert evidence.code == "dkim.policy"
    assert "not signed" in evidence.detail


def test_time_follows_our_clock() -> None:
    """x= and t= are judged by the site's clock, with some grace."""
    now = time.time()
    signed = sign(MESSAGE)
    assert one(signed, at=now + 10_000_000).code == "dkim.pass"
    assert one(signed, at=now - 30_000).code == "dkim.pass"
    assert one(signed, at=now - 40_000).code == "dkim.permerror"
    assert one(signed, at=now - 40_000, rules=Rules(clock_skew_seconds=50_000)).code == "dkim.pass"
    expired = signed.replace(b"v=1;", b"v=1; x=%d;" % (now + 1000))
    assert one(expired, at=now + 1200).code == "dkim.fail"
    assert one(expired, at=now + 1400).facts["reason"] == "it has expired"


def test_many_signatures() -> None:
    """Signatures beyond the limit are counted and not verified."""
    signed = MESSAGE
    for _ in range(limits.DKIM_SIGNATURES + 3):
        signed = sign(MESSAGE).split(b"From: Ann", 1)[0] + signed
    dns = zone(rsa_key())
    found = judge(signed, dns)
    assert [evidence.code for evidence in found] == ["dkim.pass"] * limits.DKIM_SIGNATURES + ["dkim.neutral"]
    assert found[-1].facts["unread"] == "3"
    assert len(dns.asked) == limits.DKIM_SIGNATURES


def test_the_authors_signature_is_among_those_that_are_verified() -> None:
    """However many hops have signed above it; the order of the results is that of the fields."""
    hops = b"".join(sign(MESSAGE, domain=b"hop%d.example" % hop).split(b"From: Ann", 1)[0] for hop in range(20))
    keys = {f"s._domainkey.{name}": {"TXT": [rsa_key().record()]} for name in ("example.com", "hop0.example")}
    found = judge(hops + sign(MESSAGE), FakeDns(keys))
    domains = [evidence.facts.get("header.d", "") for evidence in found]
    assert domains == [*(f"hop{hop}.example" for hop in range(limits.DKIM_SIGNATURES - 1)), "example.com", ""]
    assert [found[number].code for number in (0, 1, -2, -1)] == [
        "dkim.pass",
        "dkim.permerror",
        "dkim.pass",
        "dkim.neutral",
    ]


def test_two_signatures_have_marks_of_their_own() -> None:
    """header.b tells two signatures apart (RFC 6008)."""
    twice = sign(sign(MESSAGE), ed25519_key(), selector=b"e")
    dns = FakeDns(
        {
            "s._domainkey.example.com": {"TXT": [rsa_key().record()]},
            "e._domainkey.example.com": {"TXT": [ed25519_key().record()]},
        }
    )
    found = judge(twice, dns)
    assert [evidence.code for evidence in found] == ["dkim.pass", "dkim.pass"]
    assert found[0].facts["header.b"] != found[1].facts["header.b"]


def test_telling_signatures_apart_has_an_end() -> None:
    """Signatures that a sender made alike for thousands of characters keep a short header.b, and cost no time."""
    field = b"DKIM-Signature: v=1; a=rsa-sha256; d=example.com; s=s; h=from; bh=eA==; b=" + b"A" * 15_000
    alike = b"".join(field + b"%02dAA\r\n" % number for number in range(limits.DKIM_SIGNATURES))
    begin = time.thread_time()
    found = judge(alike + MESSAGE, FakeDns())
    assert time.thread_time() - begin < 0.2
    assert all(8 <= len(evidence.facts["header.b"]) <= 64 for evidence in found)


def test_a_cut_message_is_neutral() -> None:
    """What was not kept whole cannot be verified, and is no fail."""
    message = from_bytes(sign(MESSAGE))
    (evidence,) = judge(Message(message.headers, message.body[:5], truncated=True))
    assert evidence.code == "dkim.neutral"
    assert evidence.facts["header.d"] == "example.com"


def test_space_before_a_colon_does_not_hide_other_signatures() -> None:
    """Fields that trip dkimpy's own parser (`Date :`, a first line with a space) do no harm here."""
    assert one(sign(MESSAGE).replace(b"Date: ", b"Date : ")).code == "dkim.pass"
    assert one(sign(MESSAGE).replace(b"\r\n\r\nAt", b"\r\nX-Odd\xff: y\r\n\r\nAt", 1)).code == "dkim.pass"


@pytest.mark.parametrize("filler", [b" ", b"\t", b"\r\n", b" \r\n", b"\t \n", b"\r", b"x "])
def test_bodies_cannot_make_it_slow(filler: bytes) -> None:
    """A megabyte of whatever is canonicalised in linear time (dkimpy's own way is quadratic)."""
    signed = sign(MESSAGE, canonicalize=(b"relaxed", b"relaxed")) + filler * (1_000_000 // len(filler))
    started = time.perf_counter()
    one(signed)
    assert time.perf_counter() - started < 2.0


def test_other_directions_are_not_judged() -> None:
    """Our own users' mail is signed after us, not verified."""
    check = DkimCheck(FakeDns(), FakeClock(), Rules())
    assert check.run(Envelope(direction=Direction.OUTBOUND), from_bytes(sign(MESSAGE)), Found()) == ()
