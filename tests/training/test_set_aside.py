"""Messages on a list, whose labels are wrong for instance, are neither learned from nor measured."""

from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path

import pytest

from gatepost.training.corpus import CorpusError, kept, read_pack, read_set_aside
from gatepost.training.workfolder import opened, read_packs
from support.cli import gatepost
from support.letters import write_packs


def _listed(folder: Path, files: list[Path]) -> Path:
    """Write the list of files as sha256sum(1) does, with a comment and an empty line before it."""
    lines = subprocess.run(["/usr/bin/sha256sum", *files], capture_output=True, text=True, check=True).stdout
    path = folder / "aside.txt"
    path.write_text(f"# wrong labels\n\n{lines}", "utf-8")
    return path


def _messages(packs: list[Path], work: Path, aside: frozenset[str] = frozenset()) -> list[int]:
    """Read packs in a work folder and give the number of messages of each of their shards."""
    with opened(work):
        return [shard.messages for shard in read_packs(packs, work, 1, lambda *_: None, aside=aside)]


def test_what_sha256sum_writes_is_read(tmp_path: Path):
    """The list of two files sets aside the two messages that they are, and no other."""
    (pack, *_) = write_packs(tmp_path / "packs", each=5)
    files = sorted((pack / "ham").iterdir())[:2]
    aside = read_set_aside(_listed(tmp_path, files))
    assert aside == {hashlib.sha256(file.read_bytes()).hexdigest() for file in files}
    everything = list(read_pack(pack))
    left = list(kept(everything, aside))
    assert [sample for sample in everything if sample not in left] == [
        sample for sample in everything if sample.data in {file.read_bytes() for file in files}
    ]


@pytest.mark.parametrize(
    "text", ["0" * 63 + "  name", "0" * 64, "g" * 64 + "  name", "ham/1.eml", "0" * 64 + "  "], ids=range(5)
)
def test_another_file_is_refused_with_its_line(tmp_path: Path, text: str):
    """What is no such list is refused in one line that names file and line: it must not silently set nothing aside."""
    path = tmp_path / "aside.txt"
    path.write_text(f"# comment\n{text}\n", "utf-8")
    with pytest.raises(CorpusError, match=r"aside\.txt: line 2 is not a SHA-256 and a name") as caught:
        read_set_aside(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [None, b"\xff\xfe"], ids=["missing", "binary"])
def test_an_unreadable_list_is_one_line(tmp_path: Path, content: bytes | None):
    """A list that is not there, or is no text, ends in one line for people."""
    path = tmp_path / "aside.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CorpusError, match="cannot be read") as caught:
        read_set_aside(path)
    assert "\n" not in str(caught.value)


def test_another_list_is_another_reading(tmp_path: Path):
    """What was read with one list is not taken for what another list leaves."""
    packs = write_packs(tmp_path / "packs", each=5)
    aside = read_set_aside(_listed(tmp_path, sorted((packs[0] / "ham").iterdir())[:2]))
    everything = _messages(packs, tmp_path / "work")
    fewer = _messages(packs, tmp_path / "work", aside)
    assert [all_of - left for all_of, left in zip(everything, fewer, strict=True)] == [2, 0]
    assert _messages(packs, tmp_path / "work") == everything


def test_training_says_how_many_were_set_aside(tmp_path: Path):
    """`gatepost train --set-aside` learns from the others; metrics and card say how many were left out, and the card how to do it again."""
    packs = write_packs(tmp_path / "packs", each=15)
    aside = _listed(tmp_path, sorted((packs[0] / "ham").iterdir())[:3])
    where = ["--packs", str(tmp_path / "packs"), "--work", str(tmp_path / "work"), "--quick", "--jobs", "1"]
    done = gatepost("train", *where, "--set-aside", str(aside), "--out", str(tmp_path / "out"))
    assert done.code == 0, done.err
    assert json.loads((tmp_path / "out" / "metrics.json").read_text())["set aside"] == 3
    card = (tmp_path / "out" / "card.md").read_text()
    assert "A list of 3 messages was set aside" in card
    assert "--set-aside" in card
    wrong = gatepost("train", *where, "--set-aside", str(packs[0]), "--out", str(tmp_path / "other"))
    assert wrong.code == 2
    assert "cannot be read" in wrong.err
    assert "Traceback" not in wrong.err
