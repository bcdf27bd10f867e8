"""What state costs per message: run as `python tests/bench/bench_state.py [workers [pause]]`; prints one line per form.

Each message counts two rates, recalls three identities and judges three, as the live checks do. Times are wall-clock per
message in each of so many worker processes that share the store. Between two messages a worker waits PAUSE seconds, as one
that also has other checks to run; with a second argument of 0 it does not, which is the worst case.
"""

from __future__ import annotations

import multiprocessing
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from gatepost.world.clock import SystemClock
from gatepost.world.state.door import Hit, Mark, State
from gatepost.world.state.memory import MemoryState
from gatepost.world.state.redis_url import open_redis
from gatepost.world.state.sqlite import SqliteState
from support.redis_server import RedisServer

MESSAGES = 2_000
PAUSE = 0.002


def work(state: State, worker: int, pause: float, results: multiprocessing.Queue[list[float]]) -> None:
    """Serve so many messages and report the seconds of each."""
    seconds = []
    for number in range(MESSAGES):
        keys = [f"domain:d{number % 40}", f"domain:s{number % 7}", f"network:{number % 249}"]
        begin = time.perf_counter()
        state.hit([Hit(f"client:{worker}.{number % 249}", 3_600), Hit(keys[0], 3_600)])
        state.recall(keys)
        state.remember([Mark(key, wanted=0.5) for key in keys])
        seconds.append(time.perf_counter() - begin)
        if pause:
            time.sleep(pause)
    results.put(seconds)


def measure(state: State, workers: int, pause: float = PAUSE) -> str:
    """Run the workers at once; gives the line to print."""
    fork = multiprocessing.get_context("fork")
    results = fork.Queue()
    children = [fork.Process(target=work, args=(state, number, pause, results)) for number in range(workers)]
    begin = time.perf_counter()
    for child in children:
        child.start()
    times = sorted(seconds for _ in children for seconds in results.get())
    for child in children:
        child.join()
    rate = len(times) / (time.perf_counter() - begin)
    at = [1_000 * times[int(len(times) * share)] for share in (0.5, 0.99, 0.999)]
    return f"{rate:8.0f} messages/s   median {at[0]:.3f} ms   99 % {at[1]:.3f} ms   99.9 % {at[2]:.3f} ms   most {1_000 * times[-1]:.1f} ms"


def main() -> None:
    """Measure every form."""
    workers = int(sys.argv[1]) if len(sys.argv) > 1 else 2
    pause = float(sys.argv[2]) if len(sys.argv) > 2 else PAUSE
    clock = SystemClock()
    with tempfile.TemporaryDirectory() as folder, RedisServer(Path(folder)) as server:
        file = SqliteState(Path(folder) / "state.db", clock, timeout=5.0)
        file.prepare()
        forms = (
            ("memory", MemoryState(clock)),
            ("sqlite", file),
            ("redis, TCP", open_redis(server.url, clock, timeout=5.0)),
            ("redis, unix", open_redis(server.unix_url, clock, timeout=5.0)),
        )
        print(f"{workers} workers, {MESSAGES} messages each, three calls per message, {pause} s between them")
        for name, state in forms:
            print(f"{name:12} {measure(state, workers, pause)}", flush=True)
            state.close()


if __name__ == "__main__":
    main()
