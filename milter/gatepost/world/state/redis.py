"""State in Redis, shared by all workers of all hosts.

Every exchange is one round trip: one MGET where it only looks, one script where it writes; in a cluster, where a command may
touch one slot, one MGET or script for each ask, sent to all nodes before the first answer is read. A script goes by its SHA-1
(EVALSHA) and is sent in full only when the server has lost it (SCRIPT FLUSH, restart): a NOSCRIPT answer means that nothing was
run, so repeating it never counts twice. Every key is under `gp:`, and all but those of journals expire. What somebody else put
there, of whatever type, counts as nothing (MGET gives nothing for it, SET replaces it).
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import Any, Final, Protocol

import redis
from redis.exceptions import AuthenticationError, NoScriptError, OutOfMemoryError, ReadOnlyError, ResponseError

from gatepost.world import budget
from gatepost.world.clock import Clock
from gatepost.world.state import records, redis_journal, redis_script
from gatepost.world.state.door import (
    Answer,
    Ask,
    Asking,
    Changes,
    Entry,
    JournalError,
    OutOfTimeError,
    StateCutOffError,
    StateRefusedError,
    StateUnavailableError,
)
from gatepost.world.state.journal import checked
from gatepost.world.state.redis_connection import CutOffError
from gatepost.world.state.redis_line import Command
from gatepost.world.state.redis_script import Script, script

_NOTE: Final = script(redis_journal.NOTE)
_CHANGES: Final = script(redis_journal.CHANGES)

_writes: Final = attrgetter("writes")

_REFUSALS: Final = ("MISCONF", "NOREPLICAS")
"""Error codes of a server that answers and takes nothing, beside OOM and READONLY, for which the library has types."""


class Servers(Protocol):
    """The servers behind a URL: one, the master that Sentinel names, or a cluster's."""

    @property
    def place(self) -> str:
        """Where, in words for people, without a password."""
        ...

    @property
    def one(self) -> bool:
        """Whether one command may touch any keys; in a cluster those of one slot."""
        ...

    def send(self, commands: Sequence[tuple[str, Command]]) -> list[Any]:
        """Send commands, each with the key that says where to, and give the answers in order; errors are answers.

        Raises redis.RedisError or OSError when a server is away.
        """
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


