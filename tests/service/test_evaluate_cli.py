"""`gatepost evaluate`: its options, its JSON, its table, and what it says when it cannot."""

from __future__ import annotations

import json
import mailbox
import math
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from support.cli import gatepost, on_terminal
from support.letters import letter
from support.model import seal, write_model

Run = Callable[..., tuple[int, str, str]]

HELD_OUT = {
    "tails": {
        "a": {"ham": 3000, "logits": [1.0] * 1000},
        "b": {"ham": 2000, "logits": [3.0] * 5 + [1.0] * 995},
    },
    "caught": {"a": {"unwanted": 100, "logits": [1.0, 2.0, 4.0, 5.0]}},
}

ROW = [
    "source",
    "ham",
    "unwanted",
    "without text",
    "errors",
    "ranked against all",
    "1-auc",
    "caught at 1% fp",
    "caught at 0.1% fp",
    "caught at 0.01% fp",
    "too few ham for",
    "ham marked",
    "unwanted missed",
    "ece",
]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Give a model that knows two words."""
    return write_model(tmp_path / "model")


def put(place: Path, word: str, count: int) -> Path:
    """Write messages that differ in a number."""
    place.mkdir(parents=True)
    for number in range(count):
        (place / f"{number:04d}.eml").write_bytes(letter("Hi", f"{word} number {number}"))
    return place


@pytest.fixture
def ham(tmp_path: Path) -> Path:
    """Give a folder of 120 wanted messages."""
    return put(tmp_path / "wanted", "minutes", 120)


@pytest.fixture
def spam(tmp_path: Path) -> Path:
    """Give a folder of 30 unwanted messages."""
    return put(tmp_path / "junk", "viagra", 30)


def test_json_is_one_object(run: Run, model: Path, ham: Path, spam: Path):
    """Rows by source and a total with always the same keys, the model, and the reliability of all mail."""
    code, out, err = run("evaluate", "--ham", ham, "--spam", spam, "--model", model, "--json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert list(found) == [
        "model",
        "max_false_positive_rate",
        "marks_from",
        "limit",
        "learned from",
        "sources",
        "total",
        "reliability",
        "budgets",
    ]
    assert found["budgets"] == []
    assert [row["source"] for row in found["sources"]] == [str(ham), str(spam)]
    assert all(list(row) == ROW for row in (*found["sources"], found["total"]))
    total = found["total"]
    assert (total["ham"], total["unwanted"], total["1-auc"], total["caught at 1% fp"]) == (120, 30, 0.0, 1.0)
    assert total["caught at 0.1% fp"] is None
    assert total["too few ham for"] == ["0.1%", "0.01%"]
    assert total["ham marked"]["messages"] == 0
    assert 0 == total["ham marked"]["low"] < total["ham marked"]["high"] < 0.05
    assert sum(each["messages"] for each in found["reliability"]) == 150


def test_the_table_says_too_few_instead_of_a_number(run: Run, model: Path, ham: Path, spam: Path):
    """People get a table with the same words, and a sentence on what each mark means."""
    code, out, err = run("evaluate", "--ham", ham, "--spam", spam, "--model", model)
    assert (code, err) == (0, "")
    assert "too few ham" in out
    assert "total" in out
    assert "100.0%" in out
    assert "0.00% (0.00-3.03)" in out


def test_options_take_all_paths_that_follow(run: Run, model: Path, ham: Path, spam: Path, tmp_path: Path):
    """`--ham a b --spam c d` is `--ham a --ham b --spam c --spam d`, and `=` works: files of one folder are one source."""
    box = mailbox.mbox(tmp_path / "old.mbox")
    box.add(letter("Hi", "minutes"))
    box.close()
    files = sorted(ham.iterdir())[:3]
    forms = (
        ["--ham", *files, tmp_path / "old.mbox", "--json", "--spam", spam],
        ["--ham", files[0], "--ham", files[1], "--spam", spam, f"--ham={files[2]}", tmp_path / "old.mbox", "--json"],
    )
    for form in forms:
        code, out, _ = run("evaluate", "--model", model, *form)
        assert code == 0
        assert {row["source"]: row["ham"] for row in json.loads(out)["sources"]} == {
            str(ham): 3,
            str(tmp_path / "old.mbox"): 1,
            str(spam): 0,
        }


def test_a_pack_and_more_processes_and_a_limit(run: Run, model: Path, ham: Path, spam: Path, tmp_path: Path):
    """A pack given on both sides is one source; processes do not change a byte of the answer."""
    (tmp_path / "train-mine").mkdir()
    shutil.move(ham, tmp_path / "train-mine" / "ham")
    shutil.move(spam, tmp_path / "train-mine" / "phish")
    mine = tmp_path / "train-mine"
    answers = {
        run("evaluate", "--ham", mine, "--spam", mine, "--model", model, "--json", "--limit", "20", "--jobs", jobs)
        for jobs in ("1", "2")
    }
    assert len(answers) == 1
    code, out, _ = answers.pop()
    rows = json.loads(out)["sources"]
    assert code == 0
    assert [(row["source"], row["ham"], row["unwanted"]) for row in rows] == [("mine", 20, 20)]


def test_it_says_when_the_model_has_learned_from_the_mail(run: Run, model: Path, ham: Path, spam: Path, tmp_path: Path):
    """A pack that the model's metrics name is no test of it, and the answer says so."""
    (model / "metrics.json").write_text(json.dumps({"by source": [{"source": "mine"}]}))
    seal(model)
    mine = tmp_path / "train-mine"
    shutil.copytree(ham, mine / "ham")
    _, out, _ = run("evaluate", "--ham", mine, "--spam", spam, "--model", model, "--json")
    assert json.loads(out)["learned from"] == ["mine"]
    _, out, _ = run("evaluate", "--ham", mine, "--spam", spam, "--model", model)
    assert "The model learned from mine" in out


