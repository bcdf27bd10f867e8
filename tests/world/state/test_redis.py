"""Redis: round trips, scripts that were lost, expiry, TLS, passwords, and a server that comes and goes."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from gatepost.world.clock import FakeClock
from gatepost.world.state import announce, resilient
from gatepost.world.state.door import (
    Ask,
    Distinct,
    Get,
    Hit,
    Leave,
    Mark,
    Put,
    Rate,
    Recall,
    StateUnavailableError,
    Tally,
)
from gatepost.world.state.opening import open_state
from gatepost.world.state.redis_url import open_redis
from gatepost.world.state.settings import Settings
from support.certificate import self_signed
from support.redis_group import Sentinel
from support.redis_server import RedisServer
from support.state_forms import Servers
from support.waiting import free_port

WINDOW = 3_600
ROOT = Path(__file__).parents[3]


def test_lost_scripts_are_sent_again(server: RedisServer, clock: FakeClock) -> None:
    """SCRIPT FLUSH costs one more round trip and not one event."""
    server.command(b"FLUSHALL")
    state = open_redis(server.url, clock, timeout=5.0)
    for expected in range(1, 6):
        server.command(b"SCRIPT", b"FLUSH")
        assert state.hit([Hit("a", WINDOW), Hit("b", WINDOW)]) == [expected, expected]
        server.command(b"SCRIPT", b"FLUSH")
        state.remember([Mark("a", 1.0), Mark("b", 1.0)])
    assert state.recall(["a", "b"]) == [Tally(5.0, 0.0)] * 2
    state.close()


def test_every_key_is_ours_and_expires(server: RedisServer, clock: FakeClock) -> None:
    """Nothing stays in Redis for ever, and nothing is written outside the name space."""
    server.command(b"FLUSHALL")
    state = open_redis(server.url, clock, half_life=1_000.0, timeout=5.0)
    state.hit([Hit("a", WINDOW), Hit("b", 60), Hit("looked", 60, 0)])
    state.remember([Mark("a", 1.0)])
    assert b"*3\r\n" in server.command(b"KEYS", b"*")
    assert b"*3\r\n" in server.command(b"KEYS", b"gp:*")
    for key, most in ((b"gp:r:{a}:3600", 7_201), (b"gp:r:{b}:60", 121), (b"gp:t:{a}", 8_001)):
        assert 0 < int(server.command(b"TTL", key)[1:]) <= most
    state.close()


def test_one_round_trip_per_call(server: RedisServer, clock: FakeClock) -> None:
    """However many keys, the commands leave in one packet: the server sees one read event's worth, in order."""
    state = open_redis(server.url, clock, timeout=5.0)
    state.hit([Hit("warm", WINDOW)])
    before = reads(server)
    state.hit([Hit(f"{number}", WINDOW) for number in range(20)])
    state.recall([f"{number}" for number in range(20)])
    # Two calls of ours, and the INFO that asks.
    assert reads(server) - before <= 4
    state.close()


def reads(server: RedisServer) -> int:
    """Give how many read events Redis has served."""
    text = server.command(b"INFO", b"stats")
    return int(text.partition(b"total_reads_processed:")[2].split()[0])


def test_the_password_is_not_shown(clock: FakeClock) -> None:
    """The backend's words name the place and never the secret."""
    port = free_port()
    state = open_redis(f"redis://user:s3cret@127.0.0.1:{port}/2", clock)
    assert state.backend == f"redis at 127.0.0.1:{port}/2"
    with pytest.raises(StateUnavailableError) as caught:
        state.hit([Hit("a", WINDOW)])
    assert "s3cret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_redis_over_tls(tmp_path: Path, clock: FakeClock) -> None:
    """`rediss://` encrypts and verifies: with the right authority it answers, with none it is the store's trouble."""
    certificate, key = self_signed(tmp_path)
    port = free_port()
    tls = {"tls_port": str(port), "tls_cert_file": certificate, "tls_key_file": key, "tls_auth_clients": "no"}
    with RedisServer(tmp_path, **tls, tls_ca_cert_file=certificate):
        state = open_redis(f"rediss://127.0.0.1:{port}/0?ssl_ca_certs={certificate}", clock, timeout=5.0)
        assert state.hit([Hit("a", WINDOW)]) == [1]
        state.close()
        stranger = open_redis(f"rediss://127.0.0.1:{port}/0", clock, timeout=5.0)
        with pytest.raises(StateUnavailableError, match=r"(?i)certificate"):
            stranger.hit([Hit("a", WINDOW)])
        stranger.close()


