"""A load of mail through the daemon, while something it depends on goes wrong: what became of each message, and how fast."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from support.daemon import Daemon
from support.milter_client import MilterClient
from support.waiting import until

CLIENTS = 4


@dataclass(frozen=True, slots=True)
class Sent:
    """One message: when it began (monotonic), the seconds it took, the answer at its end, and what was away by its header."""

    begun: float
    seconds: float
    answer: str
    degraded: frozenset[str]


def p99(sent: Sequence[Sent]) -> float:
    """Give the seconds that 99 of 100 messages stayed under."""
    return sorted(one.seconds for one in sent)[int(len(sent) * 0.99)]


class Mail:
    """Connections that send one message after the other, each from an address of its own, until it is over.

    Each waits `pause` seconds after a message: without it the daemon has all it can do.
    """

    def __init__(self, address: str, pause: float = 0.0) -> None:
        """Take the daemon's address."""
        self._address = address
        self._pause = pause
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._sent: list[Sent] = []
        self.errors: list[Exception] = []

    def work(self, number: int) -> None:
        """Be one client."""
        count = 0
        try:
            while not self._over.is_set():
                count += 1
                with MilterClient(self._address) as client:
                    client.connect(ip=f"192.0.{number}.{count % 250}")
                    client.helo()
                    for _ in range(5):
                        sent = _sent(client, f"4Q{number}X{count}")
                        with self._lock:
                            self._sent.append(sent)
                        self._over.wait(self._pause)
        except Exception as error:  # noqa: BLE001  handed to the test
            self.errors.append(error)

    def settled(self, wanted: Callable[[Sent], bool], count: int = 40, seconds: float = 30.0) -> list[Sent]:
        """Wait until so many messages in a row were as wanted; gives all since the last call."""

        def seen() -> bool:
            assert not self.errors
            with self._lock:
                return len(self._sent) >= count and all(map(wanted, self._sent[-count:]))

        until(seen, "the messages to be as wanted", seconds)
        return self.taken()

    def taken(self) -> list[Sent]:
        """Give all messages since the last call."""
        with self._lock:
            sent, self._sent = self._sent, []
        return sent

    def end(self) -> None:
        """Let the clients end."""
        self._over.set()


def _sent(client: MilterClient, queue_id: str) -> Sent:
    """Send one message."""
    begun = time.monotonic()
    ending = client.message(queue_id=queue_id)
    taken = time.monotonic() - begun
    (told,) = ending.added("X-Gatepost-Verdict")
    away = re.search(r"degraded=(\S*)", told)
    assert away is not None
    return Sent(begun, taken, ending.answer.word, frozenset(away[1].strip(";").split(",")))


@contextmanager
def mail(daemon: Daemon, pause: float = 0.0) -> Iterator[Mail]:
    """Send mail from several connections at once; none of them may fail."""
    made = Mail(daemon.address, pause)
    threads = [threading.Thread(target=made.work, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    try:
        yield made
    finally:
        made.end()
        for thread in threads:
            thread.join()
    assert made.errors == []
