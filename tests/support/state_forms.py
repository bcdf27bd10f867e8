"""Every live form of state, empty, for the suites of promises that hold for all of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path

from gatepost.world.clock import Clock
from gatepost.world.state.door import State
from gatepost.world.state.memory import MemoryState
from gatepost.world.state.redis_url import open_redis
from gatepost.world.state.resilient import ResilientState
from gatepost.world.state.sqlite import SqliteState
from support.certificate import self_signed
from support.redis_group import RedisCluster, WatchedRedis, redis_cluster, watched_redis
from support.redis_server import RedisServer
from support.waiting import free_port

FORMS = ("memory", "sqlite", "resilient", "redis", "redis-unix", "redis-tls-acl", "redis-sentinel", "redis-cluster")

ACL = "gatepost on >s3cret ~gp:* resetchannels -@all +@read +@write +@connection +eval +evalsha -@dangerous"
"""What Gatepost's account at a Redis server must be allowed, as docs/state.md says it."""


class Servers:
    """The servers behind the forms of Redis, each started when it is first asked for; `close()` stops them."""

    def __init__(self, folder: Path) -> None:
        """Take an existing folder for all they write."""
        self._folder = folder
        self._stack = ExitStack()

    def _place(self, name: str) -> Path:
        place = self._folder / name
        place.mkdir()
        return place

    @cached_property
    def single(self) -> RedisServer:
        """A server with a TCP port and a unix socket."""
        return self._stack.enter_context(RedisServer(self._place("single")))

    @cached_property
    def secured(self) -> tuple[RedisServer, str]:
        """A server with a TLS port and an account of its own for Gatepost, and the URL that has all of it."""
        place = self._place("secured")
        certificate, key = self_signed(place)
        port = str(free_port())
        tls = {"tls_port": port, "tls_cert_file": certificate, "tls_key_file": key, "tls_ca_cert_file": certificate}
        server = self._stack.enter_context(RedisServer(place, tls_auth_clients="no", **tls))
        assert server.command(b"ACL", b"SETUSER", *ACL.encode().split()).startswith(b"+OK")
        return server, f"rediss://gatepost:s3cret@127.0.0.1:{port}/0?ssl_ca_certs={certificate}"

    @cached_property
    def cluster(self) -> RedisCluster:
        """Three masters in a cluster."""
        return self._stack.enter_context(redis_cluster(self._place("cluster")))

    @cached_property
    def watched(self) -> WatchedRedis:
        """A master and a replica under three Sentinels."""
        return self._stack.enter_context(watched_redis(self._place("watched")))

    def emptied(self, form: str) -> str:
        """Give the URL of a form of Redis, without keys."""
        match form:
            case "redis-tls-acl":
                server, url = self.secured
            case "redis-sentinel":
                server, url = self.watched.master, self.watched.url
            case "redis-cluster":
                self.cluster.empty()
                return self.cluster.url
            case _:
                server = self.single
                url = server.unix_url if form == "redis-unix" else server.url
        server.command(b"FLUSHALL")
        return url

    def close(self) -> None:
        """Stop all."""
        self._stack.close()


def build(form: str, servers: Servers, folder: Path, clock: Clock, half_life: float = 1_000.0) -> State:
    """Open one form, patient enough for a busy test machine; Redis is emptied, `folder` takes the file."""
    match form:
        case "memory":
            return MemoryState(clock, half_life=half_life)
        case "sqlite" | "resilient":
            file = SqliteState(folder / "state.db", clock, half_life=half_life, timeout=5.0)
            file.prepare()
            local = MemoryState(clock, half_life=half_life)
            return file if form == "sqlite" else ResilientState(file, local, clock)
        case _:
            return open_redis(servers.emptied(form), clock, half_life=half_life, timeout=5.0)


@contextmanager
def opened(form: str, servers: Servers, folder: Path, clock: Clock, half_life: float = 1_000.0) -> Iterator[State]:
    """Open one form as build() does, and close it afterwards."""
    made = build(form, servers, folder, clock, half_life)
    try:
        yield made
    finally:
        made.close()