def test_a_wrong_password_is_the_stores_trouble(tmp_path: Path, clock: FakeClock) -> None:
    """Redis that wants a password: with it answers come, else a reason that says what is wrong, and no secret in it."""
    with RedisServer(tmp_path, protected_mode="no") as server:
        server.command(b"CONFIG", b"SET", b"requirepass", b"s3cret")
        state = open_redis(f"redis://:s3cret@127.0.0.1:{server.port}/0", clock, timeout=5.0)
        assert state.hit([Hit("a", WINDOW)]) == [1]
        state.close()
        for url, words, asks in (
            (server.url, "it wants a password, and state.url has none", [Hit("a", WINDOW)]),
            (server.url, "it wants a password, and state.url has none", [Hit(str(n), WINDOW) for n in range(20)]),
            (server.url, "it wants a password, and state.url has none", [Recall("a")]),
            (
                f"redis://:wr0ng@127.0.0.1:{server.port}/0",
                "the user or the password in state.url is wrong",
                [Recall("a")],
            ),
        ):
            state = open_redis(url, clock, timeout=5.0)
            with pytest.raises(StateUnavailableError) as caught:
                state.exchange(asks)
            assert str(caught.value) == f"{state.backend}: {words}"
            state.close()


def test_a_sentinel_with_a_password_of_its_own(server: RedisServer, tmp_path: Path, clock: FakeClock) -> None:
    """Sentinel's account is another one than the server's: given it answers come, without it a clear reason does."""
    with Sentinel(tmp_path, server, password="s3cret") as sentinel:
        url = f"redis+sentinel://127.0.0.1:{sentinel.port}/gatepost"
        state = open_redis(f"{url}?sentinel_password=s3cret", clock, timeout=5.0)
        assert state.hit([Hit("a", WINDOW)]) == [1]
        state.close()
        stranger = open_redis(url, clock, timeout=5.0)
        with pytest.raises(StateUnavailableError, match=r"(?i)master|auth"):
            stranger.hit([Hit("a", WINDOW)])
        stranger.close()


def test_an_error_answer_is_the_stores_trouble(server: RedisServer, clock: FakeClock) -> None:
    """A full server: an answer that is an error is never taken for a count."""
    server.command(b"FLUSHALL")
    state = open_redis(server.url, clock, timeout=5.0)
    server.command(b"CONFIG", b"SET", b"maxmemory", b"1")
    try:
        with pytest.raises(StateUnavailableError, match="maxmemory"):
            state.hit([Hit("c", WINDOW)])
    finally:
        server.command(b"CONFIG", b"SET", b"maxmemory", b"0")
    assert state.hit([Hit("c", WINDOW)]) == [1]
    state.close()


@pytest.mark.servers
@pytest.mark.parametrize("form", ["redis", "redis-cluster"])
def test_what_somebody_else_put_there_counts_as_nothing(form: str, servers: Servers, clock: FakeClock) -> None:
    """A list in the place of each kind of record, looked at and written: one key that is odd takes no store away."""
    state = open_redis(servers.emptied(form), clock, timeout=5.0)
    keys = ("r:{a}:3600", "l:{a}", "t:{a}", "s:{a}", "d:{a}")
    looks: list[Ask] = [
        Hit("a", WINDOW, 0),
        Rate("a", 5, WINDOW, 5, 0),
        Recall("a"),
        Distinct("a", "", WINDOW),
        Get("a"),
    ]
    writes: list[Ask] = [
        Hit("a", WINDOW),
        Rate("a", 5, WINDOW, 5),
        Mark("a", 1.0),
        Distinct("a", "x", WINDOW),
        Put("a", b"1", 60),
    ]
    nothing = [0, Leave(allowed=True, wait=0.0, used=0.0), Tally(), 0, None]
    for asks, answers in ((looks, nothing), ([*looks, Mark("b", 1.0)], [*nothing, None])):
        spoil(servers, form, keys)
        assert state.exchange(asks) == answers
    state.exchange(writes)
    assert state.exchange(looks) == [1, Leave(True, 0.0, pytest.approx(1.0)), Tally(1.0, 0.0), 1, b"1"]
    state.close()


