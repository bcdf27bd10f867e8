"""One Redis server, or the one that Sentinel names as the master: two of the things a URL can mean (see Servers in redis)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from redis.exceptions import ReadOnlyError
from redis.sentinel import Sentinel

from gatepost.world.state.redis_line import Command, Line

Address = tuple[str, int]
"""A host and a port."""


@dataclass(frozen=True, slots=True)
class Connecting:
    """How connections are made: the client library's class for them, and its options without host and port."""

    kind: Any
    options: Mapping[str, Any]

    @property
    def seconds(self) -> float:
        """How long making one may take: the steps of it have the time of one answer each, and few take half of that."""
        return 2.0 * float(self.options["socket_timeout"])

    def to(self, address: Address | None) -> Any:
        """Give a new connection, not connected yet; None where the options say where to (a unix socket)."""
        where = {"host": address[0], "port": address[1]} if address else {}
        return self.kind(**self.options, **where)


def told(address: Address) -> str:
    """Give an address in words for people."""
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class SingleServer:
    """One server, at an address or at the unix socket that its options name."""

    one: Final = True

    def __init__(self, connecting: Connecting, address: Address | None) -> None:
        place = f"{told(address)}/{connecting.options.get('db') or 0}" if address else str(connecting.options["path"])
        self.place: Final = place
        self._line = Line(lambda: connecting.to(address), connecting.seconds)

    def send(self, commands: Sequence[tuple[str, Command]]) -> list[Any]:
        """Send commands; see Servers."""
        return self._line.talk([words for _, words in commands])

    def close(self) -> None:
        """Let go of connections."""
        self._line.close()


class SentinelServers:
    """The master of a service, by whichever Sentinel answers. Each new connection asks who it is just now.

    A server that was the master until a moment ago says READONLY and has changed nothing, so that what was sent can be sent
    once more to the new one. Connections to one that is gone fail by themselves.
    """

    one: Final = True

    def __init__(
        self, connecting: Connecting, sentinels: Sequence[Address], service: str, options: Mapping[str, Any]
    ) -> None:
        db = connecting.options.get("db") or 0
        self.place: Final = f"sentinel {','.join(map(told, sentinels))} {service}/{db}"
        sentinel: Any = Sentinel(list(sentinels), sentinel_kwargs=dict(options))  # type: ignore[no-untyped-call]
        self._line = Line(lambda: connecting.to(sentinel.discover_master(service)), connecting.seconds)

    def send(self, commands: Sequence[tuple[str, Command]]) -> list[Any]:
        """Send commands to the master; see Servers."""
        words = [words for _, words in commands]
        answers = self._line.talk(words)
        if any(isinstance(answer, ReadOnlyError) for answer in answers):
            self._line.close()
            answers = self._line.talk(words)
        return answers

    def close(self) -> None:
        """Let go of connections."""
        self._line.close()
