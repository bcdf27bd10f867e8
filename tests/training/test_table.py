"""The table: columns and matrix as a plain count would give them, rows drawn fairly, memory that does not grow."""

from __future__ import annotations

import tracemalloc
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from gatepost.training.columns import build_matrix, choose_columns
from gatepost.training.reading import Row
from gatepost.training.shards import Shard, write_shard
from gatepost.training.table import Table, table_of

_PACKS = ("alpha", "beta", "gamma")


def rows(
    count: int, *, words: int = 400, each: int = 12, packs: tuple[str, ...] = _PACKS, seed: int = 1
) -> Iterator[Row]:
    """Give rows of random words, the common ones more often; the first pack has half of all rows."""
    dice = np.random.default_rng(seed)
    vocabulary = dice.integers(0, 2**32, words, np.uint32)
    for number in range(count):
        pack = packs[0] if number % 2 else packs[number // 2 % len(packs)]
        chosen = np.unique((words * dice.random(each) ** 2).astype(np.int64))
        hashes = vocabulary[chosen][dice.permutation(chosen.size)]
        yield Row(pack, f"{pack}/box", ("ham", "spam", "ham")[number % 3], 2000, f"group-{number}", False, hashes)


def shards(folder: Path, some: Iterator[Row], whole: int = 64) -> list[Shard]:
    """Write rows as the shards of one pack."""
    every = list(some)
    return [
        write_shard(folder / f"{start:06d}.shard", every[start : start + whole], whole=whole)
        for start in range(0, len(every) + 1, whole)
    ]


def plainly_chosen(table: Table, bits: int) -> tuple[list[int], list[bool]]:
    """Choose columns by counting in dictionaries: the tokens, and which of them are general."""
    names = sorted(set(table.packs.tolist()))
    sizes = Counter(table.packs.tolist())
    both = {name: len(set(table.unwanted[table.packs == name].tolist())) == 2 for name in names}
    used = {name: Counter[int]() for name in names}
    for pack, hashes in zip(table.packs.tolist(), table.hashes, strict=True):
        used[pack].update(hashes.tolist())
    best: dict[int, tuple[bool, int, int]] = {}
    for token in {token for counted in used.values() for token in counted}:
        times = sum(counted[token] for counted in used.values())
        rates = sorted((used[name][token] / sizes[name] for name in names), reverse=True)
        most = max(names, key=lambda name: used[name][token] / sizes[name])
        general = times >= 4 and (len(names) == 1 or (rates[1] > 0 and rates[1] >= 0.15 * rates[0]))
        if general or (times >= 3 and both[most]):
            bucket = token & ((1 << bits) - 1)
            best[bucket] = min(best.get(bucket, (True, 0, 0)), (not general, -times, token))
    chosen = sorted((token, not memory) for memory, _, token in best.values())
    return [token for token, _ in chosen], [general for _, general in chosen]


@pytest.mark.parametrize("bits", [6, 20])
@pytest.mark.parametrize("packs", [_PACKS, ("alone",)])
@pytest.mark.parametrize("at_once", [1 << 24, 700, 150])
def test_columns_are_those_of_a_plain_count(tmp_path: Path, bits: int, packs: tuple[str, ...], at_once: int):
    """Counting in parts of the range of hashes gives exactly what counting everything at once does."""
    table = table_of(shards(tmp_path, rows(300, packs=packs)))
    columns = choose_columns(table, bits, at_once)
    assert columns.hashes.dtype == np.uint32
    assert (columns.hashes.tolist(), columns.general.tolist()) == plainly_chosen(table, bits)
    assert columns.size > 20


def test_the_matrix_holds_what_each_row_knows(tmp_path: Path):
    """Each row has its known tokens, in order, weighing by how many they are; rows without any are there, too."""
    table = table_of(shards(tmp_path, rows(200, each=60)))
    columns = choose_columns(table, 20).hashes[::3]
    matrix = build_matrix(table, columns, 0.25)
    assert matrix.shape == (200, columns.size)
    assert matrix.has_sorted_indices
    for number, hashes in enumerate(table.hashes):
        known = sorted(set(hashes.tolist()) & set(columns.tolist()))
        row = matrix[number]
        assert columns[row.indices].tolist() == known
        assert np.all(row.data == np.float32(1 / max(len(known), 30) ** 0.25))


def test_nothing_in_common_makes_an_empty_matrix(tmp_path: Path):
    """No column and no row: the shapes are right all the same."""
    table = table_of(shards(tmp_path, rows(10)))
    assert build_matrix(table, np.zeros(0, np.uint32), 0.25).shape == (10, 0)
    (tmp_path / "empty").mkdir()
    nothing = table_of(shards(tmp_path / "empty", iter(())))
    assert len(nothing) == 0
    assert choose_columns(nothing, 20).size == 0


def twins(count: int, copies: int) -> Iterator[Row]:
    """Give rows in groups of so many copies."""
    for number, row in enumerate(rows(count)):
        yield Row(row.pack, row.source, row.label, row.year, f"group-{number // copies}", False, row.hashes)


def test_the_first_two_of_a_group_are_kept(tmp_path: Path):
    """Of each label and group the first two stay, in the order of the mail, across shards too."""
    given = [Row("a", "a", "ham", year, group, False, np.zeros(1, np.uint32)) for year, group in enumerate("xyxxyzyx")]
    given.append(Row("a", "a", "spam", 99, "x", False, np.zeros(1, np.uint32)))
    table = table_of(shards(tmp_path, iter(given), whole=3))
    assert table.years.tolist() == [0, 1, 2, 4, 5, 99]
    assert table.left_out == 3
    assert table.not_drawn == 0


def kinds(table: Table) -> Counter[tuple[str, str]]:
    """Count the rows of each label of each pack."""
    return Counter(zip(table.packs.tolist(), table.labels.tolist(), strict=True))


def test_rows_are_drawn_evenly(tmp_path: Path):
    """Past the limit each label of each pack keeps as many, small ones all they have; the rest is counted."""
    written = shards(tmp_path, rows(600))
    everything, drawn = kinds(table_of(written)), table_of(written, 200)
    assert len(drawn) == 200
    assert drawn.not_drawn == 400
    assert drawn.left_out == 0
    quota = max(kinds(drawn).values())
    assert all(min(everything[kind], quota - 1) <= count <= quota for kind, count in kinds(drawn).items())
    assert set(kinds(drawn)) == set(everything)


def test_drawing_repeats_and_hardly_changes(tmp_path: Path):
    """The same mail gives the same rows in order; a little more mail changes few of them."""
    written = shards(tmp_path, rows(600))
    first, again = table_of(written, 200), table_of(written, 200)
    assert first.groups.tolist() == again.groups.tolist()
    (tmp_path / "more").mkdir()
    more = table_of(shards(tmp_path / "more", rows(630)), 200)
    assert len(set(first.groups.tolist()) & set(more.groups.tolist())) > 175


def test_near_duplicates_are_drawn_together(tmp_path: Path):
    """Which rows are drawn is decided by their group: both copies come, or neither, but for one at each border."""
    table = table_of(shards(tmp_path, twins(1200, copies=6)), 120)
    alone = [group for group, count in Counter(table.groups.tolist()).items() if count == 1]
    everything = table_of(shards(tmp_path, twins(1200, copies=6)))
    single = {group for group, count in Counter(everything.groups.tolist()).items() if count == 1}
    assert len(set(alone) - single) <= 2 * len(kinds(table))


def _peak(written: list[Shard]) -> int:
    """Give the most bytes that learning's preparations held at a time."""
    tracemalloc.start()
    try:
        table = table_of(written, 500)
        build_matrix(table, choose_columns(table, 16).hashes, 0.25)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_follows_the_rows_drawn_not_the_mail(tmp_path: Path):
    """Ten times the mail takes less than a megabyte more, though its hashes alone are eight."""
    peaks: list[int] = []
    for count in (1_200, 12_000):
        folder = tmp_path / str(count)
        folder.mkdir()
        written = shards(folder, rows(count, words=5_000, each=200), whole=1_024)
        assert sum(shard.tokens for shard in written) * 4 > count * 600
        peaks.append(_peak(written))
    assert peaks[1] - peaks[0] < 1_000_000, peaks


def test_hashes_behave_as_a_sequence(tmp_path: Path):
    """Rows are there by number, from the end, as a slice and in a loop, with the tokens that were written."""
    given = list(rows(100))
    hashes = table_of(shards(tmp_path, iter(given), whole=30)).hashes
    assert [each.tolist() for each in hashes] == [row.hashes.tolist() for row in given]
    assert hashes[-1].tolist() == given[-1].hashes.tolist()
    assert [each.tolist() for each in hashes[28:33]] == [row.hashes.tolist() for row in given[28:33]]
    with pytest.raises(IndexError):
        hashes[100]
    sizes: npt.NDArray[np.int64] = hashes.sizes
    assert sizes.tolist() == [row.hashes.size for row in given]


def test_nothing_is_remembered_of_written_mail_alone(tmp_path: Path):
    """Tokens that one pack alone uses are memory, unless the pack was written for training."""
    given = list(rows(64, packs=("invented", "mailbox"), words=40))
    own = {"invented": np.uint32(7), "mailbox": np.uint32(8)}
    marked = [
        Row(row.pack, row.source, row.label, row.year, row.group, False, np.append(row.hashes, own[row.pack]))
        for row in given
    ]
    columns = choose_columns(table_of(shards(tmp_path, iter(marked))), 22)
    found = dict(zip(columns.hashes.tolist(), columns.general.tolist(), strict=True))
    assert 7 not in found
    assert found[8] is False
