"""Limits under concurrency: eight writers at once on a real Redis, and the sum is exact."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from multiprocessing.pool import Pool

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gatepost.checks.reputation.family import Memory, Settings
from gatepost.checks.reputation.rate_settings import Limit, RateSettings
from gatepost.mail.envelope import Envelope
from gatepost.world.clock import FakeClock
from gatepost.world.state.redis_url import open_redis
from support.redis_server import RedisServer
from support.remembered import Site, mail

pytestmark = pytest.mark.servers

WRITERS = 8
NOW = 1_793_534_400.0


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """Give a running Redis for this module."""
    with RedisServer(tmp_path_factory.mktemp("redis")) as running:
        yield running


@pytest.fixture(scope="module")
def writers() -> Iterator[Pool]:
    """Give eight processes."""
    with multiprocessing.get_context("fork").Pool(WRITERS) as pool:
        yield pool


def send(url: str, limit: dict[str, object], envelope: Envelope, messages: int) -> int:
    """Judge so many messages in this process; gives how many passed no limit. One clock for all: the window stands still."""
    usual = Settings(client_soft=0, sender_soft=0)
    clock = FakeClock(NOW)
    state = open_redis(url, clock, timeout=5.0)
    site = Site(Memory(usual, RateSettings(inbound=(Limit(**limit),))), state=state, clock=clock)
    try:
        return sum("rate.normal" in site.say(envelope) for _ in range(messages))
    finally:
        state.close()


@given(
    bound=st.integers(1, 60),
    burst=st.booleans(),
    per=st.sampled_from(["client", "network", "sender", "recipient"]),
    messages=st.lists(st.integers(0, 25), min_size=WRITERS, max_size=WRITERS),
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_eight_writers_are_let_through_exactly_the_limit(
    redis: RedisServer, writers: Pool, bound: int, burst: bool, per: str, messages: list[int]
) -> None:
    """However the messages are spread over the writers, as many pass as the limit says, or all where they are fewer."""
    redis.command(b"FLUSHALL")
    limit = {"per": per, "limit": bound, "burst": bound if burst else 0}
    passed = writers.starmap(send, [(redis.unix_url, limit, mail(), number) for number in messages], chunksize=1)
    assert sum(passed) == min(bound, sum(messages))


def test_recipients_are_added_up_exactly(redis: RedisServer, writers: Pool) -> None:
    """Three recipients a message, a limit of a hundred: thirty-three messages pass, whoever sends them."""
    redis.command(b"FLUSHALL")
    limit = {"per": "client", "what": "recipients", "limit": 100}
    envelope = mail(to="a@here.example b@here.example c@here.example")
    passed = writers.starmap(send, [(redis.unix_url, limit, envelope, 10)] * WRITERS, chunksize=1)
    assert sum(passed) == 33
