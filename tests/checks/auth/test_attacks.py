"""A catalogue of attacks on identity: who sends as attack.example never passes for victim.example.

The classes are those of "Composition Kills" (USENIX Security 2020) and "Weak Links in Authentication Chains" (USENIX
Security 2021): parts that each read a message or an envelope in their own way, and disagree. The attacker here owns
attack.example, with SPF, DKIM and DMARC all in order, and has seen mail that the victim really signed.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from ipaddress import ip_address

import authres
import pytest

from gatepost.checks.auth.family import Settings, build
from gatepost.effects.headers import authentication_results
from gatepost.evidence import Found
from gatepost.mail import limits
from gatepost.mail.address import parse_path
from gatepost.mail.envelope import Client, Envelope
from gatepost.mail.message import from_bytes
from gatepost.world.clock import FakeClock
from gatepost.world.dns.fake import FakeDns
from support.generated_mail import ATTACKER_IP, ZONE
from support.signing import rsa_key, seal, sign

REST = (
    b"To: Bob <bob@example.org>\r\nSubject: Lunch\r\nDate: Sun, 01 Nov 2026 12:00:00 +0000\r\n"
    b"Message-ID: <1@x.example>\r\n\r\nAt noon?\r\n"
)
OWN = rsa_key(1024)
ONCE = [b"from", b"to", b"subject", b"date"]  # h= without a second "from": a field may be added


@dataclass(frozen=True)
class Attack:
    """One attack: `want` is DMARC's result, `author` the domain that it was reached for ("" when there is no author)."""

    name: str
    data: bytes
    want: str
    author: str = ""
    path: bytes = b"<x@attack.example>"
    helo: str = "attack.example"
    replay: bool = False  # a real signature of the victim's is in it, and may be found sound


def own(data: bytes, **options: object) -> bytes:
    """Sign as attack.example."""
    return sign(data, OWN, domain=b"attack.example", canonicalize=(b"relaxed", b"relaxed"), **options)


def composed(*fields: bytes) -> bytes:
    """Give a message with these fields on top, unsigned: SPF alone speaks for the attacker."""
    return b"\r\n".join(fields) + b"\r\n" + REST


def signed(value: bytes) -> bytes:
    """Give a message with this From value, signed by the attacker where a signer would do so."""
    data = b"From: " + value + b"\r\n" + REST
    return own(data)


def victims(**options: object) -> bytes:
    """Give a message that the victim really signed."""
    data = b"From: Ann <ann@victim.example>\r\n" + REST
    return sign(data, domain=b"victim.example", canonicalize=(b"relaxed", b"relaxed"), **options)


V, A = b"ann@victim.example", b"x@attack.example"
VICTIM = "victim.example"

