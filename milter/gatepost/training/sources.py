"""Where the mail of an evaluation comes from: sources, each measured by itself.

A source is a path as people give it: a directory, a Maildir, an mbox file, a pack. Messages of one file each are of the
folder that they lie in, or `ham/*.eml` would be a source for every message. A pack says itself which of its messages are
ham; given as ham it lends its ham, given as spam its spam and phish, given as both it is read once.

A message counts once, however many of the paths lead to it, and is never ham and unwanted at the same time: paths are compared by the
real places of their files.

Mail comes through `arrival.replay`, the door of the live check's own tools; packs through `training.corpus`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from gatepost.arrival.replay import (
    Say,
    Stored,
    begins_as_mail,
    covered,
    files,
    in_log,
    is_mbox,
    messages,
    place_of,
    places,
)
from gatepost.training.corpus import LABELS, MEMBER_BYTES, CorpusError, boxes, pack_name, packs_at, read_pack


def _unsaid(_: str) -> None:
    """Say nothing of what is passed over: reading says it."""


@dataclass(frozen=True, slots=True)
class Letter:
    """One labelled message: the number of its source, whether people want it, and itself."""

    source: int
    unwanted: bool
    stored: Stored


@dataclass(slots=True)
class Source:
    """Paths that are measured together: `kinds` says for which of ham (False) and unwanted mail (True) a pack stands.

    A source that is no pack has one kind, and leaves out the places in `without`: they belong to other sources.
    """

    name: str
    pack: bool
    kinds: set[bool] = field(default_factory=set)
    paths: list[Path] = field(default_factory=list)
    without: set[str] = field(default_factory=set)

    def read(self, number: int, limit: int | None) -> Iterator[Letter]:
        """Stream the messages, `limit` of each kind at most, in an order that does not change.

        Takes the number to mark them with. Raises ReplayError and CorpusError, one line, where a path cannot be read.
        """
        if self.pack:
            yield from self._from_pack(number, limit)
            return
        unwanted = True in self.kinds
        stored = (each for path in self.found() for each in messages(path))
        yield from (Letter(number, unwanted, each) for each in islice(stored, limit))

    def files(self) -> int | None:
        """Count the messages, or None where only reading would tell. Raises ReplayError for a path that is not there."""
        found = 0
        for path in self.found(_unsaid):
            if self.pack or str(path) == "-" or is_mbox(path):
                return None
            found += 1
        return found

    def found(self, say: Say = in_log) -> Iterator[Path]:
        """Give the files that are read, and say what is passed over."""
        return files(self.paths, without=self.without, say=say)

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
"""Sources by path (packs by their real one) and, but for packs, by kind."""


def find_sources(ham: list[Path], spam: list[Path]) -> list[Source]:
    """Give the sources behind the paths given as ham and as spam, in the order given.

    Raises CorpusError, one line, for mail that is given as both and cannot say which message is which, ReplayError for a path that
    is not there.
    """
    found: _Found = {}
    for unwanted, paths in ((False, ham), (True, spam)):
        for path in paths:
            packs = _packs(path)
            for pack in packs:
                key = (os.path.realpath(pack), None)
                found.setdefault(key, Source(_name(pack, found), pack=True, paths=[pack])).kinds.add(unwanted)
            inside = {place for pack in packs for place in (os.path.realpath(pack), place_of(pack))}
            if packs and not _has_mail(path, inside):
                continue
            place = str(path.parent) if _is_letter(path) else str(path)
            source = found.setdefault((place, unwanted), Source(place, pack=False, kinds={unwanted}))
            source.paths.append(path)
            source.without |= inside
    return _apart(list(found.values()))


def _packs(path: Path) -> list[Path]:
    """Give the packs at a path; a Maildir is mail, whatever its folders are called."""
    try:
        return [] if (path / "cur").is_dir() else packs_at(path)
    except OSError:
        return []  # reading it will say why


def _has_mail(path: Path, inside: set[str]) -> bool:
    """Say whether a folder of packs has messages beside them; what does not begin with a field is a note about the packs."""
    return any(map(begins_as_mail, files([path], without=inside, say=_unsaid)))


def _apart(sources: list[Source]) -> list[Source]:
    """Let every message belong to one source: the first that is given, packs before all; a source with nothing left goes.

    Raises CorpusError for mail on both sides.
    """
    kinds = (False, True)
    own = [{kind: _places(source, unwanted=kind) for kind in kinds} for source in sources]
    sides = {kind: set[str]().union(*(each[kind] for each in own)) for kind in kinds}
    for kind in kinds:
        both = [place for place in sides[kind] if covered(place, sides[not kind])]
        if both:
            raise CorpusError(f"{min(both).rstrip('/')}: given as ham and as spam")
    kept = []
    for kind in kinds:
        taken = set[str]().union(*(each[kind] for source, each in zip(sources, own, strict=True) if source.pack))
        for source, each in zip(sources, own, strict=True):
            if source.pack or kind not in source.kinds:
                continue
            source.without |= taken | sides[not kind]
            if not each[kind] or not all(covered(place, taken) for place in each[kind]):
                kept.append(source)
            taken |= each[kind]
    return [source for source in sources if source.pack or any(source is each for each in kept)]


def _places(source: Source, *, unwanted: bool) -> set[str]:
    """Give where the mail of one kind of a source lies; an archive can have nothing in common with other paths."""
    if unwanted not in source.kinds:
        return set()
    if not source.pack:
        return places(source.paths, without=source.without)
    pack = source.paths[0]
    labels = [label for label in LABELS if pack.is_dir() and (label != "ham") == unwanted]
    folders = [pack / label for label in labels if (pack / label).is_dir()]
    return places([*folders, *(box for label in labels for box in boxes(pack, label))])


def _name(pack: Path, found: _Found) -> str:
    """Name a pack, by its whole path where the short name is taken by another one."""
    name = pack_name(pack)
    taken = any(source.name == name and path != os.path.realpath(pack) for (path, _), source in found.items())
    return str(pack) if taken else name


def _is_letter(path: Path) -> bool:
    """Say whether a path is a file with a single message."""
    try:
        return path.is_file() and not is_mbox(path)
    except OSError:
        return False  # reading it will say why
