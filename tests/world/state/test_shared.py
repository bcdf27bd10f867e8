"""State that several processes share: exact counts, kill -9, forks, a full or broken file, a Redis that comes and goes."""

from __future__ import annotations

import logging
import multiprocessing
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from pydantic import ValidationError

from gatepost.world.budget import allowance
from gatepost.world.clock import FakeClock, SystemClock
from gatepost.world.state import resilient, sqlite_sweep
from gatepost.world.state.door import Answer, Ask, Hit, Mark, State, StateConfigError, StateUnavailableError, Tally
from gatepost.world.state.memory import MemoryState
from gatepost.world.state.opening import open_state
from gatepost.world.state.redis_url import open_redis
from gatepost.world.state.resilient import ResilientState
from gatepost.world.state.settings import Settings
from gatepost.world.state.sqlite import SqliteState
from support.certificate import self_signed
from support.redis_server import RedisServer
from support.waiting import free_port

WINDOW = 3_600
ROUNDS = 300


def file_state(path: Path, clock: FakeClock, **options) -> SqliteState:
    """Open an embedded file, patient enough for a busy test machine."""
    state = SqliteState(path, clock, **{"timeout": 5.0, **options})
    state.prepare()
    return state


# ------------------------------------------------------------------------------------------------- several processes
@pytest.mark.parametrize("form", ["sqlite", "redis"])
def test_four_processes_count_exactly(form: str, server: RedisServer, tmp_path: Path, clock: FakeClock) -> None:
    """Workers forked from one parent that had already used its connection lose and double nothing."""
    server.command(b"FLUSHALL")
    state: State = (
        file_state(tmp_path / "state.db", clock) if form == "sqlite" else open_redis(server.url, clock, timeout=5.0)
    )
    state.hit([Hit("a", WINDOW)])
    fork = multiprocessing.get_context("fork")
    children = [fork.Process(target=count_and_judge, args=(state,)) for _ in range(4)]
    for child in children:
        child.start()
    for child in children:
        child.join(60)
    assert [child.exitcode for child in children] == [0] * 4
    assert state.hit([Hit("a", WINDOW, 0)]) == [1 + 4 * ROUNDS]
    assert state.recall(["b"]) == [Tally(pytest.approx(4 * ROUNDS / 64), 0.0)]
    state.close()


def count_and_judge(state: State) -> None:
    """Do a worker's share."""
    for _ in range(ROUNDS):
        state.hit([Hit("a", WINDOW), Hit("c", 60)])
        state.remember([Mark("b", wanted=1 / 64)])


