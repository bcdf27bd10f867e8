"""The two accounts that a ZIP file gives of what it holds: both are opened, and a difference is told."""

import io
import struct
import zipfile
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.checks.attachments.zip_directory import find_end, listed, strays
from gatepost.mail import file_limits
from support.archives import HELLO, assembled, central_header, local_header, zipped
from support.unpacking import all_words, in_place, look_into, shape, words


def deflated(data: bytes) -> bytes:
    """Compress as ZIP archives do."""
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


def stored(name: bytes, data: bytes) -> bytes:
    """Make a file as it stands in an archive, uncompressed, with its header."""
    return local_header(name, len(data), len(data), method=0, crc=zlib.crc32(data)) + data


def entry(name: bytes, start: int, data: bytes) -> bytes:
    """Make a directory entry of an uncompressed file."""
    return central_header(name, start, len(data), len(data), method=0, crc=zlib.crc32(data))


def test_a_file_that_the_directory_does_not_list_is_opened() -> None:
    """A streaming program unpacks it, so it is looked into, and told."""
    bodies = stored(b"seen.txt", b"seen") + stored(b"hidden.exe", b"MZ hidden")
    examined = look_into(assembled(bodies, [entry(b"seen.txt", 0, b"seen")]), "x.zip")
    assert set(shape(examined)) == {("seen.txt",), ("hidden.exe",)}
    assert "ambiguous" in all_words(examined)
    assert [inner.content for inner in examined.inner if inner.source.endswith("hidden.exe")] == [b"MZ hidden"]


def test_two_archives_one_behind_the_other_are_opened() -> None:
    """Some programs take the last directory, some the first: both archives are looked into."""
    examined = look_into(zipped({"first.txt": b"1"}) + zipped({"second.txt": b"2"}), "x.zip")
    assert set(shape(examined)) == {("first.txt",), ("second.txt",)}
    assert "ambiguous" in all_words(examined)


def test_a_name_that_differs_is_told_and_both_are_given() -> None:
    """The directory says one name, the header in front of the file another."""
    data = assembled(stored(b"run.exe", b"MZ"), [entry(b"doc.txt", 0, b"MZ")])
    examined = look_into(data, "x.zip")
    assert set(shape(examined)) == {("doc.txt",), ("run.exe",)}
    assert "ambiguous" in all_words(examined)


def test_a_compression_that_differs_is_read_both_ways() -> None:
    """Stored in the directory and deflated in front of the file: both contents are looked into."""
    packed = deflated(b"what it really holds")
    head = local_header(b"a.txt", len(packed), 20)
    data = assembled(head + packed, [central_header(b"a.txt", 0, len(packed), len(packed), method=0)])
    examined = look_into(data, "x.zip")
    assert {item.size for item in examined.items[1:]} == {20, len(packed)}
    assert "ambiguous" in all_words(examined)


def test_the_unicode_path_field_is_believed() -> None:
    """Programs that know the field go by it (APPNOTE 4.6.9)."""
    extra = struct.pack("<HHBI", 0x7075, 5 + 7, 1, 0) + b"run.exe"
    central = central_header(b"doc.txt", 0, 2, 2, method=0)
    central = central[:30] + struct.pack("<H", len(extra)) + central[32:] + extra
    examined = look_into(assembled(stored(b"doc.txt", b"MZ"), [central]), "x.zip")
    assert ("run.exe",) in shape(examined)


def named_twice(raw: bytes, field: bytes, checksum: int) -> bytes:
    """Make an archive of one file whose directory gives it another name in the Unicode path field."""
    extra = struct.pack("<HHBI", 0x7075, 5 + len(field), 1, checksum) + field
    central = central_header(raw, 0, 2, 2, method=0)
    central = central[:30] + struct.pack("<H", len(extra)) + central[32:] + extra
    return assembled(stored(raw, b"MZ"), [central])


@pytest.mark.parametrize("checksum", [0, zlib.crc32(b"invoice.js")])
def test_both_names_of_a_file_are_told(checksum) -> None:
    """A field without the plain name's checksum counts for some programs, and a valid one for others not (APPNOTE 4.6.9)."""
    examined = look_into(named_twice(b"invoice.js", b"readme.txt", checksum), "x.zip")
    assert set(shape(examined)) == {("invoice.js",), ("readme.txt",)}
    assert "ambiguous" in all_words(examined)


def test_a_name_with_a_nul_is_told_both_ways() -> None:
    """To some programs a name ends where a string of C does."""
    name = b"invoice.js\0.txt"
    examined = look_into(assembled(stored(name, b"MZ"), [entry(name, 0, b"MZ")]), "x.zip")
    assert set(shape(examined)) == {("invoice.js",), ("invoice.js\0.txt",)}
    assert "ambiguous" in all_words(examined)


def test_the_same_name_in_another_alphabet_is_one_name() -> None:
    """What the field is for: a name that the plain one cannot hold."""
    examined = look_into(named_twice(b"????.txt", "отчёт.txt".encode(), zlib.crc32(b"????.txt")), "x.zip")
    assert set(shape(examined)) == {("отчёт.txt",)}
    assert not all_words(examined)


