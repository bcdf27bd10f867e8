"""Training end to end on invented mail: it learns, explains, repeats itself, and refuses clearly."""

from __future__ import annotations

import json
from pathlib import Path
from zlib import crc32

import numpy as np
import pytest
import typer

from gatepost.checks.content.family import Settings, build
from gatepost.checks.content.model import load_model
from gatepost.evidence import Found
from gatepost.mail.envelope import Envelope
from gatepost.mail.message import from_bytes
from gatepost.service.cli.train import train
from gatepost.training.columns import choose_columns
from gatepost.training.corpus import CorpusError, find_packs, read_pack
from gatepost.training.evaluate import budget_data
from gatepost.training.fit import bulk_target, folds_by_group, folds_by_pack, folds_by_source, held_out_rows
from gatepost.training.table import Table, read_table
from gatepost.training.train import train_model
from support.letters import WORDS, invented, letter, write_packs


def _quiet(stage: str, done: int, total: int | None = None) -> None:
    """Tell nobody."""


@pytest.fixture(scope="module")
def packs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Give two small packs of invented mail."""
    return write_packs(tmp_path_factory.mktemp("packs"))


@pytest.fixture(scope="module")
def model(packs: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a model trained on the packs."""
    out = tmp_path_factory.mktemp("models") / "base-209901"
    train_model(packs, out, seed=7, jobs=1, progress=_quiet)
    return out


def test_it_tells_new_messages_apart(model: Path):
    """A model trained on invented mail gives most new messages of each kind their label."""
    check = build(Settings(model=str(model), spam_from=0.5, ham_to=0.5))
    for label in WORDS:
        classes = [
            check.run(Envelope(), from_bytes(invented(label, number, seed=99)), Found())[0].facts["class"]
            for number in range(20)
        ]
        assert classes.count(label) >= 17, (label, classes)


def test_the_same_seed_gives_the_same_bytes(packs: list[Path], model: Path, tmp_path: Path):
    """Training again with the same packs and seed writes the same files, whatever the number of processes."""
    again = tmp_path / model.name
    train_model(packs, again, seed=7, jobs=2, progress=_quiet)
    for file in sorted(model.iterdir()):
        assert (again / file.name).read_bytes() == file.read_bytes(), file.name


def test_the_directory_describes_itself(model: Path):
    """The model loads by its checksums, its metrics have a row for each pack, and its card names them."""
    assert load_model(model).version == "base-209901"
    metrics = json.loads((model / "metrics.json").read_text())
    assert {row["source"] for row in metrics["by source"]} == {"one", "two"}
    assert all(0 <= row["1-auc"] <= 1 for row in metrics["by source"])
    card = (model / "card.md").read_text()
    assert "| one | 40 | 40 | 40 |" in card
    assert "not known to Gatepost" in card


