"""The live resolver against a real name server, and against servers that misbehave."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import dns.flags
import dns.message
import dns.rcode
import pytest
from pydantic import ValidationError

from gatepost.mail import limits
from gatepost.world import budget
from gatepost.world.clock import FakeClock, SystemClock
from gatepost.world.dns.door import NoData, NoSuchName, Question, Records, RecordType, TempFailure
from gatepost.world.dns.live import LiveResolver, Settings
from gatepost.world.dns.wire import parse_server, system_servers
from support.dns_server import real_dns, running_dns
from support.waiting import free_port, until

Reply = Callable[[bytes], bytes | None]

ZONE = {
    "example.test": {
        "A": ["192.0.2.1", "192.0.2.2"],
        "AAAA": ["2001:db8::1"],
        "MX": [(10, "MX.example.test")],
        "TXT": ["v=spf1 -all", b'\xff"\\;'],
    },
    "long.test": {"TXT": ["x" * 3000]},
    "huge.test": {"TXT": ["z" * 200 + str(number) for number in range(200)]},
    "alias.test": {"CNAME": ["example.test"]},
    "loop.test": {"CNAME": ["loop2.test"]},
    "loop2.test": {"CNAME": ["loop.test"]},
    "1.2.0.192.in-addr.arpa": {"PTR": ["Host.Example.test"]},
}


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """One NSD for the tests that only ask."""
    with real_dns(ZONE) as address:
        yield address


def resolver(*servers: str, **settings: object) -> LiveResolver:
    """Give a resolver with a short temper."""
    return LiveResolver(Settings(servers=servers, **{"timeout_seconds": 0.3, **settings}))


def ask(live: LiveResolver, name: str, kind: str = "A") -> object:
    """Ask one question."""
    return live.ask(Question(name, RecordType(kind)))


@contextmanager
def udp_server(reply: Reply) -> Iterator[tuple[str, list[bytes]]]:
    """Serve UDP on a loopback port with answers of our own making; gives its address and the queries it got."""
    seen: list[bytes] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
        wire.bind(("127.0.0.1", 0))

        def serve() -> None:
            while True:
                try:
                    query, peer = wire.recvfrom(4096)
                except OSError:
                    return
                if query == b"stop":
                    return
                seen.append(query)
                answer = reply(query)
                if answer is not None:
                    wire.sendto(answer, peer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"127.0.0.1:{wire.getsockname()[1]}", seen
        finally:
            wire.sendto(b"stop", wire.getsockname())
            thread.join()


def respond(query: bytes, *records: str, rcode: int = 0) -> bytes:
    """Make a response with records in the answer section, each `name ttl IN type data`."""
    response = dns.message.make_response(dns.message.from_wire(query))
    response.set_rcode(dns.rcode.Rcode(rcode))
    for record in records:
        name, ttl, _, kind, data = record.split(" ", 4)
        rrset = dns.rrset.from_text(name, int(ttl), "IN", kind, data)
        (response.authority if kind == "SOA" else response.answer).append(rrset)
    return response.to_wire()


@pytest.mark.servers
@pytest.mark.parametrize(
    ("name", "kind", "values"),
    [
        ("Example.TEST.", "A", {"192.0.2.1", "192.0.2.2"}),
        ("example.test", "AAAA", {"2001:db8::1"}),
        ("example.test", "MX", {(10, "mx.example.test")}),
        ("example.test", "TXT", {b"v=spf1 -all", b'\xff"\\;'}),
        ("alias.test", "A", {"192.0.2.1", "192.0.2.2"}),
        ("1.2.0.192.in-addr.arpa", "PTR", {"host.example.test"}),
        ("long.test", "TXT", {b"x" * 3000}),
    ],
)
def test_records_from_a_real_server(server: str, name: str, kind: str, values: set[object]) -> None:
    """A real server's records come in the door's form; what does not fit UDP comes over TCP."""
    answer = ask(resolver(server), name, kind)
    assert isinstance(answer, Records)
    assert set(answer.values) == values
    assert answer.ttl == 300


@pytest.mark.servers
def test_absence_from_a_real_server(server: str) -> None:
    """No such name and no such data are told apart, with the zone's negative TTL."""
    live = resolver(server)
    assert ask(live, "nothing.example.test") == NoSuchName(60)
    assert ask(live, "example.test", "PTR") == NoData(60)
    assert ask(live, "test") == NoData(60)
    assert ask(live, "a" * 64 + ".test") == NoSuchName()


