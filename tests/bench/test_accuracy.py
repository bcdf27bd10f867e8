"""The accuracy benchmark: every filter gets the same mail, is understood, and is measured alike."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.accuracy import FILTERS, main
from bench.accuracy_bogofilter import read_spamicity
from bench.accuracy_filter import Done, Filter, FilterError
from bench.accuracy_mail import SOURCE, TWINS, Fold, Mail, choose, hold_out, unpack, within, without_crowds
from bench.accuracy_measure import Sides, is_ahead, measure_row, sides
from bench.accuracy_report import report, verdict
from bench.accuracy_rspamd import WEIGHT, read_learned, read_score
from bench.accuracy_runs import Run, run
from bench.accuracy_spamassassin import read_probability
from gatepost.training.corpus import CorpusError, read_pack
from gatepost.training.measure import one_minus_auc
from support.letters import write_packs

_PACKS = ("a", "b", "c")


def _mail(pack: str, label: str, number: int, group: str = "", year: int = 0) -> Mail:
    """Give a message that need not exist."""
    return Mail(pack, pack, label, year, group or f"{pack}{label}{number}", Path(f"{number:05d}.eml"))


def _quiet(count: int) -> None:
    """Tell nobody."""


def _stage(name: str, total: int) -> Done:
    """Show nothing."""
    return _quiet


_some_mail = st.lists(
    st.builds(
        _mail,
        st.sampled_from(_PACKS),
        st.sampled_from(["ham", "spam", "phish"]),
        st.integers(0, 99_999),
        st.sampled_from(["g1", "g2", ""]),
        st.integers(2000, 2005),
    ),
    max_size=60,
    unique_by=lambda mail: mail.key,
)
_both_kinds = [_mail(pack, label, number) for pack in _PACKS for label in ("ham", "spam") for number in range(30)]


@settings(max_examples=100)
@given(_some_mail, st.integers(1, 10), st.integers(1, 10))
def test_a_smaller_choice_is_part_of_a_larger_one(mail: list[Mail], one: int, other: int):
    """A limit holds for each pack and label, keeps the order, and chooses the same messages whoever is asked."""
    less, more = (choose(mail, limit) for limit in sorted((one, other)))
    assert {each.key for each in less} <= {each.key for each in more} <= {each.key for each in mail}
    for pack in _PACKS:
        for label in ("ham", "spam", "phish"):
            kind = [each for each in mail if (each.pack, each.label) == (pack, label)]
            chosen = [each for each in less if (each.pack, each.label) == (pack, label)]
            assert chosen == [each for each in kind if each in chosen]
            assert len(chosen) == min(len(kind), one, other)
    assert sorted(each.key for each in choose(mail, None)) == sorted(each.key for each in mail)


@settings(max_examples=100)
@given(_some_mail)
def test_what_is_tested_was_not_learned(mail: list[Mail]):
    """A pack's fold learns from other packs only, at most two near-duplicates, and tests every message of the pack."""
    folds = hold_out([*mail, *(each for each in _both_kinds if each.key not in {one.key for one in mail})])
    assert [fold.name for fold in folds] == list(_PACKS)
    for fold in folds:
        assert {each.pack for each in fold.test} == {fold.name}
        assert fold.name not in {each.pack for each in fold.train}
        crowds = [(each.label, each.group) for each in fold.train]
        assert max(map(crowds.count, set(crowds))) <= TWINS
        assert {each.key for each in mail if each.pack == fold.name} <= {each.key for each in fold.test}


