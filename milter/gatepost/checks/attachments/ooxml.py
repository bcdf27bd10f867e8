"""Office documents since 2007 (ECMA-376): a ZIP file of XML parts, and what attackers put among them.

The parts are searched, not parsed: what counts are a few attributes and elements, and linear expressions over bounded bytes
cannot be led astray by entities, namespaces or depth.
"""

from __future__ import annotations

import html
import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from gatepost.checks.attachments.codes import inspect_image
from gatepost.checks.attachments.macros import inspect_vba
from gatepost.checks.attachments.notes import Notes
from gatepost.mail import file_limits

_EXTERNAL: Final = re.compile(
    r"<Relationship\s[^<>]{0,4000}TargetMode\s{0,5}=\s{0,5}[\"']External[\"'][^<>]{0,4000}>", re.IGNORECASE
)
_TYPE: Final = re.compile(r"\bType\s{0,5}=\s{0,5}[\"'][^\"']{0,300}/([A-Za-z]{1,60})[\"']")
_TARGET: Final = re.compile(r"\bTarget\s{0,5}=\s{0,5}[\"']([^\"']{1,2000})[\"']")
_REMOTE: Final = re.compile(r"(?:https?|ftp|mhtml|ms-[a-z]{1,20}|search-ms|file):|\\\\|//", re.IGNORECASE)
_RUN: Final = re.compile(r"<(?:w:t|a:t|t)(?:\s[^<>]{0,200})?>([^<]{1,20000})</")
_FIELD: Final = re.compile(
    r"<w:instrText[^<>]{0,200}>([^<]{0,4000})<|<w:fldSimple[^<>]{0,200}w:instr\s?=\s?\"([^\"]{0,4000})\""
)
_DDE: Final = re.compile(r"\bDDE(?:AUTO)?\b", re.IGNORECASE)
_DDE_LINK: Final = re.compile(r"<(?:\w{1,10}:)?ddeLink\s[^<>]{0,300}ddeService\s?=\s?\"([^\"]{1,200})\"", re.IGNORECASE)
_AUTO_NAME: Final = re.compile(
    r"<definedName[^<>]{0,500}name\s?=\s?\"(?:_xlnm\.)?(Auto_(?:Open|Close|Activate)[^\"]{0,40})\"", re.IGNORECASE
)
_EQUATION: Final = re.compile(r"progId\s?=\s?\"Equation\.[23]", re.IGNORECASE)
_SOURCES: Final = re.compile(r"word/(?:document|header\d*|footer\d*|comments|footnotes)\.xml|xl/sharedstrings\.xml|xl/worksheets/sheet\d\.xml|"
    r"ppt/(?:slides/slide|notesslides/notesslide)\d{1,3}\.xml|xl/workbook\.xml|docprops/(?:core|app|custom)\.xml|xl/externallinks/\w{1,40}\.xml|"
    r"fixeddocseq\.fdseq|documents/\d/pages/\d{1,3}\.fpage")  # fmt: skip
_FETCHED: Final = {
    "attachedTemplate": ("template", "fetches its template from elsewhere"),
    "oleObject": ("remote-object", "fetches an object from elsewhere when it is opened"),
    "frame": ("external", "fetches a frame from elsewhere when it is opened"),
    "subDocument": ("external", "fetches a part of itself from elsewhere"),
    "customUI": ("external", "fetches its ribbon from elsewhere"),
    "aFChunk": ("external", "fetches a part of itself from elsewhere"),
}


@dataclass(slots=True)
class _Package:
    """The parts of a package, read within the bounds of one document."""

    archive: zipfile.ZipFile
    left: int = file_limits.OFFICE_BYTES

    def read(self, entry: zipfile.ZipInfo) -> bytes:
        """Give one part, cut at the bounds; b"" for one that cannot be read."""
        limit = min(file_limits.OFFICE_PART_BYTES, max(self.left, 0))
        try:
            with self.archive.open(entry) as stream:
                data = stream.read(limit)
        except Exception:  # noqa: BLE001  zipfile raises RuntimeError, NotImplementedError, zlib.error and more
            return b""
        self.left -= len(data)
        return data


def inspect_ooxml(notes: Notes, data: bytes) -> None:
    """Read an Office package; embedded files become members. Never raises."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except Exception as error:  # noqa: BLE001  as above
        notes.find("damaged", f"is an Office document that cannot be opened ({type(error).__name__})")
        return
    with archive:
        entries = archive.infolist()
        if len(entries) > file_limits.OFFICE_PARTS:
            notes.find("partial", f"holds more than the {file_limits.OFFICE_PARTS:,} parts that are looked at")
        package = _Package(archive)
        images = 0
        for entry in entries[: file_limits.OFFICE_PARTS]:
            name = entry.filename.replace("\\", "/").lower()
            if name.endswith((".png", ".jpg", ".jpeg", ".gif", ".bmp")):
                images += 1
                if images <= file_limits.IMAGES_READ:
                    inspect_image(notes, package.read(entry))
            else:
                _part(notes, package, entry, name)
    if notes.found("macro"):
        inspect_vba(notes, data)


def _part(notes: Notes, package: _Package, entry: zipfile.ZipInfo, name: str) -> None:
    """Look at one part by what its name says it is."""
    if name.endswith(".rels"):
        _relations(notes, package.read(entry).decode("utf-8", "replace"))
    elif "vbaproject" in name or name.endswith("vbadata.xml"):
        notes.find("macro", "holds macros")
    elif "/macrosheets/" in name or "/intlmacrosheets/" in name:
        notes.find("macro", "holds an Excel 4 macro sheet")
    elif name == "xl/workbook.bin" and "Auto_Open".encode("utf-16-le") in package.read(entry):
        notes.find("autoopen", "holds an Excel 4 macro that runs by itself")
    elif "/activex/" in name and name.endswith(".bin"):
        notes.find("activex", "holds an ActiveX control")
    elif "/embeddings/" in name or "/afchunk" in name or (name.endswith(_FILES) and not _OWN.fullmatch(name)):
        _embedded(notes, name, package.read(entry))
    elif _SOURCES.fullmatch(name):
        _source(notes, name, package.read(entry).decode("utf-8", "replace"))


_FILES: Final = (".bin", ".exe", ".dll", ".js", ".vbs", ".lnk", ".hta", ".ps1", ".bat", ".cmd", ".html", ".htm", ".mht", ".rtf", ".zip", ".swf",
    ".docm", ".xlsm", ".docx", ".xlsx", ".pdf", ".ole", ".jar")  # fmt: skip
_OWN: Final = re.compile(
    r".*(?:printersettings\d*|settings|styles|sharedstrings|workbook|calcchain|vbaproject)\.bin", re.DOTALL
)
"""Parts that end like a file of interest and are the package's own."""