def test_the_threshold_is_the_configured_one(run: Run, model: Path, ham: Path, tmp_path: Path):
    """[classifier] of the config file is used, as the daemon would use it: a model without tails marks from 99 % on."""
    mild = put(tmp_path / "mild", "hello", 10)
    config = tmp_path / "gatepost.toml"
    budget = write_model(tmp_path / "budget", held_out=HELD_OUT)
    easy = {"tails": {"a": {"ham": 9000, "logits": [-1.0] * 9000}}, "caught": {}}
    for chosen, more, marks_from, missed in (
        (model, "", 0.99, 10),
        (model, "spam_from = 0.999", 0.999, 10),
        (budget, "", 1 / (1 + math.exp(-3)), 10),
        (budget, "max_false_positive_rate = 0.1", 1 / (1 + math.exp(-1)), 10),
        (write_model(tmp_path / "easy", held_out=easy), "spam_from = 0.5", 0.5, 0),
    ):
        config.write_text(f'[classifier]\nmodel = "{chosen}"\n{more}\n')
        _, out, _ = run("evaluate", "--ham", ham, "--spam", mild, "--config", config, "--json")
        found = json.loads(out)
        assert found["marks_from"] == pytest.approx(marks_from)
        assert found["total"]["unwanted missed"]["messages"] == missed


