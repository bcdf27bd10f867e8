"""Private groups of Redis servers for tests: a cluster of three masters, and a master with a replica under three Sentinels."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from redis.crc import key_slot

from support.private_server import PrivateServer
from support.redis_server import RedisServer, spoken
from support.waiting import free_port, until

SLOTS = 16_384


class RedisCluster:
    """Three running masters that have a third of the slots each."""

    def __init__(self, nodes: Sequence[RedisServer], buses: Sequence[int]) -> None:
        """Take running nodes and their bus ports, and make them one."""
        self.nodes = nodes
        third = SLOTS // 3 + 1
        for number, node in enumerate(nodes):
            first, last = number * third, min(SLOTS, (number + 1) * third) - 1
            node.command(b"CLUSTER", b"ADDSLOTSRANGE", b"%d" % first, b"%d" % last)
            for other, bus in zip(nodes, buses, strict=True):
                node.command(b"CLUSTER", b"MEET", b"127.0.0.1", b"%d" % other.port, b"%d" % bus)
        self.whole()

    def whole(self) -> None:
        """Wait until all nodes say that the cluster is whole."""
        until(lambda: all(self._whole(node) for node in self.nodes), "the cluster to be whole")

    def _whole(self, node: RedisServer) -> bool:
        told = node.command(b"CLUSTER", b"INFO")
        return b"cluster_state:ok" in told and b"cluster_known_nodes:3" in told

    @property
    def url(self) -> str:
        """The URL that names two of the nodes."""
        return f"redis+cluster://127.0.0.1:{self.nodes[0].port},127.0.0.1:{self.nodes[1].port}"

    def empty(self) -> None:
        """Drop all keys of all nodes."""
        for node in self.nodes:
            node.command(b"FLUSHALL")

    def owner(self, key: str) -> RedisServer:
        """Give the node that has a key."""
        slot = b"%d" % key_slot(key.encode())
        for node in self.nodes:
            if not node.command(b"CLUSTER", b"COUNTKEYSINSLOT", slot).startswith(b"-") and not node.command(
                b"GET", key.encode()
            ).startswith((b"-MOVED", b"-ASK")):
                return node
        raise AssertionError("no node has the key")

    def begin_moving(self, key: str, target: RedisServer) -> None:
        """Let a key's slot be on its way from its owner to another node: what is not there is asked for at the target."""
        source, slot = self.owner(key), b"%d" % key_slot(key.encode())
        target.command(b"CLUSTER", b"SETSLOT", slot, b"IMPORTING", _id(source))
        source.command(b"CLUSTER", b"SETSLOT", slot, b"MIGRATING", _id(target))

    def carry(self, key: str, target: RedisServer) -> None:
        """Carry one key of a slot that is on its way over to the target."""
        for node in self.nodes:
            if node is not target:
                node.command(b"MIGRATE", b"127.0.0.1", b"%d" % target.port, key.encode(), b"0", b"1000")

    def end_moving(self, key: str, target: RedisServer) -> None:
        """Give the slot to the target for good, with what is left of it at the source."""
        slot = b"%d" % key_slot(key.encode())
        for node in self.nodes:
            left = node.command(b"CLUSTER", b"GETKEYSINSLOT", slot, b"1000").split(b"\r\n")[2::2]
            for name in left:
                self.carry(name.decode(), target)
        for node in (target, *(node for node in self.nodes if node is not target)):
            node.command(b"CLUSTER", b"SETSLOT", slot, b"NODE", _id(target))


def _id(node: RedisServer) -> bytes:
    """Give the name by which a cluster knows a node."""
    return node.command(b"CLUSTER", b"MYID").split(b"\r\n")[1]


@contextmanager
def redis_cluster(folder: Path) -> Iterator[RedisCluster]:
    """Run three masters as one cluster, in folders below an existing one."""
    with ExitStack() as stack:
        nodes, buses = [], []
        for number in range(3):
            place = folder / f"node{number}"
            place.mkdir()
            buses.append(free_port())
            server = RedisServer(place, cluster_enabled="yes", cluster_port=str(buses[-1]), cluster_node_timeout="2000")
            nodes.append(stack.enter_context(server))
        yield RedisCluster(nodes, buses)


class Sentinel(PrivateServer):
    """One Sentinel (Debian's redis-server with another configuration) that watches a master under the name `gatepost`."""

    name = "sentinel"

    def __init__(self, folder: Path, master: RedisServer, password: str = "") -> None:
        """Take an existing folder, the master to watch, and a password to ask for; fails over after 300 ms of silence."""
        super().__init__(folder)
        self._file = folder / "sentinel.conf"
        self._file.write_text(
            f"port {self.port}\nbind 127.0.0.1\ndir {folder}\nlogfile {self.log}\ndaemonize no\n"
            f"sentinel monitor gatepost 127.0.0.1 {master.port} 2\n"
            "sentinel down-after-milliseconds gatepost 300\nsentinel failover-timeout gatepost 2000\n"
            + (f"requirepass {password}\n" if password else "")
        )

    def command_line(self) -> list[str]:
        """Give the command."""
        return ["redis-server", str(self._file), "--sentinel"]

    def answers(self) -> bool:
        """Say whether it answers PING, be it that it wants a password first."""
        try:
            return self.command(b"PING").startswith((b"+PONG", b"-NOAUTH"))
        except OSError:
            return False

    def command(self, *words: bytes) -> bytes:
        """Send one command and give what comes back first, as it stands on the wire."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=1.0) as line:
            return spoken(line, words)


class WatchedRedis:
    """A master, its replica, and the Sentinels that watch them."""

    def __init__(self, master: RedisServer, replica: RedisServer, sentinels: Sequence[Sentinel]) -> None:
        """Take what runs, and wait until all know of one another."""
        self.master = master
        self.replica = replica
        self.sentinels = sentinels
        until(lambda: b"master_link_status:up" in replica.command(b"INFO", b"replication"), "the replica to be in step")
        until(lambda: all(map(self._knows_all, sentinels)), "the Sentinels to know one another")

    def _knows_all(self, sentinel: Sentinel) -> bool:
        told = sentinel.command(b"INFO", b"sentinel")
        return b"status=ok" in told and b"slaves=1,sentinels=3" in told

    @property
    def url(self) -> str:
        """The URL that names all Sentinels."""
        return f"redis+sentinel://{','.join(f'127.0.0.1:{one.port}' for one in self.sentinels)}/gatepost/0"

    def master_port(self) -> int:
        """Give the port of the master as the first Sentinel sees it."""
        return int(self.sentinels[0].command(b"SENTINEL", b"GET-MASTER-ADDR-BY-NAME", b"gatepost").split(b"\r\n")[4])


@contextmanager
def watched_redis(folder: Path) -> Iterator[WatchedRedis]:
    """Run a master, a replica and three Sentinels in folders below an existing one."""
    places = [folder / name for name in ("master", "replica", "sentinel0", "sentinel1", "sentinel2")]
    for place in places:
        place.mkdir()
    with ExitStack() as stack:
        master = stack.enter_context(RedisServer(places[0], repl_diskless_sync_delay="0"))
        replica = stack.enter_context(RedisServer(places[1], replicaof=f"127.0.0.1 {master.port}"))
        sentinels = [stack.enter_context(Sentinel(place, master)) for place in places[2:]]
        yield WatchedRedis(master, replica, sentinels)
