"""The door to the jail as the attachment check sees it: files and passwords in, what was found out.

What the jail did not come to the end of is evidence on the files concerned, and the files that had nothing to do with it are
still looked into: after a crash each file is given by itself.
"""

from __future__ import annotations

import hashlib
import time
import weakref
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from gatepost.checks.attachments.bounds import Settings, bounds_of
from gatepost.checks.attachments.item import Finding, Item
from gatepost.checks.attachments.kinds import kind_of
from gatepost.checks.attachments.obstacles import obstacle
from gatepost.checks.attachments.wire import Examined, decode_answer, encode_request
from gatepost.mail.readings import Reading
from gatepost.world.jail.door import Answered, Crashed, Jail, Overdue, Unavailable
from gatepost.world.jail.live import LiveJail

PROGRAM: Final = ("-m", "gatepost.checks.attachments.examine")
"""What the interpreter in the jail is told to run."""


class Unpacker(Protocol):
    """Looks into the files of a message; safe between threads; never raises."""

    def examine(self, files: Sequence[Reading], passwords: Sequence[str], seconds: float) -> Examined:
        """Give what is in the files, trying the passwords on what is encrypted, within so many seconds."""
        ...

    def keep_for(self, uid: int, gid: int) -> None:
        """Prepare, as root, for an account that cannot start what this needs."""
        ...

    def close(self) -> None:
        """Let go of whatever it keeps."""
        ...


@dataclass(slots=True)
class FakeUnpacker:
    """An unpacker for tests: gives the prepared answer, and keeps what it was asked in `asked` (files, passwords)."""

    answer: Examined = field(default_factory=Examined)
    asked: list[tuple[tuple[Reading, ...], tuple[str, ...]]] = field(default_factory=list)

    def examine(self, files: Sequence[Reading], passwords: Sequence[str], seconds: float) -> Examined:  # noqa: ARG002  the contract
        """Give the prepared answer."""
        self.asked.append((tuple(files), tuple(passwords)))
        return self.answer

    def keep_for(self, uid: int, gid: int) -> None:
        """Prepare nothing."""

    def close(self) -> None:
        """Let go of nothing."""


def open_unpacker(settings: Settings) -> Unpacker:
    """Give the live unpacker; no process is started before the first file needs one."""
    return JailedUnpacker(LiveJail(PROGRAM, settings), settings)


class JailedUnpacker:
    """The unpacker over a jail that runs `examine.py`."""

    def __init__(self, jail: Jail, settings: Settings) -> None:
        self._jail = jail
        # Whoever judges a few stored messages and forgets the pipeline leaves no process behind.
        weakref.finalize(self, jail.close)
        self._bounds = bounds_of(settings)
        self._seconds = settings.unpack_seconds

    def examine(self, files: Sequence[Reading], passwords: Sequence[str], seconds: float) -> Examined:
        """Give what is in the files, within so many seconds and those of the settings."""
        if not files:
            return Examined()
        until = time.monotonic() + min(seconds, self._seconds)
        first = self._ask(files, passwords, until)
        if isinstance(first, Examined):
            return first
        if first.crashed and len(files) > 1:
            return self._one_by_one(files, passwords, until)
        return _unread(files, first.finding)

    def keep_for(self, uid: int, gid: int) -> None:
        """Have the jail's processes forked by one that is started now."""
        self._jail.keep_for(uid, gid)

    def close(self) -> None:
        """End the processes that wait for work."""
        self._jail.close()

    def _one_by_one(self, files: Sequence[Reading], passwords: Sequence[str], until: float) -> Examined:
        """Find out which file it was: it alone stays unread."""
        total = Examined()
        for file in files:
            answer = self._ask((file,), passwords, until)
            more = answer if isinstance(answer, Examined) else _unread((file,), answer.finding)
            total = Examined(total.items + more.items, total.inner + more.inner, total.trouble + more.trouble)
        return total

    def _ask(self, files: Sequence[Reading], passwords: Sequence[str], until: float) -> Examined | _Unanswered:
        seconds = until - time.monotonic()
        ending = self._jail.call(encode_request(files, passwords, self._bounds), seconds)
        match ending:
            case Answered(data):
                try:
                    return decode_answer(data)
                except ValueError as error:
                    return _Unanswered(_failed(f"the answer is none: {str(error).partition(chr(10))[0]}"), crashed=True)
            case Crashed(reason):
                return _Unanswered(_failed(reason), crashed=True)
            case Unavailable(reason):
                return _Unanswered(_failed(reason))
            case Overdue():
                return _Unanswered(
                    obstacle("timeout", "was not looked into to its end within the time for one message")
                )


@dataclass(frozen=True, slots=True)
class _Unanswered:
    """Why the jail gave nothing; `crashed` says that one of the files may be the cause."""

    finding: Finding
    crashed: bool = False


def _failed(reason: str) -> Finding:
    return obstacle("error", f"could not be looked into: {reason}")


def _unread(files: Sequence[Reading], why: Finding) -> Examined:
    """Give what is known of files from outside, with the reason why it is no more."""
    items = tuple(
        Item(
            file.part,
            (file.name,),
            file.declared,
            kind_of(file.data, file.name),
            len(file.data),
            hashlib.sha256(file.data).hexdigest(),
            (why,),
        )
        for file in files
    )
    return Examined(items)
