"""The same door for stored mail: message files, directories, Maildir, mbox and standard input.

The CLI, the tests and the evaluation read mail here, so that a file gets the verdict that its SMTP delivery would get.
Reading is bounded: no more than limits.MESSAGE_BYTES of any message is held, whatever the file's size.
"""

from __future__ import annotations

import io
import os
import stat
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from gatepost.mail import limits
from gatepost.mail.message import MBOX_LINE, Message, from_bytes

_LINE: Final = 1024 * 1024
"""Bytes read at once while looking for mbox separators; a longer line is read in pieces."""


class ReplayError(Exception):
    """A path cannot be read; the text is one line."""


@dataclass(frozen=True, slots=True)
class Stored:
    """One stored message: a name for people, its bytes, and whether the limit cut them."""

    name: str
    data: bytes
    cut: bool

    def message(self) -> Message:
        """Give it parsed; never raises."""
        return from_bytes(self.data, cut=self.cut)


def files(paths: Iterable[Path]) -> Iterator[Path]:
    """Give the files behind paths, in a stable order: a directory stands for the files below it, Maildir's tmp left out.

    `-` is given as it is. Raises ReplayError for a path that does not exist or cannot be listed. Devices, pipes and sockets inside a directory
    are passed over.
    """
    for path in paths:
        if str(path) == "-":
            yield path
            continue
        try:
            if stat.S_ISDIR(path.stat().st_mode):
                yield from _below(path)
            else:
                yield path
        except FileNotFoundError:
            raise ReplayError(f"{path}: no such file or directory") from None
        except OSError as error:
            raise ReplayError(f"{error.filename or path}: cannot be read: {error.strerror}") from None


def _refuse(error: OSError) -> None:
    """Let a directory that cannot be listed be an error: passed over in silence, its mail would seem to be judged."""
    raise error


def _below(directory: Path) -> Iterator[Path]:
    for folder, names, entries in os.walk(directory, onerror=_refuse):
        if {"cur", "new", "tmp"} <= set(names):
            names.remove("tmp")
        names.sort()
        yield from (found for name in sorted(entries) if (found := Path(folder, name)).is_file())


def messages(path: Path) -> Iterator[Stored]:
    """Give the messages in one file: one, or all of an mbox; `-` reads standard input. Raises ReplayError."""
    if str(path) == "-":
        yield from _from_stream("-", sys.stdin.buffer)
        return
    try:
        with path.open("rb") as stream:
            yield from _from_stream(str(path), stream)
    except OSError as error:
        raise ReplayError(f"{path}: cannot be read: {error.strerror}") from None


def _from_stream(name: str, stream: BinaryIO) -> Iterator[Stored]:
    start = stream.readline(_LINE)
    if not MBOX_LINE.match(start):
        rest = stream.read(limits.MESSAGE_BYTES + 1 - len(start)) or b""
        data = start + rest
        yield Stored(name, data[: limits.MESSAGE_BYTES], len(data) > limits.MESSAGE_BYTES)
        return
    for number, (data, cut) in enumerate(_mbox(stream), 1):
        yield Stored(f"{name}:{number}", data, cut)


def _mbox(stream: BinaryIO) -> Iterator[tuple[bytes, bool]]:
    """Cut an mbox (mboxrd, RFC 4155) at its `From ` lines after an empty line; the first such line is already read."""
    buffer, cut, empty_before, line_start = io.BytesIO(), False, False, True
    while line := stream.readline(_LINE):
        if line_start and empty_before and MBOX_LINE.match(line):
            yield buffer.getvalue(), cut
            buffer, cut, empty_before = io.BytesIO(), False, False
            continue
        empty_before = line_start and line in (b"\n", b"\r\n")
        kept = line[1:] if line_start and line.lstrip(b">").startswith(b"From ") and line[:1] == b">" else line
        if buffer.tell() + len(kept) <= limits.MESSAGE_BYTES:
            buffer.write(kept)
        else:
            cut = True
        line_start = line.endswith(b"\n")
    yield buffer.getvalue(), cut
