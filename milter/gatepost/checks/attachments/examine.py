"""The program that runs in the jail: looks into every file of a message, and into the files inside of it, to the end.

Each file is asked two questions: what is it and what is remarkable about it (inspect.py), and is it an archive (archives.py).
What either of them finds inside is a file in its turn, under the same limits. A reader that fails takes its file's content with
it and nothing else: the failure is a finding.
"""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from gatepost.checks.attachments.alarm import OutOfTime, alarm
from gatepost.checks.attachments.archives import SCANNED_KINDS, open_archive
from gatepost.checks.attachments.bounds import Meter
from gatepost.checks.attachments.entry import Entry, Listing
from gatepost.checks.attachments.formats import Kind
from gatepost.checks.attachments.inspect import inspect_file
from gatepost.checks.attachments.item import Finding, Inspection, Item
from gatepost.checks.attachments.keys import Keys
from gatepost.checks.attachments.kinds import kind_of
from gatepost.checks.attachments.obstacles import Exhausted, Stopped, obstacle
from gatepost.checks.attachments.openers import called
from gatepost.checks.attachments.passwords import quoted_passwords
from gatepost.checks.attachments.shown import Shown
from gatepost.checks.attachments.wire import Examined, Request, decode_request, encode_answer
from gatepost.mail import file_limits
from gatepost.mail.readings import Reading
from gatepost.world.jail.inside import serve

_SHARE: Final = 0.5
"""Share of the time left that one of several files is looked into for."""
_RESERVE: Final = 0.2
"""Share of all time that is kept for opening what is left: in it files are told by name and kind, and not looked into."""
_LETTERS: Final = frozenset({Kind.MAIL, Kind.MSG})
_NOTE_BYTES: Final = 4_096
"""Bytes of a text that may be there to tell a password; of a letter so much is read for it."""
_OVERDUE: Final = obstacle("timeout", "was not looked into to its end within the time for one message")


@dataclass(slots=True)
class _Draft:
    """A file that is being looked into: an Item to be. `awaited` are the files inside that it lists and that did not come yet."""

    part: int
    path: tuple[str, ...]
    declared: str
    kind: str
    size: int
    sha256: str
    findings: list[Finding] = field(default_factory=list)
    awaited: list[Entry] = field(default_factory=list)

    def item(self) -> Item:
        """Give it in its final form, each finding once."""
        findings = tuple(dict.fromkeys(self.findings))
        return Item(self.part, self.path, self.declared, self.kind, self.size, self.sha256, findings)


@dataclass(frozen=True, slots=True)
class _File:
    """A file to look into. `unseen` says that the virus scanner has not been given it in any form it understands."""

    part: int
    path: tuple[str, ...]
    declared: str
    data: bytes
    findings: tuple[Finding, ...] = ()
    unseen: bool = False


