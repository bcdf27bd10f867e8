"""The same door for stored mail: message files, directories, Maildir, mbox and standard input, compressed or not.

The CLI, the tests and the evaluation read mail here, so that a file gets the verdict that its SMTP delivery would get.
Reading is bounded: no more than limits.MESSAGE_BYTES of any message is held, whatever the file's size.

A Maildir stands for its own mail, `cur/` and `new/`: what is still delivered into `tmp/`, the server's own files and the folders
beside them (`.Junk`, `.Sent`) are not meant by its name. What is no mail at all is passed over, and counted in one line.
"""

from __future__ import annotations

import io
import logging
import os
import re
import stat
import sys
from collections.abc import Callable, Iterable, Iterator
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final

from gatepost.arrival.packed import PackedError, plain
from gatepost.mail import limits
from gatepost.mail.message import MBOX_LINE, Message, from_bytes

Say = Callable[[str], None]

_LOG: Final = logging.getLogger(__name__)

_LINE: Final = 1024 * 1024
"""Bytes read at once while looking for mbox separators; a longer line is read in pieces."""

_HEAD: Final = 4096
"""Bytes of a file that tell whether it is mail."""

_SHOWN: Final = 3
"""Names in a line that says what was passed over."""

_MAILDIR: Final = ("cur", "new")
_FIELD: Final = re.compile(rb">?From |[!-9;-~]{1,998}[ \t]*:")  # RFC 5322 3.6.8 and, for the space, 4.5
_BINARY: Final = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")  # escapes belong to ISO-2022
_SERVERS_OWN: Final = re.compile(r"dovecot[-.].*|maildirfolder|\.?subscriptions")
_USTAR: Final = slice(257, 262)


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


@dataclass(slots=True)
class Passed:
    """How many things were passed over, and the names of the first."""

    count: int = 0
    names: list[str] = field(default_factory=list)

    def add(self, name: object) -> None:
        """Take in one more."""
        self.count += 1
        if self.count <= _SHOWN:
            self.names.append("".join(each if each.isprintable() else "?" for each in str(name)))

    def line(self) -> str:
        """Give their names, and that there are more."""
        return ", ".join(self.names) + (", ..." if self.count > _SHOWN else "")

    def as_files(self) -> str:
        """Give one line about files that are no mail."""
        noun = "file is" if self.count == 1 else "files are"
        return f"{self.count} {noun} empty or no mail, passed over: {self.line()}"


def in_log(line: str) -> None:
    """Say a line in the log: on standard error, where nothing else was set up."""
    _LOG.warning("%s", line)


def files(
    paths: Iterable[Path], *, without: AbstractSet[str] = frozenset(), say: Say = in_log, any_file: bool = False
) -> Iterator[Path]:
    """Give the files behind paths, in a stable order, each once: a directory stands for the files below it, a Maildir for its own mail.

    `-` is given as it is. Places in `without` are left out. Links are followed, in circles once. Devices, pipes and sockets inside a
    directory are passed over; so are files that are no mail and folders within Maildirs, and `say` is told a line about each
    kind. With `any_file` a file that is given by itself is a message whatever is in it. Raises ReplayError for a path that does
    not exist or cannot be listed.
    """
    walk = _Walk(without, look=True, any_file=any_file)
    for path in paths:
        yield from walk.given(path)
    walk.tell(say)


def places(paths: Iterable[Path], *, without: AbstractSet[str] = frozenset()) -> set[str]:
    """Give where `files` finds mail: directories, with a slash at the end, and files given by themselves, all by their real path."""
    walk = _Walk(without, look=False)
    for path in paths:
        for _ in walk.given(path):
            pass
    return walk.seen


def covered(place: str, by: AbstractSet[str]) -> bool:
    """Say whether a place is among others, or a file in one of them."""
    return place in by or (not place.endswith("/") and place[: place.rfind("/") + 1] in by)


def place_of(folder: str | Path) -> str:
    """Give the place that a directory is."""
    return os.path.join(os.path.realpath(folder), "")  # noqa: PTH118  # a Path has no slash at its end


