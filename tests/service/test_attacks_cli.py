"""`gatepost evaluate --attacks`: its numbers, its JSON, its table, and what it says when it cannot."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from gatepost.training.attacks import ATTACKS
from support.letters import letter
from support.model import write_model

Run = Callable[..., tuple[int, str, str]]

KEYS = [
    "attack",
    "meaning",
    "recall before",
    "recall after",
    "loss in points",
    "recall at 1% fp before",
    "recall at 1% fp after",
]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with a model that knows two words, 120 ham and 10 unwanted messages."""
    place = tmp_path_factory.mktemp("attacks")
    write_model(place / "model")
    for folder, word, count in (("ham", "minutes", 120), ("spam", "viagra", 10)):
        (place / folder).mkdir()
        for number in range(count):
            (place / folder / f"{number:04d}.eml").write_bytes(letter("Hi", f"{word} number {number}"))
    return place


def test_recall_before_and_after(run: Run, place: Path):
    """What the model knows is one word: no attack in the subject harms it, a picture takes it away, ham words do, too."""
    attacks = "none,image-only,good-words,subject-only"
    arguments = ["--ham", place / "ham", "--spam", place / "spam", "--model", place / "model"]
    code, out, err = run("evaluate", *arguments, "--attacks", attacks, "--json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert list(found) == ["model", "spam_from", "limit", "seed", "ham", "unwanted", "attacks"]
    assert (found["ham"], found["unwanted"], found["limit"]) == (120, 10, None)
    rows = {row["attack"]: row for row in found["attacks"]}
    assert list(rows) == ["none", "good-words", "image-only/linked", "image-only/attached", "subject-only"]
    assert all(list(row) == KEYS for row in rows.values())
    assert {name: row["loss in points"] for name, row in rows.items()} == dict.fromkeys(rows, 100.0) | {"none": 0.0}
    assert rows["none"]["recall at 1% fp after"] == 1.0
    assert rows["none"]["meaning"] == ATTACKS["none"].meaning


def test_jobs_and_company_do_not_change_a_row(run: Run, place: Path):
    """The same mail gives the same row, in two processes and beside other attacks."""
    arguments = ["evaluate", "--ham", place / "ham", "--spam", place / "spam", "--model", place / "model", "--json"]
    alone = json.loads(run(*arguments, "--attacks", "split-words")[1])
    beside = json.loads(run(*arguments, "--attacks", "leet,split-words", "--jobs", "2")[1])
    assert alone["attacks"] == beside["attacks"][:-1]


def test_without_ham_there_is_no_rate(run: Run, place: Path):
    """--ham can be left out; then there is recall at the threshold only, and the table says why."""
    arguments = ["--spam", place / "spam", "--model", place / "model", "--limit", "3"]
    found = json.loads(run("evaluate", *arguments, "--attacks", "leet", "--json")[1])
    assert (found["ham"], found["unwanted"], found["limit"]) == (0, 3, 3)
    assert found["attacks"][0]["recall at 1% fp before"] is None
    _, out, _ = run("evaluate", *arguments, "--attacks=leet")
    assert "it takes 100 of them" in out


def test_no_name_means_all(run: Run, place: Path):
    """`--attacks` without a name, wherever it stands, has a line for each attack."""
    arguments = ["--spam", place / "spam", "--model", place / "model", "--limit", "1"]
    for order in (["--attacks", *arguments], [*arguments, "--attacks"]):
        code, out, _ = run("evaluate", *order)
        assert code == 0
        assert [name for name in ATTACKS if f" {name} " not in out] == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--attacks", "viruses"], "--attacks viruses: there is no such attack (none, word-salad,"),
        (["--attacks", "leet", "--picture", "x.html"], "--picture does not go with --attacks"),
        ([], "Missing option '--ham'"),
    ],
)
def test_what_cannot_be_done_is_one_line(run: Run, place: Path, arguments: list[str], said: str):
    """Exit code 2 and one line on standard error, nothing on standard output."""
    code, out, err = run("evaluate", "--spam", place / "spam", "--model", place / "model", *arguments)
    assert (code, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1


def test_no_unwanted_mail_is_one_line(run: Run, place: Path, tmp_path: Path):
    """Ham alone cannot be attacked."""
    (tmp_path / "empty").mkdir()
    code, out, err = run(
        "evaluate", "--ham", place / "ham", "--spam", tmp_path / "empty", "--model", place / "model", "--attacks"
    )
    assert (code, out) == (2, "")
    assert "no unwanted message found in" in err
