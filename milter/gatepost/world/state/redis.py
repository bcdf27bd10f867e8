"""State in Redis, shared by all workers of all hosts.

Every call is one round trip. Counting and judging are read-modify-write, so each key is changed by a small Lua script that
the server runs atomically; scripts go by their SHA-1 (EVALSHA) and are sent in full only when the server has lost them
(SCRIPT FLUSH, restart): a NOSCRIPT answer means that nothing was run, so repeating it never counts twice. A script touches
the keys of one hash tag, every key is under `gp:`, and all but those of journals expire.

The time comes with the call, so that all forms of state follow one clock.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import redis
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, ResponseError
from redis.retry import Retry

from gatepost.world import budget
from gatepost.world.clock import Clock
from gatepost.world.state import maths, redis_journal
from gatepost.world.state.door import (
    Changes,
    Entry,
    Hit,
    JournalError,
    Mark,
    OutOfTimeError,
    StateConfigError,
    StateUnavailableError,
    Tally,
)
from gatepost.world.state.journal import checked

# maths.roll() in Lua. KEYS: the slot. ARGV: bucket, amount, seconds to keep.
_HIT: Final = """
local bucket, amount = tonumber(ARGV[1]), tonumber(ARGV[2])
local slot = redis.call('HMGET', KEYS[1], 'b', 'c', 'p')
local b, c, p = tonumber(slot[1]) or bucket, tonumber(slot[2]) or 0, tonumber(slot[3]) or 0
if bucket == b + 1 then b, c, p = bucket, 0, c elseif bucket > b then b, c, p = bucket, 0, 0 end
c = c + amount
if amount ~= 0 then
  redis.call('HSET', KEYS[1], 'b', b, 'c', c, 'p', p)
  redis.call('EXPIRE', KEYS[1], ARGV[3])
