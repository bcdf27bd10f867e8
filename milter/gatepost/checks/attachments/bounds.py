"""How far the files of one message are opened: the settings, and the meter that counts against them.

The meter is shared by all attachments of a message and by all kinds of archives, so nesting one kind in another gains a sender
nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, NoReturn

from pydantic import Field

from gatepost.checks.attachments.obstacles import Exhausted, Stopped
from gatepost.mail import file_limits
from gatepost.world.jail import settings as jail

_MIB: Final = 1024 * 1024


class Settings(jail.Settings):
    """The part of `[attachments]` that bounds the opening of files."""

    unpack_seconds: float = Field(
        default=10.0,
        ge=0.1,
        le=120.0,
        description="Longest time to open the files of one message, in seconds; the message's deadline may be nearer.",
    )
    unpack_depth: int = Field(
        default=file_limits.UNPACK_DEPTH,
        ge=0,
        le=50,
        description="How deeply files inside files are opened; deeper ones are reported.",
    )
    unpack_files: int = Field(
        default=file_limits.UNPACK_FILES,
        ge=0,
        le=100_000,
        description="Files inside all attachments of one message that are opened.",
    )
    unpack_bytes: int = Field(
        default=file_limits.UNPACK_BYTES,
        ge=0,
        le=4 * 1024 * _MIB,
        description="Bytes unpacked from all attachments of one message; keep it below a third of jail_memory_bytes.",
    )
    unpack_file_bytes: int = Field(
        default=file_limits.UNPACK_FILE_BYTES,
        ge=0,
        le=2 * 1024 * _MIB,
        description="Bytes of the largest file that is unpacked.",
    )
    unpack_ratio: int = Field(
        default=file_limits.UNPACK_RATIO,
        ge=10,
        le=1_000_000,
        description="Bytes that come out of one byte before what exceeds a limit is called a bomb.",
    )


@dataclass(frozen=True, slots=True)
class Bounds:
    """How far the files of one message are opened; the fields mean what the settings of the same name say."""

    depth: int = file_limits.UNPACK_DEPTH
    files: int = file_limits.UNPACK_FILES
    bytes: int = file_limits.UNPACK_BYTES
    file_bytes: int = file_limits.UNPACK_FILE_BYTES
    ratio: int = file_limits.UNPACK_RATIO


def bounds_of(settings: Settings) -> Bounds:
    """Give the bounds that a site has set."""
    return Bounds(
        settings.unpack_depth,
        settings.unpack_files,
        settings.unpack_bytes,
        settings.unpack_file_bytes,
        settings.unpack_ratio,
    )


@dataclass(slots=True)
class Meter:
    """What was opened so far of one message."""

    bounds: Bounds
    files: int = 0
    taken: int = 0

    def count(self) -> None:
        """Count one more file inside of another; raises Exhausted past the limit."""
        if self.files >= self.bounds.files:
            self.exhaust()
        self.files += 1

    def exhaust(self) -> NoReturn:
        """Raise what count raises past the limit, for a reader that sees it coming."""
        raise Exhausted("limit", f"holds more than the {self.bounds.files:,} files that are opened of one message")

    def collect(self, blocks: Iterable[bytes], consumed: Callable[[], int]) -> bytes:
        """Join the blocks of one unpacked file. `consumed` gives how many packed bytes they took so far.

        Raises Stopped when the file is too large, Exhausted when the message is.
        """
        kept: list[bytes] = []
        size = 0
        for block in blocks:
            size += len(block)
            self.take(len(block), size, consumed())
            kept.append(block)
        return b"".join(kept)

    def take(self, count: int, size: int, consumed: int) -> None:
        """Count so many more bytes, which make a file `size` bytes long out of `consumed` packed ones; raises as collect."""
        self.taken += count
        if self.taken > self.bounds.bytes:
            raise Exhausted(*self._too_much(size, consumed, self.bounds.bytes, "all files of a message"))
        if size > self.bounds.file_bytes:
            raise Stopped(*self._too_much(size, consumed, self.bounds.file_bytes, "one file"))

    def _too_much(self, size: int, consumed: int, limit: int, whose: str) -> tuple[str, str]:
        ratio = size // max(consumed, 1)
        if ratio >= self.bounds.ratio:
            return "bomb", f"unpacks to more than the {limit:,} bytes allowed for {whose}, {ratio:,} times its own size"
        return "limit", f"unpacks to more than the {limit:,} bytes allowed for {whose}"
