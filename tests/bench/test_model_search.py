"""The model search: every candidate is tested on mail it did not learn, fits are kept, and the tables say what was found."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.model_search import NAMES, SEMANTIC, main
from bench.search_figures import common_threshold, figures
from bench.search_learners import Fisher, OnTokens, fisher, recipe
from bench.search_matrix import Matrices, choose, number_tokens
from bench.search_meaning import Meaning, Vectors, read_vectors, reduced
from bench.search_read import GRAM_BITS, Flat, fields, grams, number_row, read_material
from bench.search_runs import PROTOCOLS, Bench, folds, run
from bench.search_table import as_markdown
from gatepost.checks.content import looks
from gatepost.mail.message import from_bytes
from gatepost.training.columns import build_matrix, choose_columns
from gatepost.training.corpus import CorpusError
from gatepost.training.table import Table
from gatepost.training.train import BITS, LENGTH_POWER
from support.letters import invented, letter, write_packs

_RECIPE = OnTokens("recipe", "tokens", recipe)


def _quiet(line: str) -> None:
    """Say nothing."""


def _table(packs: list[str], labels: list[str]) -> Table:
    """Give a table without tokens."""
    empty = [np.zeros(0, np.uint32)] * len(packs)
    names = np.array(packs)
    groups = np.array([f"g{number}" for number in range(len(packs))])
    years = np.zeros(len(packs), np.int64)
    return Table(names, names, np.array(labels), years, groups, np.zeros(len(packs), bool), empty, 0)


@pytest.fixture(scope="module")
def packs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Write two small packs, and one of ham alone."""
    folder = tmp_path_factory.mktemp("packs")
    place = folder / "train-three" / "ham"
    place.mkdir(parents=True)
    for number in range(15):
        (place / f"{number}.eml").write_bytes(invented("ham", number, seed=7))
    return [*write_packs(folder, each=30), folder / "train-three"]


