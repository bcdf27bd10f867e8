"""What authentication costs: milliseconds of CPU for each message with all DNS answers cached, beside the bare libraries.

Prints the median over several rounds of each method, its budget, and its ratio to plain dkimpy or pyspf in the same run;
absolute numbers differ between machines and hours, the ratios hold.

    python tests/bench/bench_auth.py [--rounds N] [--messages N] [--json]
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import dkim
import spf

from gatepost.checks.auth.family import Settings, build
from gatepost.evidence import Found
from gatepost.mail import address
from gatepost.mail.address import Address, author
from gatepost.mail.envelope import Client, Envelope
from gatepost.mail.message import Message, from_bytes
from gatepost.world.clock import FakeClock, SystemClock
from gatepost.world.dns.door import Question, RecordType
from gatepost.world.dns.fake import FakeDns
from gatepost.world.dns.live import LiveResolver
from gatepost.world.dns.live import Settings as DnsSettings
from support.signing import ed25519_key, rsa_key, seal, sign

BUDGET_MS: Final[Mapping[str, float]] = {"spf": 0.15, "dkim": 0.45, "dmarc": 0.1}
PEER: Final[Mapping[str, str]] = {
    "spf": "pyspf",
    "dkim": "dkimpy",
    "dkim ed25519": "dkimpy ed25519",
    "arc, 2 sets": "dkimpy arc, 2 sets",
}

_ZONE: Final = {
    "example.com": {"TXT": ["v=spf1 include:_spf.example.net mx ip4:198.51.100.0/24 -all"], "A": ["192.0.2.80"]},
    "_spf.example.net": {"TXT": ["v=spf1 ip4:203.0.113.0/24 ip4:192.0.2.0/24 ip6:2001:db8::/32 ~all"]},
    "_dmarc.example.com": {"TXT": ["v=DMARC1; p=reject; rua=mailto:d@example.com"]},
    "7.2.0.192.in-addr.arpa": {"PTR": ["mx.example.com"]},
    "mx.example.com": {"A": ["192.0.2.7"]},
    "s._domainkey.example.com": {"TXT": [rsa_key().record()]},
    "e._domainkey.example.com": {"TXT": [ed25519_key().record()]},
    "s._domainkey.relay.example": {"TXT": [rsa_key().record()]},
    "s._domainkey.list.example": {"TXT": [rsa_key().record()]},
}
_ENVELOPE: Final = Envelope(
    client=Client(ip=ip_address("192.0.2.7"), ptr="mx.example.com", helo="mx.example.com"),
    sender=Address("ann", "example.com"),
    recipients=(Address("bob", "example.org"),),
)
_BYTES: Final = 6_000


def _mail() -> bytes:
    """Give an unsigned message of about six kilobytes."""
    header = (
        b"Received: from mx.example.com (mx.example.com [192.0.2.7])\r\n\tby mx.example.org (Postfix) with ESMTPS id 4Bz\r\n"
        b"\tfor <bob@example.org>; Sun,  1 Nov 2026 12:00:00 +0000 (UTC)\r\n"
        b"From: Ann <ann@example.com>\r\nTo: Bob <bob@example.org>\r\nSubject: Lunch on Tuesday, as we said\r\n"
        b"Date: Sun, 01 Nov 2026 12:00:00 +0000\r\nMessage-ID: <20261101120000.1@example.com>\r\nMIME-Version: 1.0\r\n"
        b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\nList-Unsubscribe: <https://example.com/u>\r\n\r\n"
    )
    lines = b"".join(b"This is line %d of a message of the usual length,  with two spaces.\r\n" % n for n in range(100))
    return header + lines[: _BYTES - len(header)] + b"\r\n"


def _cached(zone: Mapping[str, Any]) -> LiveResolver:
    """Give the live resolver with every answer that the zone has, and every name's absence of the rest, in its cache."""
    fake, live, now = FakeDns(zone), LiveResolver(DnsSettings(servers=("127.0.0.1:9",))), SystemClock().monotonic()
    for name in zone:
        for kind in RecordType:
            live._here().cache.put((name, kind), fake.ask(Question(name, kind)), now + 1e6)
    return live


def _txt(name: bytes | str, timeout: float = 5) -> bytes | None:
    """Answer as dkimpy asks."""
    text = name.decode() if isinstance(name, bytes) else name
    values = _ZONE.get(text.rstrip("."), {}).get("TXT")
    return values[0].encode() if values else None