def test_a_writer_killed_at_work_leaves_a_sound_file(tmp_path: Path) -> None:
    """SIGKILL in the middle of writing: what was answered is there, the file is sound, and the next writer goes on."""
    path = tmp_path / "state.db"
    script = (
        "import sys; from pathlib import Path; from gatepost.world.clock import FakeClock\n"
        "from gatepost.world.state.sqlite import SqliteState; from gatepost.world.state.door import Hit\n"
        "state = SqliteState(Path(sys.argv[1]), FakeClock(), timeout=5.0); state.prepare()\n"
        f"while True: print(int(state.hit([Hit('a', {WINDOW})])[0]), flush=True)\n"
    )
    seen = 0
    for _ in range(3):
        with subprocess.Popen([sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE) as writer:
            for _ in range(50):
                seen = int(writer.stdout.readline())
            writer.send_signal(signal.SIGKILL)
            rest = writer.stdout.read().splitlines()
            seen = int(rest[-1]) if rest and rest[-1].isdigit() else seen
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()
    (now,) = SqliteState(path, FakeClock()).hit([Hit("a", WINDOW, 0)])
    assert now >= seen - 1
    assert now >= 150


# ------------------------------------------------------------------------------------------------- the SQLite file
def test_a_locked_file_costs_a_bounded_wait(tmp_path: Path, clock: FakeClock) -> None:
    """While another process holds the file, reading goes on, writing gives up in time, and then works again."""
    state = file_state(tmp_path / "state.db", clock, timeout=0.05)
    state.remember([Mark("a", 1.0)])
    other = sqlite3.connect(tmp_path / "state.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    begin = time.monotonic()
    with pytest.raises(StateUnavailableError, match="locked"):
        state.hit([Hit("a", WINDOW)])
    with allowance(SystemClock(), 0.02), pytest.raises(StateUnavailableError):
        state.hit([Hit("a", WINDOW)])
    assert time.monotonic() - begin < 1.0
    assert state.recall(["a"]) == [Tally(1.0, 0.0)]
    other.execute("ROLLBACK")
    other.close()
    assert state.hit([Hit("a", WINDOW)]) == [1]


def test_the_file_stays_bounded_and_expires(tmp_path: Path, clock: FakeClock) -> None:
    """A flood of invented senders does not grow the file past its bound; what expired is dropped first."""
    state = file_state(tmp_path / "state.db", clock, entries=500)
    state.hit([Hit("old", 60)])
    clock.advance(1_000)
    calls = sqlite_sweep.GROWTH // 6 * 3
    for number in range(calls):
        state.hit([Hit(f"{number}-{more}", WINDOW) for more in range(6)])
        clock.advance(0.01)
    with sqlite3.connect(tmp_path / "state.db") as connection:
        (count,) = connection.execute("SELECT count(*) FROM records").fetchone()
        (old,) = connection.execute("SELECT count(*) FROM records WHERE expires < ?", (clock.now(),)).fetchone()
    connection.close()
    # At most what was added since the last sweep is over.
    assert count <= 500 + sqlite_sweep.GROWTH
    assert old == 0
    assert state.hit([Hit(f"{calls - 1}-5", WINDOW, 0)]) == [1]


def test_memory_stays_bounded(clock: FakeClock) -> None:
    """Local memory forgets the least recently used, never grows past its bound, and keeps what is in use."""
    state = MemoryState(clock, entries=100)
    for number in range(1_000):
        state.hit([Hit(str(number), WINDOW), Hit("busy", WINDOW)])
        state.remember([Mark(str(number), 1.0), Mark("busy", 0.01)])
    assert len(state._tables["r"]) == 100
    assert len(state._tables["t"]) == 100
    assert state.hit([Hit("busy", WINDOW, 0), Hit("0", WINDOW, 0)]) == [1_000, 0]


def test_unusable_files_are_one_clear_line(tmp_path: Path, clock: FakeClock) -> None:
    """A folder, a missing folder, garbage, another program's database and a newer version: each says which file and why."""
    garbage, foreign, newer = tmp_path / "garbage", tmp_path / "foreign.db", tmp_path / "newer.db"
    garbage.write_bytes(b"not a database at all, but long enough to be looked at " * 20)
    for path, statement in ((foreign, "CREATE TABLE theirs (x)"), (newer, "PRAGMA user_version = 99")):
        connection = sqlite3.connect(path)
        connection.execute(statement)
        connection.commit()
        connection.close()
    for path, words in (
        (tmp_path, "directory"),
        (tmp_path / "no" / "state.db", "No such file"),
        (garbage, "not a database"),
        (foreign, "another program"),
        (newer, "newer Gatepost"),
    ):
        with pytest.raises(StateConfigError, match=words) as caught:
            SqliteState(path, clock).prepare()
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)
    assert garbage.read_bytes().startswith(b"not a database")


def test_preparing_again_leaves_a_working_file_alone(tmp_path: Path, clock: FakeClock) -> None:
    """A reload checks the file that workers are using, in the same process or another, and disturbs nobody."""
    state = file_state(tmp_path / "state.db", clock)
    assert state.hit([Hit("a", WINDOW)]) == [1]
    again = file_state(tmp_path / "state.db", clock)
    assert again.hit([Hit("a", WINDOW)]) == [2]
    again.close()
    assert state.hit([Hit("a", WINDOW)]) == [3]


def test_a_file_that_breaks_at_run_time_is_the_stores_trouble(tmp_path: Path, clock: FakeClock) -> None:
    """Overwritten under a running worker: StateUnavailableError, so that local memory takes over."""
    path = tmp_path / "state.db"
    state = file_state(path, clock)
    path.write_bytes(b"overwritten by something else " * 200)
    with pytest.raises(StateUnavailableError, match="sqlite at"):
        state.hit([Hit("a", WINDOW)])
    path.unlink()
    with pytest.raises(StateUnavailableError, match="unable to open"):
        state.hit([Hit("a", WINDOW)])


def test_the_file_is_private(tmp_path: Path, clock: FakeClock) -> None:
    """Who writes to whom is readable for the daemon's own user only."""
    state = file_state(tmp_path / "state.db", clock)
    state.hit([Hit("a", WINDOW)])
    assert {path.stat().st_mode & 0o077 for path in tmp_path.iterdir()} == {0}


# ------------------------------------------------------------------------------------------------- Redis
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
    """Redis that wants a password: with it answers come, without it a clear reason does, and no secret in it."""
    with RedisServer(tmp_path, protected_mode="no") as server:
        server.command(b"CONFIG", b"SET", b"requirepass", b"s3cret")
        state = open_redis(f"redis://:s3cret@127.0.0.1:{server.port}/0", clock, timeout=5.0)
        assert state.hit([Hit("a", WINDOW)]) == [1]
        state.close()
        for url in (server.url, f"redis://:wr0ng@127.0.0.1:{server.port}/0"):
            state = open_redis(url, clock, timeout=5.0)
            with pytest.raises(StateUnavailableError, match=r"(?i)auth|password") as caught:
                state.hit([Hit("a", WINDOW)])
            assert "wr0ng" not in str(caught.value)
            state.close()


def test_an_error_answer_is_the_stores_trouble(server: RedisServer, clock: FakeClock) -> None:
    """A key of the wrong type, a full or read-only server: an answer that is an error is never taken for a count."""
    server.command(b"FLUSHALL")
    server.command(b"LPUSH", b"gp:r:{a}:3600", b"x")
    state = open_redis(server.url, clock, timeout=5.0)
    with pytest.raises(StateUnavailableError, match="WRONGTYPE"):
        state.hit([Hit("a", WINDOW)])
    assert state.hit([Hit("b", WINDOW)]) == [1]
    server.command(b"CONFIG", b"SET", b"maxmemory", b"1")
    try:
        with pytest.raises(StateUnavailableError, match="maxmemory"):
            state.hit([Hit("c", WINDOW)])
    finally:
        server.command(b"CONFIG", b"SET", b"maxmemory", b"0")
    assert state.hit([Hit("c", WINDOW)]) == [1]
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
        state.close()
    assert len(caplog.records) == 2


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


# ------------------------------------------------------------------------------------------------- the circuit breaker
class Flaky(MemoryState):
    """A store that fails while told to, and counts how often it was asked."""

    asked = 0
    down = True

    def exchange(self, asks: Sequence[Ask]) -> list[Answer]:
        """Fail or answer."""
        self.asked += 1
        if self.down:
            raise StateUnavailableError("flaky: refused")
        return super().exchange(asks)


def test_the_pause_doubles_up_to_its_bound(clock: FakeClock, caplog: pytest.LogCaptureFixture) -> None:
    """A store that stays away is tried after 1, 2, 4 ... seconds, at most every PAUSE_MAX, with one log line a minute."""
    flaky = Flaky(clock)
    state = ResilientState(flaky, MemoryState(clock), clock)
    tries = []
    for second in range(121):
        before = flaky.asked
        for _ in range(5):
            state.hit([Hit("a", WINDOW)])
        if flaky.asked > before:
            tries.append(second)
        clock.advance(1.0)
    assert tries == [0, 1, 3, 7, 15, 31, 61, 91]
    assert len(caplog.records) == 2
    flaky.down = False
    state.hit([Hit("a", WINDOW)])
    assert not state.degraded()
    flaky.down = True
    state.hit([Hit("a", WINDOW)])
    clock.advance(resilient.PAUSE)
    before = flaky.asked
    state.hit([Hit("a", WINDOW)])
    assert flaky.asked == before + 1


def test_degraded_is_a_threads_own_affair(clock: FakeClock) -> None:
    """What one message was told does not mark another message in another thread."""
    flaky = Flaky(clock)
    state = ResilientState(flaky, MemoryState(clock), clock)
    state.hit([Hit("a", WINDOW)])
    seen: list[bool] = []
    thread = threading.Thread(target=lambda: seen.append(state.degraded()))
    thread.start()
    thread.join()
    assert (state.degraded(), seen) == (True, [False])


def test_one_caller_at_a_time_tries_a_store_that_is_away(clock: FakeClock) -> None:
    """While one thread waits for the store the others are answered from memory, not queued behind it."""
    inside, go = threading.Event(), threading.Event()

    class Slow(Flaky):
        def exchange(self, asks: Sequence[Ask]) -> list[Answer]:
            if self.asked:
                inside.set()
                assert go.wait(10)
            return super().exchange(asks)

    slow = Slow(clock)
    state = ResilientState(slow, MemoryState(clock), clock)
    state.hit([Hit("a", WINDOW)])
    clock.advance(resilient.PAUSE)
    thread = threading.Thread(target=state.hit, args=([Hit("a", WINDOW)],))
    thread.start()
    assert inside.wait(10)
    for _ in range(10):
        state.hit([Hit("a", WINDOW)])
    assert slow.asked == 1
    go.set()
    thread.join()


def test_a_message_out_of_time_does_not_blame_the_store(server: RedisServer, tmp_path: Path, clock: FakeClock) -> None:
    """One late message is answered from memory; the next one finds the store as it was."""
    for url in (server.url, ""):
        state = open_state(Settings(url=url), tmp_path / "state.db", clock)
        with allowance(clock, 0.0):
            state.hit([Hit("late", WINDOW)])
            assert state.degraded()
        state.hit([Hit("late", WINDOW)])
        assert not state.degraded()
        state.close()


# ------------------------------------------------------------------------------------------------- choosing a form
def test_the_url_chooses_the_form(server: RedisServer, tmp_path: Path, clock: FakeClock) -> None:
    """Each documented URL opens its store; an empty one the embedded file, whose folder is made."""
    for url, words in (
        ("", f"sqlite at {tmp_path}/var/gatepost/state.db"),
        (f"sqlite://{tmp_path}/own%20file.db", f"sqlite at {tmp_path}/own file.db"),
        (server.url, f"redis at 127.0.0.1:{server.port}/0"),
        (server.unix_url, f"redis at {server.socket}"),
    ):
        state = open_state(Settings(url=url, timeout_seconds=5.0), tmp_path / "var" / "gatepost" / "state.db", clock)
        assert state.backend == words
        assert state.hit([Hit(f"chosen by {url}", WINDOW)]) == [1]
        assert not state.degraded()
        state.close()


def test_wrong_urls_are_config_errors(tmp_path: Path, clock: FakeClock) -> None:
    """An unknown scheme is refused by the settings, an unreadable place when it is opened, each in one line."""
    for url in ("http://x", "redis:", "memory"):
        with pytest.raises(ValidationError, match="must start with redis://"):
            Settings(url=url)
    for url in (
        "redis://host:port",
        "redis://:s3cret#x@host/0",
        "redis://host?socket_timeout=60",
        "redis://host?ssl_nonsense=1",
        "redis://127.0.0.1/nonsense?timeout=x",
        "sqlite://relative",
        "sqlite:///",
        f"sqlite://{tmp_path}/a/b",
    ):
        with pytest.raises(StateConfigError) as caught:
            open_state(Settings(url=url), tmp_path / "state.db", clock)
        assert "\n" not in str(caught.value)
        assert "s3cret" not in str(caught.value)
    (tmp_path / "file").write_text("x")
    with pytest.raises(StateConfigError, match="cannot create the state directory"):
        open_state(Settings(), tmp_path / "file" / "below" / "state.db", clock)


def test_a_redis_that_is_down_at_start_is_no_config_error(tmp_path: Path, clock: FakeClock) -> None:
    """The daemon starts, degraded, and picks the store up when it comes."""
    server = RedisServer(tmp_path)
    state = open_state(Settings(url=server.url), tmp_path / "unused", clock)
    assert state.hit([Hit("a", WINDOW)]) == [1]
    assert state.degraded()
    with server:
        clock.advance(resilient.PAUSE)
        state.hit([Hit("a", WINDOW)])
        assert not state.degraded()
        state.close()
