"""The mail of the accuracy benchmark: unpacked once, chosen alike for every filter, and cut into folds.

Filters of other people read files, so the packs are unpacked into a folder, and each message is known by its name there.
What a filter may learn from and what it is asked about are decided here, before any filter is started: all of them get
the same messages in the same order.

A fold is one training from nothing. `hold_out` makes one for each pack, trained on all the others: mail of a place that
the filter never saw. `within` makes a single one, trained on the first four fifths in time of every source: mail of places
that it knows, some time later.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gatepost.training.corpus import CorpusError, Sample, pack_name, read_pack

TWINS: Final = 2
"""Near-duplicates that a filter may learn from, as in Gatepost's own training."""

EARLIER: Final = 0.8
"""The share of a source, in order of time, that `within` trains on."""

SOURCE: Final = 20
"""Messages that make a source; a smaller collection counts as its pack, as in Gatepost's own training."""

_ODD: Final = re.compile(r"[^A-Za-z0-9._=,+-]")
_NAME_BYTES: Final = 180
_COLUMNS: Final = ("file", "label", "year", "neardup_group", "source")


@dataclass(frozen=True, slots=True)
class Mail:
    """One message on disk: its pack and the source within it, its label, its year (0: unknown), its near-duplicate group, the file."""

    pack: str
    source: str
    label: str
    year: int
    group: str
    path: Path

    @property
    def unwanted(self) -> bool:
        """Whether it is spam or phish."""
        return self.label != "ham"

    @property
    def key(self) -> str:
        """What it is called in every run: pack, label and file name."""
        return f"{self.pack}/{self.label}/{self.path.name}"


@dataclass(frozen=True, slots=True)
class Fold:
    """One training from nothing: what is learned from, and what is then scored.

    `known` says whether the sources that are scored are those that were learned from.
    """

    name: str
    train: tuple[Mail, ...]
    test: tuple[Mail, ...]
    known: bool = False


def unpack(pack: Path, folder: Path) -> list[Mail]:
    """Write the messages of a pack under `folder`, once, and give them in the pack's order.

    The new folder is a pack itself. It is used again while size and time of the pack stay what they were. Raises
    CorpusError where the pack cannot be read; nothing is left behind that a later run would take for whole.
    """
    place = folder / pack_name(pack)
    whole, found = place / "WHOLE", pack.stat()
    stamp = f"{found.st_size} {found.st_mtime_ns} {' '.join(_COLUMNS)}\n"
    if not (whole.is_file() and whole.read_text() == stamp):
        whole.unlink(missing_ok=True)
        lines = [_written(sample, place) for sample in read_pack(pack)]
        write_manifest(place, lines)
        whole.write_text(stamp)
    return [_listed(place, line) for line in (place / "MANIFEST.tsv").read_text().splitlines()[1:]]


def write_manifest(place: Path, lines: Iterable[str]) -> None:
    """Write the manifest of a pack's folder, from lines of its columns."""
    place.mkdir(parents=True, exist_ok=True)
    (place / "MANIFEST.tsv").write_text("".join(f"{line}\n" for line in ("\t".join(_COLUMNS), *lines)))


def manifest_line(mail: Mail) -> str:
    """Give the line of one message."""
    return f"{mail.label}/{mail.path.name}\t{mail.label}\t{mail.year or '-'}\t{mail.group}\t{mail.source}"


def _written(sample: Sample, place: Path) -> str:
    """Write one message under a name without blanks and line ends, and give its line of the manifest."""
    name = _ODD.sub("_", sample.name.rpartition("/")[2])[:_NAME_BYTES]
    digest = hashlib.sha256(sample.data).hexdigest()[:16]
    path = place / sample.label / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(sample.data)
    return manifest_line(Mail(sample.pack, sample.source, sample.label, sample.year, sample.group or digest, path))


def _listed(place: Path, line: str) -> Mail:
    file, label, year, group, source = line.split("\t")
    return Mail(place.name, source, label, int(year) if year.isdigit() else 0, group, place / file)


def choose(mail: Iterable[Mail], limit: int | None) -> list[Mail]:
    """Give at most `limit` messages of each pack and label, in the order given.

    Chosen by a hash of the name: the same messages in every run, and a smaller choice is part of a larger one.
    """
    kinds: dict[tuple[str, str], list[Mail]] = defaultdict(list)
    for each in mail:
        kinds[each.pack, each.label].append(each)
    chosen = []
    for members in kinds.values():
        if limit is None or len(members) <= limit:
            chosen += members
            continue
        kept = {each.key for each in sorted(members, key=_place_in_lot)[:limit]}
        chosen += [each for each in members if each.key in kept]
    return chosen


def _place_in_lot(mail: Mail) -> bytes:
    return hashlib.sha256(mail.key.encode()).digest()


def without_crowds(mail: Iterable[Mail]) -> tuple[Mail, ...]:
    """Leave out what repeats: of near-duplicates with one label the first two stay."""
    seen: Counter[tuple[str, str]] = Counter()
    kept = []
    for each in mail:
        seen[each.label, each.group] += 1
        if seen[each.label, each.group] <= TWINS:
            kept.append(each)
    return tuple(kept)


def hold_out(mail: Sequence[Mail]) -> list[Fold]:
    """Make a fold for each pack: trained on all other packs, tested on every message of it.

    Raises CorpusError where the other packs do not hold both kinds of mail.
    """
    packs = sorted({each.pack for each in mail})
    folds = []
    for pack in packs:
        others = without_crowds(each for each in mail if each.pack != pack)
        folds.append(_checked(Fold(pack, others, tuple(each for each in mail if each.pack == pack))))
    return folds


def within(mail: Sequence[Mail]) -> list[Fold]:
    """Make the fold that is trained on the earlier part of each source and tested on the later one.

    Time is the year, and within a year the order of the pack. Ham and unwanted mail are cut each by itself, or a source
    whose spam is younger would be tested on spam alone. Near-duplicates may lie on both sides: time alone decides.
    """
    sizes = Counter(each.source for each in mail)
    kinds: dict[tuple[str, bool], list[Mail]] = defaultdict(list)
    for each in mail:
        kinds[each.source if sizes[each.source] >= SOURCE else each.pack, each.unwanted].append(each)
    earlier: list[Mail] = []
    later: list[Mail] = []
    for members in kinds.values():
        ranked = sorted(members, key=lambda each: each.year)
        cut = int(len(ranked) * EARLIER)
        earlier += ranked[:cut]
        later += ranked[cut:]
    return [_checked(Fold("within", without_crowds(earlier), tuple(later), known=True))]


def _checked(fold: Fold) -> Fold:
    """Insist on both kinds of mail to learn from."""
    if len({each.unwanted for each in fold.train}) < 2:
        raise CorpusError(f"nothing to learn from in fold {fold.name!r}: the packs to train on need ham and spam")
    return fold
