"""The work folder of a training: which mail is read already, and reading the rest.

One folder serves all trainings, one at a time. Below it each pack has a folder, named by the pack and the digest of what
its shards depend on. When a pack, the tokens or a library changes, its shards are of no more use and are deleted with the
next training that has a pack of that name. Hashes of words are no secret but their dictionary is small: the folder is the
owner's alone, like the mail.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Protocol

import gatepost
from gatepost.checks.content.tokens import FEATURES_VERSION
from gatepost.training.corpus import CorpusError, Sample, count_pack, kept, pack_name, read_pack, walk
from gatepost.training.reading import Readers
from gatepost.training.shards import FORMAT, PIECE, DamagedError, Shard, open_shard, write_shard

STAGE: Final = "reading mail"

_CODE: Final = (
    "mail",
    "checks/content",
    "arrival/packed.py",
    "arrival/replay.py",
    "training/corpus.py",
    "training/invented.py",
    "training/reading.py",
)
_NAME: Final = 40
_CHUNK: Final = 1 << 20
_TOLD_EVERY: Final = 16
_LIBRARIES: Final = ("idna", "numpy", "publicsuffixlist", "selectolax")


class Progress(Protocol):
    """Told the name of a stage, how much of it is done so far, and how much there is, where that is known."""

    def __call__(self, stage: str, done: int, total: int | None = None) -> None:
        """Take the news; called often, and from one thread."""


def default_folder() -> Path:
    """Give the work folder where none is named: below the user's cache folder (XDG base directories)."""
    named = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(named) if named.startswith("/") else Path.home() / ".cache") / "gatepost" / "train"


