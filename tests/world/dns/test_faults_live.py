"""The live resolver on a bad day: a real name server behind a wire that delays, drops, fails and cuts, by name."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from ipaddress import ip_address

import pytest

from gatepost.checks.auth.family import Settings as AuthSettings
from gatepost.checks.auth.family import build
from gatepost.evidence import Found
from gatepost.mail import limits
from gatepost.mail.address import parse_path
from gatepost.mail.envelope import Client, Envelope
from gatepost.mail.message import from_bytes
from gatepost.world import budget
from gatepost.world.clock import FakeClock, SystemClock
from gatepost.world.dns.door import NoData, NoSuchName, Question, Records, RecordType, TempFailure
from gatepost.world.dns.live import LiveResolver, Settings
from support.dns_server import Faults, forwarded, real_dns, running_dns
from support.signing import MESSAGE, rsa_key, seal, sign
from support.waiting import free_port, until

pytestmark = pytest.mark.servers

ZONE = {
    "example.com": {"A": ["192.0.2.1"], "TXT": ["v=spf1 ip4:192.0.2.1 -all"]},
    "other.example": {"A": ["192.0.2.2"]},
    "long.example": {"TXT": ["x" * 3_000]},
    "_dmarc.example.com": {"TXT": ["v=DMARC1; p=reject"]},
    "s._domainkey.example.com": {"TXT": [rsa_key().record()]},
    "s._domainkey.relay.example": {"TXT": [rsa_key().record()]},
    "1.2.0.192.in-addr.arpa": {"PTR": ["example.com"]},
}


@pytest.fixture(scope="module")
def upstream() -> Iterator[str]:
    """One NSD for all of them."""
    with real_dns(ZONE) as address:
        yield address


def resolver(*servers: str, clock: FakeClock | None = None, **settings: object) -> LiveResolver:
    """Give a resolver with a short temper."""
    return LiveResolver(Settings(servers=servers, **{"timeout_seconds": 0.3, "attempts": 1, **settings}), clock)


def ask(live: LiveResolver, name: str, kind: str = "A") -> object:
    """Ask one question."""
    return live.ask(Question(name, RecordType(kind)))


def test_silence_about_a_name(upstream: str) -> None:
    """A name whose servers are silent is a temporary failure; the next name is answered."""
    with forwarded(upstream, Faults(silent=["example.com"])) as address:
        live = resolver(address)
        assert isinstance(ask(live, "example.com"), TempFailure)
        assert ask(live, "other.example") == Records(("192.0.2.2",), 300)


def test_failure_is_remembered_for_a_moment(upstream: str) -> None:
    """SERVFAIL is a temporary failure that is not asked about again at once, and asked about again soon."""
    faults, clock = Faults(servfail=["example.com"]), FakeClock()
    with forwarded(upstream, faults) as address:
        live = resolver(address, clock=clock, failure_seconds=3)
        assert ask(live, "example.com") == TempFailure("SERVFAIL from 127.0.0.1")
        clock.advance(2.9)
        assert isinstance(ask(live, "example.com"), TempFailure)
        assert len(faults.seen) == 1
        faults.servfail = ()
        clock.advance(0.2)
        assert isinstance(ask(live, "example.com"), Records)


def test_a_late_answer_counts_while_there_is_time(upstream: str) -> None:
    """What comes late comes; a message with less time does not wait for it, and does not spoil it for the others."""
    release = threading.Event()
    with forwarded(upstream, Faults(late={"example.com": release})) as address:
        live = resolver(address, timeout_seconds=5)
        patient: list[object] = []
        thread = threading.Thread(target=lambda: patient.append(ask(live, "example.com")))
        thread.start()
        until(lambda: live._process is not None and live._process.flights, "the question on its way")
        with budget.allowance(SystemClock(), 0.1):
            assert ask(live, "example.com") == TempFailure("this message's time is up")
        release.set()
        thread.join()
        assert patient == [Records(("192.0.2.1",), 300)]
        assert ask(live, "example.com") == patient[0]


@pytest.mark.parametrize(("name", "kind"), [("long.example", "TXT"), ("example.com", "A")])
def test_a_cut_answer_is_fetched_by_tcp(upstream: str, name: str, kind: str) -> None:
    """The truncation bit leads to TCP, whether the server's own or somebody's on the way (RFC 7766)."""
    faults = Faults(cut=["example.com"])
    with forwarded(upstream, faults) as address:
        assert isinstance(ask(resolver(address, timeout_seconds=2), name, kind), Records)
        assert faults.seen == [("udp", name), ("tcp", name)]


@contextmanager
def odd_tcp(reply: bytes | None) -> Iterator[str]:
    """Give a server whose UDP answers are cut and whose TCP answers are `reply`, or nothing at all."""
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
        socket.create_server(("127.0.0.1", 0)) as tcp,
    ):
        udp.bind(tcp.getsockname())

        def answer() -> None:
            query, peer = udp.recvfrom(4096)
            udp.sendto(query[:2] + b"\x83\x80" + query[4:6] + b"\0" * 6 + query[12:], peer)
            wire, _ = tcp.accept()
            # The resolver may hang up on junk; a socket that was reset is then not connected, which is no ConnectionError.
            with wire, suppress(OSError):
                if reply is not None:
                    wire.sendall(reply)
                    wire.shutdown(socket.SHUT_WR)
                wire.recv(4096)
                while wire.recv(4096):
                    pass

        thread = threading.Thread(target=answer)
        thread.start()
        yield f"127.0.0.1:{tcp.getsockname()[1]}"
        thread.join()


@pytest.mark.parametrize(
    "reply", [None, b"", b"\x00", b"\x00\x50only half", b"\xff\xff" + b"x" * 70_000, b"\x00\x0c" + b"\0" * 12]
)
def test_odd_tcp_is_a_temporary_failure(reply: bytes | None) -> None:
    """A TCP server that stalls, stops half way, sends junk or answers with another id costs one timeout."""
    with odd_tcp(reply) as address:
        started = time.monotonic()
        assert isinstance(ask(resolver(address), "example.com"), TempFailure)
        assert time.monotonic() - started < 3


def test_the_second_server_answers_for_a_failing_first(upstream: str) -> None:
    """SERVFAIL, silence and absence of the first server are each made good by the second."""
    for faults in (Faults(servfail=["example.com"]), Faults(silent=["example.com"])):
        with forwarded(upstream, faults) as first:
            assert ask(resolver(first, upstream), "example.com") == Records(("192.0.2.1",), 300)
            assert faults.seen
    assert ask(resolver(f"127.0.0.1:{free_port()}", upstream), "example.com") == Records(("192.0.2.1",), 300)


def test_a_server_killed_while_many_ask() -> None:
    """Threads that ask while the server dies get answers or temporary failures, and answers again when it is back."""
    port, stop, odd = free_port(), threading.Event(), []
    with running_dns(ZONE, port) as server:
        live = resolver(server.address, failure_seconds=0, server_backoff_seconds=0.5, min_ttl_seconds=0)
        kinds = set()

        def worker(number: int) -> None:
            count = 0
            while not stop.is_set():
                count += 1
                answer = ask(live, f"n{number}-{count}.example")
                kinds.add(type(answer))
                if not isinstance(answer, NoSuchName | TempFailure):
                    odd.append(answer)

        threads = [threading.Thread(target=worker, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        until(lambda: NoSuchName in kinds, "answers")
        server.stop()
        until(lambda: TempFailure in kinds, "failures")
    with running_dns(ZONE, port):
        kinds.clear()
        until(lambda: NoSuchName in kinds, "answers again")
        stop.set()
        for thread in threads:
            thread.join()
    assert odd == []


def test_time_to_live(upstream: str) -> None:
    """Answers are kept as long as their TTL says, absence as long as the zone says (RFC 2308), and no longer."""
    faults, clock = Faults(), FakeClock()
    with forwarded(upstream, faults) as address:
        live = resolver(address, clock=clock)
        for name, kind, seconds in (("example.com", "A", 300), ("no.example.com", "A", 60), ("example.com", "MX", 60)):
            faults.seen.clear()
            first = ask(live, name, kind)
            assert isinstance(first, Records | NoSuchName | NoData)
            assert first.ttl == seconds
            clock.advance(seconds - 1)
            assert ask(live, name, kind) == first
            assert len(faults.seen) == 1
            clock.advance(2)
            assert ask(live, name, kind) == first
            assert len(faults.seen) == 2


ENVELOPE = Envelope(
    client=Client(ip=ip_address("192.0.2.1"), helo="example.com"), sender=parse_path(b"<ann@example.com>")
)


def judge(live: LiveResolver, data: bytes, seconds: float) -> Found:
    """Run the whole family within one message's budget."""
    message, found = from_bytes(data), Found()
    with budget.allowance(SystemClock(), seconds):
        for check in build(AuthSettings(), live, FakeClock(time.time())):
            found = found.plus(check.run(ENVELOPE, message, found))
    return found