@pytest.mark.parametrize("directory", [b"", zipped({"z.txt": b"z"})])
def test_names_past_the_limit_of_strays_are_told(directory) -> None:
    """More unlisted files than are opened: the rest stays closed, is told, and keeps its names."""
    many = b"".join(stored(b"%d.txt" % number, b"text") for number in range(file_limits.ZIP_STRAY_HEADERS))
    archive, *inside = look_into(many + stored(b"invoice.js", b"x") + directory, "x.zip").items
    assert "limit" in words(archive)
    assert [(item.name, words(item)) for item in inside if not item.kind] == [("invoice.js", {"limit"})]


def test_an_archive_without_a_directory_is_read_from_the_front() -> None:
    """A cut off archive still gives what a repairing program would find."""
    examined = look_into(stored(b"a.txt", b"hello") + b"PK", "x.zip")
    assert ("a.txt",) in shape(examined)
    assert "damaged" in all_words(examined)


def test_an_entry_that_points_nowhere_is_told() -> None:
    """A directory entry without a file is a difference between the accounts."""
    assert "ambiguous" in all_words(look_into(assembled(b"x" * 100, [entry(b"a.txt", 5, b"xx")]), "x.zip"))


@pytest.mark.parametrize("junk", [b"x", b"#!/bin/sh\n" * 50, b"PK\x03\x04" * 5])
def test_bytes_in_front_are_passed_over(junk) -> None:
    """Offsets are counted from where the archive begins, whatever stands in front of it."""
    assert "hello.txt" in {path[-1] for path in shape(look_into(junk + zipped(HELLO), "x.zip"))}


@pytest.mark.parametrize("tail", [b"\0", b"trailing " * 100])
def test_bytes_behind_are_passed_over(tail) -> None:
    """An archive with something behind it is opened."""
    assert shape(look_into(zipped(HELLO) + tail, "x.zip")) == {("hello.txt",): "text"}


def test_a_comment_that_holds_an_end_record_misleads_nobody() -> None:
    """Four letters in the comment are no end record: what it points to is no directory."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.txt", "x")
        archive.comment = b"PK\x05\x06" + bytes(10) + b"\xff" * 8
    assert shape(look_into(out.getvalue(), "x.zip")) == {("a.txt",): "text"}


def test_sizes_behind_the_file_are_no_difference() -> None:
    """A program that writes to a stream puts the sizes behind each file: ordinary, and not told."""

    class Stream(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def seek(self, *position: int) -> int:
            raise OSError(position)

        def tell(self) -> int:
            raise OSError

    out = Stream()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.txt", "x" * 100)
    assert shape(look_into(out.getvalue(), "x.zip")) == {("a.txt",): "text"}
    assert not all_words(look_into(out.getvalue(), "x.zip"))


def test_large_archives_are_read() -> None:
    """ZIP64: sizes and offset in an extra field, and an end record of its own (APPNOTE 4.3.14)."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive, archive.open("a.txt", "w", force_zip64=True) as member:
        member.write(b"x" * 100)
    data = out.getvalue()
    at = data.rfind(b"PK\x05\x06")
    _, _, _, _, count, size, start, _ = struct.unpack("<4sHHHHIIH", data[at:])
    wide = struct.pack("<4sQHHIIQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, size, start)
    locator = struct.pack("<4sIQI", b"PK\x06\x07", 0, at, 1)
    full = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    examined = look_into(data[:at] + wide + locator + full, "x.zip")
    assert [item.size for item in examined.items[1:]] == [100]
    assert not all_words(examined)


def test_an_archive_in_an_archive_is_no_stray() -> None:
    """Headers within a stored archive belong to it, not to the outer one."""
    examined = look_into(zipped({"in.zip": zipped(HELLO)}, zipfile.ZIP_STORED), "x.zip")
    assert set(shape(examined)) == {("in.zip",), ("in.zip", "hello.txt")}
    assert not all_words(examined)


@given(data=st.binary(max_size=300), cut=st.integers(0, 300))
def test_any_bytes_are_listed_within_bounds(data, cut) -> None:
    """Whatever the bytes say, listing ends and raises nothing."""
    for hostile in (b"PK\x03\x04" + data, zipped(HELLO)[:cut] + data, data + zipped(HELLO)[cut:]):
        end = find_end(hostile)
        entries = list(listed(hostile, end)) if end else []
        assert len(entries) <= len(hostile)
        assert sum(1 for _ in strays(hostile, entries)) <= len(hostile)


@given(place=st.integers(0, 10_000), value=st.integers(0, 255))
def test_a_changed_byte_never_makes_trouble_of_another_kind(place, value) -> None:
    """A damaged archive gives findings that are in the list of codes, never an error of ours."""
    data = bytearray(zipped({"a.txt": b"a" * 50, "b.txt": b"b" * 50}))
    data[place % len(data)] = value
    assert "error" not in all_words(look_into(bytes(data), "x.zip", unpacker=in_place()))
