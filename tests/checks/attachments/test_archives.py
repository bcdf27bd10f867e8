"""Archives of every usual kind are opened, and what cannot be opened says why."""

import base64
import bz2
import gzip
import hashlib
import io
import zipfile

import py7zr
import pytest

from gatepost.checks.attachments.entry import NAME_CHARACTERS
from gatepost.checks.attachments.formats import MAGIC, Kind
from gatepost.mail.readings import Reading
from support import archives
from support import files as documents
from support.archives import HELLO
from support.tricks_in_old_encodings import binhexed, tnef, yencoded
from support.unpacking import all_words, in_place, look_into, shape, words

CONTENT = HELLO["hello.txt"]
DIGEST = hashlib.sha256(CONTENT).hexdigest()

ARCHIVES = {
    "zip stored": lambda: archives.zipped(HELLO, zipfile.ZIP_STORED),
    "zip deflate": lambda: archives.zipped(HELLO),
    "zip bzip2": lambda: archives.zipped(HELLO, zipfile.ZIP_BZIP2),
    "zip lzma": lambda: archives.zipped(HELLO, zipfile.ZIP_LZMA),
    "tar": lambda: archives.tarred(HELLO),
    "tar.gz": lambda: archives.written(HELLO, "ustar", "gzip"),
    "tar.xz": lambda: archives.written(HELLO, "ustar", "xz"),
    "tar.zst": lambda: archives.written(HELLO, "pax", "zstd"),
    "cpio": lambda: archives.written(HELLO, "cpio"),
    "cpio newc": lambda: archives.written(HELLO, "cpio_newc"),
    "ar": lambda: archives.written(HELLO, "ar_bsd"),
    "xar": lambda: archives.written(HELLO, "xar"),
    "iso": lambda: archives.written(HELLO, "iso9660"),
    "7z": lambda: archives.seven_zipped(HELLO),
    "cab": lambda: archives.cabbed(HELLO),
    "lha": lambda: archives.lha(HELLO),
    "rar4": lambda: archives.rar4(HELLO),
    "rar5": lambda: archives.rar5(HELLO),
    "rpm": lambda: archives.rpm(HELLO),
    "arj": lambda: archives.arj(HELLO),
    "uue": lambda: archives.uuencoded(HELLO),
}
STREAMS = "gzip bzip2 xz lzma lzip zstd lz4 compress".split()


@pytest.mark.parametrize("kind", ARCHIVES)
def test_what_is_inside_is_found(kind) -> None:
    """An archive of each kind gives its file: by name, by content, without complaint."""
    examined = look_into(ARCHIVES[kind](), f"x.{kind}")
    inside = next(item for item in examined.items if item.path[-1] == "hello.txt")
    assert inside.sha256 == DIGEST
    assert inside.size == len(CONTENT)
    assert not all_words(examined)


@pytest.mark.parametrize("method", STREAMS)
def test_a_compressed_file_is_found(method) -> None:
    """A stream of each kind gives its one file, named after the stream."""
    examined = look_into(archives.compressed(CONTENT, method), "hello.txt.gz")
    assert [item.sha256 for item in examined.items[1:]] == [DIGEST]
    assert examined.items[1].path == ("hello.txt.gz", "hello.txt")


def test_kinds_nest_in_each_other() -> None:
    """An archive in an archive of another kind is opened to the end, and the path says where."""
    inner = archives.cabbed({"deep.txt": b"deep"})
    data = archives.zipped({"a.7z": archives.seven_zipped({"b.tar": archives.tarred({"c.cab": inner})})})
    assert shape(look_into(data, "x.zip")) == {
        ("a.7z",): "7z",
        ("a.7z", "b.tar"): "tar",
        ("a.7z", "b.tar", "c.cab"): "cab",
        ("a.7z", "b.tar", "c.cab", "deep.txt"): "text",
    }


def test_a_debian_package_is_opened() -> None:
    """An ar archive of compressed tar archives gives the innermost files."""
    data = archives.written(
        {"debian-binary": b"2.0\n", "data.tar.xz": archives.written(HELLO, "ustar", "xz")}, "ar_bsd"
    )
    assert ("data.tar.xz", "hello.txt") in shape(look_into(data, "x.deb"))


