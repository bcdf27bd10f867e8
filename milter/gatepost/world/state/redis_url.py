"""Redis by its URL: which servers it names, and how they are connected to.

    redis://[user:password@]host[:port][/db]            one server; rediss:// over TLS
    unix://[user:password@]/path/of/socket[?db=n]       one server at a unix socket
    redis+sentinel://[user:password@]host[:port],.../service[/db]     the master that Sentinel names
    redis+cluster://[user:password@]host[:port],...     a cluster, by some of its nodes

and rediss+sentinel://, rediss+cluster:// over TLS. Options stand behind a question mark (OPTIONS). User and password are those of the
Redis servers; a Sentinel that wants its own has `sentinel_username` and `sentinel_password`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from gatepost.world.clock import Clock
from gatepost.world.state.door import StateConfigError
from gatepost.world.state.redis import RedisState, Servers
from gatepost.world.state.redis_cluster import ClusterServers
from gatepost.world.state.redis_servers import Address, Connecting, SentinelServers, SingleServer

OPTIONS: Final = (
    "db",
    "username",
    "password",
    "client_name",
    "ssl_ca_certs",
    "ssl_ca_path",
    "ssl_certfile",
    "ssl_keyfile",
    "ssl_password",
    "ssl_cert_reqs",
    "ssl_check_hostname",
)
"""Options of a URL; others would override the time limit or the protocol."""

_SENTINEL_OPTIONS: Final = ("sentinel_username", "sentinel_password")
_SENTINEL_PORT: Final = 26_379
_REDIS_PORT: Final = 6_379


def open_redis(url: str, clock: Clock, *, half_life: float = 30 * 86_400.0, timeout: float = 0.25) -> RedisState:
    """Give the state that a URL names, connected to nothing yet; raises StateConfigError as servers() does."""
    return RedisState(servers(url, timeout), clock, half_life=half_life, timeout=timeout)


def servers(url: str, timeout: float) -> Servers:
    """Give the servers that a URL names, `timeout` seconds for each answer; connects to none yet.

    Raises StateConfigError, one line that never repeats the URL, when it cannot be read.
    """
    try:
        parts = urlsplit(url)
        options = dict(parse_qsl(parts.query, keep_blank_values=True))
        form = parts.scheme.partition("+")[2]
        _check_options(options, OPTIONS + (_SENTINEL_OPTIONS if form == "sentinel" else ()))
        if form == "sentinel":
            return _sentinel(parts, options, timeout)
        if form == "cluster":
            return _cluster(parts, options, timeout)
        return _single(url, parts, timeout)
    except (ValueError, TypeError, redis.RedisError):
        # The library's own words may repeat a piece of the password.
        raise StateConfigError(
            "cannot read state.url: its host, port or an option is malformed "
            "(special characters in a password are written as %XX)"
        ) from None


def _single(url: str, parts: SplitResult, timeout: float) -> SingleServer:
    if parts.scheme == "unix" and not parts.path.strip("/"):
        raise StateConfigError("state.url: unix:///path/of/socket names no socket")
    if "," in parts.netloc.rpartition("@")[2]:
        raise StateConfigError(
            "state.url: several hosts are redis+sentinel://host,.../service or redis+cluster://host,..."
        )
    connecting, address = _connecting(url, timeout)
    return SingleServer(connecting, address)


def _sentinel(parts: SplitResult, options: dict[str, str], timeout: float) -> SentinelServers:
    service, _, db = parts.path.strip("/").partition("/")
    if not service:
        raise StateConfigError("state.url: redis+sentinel://host:port,.../service names no service")
    own = {name: value for name, value in options.items() if name not in _SENTINEL_OPTIONS}
    connecting, _ = _connecting(_plain(parts, own, db), timeout)
    sentinels = _addresses(parts, _SENTINEL_PORT)
    # They are asked one after the other, and share what one server may take.
    asking: dict[str, Any] = _limits(timeout / len(sentinels))
    for name in _SENTINEL_OPTIONS:
        if name in options:
            asking[name.removeprefix("sentinel_")] = options[name]
    if parts.scheme.startswith("rediss"):
        asking |= {
            "ssl": True,
            **{name: value for name, value in connecting.options.items() if name.startswith("ssl_")},
        }
    redis.Redis(**asking)  # Options are read here; nothing is connected yet.
    return SentinelServers(connecting, sentinels, service, asking)


def _cluster(parts: SplitResult, options: dict[str, str], timeout: float) -> ClusterServers:
    if parts.path.strip("/") or options.get("db", "0") != "0":
        raise StateConfigError("state.url: a Redis Cluster has one database, so its URL names none")
    connecting, _ = _connecting(_plain(parts, options), timeout)
    return ClusterServers(connecting, _addresses(parts, _REDIS_PORT))


def _plain(parts: SplitResult, options: dict[str, str], db: str = "") -> str:
    """Give the URL of one server with the same account, database and options."""
    account = parts.netloc.rpartition("@")[0]
    if db and not db.isdecimal():
        raise ValueError("a database is a number")
    return f"{parts.scheme.partition('+')[0]}://{account}{'@' if account else ''}localhost/{db}?{urlencode(options)}"


def _addresses(parts: SplitResult, port: int) -> Sequence[Address]:
    """Read the list of hosts; raises ValueError for one that is none."""
    found = [urlsplit(f"//{text}") for text in parts.netloc.rpartition("@")[2].split(",")]
    if not all(one.hostname for one in found):
        raise ValueError("a host is missing")
    return [(one.hostname or "", port if one.port is None else one.port) for one in found]


def _connecting(url: str, timeout: float) -> tuple[Connecting, Address | None]:
    """Read the URL of one server by the client library; gives how to connect, and where (None for a unix socket)."""
    pool = redis.ConnectionPool.from_url(url, **_limits(timeout))
    options = dict(pool.connection_kwargs)
    kind: Any = pool.connection_class
    kind(**options)  # Options are read here; nothing is connected yet.
    host, port = options.pop("host", "localhost"), options.pop("port", _REDIS_PORT)
    return Connecting(kind, options), None if "path" in options else (host, port)


def _limits(timeout: float) -> dict[str, Any]:
    """Give the client library's options that are the same for all servers."""
    return {
        "socket_timeout": timeout,
        "socket_connect_timeout": timeout,
        # Trying again is the circuit breaker's business: inside one message it only multiplies the wait.
        "retry": Retry(NoBackoff(), 0),
        "protocol": 2,
        "decode_responses": False,
    }


def _check_options(given: dict[str, str], known: Sequence[str]) -> None:
    """Refuse URL options that are not known; raises StateConfigError."""
    for name in given:
        if name not in known:
            raise StateConfigError(f"state.url: option {name[:40]!r} is not known; there are {', '.join(known)}")
