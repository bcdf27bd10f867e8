"""Labelled mail for training, read as a stream: packs, folders, mbox files, Maildirs, and records of invented mail.

A pack is a `.tar` (compressed or not) or a folder with `ham/`, `spam/` and `phish/` inside and, if it has one, a
`MANIFEST.tsv` with the columns file, label, year and neardup_group. Nothing is unpacked to disk and nothing in a message is
opened but by the same reader as the live check. Beside packs, a folder may hold an mbox file or a Maildir for each label
(`ham.mbox`, `spam/cur/...`), compressed or not. What is no mail is passed over, and counted in one line.

Every message belongs to a source: its pack, and within it the collection that its file name begins with. Whole sources
are held out to see what a model does with mail from elsewhere.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import tarfile
from collections.abc import Generator, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from gatepost.arrival.packed import PackedError
from gatepost.arrival.replay import Passed, ReplayError, is_mail, is_maildir, messages, opened
from gatepost.training import invented

LABELS: Final = ("ham", "spam", "phish")

MEMBER_BYTES: Final = 4 * 1024 * 1024
"""Bytes of one training message that are read; a longer one is cut."""

_HEAD: Final = 4096
"""Bytes of a message that tell whether it is one."""

_CHUNK: Final = 64 * 1024
_LOG: Final = logging.getLogger(__name__)
_DIGEST: Final = re.compile(r"([0-9a-f]{64})[ \t]+[ *]?\S.*")
_MEMBER: Final = re.compile(r"(?:.*/)?(ham|spam|phish)/(?:(?:cur|new)/)?([^/]+)")
_COLLECTION: Final = re.compile(r"([A-Za-z0-9]+(?:_[A-Za-z0-9]+){0,4}?)(?:__|-)")
_NAME_MOST: Final = 200
"""Characters of a name that a model may carry: `checks.content.budget` reads no longer one."""

_UNFINISHED: Final = ".writing"
"""Folder within --out that a model is put together in; while it is there the model is not finished."""


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

    A pack that several paths lead to is given once. `without` names packs (with or without `train-` and suffix) to leave out.
    Raises CorpusError where nothing is left, a path does not exist, a name in `without` fits nothing, or packs have no name to be
    told apart by.
    """
    found: dict[str, Path] = {}
    for path in paths:
        if not path.exists():
            raise CorpusError(f"{path}: no such file or folder")
        for pack in packs_at(path):
            found.setdefault(os.path.realpath(pack), pack)
    packs = list(found.values())
    names = {pack_name(pack) for pack in packs}
    unknown = {name for name in without if pack_name(Path(name)) not in names}
    if unknown:
        raise CorpusError(f"--without {min(unknown)}: there is no such pack (packs: {', '.join(sorted(names))})")
    left_out = {pack_name(Path(name)) for name in without}
    kept = [pack for pack in packs if pack_name(pack) not in left_out]
    if not kept:
        raise CorpusError(f"{', '.join(map(str, paths))}: no training packs found")
    _require_names(kept)
    return kept


def _require_names(packs: list[Path]) -> None:
    """Insist on names that a model can carry and that tell the packs apart."""
    named: dict[str, Path] = {}
    for pack in packs:
        name = pack_name(pack)
        _require_name(name, f"{pack}: the name of the pack")
        if name in named:
            raise CorpusError(f"{named[name]} and {pack}: both packs are named {name}: rename one of them")
        named[name] = pack


def _require_name(name: str, what: str) -> None:
    """Insist on a name that a model can carry; raises CorpusError about `what`."""
    if not (name.isprintable() and 0 < len(name) <= _NAME_MOST):
        shown = "".join(each if each.isprintable() else "?" for each in what)
        raise CorpusError(f"{shown} must have 1 to {_NAME_MOST} printable characters")


def packs_at(path: Path) -> list[Path]:
    """Give the pack that a path is, or the packs in the folder that it is, in order of name; none where it is neither.

    `.` and `..` are given as what they are, because a pack is known by its name.
    """
    path = _spelled(path)
    if _is_pack(path):
        return [path]
    return sorted(entry for entry in path.iterdir() if _is_pack(entry)) if path.is_dir() else []