def _embedded(notes: Notes, name: str, content: bytes) -> None:
    """Give an embedded file as a member; charts of presentations are workbooks, so that alone is nothing remarkable."""
    if name.startswith("xl/") and name.endswith(".bin") and not content.startswith(b"\xd0\xcf\x11\xe0"):
        return  # A binary workbook's own parts.
    if not name.endswith((".xlsx", ".docx", ".pptx", ".vsdx")):
        notes.find("object", f"holds an object ({name.rpartition('/')[2]})")
    notes.hold(name.rpartition("/")[2], content)


def _relations(notes: Notes, source: str) -> None:
    """Read the relationships that lead out of the package (ECMA-376 part 2, 9.3)."""
    for match in _EXTERNAL.finditer(source):
        kind, place = _TYPE.search(match[0]), _TARGET.search(match[0])
        if kind is None or place is None:
            continue
        target = html.unescape(place[1])
        if kind[1] in _FETCHED and _REMOTE.match(target):
            word, detail = _FETCHED[kind[1]]
            notes.find(word, f"{detail} ({target[:120]})")
        if kind[1] == "hyperlink" or "://" in target:
            notes.link(target)


def _source(notes: Notes, name: str, source: str) -> None:
    """Read the text and the fields of a part."""
    if "instr" in source:
        fields = "".join(first or second for first, second in _FIELD.findall(source))
        if _DDE.search(html.unescape(fields)):
            notes.find("dde", "holds a field that starts a program (DDE)")
    if name.startswith("xl/") and (link := _DDE_LINK.search(source)):
        notes.find("dde", f"holds a link that starts a program (DDE: {html.unescape(link[1])[:60]})")
    if auto := _AUTO_NAME.search(source):
        notes.find("autoopen", f"holds an Excel 4 macro that runs by itself ({auto[1]})")
    if _EQUATION.search(source):
        notes.find("equation", "holds an Equation Editor object, whose program runs attackers' code (CVE-2017-11882)")
    if not name.startswith("docprops/"):
        notes.read(html.unescape(" ".join(_runs(source))))


def _runs(source: str) -> Iterator[str]:
    left = file_limits.FILE_TEXT_CHARACTERS
    for match in _RUN.finditer(source):
        left -= len(match[1])
        yield match[1]
        if left <= 0:
            return


_ODF_SCRIPT: Final = re.compile(
    r"<script:event-listener\s[^<>]{0,500}(?:dom:load|load|on-load|document-open)", re.IGNORECASE
)
_ODF_TEXT: Final = re.compile(
    r"<(?:text|table|draw|office|number|style|form|script|svg|xlink|chart)[:][^<>]{0,4000}>|</[a-z:-]{1,60}>"
)
_ODF_LINK: Final = re.compile(r"xlink:href\s?=\s?\"([^\"]{4,2000})\"")


def inspect_odf(notes: Notes, data: bytes) -> None:
    """Read an OpenDocument file (ISO 26300); never raises."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except Exception as error:  # noqa: BLE001  as above
        notes.find("damaged", f"is a document that cannot be opened ({type(error).__name__})")
        return
    with archive:
        package = _Package(archive)
        for entry in archive.infolist()[: file_limits.OFFICE_PARTS]:
            name = entry.filename.lower()
            if (
                name.startswith("basic/")
                and name.endswith(".xml")
                and not name.endswith(("script-lc.xml", "script-lb.xml"))
            ):
                notes.find("macro", "holds macros")
                notes.links_in(package.read(entry).decode("utf-8", "replace"))
            elif name.startswith("scripts/") and not name.endswith("/"):
                notes.find("macro", "holds scripts")
            elif name == "content.xml":
                _odf_content(notes, package.read(entry).decode("utf-8", "replace"))
            elif name.startswith("object") and name.endswith((".bin", ".ole")):
                notes.hold(name, package.read(entry))


def _odf_content(notes: Notes, source: str) -> None:
    if _ODF_SCRIPT.search(source):
        notes.find("autoopen", "holds a macro that runs by itself")
    if "text:dde-connection" in source or "office:dde-source" in source:
        notes.find("dde", "holds a link that starts a program (DDE)")
    for match in _ODF_LINK.finditer(source):
        if "://" in match[1]:
            notes.link(html.unescape(match[1]))
    notes.read(html.unescape(_ODF_TEXT.sub(" ", source)))
