"""What state costs per message: `python tests/bench/bench_state.py [workers]`, one line per form.

The asks of one message, as the checks make them: at RCPT one exchange of three limits, at the end of the message one of fifteen
that look (reputation of ten identities, three values, two sets) and one of twelve that write (four counts, six
judgements, a value, a set). CPU is the process's own, user and system, a message, without the making of the asks; for Redis the
server's is beside it. Each of so many worker processes, which share the store, serves messages from 2,000 senders one after
the other, which is the worst case: real workers have other checks to run between two messages.
"""

from __future__ import annotations

import gc
import multiprocessing
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from gatepost.world.clock import SystemClock
from gatepost.world.state.door import Ask, Distinct, Get, Hit, Mark, Put, Rate, Recall, State
from gatepost.world.state.memory import MemoryState
from gatepost.world.state.redis_url import open_redis
from gatepost.world.state.sqlite import SqliteState
from support.redis_server import RedisServer

MESSAGES = 4_000
SENDERS = 2_000
HOUR = 3_600
DAY = 86_400


def exchanges(number: int) -> tuple[list[Ask], list[Ask], list[Ask]]:
    """Give what one message asks, at RCPT, and twice at its end."""
    one = number * 7_919 % SENDERS
    who = [f"domain:d{one}.example", f"network:10.{one // 256}.{one % 256}.0/24"]
    who += [f"{kind}:{one // 3}" for kind in ("helo", "signer", "url", "url2", "url3", "file", "envelope", "host")]
    admit: list[Ask] = [Rate(f"{kind}:{one}", 500, HOUR, 50) for kind in ("client", "network")]
    admit.append(Hit(f"connections:{one}", HOUR))
    look: list[Ask] = [Recall(name) for name in who]
    look += [Get(f"{kind}:{one}") for kind in ("correspondent", "scanned", "grey")]
    look += [Distinct(f"{kind}:{one}", "", HOUR) for kind in ("senders", "networks")]
    write: list[Ask] = [Hit(f"{kind}:{one}", HOUR) for kind in ("messages", "sender", "bytes", "recipients")]
    write += [Mark(name, wanted=0.5) for name in who[:6]]
    write += [Put(f"correspondent:{one}", b"1234", 90 * DAY), Distinct(f"senders:{one}", str(number % 40), HOUR)]
    return admit, look, write


def work(state: State, worker: int, results: multiprocessing.Queue[tuple[list[float], float]]) -> None:
    """Serve so many messages; report the wall-clock seconds of each, and the CPU seconds of one."""
    asked = [exchanges(worker + 17 * number) for number in range(MESSAGES)]
    gc.freeze()  # as workers are: the collector is not to look through all that will be asked, again and again
    gc.freeze()  # as workers are: the collector is not to look through all that will be asked, again and again
    for lists in asked[:200]:
        for asks in lists:
            state.exchange(asks)
    seconds = []
    begin = time.process_time()
    for lists in asked:
        at = time.perf_counter()
        for asks in lists:
            state.exchange(asks)
        seconds.append(time.perf_counter() - at)
    results.put((seconds, (time.process_time() - begin) / MESSAGES))


def measure(state: State, workers: int, server: RedisServer | None) -> str:
    """Run the workers at once; gives the line to print."""
    fork = multiprocessing.get_context("fork")
    results = fork.Queue()
    children = [fork.Process(target=work, args=(state, number, results)) for number in range(workers)]
    before = cpu_of(server)
    begin = time.perf_counter()
    for child in children:
        child.start()
    told = [results.get(timeout=300) for _ in children]
    took = time.perf_counter() - begin
    for child in children:
        child.join()
    served = workers * (MESSAGES + 200)
    times = sorted(one for seconds, _ in told for one in seconds)
    at = [1_000 * times[int(len(times) * share)] for share in (0.5, 0.99)]
    beside = f" + {1_000 * (cpu_of(server) - before) / served:.3f} ms in the server" if server else ""
    mine = 1_000 * statistics.mean(cpu for _, cpu in told)
    return f"{mine:.3f} ms CPU{beside}   {served / took:6.0f} messages/s   wall: median {at[0]:.3f} ms, 99 % {at[1]:.3f} ms"


def cpu_of(server: RedisServer | None) -> float:
    """Give the CPU seconds that a server has used so far."""
    if server is None or server.process is None:
        return 0.0
    fields = Path(f"/proc/{server.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


def main() -> None:
    """Measure every form."""
    workers = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    clock = SystemClock()
    with tempfile.TemporaryDirectory() as folder, RedisServer(Path(folder)) as server:
        file = SqliteState(Path(folder) / "state.db", clock, timeout=5.0)
        file.prepare()
        forms = (
            ("memory", MemoryState(clock), None),
            ("sqlite", file, None),
            ("redis, TCP", open_redis(server.url, clock, timeout=5.0), server),
            ("redis, unix", open_redis(server.unix_url, clock, timeout=5.0), server),
        )
        print(f"{workers} workers, {MESSAGES} messages each, three exchanges (3, 15 and 12 asks) a message")
        for name, state, behind in forms:
            print(f"{name:12} {measure(state, workers, behind)}", flush=True)
            state.close()


if __name__ == "__main__":
    main()
