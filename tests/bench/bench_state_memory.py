"""What remembering takes: `python tests/bench/bench_state_memory.py [senders]`, bytes a record and megabytes a million senders.

A tracked sender here is a domain with a tally, an hourly count, a limit and a set of two members: four records. Redis is
asked for its `used_memory`, the SQLite file for its size, and local memory (of 50,000 records a kind) for what it allocates.
"""

from __future__ import annotations

import re
import sys
import tempfile
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from gatepost.world.clock import SystemClock
from gatepost.world.state.door import Ask, Distinct, Hit, Mark, Rate, State
from gatepost.world.state.memory import ENTRIES, MemoryState
from gatepost.world.state.redis_url import open_redis
from gatepost.world.state.sqlite import SqliteState
from support.redis_server import RedisServer

SENDERS = 200_000
BATCH = 100
KINDS = ("tally", "count", "limit", "set of two")


def asks(kind: str, name: str) -> list[Ask]:
    """Give what makes one record of a kind."""
    match kind:
        case "tally":
            return [Mark(f"domain:{name}", 0.5)]
        case "count":
            return [Hit(f"sender:{name}", 3_600)]
        case "limit":
            return [Rate(f"sender:{name}", 500, 3_600, 50)]
        case _:
            return [Distinct(f"sender:{name}", f"{number}", 3_600) for number in range(2)]


def filled(state: State, size: Callable[[], int], senders: int) -> Iterator[tuple[str, float]]:
    """Remember so many senders, kind by kind; gives the bytes of one record of each."""
    for kind in KINDS:
        before = size()
        for start in range(0, senders, BATCH):
            names = (f"mail{number}.example.com" for number in range(start, start + BATCH))
            state.exchange([ask for name in names for ask in asks(kind, name)])
        yield kind, (size() - before) / senders


def show(form: str, found: Iterator[tuple[str, float]]) -> None:
    """Print one form's line."""
    sizes = dict(found)
    each = ", ".join(f"{kind} {size:.0f}" for kind, size in sizes.items())
    print(f"{form:8} bytes: {each}; a million senders: {sum(sizes.values()):.0f} MB", flush=True)


def used(server: RedisServer) -> int:
    """Give the bytes that Redis uses."""
    found = re.search(rb"used_memory:(\d+)", server.command(b"INFO", b"memory"))
    return int(found[1]) if found else 0


def pages(path: Path, state: SqliteState) -> int:
    """Give the size of a file into which its log was folded."""
    state.close()
    return path.stat().st_size


def main() -> None:
    """Measure every form."""
    senders = int(sys.argv[1]) if len(sys.argv) > 1 else SENDERS
    clock = SystemClock()
    with tempfile.TemporaryDirectory() as folder, RedisServer(Path(folder)) as server:
        print(f"{senders} senders")
        redis = open_redis(server.unix_url, clock, timeout=5.0)
        show("redis", filled(redis, lambda: used(server), senders))
        redis.close()
        path = Path(folder) / "state.db"
        file = SqliteState(path, clock, timeout=5.0, entries=2 * senders)
        file.prepare()
        show("sqlite", filled(file, lambda: pages(path, file), senders))
    tracemalloc.start()
    show("memory", filled(MemoryState(clock), lambda: tracemalloc.get_traced_memory()[0], ENTRIES))


if __name__ == "__main__":
    main()
