"""Archives made to harm: answered in time, within memory, and told.

Each is opened in a real jail. The process that stands for a worker may not grow by more than what it is given; the jail's own
address space stays below its limit, as the kernel counts it.
"""

import os
import time

import pytest

from gatepost.checks.attachments.bounds import Settings
from gatepost.checks.attachments.unpacker import open_unpacker
from gatepost.mail.readings import Reading
from support import archives, bombs
from support.memory import peak_bytes, peak_growth
from support.unpacking import all_words, in_place, look_into, words

MIB = 1 << 20
LIMIT = 1024 * MIB
DEADLINE = 8.0

BOMBS = {
    "ten gigabytes of zeros, zip": (bombs.zeros_zip, {"bomb"}),
    "ten gigabytes of zeros, gzip": (bombs.zeros_gzip, {"bomb"}),
    "the pattern of 42.zip": (bombs.forty_two, {"bomb"}),
    "files that share their bytes": (bombs.overlapping, {"bomb"}),
    "a quarter of a million files, zip": (bombs.many_files_zip, {"limit"}),
    "a million files, tar.gz": (bombs.many_files_tar, {"limit"}),
    "ten gigabytes of nothing, sparse tar": (bombs.sparse_tar, {"bomb"}),
    "a size of eight exabytes, tar": (bombs.boastful_tar, {"damaged"}),
    "a giant dictionary, xz": (bombs.giant_dictionary_xz, {"limit"}),
    "a giant dictionary, lzma": (bombs.giant_dictionary_lzma, {"unopened"}),
    "a giant dictionary, 7z": (bombs.giant_dictionary_7z, {"limit"}),
    "a solid block, 7z": (bombs.solid_7z, {"bomb"}),
    "fifty times compressed": (lambda: bombs.nested_gzip(50), {"limit"}),
    "fifty archives deep": (lambda: archives.nested(b"x", 50), {"limit"}),
    "wide and deep": (bombs.bush, {"limit"}),
    "an archive that holds itself": (bombs.quine, {"limit"}),
}


@pytest.fixture(scope="module")
def unpacker():
    """Give a jail that serves all bombs, one after another."""
    unpacker = open_unpacker(Settings(jail_memory_bytes=LIMIT))
    look_into(b"%PDF-", unpacker=unpacker)
    yield unpacker
    unpacker.close()


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_is_told_in_time_and_within_memory(bomb, unpacker) -> None:
    """The finding names what it is, before the deadline; neither the worker nor the jail passes its limit."""
    maker, expected = BOMBS[bomb]
    data = maker()
    begin = time.monotonic()
    with peak_growth() as grown:
        examined = look_into(data, "x.zip", ["1234"], unpacker, DEADLINE)
    assert time.monotonic() - begin < DEADLINE
    assert all_words(examined) == expected
    assert grown() < 32 * MIB
    for cell in unpacker._jail._idle:
        assert peak_bytes(cell.pid, "VmPeak") < LIMIT


def test_the_message_after_a_bomb_is_served(unpacker) -> None:
    """A bomb leaves nothing behind that the next message would feel."""
    look_into(bombs.zeros_zip(), "x.zip", (), unpacker)
    examined = look_into(archives.zipped(archives.HELLO), "x.zip", (), unpacker)
    assert len(examined.items) == 2
    assert not all_words(examined)


def test_other_files_of_the_message_are_told_unopened() -> None:
    """What a large file left no room for is not clean: it says that it was not opened."""
    many = archives.zipped({f"{number}.bin": bytes([number]) * MIB for number in range(9)})
    files = [Reading(1, "many.zip", "", many), Reading(2, "other.zip", "", archives.zipped(archives.HELLO))]
    examined = in_place(unpack_bytes=5 * MIB).examine(files, (), DEADLINE)
    last = next(item for item in examined.items if item.part == 2)
    assert words(last) == {"limit"}


def test_more_honest_data_than_the_limit_is_no_bomb(unpacker) -> None:
    """Large is not hostile: what is in proportion is a limit."""
    block = os.urandom(4 * MIB)
    data = archives.tarred({"dump.bin": block * 20})
    assert all_words(look_into(data, "x.tar", (), unpacker)) == {"limit"}
