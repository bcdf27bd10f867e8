"""The form of state that the config's URL names, and URLs that name none."""

from __future__ import annotations

import mmap
import os
import resource
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pydantic import ValidationError

from gatepost.world.clock import FakeClock
from gatepost.world.state import resilient, sqlite_file
from gatepost.world.state.door import Hit, StateConfigError, StateUnavailableError
from gatepost.world.state.opening import open_state
from gatepost.world.state.redis_url import servers as servers_of
from gatepost.world.state.settings import Settings
from gatepost.world.state.sqlite import SqliteState
from support.redis_server import RedisServer
from support.state_forms import Servers

WINDOW = 3_600


def test_the_url_chooses_the_form(server: RedisServer, servers: Servers, tmp_path: Path, clock: FakeClock) -> None:
    """Each documented URL opens its store; an empty one the embedded file, whose folder is made."""
    watched = servers.watched.url.partition("//")[2]
    for url, words in (
        ("", f"sqlite at {tmp_path}/var/gatepost/state.db"),
        (f"sqlite://{tmp_path}/own%20file.db", f"sqlite at {tmp_path}/own file.db"),
        (server.url, f"redis at 127.0.0.1:{server.port}/0"),
        (server.unix_url, f"redis at {server.socket}"),
        (servers.emptied("redis-cluster"), f"redis at cluster {servers.cluster.url.partition('//')[2]}"),
        (servers.emptied("redis-sentinel"), f"redis at sentinel {watched.rpartition('/gatepost')[0]} gatepost/0"),
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
        "redis://one,two/0",
        "unix://",
        "redis+sentinel://host:1,host:2",
        "redis+sentinel://host:port/service",
        "redis+sentinel://user:s3cret@,/service",
        "redis+sentinel://host/service/db",
        "redis+cluster://",
        "redis+cluster://:s3cret@host:99999",
        "redis+cluster://host/3",
        "redis+cluster://host?sentinel_password=s3cret",
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


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("redis://[::1]:77/3", "[::1]:77/3"),
        ("rediss://user:p%40ss@host?ssl_ca_certs=/etc/ca.pem", "host:6379/0"),
        ("unix://user:pass@/run/redis.sock?db=2", "/run/redis.sock"),
        ("redis+sentinel://[::1]:77,host/main/2?sentinel_password=s", "sentinel [::1]:77,host:26379 main/2"),
        ("rediss+sentinel://user:pass@a,b/main?ssl_cert_reqs=none", "sentinel a:26379,b:26379 main/0"),
        ("rediss+cluster://user:pass@a:1,[::1]?ssl_ca_certs=/etc/ca.pem", "cluster a:1,[::1]:6379"),
    ],
)
def test_urls_are_read_with_all_their_parts(url: str, place: str) -> None:
    """Hosts with and without ports, IPv6, accounts, databases and options; what people are shown holds no account."""
    assert servers_of(url, 0.2).place == place


@contextmanager
def full(_path: Path, room: int = mmap.PAGESIZE) -> Iterator[None]:
    """Let this process write next to nothing to any file, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a file as another program does that wants it for itself."""
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("PRAGMA locking_mode = EXCLUSIVE")
    other.execute("BEGIN EXCLUSIVE")
    try:
        yield
    finally:
        other.close()


