"""The form of state that the config's URL names, and URLs that name none."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from gatepost.world.clock import FakeClock
from gatepost.world.state import resilient
from gatepost.world.state.door import Hit, StateConfigError
from gatepost.world.state.opening import open_state
from gatepost.world.state.settings import Settings
from support.redis_server import RedisServer

WINDOW = 3_600


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