def _spf_lookup(name: str, qtype: str, tcpfallback: object = True, timeout: float = 30) -> list[Any]:
    """Answer as pyspf asks."""
    values = _ZONE.get(name, {}).get(qtype, ())
    return [((name, qtype), (value.encode(),) if qtype == "TXT" else value) for value in values]


def works() -> dict[str, tuple[Callable[[Any], object], list[Any]]]:
    """Give each thing to measure: the work on one input, and the inputs, each used once in a round."""
    plain = _mail()
    canon = (b"relaxed", b"relaxed")
    rsa, ed = sign(plain, canonicalize=canon), sign(plain, ed25519_key(), selector=b"e", canonicalize=canon)
    chain = seal(seal(plain), b"list.example")
    dns, clock = _cached(_ZONE), FakeClock(time.time())
    checks = {check.name: check for check in build(Settings(), dns, clock)}

    def run(name: str) -> Callable[[Message], object]:
        return lambda message: checks[name].run(_ENVELOPE, message, found)

    def forget() -> None:
        """Let no author be known from the message before."""
        address._author_remembered.cache_clear()

    found = Found()
    for name in ("spf", "dkim"):
        found = found.plus(checks[name].run(_ENVELOPE, from_bytes(rsa), found))
    return {
        "author": (lambda message: (forget(), author(message.headers)), [rsa]),
        "iprev": (run("iprev"), [rsa]),
        "spf": (run("spf"), [rsa]),
        "dkim": (run("dkim"), [rsa]),
        "dkim ed25519": (run("dkim"), [ed]),
        "arc, 2 sets": (run("arc"), [chain]),
        "dmarc": (lambda message: (forget(), run("dmarc")(message)), [rsa]),
        "pyspf": (lambda _: spf.check2("192.0.2.7", "ann@example.com", "mx.example.com"), [rsa]),
        "dkimpy": (lambda message: _verified(dkim.DKIM(message.raw()).verify(dnsfunc=_txt)), [rsa]),
        "dkimpy ed25519": (lambda message: _verified(dkim.DKIM(message.raw()).verify(dnsfunc=_txt)), [ed]),
        "dkimpy arc, 2 sets": (lambda message: _verified(dkim.ARC(message.raw()).verify(dnsfunc=_txt)[0]), [chain]),
    }


def _verified(result: object) -> None:
    """Make sure that the peer did the work."""
    if result not in (True, b"pass"):
        raise RuntimeError("the peer did not verify the message")


def _round(work: Callable[[Any], object], data: bytes, count: int) -> float:
    """Give milliseconds of this thread's CPU for one message; parsing it is not counted."""
    messages = [from_bytes(data) for _ in range(count)]
    begin = time.thread_time()
    for message in messages:
        work(message)
    return 1e3 * (time.thread_time() - begin) / count


def measure(rounds: int, count: int) -> dict[str, float]:
    """Give the median of each over the rounds; each round measures everything once, so that a busy moment hits all alike."""
    todo, real = works(), spf.DNSLookup
    spf.DNSLookup = _spf_lookup
    try:
        return _medians(todo, rounds, count)
    finally:
        spf.DNSLookup = real


def _medians(
    todo: Mapping[str, tuple[Callable[[Any], object], list[Any]]], rounds: int, count: int
) -> dict[str, float]:
    """Warm everything up, then measure."""
    for work, (data,) in todo.values():
        _round(work, data, 20)
    samples = {name: [] for name in todo}
    for _ in range(rounds):
        for name, (work, (data,)) in todo.items():
            samples[name].append(_round(work, data, count))
    return {name: round(statistics.median(values), 4) for name, values in samples.items()}


def report(found: Mapping[str, float]) -> None:
    """Print the table."""
    print(f"{'authentication':20} {'CPU ms':>8}  budget  of the bare library")
    for name, value in found.items():
        budget = f"{BUDGET_MS[name]:6.2f}" if name in BUDGET_MS else " " * 6
        ratio = f"{value / found[PEER[name]]:6.2f} x {PEER[name]}" if name in PEER else ""
        print(f"{name:20} {value:8.3f}  {budget}  {ratio}")


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--messages", type=int, default=100, help="messages of each kind in a round")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    args = parser.parse_args()
    found = measure(args.rounds, args.messages)
    if args.json:
        print(json.dumps({"ms": found, "budget": BUDGET_MS, "peer": PEER}))
    else:
        report(found)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