@pytest.mark.parametrize(("trouble", "there"), [(full, False), (full, True), (locked, True)])
@pytest.mark.parametrize("named", [False, True])
def test_a_file_that_cannot_be_used_just_now_is_no_config_error(
    trouble, there: bool, named: bool, tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch, caplog
) -> None:
    """On a full disk or a locked file the daemon starts, says so, counts by itself, and takes the file when it can."""
    monkeypatch.setattr(sqlite_file, "OPENING_SECONDS", 0.0)
    path = tmp_path / "new" / "state.db"
    settings = Settings(url=f"sqlite://{path}" if named else "", timeout_seconds=0.5)
    if named:
        path.parent.mkdir()
    if there:
        open_state(settings, path, clock).close()
    with trouble(path):
        state = open_state(settings, path, clock)
        assert state.backend.startswith(f"memory (sqlite at {path} does not answer: cannot use the state file")
        assert len(caplog.messages) == 1
        assert str(path) in caplog.text
        assert state.hit([Hit("a", WINDOW)]) == [1]
        assert state.degraded()
        clock.advance(resilient.PAUSE)
        state.hit([Hit("a", WINDOW)])
        assert state.degraded()
    clock.advance(resilient.PAUSE_MAX)
    assert state.hit([Hit("a", WINDOW)]) == [1]
    assert (state.degraded(), state.backend) == (False, f"sqlite at {path}")
    state.close()


READ_ONLY_DISK = """
import subprocess, sys
from pathlib import Path
from gatepost.world.clock import FakeClock
from gatepost.world.state.door import Mark
from gatepost.world.state.opening import open_state
from gatepost.world.state.settings import Settings

disk, log_left = Path(sys.argv[1]), sys.argv[2] == "left"
clock, path = FakeClock(), disk / "state.db"
subprocess.run(["mount", "-t", "tmpfs", "none", disk], check=True)
state = open_state(Settings(), path, clock)
state.remember([Mark("a", 1.0)])
kept = {file: file.read_bytes() for file in disk.iterdir()}
state.close()
if log_left:  # as a machine that was switched off leaves it
    for file, data in kept.items():
        file.write_bytes(data)
subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
state = open_state(Settings(), path, clock)
state.remember([Mark("a", 1.0)])
print("degraded" if state.degraded() else "well", state.backend)
subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
for _ in range(2):
    clock.advance(30.0)
    state.remember([Mark("a", 1.0)])
print("degraded" if state.degraded() else "well", state.backend)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a disk read-only")
@pytest.mark.parametrize("log", ["none", "left"])
def test_a_read_only_disk_is_no_config_error(log: str, tmp_path: Path) -> None:
    """The daemon starts on a disk that became read-only, counts by itself, and takes the file when it may write again."""
    command = ["unshare", "--mount", sys.executable, "-c", READ_ONLY_DISK, str(tmp_path), log]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    if "unshare" in done.stderr:
        pytest.skip("no mount namespaces here")
    degraded, well = done.stdout.splitlines() or [done.stderr, ""]
    assert degraded.startswith("degraded ")
    assert ("takes nothing new" if log == "left" else "Read-only file system") in degraded
    assert well == f"well sqlite at {tmp_path}/state.db"


def test_an_empty_file_is_not_left_behind(tmp_path: Path, clock: FakeClock) -> None:
    """What could not even be begun on a full disk is taken back."""
    with full(tmp_path, room=0), pytest.raises(StateUnavailableError):
        SqliteState(tmp_path / "state.db", clock).prepare()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("named", [False, True])
@pytest.mark.parametrize("there", [False, True])
def test_a_link_in_the_place_of_the_file_is_refused(named: bool, there: bool, tmp_path: Path, clock: FakeClock) -> None:
    """Root opens it in a folder that is the workers': what a link leads to is neither made nor touched."""
    path, target = tmp_path / "state.db", tmp_path / "elsewhere"
    path.symlink_to(target)
    if there:
        target.touch()
    with pytest.raises(StateConfigError, match="it is a symbolic link"):
        open_state(Settings(url=f"sqlite://{path}" if named else ""), path, clock)
    assert target.exists() == there
    assert not there or target.stat().st_size == 0


def test_what_is_no_file_is_refused(tmp_path: Path, clock: FakeClock) -> None:
    """A pipe in the place of the file is one line, and nobody waits for its other end."""
    os.mkfifo(tmp_path / "state.db")
    with pytest.raises(StateConfigError, match="it is no regular file"):
        open_state(Settings(), tmp_path / "state.db", clock)


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
