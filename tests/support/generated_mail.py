"""Mail made up by the thousand from a grammar of tricks, the same for the same seed.

A From field is built from real mailboxes and from every way of writing one that two readers read differently; messages
are honest ones, signed with the keys of this module, that were then forged in one or more ways. Each comes with what is
true about it, so that a test need not ask the code under test.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from ipaddress import ip_address

import idna

from gatepost.mail.address import Address, parse_path
from gatepost.mail.envelope import Client, Envelope
from support.signing import ed25519_key, rsa_key, seal, sign

VICTIM, ATTACKER = "victim.example", "attack.example"
VICTIM_IP, ATTACKER_IP = "192.0.2.1", "198.51.100.66"

ZONE = {
    "_dmarc.victim.example": {"TXT": ["v=DMARC1; p=reject"]},
    "_dmarc.attack.example": {"TXT": ["v=DMARC1; p=none"]},
    "_dmarc.xn--bcher-kva.example": {"TXT": ["v=DMARC1; p=reject"]},
    "victim.example": {"TXT": [f"v=spf1 ip4:{VICTIM_IP} -all"], "A": [VICTIM_IP]},
    "attack.example": {"TXT": ["v=spf1 +all"], "A": [ATTACKER_IP]},
    "1.2.0.192.in-addr.arpa": {"PTR": ["victim.example"]},
    "s._domainkey.victim.example": {"TXT": [rsa_key().record()]},
    "e._domainkey.victim.example": {"TXT": [ed25519_key().record()]},
    "s._domainkey.attack.example": {"TXT": [rsa_key(1024).record()]},
    "s._domainkey.sub.attack.example": {"TXT": [rsa_key(1024).record()]},
}

_LOCALS = [
    b"ann",
    b"a.b-c",
    b'"quoted"',
    b'"a@b"',
    b'"\\""',
    b"=?utf-8?q?ann?=",
    "ännï".encode(),
    b"a\xff",
    b"",
    b"a b",
    b"a..b",
]
_DOMAINS = [
    *[b"victim.example"] * 14,
    *[b"attack.example"] * 14,
    b"sub.victim.example",
    b"Victim.EXAMPLE.",
    b"victim.example.attack.example",
    "bücher.example".encode(),
    "BÜCHER.example".encode(),
    b"xn--bcher-kva.example",
    "victim。example".encode(),
    "ｖictim.example".encode(),
    "victim\u2024example".encode(),
    "victim.example\u200b".encode(),
    "vic\u00adtim.example".encode(),
    "victim.exаmple".encode(),
    b"victim.example\x00.attack.example",
    b"victim.example\xff",
    b"[192.0.2.1]",
    b"[IPv6:2001:db8::1]",
    b"[victim.example]",
    b"192.0.2.1",
    b"a" * 64 + b".victim.example",
    b"a." * 130 + b"example",
    b"",
    b".",
    b"victim..example",
    b"victim.example(attack.example",
    b"victim.example(c)",
    b"-x.example",
    b"\xe2\x98\x83.net",
]
_SPACES = [b" ", b"\t", b"\r\n ", b"\r\n\t", b"  ", "\u00a0".encode(), "\u2003".encode(), "\u3000".encode(), b""]
_WORDS = [
    b"Ann",
    b'"Ann, Esq."',
    b'"x@victim.example"',
    b"ann@victim.example",
    b"=?utf-8?q?=C3=84nn?=",
    b"=?utf-8?b?PGFubkB2aWN0aW0uZXhhbXBsZT4=?=",
    b"=?utf-8?q?=3Cann=40victim.example=3E?=",
    b"=?utf-8?q?ann=40victim.example?=",
    b"=?x?q?",
    "Änn".encode(),
    b"\xc4nn",
    b"(comment)",
    b"(ann@victim.example)",
    b"(<ann@victim.example>)",
    b"((nested) \\))",
    b"via",
    b"(",
    b")",
    b'"',
    b"\\",
    b"\x00",
    "\u202e".encode(),
    b"",
]
_PLAIN_WORDS = [*_WORDS[:3], _WORDS[4], b"(comment)", "Änn".encode(), b"via", b""]
_BREAKERS = [
    b"<",
    b">",
    b",",
    b";",
    b":",
    b"@",
    b'"',
    b"(",
    b")",
    b"\\",
    b"\x00",
    b"\r",
    b"\n ",
    b" ",
    b"=?",
    b"?=",
    b"\xff",
    b".",
]


def domain(dice: random.Random) -> bytes:
    """Give a domain, or what looks like one."""
    return dice.choice(_DOMAINS)


def spec(dice: random.Random) -> bytes:
    """Give an address."""
    local = b"ann" if dice.random() < 0.6 else dice.choice(_LOCALS)
    at = b"@" if dice.random() < 0.9 else dice.choice([b"@@", b" @ ", b"@(c)", b"=40", b"", "＠".encode()])
    return local + at + domain(dice)


def mailbox(dice: random.Random) -> bytes:
    """Give a mailbox in one of its spellings."""
    words = _PLAIN_WORDS if dice.random() < 0.5 else _WORDS
    phrase = dice.choice(_SPACES).join(dice.choice(words) for _ in range(dice.randrange(4)))
    kind = dice.randrange(12)
    if kind < 5:
        return phrase + dice.choice(_SPACES) + b"<" + spec(dice) + b">"
    if kind < 8:
        return spec(dice)
    if kind == 8:
        return phrase + b"<@" + domain(dice) + b"," + b"@" + domain(dice) + b":" + spec(dice) + b">"
    if kind == 9:
        return spec(dice) + b" <" + spec(dice) + b">"
    if kind == 10:
        return phrase + b"<" + spec(dice) + b">" + dice.choice([*_WORDS, b"<" + spec(dice) + b">"])
    return spec(dice) + b" (" + dice.choice(_WORDS) + b")"


def from_value(dice: random.Random) -> bytes:
    """Give the value of a From field."""
    value = mailbox(dice)
    if dice.random() < 0.2:
        value = dice.choice([b",", b", ", b";", b" "]).join(
            [value, *(mailbox(dice) for _ in range(dice.randrange(1, 4)))]
        )
    if dice.random() < 0.07:
        value = dice.choice([b"Group", b"", b'"G"', b"undisclosed"]) + b":" + value + dice.choice([b";", b""])
    for _ in range(dice.choice([0, 0, 0, 0, 1, 2])):
        place = dice.randrange(len(value) + 1)
        value = value[:place] + dice.choice(_BREAKERS) + value[place + dice.randrange(2) :]
    if dice.random() < 0.002:
        value = value * dice.choice([50, 2_000])
    return dice.choice([b" ", b" ", b" ", b"", b"\r\n ", b"\t"]) + value


def from_lines(dice: random.Random) -> bytes:
    """Give a whole header block whose From fields were made up: mostly one of them."""
    fields = [dice.choice([b"From"] * 12 + [b"from", b"FROM", b"From ", b"From\t"]) + b":" + from_value(dice)]
    while dice.random() < 0.06:
        fields.append(b"From:" + from_value(dice))
    if dice.random() < 0.01:
        fields.clear()
    fields.insert(dice.randrange(len(fields) + 1), b"Subject: x")
    if dice.random() < 0.1:
        fields.insert(dice.randrange(len(fields) + 1), b"Sender: ann@victim.example")
    return b"\r\n".join(fields) + b"\r\n\r\nHello\r\n"


# --- an oracle that shares no code with the parser ------------------------------------------------------------------


def plain_domains(text: str) -> set[str]:
    """Give every domain behind an @ outside quotes and comments, as DNS would write it; a reader may take any of them."""
    bare, depth, quoted, skip = [], 0, False, False
    for character in text:
        if skip:
            skip = False
        elif character == "\\":
            skip = True
        elif quoted:
            quoted = character != '"'
        elif character == '"' and not depth:
            quoted = True
        elif character == "(":
            depth += 1
        elif character == ")" and depth:
            depth -= 1
        bare.append(" " if quoted or depth or skip or character in '")' else character)
    found = set()
    for piece in "".join(bare).split("@")[1:]:
        name = ""
        for character in piece:
            if character in ' \t\r\n<>,;:"()':
                break
            name += character
        found.add(as_dns(name))
    return found


@cache
def as_dns(name: str) -> str:
    """Give a name in lower-case A-labels where it can be; else as it stands."""
    name = name.removesuffix(".")
    try:
        return idna.encode(name, uts46=True).decode() if not name.isascii() else name.lower()
    except (idna.IDNAError, UnicodeError):
        return ".".join(
            label if label.isascii() else "xn--" + label.encode("punycode", "replace").decode("ascii", "replace")
            for label in name.lower().split(".")
        )


# --- messages -------------------------------------------------------------------------------------------------------

_BODY = b"At noon?\r\n\r\n--  \r\nAnn\r\n"


@dataclass(frozen=True)
class Made:
    """A made-up message: `spf` and `dkim` are the domains that truly vouch for it."""

    data: bytes
    envelope: Envelope
    spf: frozenset[str]
    dkim: frozenset[str]


def _unsigned(author: str) -> bytes:
    return (
        f"From: Ann <ann@{author}>\r\nTo: Bob <bob@example.org>\r\nSubject: Lunch\r\n"
        f"Date: Sun, 01 Nov 2026 12:00:00 +0000\r\nMessage-ID: <1@{author}>\r\n\r\n"
    ).encode() + _BODY


@cache
def _honest() -> tuple[tuple[bytes, frozenset[str]], ...]:
    """Give sound messages and the domains whose signatures on them hold."""
    victim, attacker = _unsigned(VICTIM), _unsigned(ATTACKER)
    canon = (b"relaxed", b"relaxed")
    by = {
        "victim": sign(victim, domain=b"victim.example", canonicalize=canon),
        "ed": sign(victim, ed25519_key(), domain=b"victim.example", selector=b"e", canonicalize=canon),
        "attacker": sign(victim, rsa_key(1024), domain=b"attack.example", canonicalize=canon),
        "own": sign(attacker, rsa_key(1024), domain=b"attack.example", canonicalize=canon),
        "sub": sign(attacker, rsa_key(1024), domain=b"sub.attack.example", canonicalize=canon),
        "sealed": seal(victim, b"attack.example", rsa_key(1024)),
    }
    return (
        (victim, frozenset()),
        (attacker, frozenset()),
        (by["victim"], frozenset({VICTIM})),
        (by["ed"], frozenset({VICTIM})),
        (by["attacker"], frozenset({ATTACKER})),
        (by["own"], frozenset({ATTACKER})),
        (by["sub"], frozenset({"sub.attack.example"})),
        (by["sealed"], frozenset()),
    )


def _forged(dice: random.Random, data: bytes, true: frozenset[str]) -> tuple[bytes, frozenset[str]]:
    """Change a message in one way; gives which signatures still hold (dkimpy signs From twice, so none may be added)."""
    changed, held = _changed(dice, data, true)
    return changed, true if changed == data else held


def _changed(dice: random.Random, data: bytes, true: frozenset[str]) -> tuple[bytes, frozenset[str]]:
    """Make one change, if there is a place for it."""
    header, _, body = data.partition(b"\r\n\r\n")
    match dice.randrange(9):
        case 0:
            return header + b"\r\n\r\n" + body + b"Buy now\r\n", frozenset()
        case 1:
            return b"From:" + from_value(dice) + b"\r\n" + data, frozenset()
        case 2:
            return header + b"\r\nFrom:" + from_value(dice) + b"\r\n\r\n" + body, frozenset()
        case 3:
            return data.replace(b"From: Ann <ann@", b"From:" + from_value(dice) + b",<ann@", 1), frozenset()
        case 4:
            return data.replace(
                b"d=attack.example", b"d=" + dice.choice([b"victim.example", domain(dice)])
            ), frozenset()
        case 5:
            return data.replace(b"d=", b"d=" + domain(dice) + b"; x="), frozenset()
        case 6:
            return data.replace(b"; b=", b"; l=0; b="), frozenset()
        case 7:
            return data.replace(
                b"; s=s;", b"; s=s;" + dice.choice([b" i=@victim.example;", b" t=9;", b" q=x;", b" x=1;"])
            ), frozenset()
        case _:
            return data, true


def _decorated(dice: random.Random, data: bytes) -> bytes:
    """Put fields on top that no signature covers, and that claim much."""
    top = [
        b"",
        b"",
        b"DKIM-Signature: v=1; a=rsa-sha256; d=victim.example; s=s; h=from; bh=AAAA; b="
        + dice.randbytes(6).hex().encode(),
        b"DKIM-Signature: v=1; a=rsa-sha256; d=victim.example; s=s; h=from; bh=AAAA; b="
        + b"%d" % dice.randrange(10**9),
        b"DKIM-Signature: v=1; a=rsa-sha256; d=" + domain(dice).replace(b"\n", b"") + b"; s=s; h=from; bh=AAAA; b=AAAA",
        b"Authentication-Results: mx.example.org; dmarc=pass header.from=victim.example",
        b"ARC-Authentication-Results: i=1; mx.example.org; dmarc=pass header.from=victim.example",
        b"Received: from x\r\nX-Odd\xff: y",
    ]
    field = dice.choice(top)
    return field + b"\r\n" + data if field else data


def _envelope(dice: random.Random) -> tuple[Envelope, frozenset[str]]:
    """Give an envelope, and the domain that SPF truly vouches for."""
    ip = dice.choice([VICTIM_IP, ATTACKER_IP, ATTACKER_IP, ATTACKER_IP])
    name = dice.choice([VICTIM, ATTACKER])
    path = dice.choice(
        [
            f"<ann@{name}>".encode(),
            f"<ann@{name}>".encode(),
            b"<>",
            b"<any@victim.example(a.attack.example>",
            b'<"x@attack.example"@victim.example>',
            b"<@victim.example:ann@attack.example>",
            b"<" + spec(dice) + b">",
            b"<ann@victim.example\xff>",
        ]
    )
    sender = parse_path(path)
    helo = dice.choice([VICTIM, ATTACKER, "[192.0.2.1]", "victim.example(", "a b", "é"])
    claimed = sender.domain if sender else helo
    vouched = claimed == ATTACKER or (claimed == VICTIM and ip == VICTIM_IP)
    envelope = Envelope(
        client=Client(ip=ip_address(ip), helo=helo), sender=sender, recipients=(Address("bob", "example.org"),)
    )
    return envelope, frozenset({claimed} if vouched else ())


def messages(seed: int, count: int) -> Iterator[Made]:
    """Make up messages."""
    dice = random.Random(seed)
    for _ in range(count):
        data, true = dice.choice(_honest())
        for _ in range(dice.choice([0, 1, 1, 1, 2])):
            data, held = _forged(dice, data, true)
            true &= held
        envelope, spf = _envelope(dice)
        data = _decorated(dice, data)
        yield Made(data, envelope, spf, true)