@settings(max_examples=100)
@given(_some_mail)
def test_within_a_source_the_past_is_learned_and_the_future_tested(mail: list[Mail]):
    """No message is on both sides, none is lost but near-duplicates, and none that is learned is younger than one tested."""
    every = [*mail, *(each for each in _both_kinds if each.key not in {one.key for one in mail})]
    (fold,) = within(every)
    learned, tested = {each.key for each in fold.train}, {each.key for each in fold.test}
    assert not learned & tested
    crowds = {each.key for each in every} - learned - tested
    assert all(each.group in {"g1", "g2"} for each in every if each.key in crowds)
    for pack in _PACKS:
        for unwanted in (False, True):
            past = [each.year for each in fold.train if (each.pack, each.unwanted) == (pack, unwanted)]
            future = [each.year for each in fold.test if (each.pack, each.unwanted) == (pack, unwanted)]
            assert max(past, default=0) <= min(future)


def test_each_source_of_a_pack_is_cut_by_itself():
    """A pack of several large sources is tested on the later part of each, not on the last source whole."""
    mail = [
        Mail("a", f"a/{source}", label, 0, f"{source}{label}{number}", Path(f"{source}-{number:03d}.eml"))
        for source in ("x", "y")
        for label in ("ham", "spam")
        for number in range(SOURCE)
    ]
    (fold,) = within(mail)
    assert {each.source for each in fold.test} == {"a/x", "a/y"}
    assert {each.source for each in fold.train} == {"a/x", "a/y"}


def test_packs_of_one_kind_cannot_be_learned_from_alone():
    """Where the other packs hold only ham, there is nothing to learn, and the run says so in one line."""
    with pytest.raises(CorpusError, match="'b'"):
        hold_out([_mail("a", "ham", 1), _mail("b", "spam", 1), _mail("b", "ham", 1)])


def test_near_duplicates_of_another_label_stay():
    """Only repetition within a label is left out."""
    mail = [_mail("a", label, number, "g") for label in ("ham", "spam") for number in range(5)]
    assert [each.label for each in without_crowds(mail)] == ["ham"] * TWINS + ["spam"] * TWINS


def test_packs_are_unpacked_once_and_whole(tmp_path: Path):
    """The files hold the messages byte for byte, their names have no blanks, and the folder is a pack again."""
    pack = tmp_path / "train-odd"
    for label, name in (("ham", "a b.eml"), ("spam", "c\nd.eml"), ("phish", "x__1.eml")):
        (pack / label).mkdir(parents=True)
        (pack / label / name).write_bytes(f"Subject: {label}\r\n\r\n{label}\n".encode())
    found = unpack(pack, tmp_path / "out")
    assert sorted(each.path.read_bytes() for each in found) == sorted(each.data for each in read_pack(pack))
    assert [each.path.name for each in found] == ["a_b.eml", "c_d.eml", "x__1.eml"]
    assert [each.source for each in found] == [each.source for each in read_pack(pack)]
    again = list(read_pack(tmp_path / "out" / "odd"))
    assert [(each.label, each.year, each.group) for each in again] == [(m.label, m.year, m.group) for m in found]
    found[0].path.write_bytes(b"left alone")
    assert unpack(pack, tmp_path / "out") == found
    assert found[0].path.read_bytes() == b"left alone"


def test_bogofilter_is_understood():
    """File names with any number of digits behind them; a file taken for two messages counts by the worse one."""
    said = "/m/a.eml H 0.00000000000000012\n/m/b c.eml S 1.00000000000000000\n/m/d.eml U 0.5\n/m/d.eml S 0.9\n"
    assert read_spamicity(said) == {"/m/a.eml": 1.2e-16, "/m/b c.eml": 1.0, "/m/d.eml": 0.9}
    assert read_spamicity("") == {}


def test_spamassassin_is_understood():
    """A probability in full, and an even one where Bayes has no opinion."""
    assert read_probability("0.99999999999999989") == 0.99999999999999989
    assert read_probability("none") == 0.5