class _Walk:
    """Paths on their way to files; `seen` are the places whose files were given.

    `look` says whether files are opened to tell mail, `any_file` that those given by themselves are not.
    """

    def __init__(self, without: AbstractSet[str], *, look: bool, any_file: bool = False) -> None:
        self.seen: set[str] = set()
        self._without = without
        self._look = look
        self._any_file = any_file
        self._no_mail = Passed()
        self._beside: list[Path] = []

    def given(self, path: Path) -> Iterator[Path]:
        """Give the files behind a path that somebody named. Raises ReplayError."""
        try:
            if str(path) == "-":
                yield from self._single(path, "-")
            elif stat.S_ISDIR(path.stat().st_mode):
                yield from self._below(path)
            else:
                yield from self._single(path, os.path.realpath(path))
        except FileNotFoundError:
            raise ReplayError(f"{path}: no such file or directory") from None
        except OSError as error:
            raise ReplayError(f"{error.filename or path}: cannot be read: {error.strerror}") from None

    def tell(self, say: Say) -> None:
        """Say what was passed over."""
        if self._no_mail.count:
            say(self._no_mail.as_files())
        known = self.seen | self._without
        beside = Passed()
        for path in self._beside:
            if not {place_of(path), place_of(path / "cur")} & known and not covered(os.path.realpath(path), known):
                beside.add(path)
        if beside.count:
            say(f"a Maildir stands for its own mail; left out, give them too if you want them: {beside.line()}")

    def _single(self, path: Path, place: str) -> Iterator[Path]:
        if not self._known(place):
            self.seen.add(place)
            if self._any_file or self._is_mail(path):
                yield path

    def _below(self, directory: Path) -> Iterator[Path]:
        for folder, names, entries in os.walk(directory, onerror=_refuse, followlinks=True):
            place = place_of(folder)
            if self._known(place):
                names.clear()
                continue
            names.sort()
            if set(_MAILDIR) <= set(names):
                self._beside += [Path(folder, name) for name in names if name not in (*_MAILDIR, "tmp")]
                if self._look:
                    self._beside += filter(begins_as_mail, (Path(folder, name) for name in sorted(entries)))
                names[:] = _MAILDIR
                continue
            if Path(folder).name in _MAILDIR and is_maildir(Path(folder).parent):
                names.clear()
            self.seen.add(place)
            for name in sorted(entries):
                found = Path(folder, name)
                if place + name not in self.seen and place + name not in self._without and found.is_file():
                    yield from [found] if self._is_mail(found) else []

    def _known(self, place: str) -> bool:
        return covered(place, self.seen) or covered(place, self._without)

    def _is_mail(self, path: Path) -> bool:
        if not self._look or str(path) == "-" or not path.is_file():
            return True
        try:
            mail = is_mail(path.name, _head(path))
        except (OSError, PackedError):
            return True  # reading it will say why
        if not mail:
            self._no_mail.add(path)
        return mail


def _refuse(error: OSError) -> None:
    """Let a directory that cannot be listed be an error: passed over in silence, its mail would seem to be judged."""
    raise error


def is_maildir(path: Path) -> bool:
    """Say whether a path is a Maildir."""
    return all((path / name).is_dir() for name in _MAILDIR)


def is_mail(name: str, head: bytes) -> bool:
    """Say whether a file of this name that begins so can be a message or an mbox: text without any header can."""
    if not head or head[_USTAR] == b"ustar":
        return False
    return bool(_FIELD.match(head)) or not (_BINARY.search(head) or _SERVERS_OWN.fullmatch(name))


def begins_as_mail(path: Path) -> bool:
    """Say whether a file begins with a field or as an mbox; False where it cannot be read."""
    return bool(_FIELD.match(_readable_head(path)))


def is_mbox(path: Path) -> bool:
    """Say whether a file begins as an mbox does; False where it cannot be read."""
    return bool(MBOX_LINE.match(_readable_head(path)))


def _readable_head(path: Path) -> bytes:
    try:
        return _head(path) if path.is_file() else b""
    except (OSError, PackedError):
        return b""  # reading it will say why


def _head(path: Path) -> bytes:
    with opened(path) as stream:
        return stream.read(_HEAD)


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Open a file for reading, unpacked where it is compressed. Raises OSError, and reading it PackedError."""
    with path.open("rb") as stream:
        yield plain(stream)


def messages(path: Path) -> Iterator[Stored]:
    """Give the messages in one file: one, or all of an mbox; `-` reads standard input. Raises ReplayError."""
    try:
        if str(path) == "-":
            yield from _from_stream("-", plain(sys.stdin.buffer))
            return
        with opened(path) as stream:
            yield from _from_stream(str(path), stream)
    except OSError as error:
        raise ReplayError(f"{path}: cannot be read: {error.strerror}") from None
    except PackedError as error:
        raise ReplayError(f"{path}: {error}") from None


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
