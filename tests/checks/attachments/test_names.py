"""File names that deceive, types that are dangerous, and honest ones that are neither."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.checks.attachments.formats import Kind
from gatepost.checks.attachments.names import extension, forms, name_tricks, suffixes
from gatepost.checks.attachments.risks import type_risks


@pytest.mark.parametrize(
    ("name", "ext"),
    [
        ("a.txt", "txt"),
        ("A.EXE", "exe"),
        ("a.exe. . ", "exe"),
        ("a.exe\u200b", "exe"),
        ("a.ｅｘｅ", "exe"),
        ("archive.tar.gz", "gz"),
        ("no extension", ""),
        ("folder.d/file", ""),
        (".profile", "profile"),
        ("ends with a sentence. And more words", ""),
    ],
)
def test_extension_is_what_a_system_goes_by(name: str, ext: str) -> None:
    """White space and dots at the end, case, width and characters without room do not change what opens a file."""
    assert extension(name) == ext


TRICKS = [
    ("invoice.pdf.exe", "double-extension"),
    ("photo.jpg.scr ", "double-extension"),
    ("scan.pdf.lnk", "double-extension"),
    ("mail.eml.js", "double-extension"),
    ("invoice.pdf" + " " * 80 + ".exe", "hidden-extension"),
    ("invoice.pdf" + "_" * 40 + ".scr", "hidden-extension"),
    ("annual\u202efdp.exe", "hidden-extension"),
    ("annual\u2067fdp.exe", "hidden-extension"),
    ("letter\u202etxt.doc", "hidden-extension"),
    ("invoice\u200b.exe", "hidden-extension"),
    ("invoice.p\u0434f", "hidden-extension"),
    ("invoice.\u0435xe", "hidden-extension"),
]


@pytest.mark.parametrize(("name", "word"), TRICKS)
def test_tricks_are_told(name: str, word: str) -> None:
    """Each way to show another extension than the real one is found by its code."""
    assert f"attachment.{word}" in {finding.code for finding in name_tricks(name)}


HONEST_NAMES = [
    "report.pdf",
    "archive.tar.gz",
    "Jahresabschluss 2025 (Entwurf).xlsx",
    "v1.2.3.zip",
    "report.pdf.zip",
    "patch-0.9.1.diff",
    "backup.txt.gz",
    "דוח שנתי.pdf",
    "отчёт.docx",
    "報告書.pdf",
    "smime.p7s",
    "signature.asc",
    "image001.png",
    "meeting.ics",
    "2026.11.01.txt",
    "mail.example.org.txt",
    "setup.exe",
    "a" * 300 + ".pdf",
]


@pytest.mark.parametrize("name", HONEST_NAMES)
def test_honest_names_have_no_trick(name: str) -> None:
    """Versions, dates, other scripts and compressed documents are no deceit; nor is a program that is called one."""
    assert list(name_tricks(name)) == []


RISKS: list[tuple[str, str, str]] = [
    (Kind.PE, "setup.exe", "executable"),
    (Kind.PE, "invoice.pdf", "mismatch"),
    (Kind.PE, "photo.jpg", "executable"),
    (Kind.LNK, "report.pdf", "mismatch"),
    (Kind.ISO, "report.txt", "mismatch"),
    (Kind.ISO, "disc.iso", "image"),
    (Kind.DATA, "disc.vhd", "image"),
    (Kind.TEXT, "a.js", "script"),
    (Kind.SCRIPT, "a.hta", "script"),
    (Kind.SCRIPT, "run.sh", "source"),
    (Kind.SCRIPT, "tool", "source"),
    (Kind.TEXT, "a.url", "weblink"),
    (Kind.SHORTCUT, "a.desktop", "shortcut"),
    (Kind.XML, "a.library-ms", "shortcut"),
    (Kind.ONENOTE, "a.one", "onenote"),
    (Kind.MSI, "a.msi", "executable"),
    (Kind.JAR, "a.jar", "executable"),
    (Kind.CHM, "help.chm", "executable"),
    (Kind.DATA, "tool.cpl", "executable"),
    ("", "in-a-sealed-archive.exe", "executable"),
    *[
        (Kind.DATA, f"a.{ext}", "executable")
        for ext in "msc msu shs ppkg osd vsto wll xlm mde accde ade webpnp printerexport its".split()
    ],
    *[(Kind.TEXT, f"a.{ext}", "script") for ext in "ws wsb htc psc2 dqy oqy rqy odc pyz terminal".split()],
    *[
        (Kind.TEXT, f"a.{ext}", "shortcut")
        for ext in "inetloc fileloc mobileconfig udl prf ins isp xnk mad maf".split()
    ],
    *[(Kind.DATA, f"a.{ext}", "source") for ext in ("pyc", "aspx")],
]


@pytest.mark.parametrize(("kind", "name", "word"), RISKS)
def test_dangerous_types_are_told(kind: str, name: str, word: str) -> None:
    """What runs, opens something else, or mounts is found by content and by name, each by its own code."""
    assert f"attachment.{word}" in {finding.code for finding in type_risks(kind, name, "")}


def test_a_program_that_is_declared_a_picture_deceives() -> None:
    """Without an extension the declared type is what a reader is shown."""
    assert "attachment.mismatch" in {finding.code for finding in type_risks(Kind.PE, "photo", "image/png")}


def test_a_name_without_an_extension_goes_by_the_declared_type() -> None:
    """Clients that save such a file give it the extension of its type, whether it has a name or not."""
    for name in ("", "invoice"):
        assert "attachment.script" in {each.code for each in type_risks(Kind.TEXT, name, "application/x-javascript")}


def test_a_percent_encoded_name_is_judged_as_both() -> None:
    """Some clients undo percent-encoding where RFC 2231 has none; a percent sign alone changes nothing."""
    assert list(forms("invoice%2Ejs")) == ["invoice%2Ejs", "invoice.js"]
    assert list(forms("100% sure.pdf")) == ["100% sure.pdf"]


HONEST_TYPES = [
    (Kind.PDF, "report.pdf", "application/octet-stream"),
    (Kind.RTF, "letter.doc", "application/msword"),
    (Kind.OOXML, "letter.doc", "application/msword"),
    (Kind.HTML, "export.xls", "application/vnd.ms-excel"),
    (Kind.TEXT, "table.xls", "application/vnd.ms-excel"),
    (Kind.TEXT, "server.log", "application/octet-stream"),
    (Kind.IMAGE, "photo.png", "image/jpeg"),
    (Kind.IMAGE, "photo.jpg", "text/plain"),
    (Kind.DATA, "winmail.dat", "application/ms-tnef"),
    (Kind.DATA, "smime.p7m", "application/pkcs7-mime"),
    (Kind.GZIP, "logs.zip", "application/zip"),
    (Kind.ZIP, "report.pdf", "application/pdf"),
    (Kind.TEXT, "www.example.com", "text/plain"),
    (Kind.TEXT, "output.out", "text/plain"),
    (Kind.MAIL, "forwarded message", "message/rfc822"),
    (Kind.EMPTY, "empty.txt", "text/plain"),
    (Kind.DATA, "orders.mdb", "application/msaccess"),
    (Kind.TEXT, "", "text/plain"),
]


@pytest.mark.parametrize(("kind", "name", "declared"), HONEST_TYPES)
def test_sloppy_mail_is_clean(kind: Kind, name: str, declared: str) -> None:
    """A type that is declared carelessly, or a name that is off within what is harmless, is no finding."""
    assert list(type_risks(kind, name, declared)) == []


@given(st.text(max_size=300))
def test_any_name_is_judged(name: str) -> None:
    """Whatever Unicode a name holds, it is judged, and a code is given once."""
    codes = [finding.code for finding in (*name_tricks(name), *type_risks(Kind.DATA, name, ""))]
    assert len(codes) == len(set(codes))


def test_a_long_name_costs_no_more_than_its_end() -> None:
    """Marks in an order that costs a normal form the square of their number hide no ending and take no time."""
    name = "\u0327\u0301" * 8_000 + ".tar.gz"
    begin = time.process_time()
    assert all(list(suffixes(name)) == [".tar.gz", ".gz"] for _ in range(100))
    assert time.process_time() - begin < 2.0