def require_empty(out: Path) -> None:
    """Insist that a model can be written to a folder: it is empty or can be made, and its name can be the model's.

    What a training left there that was stopped while it wrote does not count. Raises CorpusError.
    """
    _require_name(model_name(out), f"--out {out}: the name of the model")
    if out.exists() and (not out.is_dir() or (any(out.iterdir()) and not (out / _UNFINISHED).is_dir())):
        raise CorpusError(f"--out {out}: exists and is not an empty folder")
    made = [folder for folder in (unfinished(out), *unfinished(out).parents) if not folder.exists()]
    try:
        unfinished(out).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CorpusError(f"--out {out}: cannot be made ({error.strerror})") from error
    finally:
        for folder in made:
            with suppress(OSError):
                folder.rmdir()


def model_name(out: Path) -> str:
    """Give the name of the model that is written to a folder."""
    return _spelled(out).name


def _spelled(path: Path) -> Path:
    """Give a path with a name where it has none, as `.` and `..`."""
    return Path(os.path.realpath(path)) if path.name in {"", ".."} else path


def unfinished(out: Path) -> Path:
    """Give the folder within `out` that a model is put together in."""
    return out / _UNFINISHED


def pack_name(path: Path) -> str:
    """Give a pack's name: its file name without `train-` and without the archive suffix."""
    return re.sub(r"(?:\.tar)?(?:\.(?:tar|tgz|xz|gz|bz2))?\Z", "", path.name).removeprefix("train-")


def _is_pack(path: Path) -> bool:
    """Say whether a path is an archive or a folder with a label inside."""
    if path.is_dir():
        return invented.is_pack(path) or any((path / label).is_dir() or boxes(path, label) for label in LABELS)
    return bool(re.search(r"\.(?:tar(?:\.(?:xz|gz|bz2))?|tgz)\Z", path.name))


def boxes(path: Path, label: str) -> list[Path]:
    """Give the mbox files that a folder has for a label."""
    names = (f"{label}.mbox{packed}" for packed in ("", ".bz2", ".gz", ".xz", ".zst"))
    return [path / name for name in names if (path / name).is_file()]


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
    """Stream the messages of one pack, and say in one line what in it is no mail.

    Raises CorpusError where it cannot be read to its end.
    """
    pack, passed = pack_name(path), Passed()
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
            if not is_mail(match[2], data[:_HEAD]):
                passed.add(name)
                continue
            year, group = manifest.get(f"{match[1]}/{match[2]}", (0, ""))
            yield Sample(pack, _source(pack, match[2]), name, match[1], year, group, data)
    except _UNREADABLE as error:
        raise CorpusError(f"{path}: cannot be read ({error})".replace("\n", " ")) from error
    if passed.count:
        _LOG.warning("%s: %s", path, passed.as_files())
    links = Passed()
    for link in _links(path):
        links.add(link)
    if links.count:
        _LOG.warning("%s: links in a pack are not followed: %s", path, links.line())


_UNREADABLE: Final = (OSError, EOFError, tarfile.TarError, UnicodeDecodeError, PackedError, ReplayError)
"""What reading a pack raises."""


def count_pack(path: Path) -> int | None:
    """Count the messages of a pack without reading them; None where only reading tells (mbox files).

    Raises CorpusError where it cannot be read.
    """
    try:
        if path.is_dir() and invented.is_pack(path):
            return sum(1 for _ in invented.read_files(path))
        if path.is_dir():
            if any(boxes(path, label) for label in LABELS):
                return None
            return sum(1 for _, file in _files(path) if file.stat().st_size)
        return sum(1 for _, member in _members(path) if member.size)
    except (*_UNREADABLE, invented.RecordError) as error:
        raise CorpusError(f"{path}: cannot be read ({error})".replace("\n", " ")) from error


