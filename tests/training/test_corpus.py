"""Packs in every form give the same labelled messages."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import mailbox
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from gatepost.training.corpus import (
    CorpusError,
    count_pack,
    find_packs,
    pack_name,
    packed_labels,
    read_pack,
    require_empty,
    walk,
)

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


def test_an_mbox_is_cut_where_an_evaluation_cuts_it(tmp_path: Path):
    """A line that begins with `From ` within a paragraph begins no message; a rotated mbox is read, an empty one has none."""
    (tmp_path / "p").mkdir()
    box = b"From a Mon\nSubject: one\n\nhello\nFrom here on the text\n\nFrom b Tue\nSubject: two\n\n>From me\n"
    (tmp_path / "p" / "ham.mbox").write_bytes(box)
    (tmp_path / "p" / "spam.mbox.gz").write_bytes(gzip.compress(box))
    (tmp_path / "p" / "phish.mbox").write_bytes(b"")
    assert [(sample.name, sample.data) for sample in read_pack(tmp_path / "p")] == [
        (f"{label}/0000000{number}{packed}.eml", data)
        for label, packed in (("ham", ""), ("spam", ".gz"))
        for number, data in enumerate(
            (b"Subject: one\n\nhello\nFrom here on the text\n\n", b"Subject: two\n\nFrom me\n")
        )
    ]


def test_a_server_s_own_files_are_no_mail(tmp_path: Path):
    """Of a Maildir under a label only its messages count, are read, and make the pack another one when they change."""
    pack = tmp_path / "mine"
    for name in ("cur/1", "new/2", "tmp/3", ".Junk/cur/4", "dovecot-uidlist", "dovecot.index.log", "maildirfolder"):
        (pack / "ham" / name).parent.mkdir(parents=True, exist_ok=True)
        (pack / "ham" / name).write_bytes(b"Subject: x\n\n" if name[-1].isdigit() else b"3 V1\x00")
    assert [sample.name for sample in read_pack(pack)] == ["ham/1", "ham/2"]
    assert count_pack(pack) == 2
    assert [path.name for path in walk(pack)] == ["1", "2"]
    with tarfile.open(tmp_path / "mine.tar", "w") as archive:
        archive.add(pack / "ham", "ham")
    assert [sample.name for sample in read_pack(tmp_path / "mine.tar")] == ["ham/cur/1", "ham/new/2"]


def test_what_is_no_mail_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    """Empty, binary and packed files are no messages, with one line that counts them; a compressed message is read unpacked."""
    (tmp_path / "p" / "ham").mkdir(parents=True)
    content = {
        "a": b"",
        "b": os.urandom(500),
        "c": gzip.compress(os.urandom(500)),
        "d": gzip.compress(b"Subject: x\n\n"),
    }
    for name, data in content.items():
        (tmp_path / "p" / "ham" / name).write_bytes(data)
    assert [(sample.name, sample.data) for sample in read_pack(tmp_path / "p")] == [("ham/d", b"Subject: x\n\n")]
    assert [record.getMessage() for record in caplog.records] == [
        f"{tmp_path / 'p'}: 3 files are empty or no mail, passed over: ham/a, ham/b, ham/c"
    ]


def test_a_pack_is_learned_once(tmp_path: Path):
    """A pack that several paths and links lead to is one; two packs of one name cannot be told apart and are refused."""
    one = _folder(tmp_path / "packs" / "one")
    (tmp_path / "packs" / "again").symlink_to(one)
    assert find_packs([tmp_path / "packs", one, tmp_path / "packs" / ".." / "packs"]) == [tmp_path / "packs" / "again"]
    other = _folder(tmp_path / "others" / "train-one")
    with pytest.raises(CorpusError, match=r"packs/one and .*others/train-one: both packs are named one: rename one"):
        find_packs([one, other])


def test_here_has_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """`.` and `..` are the packs that they stand for, by name."""
    monkeypatch.chdir(_folder(tmp_path / "mine") / "ham")
    assert [pack_name(pack) for pack in find_packs([Path("..")])] == ["mine"]
    monkeypatch.chdir(tmp_path / "mine")
    assert [pack_name(pack) for pack in find_packs([Path()])] == ["mine"]


@pytest.mark.parametrize("name", ["train-", "a\nb", "\udce9", "n" * 201])
def test_a_name_that_no_model_can_carry_is_refused_before_the_work(tmp_path: Path, name: str):
    """Names of packs and models are printable and of bounded length: a model with another one could not be loaded."""
    with pytest.raises(CorpusError, match="must have 1 to 200 printable characters") as caught:
        find_packs([_folder(tmp_path / name)])
    assert str(caught.value).isprintable()
    if name != "train-":
        with pytest.raises(CorpusError, match="must have 1 to 200 printable characters"):
            require_empty(tmp_path / "out" / name)


def test_where_no_model_can_be_written_is_known_before_the_work(tmp_path: Path):
    """A folder that cannot be made is refused, one that can be is not left behind, and what a stopped training left is no hindrance."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(CorpusError, match="file/x: cannot be made"):
        require_empty(tmp_path / "file" / "x")
    require_empty(tmp_path / "a" / "b")
    (tmp_path / "c" / ".writing").mkdir(parents=True)
    require_empty(tmp_path / "c")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c", "file"]


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


_BLOCK = 512
_HARMS: dict[str, Callable[[bytes], bytes]] = {
    "no end": lambda tar: tar.rstrip(b"\0") + b"\0" * (-len(tar.rstrip(b"\0")) % _BLOCK),
    "cut between members": lambda tar: tar[: 2 * _BLOCK],
    "cut within a member": lambda tar: tar[: 2 * _BLOCK - 500],
    "damaged header": lambda tar: tar[: 2 * _BLOCK] + b"x" * _BLOCK + tar[3 * _BLOCK :],
    "followed": lambda tar: tar + tar,
}


@pytest.mark.parametrize("harm", _HARMS)
@pytest.mark.parametrize("read", [lambda path: list(read_pack(path)), count_pack, packed_labels])
def test_an_archive_that_does_not_reach_its_end_is_one_clear_line(tmp_path: Path, harm: str, read: Callable):
    """A tar that is cut, even between two members, damaged, or followed by another one is no whole pack."""
    path = tmp_path / "x.tar"
    tar = _archive(path, "w").read_bytes()
    path.write_bytes(_HARMS[harm](tar))
    with pytest.raises(CorpusError, match=r"x\.tar: cannot be read") as caught:
        read(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_a_compressed_archive_that_is_cut_behind_its_last_member_is_refused(tmp_path: Path, pack: Callable):
    """Where the compressed stream does not reach its end, all members may be there and still nothing says so."""
    tar = _archive(tmp_path / "x.tar", "w").read_bytes()
    (tmp_path / "y.tar.gz").write_bytes(pack(tar)[:-6])
    with pytest.raises(CorpusError, match="cannot be read"):
        list(read_pack(tmp_path / "y.tar.gz"))


def test_links_out_of_a_pack_are_not_followed(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    """A symbolic link in a folder and a link member in an archive are not mail, and the former are said."""
    (tmp_path / "secret").write_bytes(b"Subject: secret\n\n")
    _folder(tmp_path / "a")
    (tmp_path / "a" / "ham" / "link.eml").symlink_to(tmp_path / "secret")
    assert len(list(read_pack(tmp_path / "a"))) == len(_MAIL)
    link = tmp_path / "a" / "ham" / "link.eml"
    assert [each.getMessage() for each in caplog.records] == [
        f"{tmp_path / 'a'}: links in a pack are not followed: {link}"
    ]
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
