"""Choose and open the form of state that the config asks for."""

from __future__ import annotations

from pathlib import Path
from typing import Final
from urllib.parse import unquote

from gatepost.world.clock import Clock
from gatepost.world.state.door import StateConfigError, StateUnavailableError
from gatepost.world.state.memory import MemoryState
from gatepost.world.state.redis import RedisState
from gatepost.world.state.redis_url import open_redis
from gatepost.world.state.resilient import ResilientState
from gatepost.world.state.settings import REDIS_SCHEMES, SCHEMES, Settings
from gatepost.world.state.sqlite import SqliteState

PATIENCE: Final = 2.0
"""Seconds that a command waits for one answer of a store, whatever mail has time for."""

_DAY: Final = 86_400.0


def open_state(settings: Settings, default_path: Path, clock: Clock, *, patient: bool = False) -> ResilientState:
    """Give the site's memory: Redis, a named SQLite file, or the embedded one at `default_path`, with local memory behind it.

    To be called before the workers are forked: an SQLite file is created and checked here, and each process opens its own
    connection later. Raises StateConfigError, one line, for a URL or path that can never work. A Redis that does not answer
    right now, a full disk and a locked file are no such error: the verdicts are marked degraded until they pass. A `patient`
    caller, a command and not mail, waits PATIENCE seconds for an answer at least, and is content with slow ones.
    """
    if patient:
        settings = settings.model_copy(update={"timeout_seconds": max(PATIENCE, settings.timeout_seconds)})
    half_life = settings.half_life_days * _DAY
    local = MemoryState(clock, half_life=half_life, entries=settings.local_entries)
    primary = _primary(settings, default_path, clock, half_life)
    state = ResilientState(primary, local, clock, pause_max=settings.retry_seconds, patient=patient)
    if isinstance(primary, SqliteState):
        try:
            primary.prepare()
        except StateUnavailableError as error:
            state.begin_without(error)
    return state


def state_file(settings: Settings, default_path: Path) -> Path | None:
    """Give the SQLite file that the settings mean, there or not; None for Redis and for a URL that open_state() refuses."""
    if not settings.url:
        return default_path
    try:
        return _sqlite_path(settings.url) if settings.url.startswith("sqlite://") else None
    except StateConfigError:
        return None


def _primary(settings: Settings, default_path: Path, clock: Clock, half_life: float) -> RedisState | SqliteState:
    if settings.url.startswith(REDIS_SCHEMES):
        return open_redis(settings.url, clock, half_life=half_life, timeout=settings.timeout_seconds)
    return SqliteState(
        _sqlite_path(settings.url) if settings.url else default_path,
        clock,
        half_life=half_life,
        timeout=settings.timeout_seconds,
        entries=settings.entries,
        own=not settings.url,
    )


def _sqlite_path(url: str) -> Path:
    """Read `sqlite:///var/lib/x.db` as `file:` and `unix:` URLs are read: /var/lib/x.db. A fourth slash changes nothing."""
    scheme, _, rest = url.partition("://")
    if scheme != "sqlite":
        raise StateConfigError(f"state.url must start with {', '.join(SCHEMES)}")
    if not rest.startswith("/") or rest.rstrip("/") == "":
        raise StateConfigError("state.url must be sqlite:///path, with the absolute path of a file")
    return Path("/" + unquote(rest.lstrip("/")))
