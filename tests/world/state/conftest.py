"""The servers that the tests of state share, and each form of state in turn."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gatepost.world.clock import FakeClock
from gatepost.world.state.door import State
from support.redis_server import RedisServer
from support.state_forms import FORMS, Servers, opened


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """Give the servers behind the forms, started when they are first asked for."""
    found = Servers(tmp_path_factory.mktemp("redis"))
    yield found
    found.close()


@pytest.fixture
def server(servers: Servers) -> RedisServer:
    """Give a running Redis without keys."""
    servers.single.command(b"FLUSHALL")
    return servers.single


@pytest.fixture
def clock() -> FakeClock:
    """Give a clock that stands still, at the start of a minute."""
    return FakeClock(1_700_000_000.0 // 60 * 60)


@pytest.fixture(params=FORMS)
def state(request, servers: Servers, tmp_path: Path, clock: FakeClock) -> Iterator[State]:
    """Give each form of state in turn, empty."""
    with opened(request.param, servers, tmp_path, clock) as made:
        yield made
