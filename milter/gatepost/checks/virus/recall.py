"""What the scanners said of a content before: the same attachment sent to a thousand people is scanned once.

Messages are unique, attachments are not, so the raw message is never looked up and its parts are. An answer is remembered
under the SHA-256 of the content and the identity of the scanner's database: a new database finds nothing remembered. Only
what the scanner itself said of the whole content is (clean, infected, suspicious): no trouble, no limit, nothing from an
engine that does not name its database. The store holds hashes and signature names, nothing of the mail.

A message costs one round trip at most: all its contents are asked for at once, and what the messages before it learned is
written in the same one.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Sequence
from typing import Final

from gatepost.mail import limits
from gatepost.world.scanner.door import Clean, Heuristic, Infected, Scan, Scanner
from gatepost.world.state.door import Get, Put, State, StateUnavailableError

_PENDING: Final = 4 * limits.VIRUS_PARTS
"""Answers that wait to be written with the next message's question. Past it the oldest are forgotten."""


class Memory:
    """What a site remembers of scans, for so many seconds; nothing without a store. Shared by all threads."""

    def __init__(self, store: State | None = None, seconds: int = 0) -> None:
        self._store = store if seconds else None
        self._seconds = seconds
        self._pending: deque[Put] = deque(maxlen=_PENDING)

    def about(self, scanners: Sequence[Scanner]) -> Recollection:
        """Begin to remember for one message, which these scanners scan."""
        stamps = {scanner.name: _stamp(scanner) for scanner in scanners} if self._store else {}
        return Recollection(self, {name: stamp for name, stamp in stamps.items() if stamp})

    def read(self, keys: Sequence[str]) -> list[bytes | None]:
        """Give what is remembered under keys, writing first what waits; nothing where the store is away."""
        waiting = [self._pending.popleft() for _ in range(len(self._pending))]
        asks: list[Get | Put] = [*waiting, *(Get(key) for key in keys)]
        if self._store is None or not asks:
            return [None] * len(keys)
        try:
            answers = self._store.exchange(asks)[len(waiting) :]
        except StateUnavailableError:
            return [None] * len(keys)
        return [answer if isinstance(answer, bytes) else None for answer in answers]

    def write(self, key: str, data: bytes) -> None:
        """Remember something, with the next round trip."""
        self._pending.append(Put(key, data, self._seconds))


class Recollection:
    """What is remembered of one message's contents. `stamps` are the identities of the scanners' databases, by scanner."""

    def __init__(self, memory: Memory, stamps: dict[str, str]) -> None:
        self._memory = memory
        self._stamps = stamps
        self._known: dict[str, Scan] = {}

    def digest(self, data: bytes) -> str:
        """Give what a content is known by; "" where nothing is remembered."""
        return hashlib.sha256(data).hexdigest() if self._stamps else ""

    def look_up(self, digests: Sequence[str]) -> None:
        """Ask for all contents at once."""
        keys = [_key(digest, stamp) for digest in digests for stamp in self._stamps.values()]
        for key, data in zip(keys, self._memory.read(keys), strict=True) if keys else ():
            scan = decode(data) if data else None
            if scan is not None:
                self._known[key] = scan

    def known(self, scanner: str, digest: str) -> Scan | None:
        """Give what a scanner said of a content, or None."""
        stamp = self._stamps.get(scanner)
        return self._known.get(_key(digest, stamp)) if stamp and digest else None

    def learn(self, scanner: str, digest: str, scan: Scan) -> None:
        """Remember what a scanner said of a content, if that will be true tomorrow."""
        stamp, data = self._stamps.get(scanner), encode(scan)
        if stamp and digest and data:
            self._memory.write(_key(digest, stamp), data)


def _stamp(scanner: Scanner) -> str:
    """Give what identifies the databases behind a scanner, "" where one that answers does not say."""
    engines = [engine for engine in scanner.heard() if engine.version]
    if not engines or not all(engine.database for engine in engines):
        return ""
    told = "\n".join(sorted({engine.database for engine in engines}))
    return hashlib.sha256(f"{scanner.name}\n{told}".encode()).hexdigest()[:16]


def _key(digest: str, stamp: str) -> str:
    return f"virus:{stamp}:{digest}"


def encode(scan: Scan) -> bytes:
    """Give an answer as bytes to remember, b"" for one that is not remembered."""
    match scan:
        case Clean():
            return b"c"
        case Infected(signature):
            return b"i" + signature.encode()
        case Heuristic(signature):
            return b"h" + signature.encode()
        case _:
            return b""


def decode(data: bytes) -> Scan | None:
    """Read a remembered answer; None for what is none. Never raises."""
    name = data[1 : 1 + 4 * limits.VIRUS_SIGNATURE_CHARACTERS].decode("utf-8", "replace")
    match data[:1]:
        case b"c" if not name:
            return Clean()
        case b"i" if name:
            return Infected(name)
        case b"h" if name:
            return Heuristic(name)
        case _:
            return None
