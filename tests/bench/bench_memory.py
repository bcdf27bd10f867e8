"""What memory costs a message: `python tests/bench/bench_memory.py`, one line per form of the store; CPU, not wall-clock.

One message of 300 words with two links from an authenticated sender, 2,000 senders in turn. `gate` is the question at RCPT (one exchange),
`judge` the reading exchange and what the judges make of it, `remember` the writing one; `text` is the near-duplicate
digest among them. CPU is this process's own, user and system; a Redis server's is not in it (bench_state.py has it).
"""

from __future__ import annotations

import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from gatepost.checks.reputation.family import Memory, Settings, build, build_gate
from gatepost.effects.remember import Remembering
from gatepost.evidence import Evidence, Found, Status
from gatepost.mail.message import Message, Shown, from_bytes
from gatepost.mail.shingles import bands
from gatepost.world.clock import SystemClock
from gatepost.world.dns.fake import FakeDns
from gatepost.world.state.door import State
from gatepost.world.state.memory import MemoryState
from gatepost.world.state.redis_url import open_redis
from gatepost.world.state.sqlite import SqliteState
from support.redis_server import RedisServer
from support.remembered import HAM, KEPT, PEOPLE, mail

MESSAGES = 3_000
WORDS = [f"{a}{b}{c}" for a in "bdfgklmnprst" for b in "aeiou" for c in "nrst"]


def letters() -> tuple[str, bytes]:
    """Give the text, and the message around it."""
    chosen = random.Random(7)
    text = " ".join(chosen.choice(WORDS) for _ in range(300))
    return text, f"From: a@shop.example\nMessage-ID: <1@x>\nIn-Reply-To: <2@y>\n\n{text}\n".encode()


def one(number: int, raw: bytes, text: str) -> tuple[Message, tuple[Evidence, ...], str]:
    """Give a message of the numbered sender."""
    sender = number * 7_919 % 2_000
    message = from_bytes(raw)
    urls = (f"http://a{sender}.example/", "http://b.example/")
    message.show(Shown(text, urls))
    proof = (
        Evidence("spf", "spf.pass", Status.PASS, facts={"smtp.mailfrom": f"a@s{sender}.example"}),
        Evidence("dmarc", "dmarc.pass", Status.PASS, facts={"header.from": f"s{sender}.example"}),
        Evidence("dkim", "dkim.pass", Status.PASS, facts={"header.d": f"esp{sender % 20}.example"}),
    )
    return message, proof, f"198.{sender // 200}.{sender % 200}.9"


def measure(state: State) -> dict[str, float]:
    """Give the median CPU milliseconds of each step."""
    memory, clock = Memory(reputation=Settings(client_hard=10**8)), SystemClock()
    check, _ = build(memory, state, FakeDns(), PEOPLE, clock)
    gate, remembering = build_gate(memory, state), Remembering(state, PEOPLE, KEPT)
    text, raw = letters()
    spent: dict[str, list[float]] = {"gate": [], "text": [], "judge": [], "remember": []}

    def timed(name: str, work: Callable[[], object]) -> object:
        begin = time.process_time()
        found = work()
        spent[name].append(1_000 * (time.process_time() - begin))
        return found

    for number in range(MESSAGES):
        message, proof, ip = one(number, raw, text)
        envelope = mail(ip, f"a@s{number}.example", opens=True)
        timed("gate", lambda envelope=envelope: gate(envelope))
        timed("text", lambda: bands(text))
        # The digest is made once for both; here it is counted with the judges.
        said = timed("judge", lambda: check.run(envelope, message, Found(proof)))  # noqa: B023  called at once
        timed("remember", lambda: remembering(envelope, message, (*proof, *said), HAM))  # noqa: B023
    return {name: statistics.median(values[200:]) for name, values in spent.items()}


def main() -> None:
    """Measure every form."""
    clock = SystemClock()
    with tempfile.TemporaryDirectory() as folder, RedisServer(Path(folder)) as server:
        file = SqliteState(Path(folder) / "state.db", clock, timeout=5.0)
        file.prepare()
        forms = (
            ("memory", MemoryState(clock)),
            ("sqlite", file),
            ("redis, unix", open_redis(server.unix_url, clock, timeout=5.0)),
        )
        for name, state in forms:
            found = measure(state)
            told = "   ".join(f"{step} {value:.3f} ms" for step, value in found.items())
            print(
                f"{name:12} {told}   together {found['gate'] + found['judge'] + found['remember']:.3f} ms", flush=True
            )
            state.close()


if __name__ == "__main__":
    main()
