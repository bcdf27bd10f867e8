"""The state door: counters, limits, reputation, small values and journals, shared by all workers.

Everything but journals goes through `exchange()`: a check says all that it wants to know and to store in one list of
*asks*, and the store answers them in order, in one round trip. Each ask is atomic by itself; a list of them is not.

A *journal* is a named list of small records that every process can follow: who has read it once asks only for what
changed since. A record has an id; writing the same id again replaces it, and taking one back is a change like any other,
so that all readers arrive at the same list, whenever they came. A journal is bounded (JOURNAL_* in mail.limits): past
its bounds the oldest records are taken back.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, NamedTuple, Protocol, cast

from gatepost.mail import limits


@dataclass(frozen=True, slots=True)
class Hit:
    """Count events over a sliding window of `window` seconds; answered with the estimate including these, a float.

    Those that would pass the `limit` are not counted: the answer, above it, is what the estimate would have been. `amount` 0
    only looks: it gives the estimate and leaves no trace.
    """

    key: str
    window: int
    amount: int = 1
    limit: float = math.inf

    @property
    def place(self) -> str:
        """Where the count lies: hits over different windows never meet."""
        return f"r:{{{self.key}}}:{self.window}"

    @property
    def writes(self) -> bool:
        """Whether anything is counted."""
        return self.amount != 0


@dataclass(frozen=True, slots=True)
class Rate:
    """Ask for leave: `limit` events in each `window` seconds, `burst` of them at once; answered with Leave.

    This is the generic cell rate algorithm (ITU-T I.371; "leaky bucket as a meter"): exact however many ask at the same
    moment, and a refused event is not counted. `amount` 0 only looks, and is always allowed. An amount above the burst, which
    could never come at once, is allowed where nothing is in use, and has to be made up for by waiting afterwards.
    """

    key: str
    limit: float
    window: float
    burst: float
    amount: float = 1.0

    def __post_init__(self) -> None:
        if min(self.limit, self.window, self.burst) <= 0:
            raise ValueError("a limit, its window and its burst are above 0")

    @property
    def place(self) -> str:
        """Where the limit lies."""
        return f"l:{{{self.key}}}"

    @property
    def writes(self) -> bool:
        """Whether leave is asked for."""
        return self.amount != 0


class Leave(NamedTuple):
    """Whether the events of a Rate were allowed, the seconds until they would be (0 when they were), and the events in use.

    `used` drains at limit / window. It lies between 0 and the burst, and higher after an amount above the burst: at most
    at the limit.
    """

    allowed: bool
    wait: float
    used: float


class Tally(NamedTuple):
    """How often a sender's mail was wanted and unwanted, decayed with the half-life that the reader gave."""

    wanted: float = 0.0
    unwanted: float = 0.0


@dataclass(frozen=True, slots=True)
class Recall:
    """Look up an identity's decayed Tally; an unknown one is Tally(0, 0)."""

    writes: ClassVar[bool] = False

    key: str

    @property
    def place(self) -> str:
        """Where the tally lies."""
        return f"t:{{{self.key}}}"


@dataclass(frozen=True, slots=True)
class Mark:
    """A judgement to remember about an identity: how much to add to wanted and to unwanted; answered with None.

    Less than 0 takes back. Where less is left than that (it was reset, or held to its bound meanwhile), nothing is left.
    """

    writes: ClassVar[bool] = True

    key: str
    wanted: float = 0.0
    unwanted: float = 0.0

    @property
    def place(self) -> str:
        """Where the tally lies."""
        return f"t:{{{self.key}}}"


@dataclass(frozen=True, slots=True)
class Forget:
    """Drop the tally of an identity; answered with None, whether or not there was one."""

    writes: ClassVar[bool] = True

    key: str

    @property
    def place(self) -> str:
        """Where the tally lies."""
        return f"t:{{{self.key}}}"


@dataclass(frozen=True, slots=True)
class Get:
    """Look up what Put stored; answered with its bytes, or None when there is nothing or its time is over."""

    writes: ClassVar[bool] = False

    key: str

    @property
    def place(self) -> str:
        """Where the value lies."""
        return f"d:{{{self.key}}}"


@dataclass(frozen=True, slots=True)
class Put:
    """Store at most limits.STATE_VALUE_BYTES for so many `seconds` (at least 1); answered with whether it was written.

    With `absent_only` what is there already stays, and the answer is False.
    """

    writes: ClassVar[bool] = True

    key: str
    data: bytes
    seconds: int
    absent_only: bool = False

    def __post_init__(self) -> None:
        if len(self.data) > limits.STATE_VALUE_BYTES or self.seconds < 1:
            raise ValueError(
                f"{len(self.data)} bytes for {self.seconds} s: at most {limits.STATE_VALUE_BYTES} bytes, at least 1 s"
            )

    @property
    def place(self) -> str:
        """Where the value lies."""
        return f"d:{{{self.key}}}"


@dataclass(frozen=True, slots=True)
class Distinct:
    """Note a member, and count the different ones within `window` seconds; answered with an int, at most `most`.

    The answer `most` means "that many or more": past it the member that was seen longest ago makes room. A member is kept as
    eight bytes of its hash and the second in which it was last seen. An empty `member` only looks.
    """

    key: str
    member: str
    window: int
    most: int = 64

    def __post_init__(self) -> None:
        if not 1 <= self.most <= limits.STATE_MEMBERS:
            raise ValueError(f"{self.most} members: from 1 to {limits.STATE_MEMBERS}")

    @property
    def place(self) -> str:
        """Where the set lies."""
        return f"s:{{{self.key}}}"

    @property
    def writes(self) -> bool:
        """Whether a member is noted."""
        return bool(self.member)