@contextmanager
def opened(work: Path | None) -> Iterator[Path]:
    """Make a work folder and keep it to one training meanwhile; None: a temporary one, deleted afterwards.

    The system ends the lock with the process, however that ends. Raises CorpusError where another training is using the
    folder, OSError where it cannot be made.
    """
    if work is None:
        with TemporaryDirectory(prefix="gatepost-train-") as folder:
            yield Path(folder)
        return
    work.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (work / "lock").open("w") as stream:
        try:
            # A record lock: unlike that of flock(2), reading processes do not inherit it and keep it from a successor.
            fcntl.lockf(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise CorpusError(f"{work}: another training is using it; wait for it or give another --work") from error
        yield work


def disk_use(work: Path) -> int:
    """Give the bytes that a work folder holds."""
    return sum(path.stat().st_size for path in work.rglob("*") if path.is_file())


def read_packs(
    packs: list[Path],
    work: Path,
    jobs: int,
    progress: Progress,
    *,
    fresh: bool = False,
    aside: frozenset[str] = frozenset(),
) -> list[Shard]:
    """Give the shards of packs, in their order, reading what is not in `work` yet; `fresh` reads all of it.

    Messages whose SHA-256 is in `aside` are passed over.
    Raises CorpusError where a pack cannot be read or changes meanwhile, OSError where the folder cannot be written.
    Whenever it stops, finished shards stay and are used the next time.
    """
    with Readers(jobs) as readers:
        drawers = []
        for number, pack in enumerate(packs):
            progress("finding packs", number, len(packs))
            drawers.append(_Drawer(pack, work, aside))
        progress("finding packs", len(packs), len(packs))
        _forget(work, {drawer.folder for drawer in drawers})
        tally = _Tally(progress, drawers, fresh=fresh)
        return [shard for drawer in drawers for shard in drawer.read(readers, tally)]


class _Drawer:
    """One pack's shards."""

    def __init__(self, pack: Path, work: Path, aside: frozenset[str]) -> None:
        self.pack, self.aside = pack, aside
        self.folder = work / _drawer_name(pack, aside)
        self.found: dict[int, Shard] = {}

    def look(self, *, fresh: bool) -> None:
        """See what is there; what is damaged, unfinished or not wanted is deleted."""
        self.folder.mkdir(mode=0o700, exist_ok=True)
        for path in sorted(self.folder.iterdir()):
            if fresh or not re.fullmatch(r"\d{6}\.shard", path.name):
                path.unlink()
                continue
            try:
                self.found[int(path.stem)] = open_shard(path)
            except DamagedError:
                path.unlink()

    @property
    def done(self) -> bool:
        """Whether all of the pack is there: every piece up to the last."""
        ends = [number for number, shard in self.found.items() if shard.last]
        return len(ends) == 1 and set(range(ends[0] + 1)) == set(self.found)

    def read(self, readers: Readers, tally: _Tally) -> list[Shard]:
        """Give all shards of the pack, writing those that are missing."""
        if self.done:
            return [self.found[number] for number in range(len(self.found))]
        samples = kept(read_pack(self.pack), self.aside)
        shards: list[Shard] = []
        while not shards or not shards[-1].last:
            piece = tally.watched(islice(samples, PIECE), again=len(shards) not in self.found)
            shards.append(self._piece(len(shards), piece, readers))
        if _drawer_name(self.pack, self.aside) != self.folder.name:
            raise CorpusError(f"{self.pack}: changed while it was read; try again when it is at rest")
        return shards

    def _piece(self, number: int, samples: Iterator[Sample], readers: Readers) -> Shard:
        """Give the shard of one piece; where it is there already its samples are only passed over."""
        if number in self.found:
            for _ in samples:
                pass
            return self.found[number]
        return write_shard(self.folder / f"{number:06d}.shard", readers.read(samples), whole=PIECE)


class _Tally:
    """How far reading is: messages of finished shards count at once, the others as they are read."""

    def __init__(self, progress: Progress, drawers: list[_Drawer], *, fresh: bool) -> None:
        self._progress = progress
        self._done = 0
        for drawer in drawers:
            drawer.look(fresh=fresh)
        self._done = sum(shard.messages for drawer in drawers for shard in drawer.found.values())
        counts = [_in(drawer) if drawer.done else count_pack(drawer.pack) for drawer in drawers]
        known = [count for count in counts if count is not None]
        self._total = sum(known) if len(known) == len(counts) else None
        progress(STAGE, self._done, self._total)

    def watched(self, samples: Iterator[Sample], *, again: bool) -> Iterator[Sample]:
        """Pass samples on and tell of each; `again` is False for those that count as read already."""
        for sample in samples:
            yield sample
            self._done += again
            if self._done % _TOLD_EVERY == 0:
                self._progress(STAGE, self._done, self._total)
        self._progress(STAGE, self._done, self._total)


def _in(drawer: _Drawer) -> int:
    return sum(shard.messages for shard in drawer.found.values())


def _forget(work: Path, wanted: set[Path]) -> None:
    """Delete the shards that packs of these names had when they, or the code, were others."""
    prefixes = {folder.name[:-16] for folder in wanted}
    for folder in work.iterdir():
        old = re.fullmatch(r"(.+-)[0-9a-f]{16}", folder.name)
        if old and old[1] in prefixes and folder not in wanted and folder.is_dir() and not folder.is_symlink():
            shutil.rmtree(folder)


def _drawer_name(pack: Path, aside: frozenset[str]) -> str:
    """Give the folder name of a pack's shards: it changes with all that they depend on."""
    digest = hashlib.sha256(_code())
    digest.update(f"{pack_name(pack)}\0{' '.join(sorted(aside))}\0".encode("utf-8", "surrogateescape"))
    try:
        if pack.is_dir():
            for path in walk(pack):
                state = path.lstat()
                line = f"{path.relative_to(pack)}\0{state.st_mode}\0{state.st_size}\0{state.st_mtime_ns}\n"
                digest.update(line.encode("utf-8", "surrogateescape"))
        else:
            with pack.open("rb") as stream:
                while chunk := stream.read(_CHUNK):
                    digest.update(chunk)
    except OSError as error:
        raise CorpusError(f"{pack}: cannot be read ({error})") from error
    return f"{pack_name(pack)[:_NAME]}-{digest.hexdigest()[:16]}"


@cache
def _code() -> bytes:
    """Give what else a shard depends on: the code, as it was when this process began, and the libraries below it."""
    root = Path(gatepost.__file__).parent
    files = [file for part in _CODE for file in (_sources(root / part) or [root / part])]
    libraries = [version(name) for name in _LIBRARIES]
    digest = hashlib.sha256(repr((FORMAT, PIECE, FEATURES_VERSION, platform.python_version(), libraries)).encode())
    for file in files:
        digest.update(file.read_bytes())
    return digest.digest()


def _sources(folder: Path) -> list[Path]:
    """Give the code of a folder, and the word lists beside it."""
    return sorted(file for kind in ("*.py", "*.txt") for file in folder.rglob(kind))
