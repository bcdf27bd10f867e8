"""Labelled mail for training, read as a stream: packs, folders, mbox files, Maildirs, and records of invented mail.

A pack is a `.tar` (compressed or not) or a folder with `ham/`, `spam/` and `phish/` inside and, if it has one, a
`MANIFEST.tsv` with the columns file, label, year and neardup_group. Nothing is unpacked to disk and nothing in a message is
opened but by the same reader as the live check. Beside packs, a folder may hold an mbox file or a Maildir for each label
(`ham.mbox`, `spam/cur/...`).

Every message belongs to a source: its pack, and within it the collection that its file name begins with. Whole sources
are held out to see what a model does with mail from elsewhere.
"""

from __future__ import annotations

import hashlib
import mailbox
import os
import re
import tarfile
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gatepost.training import invented

LABELS: Final = ("ham", "spam", "phish")

MEMBER_BYTES: Final = 4 * 1024 * 1024
"""Bytes of one training message that are read; a longer one is cut."""

_DIGEST: Final = re.compile(r"([0-9a-f]{64})[ \t]+[ *]?\S.*")
_MEMBER: Final = re.compile(r"(?:.*/)?(ham|spam|phish)/(?:(?:cur|new)/)?([^/]+)")
_COLLECTION: Final = re.compile(r"([A-Za-z0-9]+(?:_[A-Za-z0-9]+){0,4}?)(?:__|-)")


class CorpusError(ValueError):
    """A pack cannot be read; the message is one line for people."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One labelled message: `pack` and `source` say where it comes from, `year` is 0 and `group` "" where unknown."""

    pack: str
    source: str
    name: str
    label: str
    year: int
    group: str
    data: bytes


def find_packs(paths: list[Path], without: frozenset[str] = frozenset()) -> list[Path]:
    """Give the packs among paths, in order of name: each path is a pack itself or a folder of packs.

    `without` names packs (with or without `train-` and suffix) to leave out. Raises CorpusError where nothing is left,
    a path does not exist, or a name in `without` fits nothing.
    """
    packs: list[Path] = []
    for path in paths:
        if not path.exists():
            raise CorpusError(f"{path}: no such file or folder")
        packs += packs_at(path)
    names = {pack_name(pack) for pack in packs}
    unknown = {name for name in without if pack_name(Path(name)) not in names}
    if unknown:
        raise CorpusError(f"--without {min(unknown)}: there is no such pack (packs: {', '.join(sorted(names))})")
    left_out = {pack_name(Path(name)) for name in without}
    kept = [pack for pack in packs if pack_name(pack) not in left_out]
    if not kept:
        raise CorpusError(f"{', '.join(map(str, paths))}: no training packs found")
    return kept


def packs_at(path: Path) -> list[Path]:
    """Give the pack that a path is, or the packs in the folder that it is, in order of name; none where it is neither."""
    if _is_pack(path):
        return [path]
    return sorted(entry for entry in path.iterdir() if _is_pack(entry)) if path.is_dir() else []


def require_empty(out: Path) -> None:
    """Insist that a folder to write to is empty or does not exist yet; raises CorpusError."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise CorpusError(f"--out {out}: exists and is not an empty folder")


def pack_name(path: Path) -> str:
    """Give a pack's name: its file name without `train-` and without the archive suffix."""
    return re.sub(r"(?:\.tar)?(?:\.(?:tar|tgz|xz|gz|bz2))?\Z", "", path.name).removeprefix("train-")


def _is_pack(path: Path) -> bool:
    """Say whether a path is an archive or a folder with a label inside."""
    if path.is_dir():
        return invented.is_pack(path) or any(
            (path / label).is_dir() or (path / f"{label}.mbox").is_file() for label in LABELS
        )
    return bool(re.search(r"\.(?:tar(?:\.(?:xz|gz|bz2))?|tgz)\Z", path.name))


def read_set_aside(path: Path) -> frozenset[str]:
    """Read a list of messages that are not to be learned from: the SHA-256 of each, as sha256sum(1) writes and names them.

    Empty lines and those that begin with `#` say nothing. Raises CorpusError, one line, for what is no such list.
    """
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise CorpusError(f"{path}: cannot be read ({error})".replace("\n", " ")) from error
    digests = set()
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        match = _DIGEST.fullmatch(line.rstrip())
        if match is None:
            raise CorpusError(f"{path}: line {number} is not a SHA-256 and a name, as sha256sum writes them")
        digests.add(match[1])
    return frozenset(digests)


def kept(samples: Iterable[Sample], aside: frozenset[str]) -> Generator[Sample, None, None]:
    """Pass on the samples but for those whose SHA-256 is in `aside`."""
    for sample in samples:
        if not aside or hashlib.sha256(sample.data).hexdigest() not in aside:
            yield sample


def read_pack(path: Path) -> Generator[Sample, None, None]:
    """Stream the messages of one pack; raises CorpusError where it cannot be read to its end."""
    pack = pack_name(path)
    if path.is_dir() and invented.is_pack(path):
        yield from _written(path, pack)
        return
    manifest: dict[str, tuple[int, str]] = {}
    try:
        if path.is_dir():
            manifest_file = path / "MANIFEST.tsv"
            if manifest_file.is_file():
                manifest = _manifest(manifest_file.read_bytes())
            members = _folder(path)
        else:
            manifest = _archived_manifest(path)
            members = _archive(path)
        for name, data in members:
            match = _MEMBER.fullmatch(name)
            if match is None:
                continue
            year, group = manifest.get(f"{match[1]}/{match[2]}", (0, ""))
            yield Sample(pack, _source(pack, match[2]), name, match[1], year, group, data)
    except (OSError, EOFError, tarfile.TarError, UnicodeDecodeError) as error:
        raise CorpusError(f"{path}: cannot be read ({error})".replace("\n", " ")) from error


