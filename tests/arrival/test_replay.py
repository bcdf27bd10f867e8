"""Stored mail: files, directories, Maildir, mbox."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.arrival import replay
from gatepost.arrival.replay import ReplayError, files, messages
from gatepost.mail import limits


def test_a_directory_stands_for_its_files(tmp_path: Path) -> None:
    """Files come in a stable order, what is being delivered into a Maildir is left out, and a pipe is passed over."""
    for name in ("cur/1", "new/2", "tmp/3", "b.eml", "a.eml"):
        path = tmp_path / "Maildir" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"Subject: x\n\n")
    os.mkfifo(tmp_path / "Maildir" / "pipe")
    found = [str(path.relative_to(tmp_path / "Maildir")) for path in files([tmp_path])]
    assert found == ["a.eml", "b.eml", "cur/1", "new/2"]


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
    """An empty file is an empty message, not an error."""
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
