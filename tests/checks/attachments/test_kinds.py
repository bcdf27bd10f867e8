"""What a file is, by its bytes."""

from __future__ import annotations

import io
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.checks.attachments.formats import MAGIC, Kind
from gatepost.checks.attachments.kinds import kind_of
from support import files


def _tar() -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w", format=tarfile.USTAR_FORMAT) as bundle:
        bundle.addfile(tarfile.TarInfo("a.txt"))
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
    (files.archive({"AndroidManifest.xml": "x", "META-INF/MANIFEST.MF": "y"}), "", Kind.APK),
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