def count_pack(path: Path) -> int | None:
    """Count the messages of a pack without reading them; None where only reading tells (mbox files).

    Raises CorpusError where it cannot be read.
    """
    try:
        if path.is_dir() and invented.is_pack(path):
            return sum(1 for _ in invented.read_files(path))
        if path.is_dir():
            boxes = any((path / f"{label}.mbox").is_file() for label in LABELS)
            return None if boxes else sum(1 for _ in _files(path))
        with tarfile.open(path, "r|*") as archive:
            return sum(1 for member in archive if member.isfile() and _MEMBER.fullmatch(member.name))
    except (OSError, EOFError, tarfile.TarError, invented.RecordError) as error:
        raise CorpusError(f"{path}: cannot be read ({error})".replace("\n", " ")) from error


def packed_labels(path: Path) -> list[str]:
    """Give the labels of the messages in an archive, in its order. Raises CorpusError where it cannot be read."""
    try:
        with tarfile.open(path, "r|*") as archive:
            names = (_MEMBER.fullmatch(member.name) for member in archive if member.isfile())
            return [name[1] for name in names if name]
    except (OSError, EOFError, tarfile.TarError) as error:
        raise CorpusError(f"{path}: cannot be read ({error})".replace("\n", " ")) from error


def _files(path: Path, labels: tuple[str, ...] = LABELS) -> Iterator[tuple[str, Path]]:
    """Give the message files below the label folders with their labels, in order of name; links are not followed."""
    for label in labels:
        if (path / label).is_dir():
            yield from ((label, file) for file in walk(path / label) if file.is_file() and not file.is_symlink())


def walk(folder: Path) -> Iterator[Path]:
    """Give everything below a folder that is no folder, in order of name; links to folders are given, not followed.

    In memory are the names of one folder and of those above it, not all there are.
    """
    with os.scandir(folder) as entries:
        names = sorted((entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries)
    for name, is_folder in names:
        if is_folder:
            yield from walk(folder / name)
        else:
            yield folder / name


def _written(path: Path, pack: str) -> Iterator[Sample]:
    """Build the messages of a folder of records."""
    try:
        for collection, name, record in invented.read_files(path):
            file = f"{record.label}/{name}.eml"
            yield Sample(pack, f"{pack}/{collection}", file, record.label, 0, "", invented.build(record))
    except invented.RecordError as error:
        raise CorpusError(f"{path}: {error}") from error


def _archive(path: Path) -> Iterator[tuple[str, bytes]]:
    """Give the regular files of an archive, in its order."""
    with tarfile.open(path, "r|*") as archive:
        for member in archive:
            if not member.isfile() or _MEMBER.fullmatch(member.name) is None:
                continue
            stream = archive.extractfile(member)
            if stream is not None:
                yield member.name, stream.read(MEMBER_BYTES)


def _archived_manifest(path: Path) -> dict[str, tuple[int, str]]:
    """Find and read MANIFEST.tsv in an archive; empty where there is none."""
    with tarfile.open(path, "r|*") as archive:
        for member in archive:
            if member.isfile() and member.name.rpartition("/")[2] == "MANIFEST.tsv":
                stream = archive.extractfile(member)
                return _manifest(stream.read()) if stream else {}
    return {}


def _manifest(data: bytes) -> dict[str, tuple[int, str]]:
    """Read a manifest: file name to year (0: unknown) and near-duplicate group ("": unknown)."""
    lines = data.decode("utf-8").splitlines()
    columns = lines[0].split("\t") if lines else []
    if not {"file", "year", "neardup_group"} <= set(columns):
        return {}
    at = {name: columns.index(name) for name in ("file", "year", "neardup_group")}
    found = {}
    for line in lines[1:]:
        cells = line.split("\t")
        if len(cells) != len(columns):
            continue
        year = cells[at["year"]]
        group = cells[at["neardup_group"]]
        found[cells[at["file"]]] = (int(year) if year.isdigit() else 0, "" if group == "-" else group)
    return found


def _folder(path: Path) -> Iterator[tuple[str, bytes]]:
    """Give the messages of a folder: files under label folders (Maildirs too), then mbox files, in order of name."""
    for label in LABELS:
        for _, file in _files(path, (label,)):
            with file.open("rb") as stream:
                yield f"{label}/{file.name}", stream.read(MEMBER_BYTES)
        box = path / f"{label}.mbox"
        if box.is_file():
            with_lock = mailbox.mbox(box, create=False)
            for key in with_lock.iterkeys():
                yield f"{label}/{key:08d}.eml", with_lock.get_bytes(key)[:MEMBER_BYTES]
            with_lock.close()


def _source(pack: str, file: str) -> str:
    """Give the source of a file: its pack, and the collection its name begins with (`usrp-2019-x.eml` is of `usrp`)."""
    match = _COLLECTION.match(file)
    return f"{pack}/{match[1]}" if match else pack
