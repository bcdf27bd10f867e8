"""The site key: kept in a directory that belongs to the workers, and read and made by root."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gatepost.service.places import site_key


def test_what_a_worker_points_at_is_neither_written_nor_read(tmp_path: Path):
    """A link in the workers' directory, symbolic or hard, leads root to no other file: one line, and the file is as it was."""
    victim, state = tmp_path / "victim", tmp_path / "state"
    state.mkdir()
    key = state / "site.key"
    for content in (b"short", b"long enough to be taken for a key"):
        victim.write_bytes(content)
        for make, words in ((key.symlink_to, "a symbolic link"), (key.hardlink_to, "not a file of one name")):
            make(victim)
            with pytest.raises(OSError, match=words):
                site_key(state)
            assert victim.read_bytes() == content
            key.unlink()


def test_something_that_is_no_file(tmp_path: Path):
    """A FIFO in the key's place keeps no start waiting."""
    os.mkfifo(tmp_path / "site.key")
    with pytest.raises(OSError, match="not a file"):
        site_key(tmp_path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_key_of_another_account(tmp_path: Path):
    """A key file is believed if it is root's or the directory's owner's, not if a third account put it there."""
    path = tmp_path / "site.key"
    key = site_key(tmp_path)
    os.chown(tmp_path, 12345, -1)
    for owner in (0, 12345):
        os.chown(path, owner, -1)
        assert site_key(tmp_path) == key
    os.chown(path, 54321, -1)
    with pytest.raises(PermissionError, match="of another account"):
        site_key(tmp_path)