def test_rspamd_is_understood():
    """Either symbol gives the score, none gives nought; a refusal to learn is no error, what is no JSON is one."""
    spam = {"symbols": {"BAYES_SPAM": {"score": 0.75 * WEIGHT}, "OTHER": {"score": 5}}}
    ham = {"symbols": {"BAYES_HAM": {"score": -0.5 * WEIGHT}}}
    assert [read_score(json.dumps(each).encode()) for each in (spam, ham, {"symbols": {}})] == [0.75, -0.5, 0.0]
    assert read_score(b'{"symbols": {}, "subject": "\xff\x01"}') == 0.0
    assert read_learned(b'{"success":true}')
    assert not read_learned(b'{"error":"has been already learned as spam, ignore it"}')
    assert not read_learned(b"")
    with pytest.raises(FilterError):
        read_score(b"<html>")


def _run(name: str, scores: dict[str, float], seconds: float = 2.0) -> Run:
    return Run(name, name, "a", 10, 1.0, seconds, scores)


def test_a_source_of_one_kind_is_ranked_against_all_others():
    """Ham alone is set against the unwanted mail of the other sources, and its own counts stay its own."""
    scores = {"a/ham/1": 0.1, "a/ham/2": 0.9, "b/spam/1": 0.5, "b/ham/1": 0.0, "c/phish/1": 0.8}
    row = measure_row([_run("x", scores)], "a", 0.85)
    assert row is not None
    assert (row.ham, row.unwanted, row.few) == (2, 0, True)
    assert row.one_minus_auc == pytest.approx(0.5)
    assert (row.ham_by_default, row.caught_by_default, row.others_ham) == (0.5, None, 1.0)
    assert row.per_second == pytest.approx(2.5)
    assert sides(scores, "b").ham == {"b/ham/1": 0.0}
    assert measure_row([_run("x", {"a/ham/1": 0.1})], "a", 0.5) is None


def test_filters_are_compared_on_what_both_scored():
    """A filter that was given less mail neither gains nor loses by what it was not asked."""
    own = Sides({"a/ham/1": 0.1, "a/ham/2": 0.99}, {"a/spam/1": 0.9, "a/spam/2": 0.95})
    rival = Sides({"a/ham/1": 0.1}, {"a/spam/1": 0.05, "a/spam/2": 0.5})
    assert is_ahead(own, rival)
    assert not is_ahead(rival, own)
    assert not is_ahead(own, Sides({}, {}))


def test_level_is_ahead_only_where_nothing_is_left_to_win():
    """Two that make the same mistakes are not ahead of each other; two without any are."""
    perfect = Sides({"a/ham/1": 0.1}, {"a/spam/1": 0.9})
    wrong = Sides({"a/ham/1": 0.9}, {"a/spam/1": 0.1})
    assert is_ahead(perfect, perfect)
    assert not is_ahead(wrong, wrong)


def test_the_last_line_counts_the_sources_won():
    """Gatepost wins a source when it is ahead of every other filter there."""
    good, bad = {"a/ham/1": 0.0, "a/spam/1": 1.0}, {"a/ham/1": 1.0, "a/spam/1": 0.0}
    cutoffs = dict.fromkeys(("gatepost", "x", "y"), 0.5)
    won = report({"gatepost": [_run("gatepost", good)], "x": [_run("x", bad)]}, cutoffs, "held-out")
    assert won.ahead == {"a": {"x": True}}
    assert "1 of 1 sources" in verdict(won)
    lost = report(
        {"gatepost": [_run("gatepost", bad)], "x": [_run("x", bad)], "y": [_run("y", good)]}, cutoffs, "held-out"
    )
    assert lost.won() == []
    assert "0 of 1 sources" in verdict(lost)
    assert "not compared" in verdict(report({"x": [_run("x", good)]}, cutoffs, "held-out"))


class _Fake(Filter):
    """Scores by label, and counts how often it was trained."""

    name: ClassVar[str] = "fake"
    cutoff: ClassVar[float] = 0.5
    trained: ClassVar[int] = 0

    @classmethod
    def version(cls) -> str:
        """Give a version."""
        return "fake 1"

    def train(self, mail: Sequence[Mail], done: Done) -> None:
        """Count."""
        type(self).trained += 1
        done(len(mail))

    def score(self, mail: Sequence[Mail], done: Done) -> list[float]:
        """Give minus infinity to ham, as a filter without opinion does."""
        done(len(mail))
        return [1.0 if each.unwanted else -np.inf for each in mail]


