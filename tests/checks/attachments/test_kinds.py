"""What a file is, by its bytes."""

from __future__ import annotations

import io
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.checks.attachments.formats import MAGIC, Kind
from gatepost.checks.attachments.kinds import kind_of
from gatepost.checks.attachments.openers import called, opened_as
from support import files


def _tar(name: str = "a.txt") -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w", format=tarfile.USTAR_FORMAT) as bundle:
        bundle.addfile(tarfile.TarInfo(name))
    return data.getvalue()


KNOWN = [
    (files.PROGRAM, "", Kind.PE),
    (b"MZ\x90\0\3\0\0\0\4\0".ljust(200, b"\0"), "", Kind.DOS),
    (
        b"MZ is a nice pair of letters to begin a letter with, and no program at all, however long it may be.",
        "",
        Kind.TEXT,
    ),
    (b"\x7fELF\2\1\1", "", Kind.ELF),
    (b"\xca\xfe\xba\xbe\0\0\0\x34\0\x1d", "", Kind.CLASS),
    (b"\xca\xfe\xba\xbe\0\0\0\x02\1\0\0\7", "", Kind.MACHO),
    (files.archive({"a.txt": "x"}), "", Kind.ZIP),
    (files.archive({"META-INF/MANIFEST.MF": "x", "A.class": "y"}), "", Kind.JAR),
    (files.archive({"META-INF/MANIFEST.MF": "x"}), "tool.jar", Kind.JAR),
    (files.archive({"META-INF/MANIFEST.MF": "x", "src/A.java": "y"}), "project.zip", Kind.ZIP),
    (files.archive({"AndroidManifest.xml": "x", "classes.dex": "y", "META-INF/MANIFEST.MF": "z"}), "", Kind.APK),
    (files.archive({"AndroidManifest.xml": "x"}), "a.apk", Kind.APK),
    (files.archive({"AndroidManifest.xml": "<manifest/>", "src/A.java": "y"}), "project.zip", Kind.ZIP),
    (files.archive({"AppxManifest.xml": "x", "[Content_Types].xml": "y"}), "", Kind.MSIX),
    (
        files.archive({"mimetype": "application/vnd.oasis.opendocument.text", "content.xml": "x"}, stored=True),
        "",
        Kind.ODF,
    ),
    (files.archive({"folder/report.docx": files.docx()}, stored=True), "", Kind.ZIP),
    (files.docx(), "", Kind.OOXML),
    (b"some bytes in front" * 3 + files.docx(), "", Kind.DATA if b"\0" in files.docx()[:4000] else Kind.TEXT),
    (files.doc(), "", Kind.OLE),
    (files.compound({"x": b""}, clsid="000C1084-0000-0000-C000-000000000046"), "", Kind.MSI),
    (files.outlook_message("a.txt", b"x"), "", Kind.MSG),
    (files.pdf(), "", Kind.PDF),
    (b"\0junk before it\n%PDF-1.7\n", "", Kind.PDF),
    (files.rtf(), "letter.doc", Kind.RTF),
    (files.onenote(), "", Kind.ONENOTE),
    (files.lnk(), "", Kind.LNK),
    (files.iso(), "", Kind.ISO),
    (b"\0" * 0x8001 + b"BEA01" + b"\0" * 3000, "", Kind.UDF),
    (b"\0" * 4096 + b"conectix".ljust(512, b"\0"), "", Kind.VHD),
    (b"vhdxfile".ljust(64, b"\0"), "", Kind.VHDX),
    (b"\xeb\x3c\x90MSDOS5.0".ljust(54, b"\0") + b"FAT12   ".ljust(456, b"\0") + b"\x55\xaa", "", Kind.DISK),
    (_tar(), "", Kind.TAR),
    (_tar().replace(b"ustar", b"\0\0\0\0\0"), "", Kind.DATA),
    *((_tar(name), "", Kind.TAR) for name in ("GIF89a.txt", "ID3", "8BPS", "BZh", "%PDF-1", "MZ", "{\\rtf1")),
    (b"\x50\x2a\x4d\x18\4\0\0\0abcd\x5f\x2a\x4d\x18\0\0\0\0\x28\xb5\x2f\xfd", "", Kind.ZSTD),
    (b"\x50\x2a\x4d\x18\4\0\0\0abcd\x04\x22\x4d\x18", "", Kind.LZ4),
    (b"\x50\x2a\x4d\x18\0\0\0\0" * 5_000, "", Kind.ZSTD),
    (b"\x50\x2a\x4d\x18\4\0\0\0abcdefgh", "", Kind.DATA),
    (b"\x60\xea\x2e\0" + b"\1" * 60, "", Kind.ARJ),
    (b"\x25\x60-lh5-" + b"\1" * 60, "", Kind.LHA),
    (files.png(), "", Kind.IMAGE),
    (b"RIFF\0\0\0\0WEBPVP8 ", "", Kind.IMAGE),
    (b"\0\0\0\x18ftypmp42", "", Kind.MEDIA),
    (b"<!DOCTYPE html><p>x", "", Kind.HTML),
    (b"\xff\xfe" + "<html><body>".encode("utf-16-le"), "", Kind.HTML),
    (b'<?xml version="1.0"?><svg xmlns="x"/>', "", Kind.SVG),
    (b'<?xml version="1.0"?><html xmlns="x"/>', "", Kind.HTML),
    (b'<?xml version="1.0"?><invoice/>', "", Kind.XML),
    (b"#!/bin/sh\n", "", Kind.SCRIPT),
    (b"var a = 1;", "invoice.js", Kind.SCRIPT),
    (b"var a = 1;", "invoice.js. ", Kind.SCRIPT),
    (b"[InternetShortcut]\r\nURL=x", "", Kind.SHORTCUT),
    (b"Subject: x\r\nFrom: y\r\n\r\nz", "", Kind.MAIL),
    (b"From y Thu Nov 26 10:00:00 2026\nSubject: x\nFrom: y\n\nz", "", Kind.MAIL),
    (b"From there on it was easy.\nAnd we went home.\n", "", Kind.TEXT),
    (b'From: y\r\nContent-Type: multipart/related; boundary="b"\r\n\r\n', "", Kind.MHT),
    (b"BEGIN:VCALENDAR\r\n", "", Kind.CALENDAR),
    (b"begin 644 a.exe\nM", "", Kind.UUE),
    (b"name,sum\na,1\n", "table.csv", Kind.TEXT),
    (b"\0\1\2\3" * 50, "tool.com", Kind.DOS),
    (b"\0\1\2\3" * 50, "data.bin", Kind.DATA),
    (b"", "a.exe", Kind.EMPTY),
]


