"""What goes over one connection to a real Redis, plain and encrypted: answers of any size, servers that stop in the middle."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis

from gatepost.world.state import redis_url
from gatepost.world.state.redis import Servers
from support.certificate import self_signed
from support.redis_server import RedisServer
from support.slow_proxy import SlowProxy
from support.waiting import free_port

TIMEOUT = 1.0
SLACK = 0.9  # what a busy machine may add; two limits in place of one would still be more

pytestmark = pytest.mark.servers


@pytest.fixture(params=["tcp", "unix", "tls"])
def reached(request, tmp_path: Path) -> Iterator[tuple[RedisServer, str]]:
    """Give a server that a test may stop, and its URL of each kind."""
    certificate, key = self_signed(tmp_path)
    port = str(free_port())
    tls = {"tls_port": port, "tls_cert_file": certificate, "tls_key_file": key, "tls_ca_cert_file": certificate}
    with RedisServer(tmp_path, tls_auth_clients="no", **tls) as server:
        encrypted = f"rediss://127.0.0.1:{port}/0?ssl_ca_certs={certificate}"
        yield server, {"tcp": server.url, "unix": server.unix_url, "tls": encrypted}[request.param]


@contextmanager
def opened(url: str, timeout: float = TIMEOUT) -> Iterator[Servers]:
    """Give the way to the servers of a URL."""
    servers = redis_url.servers(url, timeout)
    try:
        yield servers
    finally:
        servers.close()


def ask(servers: Servers, *words: Any) -> Any:
    """Send one command and give its answer."""
    (answer,) = servers.send([("key", words)])
    return answer


def late(servers: Servers, words: Sequence[Any]) -> float:
    """Send one command that is not answered in time; gives the seconds until that was known."""
    begin = time.monotonic()
    with pytest.raises(redis.TimeoutError):
        ask(servers, *words)
    return time.monotonic() - begin


def test_answers_of_any_size_are_read_whole(reached: tuple[RedisServer, str]) -> None:
    """Nothing, a byte, and more than one reading and one TLS record hold, several in one exchange: all as they were stored."""
    _, url = reached
    values = [b"", b"x", b"\r\n$-1\r\n", bytes(range(256)) * 40, b"y" * 300_000]
    with opened(url, timeout=5.0) as servers:
        for number, value in enumerate(values):
            ask(servers, "SET", f"k{number}", value)
        names = [f"k{number}" for number in range(len(values))]
        assert ask(servers, "MGET", *names, "none") == [*values, None]
        assert servers.send([(name, ("GET", name)) for name in names]) == values


def test_errors_among_answers_are_answers(reached: tuple[RedisServer, str]) -> None:
    """An error stands in its place as the library's class for it, and the answers behind it are not lost."""
    _, url = reached
    with opened(url) as servers:
        commands = [("EVALSHA", "0" * 40, 0), ("NONSENSE",), ("PING",)]
        lost, unknown, pong = servers.send([("key", words) for words in commands])
    assert isinstance(lost, redis.exceptions.NoScriptError)
    assert isinstance(unknown, redis.ResponseError)
    assert pong == b"PONG"


def test_a_frozen_server_costs_one_time_limit(reached: tuple[RedisServer, str]) -> None:
    """SIGSTOP: no answer comes, and more is sent than the kernel keeps for it; both end in time, and both pass."""
    server, url = reached
    with opened(url) as servers:
        assert ask(servers, "PING") == b"PONG"
        server.freeze()
        assert late(servers, ["PING"]) < TIMEOUT + SLACK
        server.thaw()
        assert ask(servers, "PING") == b"PONG"
        server.freeze()
        assert late(servers, ["SET", "key", b"x" * 20_000_000]) < TIMEOUT + SLACK
        server.thaw()


def test_a_server_that_ends_instead_of_answering(reached: tuple[RedisServer, str]) -> None:
    """Where the answer should be stands the end: an error, at once; and the next exchange finds the server that came back."""
    server, url = reached
    with opened(url, timeout=5.0) as servers:
        with pytest.raises(redis.ConnectionError, match="closed"):
            ask(servers, "SHUTDOWN", "NOSAVE")
        server.kill()
        server.start()
        assert ask(servers, "PING") == b"PONG"


def test_a_connection_that_ended_while_idle_is_not_used(reached: tuple[RedisServer, str]) -> None:
    """A restart between two exchanges costs a new connection, not an exchange."""
    server, url = reached
    with opened(url, timeout=5.0) as servers:
        assert ask(servers, "PING") == b"PONG"
        server.kill()
        server.start()
        assert ask(servers, "INCR", "key") == 1


def test_an_answer_in_drops_has_one_time_limit(server: RedisServer) -> None:
    """Bytes that come one by one, each in time, do not add up to more than the limit; in time they add up to the answer."""
    with SlowProxy(server.port) as proxy, opened(f"redis://127.0.0.1:{proxy.port}/0") as servers:
        ask(servers, "SET", "key", b"x" * 100)
        proxy.drip = 0.0001
        assert ask(servers, "GET", "key") == b"x" * 100
        proxy.drip = 0.02
        assert late(servers, ["GET", "key"]) < TIMEOUT + SLACK
        proxy.drip = 0.0
        assert ask(servers, "GET", "key") == b"x" * 100


@pytest.mark.parametrize(
    "url", ["redis://{name}:{port}", "redis+sentinel://{name}:{port}/m", "redis+cluster://{name}:{port}"]
)
def test_a_name_that_nobody_looks_up_costs_one_wait(
    url: str, server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system's resolver may take ten seconds where DNS is down; a message waits no longer than for any server that is gone."""
    answered = threading.Event()
    look_up = socket.getaddrinfo

    def slow(host: Any, *rest: Any, **more: Any) -> Any:
        if host == "redis.here.example":
            answered.wait(10.0)
            host = "127.0.0.1"
        return look_up(host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    with opened(url.format(name="redis.here.example", port=server.port), timeout=0.1) as servers:
        began = time.monotonic()
        with pytest.raises(redis.RedisError):
            ask(servers, "PING")
        assert time.monotonic() - began < 1.0
        answered.set()
        if url.startswith("redis://"):
            assert ask(servers, "PING") == b"PONG"
