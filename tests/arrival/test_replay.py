"""Stored mail: files, directories, Maildir, mbox."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.arrival import replay
from gatepost.arrival.replay import ReplayError, files, messages
from gatepost.mail import limits

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MAIL = b"Subject: x\n\nwords\n"
CHECKED = {zstd.CompressionParameter.checksum_flag: 1}
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": lambda data: zstd.compress(data, options=CHECKED),
}


def put(root: Path, *names: str, data: bytes = MAIL) -> Path:
    """Write files below a folder and give the folder."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    return root


def found(*paths: Path, root: Path) -> tuple[list[str], list[str]]:
    """Give the files behind paths, as seen from a folder, and the lines that are said about the rest."""
    said: list[str] = []
    return [os.path.relpath(path, root) for path in files(paths, say=said.append)], said


def test_a_directory_stands_for_its_files(tmp_path: Path) -> None:
    """Files come in a stable order, folders after files, and a pipe is passed over."""
    put(tmp_path, "b/cur/1", "b/2", "b.eml", "a.eml", "a/tmp/3")
    os.mkfifo(tmp_path / "pipe")
    assert found(tmp_path, root=tmp_path) == (["a.eml", "b.eml", "a/tmp/3", "b/2", "b/cur/1"], [])


SERVERS_OWN = (
    "dovecot-uidlist",
    "dovecot-keywords",
    "dovecot.index.cache",
    "dovecot.index.log",
    "maildirfolder",
    "subscriptions",
)


def maildir(root: Path, *letters: str) -> Path:
    """Write a Maildir as Dovecot keeps it: letters, one that is still delivered, and its own files."""
    put(root, *letters, "tmp/half")
    (root / "new").mkdir(exist_ok=True)
    put(root, *SERVERS_OWN[:2], *SERVERS_OWN[4:], data=b"3 V1 N2\n1 :x\n")
    put(root, *SERVERS_OWN[2:4], data=bytes(range(200)))
    return root


def test_a_maildir_stands_for_its_own_mail(tmp_path: Path) -> None:
    """Of a Maildir come `cur` and `new` alone, and one line says which folders and messages beside them were left out."""
    box = maildir(tmp_path / "Maildir", "cur/2", "new/1")
    maildir(box / ".Junk", "cur/3")
    put(box, "spam/4.eml", "5.eml")
    ours = ["Maildir/cur/2", "Maildir/new/1"]
    beside = ", ".join(str(box / name) for name in (".Junk", "spam", "5.eml"))
    for path in (box, tmp_path):
        names, said = found(path, root=tmp_path)
        assert names == ours
        assert said == [f"a Maildir stands for its own mail; left out, give them too if you want them: {beside}"]
    assert found(box / ".Junk", root=tmp_path) == (["Maildir/.Junk/cur/3"], [])
    assert found(box, box / ".Junk", box / "spam", box / "5.eml", root=tmp_path) == (
        [*ours, "Maildir/.Junk/cur/3", "Maildir/spam/4.eml", "Maildir/5.eml"],
        [],
    )


def test_what_is_no_mail_is_counted(tmp_path: Path) -> None:
    """Empty files, archives, binary files and a server's own are passed over in one line; text and odd mail are not."""
    place = put(tmp_path / "m", "1.eml")
    put(place, "2.eml", data=b"Subject: x\nX: \x00\x01\n\n\x00")
    put(place, "3.eml", data=b"just words\n")
    put(place, "4.eml", data=b">From a@b Mon\nSubject: \x00\n\n")
    put(place, "a", data=b"")
    put(place, "b", data=bytes(range(256)))
    put(place, "dovecot-uidlist", data=b"3 V1 N2\n")
    with tarfile.open(place / "pack.tar.xz", "w:xz") as archive:
        archive.add(place / "1.eml", "a:b")
    names, said = found(place, root=place)
    assert names == ["1.eml", "2.eml", "3.eml", "4.eml"]
    assert said == [f"4 files are empty or no mail, passed over: {place}/a, {place}/b, {place}/dovecot-uidlist, ..."]
    assert found(place / "b", root=place) == ([], [f"1 file is empty or no mail, passed over: {place}/b"])
    assert list(files([place / "b", place / "a"], any_file=True)) == [place / "b", place / "a"]


def test_a_file_counts_once(tmp_path: Path) -> None:
    """However many paths lead to a file, it comes once: by a folder and by itself, by another spelling, by a link."""
    box = put(tmp_path / "h", "1", "2", "sub/3")
    (tmp_path / "link").symlink_to(box)
    every = ["h/1", "h/2", "h/sub/3"]
    assert found(box, *sorted(box.iterdir()), tmp_path / "link", root=tmp_path)[0] == every
    assert found(box / "2", tmp_path / "h" / ".." / "h" / "2", box, root=tmp_path)[0] == ["h/2", "h/1", "h/sub/3"]
    assert found(box / "sub", box, root=tmp_path)[0] == ["h/sub/3", "h/1", "h/2"]