def test_the_effect_of_each_budget_is_told(run: Run, ham: Path, spam: Path, tmp_path: Path):
    """For five budgets: the threshold, what it is worth on held-out mail, and what it does to the mail at hand."""
    model = write_model(tmp_path / "budget", held_out=HELD_OUT)
    _, out, _ = run("evaluate", "--ham", ham, "--spam", spam, "--model", model, "--json")
    lines = json.loads(out)["budgets"]
    assert [line["max_false_positive_rate"] for line in lines] == [0.01, 0.003, 0.001, 0.0003, 0.0001]
    assert [line["shown"] for line in lines] == [True, True, True, False, False]
    assert [line["probability"] for line in lines] == sorted(line["probability"] for line in lines)
    assert [line["held out"]["marked"] for line in lines] == [5, 5, 0, 0, 0]
    assert lines[0]["held out"]["worst"] == "b"
    assert lines[2]["held out"]["share caught"] == {"a": 0.5}
    assert all(line["total"]["unwanted caught"]["messages"] == 30 for line in lines)
    assert all(line["total"]["ham marked"]["messages"] == 0 for line in lines)
    assert [effect["source"] for effect in lines[0]["sources"]] == [str(ham), str(spam)]
    assert lines[0]["sources"][0]["unwanted caught"] is None
    _, out, _ = run("evaluate", "--ham", ham, "--spam", spam, "--model", model)
    for said in ("0.03 %", "0.01 %", "b 0.25 %", "0.00 / 100.0", "Too few ham to show it"):
        assert said in out


def test_a_model_without_tails_says_that_it_has_no_budget(run: Run, model: Path, ham: Path, spam: Path):
    """Nothing is made up where the model does not carry its held-out scores."""
    _, out, _ = run("evaluate", "--ham", ham, "--spam", spam, "--model", model)
    assert "is not known" in out


def test_the_picture_is_a_page(run: Run, model: Path, ham: Path, spam: Path, tmp_path: Path):
    """--picture writes HTML with three plots, beside the table."""
    picture = tmp_path / "roc.html"
    code, out, _ = run("evaluate", "--ham", ham, "--spam", spam, "--model", model, "--picture", picture)
    assert code == 0
    assert "total" in out
    assert picture.read_text().count("<svg ") == 3


@pytest.mark.parametrize(
    ("case", "said"),
    [
        ("png", "--picture roc.png: PNG cannot be drawn here; name a file that ends in .html"),
        ("no path", "nowhere: no such file or directory"),
        ("no pack", "nowhere.tar.xz: no such file or directory"),
        ("no ham", "no ham message found in empty"),
        ("no spam", "no spam message found in empty"),
        ("both", "given as ham and as spam"),
        ("no model", "no such directory"),
        ("broken pack", "cannot be read"),
        ("one option", "Missing option '--spam'"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    case: str, said: str, run: Run, model: Path, ham: Path, spam: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Exit code 2 and one line on standard error, nothing on standard output."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "torn.tar.xz").write_bytes(b"\xfd7zXZ\x00 torn")
    arguments = {
        "png": ["--ham", ham, "--spam", spam, "--picture", "roc.png"],
        "no path": ["--ham", ham, "--spam", spam, "nowhere"],
        "no pack": ["--ham", ham, "nowhere.tar.xz", "--spam", spam],
        "no ham": ["--ham", "empty", "--spam", spam],
        "no spam": ["--ham", ham, "--spam", "empty"],
        "both": ["--ham", ham, "--spam", spam, ham],
        "no model": ["--ham", ham, "--spam", spam, "--model", "./nothing"],
        "broken pack": ["--ham", ham, "torn.tar.xz", "--spam", spam],
        "one option": ["--ham", ham],
    }[case]
    code, out, err = run("evaluate", "--model", model, *arguments)
    assert (code, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1
    assert err.startswith("gatepost")


def test_installed_and_without_a_terminal_there_is_no_bar(model: Path, ham: Path, spam: Path):
    """In a pipe standard error stays empty."""
    ran = gatepost("evaluate", "--ham", ham, "--spam", spam, "--model", model)
    assert (ran.code, ran.err) == (0, "")


def test_on_a_terminal_there_is_a_bar(model: Path, ham: Path, spam: Path):
    """People see how far it is, and a table that fits."""
    ran = on_terminal("evaluate", "--ham", ham, "--spam", spam, "--model", model)
    assert ran.code == 0
    assert "150 messages" in ran.out
    assert "total" in ran.out