@pytest.mark.parametrize(("data", "name", "kind"), KNOWN)
def test_known_by_its_bytes(data: bytes, name: str, kind: Kind) -> None:
    """A file is what its bytes say, whatever else is written on it."""
    assert kind_of(data, name) is kind


OPENED = [
    (b"GIF89a<html>", "invoice.html", [Kind.HTML]),
    (b"\0\1\2\3" * 50, "invoice.xhtml", [Kind.HTML]),
    (b"<!--%PDF-1.7-->", "invoice.html", [Kind.HTML]),
    (b"GIF89a<!--%PDF-1.7--><html>", "invoice.html", [Kind.PDF, Kind.HTML]),
    (b"GIF89a<html>", "photo.gif", []),
    (b"<html>", "invoice.html", []),
    (b"<svg/>", "drawing.html", []),
    (b"ID3<svg/>", "drawing.svg", [Kind.SVG]),
    (b"GIF89a\n%PDF-1.7", "report.pdf", [Kind.PDF]),
    (b"%!PS\n%PDF-1.7", "report", [Kind.PDF]),
    (b"GIF89a\n".ljust(1_100) + b"%PDF-1.7", "report.pdf", []),
    (files.archive({"a.pdf": b"%PDF-1.7"}, stored=True), "papers.zip", []),
    (b"GIF89a\n[InternetShortcut]", "page.url", [Kind.SHORTCUT]),
    (files.lnk(), "report.lnk", []),
    (b"GIF89a\n=1", "table.csv", [Kind.TEXT]),
    (files.docx(), "table.csv", []),
    (b"BZh\nSubject: x", "letter.eml", [Kind.MAIL]),
    (b"Subject: x\r\nFrom: y\r\n\r\nz", "page.mht", []),
]


@pytest.mark.parametrize(("data", "name", "kinds"), OPENED)
def test_what_opens_a_file_counts_too(data: bytes, name: str, kinds: list[Kind]) -> None:
    """Where the program that the name calls reads another kind than the first bytes say, that kind is told."""
    assert list(opened_as(kind_of(data, name), name, data)) == kinds


@pytest.mark.parametrize(
    ("name", "declared", "expected"),
    [("", "text/html", ".html"), ("a.png", "text/html", "a.png"), ("a", "text/x", "a")],
)
def test_a_file_without_an_extension_goes_by_its_type(name: str, declared: str, expected: str) -> None:
    """The declared type of a part stands for an extension where its name has none."""
    assert called(name, declared) == expected


@pytest.mark.parametrize(("magic", "kind"), MAGIC)
def test_every_magic_number_is_met(magic: bytes, kind: Kind) -> None:
    """No magic number is hidden behind another one."""
    assert kind_of(magic.ljust(100, b"\1"), "") is kind


@given(
    st.binary(max_size=2_000),
    st.sampled_from([magic for magic, _ in MAGIC] + [b"PK\3\4", b"MZ", b"PK\5\6", b"<?xml", b""]),
    st.text(max_size=40),
)
def test_never_raises(tail: bytes, head: bytes, name: str) -> None:
    """Any bytes under any name are of some kind."""
    assert kind_of(head + tail, name) in Kind


def test_a_document_that_quotes_a_stream_name_is_no_message() -> None:
    """What makes a compound file a message is its directory, not what a document says."""
    quoted = "__properties_version1.0".encode("utf-16-le")
    assert kind_of(files.doc({"Data": quoted * 200}), "a.doc") == Kind.OLE
    assert kind_of(files.outlook_message("a.txt", b"x"), "a.msg") == Kind.MSG
