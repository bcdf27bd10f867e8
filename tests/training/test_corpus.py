"""Packs in every form give the same labelled messages."""

from __future__ import annotations

import io
import mailbox
import tarfile
from pathlib import Path

import pytest

from gatepost.training.corpus import CorpusError, count_pack, find_packs, pack_name, read_pack, walk

_MAIL = {
    f"{label}/{name}": f"Subject: {label} {name}\n\nwords\n".encode()
    for label in ("ham", "spam", "phish")
    for name in ("list-1.eml", "box__2.eml")
}
_MANIFEST = (
    "file\tlabel\tyear\tneardup_group\tbytes\nham/list-1.eml\tham\t2020\tabc\t9\nspam/box__2.eml\tspam\t-\t-\t9\n"
)


def _archive(path: Path, mode: str) -> Path:
    """Write the mail as an archive."""
    with tarfile.open(path, mode) as archive:
        for name, data in {**_MAIL, "MANIFEST.tsv": _MANIFEST.encode(), "notes.txt": b"no mail"}.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def _folder(path: Path) -> Path:
    """Write the mail as a folder."""
    for name, data in {**_MAIL, "MANIFEST.tsv": _MANIFEST.encode()}.items():
        file = path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    return path


def test_archives_and_folders_hold_the_same(tmp_path: Path):
    """A compressed archive and a folder give the same samples, manifest included, and other files are not mail."""
    archive = sorted(read_pack(_archive(tmp_path / "train-a.tar.xz", "w:xz")), key=lambda sample: sample.name)
    folder = sorted(read_pack(_folder(tmp_path / "train-a")), key=lambda sample: sample.name)
    assert archive == folder
    assert {sample.name: sample.data for sample in archive} == _MAIL
    dated = {sample.name: (sample.year, sample.group, sample.source) for sample in archive}
    assert dated["ham/list-1.eml"] == (2020, "abc", "a/list")
    assert dated["spam/box__2.eml"] == (0, "", "a/box")


def test_mbox_and_maildir_are_read(tmp_path: Path):
    """An mbox file for one label and a Maildir for another make a pack."""
    box = mailbox.mbox(tmp_path / "mine" / "ham.mbox") if (tmp_path / "mine").mkdir() is None else None
    assert box is not None
    box.add(b"Subject: one\n\nwords\n")
    box.close()
    place = mailbox.Maildir(tmp_path / "mine" / "spam")
    place.add(b"Subject: two\n\nwords\n")
    place.close()
    assert sorted((sample.label, sample.data.splitlines()[0]) for sample in read_pack(tmp_path / "mine")) == [
        ("ham", b"Subject: one"),
        ("spam", b"Subject: two"),
    ]


def test_packs_are_found_and_left_out_by_name(tmp_path: Path):
    """A folder of packs gives its packs in order; --without takes names in any spelling and refuses unknown ones."""
    _archive(tmp_path / "train-b.tar.xz", "w:xz")
    _folder(tmp_path / "train-a")
    (tmp_path / "INDEX.md").write_text("no pack")
    assert [pack_name(path) for path in find_packs([tmp_path])] == ["a", "b"]
    assert [pack_name(path) for path in find_packs([tmp_path], frozenset({"train-b.tar.xz"}))] == ["a"]
    with pytest.raises(CorpusError, match="no such pack"):
        find_packs([tmp_path], frozenset({"c"}))
    with pytest.raises(CorpusError, match="no training packs"):
        find_packs([tmp_path], frozenset({"a", "b"}))
    with pytest.raises(CorpusError, match="no such file"):
        find_packs([tmp_path / "nowhere"])


def test_a_broken_archive_is_one_clear_line(tmp_path: Path):
    """A cut-off archive says so instead of training on half of it."""
    whole = _archive(tmp_path / "train-b.tar.xz", "w:xz").read_bytes()
    (tmp_path / "train-b.tar.xz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CorpusError) as caught:
        list(read_pack(tmp_path / "train-b.tar.xz"))
    assert "train-b.tar.xz: cannot be read" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_links_out_of_a_pack_are_not_followed(tmp_path: Path):
    """A symbolic link in a folder and a link member in an archive are not mail."""
    (tmp_path / "secret").write_bytes(b"Subject: secret\n\n")
    _folder(tmp_path / "a")
    (tmp_path / "a" / "ham" / "link.eml").symlink_to(tmp_path / "secret")
    assert len(list(read_pack(tmp_path / "a"))) == len(_MAIL)
    with tarfile.open(tmp_path / "b.tar", "w") as archive:
        info = tarfile.TarInfo("ham/link.eml")
        info.type, info.linkname = tarfile.SYMTYPE, str(tmp_path / "secret")
        archive.addfile(info)
    assert list(read_pack(tmp_path / "b.tar")) == []


def test_files_come_in_order_of_name_whatever_the_folders(tmp_path: Path):
    """Folders and files are gone through as sorted paths are: a pack has one order everywhere."""
    for name in ("b/2.eml", "b/1.eml", "b.eml", "a/z/1.eml", "a/.hidden", "B/x", "b-1", "a/y"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "c").symlink_to(tmp_path / "a")
    assert list(walk(tmp_path)) == [path for path in sorted(tmp_path.rglob("*")) if path.is_symlink() or path.is_file()]


def test_messages_are_counted_as_they_are_read(tmp_path: Path):
    """The count of an archive and of a folder is that of the samples they give; a broken archive is one clear line."""
    folder, archive = _folder(tmp_path / "train-a"), _archive(tmp_path / "train-b.tar.xz", "w:xz")
    (folder / "ham" / "link.eml").symlink_to(folder / "spam")
    for pack in (folder, archive):
        assert count_pack(pack) == len(list(read_pack(pack))) == len(_MAIL)
    archive.write_bytes(archive.read_bytes()[:200])
    with pytest.raises(CorpusError, match="cannot be read"):
        count_pack(archive)