def test_a_test_that_did_not_take_place_has_no_figures(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """Of a single pack nothing is said as if it were held out: no row, a line for it in the card, and a true title on the terminal."""
    pack, _ = write_packs(tmp_path)
    train(packs=[pack], out=tmp_path / "mine", seed=7, jobs=1, work=tmp_path / "work")
    metrics = json.loads((tmp_path / "mine" / "metrics.json").read_text())
    assert metrics["by pack"] == []
    assert [row["source"] for row in metrics["by group"]] == ["one"]
    card = (tmp_path / "mine" / "card.md").read_text()
    section = card.split("## What it does with packs it never saw")[1].split("##")[0]
    assert section.split("\n\n")[1].startswith(
        "one: not tested here, as beside what is held out there would be no mail"
    )
    said = capsys.readouterr().err
    assert "sources the model never saw" not in said
    assert "Each source of one was cut into five stretches" in said


@pytest.mark.parametrize(
    ("both", "one", "rows"), [(["a"], ["b"], {"b"}), ([], ["a", "b"], set()), (["a", "b"], ["c"], {"a", "b", "c"})]
)
def test_a_pack_without_which_nothing_can_be_learned_is_not_tested(both: list[str], one: list[str], rows: set[str]):
    """A pack is tested by what others teach; where these have one kind of mail only, there is no row."""
    packs = np.array([pack for pack in both for _ in range(2)] + one)
    labels = np.array(["ham", "spam"] * len(both) + ["ham", "spam"][: len(one)])
    table = Table(
        packs,
        packs,
        labels,
        np.zeros(len(packs), np.int64),
        np.arange(len(packs)).astype(str),
        np.zeros(len(packs), bool),
        [np.zeros(0, np.uint32)] * len(packs),
        left_out=0,
    )
    assert set(packs[held_out_rows(folds_by_pack(table), table.unwanted)].tolist()) == rows


def test_the_card_says_of_other_packs_nothing_that_holds_for_the_shipped_ones(model: Path):
    """What was tried on the shipped packs, and what their mail is weak at, is no statement about another model."""
    card = (model / "card.md").read_text()
    for words in ("What was tried", "honeypot", "Public corpora", "models/invented", "phishingpot", "trec07"):
        assert words not in card
    assert "## Known weaknesses" in card
    assert "    gatepost train --packs PACKS --out base-209901 --seed 7\n" in card


def test_words_of_one_pack_alone_are_memory(tmp_path: Path):
    """A token that only one pack uses says which pack a message is from, so it is memory and not general."""
    paths = write_packs(tmp_path, each=10)
    for number in range(10):
        (paths[0] / "ham" / f"x{number}.eml").write_bytes(
            letter("Hi", f"shibboleth garden lunch soup {chr(97 + number) * 3}")
        )
    table = read_table((sample for path in paths for sample in read_pack(path)), 1, _quiet)
    columns = choose_columns(table, 20)
    general = dict(zip(columns.hashes.tolist(), columns.general.tolist(), strict=True))
    assert general[crc32(b"shibboleth")] is False
    assert general[crc32(b"garden")] is True


def test_near_duplicates_are_kept_twice_at_most(tmp_path: Path):
    """Ten copies of one message count as two."""
    for number in range(10):
        place = tmp_path / "p" / "spam"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{number}.eml").write_bytes(letter("Casino", "jackpot casino bonus"))
    table = read_table(read_pack(tmp_path / "p"), 1, _quiet)
    assert len(table) == 2
    assert table.left_out == 8


def test_text_without_headers_gives_no_header_features(tmp_path: Path):
    """In a text-only corpus what is unknown of headers is missing, not absent."""
    place = tmp_path / "p" / "ham"
    place.mkdir(parents=True)
    (place / "1.eml").write_bytes(b"Subject: garden\n\nsoup recipe for the weekend\n")
    (place / "2.eml").write_bytes(b"From: a@example.org\nSubject: garden\n\nlunch with the neighbour\n")
    bare, full = read_table(read_pack(tmp_path / "p"), 1, _quiet).hashes
    from zlib import crc32

    assert crc32(b"s:garden") in bare
    assert crc32(b"=links-0") not in bare
    assert crc32(b"=links-0") in full


def test_folds_hold_groups_and_sources_together(packs: list[Path]):
    """No near-duplicate group is cut by the folds by group, every fold by source is used, and both repeat."""
    table = read_table((sample for path in packs for sample in read_pack(path)), 1, _quiet)
    by_group = folds_by_group(table, 3)
    for group in set(table.groups.tolist()):
        assert len(set(by_group[table.groups == group].tolist())) == 1
    assert set(folds_by_source(table, 3).tolist()) == {0, 1, 2, 3, 4}
    assert np.array_equal(by_group, folds_by_group(table, 3))


def test_packs_without_phish_and_of_few_messages_are_enough(tmp_path: Path):
    """Ham and spam alone make a model that never says phish, even where a fold holds all the ham."""
    for label, each in (("ham", 5), ("spam", 60)):
        place = tmp_path / "p" / label
        place.mkdir(parents=True)
        for number in range(each):
            (place / f"{number:05d}.eml").write_bytes(invented(label, number))
    train_model(find_packs([tmp_path / "p"]), tmp_path / "out", 1, 1, _quiet)
    check = build(Settings(model=str(tmp_path / "out"), spam_from=0.5, ham_to=0.5))
    found = [check.run(Envelope(), from_bytes(invented("spam", n, seed=5)), Found())[0].code for n in range(10)]
    assert "content.phish" not in found
    assert found.count("content.spam") >= 8


def test_packs_without_both_kinds_are_refused(tmp_path: Path):
    """Ham alone teaches nothing, and the error says what is missing."""
    place = tmp_path / "p" / "ham"
    place.mkdir(parents=True)
    (place / "1.eml").write_bytes(letter("Hi", "garden lunch"))
    with pytest.raises(CorpusError, match="no spam or phish"):
        train_model(find_packs([tmp_path]), tmp_path / "out", 1, 1, _quiet)


def test_the_command_writes_a_model(packs: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """`gatepost train` writes the directory and says where."""
    train(packs=[packs[0].parent], out=tmp_path / "mine", seed=7, jobs=1, work=tmp_path / "work")
    assert load_model(tmp_path / "mine").version == "mine"
    assert str(tmp_path / "mine") in capsys.readouterr().out


def test_a_model_written_here_has_a_name(packs: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """`--out .` writes a model with the name of the folder, and so does a pack given as `.`: the model can be loaded."""
    (tmp_path / "mine").mkdir()
    monkeypatch.chdir(packs[0])
    chosen = find_packs([Path()])
    monkeypatch.chdir(tmp_path / "mine")
    train_model(chosen, Path(), 7, 1, _quiet, measure=False)
    assert load_model(tmp_path / "mine").version == "mine"
    assert json.loads((tmp_path / "mine" / "features.json").read_text())["tails"].keys() == {"one"}


@pytest.mark.parametrize("case", ["no packs", "unknown pack", "full folder"])
def test_the_command_refuses_in_one_line(
    case: str, packs: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    """Wrong paths, unknown packs and a folder in use end with exit code 2 and one line."""
    out = tmp_path / "out"
    out.mkdir()
    if case == "full folder":
        (out / "keep").write_text("mine")
    where = [tmp_path / "nowhere"] if case == "no packs" else [packs[0].parent]
    with pytest.raises(typer.Exit) as caught:
        train(packs=where, out=out, seed=7, jobs=1, without=["four"] if case == "unknown pack" else None)
    assert caught.value.exit_code == 2
    said = capsys.readouterr().err
    assert said.startswith("gatepost train: ")
    assert said.count("\n") == 1


def test_bulk_mail_is_told_by_its_furniture(tmp_path: Path):
    """A page with a way to unsubscribe and links teaches bulk, a plain letter not, and what lies between nothing."""
    shop = "<p>Sale. <a href='https://a.example/1'>one</a> <a href='https://a.example/2'>two</a> <a href='https://a.example/3'>three</a></p>"
    mails = {
        "bulk": letter("Sale", "x", html=shop + "<p>Unsubscribe here. Privacy policy.</p>"),
        "letter": letter("Lunch", "Shall we have soup on Tuesday?"),
        "between": letter("Hello", "To unsubscribe write to the list owner, please and thank you."),
    }
    place = tmp_path / "p" / "ham"
    place.mkdir(parents=True)
    for name, data in mails.items():
        (place / f"{name}.eml").write_bytes(data)
    table = read_table(read_pack(tmp_path / "p"), 1, _quiet)
    target, clear = bulk_target(table)
    found = sorted(zip(clear.tolist(), target.tolist(), strict=True))
    assert found == [(False, 0), (True, 0), (True, 1)]


def test_written_ham_counts_as_mailboxes_would_have_it():
    """Of the written pack every fourth ham counts in an error budget, from the highest on; of any other all do."""
    count = 10
    for pack, kept in (("invented", [9.0, 5.0, 1.0]), ("mailbox", [float(score) for score in range(9, -1, -1)])):
        table = Table(
            *(np.array([value] * count) for value in (pack, pack, "ham")),
            np.zeros(count, np.int64),
            np.array([str(number) for number in range(count)]),
            np.zeros(count, bool),
            [np.zeros(0, np.uint32)] * count,
            left_out=0,
        )
        found = budget_data(table, np.arange(count, dtype=np.float64))
        assert found["tails"] == {pack: {"ham": len(kept), "logits": kept}}


def test_held_out_scores_of_ham_are_rounded_up():
    """A threshold just above a stored score lies above the score itself."""
    table = Table(
        *(np.array(column) for column in (["a"] * 3, ["a"] * 3, ["ham", "ham", "spam"])),
        np.zeros(3, np.int64),
        np.array(["1", "2", "3"]),
        np.zeros(3, bool),
        [np.zeros(0, np.uint32)] * 3,
        left_out=0,
    )
    found = budget_data(table, np.array([1.00001, -2.00009, 3.0]))
    assert found["tails"] == {"a": {"ham": 2, "logits": [1.0001, -2.0]}}
    assert found["caught"] == {"a": {"unwanted": 1, "logits": [3.0]}}
