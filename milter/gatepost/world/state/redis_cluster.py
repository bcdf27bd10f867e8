"""A Redis Cluster: which node has which slot, and commands sent to all of theirs before the first answer is read.

The map of slots is asked of any node that is known (CLUSTER SLOTS) and kept until a node says that it is wrong or does not
answer. A node that no longer has a slot says MOVED, one that is just giving it away says ASK (Redis Cluster specification,
"Redirection and resharding"); neither has run the command, so that it is sent once more, where it was told to. The client
library's own cluster pipeline does the same with waits and repetitions that a message has no time for.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import redis
from redis.crc import key_slot
from redis.exceptions import AskError, MovedError, ResponseError

from gatepost.world.state.redis_connection import Connection
from gatepost.world.state.redis_line import Command, Line
from gatepost.world.state.redis_servers import Address, Connecting, told

REDIRECTIONS: Final = 3
"""Times that one exchange follows a node to another one; a cluster in good order needs one."""

_Waiting = tuple[Line, Connection, list[int]]  # where, on which connection, and which commands' answers will come


class ClusterServers:
    """The masters of a cluster; `seeds` are some of its nodes."""

    one: Final = False

    def __init__(self, connecting: Connecting, seeds: Sequence[Address]) -> None:
        self.place: Final = f"cluster {','.join(map(told, seeds))}"
        self._connecting = connecting
        self._seeds = tuple(seeds)
        self._lines: dict[Address, Line] = {}
        self._slots: Mapping[int, Address] = {}  # empty: to be asked for
        self._guide: tuple[Address, ...] = ()
        self._silent: frozenset[Address] = frozenset()  # nodes that gave no map when they were last asked
        self._lock = threading.Lock()

    def send(self, commands: Sequence[tuple[str, Command]]) -> list[Any]:
        """Send each command to the node that has its key; see Servers."""
        answers: list[Any] = [None] * len(commands)
        slots = self._map()
        slot_of = [key_slot(key.encode("utf-8", "surrogatepass")) for key, _ in commands]
        try:
            goes = {index: (slots[slot], False) for index, slot in enumerate(slot_of)}
            for _ in range(REDIRECTIONS):
                self._round([words for _, words in commands], goes, answers)
                goes = {
                    index: _redirected(answers[index], asked)
                    for index, (asked, _) in goes.items()
                    if isinstance(answers[index], AskError)
                }
                if not goes:
                    break
                if any(isinstance(answers[index], MovedError) for index in goes):
                    self._slots = {}  # the next exchange asks for a new map
        except KeyError:
            self._slots = {}
            raise redis.RedisError("no node of the cluster has the slot of a key") from None
        except (redis.RedisError, OSError):
            self._slots = {}
            raise
        return answers

    def _round(self, words: Sequence[Command], goes: Mapping[int, tuple[Address, bool]], answers: list[Any]) -> None:
        """Send the commands named by index to where they go, with ASKING where a node asked for it, and fill in answers."""
        by_node: defaultdict[Address, list[int]] = defaultdict(list)
        for index, (node, _) in goes.items():
            by_node[node].append(index)
        waiting: list[_Waiting] = []
        try:
            for node, indices in by_node.items():
                line = self._line(node)
                sent: list[Command] = []
                for index in indices:
                    sent += [("ASKING",), words[index]] if goes[index][1] else [words[index]]
                waiting.append((line, line.say(sent), indices))
            while waiting:
                line, connection, indices = waiting.pop()
                heard = iter(line.hear(connection, sum(1 + goes[index][1] for index in indices)))
                for index in indices:
                    if goes[index][1]:
                        next(heard)
                    answers[index] = next(heard)
        except BaseException:
            for _, connection, _ in waiting:
                connection.close()
            raise

    def _line(self, node: Address) -> Line:
        with self._lock:
            if node not in self._lines:
                self._lines[node] = Line(lambda: self._connecting.to(node), self._connecting.seconds)
            return self._lines[node]

    def _map(self) -> Mapping[int, Address]:
        """Give the map of slots, asked of the first node that answers where none is at hand.

        There may be many nodes to wait for, and an exchange has no time for all: those left over are asked first the next time.
        """
        slots = self._slots
        if slots:
            return slots
        end = time.monotonic() + self._connecting.seconds
        trouble: Exception = redis.ConnectionError("no node of the cluster is known")
        for node in self._known():
            try:
                (answer,) = self._line(node).talk([("CLUSTER", "SLOTS")])
                if isinstance(answer, ResponseError):
                    raise answer
            except (redis.RedisError, OSError) as error:
                trouble = error
                self._silent |= {node}
                if time.monotonic() >= end:
                    break
            else:
                self._slots, self._guide = (slots := _read_slots(answer, node)), (node,)
                self._silent = frozenset()
                self._forget(set(slots.values()))
                return slots
        raise trouble

    def _known(self) -> list[Address]:
        """Give the nodes to ask for the map: first the one that answered last, and at the end those that did not."""
        known = dict.fromkeys([*self._guide, *self._seeds, *self._lines])
        if self._silent.issuperset(known):
            self._silent = frozenset()
        return sorted(known, key=self._silent.__contains__)

    def _forget(self, nodes: Iterable[Address]) -> None:
        """Close the lines to nodes that are no longer masters, but for the seeds."""
        with self._lock:
            for node in self._lines.keys() - set(nodes) - set(self._seeds):
                self._lines.pop(node).close()

    def close(self) -> None:
        """Let go of connections."""
        with self._lock:
            for line in self._lines.values():
                line.close()


def _redirected(error: AskError, asked: Address) -> tuple[Address, bool]:
    """Give where a command is to go instead, and whether it is to be announced there (ASK) or has moved for good.

    A node that does not know its own name leaves the host out and means the one that was asked.
    """
    return (error.host or asked[0], error.port), not isinstance(error, MovedError)


def _read_slots(answer: Any, asked: Address) -> dict[int, Address]:
    """Read what CLUSTER SLOTS gave: ranges of slots, each with its master first; an unnamed host is the one that was asked."""
    slots: dict[int, Address] = {}
    try:
        for first, last, master, *_ in answer:
            host = (master[0] or b"").decode("ascii") or asked[0]
            slots.update(dict.fromkeys(range(int(first), int(last) + 1), (host, int(master[1]))))
    except (TypeError, ValueError, LookupError, AttributeError) as error:
        raise redis.RedisError("the cluster's map of slots cannot be read") from error
    return slots