Ask = Hit | Rate | Recall | Mark | Forget | Get | Put | Distinct
"""One question to the store, or one thing to store. `key` is namespaced text of at most limits.STATE_KEY_CHARACTERS
(`keys.key()` makes one). `place` is where its record lies in every form of store: the letter of its kind (records), the
key in braces (a hash tag of Redis), so that asks of different kinds never meet under one key. `writes` says whether it may
change the record; the others only look. One that no store takes cannot be made: ValueError."""

Answer = float | Leave | Tally | None | bytes | bool | int
"""What an ask is answered with; each says which of these."""


def looking(ask: Ask) -> Ask | None:
    """Give the ask that only looks where this one would write; None where there is nothing to look at."""
    match ask:
        case Hit() | Rate():
            return replace(ask, amount=0)
        case Distinct():
            return replace(ask, member="")
        case Mark() | Put() | Forget():
            return None
        case Recall() | Get():
            return ask


@dataclass(frozen=True, slots=True)
class Entry:
    """One record of a journal: its id (printable ASCII, at most 64 characters) and its bytes; None takes it back."""

    id: str
    data: bytes | None


@dataclass(frozen=True, slots=True)
class Changes:
    """What happened in a journal, oldest first.

    `position` is what to ask with next. `anew` tells the reader to forget everything first: it reads for the first time,
    or the store was emptied, replaced, or no longer knows what happened since. `more` says that there is a next page.
    """

    entries: tuple[Entry, ...]
    position: str
    anew: bool
    more: bool


class StateUnavailableError(Exception):
    """The store did not answer in time or refused; the caller goes on with local memory and marks the verdict degraded."""


class OutOfTimeError(StateUnavailableError):
    """The message has no time left to ask the store; says nothing about the store itself."""


class JournalError(StateUnavailableError):
    """What the store holds in the place of a journal is none, or it refused to write one; the rest of the store may be well."""


class StateRefusedError(StateUnavailableError):
    """The store answers and takes nothing new (full, read-only); what it holds can still be read."""


class StateCutOffError(StateUnavailableError):
    """The store ended the connection in the middle of an exchange, which may have counted; the next one may well be answered."""


class StateConfigError(Exception):
    """What the config names cannot be a store (path, URL, foreign file); the message is one line for the administrator."""


class State(Protocol):
    """What the site remembers. Every call is one round trip, and raises StateUnavailableError when the store is away.

    Reputation decays: a tally read `t` seconds after it was written is multiplied by 0.5 ** (t / half_life).
    """

    @property
    def backend(self) -> str:
        """A word and place for people: `redis at ...`, `sqlite at ...`, `memory`."""
        ...

    def exchange(self, asks: Sequence[Ask]) -> list[Answer]:
        """Give the answer to each ask, in order."""
        ...

    def hit(self, hits: Sequence[Hit]) -> list[float]:
        """Count events; gives for each key the sliding-window estimate including this event."""
        ...

    def recall(self, keys: Sequence[str]) -> list[Tally]:
        """Give the decayed tallies of identities; an unknown one is Tally(0, 0)."""
        ...

    def remember(self, marks: Sequence[Mark]) -> None:
        """Add judgements to identities' tallies, atomically per key, decaying what was there."""
        ...

    def forget(self, keys: Sequence[str]) -> None:
        """Drop the tallies of identities (`gatepost reputation reset`); unknown ones are no error."""
        ...

    def note(self, journal: str, entries: Sequence[Entry]) -> list[bool]:
        """Write records into a journal or take them back; gives for each whether one of its id was there.

        There is no local memory behind a journal: raises StateUnavailableError when the store is away, in every form.
        Raises ValueError for a record over limits.JOURNAL_ENTRY_BYTES.
        """
        ...

    def changes(self, journal: str, after: str = "") -> Changes:
        """Give what changed in a journal after a position ("" is the beginning), a page at a time.

        Raises StateUnavailableError when the store is away, in every form: the reader goes on with what it has.
        """
        ...

    def degraded(self) -> bool:
        """Say whether the last answer given to this thread came from local memory because the store was away."""
        ...

    def close(self) -> None:
        """Let go of connections and files."""
        ...


class Asking(ABC):
    """The four calls that ask for one kind of thing, over `exchange()`; every form of state has them from here."""

    __slots__ = ()

    @abstractmethod
    def exchange(self, asks: Sequence[Ask]) -> list[Answer]:
        """Answer a list of asks; see the door."""

    def hit(self, hits: Sequence[Hit]) -> list[float]:
        """Count events; see the door."""
        return cast("list[float]", self.exchange(hits))

    def recall(self, keys: Sequence[str]) -> list[Tally]:
        """Give the faded tallies; see the door."""
        return cast("list[Tally]", self.exchange([Recall(key) for key in keys]))

    def remember(self, marks: Sequence[Mark]) -> None:
        """Add judgements; see the door."""
        self.exchange(marks)

    def forget(self, keys: Sequence[str]) -> None:
        """Drop tallies; see the door."""
        self.exchange([Forget(key) for key in keys])