class RedisState(Asking):
    """The state door over Redis; `half_life` and `timeout` (longest wait for one answer) are in seconds.

    Connects at the first question of each process.
    """

    def __init__(
        self, servers: Servers, clock: Clock, *, half_life: float = 30 * 86_400.0, timeout: float = 0.25
    ) -> None:
        self._servers = servers
        self._clock = clock
        self._half_life = half_life
        self._timeout = timeout

    @property
    def backend(self) -> str:
        """The words `redis at <place>`, without the password."""
        return f"redis at {self._servers.place}"

    def exchange(self, asks: Sequence[Ask]) -> list[Answer]:
        """Answer a list of asks in one round trip; see the door."""
        if not asks:
            return []
        now = self._clock.now()
        keys = ["gp:" + ask.place for ask in asks]
        writing = any(map(_writes, asks))
        given = self._written(asks, keys, now) if writing else self._read(keys)
        read = redis_script.ANSWERS if writing else records.LOOKS
        half_life = self._half_life
        return [read[type(ask)](ask, item, now, half_life) for ask, item in zip(asks, given, strict=True)]

    def _read(self, keys: Sequence[str]) -> list[Any]:
        if self._servers.one:
            (given,) = self._ask([(keys[0], ("MGET", *keys))])
            return list(given)
        return [item for (item,) in self._ask([(key, ("MGET", key)) for key in keys])]

    def _written(self, asks: Sequence[Ask], keys: Sequence[str], now: float) -> list[Any]:
        head = redis_script.head(now, self._half_life)
        arguments = [redis_script.argument(ask, now) for ask in asks]
        if self._servers.one:
            (given,) = self._run(redis_script.EXCHANGE, [(tuple(keys), (head, *arguments))])
            return list(given)
        calls = [((key,), (head, argument)) for key, argument in zip(keys, arguments, strict=True)]
        return [item for (item,) in self._run(redis_script.EXCHANGE, calls)]

    def note(self, journal: str, entries: Sequence[Entry]) -> list[bool]:
        """Write records or take them back; see the door."""
        keys = redis_journal.keys(journal)
        calls = [(keys, redis_journal.note_arguments(entry)) for entry in checked(entries)]
        return [bool(there) for there in self._journal(_NOTE, calls)]

    def changes(self, journal: str, after: str = "") -> Changes:
        """Give a page of what changed; see the door."""
        call = (redis_journal.keys(journal), redis_journal.changes_arguments(after))
        (answer,) = self._journal(_CHANGES, [call])
        return redis_journal.read_changes(answer)

    def _journal(self, what: Script, calls: Sequence[tuple[tuple[str, ...], Command]]) -> list[Any]:
        """Run a script of journals; an error that Redis itself answered says nothing about the rest of the store."""
        try:
            return self._run(what, calls)
        except StateUnavailableError as error:
            if isinstance(error.__cause__, ResponseError):
                raise JournalError(str(error)) from error
            raise

    def degraded(self) -> bool:
        """Never: this form answers from Redis or raises."""
        return False

    def close(self) -> None:
        """Close this process's connections; a later call opens new ones."""
        self._servers.close()

    def _run(self, what: Script, calls: Sequence[tuple[tuple[str, ...], Command]]) -> list[Any]:
        """Run a script once per call (its keys, its arguments); sends the source where a server lost it."""
        if not calls:
            return []
        answers = self._ask(
            [(keys[0], ("EVALSHA", what.sha, len(keys), *keys, *rest)) for keys, rest in calls], allowed=NoScriptError
        )
        lost = [index for index, answer in enumerate(answers) if isinstance(answer, NoScriptError)]
        if lost:
            repeated = [calls[index] for index in lost]
            again = self._ask([(keys[0], ("EVAL", what.source, len(keys), *keys, *rest)) for keys, rest in repeated])
            for index, answer in zip(lost, again, strict=True):
                answers[index] = answer
        return answers

    def _ask(self, commands: Sequence[tuple[str, Command]], allowed: type[Exception] | tuple[()] = ()) -> list[Any]:
        """Send commands in one go; any trouble, on the way or in an answer, becomes StateUnavailableError."""
        # A wait that was begun cannot be cut short, so one that could outlast the message is not begun.
        if budget.current().remaining() < self._timeout:
            raise OutOfTimeError("no time left for Redis")
        try:
            answers = self._servers.send(commands)
        except (redis.RedisError, OSError) as error:
            raise self._trouble(error) from error
        for answer in answers:
            if isinstance(answer, Exception) and not isinstance(answer, allowed):
                raise self._trouble(answer) from answer
        return answers

    def _trouble(self, error: Exception) -> StateUnavailableError:
        """Give the door's word for an error of the client library: whether the server only takes nothing new, or hung up."""
        text = _login_trouble(error) or " ".join(str(error).split()) or type(error).__name__
        words = f"{self.backend}: {text}"
        if isinstance(error, OutOfMemoryError | ReadOnlyError) or text.startswith(_REFUSALS):
            return StateRefusedError(words)
        return StateCutOffError(words) if isinstance(error, CutOffError) else StateUnavailableError(words)


def _login_trouble(error: Exception) -> str:
    """Say what is wrong with the password, which Redis tells in words of its protocol; "" for another error."""
    text = str(error)
    # A long command of somebody who is not logged in is refused before it is read.
    if text.startswith("Protocol error: unauthenticated") or (
        isinstance(error, AuthenticationError) and "required" in text
    ):
        return "it wants a password, and state.url has none"
    if isinstance(error, AuthenticationError) and ("username-password" in text or "invalid password" in text):
        return "the user or the password in state.url is wrong"
    return ""