AMBIGUOUS = {
    "two From fields, the victim on top": composed(b"From: " + V, b"From: " + A),
    "two From fields, the attacker on top": composed(b"From: " + A, b"From: " + V),
    "two From fields, names in other cases": composed(b"FROM: " + A, b"from: " + V),
    "two From fields, one with a space before its colon": composed(b"From : " + V, b"From: " + A),
    "two From fields, the second with a space": composed(b"From: " + A, b"From : " + V),
    "two From fields, the second with a tab": composed(b"From: " + A, b"From\t: " + V),
    "one From field with a space before its colon": composed(b"From : " + V),
    "a first line that begins with a space": composed(b" From: " + V, b"From: " + A),
    "a name and its colon on two lines": composed(b"From\r\n : " + V, b"From: " + A),
    "a NUL in the name": composed(b"From\x00: " + V, b"From: " + A),
    "no From field": REST,
    "an empty From field": composed(b"From:"),
    "a null address": composed(b"From: <>"),
}
VALUES = {
    "two mailboxes": V + b", " + A,
    "two mailboxes, the attacker first": A + b", " + V,
    "two mailboxes by a semicolon": V + b"; " + A,
    "two brackets": b"<" + V + b"> <" + A + b">",
    "two brackets, no space": b"<" + A + b"><" + V + b">",
    "a route through the victim": b"<@victim.example,@x.example:" + A + b">",
    "a route through the attacker": b"<@attack.example:" + V + b">",
    "an address as an unquoted name": V + b" <" + A + b">",
    "an address with two @ as an unquoted name": A + b"@victim.example <" + V + b">",
    "an address behind the bracket": b"<" + A + b"> " + V,
    "a bracket in a comment": b"(<" + V + b">) " + A,
    "a comment inside the domain": b"ann@victim.example(x).attack.example",
    "a comment inside the address": b"ann@(x)victim.example",
    "an address inside a comment inside the bracket": b"<" + V + b"(" + A + b")>",
    "a bracketed address in an encoded word": b"=?utf-8?q?=3Cann=40victim.example=3E?= <" + A + b">",
    "the same in base64": b"=?utf-8?b?PGFubkB2aWN0aW0uZXhhbXBsZT4=?= <" + A + b">",
    "the same in two encoded words": b"=?utf-8?q?=3Cann?= =?utf-8?q?=40victim.example=3E?= <" + A + b">",
    "the same, quoted": b'"=?utf-8?q?=3Cann=40victim.example=3E?=" <' + A + b">",
    "nothing but an encoded word": b"=?utf-8?q?ann=40victim.example?=",
    "an encoded local part": b"=?utf-8?q?ann?=@victim.example",
    "an encoded domain": b"ann@=?utf-8?q?victim?=.example",
    "an address as a quoted local part": b'"ann@victim.example"@attack.example',
    "a bracketed address as a quoted local part": b'"<ann@victim.example>,"@attack.example',
    "two @": V + b"@attack.example",
    "a NUL before the second @": V + b"\x00@attack.example",
    "a NUL inside the domain": V + b"\x00.attack.example",
    "a fold inside the domain": V + b"\r\n .attack.example",
    "a bare CR": V + b"\r" + A,
    "a backslash": V + b"\\@attack.example",
    "a group": b"Staff: " + V + b";",
    "a group and a mailbox": b"Staff: " + V + b";, " + A,
    "an empty group and a mailbox": b"undisclosed:;, " + V,
    "an open quote": b'"Ann <' + V + b">",
    "an open comment": b"Ann (x <" + V + b">",
    "an open bracket": b"Ann <" + V,
    "text behind the bracket": b"<" + A + b">" + b"victim.example",
    "an ideographic full stop": "ann@victim。example".encode(),
    "a full-width full stop": "ann@victim．example".encode(),
    "a one-dot leader": "ann@victim\u2024example".encode(),
    "a zero-width space": "ann@victim.example\u200b".encode(),
    "a soft hyphen": "ann@vic\u00adtim.example".encode(),
    "a right-to-left override": "ann@\u202eelpmaxe.mitciv".encode(),
    "a no-break space before the bracket": V + "\u00a0<".encode() + A + b">",
    "bytes that are no UTF-8": b"ann@victim\xff.example",
    "the victim as an address literal": b"ann@[victim.example]",
    "an empty label": b"ann@victim..example",
    "a full-width @": "ann＠victim.example".encode(),
    "more mailboxes than are read": (A + b", ") * limits.MAILBOXES + V,
    "more bytes than are read": b"x" * limits.FROM_BYTES + b" <" + V + b">",
    "an encoded word too long to read": b"=?utf-8?q?" + b"x" * 2_000 + b"=3Cann=40victim.example=3E?= <" + A + b">",
}
FOR_THE_VICTIM = {
    "the victim's address": V,
    "a final dot": V + b".",
    "capitals": b"ANN@VICTIM.EXAMPLE",
    "full-width letters": "ann@ｖictim.example".encode(),
    "two mailboxes of the victim": V + b", bob@victim.example",
    "the attacker as a comment": V + b" (" + A + b")",
    "the attacker as a quoted name": b'"' + A + b'" <' + V + b">",
}
FOR_THE_ATTACKER = {
    "the victim as a quoted name": b'"' + V + b'" <' + A + b">",
    "the victim as an encoded name": b"=?utf-8?q?ann=40victim.example?= <" + A + b">",
    "the victim as a comment": A + b" (" + V + b")",
    "the victim's domain as a local part": b"ann.victim.example@attack.example",
    "the victim's domain as a label": b"ann@victim.example.attack.example",
}