end
return {b, c, p}
"""

# maths.faded() and maths.judged() in Lua. KEYS: the tally. ARGV: now, half-life, wanted, unwanted, cap, seconds to keep.
_REMEMBER: Final = """
local tally = redis.call('HMGET', KEYS[1], 'w', 'u', 't')
local now = tonumber(ARGV[1])
local factor = 0.5 ^ (math.max(0, now - (tonumber(tally[3]) or now)) / tonumber(ARGV[2]))
local w = (tonumber(tally[1]) or 0) * factor + tonumber(ARGV[3])
local u = (tonumber(tally[2]) or 0) * factor + tonumber(ARGV[4])
local cap = tonumber(ARGV[5])
if w + u > cap then w, u = w * cap / (w + u), u * cap / (w + u) end
redis.call('HSET', KEYS[1], 'w', string.format('%.17g', w), 'u', string.format('%.17g', u), 't', ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[6])
return 1
"""


@dataclass(frozen=True, slots=True)
class _Script:
    """A Lua script and the SHA-1 by which Redis knows it."""

    source: str
    sha: str


def _script(source: str) -> _Script:
    return _Script(source, hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest())


_OPTIONS: Final = ("db", "username", "password", "client_name")

_HIT_SCRIPT: Final = _script(_HIT)
_REMEMBER_SCRIPT: Final = _script(_REMEMBER)
_NOTE_SCRIPT: Final = _script(redis_journal.NOTE)
_CHANGES_SCRIPT: Final = _script(redis_journal.CHANGES)


class RedisState:
    """The state door over one Redis server.

    Takes a `redis://`, `rediss://` or `unix://` URL, the longest wait for one answer and the half-life, in seconds.
    Connects at the first question of each process (the client's pool notices a fork by itself). Raises StateConfigError
    when the URL cannot be read.
    """

    def __init__(self, url: str, clock: Clock, *, half_life: float = 30 * 86_400.0, timeout: float = 0.25) -> None:
        self._clock = clock
        self._half_life = half_life
        self._timeout = timeout
        _check_options(url)
        try:
            self._client = redis.Redis.from_url(
                url,
                socket_timeout=timeout,
                socket_connect_timeout=timeout,
                # Trying again is the circuit breaker's business: inside one message it only multiplies the wait.
                retry=Retry(NoBackoff(), 0),
                protocol=2,
                decode_responses=False,
            )
            pool = self._client.connection_pool
            pool.connection_class(**pool.connection_kwargs)  # Options are read here; nothing is connected yet.
        except (ValueError, TypeError, redis.RedisError):
            # The library's own words may repeat a piece of the password.
            raise StateConfigError(
                "cannot read state.url: its host, port or an option is malformed "
                "(special characters in a password are written as %XX)"
            ) from None

    @property
    def backend(self) -> str:
        """The words `redis at <host>:<port>/<db>` or `redis at <socket>`, without the password."""
        options = self._client.get_connection_kwargs()
        place = options.get("path") or f"{options.get('host', 'localhost')}:{options.get('port', 6379)}"
        return f"redis at {place}/{options.get('db') or 0}" if "path" not in options else f"redis at {place}"

    def hit(self, hits: Sequence[Hit]) -> list[float]:
        """Count events; see the door."""
        now = self._clock.now()
        answers = self._run(
            _HIT_SCRIPT,
            [
                (_slot(hit), maths.bucket_at(now, hit.window), hit.amount, maths.slot_seconds(hit.window))
                for hit in hits
            ],
        )
        return [
            maths.estimate(maths.Slot(*map(int, answer)), now, hit.window)
            for hit, answer in zip(hits, answers, strict=True)
        ]

    def recall(self, keys: Sequence[str]) -> list[Tally]:
        """Give the faded tallies; see the door."""
        now = self._clock.now()
        return [
            maths.faded(Tally(float(wanted), float(unwanted)), now - float(written), self._half_life)
            if written is not None
            else Tally()
            for wanted, unwanted, written in self._ask([("HMGET", _tally(key), "w", "u", "t") for key in keys])
        ]

    def remember(self, marks: Sequence[Mark]) -> None:
        """Add judgements; see the door."""
        now, keep = repr(self._clock.now()), maths.tally_seconds(self._half_life)
        self._run(
            _REMEMBER_SCRIPT,
            [
                (_tally(mark.key), now, self._half_life, mark.wanted, mark.unwanted, maths.TALLY_CAP, keep)
                for mark in marks
            ],
        )

    def forget(self, keys: Sequence[str]) -> None:
        """Drop tallies; see the door."""
        self._ask([("DEL", _tally(key)) for key in keys])

    def note(self, journal: str, entries: Sequence[Entry]) -> list[bool]:
        """Write records or take them back; see the door."""
        keys = redis_journal.keys(journal)
        calls = [(*keys, *redis_journal.note_arguments(entry)) for entry in checked(entries)]
        return [bool(there) for there in self._journal(_NOTE_SCRIPT, calls)]

    def changes(self, journal: str, after: str = "") -> Changes:
        """Give a page of what changed; see the door."""
        call = (*redis_journal.keys(journal), *redis_journal.changes_arguments(after))
        (answer,) = self._journal(_CHANGES_SCRIPT, [call])
        return redis_journal.read_changes(answer)

    def _journal(self, script: _Script, calls: Sequence[tuple[Any, ...]]) -> list[Any]:
        """Run a script of journals; an error that Redis itself answered says nothing about the rest of the store."""
        try:
            return self._run(script, calls, redis_journal.KEYS)
        except StateUnavailableError as error:
            if isinstance(error.__cause__, ResponseError):
                raise JournalError(str(error)) from error
            raise

    def degraded(self) -> bool:
        """Never: this form answers from Redis or raises."""
        return False

    def close(self) -> None:
        """Close this process's connections; a later call opens new ones."""
        self._client.connection_pool.disconnect()

    def _run(self, script: _Script, calls: Sequence[tuple[Any, ...]], keys: int = 1) -> list[Any]:
        """Run a script once per call (its first arguments are the keys); sends the source where the server lost it."""
        answers = self._ask([("EVALSHA", script.sha, keys, *call) for call in calls], allowed=NoScriptError)
        lost = [index for index, answer in enumerate(answers) if isinstance(answer, NoScriptError)]
        again = self._ask([("EVAL", script.source, keys, *calls[index]) for index in lost]) if lost else []
        for index, answer in zip(lost, again, strict=True):
            answers[index] = answer
        return answers

    def _ask(self, commands: Sequence[tuple[Any, ...]], allowed: type[Exception] | None = None) -> list[Any]:
        """Send commands in one go; any trouble, on the way or in an answer, becomes StateUnavailableError."""
        if not commands:
            return []
        # A wait that was begun cannot be cut short, so one that could outlast the message is not begun.
        if budget.current().remaining() < self._timeout:
            raise OutOfTimeError("no time left for Redis")
        try:
            answers = self._exchange(commands)
        except (redis.RedisError, OSError) as error:
            raise StateUnavailableError(f"{self.backend}: {_reason(error)}") from error
        for answer in answers:
            if isinstance(answer, Exception) and not (allowed and isinstance(answer, allowed)):
                raise StateUnavailableError(f"{self.backend}: {_reason(answer)}") from answer
        return answers

    def _exchange(self, commands: Sequence[tuple[Any, ...]]) -> list[Any]:
        """Send commands on one connection and read their answers; an error answer is given, not raised.

        This is what the client's pipeline does, without its layers, which cost a fifth of the call.
        """
        pool = self._client.connection_pool
        connection: Any = pool.get_connection()  # the client's own types stop here
        try:
            connection.send_packed_command(connection.pack_commands(commands))
            return [_answer(connection) for _ in commands]
        except BaseException:
            # Answers may still be under way: nobody else must read them as his own.
            connection.disconnect()
            raise
        finally:
            pool.release(connection)


def _answer(connection: Any) -> Any:
    """Read one answer, an error the server gave included."""
    try:
        return connection.read_response()
    except ResponseError as error:
        return error


def _check_options(url: str) -> None:
    """Refuse URL options that would override the time limit or the protocol; raises StateConfigError."""
    try:
        names = parse_qs(urlsplit(url).query)
    except ValueError:
        names = {}
    for name in names:
        if name not in _OPTIONS and not name.startswith("ssl_"):
            raise StateConfigError(
                f"state.url: option {name[:40]!r} is not known; there are {', '.join(_OPTIONS)}, ssl_*"
            )


def _slot(hit: Hit) -> str:
    return f"gp:rate:{{{hit.key}}}:{hit.window}"


def _tally(key: str) -> str:
    return f"gp:tally:{{{key}}}"


def _reason(error: Exception) -> str:
    """Give an error's reason in one line."""
    return " ".join(str(error).split()) or type(error).__name__
