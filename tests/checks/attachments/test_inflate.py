"""Every compression method of ZIP files is undone, block by block, and damage is an error of the known kinds."""

import bz2
import lzma
import zlib

import inflate64
import pyppmd
import pytest
from backports import zstd
from hypothesis import given
from hypothesis import strategies as st

from gatepost.checks.attachments.inflate import FAILURES, ZIP_METHODS, Unpacking
from support.archives import assembled, central_header, local_header
from support.unpacking import all_words, look_into

CONTENT = b"".join(b"line %d of a text that repeats itself\n" % number for number in range(20_000))


def deflated(data: bytes) -> bytes:
    """Compress by method 8."""
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


def deflated64(data: bytes) -> bytes:
    """Compress by method 9."""
    packer = inflate64.Deflater()
    return packer.deflate(data) + packer.flush()


def lzma_zipped(data: bytes) -> bytes:
    """Compress by method 14; the dictionary has 64 kB."""
    packer = lzma.LZMACompressor(lzma.FORMAT_ALONE, filters=[{"id": lzma.FILTER_LZMA1, "dict_size": 1 << 16}])
    alone = packer.compress(data) + packer.flush()
    return b"\x09\x04\x05\x00" + alone[:5] + alone[13:]


def ppmd(data: bytes) -> bytes:
    """Compress by method 98: order 8, 16 MB, restart."""
    packer = pyppmd.Ppmd8Encoder(8, 16 << 20, 0)
    return (7 | 15 << 4).to_bytes(2, "little") + packer.encode(data) + packer.flush()


METHODS = {
    "deflate": (8, deflated),
    "deflate64": (9, deflated64),
    "bzip2": (12, bz2.compress),
    "lzma": (14, lzma_zipped),
    "zstandard": (93, zstd.compress),
    "zstandard, its old number": (20, zstd.compress),
    "xz": (95, lzma.compress),
    "ppmd": (98, ppmd),
}


def archive(method: int, packed: bytes, size: int) -> bytes:
    """Make a ZIP archive of one file that is packed already."""
    head = local_header(b"a.txt", len(packed), size, method=method)
    return assembled(head + packed, [central_header(b"a.txt", 0, len(packed), size, method=method)])


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("content", [b"x", CONTENT], ids=["a byte", "a megabyte"])
def test_a_member_of_each_method_is_unpacked(name, content) -> None:
    """What went in comes out, whatever the method."""
    method, pack = METHODS[name]
    examined = look_into(archive(method, pack(content), len(content)), "x.zip")
    assert examined.items[1].size == len(content)
    assert not all_words(examined)


class Endless:
    """A decompressor of a stream that has no mark at its end, as LZMA in ZIP files may (APPNOTE 4.4.4, bit 1)."""

    eof = False
    needs_input = True

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:  # noqa: ARG002  the form
        """Give the data as they are."""
        return data


def test_a_stream_without_a_mark_ends_where_its_size_says() -> None:
    """When all that there should be has come the end of the data is the end; before, it is damage."""
    assert list(Unpacking(Endless(), memoryview(b"0123456789")).blocks(10)) == [b"0123456789"]
    with pytest.raises(EOFError):
        list(Unpacking(Endless(), memoryview(b"0123456789")).blocks(11))


@pytest.mark.parametrize("name", METHODS)
def test_a_cut_off_member_is_told(name) -> None:
    """Half a stream is damage, not content."""
    method, pack = METHODS[name]
    packed = pack(CONTENT)
    examined = look_into(archive(method, packed[: len(packed) // 2], len(CONTENT)), "x.zip")
    assert "damaged" in all_words(examined)


@pytest.mark.parametrize("method", ZIP_METHODS)
@given(data=st.binary(max_size=200))
def test_any_bytes_are_unpacked_or_an_error_of_the_known_kinds(method, data) -> None:
    """No decompressor raises what is not expected of it."""
    try:
        for block in ZIP_METHODS[method](memoryview(data)).blocks(1000):
            assert block
    except (*FAILURES, MemoryError):
        return