ATTACKS = [
    *(Attack(f"From: {name}", data, "permerror") for name, data in AMBIGUOUS.items()),
    *(Attack(f"From: {name}", composed(b"From: " + value), "permerror") for name, value in VALUES.items()),
    *(Attack(f"From: {name}", signed(value), "fail", VICTIM) for name, value in FOR_THE_VICTIM.items()),
    Attack("From: a subdomain that is not there", signed(b"ann@nx.victim.example"), "fail", "nx.victim.example"),
    Attack(
        "From: a label too long for DNS",
        signed(b"ann@" + b"a" * 64 + b".victim.example"),
        "fail",
        "a" * 64 + ".victim.example",
    ),
    Attack("From: an address literal", composed(b"From: ann@[192.0.2.1]"), "none"),
    Attack("From: Cyrillic і", signed("ann@vіctim.example".encode()), "none", "xn--vctim-n2e.example"),
    *(
        Attack(f"From: {name}", signed(value), "pass", "attack.example")
        for name, value in FOR_THE_ATTACKER.items()
        if b"@victim.example.attack" not in value
    ),
    Attack(
        "From: the victim's domain as a label",
        signed(FOR_THE_ATTACKER["the victim's domain as a label"]),
        "pass",
        "victim.example.attack.example",
    ),
    Attack("other fields: Sender", own(composed(b"From: " + A, b"Sender: " + V)), "pass", "attack.example"),
    Attack("other fields: Resent-From", own(composed(b"Resent-From: " + V, b"From: " + A)), "pass", "attack.example"),
    Attack(
        "other fields: a full-width From", composed("Ｆrom: ".encode() + V, b"From: " + A), "pass", "attack.example"
    ),
    # --- signatures
    Attack(
        "DKIM: the victim's name and the attacker's key",
        sign(b"From: " + V + b"\r\n" + REST, OWN, domain=b"victim.example"),
        "fail",
        VICTIM,
    ),
    Attack(
        "DKIM: a name that is not ours to sign",
        signed(V).replace(b"d=attack.example", b"d=victim.example"),
        "fail",
        VICTIM,
    ),
    Attack(
        "DKIM: a NUL in d=",
        signed(V).replace(b"d=attack.example", b"d=victim.example\x00.attack.example"),
        "fail",
        VICTIM,
    ),
    Attack(
        "DKIM: a NUL in s=",
        signed(V)
        .replace(b"s=s; d=attack", b"s=s._domainkey.attack.example\x00; d=victim")
        .replace(b"d=attack", b"d=victim"),
        "fail",
        VICTIM,
    ),
    Attack(
        "DKIM: a bracket in d=",
        signed(V).replace(b"d=attack.example", b"d=victim.example(.attack.example"),
        "fail",
        VICTIM,
    ),
    Attack("DKIM: a quoted d=", signed(V).replace(b"d=attack.example", b'd="victim.example"'), "fail", VICTIM),
    Attack(
        "DKIM: two d=", signed(V).replace(b"d=attack.example", b"d=attack.example; d=victim.example"), "fail", VICTIM
    ),
    Attack(
        "DKIM: the victim's name as D=",
        signed(V).replace(b"d=attack.example", b"d=attack.example; D=victim.example"),
        "fail",
        VICTIM,
    ),
    Attack("DKIM: a top-level domain as d=", signed(V).replace(b"d=attack.example", b"d=example"), "fail", VICTIM),
    Attack(
        "DKIM: the victim in i=",
        signed(V).replace(b"d=attack.example", b"d=attack.example; i=@victim.example"),
        "fail",
        VICTIM,
    ),
    Attack(
        "DKIM: the victim in i=, above the signer",
        own(composed(b"From: " + V), identity=b"victim.example@attack.example"),
        "fail",
        VICTIM,
    ),
    Attack(
        "DKIM: a selector that leads elsewhere",
        signed(V).replace(b"s=s;", b"s=s._domainkey.attack.example.;").replace(b"d=attack", b"d=victim"),
        "fail",
        VICTIM,
    ),
    Attack("DKIM: no From in h=", victims().replace(b"From : ", b"").replace(b"from : ", b""), "fail", VICTIM),
    Attack("DKIM: the other algorithm", victims().replace(b"a=rsa-sha256", b"a=ed25519-sha256"), "fail", VICTIM),
    Attack("DKIM: rsa-sha1", victims(algorithm=b"rsa-sha1"), "fail", VICTIM),
    Attack("DKIM: an old signature with a new date", victims().replace(b"; t=", b"; x=4000000000; t="), "fail", VICTIM),
    Attack("DKIM: an expired signature", victims().replace(b"; t=", b"; x=1700000000; t="), "fail", VICTIM),
    Attack("DKIM: a replayed body under l=", victims(length=True) + b"<h1>Pay here</h1>\r\n", "fail", VICTIM),
    Attack("DKIM: l=0", victims().replace(b"; t=", b"; l=0; t=").replace(b"At noon", b"At one"), "fail", VICTIM),
    Attack(
        "DKIM: a From added on top of a replay",
        b"From: " + A + b"\r\n" + victims(include_headers=ONCE),
        "permerror",
        replay=True,
    ),
    Attack(
        "DKIM: a From added below a replay",
        victims(include_headers=ONCE).replace(b"To: Bob", b"From: " + A + b"\r\nTo: Bob"),
        "permerror",
        replay=True,
    ),
    Attack("DKIM: From changed in a replay", victims().replace(b"<ann@victim", b"<boss@victim"), "fail", VICTIM),
    Attack(
        "DKIM: From renamed in a replay",
        victims()
        .replace(b"\r\nFrom: Ann", b"\r\nX-From: Ann")
        .replace(b"\r\nTo: Bob", b"\r\nFrom: ceo@victim.example\r\nTo: Bob"),
        "fail",
        VICTIM,
    ),
    Attack(
        "DKIM: more signatures than are read",
        (b"DKIM-Signature: v=1; a=rsa-sha256; d=victim.example; s=s; h=from; bh=AAAA; b=AAAA\r\n") * 40 + signed(V),
        "fail",
        VICTIM,
    ),
    # --- what others are said to have found
    Attack("ARC: a chain of the attacker's", seal(composed(b"From: " + V), b"attack.example", OWN), "fail", VICTIM),
    Attack(
        "ARC: results without a seal",
        composed(
            b"ARC-Authentication-Results: i=1; victim.example; dmarc=pass header.from=victim.example", b"From: " + V
        ),
        "fail",
        VICTIM,
    ),
    Attack(
        "A-R: ours, forged",
        composed(b"Authentication-Results: mx.example.org; dmarc=pass header.from=victim.example", b"From: " + V),
        "fail",
        VICTIM,
    ),
    Attack(
        "A-R: Received-SPF, forged",
        composed(b"Received-SPF: pass (mx.example.org) client-ip=192.0.2.1", b"From: " + V),
        "fail",
        VICTIM,
    ),
    # --- lists
    Attack("list: the victim's List-Id", composed(b"List-Id: <all.victim.example>", b"From: " + V), "fail", VICTIM),
    Attack(
        "list: the victim's List-Post",
        composed(b"List-Post: <mailto:all@victim.example>", b"From: " + V),
        "fail",
        VICTIM,
    ),
    Attack(
        "list: the victim's name in front of the attacker's",
        composed(b"List-Id: <all.victim.example> <x.attack.example.>", b"From: " + V),
        "fail",
        VICTIM,
    ),
    # --- the envelope
    *(
        Attack(f"envelope: {name}", composed(b"From: " + V), "fail", VICTIM, path, helo)
        for name, path, helo in [
            ("a comment behind the domain", b"<any@victim.example(a.attack.example>", "attack.example"),
            ("a NUL behind the domain", b"<any@victim.example\x00.attack.example>", "attack.example"),
            ("a quoted @", b'<"x@victim.example"@attack.example>', "attack.example"),
            ("a quoted @, the other way round", b'<"x@attack.example"@victim.example>', "attack.example"),
            ("a route", b"<@victim.example:x@attack.example>", "attack.example"),
            ("two @", b"<x@victim.example@attack.example>", "attack.example"),
            ("two addresses", b"<x@attack.example,ann@victim.example>", "attack.example"),
            ("results in the local part", b"<x;dkim=pass/header.d=victim.example@attack.example>", "attack.example"),
            ("line ends in the local part", b"<x\r\nAuthentication-Results:@attack.example>", "attack.example"),
            ("macros in the local part", b"<%{d}%{l}%@attack.example>", "attack.example"),
            ("a rewritten sender", b"<SRS0=abcd=XX=victim.example=ann@attack.example>", "attack.example"),
            ("the victim without SPF below it", b"<x@nx.victim.example>", "attack.example"),
            ("the victim itself", b"<ann@victim.example>", "attack.example"),
            ("the null path, HELO of the attacker", b"<>", "attack.example"),
            ("the null path, HELO of the victim", b"<>", "victim.example"),
            ("the null path, HELO with a comment", b"<>", "victim.example(a.attack.example"),
            ("the null path, HELO with results", b"<>", "x; dmarc=pass header.from=victim.example"),
            ("a full-width domain", "<x@ａttack.example>".encode(), "attack.example"),
            ("a one-dot leader", "<x@victim\u2024example>".encode(), "attack.example"),
            ("bytes that are no UTF-8", b"<x@victim\xff.example>", "attack.example"),
            ("more bytes than are read", b"<x@" + b"a." * 5_000 + b"victim.example>", "attack.example"),
        ]
    ),
]


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_attack(attack: Attack) -> None:
    """DMARC says what it should of whom it should, and nothing at all passes for the victim."""
    dns = FakeDns(ZONE)
    envelope = Envelope(
        client=Client(ip=ip_address(ATTACKER_IP), helo=attack.helo),
        sender=parse_path(attack.path),
        recipients=(parse_path(b"<bob@example.org>"),),
    )
    message, found = from_bytes(attack.data), Found()
    for check in build(Settings(), dns, FakeClock(time.time())):
        found = found.plus(check.run(envelope, message, found))
    (dmarc,) = (item for item in found.of("dmarc") if item.code == f"dmarc.{item.status}")
    assert (str(dmarc.status), dmarc.facts.get("header.from", "")) == (attack.want, attack.author)
    assert (found.code("dmarc.reject") is not None) == (attack.want == "fail")
    assert found.code("arc.trusted") is None
    named = found.code("forward.list")
    assert named is None or named.facts["list"].endswith("attack.example")
    passes = {
        (item.check, item.facts.get("domain") or item.facts.get("header.d", ""))
        for item in found.items
        if item.status == "pass"
    }
    spoken = {name for check, name in passes if check in ("spf", "dkim") and name.endswith("victim.example")}
    assert not spoken - ({"victim.example"} if attack.replay else set())
    line = authentication_results("mx.example.org", found.items)
    read = authres.AuthenticationResultsHeader.parse_value(line)
    assert Counter(result.method for result in read.results)["dmarc"] == 1
    assert not any(
        result.result == "pass" for result in read.results if result.method == "dmarc" and attack.want != "pass"
    )


def test_the_catalogue_is_long_enough() -> None:
    """Every attack has a name of its own."""
    assert len(ATTACKS) == len({attack.name for attack in ATTACKS}) >= 100