@pytest.mark.servers
@pytest.mark.parametrize("name", ["loop.test", "huge.test"])
def test_what_has_no_end_is_contained(server: str, name: str) -> None:
    """An endless alias and an oversize answer are temporary failures, not memory."""
    assert isinstance(ask(resolver(server), name, "TXT"), TempFailure)


@pytest.mark.servers
def test_a_server_that_dies_costs_one_wait() -> None:
    """What is cached stays; what is not fails at once after the first try, until the server is back."""
    port = free_port()
    with running_dns(ZONE, port) as server:
        live = resolver(server.address, server_backoff_seconds=0.5, failure_seconds=0)
        assert isinstance(ask(live, "example.test"), Records)
        server.stop()
        started = time.monotonic()
        for number in range(50):
            assert isinstance(ask(live, f"n{number}.test"), TempFailure)
        assert time.monotonic() - started < 1.0
        assert isinstance(ask(live, "example.test"), Records)
    with running_dns(ZONE, port):
        until(lambda: isinstance(ask(live, "alias.test"), Records), "the resolver to come back")


@pytest.mark.servers
def test_the_next_server_answers(server: str) -> None:
    """A server that is gone, and one that is silent, are passed over."""
    gone = f"127.0.0.1:{free_port()}"
    with udp_server(lambda _: None) as (silent, queries):
        live = resolver(gone, silent, server)
        for number in range(20):
            assert ask(live, f"n{number}.test") == NoSuchName(60)
        assert 1 <= len(queries) <= 4


def test_one_thread_finds_out_whether_a_server_is_back() -> None:
    """A silent server that is due for another try holds up one message, and not all that are under way."""
    clock = FakeClock()
    with (
        udp_server(lambda _: None) as (silent, queries),
        udp_server(lambda query: respond(query, rcode=3)) as (good, _),
    ):
        live = LiveResolver(Settings(servers=(silent, good), timeout_seconds=0.2), clock)
        for number in range(2):
            assert isinstance(ask(live, f"n{number}.test"), NoSuchName)
        clock.advance(60)
        before = len(queries)
        threads = [threading.Thread(target=ask, args=(live, f"m{number}.test")) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert 1 <= len(queries) - before < len(threads)


def test_who_has_no_time_left_says_nothing_of_a_server() -> None:
    """Slow names at the end of a message's time do not put the server off for the messages after it."""

    def reply(query: bytes) -> bytes | None:
        return None if b"slow" in query or len(query) < 20 else respond(query, rcode=3)

    with udp_server(reply) as (address, _):
        live = resolver(address, timeout_seconds=0.3, attempts=1)
        for number in range(3):
            with budget.allowance(SystemClock(), 0.35):
                assert isinstance(ask(live, f"slow{number}.test"), TempFailure)
        assert isinstance(ask(live, "fast.test"), NoSuchName)


def test_a_refusing_server_is_passed_over() -> None:
    """SERVFAIL and REFUSED from every server are a temporary failure that names them; the answer is kept a moment."""
    with (
        udp_server(lambda query: respond(query, rcode=2)) as (one, _),
        udp_server(lambda query: respond(query, rcode=5)) as (two, queries),
    ):
        live = resolver(one, two)
        assert ask(live, "a.test") == TempFailure("REFUSED from 127.0.0.1")
        assert ask(live, "a.test") == TempFailure("REFUSED from 127.0.0.1")
        assert len(queries) == 1


def test_silence_about_one_name_does_not_bring_the_server_down() -> None:
    """Names whose own servers are gone cost their own time only: the resolver goes on answering for others."""

    def reply(query: bytes) -> bytes | None:
        if b"slow" in query:
            return None
        return respond(query, "fast.test. 60 IN A 192.0.2.9") if b"fast" in query else respond(query)

    with udp_server(reply) as (address, _):
        live = resolver(address, timeout_seconds=0.1)
        for number in range(3):
            assert ask(live, f"slow{number}.test") == TempFailure("timeout from 127.0.0.1")
        assert ask(live, "fast.test") == Records(("192.0.2.9",), 60)


def test_refused_tcp_does_not_bring_the_server_down() -> None:
    """A server behind a firewall that refuses TCP cannot give one long answer, and goes on giving all short ones."""

    def reply(query: bytes) -> bytes:
        answer = respond(query, "short.test. 60 IN A 192.0.2.9")
        return answer if b"short" in query else answer[:2] + bytes([answer[2] | 0x02]) + answer[3:]  # cut: TC

    with udp_server(reply) as (address, _):
        live = resolver(address)
        assert ask(live, "long.test") == TempFailure("refused over TCP from 127.0.0.1")
        assert ask(live, "short.test") == Records(("192.0.2.9",), 60)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda query: b"\x00" + query[1:],
        lambda query: query[:12],
        lambda _: b"junk",
        lambda query: respond(query).replace(b"asked", b"other"),
        lambda query: query,
    ],
)
def test_what_does_not_answer_the_question_is_ignored(spoil: Callable[[bytes], bytes]) -> None:
    """Foreign ids, other names, fragments and echoes are not taken for answers."""
    with udp_server(spoil) as (address, _):
        assert isinstance(ask(resolver(address, timeout_seconds=0.05, attempts=1), "asked.test"), TempFailure)