def test_a_finished_part_is_not_done_again(tmp_path: Path):
    """The same filter, code and mail give the kept scores; other mail is scored anew."""
    mail = tuple(each for pack in write_packs(tmp_path / "packs", each=3) for each in unpack(pack, tmp_path / "mail"))
    before = _Fake.trained
    first = run(_Fake, Fold("one", mail[:6], mail[6:]), tmp_path / "runs", _stage)
    assert run(_Fake, Fold("one", mail[:6], mail[6:]), tmp_path / "runs", _stage) == first
    assert _Fake.trained == before + 1
    assert {score for key, score in first.scores.items() if "/ham/" in key} == {-np.inf}
    run(_Fake, Fold("one", mail[:5], mail[6:]), tmp_path / "runs", _stage)
    assert _Fake.trained == before + 2


@pytest.fixture(scope="module")
def packs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Give two small packs of invented mail."""
    return write_packs(tmp_path_factory.mktemp("packs"), each=20)


@pytest.mark.parametrize("name", FILTERS)
def test_every_filter_that_is_installed_learns(name: str, packs: list[Path], tmp_path: Path):
    """Trained on one pack of invented mail, it tells the other one's unwanted mail from its ham."""
    kind = FILTERS[name]
    if not kind.version():
        return  # there is nothing to be tried on this machine
    one, other = (unpack(pack, tmp_path / "mail") for pack in packs)
    told: list[int] = []
    (tmp_path / "state").mkdir()
    with kind(tmp_path / "state") as rival:
        rival.train(one, told.append)
        scores = rival.score(other, told.append)
    ham, unwanted = (
        np.array([score for mail, score in zip(other, scores, strict=True) if mail.unwanted == each])
        for each in (False, True)
    )
    assert one_minus_auc(ham, unwanted) < 0.1, (ham, unwanted)
    assert sum(told) == len(one) + len(other)


def test_the_command_prints_all_side_by_side(packs: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """Tables with every filter that is there, the same figures as JSON and HTML, and no path of the machine among them."""
    names = [name for name in ("gatepost", "bogofilter") if FILTERS[name].version()]
    files = tmp_path / "found.json", tmp_path / "found.html"
    words = [*map(str, packs), "--only", "gatepost,bogofilter", "--limit", "12", "--work", str(tmp_path / "work")]
    assert main([*words, "--json", str(files[0]), "--html", str(files[1])]) == 0
    said = capsys.readouterr().out
    found = json.loads(files[0].read_text())
    assert [(row["source"], row["filter"]) for row in found["rows"]] == [(s, n) for s in ("one", "two") for n in names]
    assert all(row["ham"] == 12 and row["unwanted"] == 24 and row["one_minus_auc"] < 0.1 for row in found["rows"])
    assert all(name in said and name in files[1].read_text() for name in names)
    assert str(tmp_path) not in said + files[0].read_text() + files[1].read_text()
    assert main([*words, "--held-out", "two", "--mode", "held-out"]) == 0
    assert "two: 12 ham, 24 unwanted" in capsys.readouterr().out


def test_wrong_words_are_refused_in_one_line(packs: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """No mail, an unknown pack, an unknown filter, a limit of nought: exit code 2 and a line that names it."""
    work = ["--work", str(tmp_path / "work"), "--only", "gatepost"]
    assert main([str(tmp_path / "nowhere"), *work]) == 2
    assert main([*map(str, packs), "--held-out", "three", *work]) == 2
    assert "three" in capsys.readouterr().err
    for words in (["--only", "crm114"], ["--limit", "0"], ["--limit", "crm114=5"]):
        with pytest.raises(SystemExit) as ended:
            main(words)
        assert ended.value.code == 2
