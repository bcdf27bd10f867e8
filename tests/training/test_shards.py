"""Shards give back what was written, are finished or not there, and betray every damage."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gatepost.mail import limits
from gatepost.training.reading import Row
from gatepost.training.shards import DamagedError, Shard, open_shard, write_shard

_HASHES = st.lists(st.integers(0, 2**32 - 1), max_size=6).map(lambda numbers: np.array(numbers, np.uint32))
_WORDS = st.text(max_size=8)
_STANDS = st.lists(st.tuples(*[st.integers(-1, limits.TOKENS - 1)] * 2), max_size=4).map(
    lambda pairs: np.array(pairs, np.int32).reshape(-1, 2).T
)
_ROWS = st.builds(
    Row, _WORDS, _WORDS, st.sampled_from(["ham", "spam"]), st.integers(0, 9999), _WORDS, st.booleans(), _HASHES, _STANDS
)
_PIECES = st.lists(st.none() | _ROWS, max_size=5)
_bounded = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def rows_of(shard: Shard) -> list[Row]:
    """Give the rows of a shard as they were written."""
    ends = shard.ends().tolist()
    hashes = [shard.hashes()[start:end] for start, end in zip([0, *ends], ends, strict=False)]
    ends = shard.place_ends().tolist()
    stands = [shard.stands()[start:end] for start, end in zip([0, *ends], ends, strict=False)]
    return [
        Row(
            each.pack,
            each.source,
            each.label,
            each.year,
            each.group,
            each.foreign,
            tokens,
            places.astype(np.int32).reshape(2, -1) - 1,
        )
        for each, tokens, places in zip(shard.origins(), hashes, stands, strict=True)
    ]


def plain(rows: list[Row]) -> list[tuple[object, ...]]:
    """Give rows in a form that can be compared."""
    return [(r.pack, r.source, r.label, r.year, r.group, r.foreign, r.hashes.tolist(), r.places.tolist()) for r in rows]


@_bounded
@given(_PIECES)
def test_a_shard_gives_back_its_rows(tmp_path: Path, piece: list[Row | None]):
    """Rows come back in order, opened later as when written; messages without text are only counted."""
    written = write_shard(tmp_path / "0.shard", piece, whole=5)
    opened = open_shard(tmp_path / "0.shard")
    assert written == opened
    assert plain(rows_of(opened)) == plain([row for row in piece if row is not None])
    assert opened.messages == len(piece)
    assert opened.last == (len(piece) < 5)


def test_hashes_are_mapped_not_read(tmp_path: Path):
    """The hashes of a shard stay in the file, as little-endian numbers, and outlive its name."""
    row = Row("a", "a", "ham", 0, "", False, np.array([1, 2**32 - 1], np.uint32))
    shard = write_shard(tmp_path / "0.shard", [row])
    mapped = shard.hashes()
    assert (tmp_path / "0.shard").read_bytes()[256:264] == b"\1\0\0\0\xff\xff\xff\xff"
    (tmp_path / "0.shard").unlink()
    assert mapped.tolist() == [1, 2**32 - 1]
    assert isinstance(mapped.base, np.memmap)
    assert not mapped.flags.writeable


_SOUND = [Row("pack", "pack/box", "spam", 2020, "g", True, np.arange(3, dtype=np.uint32)), None]


@_bounded
@given(data=st.data())
def test_every_damage_is_seen(tmp_path: Path, data: st.DataObject):
    """A flipped bit, a missing end or a longer one: the shard is refused, wherever that is."""
    path = tmp_path / "0.shard"
    write_shard(path, _SOUND)
    sound = path.read_bytes()
    place = data.draw(st.integers(0, len(sound) - 1))
    kind = data.draw(st.sampled_from(["flipped", "cut", "longer", "zeroed"]))
    damaged = bytearray(sound)
    if kind == "flipped":
        damaged[place] ^= 1 << data.draw(st.integers(0, 7))
    elif kind == "cut":
        del damaged[place:]
    elif kind == "longer":
        damaged += b"\0" * (place + 1)
    else:
        damaged[:] = bytes(len(damaged))
    path.write_bytes(damaged)
    try:
        shard = open_shard(path)
    except DamagedError:
        return
    # Spaces that fill the head up carry nothing: another character of white space there changes nothing either.
    assert plain(rows_of(shard)) == plain([row for row in _SOUND if row])
    assert kind == "flipped"
    assert sound[place : place + 1] in (b" ", b"\n")


def test_an_unfinished_shard_is_not_there(tmp_path: Path):
    """What stops the writing leaves nothing under the shard's name, and an older shard of that name as it was."""

    def breaks() -> Iterator[Row | None]:
        yield _SOUND[0]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_shard(tmp_path / "0.shard", breaks())
    assert not (tmp_path / "0.shard").exists()
    write_shard(tmp_path / "0.shard", _SOUND)
    before = (tmp_path / "0.shard").read_bytes()
    with pytest.raises(KeyboardInterrupt):
        write_shard(tmp_path / "0.shard", breaks())
    assert (tmp_path / "0.shard").read_bytes() == before


def test_the_same_rows_give_the_same_bytes(tmp_path: Path):
    """Nothing of time, process or memory is in a shard."""
    first, second = (write_shard(tmp_path / name, _SOUND).path.read_bytes() for name in ("a.shard", "b.shard"))
    assert first == second
