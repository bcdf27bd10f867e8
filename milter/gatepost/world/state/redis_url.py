"""Redis by its URL: which servers it names, and how they are connected to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from gatepost.world.clock import Clock
from gatepost.world.state.door import StateConfigError
from gatepost.world.state.redis import RedisState, Servers
from gatepost.world.state.redis_line import Command, Line

_OPTIONS: Final = ("db", "username", "password", "client_name")


class SingleServer:
    """One Redis server, by a `redis://`, `rediss://` or `unix://` URL."""

    one: Final = True

    def __init__(self, url: str, timeout: float) -> None:
        pool = redis.ConnectionPool.from_url(url, **connecting(timeout))
        options = pool.connection_kwargs
        place = options.get("path") or f"{options.get('host', 'localhost')}:{options.get('port', 6379)}"
        self.place: Final = place if "path" in options else f"{place}/{options.get('db') or 0}"
        kind: Any = pool.connection_class
        self._line = Line(lambda: kind(**options))
        kind(**options)  # Options are read here; nothing is connected yet.

    def send(self, commands: Sequence[tuple[str, Command]]) -> list[Any]:
        """Send commands; see Servers."""
        return self._line.talk([words for _, words in commands])

    def close(self) -> None:
        """Let go of connections."""
        self._line.close()


def connecting(timeout: float) -> dict[str, Any]:
    """Give the client library's options that are the same for all servers."""
    return {
        "socket_timeout": timeout,
        "socket_connect_timeout": timeout,
        # Trying again is the circuit breaker's business: inside one message it only multiplies the wait.
        "retry": Retry(NoBackoff(), 0),
        "protocol": 2,
        "decode_responses": False,
    }


def open_redis(url: str, clock: Clock, *, half_life: float = 30 * 86_400.0, timeout: float = 0.25) -> RedisState:
    """Give the state that a URL names, connected to nothing yet; raises StateConfigError as servers() does."""
    return RedisState(servers(url, timeout), clock, half_life=half_life, timeout=timeout)


def servers(url: str, timeout: float) -> Servers:
    """Give the servers that a URL names, `timeout` seconds for each answer; connects to none yet.

    Raises StateConfigError, one line that never repeats the URL, when it cannot be read.
    """
    _check_options(url)
    try:
        return SingleServer(url, timeout)
    except (ValueError, TypeError, redis.RedisError):
        # The library's own words may repeat a piece of the password.
        raise StateConfigError(
            "cannot read state.url: its host, port or an option is malformed "
            "(special characters in a password are written as %XX)"
        ) from None


def _check_options(url: str) -> None:
    """Refuse URL options that would override the time limit or the protocol; raises StateConfigError."""
    try:
        names = parse_qs(urlsplit(url).query)
    except ValueError:
        names = {}
    for name in names:
        if name not in _OPTIONS and not name.startswith("ssl_"):
            raise StateConfigError(
                f"state.url: option {name[:40]!r} is not known; there are {', '.join(_OPTIONS)}, ssl_*"
            )