def test_deeper_than_allowed_stays_closed() -> None:
    """Nesting stops at the limit, and the finding says so on the file that stays closed."""
    examined = look_into(archives.nested(b"x", 6), "x.zip", unpacker=in_place(unpack_depth=3))
    assert len(examined.items) == 5, "four files, and the name in the last of them"
    assert words(examined.items[-2]) == words(examined.items[-1]) == {"limit"}
    assert not examined.items[-1].kind


def test_a_copy_is_opened_once() -> None:
    """A second copy of an archive is told as a file and not opened again."""
    inner = archives.zipped(HELLO)
    examined = look_into(archives.zipped({"1.zip": inner, "2.zip": inner}), "x.zip")
    assert set(shape(examined)) == {("1.zip",), ("1.zip", "hello.txt"), ("2.zip",)}


@pytest.mark.parametrize("data", [archives.arj(HELLO, method=1), archives.ace(HELLO)])
def test_what_is_not_unpacked_is_told_with_its_names(data) -> None:
    """A kind of archive that nothing here unpacks is no clean file, and the names in it are judged."""
    archive, member = look_into(data, "x").items
    assert words(archive) == words(member) == {"unopened"}
    assert (member.name, member.size, member.kind) == ("hello.txt", len(CONTENT), "")


def test_a_locked_ace_archive_is_told() -> None:
    """The mark of a password is read."""
    assert words(look_into(archives.ace(HELLO, locked=True), "x").items[1]) == {"encrypted"}


@pytest.mark.parametrize("kind", [Kind.ZOO, Kind.VHDX, Kind.WIM, Kind.CHM])
def test_what_is_not_opened_is_told(kind) -> None:
    """Other containers are told apart by kind."""
    magic = next(magic for magic, known in MAGIC if known is kind)
    assert "unopened" in words(look_into(magic + bytes(5000), "x").items[0])


