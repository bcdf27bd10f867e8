"""Where the mail of an evaluation comes from: sources, each measured by itself.

A source is a path as people give it: a directory, a Maildir, an mbox file, a pack. Messages of one file each are of the
folder that they lie in, or `ham/*.eml` would be a source for every message. A pack says itself which of its messages are
ham; given as ham it lends its ham, given as spam its spam and phish, given as both it is read once.

Mail comes through `arrival.replay`, the door of the live check's own tools; packs through `training.corpus`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Final

from gatepost.arrival.replay import Stored, files, messages
from gatepost.mail.message import MBOX_LINE
from gatepost.training.corpus import MEMBER_BYTES, CorpusError, pack_name, packs_at, read_pack

_FIRST_LINE: Final = 1024


@dataclass(frozen=True, slots=True)
class Letter:
    """One labelled message: the number of its source, whether people want it, and itself."""

    source: int
    unwanted: bool
    stored: Stored


@dataclass(slots=True)
class Source:
    """Paths that are measured together: `kinds` says for which of ham (False) and unwanted mail (True) a pack stands.

    A source that is no pack has one kind.
    """

    name: str
    pack: bool
    kinds: set[bool] = field(default_factory=set)
    paths: list[Path] = field(default_factory=list)

    def read(self, number: int, limit: int | None) -> Iterator[Letter]:
        """Stream the messages, `limit` of each kind at most, in an order that does not change.

        Takes the number to mark them with. Raises ReplayError and CorpusError, one line, where a path cannot be read.
        """
        if self.pack:
            yield from self._from_pack(number, limit)
            return
        unwanted = True in self.kinds
        stored = (each for path in files(self.paths) for each in messages(path))
        yield from (Letter(number, unwanted, each) for each in islice(stored, limit))

    def files(self) -> int | None:
        """Count the messages, or None where only reading would tell. Raises ReplayError for a path that is not there."""
        found = 0
        for path in files(self.paths):
            if self.pack or str(path) == "-" or _is_mbox(path):
                return None
            found += 1
        return found

    def _from_pack(self, number: int, limit: int | None) -> Iterator[Letter]:
        left: dict[bool, int | None] = dict.fromkeys(self.kinds, limit)
        with closing(read_pack(self.paths[0])) as samples:
            for sample in samples:
                unwanted = sample.label != "ham"
                if left.get(unwanted, 0) == 0:
                    continue
                yield Letter(number, unwanted, Stored(sample.name, sample.data, len(sample.data) >= MEMBER_BYTES))
                room = left[unwanted]
                left[unwanted] = None if room is None else room - 1
                if not any(each is None or each for each in left.values()):
                    return


_Found = dict[tuple[str, bool | None], Source]
"""Sources by path and, but for packs, by kind."""


def find_sources(ham: list[Path], spam: list[Path]) -> list[Source]:
    """Give the sources behind the paths given as ham and as spam, in the order given.

    Raises CorpusError, one line, for a path that is given as both and cannot say which message is which.
    """
    found: _Found = {}
    for unwanted, paths, others in ((False, ham, spam), (True, spam, ham)):
        for path in dict.fromkeys(paths):
            packs = _packs(path)
            for pack in packs:
                source = found.setdefault((str(pack), None), Source(_name(pack, found), pack=True, paths=[pack]))
                source.kinds.add(unwanted)
            if packs:
                continue
            if path in others:
                raise CorpusError(f"{path}: given as ham and as spam")
            place = str(path.parent) if _is_letter(path) else str(path)
            source = found.setdefault((place, unwanted), Source(place, pack=False, kinds={unwanted}))
            source.paths.append(path)
    return list(found.values())


def _packs(path: Path) -> list[Path]:
    """Give the packs at a path; a Maildir is mail, whatever its folders are called."""
    try:
        return [] if (path / "cur").is_dir() else packs_at(path)
    except OSError:
        return []  # reading it will say why


def _name(pack: Path, found: _Found) -> str:
    """Name a pack, by its whole path where the short name is taken by another one."""
    name = pack_name(pack)
    taken = any(source.name == name and path != str(pack) for (path, _), source in found.items())
    return str(pack) if taken else name


def _is_letter(path: Path) -> bool:
    """Say whether a path is a file with a single message."""
    try:
        return path.is_file() and not _is_mbox(path)
    except OSError:
        return False  # reading it will say why


def _is_mbox(path: Path) -> bool:
    """Say whether a file begins as an mbox does."""
    try:
        with path.open("rb") as stream:
            return bool(MBOX_LINE.match(stream.readline(_FIRST_LINE)))
    except OSError:
        return False  # reading it will say why
