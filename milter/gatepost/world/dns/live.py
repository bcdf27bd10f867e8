"""The live resolver: a cache in front of the name servers, one for each process.

Every message asks the same few questions about the same few senders, so nearly all answers come from the cache, in
microseconds. A question that nobody has asked yet goes out once, however many threads want it. Trouble is remembered for
a few seconds, so that a domain whose servers are gone does not hold up each of its messages for a full timeout.

Nothing is opened before it is used: the resolver is built before the daemon forks, and cache, sockets and threads begin
in each worker.
"""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict, Field, field_validator

from gatepost.world import budget
from gatepost.world.clock import Clock, SystemClock
from gatepost.world.dns.cache import AnswerCache, Key
from gatepost.world.dns.door import Answer, NoSuchName, Question, Records, TempFailure
from gatepost.world.dns.names import normal_name
from gatepost.world.dns.wire import Servers, parse_server, system_servers


class Settings(BaseModel):
    """What an administrator may choose about DNS."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    servers: tuple[str, ...] = Field(
        default=(),
        max_length=16,
        description='Name servers in order of preference, such as "127.0.0.1:5353" or "[::1]:53"; empty: the system\'s.',
    )
    timeout_seconds: float = Field(
        default=2.0, ge=0.05, le=30, description="How long one server has to answer one question, in seconds."
    )
    attempts: int = Field(default=2, ge=1, le=5, description="How often all servers are tried before a question fails.")
    server_backoff_seconds: float = Field(
        default=10.0, ge=0.5, le=600, description="The longest time a silent server is left alone, in seconds."
    )
    cache_entries: int = Field(default=20_000, ge=100, le=5_000_000, description="Answers each worker keeps.")
    cache_bytes: int = Field(
        default=32 * 1024 * 1024, ge=100_000, le=2**34, description="Bytes of answers each worker keeps."
    )
    min_ttl_seconds: int = Field(
        default=10, ge=0, le=3600, description="Answers are kept at least so long, in seconds."
    )
    max_ttl_seconds: int = Field(
        default=3600, ge=1, le=604_800, description="Answers are kept at most so long, in seconds."
    )
    max_negative_ttl_seconds: int = Field(
        default=600,
        ge=1,
        le=86_400,
        description="That a name or record does not exist is kept at most so long, in seconds.",
    )
    failure_seconds: float = Field(
        default=3.0, ge=0, le=300, description="A question that failed is not asked again for so long, in seconds."
    )
    prefetch_threads: int = Field(
        default=2, ge=0, le=32, description="Threads of each worker that fetch answers ahead; 0: none."
    )
    prefetch_queue: int = Field(
        default=256, ge=1, le=100_000, description="Questions that may wait to be fetched ahead; more are dropped."
    )

    @field_validator("servers")
    @classmethod
    def _readable(cls, servers: tuple[str, ...]) -> tuple[str, ...]:
        for server in servers:
            parse_server(server)
        return servers


@dataclass(slots=True)
class _Flight:
    """A question on its way: `answer` stays None when the thread that asked ran out of its own time."""

    landed: threading.Event = field(default_factory=threading.Event)
    answer: Answer | None = None


class _Process:
    """What one process has: its cache, its servers, its questions on the way, its prefetching threads."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self.pid = os.getpid()
        self.cache = AnswerCache(settings.cache_entries, settings.cache_bytes)
        self.servers = Servers(clock, settings.timeout_seconds, settings.attempts, settings.server_backoff_seconds)
        for server in settings.servers or system_servers():
            self.servers.add(server)
        self.lock = threading.Lock()
        self.flights: dict[Key, _Flight] = {}
        self.waiting: queue.Queue[Question] = queue.Queue(settings.prefetch_queue)
        self.threads: list[threading.Thread] = []


class LiveResolver:
    """Answers from the cache or by asking name servers, within the current message's budget; never raises.

    Safe to share between threads, and to build before a fork. A question beyond the cache spends one look-up of the
    budget and waits at most its remaining seconds.
    """

    def __init__(self, settings: Settings | None = None, clock: Clock | None = None) -> None:
        """Take the settings; opens nothing."""
        self._settings = settings or Settings()
        self._clock = clock or SystemClock()
        self._process: _Process | None = None

    def ask(self, question: Question) -> Answer:
        """Give the answer; see the class."""
        name = normal_name(question.name)
        if name is None:
            return NoSuchName()
        here = self._here()
        key = (name, question.kind)
        return here.cache.get(key, self._clock.monotonic()) or self._fetch(here, key)

    def prefetch(self, questions: Iterable[Question]) -> None:
        """Start to fetch answers in the background; drops questions when too many wait."""
        here = self._here()
        now = self._clock.monotonic()
        for question in questions:
            name = normal_name(question.name)
            if name is None or here.cache.get((name, question.kind), now) is not None:
                continue
            try:
                here.waiting.put_nowait(question)
            except queue.Full:
                return
            self._staff(here)

    def _here(self) -> _Process:
        """Give this process's part, new after a fork."""
        here = self._process
        if here is None or here.pid != os.getpid():
            here = self._process = _Process(self._settings, self._clock)
        return here

    def _staff(self, here: _Process) -> None:
        """Start one more prefetching thread while fewer than wanted run."""
        with here.lock:
            if len(here.threads) >= self._settings.prefetch_threads:
                return
            thread = threading.Thread(target=self._work, args=(here,), name="dns-prefetch", daemon=True)
            here.threads.append(thread)
        thread.start()

    def _work(self, here: _Process) -> None:
        """Fetch what waits, for ever."""
        while True:
            question = here.waiting.get()
            with budget.allowance(self._clock, self._settings.timeout_seconds * self._settings.attempts):
                self.ask(question)

    def _fetch(self, here: _Process, key: Key) -> Answer:
        """Ask the servers, or wait for the thread that is already asking."""
        allowed = budget.current()
        if not allowed.take_lookup():
            return TempFailure("this message's look-ups are spent")
        while (seconds := allowed.remaining()) > 0:
            if (answer := here.cache.get(key, self._clock.monotonic())) is not None:
                return answer
            flight, mine = self._board(here, key)
            if mine:
                try:
                    flight.answer = here.servers.ask(*key, seconds)
                    self._keep(here, key, flight.answer)
                finally:
                    with here.lock:
                        del here.flights[key]
                    flight.landed.set()
            else:
                flight.landed.wait(seconds)
            if flight.answer is not None:
                return flight.answer
        return TempFailure("this message's time is up")

    def _board(self, here: _Process, key: Key) -> tuple[_Flight, bool]:
        """Give the flight of a question, and whether the caller is the one who has to ask."""
        with here.lock:
            flight = here.flights.get(key)
            if flight is not None:
                return flight, False
            flight = here.flights[key] = _Flight()
            return flight, True

    def _keep(self, here: _Process, key: Key, answer: Answer | None) -> None:
        """Put an answer into the cache for as long as its kind allows (RFC 2308)."""
        rules = self._settings
        match answer:
            case None:
                return
            case TempFailure():
                seconds = rules.failure_seconds
            case Records(ttl=ttl):
                seconds = min(max(ttl, rules.min_ttl_seconds), rules.max_ttl_seconds)
            case _:
                seconds = min(max(answer.ttl, rules.min_ttl_seconds), rules.max_negative_ttl_seconds)
        here.cache.put(key, answer, self._clock.monotonic() + seconds)