def spoil(servers: Servers, form: str, keys: Sequence[str]) -> None:
    """Put a list under each key."""
    for key in keys:
        node = servers.cluster.owner(f"gp:{key}") if form == "redis-cluster" else servers.single
        node.command(b"DEL", f"gp:{key}".encode())
        node.command(b"LPUSH", f"gp:{key}".encode(), b"x")


def test_a_full_redis_keeps_what_is_in_use(tmp_path: Path, clock: FakeClock) -> None:
    """Under the policy that docs/state.md asks for, a flood of invented names drops neither a limit nor a known sender."""
    (policy,) = re.findall(r"`maxmemory-policy (\S+)`", (ROOT / "docs" / "state.md").read_text())
    with RedisServer(tmp_path, maxmemory="3mb", maxmemory_policy=policy) as full:
        state = open_redis(full.url, clock, timeout=5.0)
        state.remember([Mark("domain:shop.example", wanted=50.0)])
        for turn in range(1, 301):
            state.remember([Mark(f"link:{turn}-{number}.example", unwanted=0.5) for number in range(100)])
            used = state.exchange([Hit("client", WINDOW), Recall("domain:shop.example")])
            assert used == [turn, Tally(50.0, 0.0)]
        assert full.told("stats", "evicted_keys:") > 1_000
        state.close()


def test_redis_goes_and_comes_back(tmp_path: Path, clock: FakeClock, caplog: pytest.LogCaptureFixture) -> None:
    """Killed mid-run: local memory answers and says so, at once and cheaply; back again: the store answers, without restart."""
    caplog.set_level(logging.INFO)
    with RedisServer(tmp_path) as server:
        state = open_state(Settings(url=server.url, timeout_seconds=1.0), tmp_path / "unused", clock)
        assert state.hit([Hit("a", WINDOW)]) == [1]
        assert not state.degraded()
        server.kill()
        for expected in (1, 2, 3):
            assert state.hit([Hit("a", WINDOW)]) == [expected]
            assert state.degraded()
        assert "does not answer" in state.backend
        server.start()
        assert state.hit([Hit("a", WINDOW)]) == [4]
        assert state.degraded()
        clock.advance(resilient.PAUSE)
        assert state.hit([Hit("a", WINDOW)]) == [1]
        assert not state.degraded()
        assert len(caplog.records) == 1
        clock.advance(announce.EVERY)
        assert state.hit([Hit("a", WINDOW)]) == [2]
        state.close()
    assert [
        word in record.getMessage() for word, record in zip(("degraded", "again"), caplog.records, strict=True)
    ] == [True] * 2


def test_a_restart_between_two_messages_goes_unnoticed(tmp_path: Path, clock: FakeClock) -> None:
    """Connections that died while idle are replaced before they are used: no message is degraded for them."""
    with RedisServer(tmp_path) as server:
        state = open_state(Settings(url=server.url, timeout_seconds=5.0), tmp_path / "unused", clock)
        state.hit([Hit("a", WINDOW)])
        server.kill()
        server.start()
        assert state.hit([Hit("a", WINDOW)]) == [1]
        assert not state.degraded()
        state.close()


def test_a_frozen_redis_costs_one_bounded_wait(tmp_path: Path, clock: FakeClock) -> None:
    """SIGSTOP: the first call waits for the time limit, the others not at all; SIGCONT and a pause bring the store back."""
    with RedisServer(tmp_path) as server:
        state = open_state(Settings(url=server.unix_url, timeout_seconds=0.2), tmp_path / "unused", clock)
        state.remember([Mark("a", 1.0)])
        server.freeze()
        begin = time.monotonic()
        assert state.recall(["a"]) == [Tally()]
        first = time.monotonic() - begin
        for _ in range(100):
            assert state.recall(["a"]) == [Tally()]
        assert first < 1.0
        assert time.monotonic() - begin - first < 1.0
        assert state.degraded()
        server.thaw()
        clock.advance(resilient.PAUSE)
        assert state.recall(["a"]) == [Tally(pytest.approx(1.0, abs=1e-5), 0.0)]
        assert not state.degraded()
        state.close()