class _Walk:
    """The way through the files of one message, depth first, so that one file of each level is held at a time."""

    def __init__(self, request: Request) -> None:
        self._bounds = request.bounds
        self._keys = Keys(request.passwords)
        self._meter = Meter(request.bounds)
        self._opened: set[str] = set()
        self._exhausted: Finding | None = None
        self._shown = Shown()
        self._drafts: list[_Draft] = []
        self._open: list[_Draft] = []
        self._notes_left = file_limits.PASSWORD_NOTES
        self._names_left = request.bounds.files
        self._alone = request.count == 1
        self._seconds = 0.0
        self._until = 0.0

    def take(self, files: Iterable[Reading], seconds: float) -> Examined:
        """Look into all files; what the time does not suffice for says so."""
        waiting = iter(files)
        self._seconds, self._until = seconds, time.monotonic() + seconds
        try:
            with alarm(seconds):
                for file in waiting:
                    self._visit(_File(file.part, (file.name,), file.declared, file.data))
        except OutOfTime:
            self._cut(waiting)
        items = tuple(draft.item() for draft in self._drafts)
        return Examined(items, *self._shown.result())

    def _cut(self, waiting: Iterator[Reading]) -> None:
        """Note which files are unfinished: the one at hand, and those whose turn has not come, as far as they are known."""
        if self._open:
            self._open[-1].findings.append(_OVERDUE)
        for draft in self._open:
            self._name_awaited(draft, _OVERDUE)
        for file in waiting:
            draft = self._draft(_File(file.part, (file.name,), file.declared, file.data))
            draft.findings.append(_OVERDUE)

    def _draft(self, file: _File) -> _Draft:
        kind, digest = kind_of(file.data, file.path[-1]), hashlib.sha256(file.data).hexdigest()
        draft = _Draft(file.part, file.path, file.declared, kind, len(file.data), digest, list(file.findings))
        self._drafts.append(draft)
        return draft

    def _visit(self, file: _File) -> None:
        draft = self._draft(file)
        self._open.append(draft)
        inspection = self._inspect(draft, file)
        self._shown.add(draft.path, draft.sha256, file.data if file.unseen else b"", inspection)
        # What is met a second time holds nothing new: bombs are made of copies, and so are many honest messages.
        if draft.sha256 not in self._opened:
            self._opened.add(draft.sha256)
            self._descend(draft, file, inspection)
        self._open.pop()

    def _inspect(self, draft: _Draft, file: _File) -> Inspection:
        """Look into one file within its share of the time: a slow file must not use up that of the others."""
        left = self._until - time.monotonic()
        if self._alone and len(file.path) == 1:
            return self._inspect_fully(draft, file)
        if left < self._seconds * _RESERVE:
            draft.findings.append(_OVERDUE)
            return Inspection()
        try:
            with alarm(left * _SHARE):
                return self._inspect_fully(draft, file)
        except OutOfTime:
            if time.monotonic() >= self._until:
                raise
            draft.findings.append(_OVERDUE)
            return Inspection()

    def _inspect_fully(self, draft: _Draft, file: _File) -> Inspection:
        try:
            inspection = inspect_file(draft.kind, called(file.path[-1], file.declared), file.data, self._keys)
        except MemoryError:
            draft.findings.append(obstacle("limit", "needs more memory to look into than is given to it"))
            return Inspection()
        except Exception as error:  # noqa: BLE001  a dozen libraries on hostile bytes: what they raise is not known
            draft.findings.append(_failed(error))
            return Inspection()
        draft.findings.extend(inspection.findings)
        if self._notes_left and (draft.kind in _LETTERS or (draft.kind == Kind.TEXT and draft.size <= _NOTE_BYTES)):
            # What a letter holds is opened with what the letter says, and an archive with the note beside it.
            self._notes_left -= 1
            names = [member.name for member in inspection.members]
            self._keys.add(quoted_passwords((inspection.text[:_NOTE_BYTES],), names))
        return inspection

    def _descend(self, draft: _Draft, file: _File, inspection: Inspection) -> None:
        """Open the files inside; the first reason to stop becomes a finding of the file that it was met in."""
        try:
            for entry in self._inside(draft, file, inspection):
                if isinstance(entry, Finding):
                    draft.findings.append(entry)
                elif isinstance(entry, Listing):
                    draft.awaited.extend(entry.entries)
                else:
                    self._enter(draft, file, entry)
        except Exhausted as stop:
            self._exhausted = stop.finding
            self._end(draft, stop.finding)
        except Stopped as stop:
            self._end(draft, stop.finding)
        except MemoryError:
            self._end(draft, obstacle("limit", "needs more memory to open than is given to it"))
        except Exception as error:  # noqa: BLE001  as in _inspect
            self._end(draft, _failed(error))
        draft.awaited.clear()

    def _enter(self, draft: _Draft, file: _File, entry: Entry) -> None:
        """Look into a file inside of another one, or note its name where it stays closed."""
        # They come in the order of the list, but for those that it does not have: the first is found at once.
        awaited = (at for at, listed in enumerate(draft.awaited) if listed.name == entry.name)
        if (at := next(awaited, None)) is not None:
            del draft.awaited[at]
        if entry.content is None:
            self._closed(draft, entry)
        else:
            path = (*file.path, entry.name)
            self._visit(_File(file.part, path, "", entry.content, entry.findings, unseen=entry.unseen))

    def _end(self, draft: _Draft, why: Finding) -> None:
        """Note why a file is opened no further, there and on each file that it lists and that did not come."""
        draft.findings.append(why)
        self._name_awaited(draft, why)

    def _name_awaited(self, draft: _Draft, why: Finding) -> None:
        named = draft.awaited[: self._names_left]
        self._names_left -= len(named)
        for entry in named:
            self._closed(draft, replace(entry, findings=(*entry.findings, why)))
        draft.awaited.clear()

    def _inside(self, draft: _Draft, file: _File, inspection: Inspection) -> Iterator[Entry | Finding | Listing]:
        """Give the files inside a file, from its inspector and from the readers of archives; raises Stopped."""
        scanned = draft.kind in SCANNED_KINDS
        for member in inspection.members:
            self._may_enter(file)
            self._meter.count()
            size = len(member.content)
            self._meter.take(size, size, size)
            yield Entry(member.name, member.content, size, unseen=member.unseen or not scanned)
        # The inspector has given a ZIP archive behind an image or a document as a member already.
        behind = not any(member.unseen and member.content.startswith(b"PK\x03\x04") for member in inspection.members)
        for entry in open_archive(draft.kind, file.path[-1], file.data, self._keys, self._meter, behind=behind):
            if not isinstance(entry, Entry):
                yield entry
            else:
                self._may_enter(file)
                yield entry if scanned else replace(entry, unseen=True)

    def _may_enter(self, file: _File) -> None:
        if self._exhausted:
            raise Exhausted("limit", "was not opened to its end: the files of the message reached a limit")
        if len(file.path) > self._bounds.depth:
            raise Stopped("limit", f"is nested more than {self._bounds.depth} deep")

    def _closed(self, draft: _Draft, entry: Entry) -> None:
        path = (*draft.path, entry.name)
        self._drafts.append(_Draft(draft.part, path, "", "", entry.size, "", list(entry.findings)))


def _failed(error: Exception) -> Finding:
    return obstacle("error", f"could not be looked into: its reader failed with {type(error).__name__}")


def examine(request: memoryview, seconds: float) -> bytes:
    """Look into the files of a message: the jail's program. Takes a request of wire.py and gives an answer of it."""
    asked = decode_request(request)
    return encode_answer(_Walk(asked).take(asked.files(), seconds))


if __name__ == "__main__":
    serve(examine, sys.argv)