@pytest.fixture(scope="module")
def bench(packs: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """Give the three packs, read."""
    work = tmp_path_factory.mktemp("work")
    return Bench(Matrices(read_material(packs, work / "mail", None, 1, _quiet)), work / "fits", _quiet)


_some_mail = st.lists(
    st.tuples(st.sampled_from(["a", "b", "c", "invented"]), st.sampled_from(["ham", "spam", "phish"])),
    min_size=1,
    max_size=40,
)


@settings(max_examples=100)
@given(_some_mail, st.sampled_from(PROTOCOLS), st.booleans())
def test_nothing_is_learned_that_is_tested(mail: list[tuple[str, str]], protocol: str, learn_invented: bool):
    """No fold learns what it tests, nor invented mail unless asked, and no message is tested twice."""
    table = _table(*map(list, zip(*mail, strict=True)))
    times = np.zeros(len(table), np.int64)
    for fold in folds(table, protocol, invented=learn_invented):
        assert not (fold.learned & fold.tested).any()
        assert learn_invented or not (fold.learned & (table.packs == "invented")).any()
        times += fold.tested
    assert times.max(initial=0) <= 1
    if protocol == "unseen":
        assert times.min() == 1


def test_columns_are_those_of_training(bench: Bench):
    """The quick way to a matrix gives what training builds from the same messages, memory included."""
    every = np.ones(len(bench.table), bool)
    columns = choose_columns(bench.table, BITS)
    chosen = bench.matrices.chosen("tokens", every, memory=True)
    assert (chosen.matrix != build_matrix(bench.table, columns.hashes, LENGTH_POWER)).nnz == 0
    assert np.array_equal(chosen.general, columns.general)
    assert bench.matrices.chosen("tokens", every).matrix.shape[1] == columns.general.sum()


def test_held_out_mail_has_no_say_in_the_columns():
    """A token that one pack alone uses is general only where that is all there is; with too few messages it is none."""
    view = number_tokens(Flat(np.array([7] * 12, np.uint32), np.array([1, 2, 3, 4, *[4] * 4, *range(5, 13)])))
    one, without, two = np.arange(4), np.arange(4, 8), np.arange(8, 16)
    for members, found in (([one, two], [0]), ([one, without], []), ([one[:3], without], []), ([two], [0])):
        places, general = choose(view, members, [True] * len(members), memory=False)
        assert places.tolist() == found
        assert general.all()
    assert choose(view, [one, without], [True, True], memory=True)[1].tolist() == [False]


def test_words_and_facts_share_the_tokens(bench: Bench):
    """Every token is either a word or a fact."""
    views = (bench.matrices.view(name).present.nnz for name in ("words", "facts", "tokens"))
    words, facts, tokens = views
    assert words > 0
    assert facts > 0
    assert words + facts == tokens


def test_fits_are_kept(bench: Bench, monkeypatch: pytest.MonkeyPatch):
    """A fit that is there is read, with the same scores, and not made again."""
    learned = bench.table.packs == "one"
    first = bench.fitted(_RECIPE, learned)
    monkeypatch.setattr(Bench, "_fit", None)
    assert np.array_equal(bench.fitted(_RECIPE, learned).scores, first.scores)


def test_the_recipe_learns(bench: Bench):
    """On invented letters, whose words differ by label, the recipe orders nearly every pair of another pack rightly."""
    found = figures(bench.table, run(bench, (_RECIPE,), "unseen", invented=False).scores)
    assert found["mean"]["1-AUC"] < 0.05
    assert set(found["packs"]) == {"one", "two", "three"}
    assert "1-AUC" not in found["packs"]["three"]


def test_a_stack_is_no_single_member(bench: Bench):
    """A stack gives one finite score to each message, and its cost is that of its members together."""
    words = OnTokens("words", "words", recipe)
    learned = bench.table.packs != "two"
    found = bench.stacked([_RECIPE, words], learned)
    members = [bench.fitted(member, learned) for member in (_RECIPE, words)]
    assert np.isfinite(found.scores).all()
    assert found.bytes == sum(member.bytes for member in members)


def test_chi_square_orders_by_evidence():
    """More words of spam give a higher score, words of both kinds cancel, and sure opinions stay apart from each other."""
    import scipy.sparse

    rows = scipy.sparse.csr_matrix(np.array([[1, 1, 1, 0], [1, 1, 0, 0], [1, 0, 0, 1], [0, 0, 0, 0], [0, 0, 0, 1]]))
    scores = Fisher(np.array([0.99, 0.99, 0.999, 0.01])).scores(rows)
    assert np.all(np.diff(scores[[0, 1, 2, 4]]) < 0)
    assert scores[2] == pytest.approx(0, abs=1e-6)
    assert scores[3] == pytest.approx(0, abs=1e-6)


def test_chi_square_counts(bench: Bench):
    """Tokens of unwanted mail alone come out near 1, those never seen at bogofilter's prior."""
    every = np.ones(len(bench.table), bool)
    matrix = bench.matrices.chosen("words", every)
    fit = fisher(matrix, bench.table, every)
    assert fit.spamminess.min() > 0
    assert fit.spamminess.max() < 1
    unseen = fisher(matrix, bench.table, every & (np.arange(len(bench.table)) % 30 == 0))
    assert (unseen.spamminess == 0.52).any()


def test_numbers_are_those_behind_the_steps():
    """There is a number for each of the steps that looks.py cuts."""
    message = from_bytes(letter("Big OFFER!", "Buy now! $100", html="<p>Buy <b>now</b></p>"))
    assert len(number_row(message)) == len(looks.STEPS)
    assert all(np.isfinite(number_row(message)))


@settings(max_examples=100)
@given(st.binary(max_size=400))
def test_any_message_gives_runs_and_fields(data: bytes):
    """Whatever the bytes, runs of characters and fields are hashes in ascending order, each once."""
    message = from_bytes(data)
    for found in (grams(message), fields(message)):
        assert found.dtype == np.uint32
        assert np.all(np.diff(found.astype(np.int64)) > 0)
    assert grams(message).max(initial=0) < 1 << GRAM_BITS


def test_equal_runs_have_equal_hashes():
    """A run has the same hash wherever it stands, and digits are alike."""
    one, other = (set(grams(from_bytes(letter("x", text))).tolist()) for text in ("order 12345 now", "now order 98765"))
    assert len(one & other) >= 6


def test_vectors_are_read_and_words_are_weighed(bench: Bench, tmp_path: Path):
    """Word vectors come from a file in the layout of safetensors; a mean vector has length one, or zero without words."""
    words = [
        "[PAD]",
        *(f"unused{number}" for number in range(999)),
        "meeting",
        "lottery",
        "##ing",
        *map(str, range(200)),
    ]
    table = np.random.default_rng(1).normal(size=(len(words), 140)).astype("<f4")
    head = json.dumps(
        {"embeddings.word_embeddings.weight": {"dtype": "F32", "shape": table.shape, "data_offsets": [0, table.nbytes]}}
    ).encode()
    (tmp_path / "model.safetensors").write_bytes(len(head).to_bytes(8, "little") + head + table.tobytes())
    (tmp_path / "vocab.txt").write_text("\n".join(words) + "\n")
    vectors = read_vectors(tmp_path)
    assert vectors.hashes.size == 2
    assert np.allclose(vectors.rows @ vectors.rows.T, _gram(reduced(table)[1000:1002], vectors), atol=1e-3)
    means = Meaning(vectors).inputs(bench.matrices, np.ones(len(bench.table), bool))
    lengths = np.linalg.norm(means, axis=1)
    assert np.all((lengths < 1e-3) | (np.abs(lengths - 1) < 1e-3))
    assert (lengths > 0.5).any()


def _gram(rows: np.ndarray, vectors: Vectors) -> np.ndarray:
    """Give the inner products of two rows in the order of the hashes."""
    import zlib

    order = np.argsort([zlib.crc32(word) for word in (b"meeting", b"lottery")])
    assert vectors.rows.shape == rows.shape
    return rows[order] @ rows[order].T


@settings(max_examples=100)
@given(st.lists(st.floats(-5, 5), min_size=1, max_size=60), st.lists(st.floats(-5, 5), min_size=1, max_size=60))
def test_the_common_threshold_spares_ham(one: list[float], two: list[float]):
    """At most 1 % of ham exceeds it, each pack counting alike."""
    packs = ["a"] * (len(one) + 1) + ["b"] * (len(two) + 1)
    labels = ["ham"] * len(one) + ["spam"] + ["ham"] * len(two) + ["spam"]
    scores = np.array([*one, 9.0, *two, 9.0])
    level = common_threshold(_table(packs, labels), scores, np.ones(scores.size, bool))
    assert np.mean([np.mean(np.array(side) > level) for side in (one, two)]) <= 0.01


def test_the_search_is_printed_and_kept(
    packs: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    """Every candidate is in the tables and in the JSON, which give the same Markdown again; a second run fits nothing."""
    monkeypatch.setattr("bench.model_search.installed", lambda: None)
    json_file, work = tmp_path / "found.json", tmp_path / "work"
    words = [*map(str, packs), "--work", str(work), "--json", str(json_file), "--limit", "20"]
    words += ["--only", "lr,nb-fisher,facts,fields,grams,embedding"]
    assert main(words) == 0
    said = capsys.readouterr()
    assert "embedding" in said.err
    found = json.loads(json_file.read_text())
    assert as_markdown(found) == said.out
    assert {row["candidate"] for row in found["rows"]} == {"lr", "nb-fisher", "facts", "fields", "grams"}
    assert all(f"| {name} |" in said.out for name in found["candidates"])
    assert found["mail"]["one"] == {"ham": 20, "phish": 20, "spam": 20}
    monkeypatch.setattr(Bench, "_fit", None)
    assert main(words) == 0


def test_what_cannot_be_searched_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """Packs of one kind of mail, and no pack at all, are said in one line."""
    place = tmp_path / "train-x" / "ham"
    place.mkdir(parents=True)
    (place / "1.eml").write_bytes(invented("ham", 1))
    for words in ([str(tmp_path / "train-x")], [str(tmp_path / "nowhere")]):
        assert main([*words, "--only", "nb", "--work", str(tmp_path / "work")]) == 2
        assert capsys.readouterr().err.splitlines()[-1].startswith("model-search: ")
    with pytest.raises(CorpusError):
        read_material([tmp_path / "train-x"], tmp_path / "work", None, 1, _quiet)


def test_candidates_are_named():
    """The semantic candidates are among those that can be asked for."""
    assert set(SEMANTIC) <= set(NAMES)