def test_records_of_other_names_are_not_taken() -> None:
    """An answer section full of somebody else's records says nothing about the name."""
    with udp_server(lambda query: respond(query, "bank.test. 60 IN A 192.0.2.66")) as (address, _):
        live = resolver(address)
        assert isinstance(ask(live, "asked.test"), NoData)
        assert isinstance(ask(live, "bank.test"), Records)


def test_an_old_server_without_edns_is_asked_again_without() -> None:
    """FORMERR for EDNS leads to a plain question (RFC 6891 7)."""

    def reply(query: bytes) -> bytes:
        plain = dns.message.from_wire(query).edns < 0
        return respond(query, "old.test. 60 IN A 192.0.2.9") if plain else query[:2] + b"\x81\x81" + b"\0" * 8

    with udp_server(reply) as (address, _):
        assert ask(resolver(address), "old.test") == Records(("192.0.2.9",), 60)


def test_silence_about_edns_leads_to_a_plain_question() -> None:
    """Behind a firewall that drops EDNS the second attempt gets the answer."""

    def reply(query: bytes) -> bytes | None:
        return respond(query, "old.test. 60 IN A 192.0.2.9") if dns.message.from_wire(query).edns < 0 else None

    with udp_server(reply) as (address, _):
        assert ask(resolver(address, timeout_seconds=0.1), "old.test") == Records(("192.0.2.9",), 60)


def test_an_open_alias_is_followed_a_bounded_number_of_times() -> None:
    """A server that only names the next alias is asked on, and not for ever."""

    def reply(query: bytes) -> bytes:
        name = str(dns.message.from_wire(query).question[0].name)
        number = int(name.removeprefix("n").partition(".")[0])
        last = number >= 1000 or number == 3
        return respond(query, f"{name} 60 IN A 192.0.2.9" if last else f"{name} 60 IN CNAME n{number + 1}.test.")

    with udp_server(reply) as (address, queries):
        live = resolver(address)
        assert isinstance(ask(live, "n1.test"), Records)
        queries.clear()
        assert isinstance(ask(live, "n4.test"), TempFailure)
        assert len(queries) == limits.DNS_ALIASES + 1


def test_one_question_goes_out_once() -> None:
    """Threads that want the same answer at the same time share one question."""
    release = threading.Event()

    def reply(query: bytes) -> bytes:
        release.wait(5)
        return respond(query, "shared.test. 60 IN A 192.0.2.9")

    with udp_server(reply) as (address, queries):
        live = resolver(address, timeout_seconds=5)
        answers: list[object] = []
        threads = [threading.Thread(target=lambda: answers.append(ask(live, "shared.test"))) for _ in range(8)]
        for thread in threads:
            thread.start()
        until(lambda: queries, "the question")
        release.set()
        for thread in threads:
            thread.join()
        assert answers == [Records(("192.0.2.9",), 60)] * 8
        assert len(queries) == 1


def test_ttl_bounds() -> None:
    """Nothing is kept for no time at all, and nothing for longer than the site allows."""
    clock = SystemClock()
    with udp_server(lambda query: respond(query, "t.test. 0 IN A 192.0.2.9")) as (address, queries):
        live = resolver(address)
        ask(live, "t.test")
        ask(live, "t.test")
        assert len(queries) == 1
        entry = live._here().cache._answers["t.test", RecordType.A]
        assert 0 < entry[0] - clock.monotonic() <= 10
    with udp_server(lambda query: respond(query, "u.test. 99999999 IN A 192.0.2.9")) as (address, _):
        live = resolver(address, max_ttl_seconds=50)
        ask(live, "u.test")
        assert live._here().cache._answers["u.test", RecordType.A][0] - clock.monotonic() <= 50