def packed_labels(path: Path) -> list[str]:
    """Give the labels of the messages in an archive, in its order. Raises CorpusError where it cannot be read."""
    try:
        names = (_MEMBER.fullmatch(member.name) for _, member in _members(path) if member.size)
        return [name[1] for name in names if name]
    except _UNREADABLE as error:
        raise CorpusError(f"{path}: cannot be read ({error})".replace("\n", " ")) from error


def _files(path: Path, labels: tuple[str, ...] = LABELS) -> Iterator[tuple[str, Path]]:
    """Give the message files below the label folders with their labels, in order of name; links are not followed."""
    for label in labels:
        if (path / label).is_dir():
            yield from ((label, file) for file in walk(path / label) if file.is_file() and not file.is_symlink())


def _links(path: Path) -> Iterator[Path]:
    """Give the links below the label folders of a pack."""
    for label in LABELS:
        if (path / label).is_dir():
            yield from (file for file in walk(path / label) if file.is_symlink())


def walk(folder: Path) -> Iterator[Path]:
    """Give everything below a folder that is no folder, in order of name; links to folders are given, not followed.

    Of a Maildir only its messages: what its server keeps beside them changes while nobody touches the mail.
    In memory are the names of one folder and of those above it, not all there are.
    """
    with os.scandir(folder) as entries:
        names = sorted((entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries)
    if is_maildir(folder):
        names = [("cur", True), ("new", True)]
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


_AT_END: Final = tarfile.EOFHeaderError  # type: ignore[attr-defined]  # typeshed does not know it
_HEADER: Final = tarfile.HeaderError
_READ: Final = tarfile.ReadError


class _Member(tarfile.TarInfo):
    """A member of an archive that must go on, or end as archives do: with a block of zeros.

    By itself tarfile takes an archive that is cut between two members, or whose next header is damaged, for one that has ended.
    """

    @classmethod
    def fromtarfile(cls, tarfile: tarfile.TarFile) -> Self:
        try:
            return super().fromtarfile(tarfile)
        except _AT_END:
            raise
        except _HEADER as error:
            raise _READ(f"cut off or damaged: {error}") from error


def _members(path: Path) -> Iterator[tuple[tarfile.TarFile, tarfile.TarInfo]]:
    """Give the messages of an archive, in its order, with the archive; raises an error where it does not reach its end."""
    for archive, member in _entries(path):
        if _MEMBER.fullmatch(member.name):
            yield archive, member


def _entries(path: Path) -> Iterator[tuple[tarfile.TarFile, tarfile.TarInfo]]:
    """Give the regular files of an archive."""
    with opened(path) as stream, tarfile.open(fileobj=stream, mode="r|", tarinfo=_Member) as archive:
        yield from ((archive, member) for member in archive if member.isfile())
        rest = archive.fileobj
        # To the end, because only there a compressed stream says whether it is whole.
        while chunk := rest.read(_CHUNK):
            if chunk.strip(b"\0"):
                raise tarfile.ReadError("something follows its end")


def _archive(path: Path) -> Iterator[tuple[str, bytes]]:
    """Give the messages of an archive, in its order."""
    for archive, member in _members(path):
        stream = archive.extractfile(member)
        if stream is not None:
            yield member.name, stream.read(MEMBER_BYTES)


def _archived_manifest(path: Path) -> dict[str, tuple[int, str]]:
    """Find and read MANIFEST.tsv in an archive; empty where there is none."""
    for archive, member in _entries(path):
        if member.name.rpartition("/")[2] == "MANIFEST.tsv":
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
            with opened(file) as stream:
                yield f"{label}/{file.name}", stream.read(MEMBER_BYTES)
        for box in boxes(path, label):
            packed = "" if box.suffix == ".mbox" else box.suffix
            for number, stored in enumerate(messages(box)):
                yield f"{label}/{number:08d}{packed}.eml", stored.data[:MEMBER_BYTES]


def _source(pack: str, file: str) -> str:
    """Give the source of a file: its pack, and the collection its name begins with (`usrp-2019-x.eml` is of `usrp`)."""
    match = _COLLECTION.match(file)
    return f"{pack}/{match[1]}" if match else pack
