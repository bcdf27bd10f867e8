"""A model is written whole or not at all, and after a failure the same command goes on."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest

from gatepost.training.corpus import require_empty
from gatepost.training.write import _write_all

FILES = {"weights.npz": b"w" * 5000, "SHA256SUMS": b"s"}


def held(folder: Path) -> dict[str, bytes]:
    """Give the files of a folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("made", [False, True])
def test_a_failed_write_leaves_nothing_and_names_the_file(tmp_path: Path, made: bool):
    """Where a file cannot be written to its end the folder is as it was, and the error says which file it was."""
    out = tmp_path / "models" / "mine"
    if made:
        out.mkdir(parents=True)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(OSError, match=r"File too large: '.*weights\.npz'"):
            _write_all(out, FILES)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list(tmp_path.rglob("*")) == ([out.parent, out] if made else [])
    require_empty(out)
    _write_all(out, FILES)
    assert held(out) == FILES


def test_a_write_that_is_stopped_at_its_end_is_done_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Stopped between two names, the folder still counts as unfinished, and the next writing leaves what it should."""
    replace = Path.replace

    def stop(path: Path, target: Path) -> Path:
        if target.name == "SHA256SUMS":
            raise KeyboardInterrupt
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", stop)
    with pytest.raises(KeyboardInterrupt):
        _write_all(tmp_path / "mine", FILES)
    monkeypatch.undo()
    require_empty(tmp_path / "mine")
    _write_all(tmp_path / "mine", FILES)
    assert held(tmp_path / "mine") == FILES