def test_a_message_over_the_wire(upstream: str) -> None:
    """The whole family gets its answers from a real server."""
    codes = [item.code for item in judge(resolver(upstream, timeout_seconds=2), seal(sign(MESSAGE)), 20).items]
    assert codes[:5] == ["iprev.pass", "spf.pass", "dkim.pass", "arc.pass", "dmarc.pass"]


def test_a_message_does_not_wait_for_ever(upstream: str) -> None:
    """With every name silent all checks together take the message's time and no more, and everything stays open."""
    with forwarded(upstream, Faults(silent=_Everything())) as address:
        started = time.monotonic()
        found = judge(resolver(address, timeout_seconds=30), seal(sign(MESSAGE)), 0.5)
        assert time.monotonic() - started < 3
    statuses = {item.status for item in found.items if item.check in ("iprev", "spf", "dkim", "arc", "dmarc")}
    assert statuses == {"temperror"}


def test_a_message_may_ask_only_so_much(upstream: str) -> None:
    """A message made to ask a great deal asks at most limits.DNS_LOOKUPS questions."""
    fields = b"".join(
        b"DKIM-Signature: v=1; a=rsa-sha256; d=d%d.%s; s=s; h=from; bh=AAAA; b=AAAA\r\n"
        % (number, b"x." * 9 + b"example.com")
        for number in range(limits.DKIM_SIGNATURES)
    )
    deep = MESSAGE.replace(b"ann@example.com", b"ann@" + b"y." * 12 + b"example.com")
    faults = Faults(servfail=[])
    with forwarded(upstream, faults) as address:
        for _ in range(3):
            faults.seen.clear()
            judge(resolver(address, timeout_seconds=2), fields + seal(seal(deep), b"list.example"), 20)
            assert 0 < len(faults.seen) <= limits.DNS_LOOKUPS


class _Everything:
    """Holds every name."""

    def __contains__(self, name: object) -> bool:
        return True

    def __iter__(self) -> Iterator[str]:
        return iter(())