def test_the_cache_is_bounded() -> None:
    """A flood of names pushes out old answers and does not grow the cache."""
    with udp_server(lambda query: respond(query, rcode=3)) as (address, _):
        live = resolver(address, cache_entries=100)
        with budget.allowance(SystemClock(), 60) as allowed:
            allowed.lookups = 1000
            for number in range(300):
                ask(live, f"n{number}.test")
        cache = live._here().cache
        assert len(cache) == 100
        assert cache._held == sum(entry[2] for entry in cache._answers.values())


def test_the_budget_is_kept() -> None:
    """A message's look-ups and its time bound what it may ask; the cache stays free."""
    with udp_server(lambda query: None if b"slow" in query else respond(query, rcode=3)) as (address, queries):
        live = resolver(address, timeout_seconds=5)
        with budget.allowance(SystemClock(), 0.2) as allowed:
            allowed.lookups = 2
            assert isinstance(ask(live, "a.test"), NoSuchName)
            started = time.monotonic()
            assert isinstance(ask(live, "slow.test"), TempFailure)
            assert time.monotonic() - started < 1.0
            assert ask(live, "b.test") == TempFailure("this message's look-ups are spent")
            assert isinstance(ask(live, "a.test"), NoSuchName)
        assert len(queries) == 2
        assert isinstance(ask(live, "b.test"), NoSuchName)


def test_prefetch_warms_the_cache() -> None:
    """What was fetched ahead is there; what does not fit the queue is dropped without a word."""
    with udp_server(lambda query: respond(query, rcode=3)) as (address, queries):
        live = resolver(address)
        live.prefetch([Question("ahead.test", RecordType.TXT), Question("", RecordType.A)])
        until(lambda: len(live._here().cache) == 1, "the prefetched answer")
        ask(live, "ahead.test", "TXT")
        live.prefetch([Question("ahead.test", RecordType.TXT)])
        assert len(queries) == 1
        lazy = resolver(address, prefetch_threads=0, prefetch_queue=1)
        lazy.prefetch(Question(f"n{number}.test", RecordType.A) for number in range(1000))
        assert lazy._here().waiting.qsize() == 1


def test_a_forked_process_begins_anew() -> None:
    """After a fork the child has its own cache and threads, and still gets answers."""
    with udp_server(lambda query: respond(query, rcode=3)) as (address, queries):
        live = resolver(address)
        assert isinstance(ask(live, "a.test"), NoSuchName)
        child = os.fork()
        if child == 0:
            os._exit(0 if len(live._here().cache) == 0 and isinstance(ask(live, "a.test"), NoSuchName) else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert len(queries) == 2


def test_a_cached_answer_is_fast() -> None:
    """An answer from the cache takes microseconds (measured: 3; the bound leaves room for a busy machine)."""
    with udp_server(lambda query: respond(query, rcode=3)) as (address, _):
        live = resolver(address)
        question = Question("a.test", RecordType.A)
        live.ask(question)
        best = min(_seconds(live, question) for _ in range(20))
        assert best < 50e-6


def _seconds(live: LiveResolver, question: Question) -> float:
    """Give the time of one cached answer, averaged over a hundred."""
    started = time.perf_counter()
    for _ in range(100):
        live.ask(question)
    return (time.perf_counter() - started) / 100


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("127.0.0.1", ("127.0.0.1", 53)),
        ("127.0.0.1:5353", ("127.0.0.1", 5353)),
        ("::1", ("::1", 53)),
        ("[::1]", ("::1", 53)),
        ("[::1]:5353", ("::1", 5353)),
    ],
)
def test_servers_are_read(text: str, want: tuple[str, int]) -> None:
    """A server is an address with or without a port."""
    assert parse_server(text) == want


@pytest.mark.parametrize(
    "text",
    ["", "localhost", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:99999", "[::1", "[::1]:", "[::1]53", "[::1]:x", "1:2:3"],
)
def test_a_bad_server_is_a_config_error(text: str) -> None:
    """A server that cannot be read is refused when the config is read."""
    with pytest.raises((ValueError, ValidationError)):
        parse_server(text)
    with pytest.raises(ValidationError):
        Settings(servers=(text,))


def test_the_system_has_servers_or_none() -> None:
    """Reading the system's configuration gives addresses, or nothing, and never raises."""
    assert all(parse_server(server) for server in system_servers())
