"""What can go wrong with a Redis server, each as a pair: how it begins, and how it ends."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from support.redis_server import RedisServer
from support.slow_proxy import SlowProxy


class Fault(Protocol):
    """Something that goes wrong while it is entered; takes the server, and the proxy in front of it."""

    def __call__(self, server: RedisServer, proxy: SlowProxy) -> AbstractContextManager[None]:
        """Go wrong, and be well again afterwards."""
        ...


@contextmanager
def killed(server: RedisServer, proxy: SlowProxy) -> Iterator[None]:
    """SIGKILL; it comes back empty."""
    server.kill()
    yield
    server.start()


@contextmanager
def frozen(server: RedisServer, proxy: SlowProxy) -> Iterator[None]:
    """SIGSTOP: connections are accepted, nobody answers."""
    server.freeze()
    yield
    server.thaw()


@contextmanager
def loading(server: RedisServer, proxy: SlowProxy) -> Iterator[None]:
    """Restarted with a dump that takes long to load: every command is answered with LOADING."""
    server.command(b"DEBUG", b"POPULATE", b"20000", b"gp:filler")
    server.command(b"SAVE")
    server.kill()
    with server.slow_to_load():
        yield
    server.kill()
    (server.folder / "dump.rdb").unlink()
    server.start()


@contextmanager
def out_of_memory(server: RedisServer, proxy: SlowProxy) -> Iterator[None]:
    """`maxmemory` is reached and nothing may be evicted: writing is answered with OOM, reading works."""
    server.command(b"CONFIG", b"SET", b"maxmemory", b"1")
    yield
    server.command(b"CONFIG", b"SET", b"maxmemory", b"0")


@contextmanager
def read_only(server: RedisServer, proxy: SlowProxy) -> Iterator[None]:
    """Be the replica of a master that is not there: writing is answered with READONLY, reading works."""
    server.command(b"REPLICAOF", b"127.0.0.1", b"1")
    yield
    server.command(b"REPLICAOF", b"NO", b"ONE")


@contextmanager
def slow(server: RedisServer, proxy: SlowProxy) -> Iterator[None]:
    """Every answer takes 200 ms."""
    proxy.delay = 0.2
    yield
    proxy.delay = 0.0


FAULTS: Mapping[str, Fault] = {
    "killed": killed,
    "frozen": frozen,
    "loading": loading,
    "out of memory": out_of_memory,
    "read-only replica": read_only,
    "slow": slow,
}