@pytest.mark.parametrize("kind", ["tar.gz", "7z", "cab", "rar4", "zip deflate", "xar"])
def test_a_cut_off_archive_is_told(kind) -> None:
    """Half an archive is evidence, whatever can be read of it."""
    data = ARCHIVES[kind]()
    assert all_words(look_into(data[: len(data) * 2 // 3], "x")) & {"damaged", "unopened"}


def test_an_unknown_compression_is_told() -> None:
    """A ZIP member of a method that nobody knows is listed, closed."""
    head = archives.local_header(b"a.exe", 3, 3, method=97)
    data = archives.assembled(head + b"abc", [archives.central_header(b"a.exe", 0, 3, 3, method=97)])
    member = look_into(data, "x.zip").items[1]
    assert (member.name, member.kind, words(member)) == ("a.exe", "", {"unopened"})


@pytest.mark.parametrize("name", ["../evil.txt", "/etc/cron.d/x", "a/../../b", "C:\\x.txt", "..\\x.txt", "\\\\host\\x"])
def test_a_place_outside_is_told(name) -> None:
    """A name that leads out of the folder that its archive is unpacked in is a finding, and the file is read all the same."""
    examined = look_into(archives.zipped({name: b"text"}), "x.zip")
    assert words(examined.items[1]) == {"traversal"}
    assert examined.items[1].kind == "text"


@pytest.mark.parametrize("name", ["a..b.txt", "...", "a/.../b", "..a/b", "x/..b"])
def test_odd_names_are_no_traversal(name) -> None:
    """Dots alone lead nowhere."""
    assert not words(look_into(archives.zipped({name: b"text"}), "x.zip").items[1])


def test_a_link_that_leads_out_is_told() -> None:
    """A link in a tar archive at a place outside is a finding."""
    import tarfile

    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        link = tarfile.TarInfo("../../root/.ssh")
        link.type, link.linkname = tarfile.SYMTYPE, "/root/.ssh"
        archive.addfile(link)
    assert words(look_into(out.getvalue(), "x.tar").items[1]) == {"traversal"}


def test_a_long_name_keeps_its_end() -> None:
    """What a system goes by is the end of a name: it is never cut off."""
    member = look_into(archives.zipped({"a" * 5000 + ".exe": b"x"}), "x.zip").items[1]
    assert len(member.name) == NAME_CHARACTERS
    assert member.name.endswith(".exe")


def test_names_are_decoded() -> None:
    """UTF-8 with and without its flag, and code page 437."""
    head = archives.local_header("r\u00e9sum\u00e9.txt".encode("cp437"), 1, 1, method=0)
    data = archives.assembled(
        head + b"x", [archives.central_header("r\u00e9sum\u00e9.txt".encode("cp437"), 0, 1, 1, method=0)]
    )
    assert look_into(data, "x.zip").items[1].name == "r\u00e9sum\u00e9.txt"
    assert look_into(archives.zipped({"\u5bc6\u7801.txt": b"x"}), "x.zip").items[1].name == "\u5bc6\u7801.txt"


def test_an_archive_behind_a_program_is_opened() -> None:
    """Self-extracting archives: a ZIP file behind anything is opened as what it is."""
    program = b"MZ" + bytes(58) + b"\x40\0\0\0" + b"PE\0\0" + bytes(400)
    assert ("hello.txt",) in shape(look_into(program + archives.zipped(HELLO), "setup.exe"))


def test_an_archive_called_a_document_by_its_names_is_opened() -> None:
    """A ZIP file with the name of an Office part in it, and called .zip, is an archive to whoever receives it."""
    data = archives.zipped({"[Content_Types].xml": b"<Types/>", "run.exe": b"MZ"})
    assert ("run.exe",) in shape(look_into(data, "x.zip"))


def test_content_goes_on_where_the_scanner_does_not_see_it() -> None:
    """The content of formats that the virus scanner does not unpack is handed on, that of others is not."""
    seen = look_into(archives.zipped(HELLO), "x.zip")
    unseen = look_into(archives.compressed(CONTENT, "zstd"), "x.zst")
    nested = look_into(archives.compressed(archives.zipped(HELLO), "zstd"), "x.zst")
    assert [inner.content for inner in seen.inner] == [b"", b""]
    assert [inner.content for inner in unseen.inner] == [b"", CONTENT]
    assert [bool(inner.content) for inner in nested.inner] == [False, True, False], (
        "the scanner unpacks what it is given"
    )


def test_too_much_for_the_scanner_is_told() -> None:
    """Content that is laid open and not handed on is no clean content."""
    files = {f"{number}.bin": bytes([number]) * 10 for number in range(100)}
    examined = look_into(archives.compressed(archives.tarred(files), "lz4"), "x.tar.lz4")
    assert sum(bool(inner.content) for inner in examined.inner) == 64
    assert [finding.code for finding in examined.trouble] == ["attachment.limit"]


def test_hashes_of_all_files_are_handed_on() -> None:
    """Checks that know files by their hash see those inside too."""
    examined = look_into(archives.zipped(HELLO), "x.zip")
    assert [inner.sha256 for inner in examined.inner] == [item.sha256 for item in examined.items]
    assert examined.inner[1].source == "x.zip > hello.txt"


def test_several_members_of_a_stream_are_read() -> None:
    """A gzip file may hold several members, one after another (RFC 1952 2.2)."""
    data = gzip.compress(b"Hello, ") + gzip.compress(b"world.")
    assert look_into(data, "x.gz").items[1].size == 13


@pytest.mark.parametrize("name", ["GIF89a.txt", "ID3", "8BPS", "BZh.txt", "%PDF-1.txt"])
@pytest.mark.parametrize("packed", [bytes, gzip.compress])
def test_a_tar_archive_is_known_whatever_its_first_file_is_called(name, packed) -> None:
    """A name that looks like a magic number hides nothing, and the scanner, which goes by it, gets what is inside."""
    examined = look_into(packed(archives.tarred({name: b"x", **HELLO})), "docs.tar")
    assert {("hello.txt",), (name,)} == set(shape(examined))
    assert CONTENT in [inner.content for inner in examined.inner]


@pytest.mark.parametrize("front", [b"\x1f\x8b", b"BZh9", b"Rar!\x1a\x07\0" + bytes(20), b"MSCF\0\0\0\0" + bytes(30),
    b"\xfd7zXZ\0", b"ZOO ", b"ab-lh5-", bytes(257) + b"ustar" + bytes(300)])  # fmt: skip
def test_a_zip_archive_behind_a_front_that_opens_for_nobody_is_opened(front) -> None:
    """Programs find a ZIP archive from its end, offsets from the very front or not; the scanner gets what is inside."""
    out = io.BytesIO()
    out.write(front)
    with zipfile.ZipFile(out, "a") as archive:
        archive.writestr("hello.txt", CONTENT)
    for data in (out.getvalue(), front + archives.zipped(HELLO)):
        examined = look_into(data, "docs.zip")
        assert ("hello.txt",) in shape(examined)
        assert CONTENT in [inner.content for inner in examined.inner]


def test_a_rar_archive_behind_a_damaged_front_is_opened() -> None:
    """Where the front is no archive after all, others behind it are looked for."""
    examined = look_into(b"\x1f\x8b" + archives.rar5(HELLO), "docs.rar")
    assert ("", "hello.txt") in shape(examined)


@pytest.mark.parametrize("name", ["x.gz", "x.tar", "x.cbz", "x.z01", "x.7zip", "x"])
@pytest.mark.parametrize(
    "mark", [{"[Content_Types].xml": b"<Types/>"}, {"mimetype": b"application/epub+zip"}], ids=["ooxml", "epub"]
)
def test_a_document_by_its_names_is_an_archive_to_what_unpacks_it(name, mark) -> None:
    """Only the names that documents have keep a ZIP file from being opened as an archive; of a document its programs are told."""
    data = archives.zipped({**mark, "invoice.jse": b"x", "read.txt": b"x"}, zipfile.ZIP_STORED)
    assert {("invoice.jse",), ("read.txt",)} <= shape(look_into(data, name)).keys()
    assert ("read.txt",) not in shape(look_into(data, "x.docx"))


def solid_block_damaged() -> bytes:
    """Make a 7z archive whose packed bytes are damaged from the first on."""
    data = archives.written({"a.txt": b"text " * 20, "invoice.js": b"x" * 50}, "7zip")
    return data[:40] + bytes([data[40] ^ 0xFF]) + data[41:]


TWO = {"a.txt": b"text", "invoice.js": b"x" * 50}
BROKEN = {
    "7z": solid_block_damaged,
    "cab": lambda: archives.cabbed(TWO)[:-20],
    "tar": lambda: archives.tarred(TWO)[: 512 * 3 + 10],
    "gz": lambda: gzip.compress(b"x" * 5_000)[:-12],
    "bz2": lambda: archives.compressed(b"x" * 50, "bzip2")[:-10],
}


@pytest.mark.parametrize("kind", BROKEN)
def test_names_in_a_broken_archive_are_told(kind) -> None:
    """Content that does not come out keeps its name: what is in the list, and the file at which it broke off."""
    archive, *inside = look_into(BROKEN[kind](), f"invoice.js.{kind}").items
    assert "damaged" in words(archive)
    last = inside[-1]
    assert (last.name, words(last)) == ("invoice.js", {"damaged"})


@pytest.mark.parametrize(
    ("names", "parts"), [(("docs.7z.001", "docs.7z.002"), 60), (("docs.zip.001", "docs.zip.002"), 100)]
)
def test_a_part_of_a_split_archive_is_told(names, parts) -> None:
    """Each part says what it is."""
    maker = archives.seven_zipped if "7z" in names[0] else archives.zipped
    data = maker({"hello.txt": bytes(range(256)) * 4})
    pieces = (data[:parts], data[parts:])
    files = [Reading(number, name, "", piece) for number, (name, piece) in enumerate(zip(names, pieces, strict=True))]
    examined = in_place().examine(files, (), 30.0)
    attached = [item for item in examined.items if len(item.path) == 1]
    assert all("unopened" in words(item) for item in attached)
    assert all("split over several files" in item.findings[-1].detail for item in attached)


def test_a_whole_archive_with_the_name_of_a_part_is_just_opened() -> None:
    """A split archive of one part is whole."""
    assert not all_words(look_into(archives.seven_zipped(HELLO), "docs.7z.001"))


def test_both_names_of_a_gzip_file_are_told() -> None:
    """Some programs go by the name in the header (RFC 1952 2.3), some by that of the file."""
    out = io.BytesIO()
    with gzip.GzipFile(filename="invoice.js", mode="wb", fileobj=out) as packed:
        packed.write(b"x")
    assert set(shape(look_into(out.getvalue(), "docs.gz"))) == {("docs",), ("invoice.js",)}
    assert set(shape(look_into(out.getvalue(), "other.js.gz"))) == {("other.js",)}


@pytest.mark.parametrize("method", ["zstd", "lz4"])
def test_frames_that_are_passed_over_hide_nothing(method) -> None:
    """A skippable frame in front (RFC 8878 3.1.2) is legal, and what is behind it is unpacked."""
    data = b"\x50\x2a\x4d\x18\4\0\0\0abcd" + archives.compressed(CONTENT, method)
    examined = look_into(data, "hello.txt.zst")
    assert [item.sha256 for item in examined.items[1:]] == [DIGEST]
    assert CONTENT in [inner.content for inner in examined.inner]


def bzip2_7z(files: archives.Files) -> bytes:
    """Make a 7z archive by a method that ClamAV does not know."""
    out = io.BytesIO()
    with py7zr.SevenZipFile(out, "w", filters=[{"id": py7zr.FILTER_BZIP2}]) as archive:
        for name, content in files.items():
            archive.writestr(content, name)
    return out.getvalue()


UNSEEN = {
    "a.rar": lambda: archives.rar5(HELLO),
    "b.rar": lambda: archives.rar4(HELLO),
    "a.7z": lambda: bzip2_7z(HELLO),
    "a.pdf": lambda: documents.pdf(embedded=HELLO),
    "a.txt": lambda: b"See below.\n\n" + archives.uuencoded(HELLO),
    "y.txt": lambda: b"See below.\r\n" + yencoded(CONTENT),
    "a.hqx": lambda: binhexed(CONTENT),
    "a.bz2": lambda: bz2.compress(b"") + bz2.compress(CONTENT),
    "two.zip": lambda: archives.zipped({"x": b"y"}) + archives.zipped(HELLO),
    "a.dat": lambda: tnef(CONTENT),
    "a.vcf": lambda: b"BEGIN:VCARD\r\nKEY:data:text/plain;base64," + base64.b64encode(CONTENT) + b"\r\nEND:VCARD\r\n",
    "a.ics": lambda: b"BEGIN:VCALENDAR\r\nATTACH:data:text/plain;base64," + base64.b64encode(CONTENT) + b"\r\n",
    "a.html": lambda: documents.smuggling_page(CONTENT, "hello.txt"),
    "b.html": lambda: b"<a href='data:x/y;base64," + base64.b64encode(archives.compressed(CONTENT, "lz4")) + b"'>",
    "a.p7m": lambda: documents.signed(CONTENT),
    "pieces.p7m": lambda: documents.signed(CONTENT, pieces=True),
    "text.p7m": lambda: base64.encodebytes(documents.signed(CONTENT)),
    "pem.p7m": lambda: b"-----BEGIN PKCS7-----\n" + base64.encodebytes(documents.signed(CONTENT)) + b"-----END PKCS7-----\n",
    "smime.p7m": lambda: documents.signed(LETTER.partition(b"example\n")[2]),
    "a.mbox": lambda: b"From a@b.example x\n" + LETTER + b"\nFrom a@b.example x\n" + LETTER,
    "a.fodt": lambda: b"<?xml version='1.0'?><d xmlns='urn:oasis:names:tc:opendocument:xmlns:office:1.0'><binary-data>"
    + base64.b64encode(CONTENT) + b"</binary-data></d>",
}  # fmt: skip
LETTER = (
    b"Subject: x\nFrom: a@b.example\nContent-Type: text/plain; name=a.txt\nContent-Transfer-Encoding: base64\n\n"
    + base64.encodebytes(CONTENT)
)


@pytest.mark.parametrize("name", UNSEEN)
def test_content_goes_on_where_the_scanner_may_not_see_it(name: str) -> None:
    """What some ClamAV would not find in the file itself is handed to it: the formats that it opens in part, or not in every build."""
    found = [inner.content for inner in look_into(UNSEEN[name](), name).inner if inner.content]
    assert CONTENT in found or name == "b.html"
    assert found