def test_links_to_folders_are_followed_in_circles_once(tmp_path: Path) -> None:
    """Mail behind a link is read as mail in a folder is, and a link to a folder above ends."""
    put(tmp_path / "elsewhere", "2")
    box = put(tmp_path / "h", "1")
    (box / "more").symlink_to(tmp_path / "elsewhere")
    (box / "round").symlink_to(tmp_path)
    assert found(box, root=tmp_path)[0] == ["h/1", "h/more/2"]


@pytest.mark.parametrize("form", PACKERS)
def test_compressed_mail_is_unpacked(tmp_path: Path, form: str) -> None:
    """A message as Dovecot's compress plugin stores it and a rotated mbox, in one member or more, are read as they were."""
    pack = PACKERS[form]
    put(tmp_path, "1.S=9:2,S", data=pack(MAIL))
    put(tmp_path, f"old.mbox.{form}", data=pack(b"From a Mon\n" + MAIL + b"\nFrom b Tue\n") + pack(MAIL))
    names = found(tmp_path, root=tmp_path)[0]
    assert names == ["1.S=9:2,S", f"old.mbox.{form}"]
    assert [stored.data.strip() for name in names for stored in messages(tmp_path / name)] == [MAIL.strip()] * 3


@pytest.mark.parametrize("form", PACKERS)
@pytest.mark.parametrize("harm", ["cut", "altered", "followed", "bomb"])
def test_compressed_mail_that_cannot_be_trusted_is_one_line(
    tmp_path: Path, form: str, harm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Compressed mail that is cut, altered, followed by something else or out of proportion is refused, and says so in one line."""
    whole = PACKERS[form](b"From a Mon\n" + os.urandom(30_000))
    if harm == "bomb":
        monkeypatch.setattr(limits, "MESSAGE_BYTES", 100_000)
        whole = PACKERS[form](b"From a Mon\n" + b"\n" * 40_000_000)
    made: dict[str, Callable[[], bytes]] = {
        "cut": lambda: whole[:-9],
        "altered": lambda: whole[:9_000] + bytes([whole[9_000] ^ 255]) + whole[9_001:-4] + b"\0\0\0\1",
        "followed": lambda: whole + b"and more",
        "bomb": lambda: whole,
    }
    path = put(tmp_path, "x", data=made[harm]()) / "x"
    with pytest.raises(ReplayError) as caught:
        list(messages(path))
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_a_stream_that_asks_for_much_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An xz stream may not ask for more memory than the limit."""
    monkeypatch.setattr(limits, "MAILBOX_UNPACK_MEMORY", 1 << 20)
    path = put(tmp_path, "x.xz", data=lzma.compress(MAIL, preset=6)) / "x.xz"
    with pytest.raises(ReplayError, match="cannot be unpacked"):
        list(messages(path))


def test_a_missing_path_is_one_line(tmp_path: Path) -> None:
    """A path that does not exist is an error that names it."""
    with pytest.raises(ReplayError, match=r"nothing\.eml: no such file"):
        list(files([tmp_path / "nothing.eml"]))


def test_a_directory_that_cannot_be_listed_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Mail in a directory without permission is not passed over in silence."""

    def refused(path: str | Path = ".") -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", refused)
    with pytest.raises(ReplayError, match="cannot be read: Permission denied"):
        list(files([tmp_path]))


def test_an_mbox_is_cut_at_its_from_lines(tmp_path: Path) -> None:
    """Each message of an mbox comes by itself, numbered, with quoted From lines restored."""
    path = tmp_path / "box"
    path.write_bytes(b"From a@b Mon\nSubject: 1\n\n>From here\nFrom mid-paragraph\n\nFrom c@d Tue\nSubject: 2\n\nbye\n")
    first, second = messages(path)
    assert (first.name, second.name) == (f"{path}:1", f"{path}:2")
    assert first.message().body.startswith(b"From here\r\nFrom mid-paragraph\r\n")
    assert second.message().text(b"subject") == "2"


def test_a_file_that_begins_with_an_odd_from_field_is_one_message(tmp_path: Path) -> None:
    """`From : a@b` begins a header, not an mbox: the field must not be lost."""
    path = tmp_path / "odd.eml"
    path.write_bytes(b"From : a@b.example\nFrom: c@d.example\n\nbye\n")
    (stored,) = messages(path)
    assert stored.name == str(path)
    assert len(stored.message().every(b"from")) == 2


def test_a_huge_file_is_read_no_further_than_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No more than the limit is held of a message, and the cut is said."""
    path = tmp_path / "huge"
    path.write_bytes(b"Subject: x\n\n" + b"y" * (limits.MESSAGE_BYTES + 1000))
    (stored,) = messages(path)
    assert (len(stored.data), stored.cut, stored.message().truncated) == (limits.MESSAGE_BYTES, True, True)


def test_an_empty_file_is_a_message(tmp_path: Path) -> None:
    """Read by itself, an empty file is an empty message and not an error."""
    (tmp_path / "empty").write_bytes(b"")
    (stored,) = messages(tmp_path / "empty")
    assert stored.message().headers == ()


@given(st.binary(max_size=300))
def test_any_stream_has_messages(data: bytes) -> None:
    """Any bytes, mbox or not, give at least one message and never an exception."""
    for start in (b"", b"From x\n"):
        found = list(replay._from_stream("x", io.BytesIO(start + data)))
        assert found
        assert all(stored.message() for stored in found)
