"""Office documents since 2007 (ECMA-376): a ZIP file of XML parts, and what attackers put among them.

A part may have any name: programs find it by its relationship (ECMA-376 part 2, 9.3). So every part is looked at by what it
holds, XML by a real parser (markup.py), and names only add to that.
"""

from __future__ import annotations

import base64
import html
import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from gatepost.checks.attachments import names
from gatepost.checks.attachments.codes import inspect_image
from gatepost.checks.attachments.elsewhere import in_own_network, is_remote
from gatepost.checks.attachments.fields import starts_program
from gatepost.checks.attachments.formats import Kind
from gatepost.checks.attachments.kinds import kind_of
from gatepost.checks.attachments.macros import VBA_SIGNS, inspect_vba
from gatepost.checks.attachments.markup import Budget, Element, elements
from gatepost.checks.attachments.notes import Notes, decoded
from gatepost.checks.attachments.zip_archive import rebuilt
from gatepost.mail import file_limits

_BLANK: Final = re.compile(r"[\x00-\x20]+")
_RUN: Final = re.compile(r"<(?:\w{1,20}:)?t(?:\s[^<>]{0,200})?>([^<]{1,20000})</")
_FIELD: Final = re.compile(
    r"<(?:\w{1,20}:)?instrText[^<>]{0,200}>([^<]{0,4000})<|\binstr\s?=\s?[\"']([^\"'<>]{0,4000})|\b(ddeService)\b"
)
_TELLING: Final = re.compile(r"instrText|fldSimple|ddeLink|definedName|progId|progID|ppaction|macrosheet|TargetMode")
"""Names without which no part does anything by itself; most parts have none, and are not parsed."""
_WANTED: Final = frozenset("instrText fldSimple ddeLink definedName OLEObject oleObj oleObject control hlinkClick hlinkHover hlinkMouseOver "
    "macrosheet Relationship".split())  # fmt: skip
_BINARY: Final = frozenset({"binData", "binaryData", "binary-data"})
_AUTO_NAME: Final = re.compile(r"(?:_xlnm\.)?Auto_(?:Open|Close|Activate)", re.IGNORECASE)
_UNREAD: Final = ("docprops/", "ppt/slidelayouts/", "ppt/slidemasters/", "ppt/notesmasters/", "ppt/handoutmasters/")
"""Folders of parts whose text nobody reads: properties, and what a design says in place of text."""
_FETCHED: Final = {
    "attachedTemplate": ("template", "fetches its template from elsewhere"),
    "oleObject": ("remote-object", "fetches an object from elsewhere when it is opened"),
    "frame": ("external", "fetches a frame from elsewhere when it is opened"),
    "subDocument": ("external", "fetches a part of itself from elsewhere"),
    "customUI": ("external", "fetches its ribbon from elsewhere"),
    "aFChunk": ("external", "fetches a part of itself from elsewhere"),
}
_MACROS: Final = {
    "vbaProject": "holds macros",
    "wordVbaData": "holds macros",
    "xlMacrosheet": "holds an Excel 4 macro sheet",
    "xlIntlMacrosheet": "holds an Excel 4 macro sheet",
}
"""Relationships that make a part a macro, whatever its name."""
_OLE: Final = b"\xd0\xcf\x11\xe0"


@dataclass(slots=True)
class Package:
    """The parts of a package, read within the bounds of one document."""

    archive: zipfile.ZipFile
    left: int = file_limits.OFFICE_BYTES
    budget: Budget = field(default_factory=Budget)
    images: int = 0
    projects: int = 0
    cut: bool = False
    damaged: bool = False

    def read(self, entry: zipfile.ZipInfo, limit: int = file_limits.OFFICE_PART_BYTES) -> bytes:
        """Give one part, cut at the bounds; b"" for one that cannot be read, which makes the package `damaged`."""
        limit = min(limit, max(self.left, 0))
        try:
            with self.archive.open(entry) as stream:
                # Programs that repair a document read on past a wrong checksum.
                stream._expected_crc = None  # type: ignore[attr-defined]  # noqa: SLF001  zipfile has no other way
                data = stream.read(limit)
        except Exception:  # noqa: BLE001  zipfile raises RuntimeError, NotImplementedError, zlib.error and more
            self.damaged = True
            return b""
        self.left -= len(data)
        self.cut = self.cut or self.left <= 0
        return data


def opened(notes: Notes, data: bytes) -> zipfile.ZipFile | None:
    """Open the ZIP file that a document is; one whose directory is missing or wrong is mended first, as Office does it."""
    for mended in (False, True):
        try:
            return zipfile.ZipFile(io.BytesIO(rebuilt(data) if mended else data))
        except Exception as error:  # noqa: BLE001  as above
            notes.find("damaged", f"is a document that cannot be opened as it is ({type(error).__name__})")
    return None


def inspect_ooxml(notes: Notes, data: bytes) -> None:
    """Read an Office package; embedded files become members. Never raises."""
    archive = opened(notes, data)
    if archive is None:
        return
    with archive:
        # Relationships first: no padding keeps them from being read.
        entries = sorted(archive.infolist(), key=lambda entry: not entry.filename.lower().endswith(".rels"))
        if len(entries) > file_limits.OFFICE_PARTS:
            notes.find("partial", f"holds more than the {file_limits.OFFICE_PARTS:,} parts that are looked at")
        package = Package(archive)
        for entry in entries[: file_limits.OFFICE_PARTS]:
            _part(notes, package, entry, entry.filename.replace("\\", "/").lower())
        if package.cut:
            notes.find("partial", f"holds more than the {file_limits.OFFICE_BYTES:,} bytes that are looked at")
        if package.damaged:
            notes.find("damaged", "holds parts that cannot be read")


def _part(notes: Notes, package: Package, entry: zipfile.ZipInfo, name: str) -> None:
    """Look at one part: by what it holds, and by what its name says."""
    if "vbaproject" in name or name.endswith("vbadata.xml"):
        notes.find("macro", "holds macros")
    if "/macrosheets/" in name or "/intlmacrosheets/" in name:
        notes.find("macro", "holds an Excel 4 macro sheet")
    kind = kind_of(package.read(entry, GLANCE), "")
    if kind is Kind.IMAGE:
        package.images += 1
        if package.images <= file_limits.IMAGES_READ:
            inspect_image(notes, package.read(entry))
    elif kind is not Kind.EMPTY and kind is not Kind.MEDIA:
        _content(notes, package, name, package.read(entry))


def _content(notes: Notes, package: Package, name: str, content: bytes) -> None:
    macro = content.startswith(_OLE) and any(sign in content for sign in VBA_SIGNS)
    if macro and package.projects < file_limits.FILE_MEMBERS:
        package.projects += 1
        inspect_vba(notes, content)
    if name == "xl/workbook.bin" and "Auto_Open".encode("utf-16-le") in content:
        notes.find("autoopen", "holds an Excel 4 macro that runs by itself")
    if "/activex/" in name and name.endswith(".bin"):
        notes.find("activex", "holds an ActiveX control")
    elif is_file(name, content) and not (macro and "/embeddings/" not in name):
        _embedded(notes, name, content)
    elif is_markup(content):
        inspect_markup_part(notes, name, content, package.budget)


GLANCE: Final = 4_096
_FILES: Final = (".bin", ".exe", ".dll", ".js", ".vbs", ".lnk", ".hta", ".ps1", ".bat", ".cmd", ".html", ".htm", ".mht", ".rtf", ".zip", ".swf",
    ".docm", ".xlsm", ".docx", ".xlsx", ".pdf", ".ole", ".jar")  # fmt: skip
_OPENED: Final = names.SCRIPT | names.SHORTCUT | names.DISK | (names.EXECUTABLE - {"bin", "app", "out", "run", "pkg"})
_OWN: Final = re.compile(
    r".*(?:printersettings\d*|settings|styles|sharedstrings|workbook|calcchain|vbaproject)\.bin", re.DOTALL
)
"""Parts that end like a file of interest and are the package's own."""
_CARRIED: Final = frozenset(
    {Kind.PE, Kind.ELF, Kind.MACHO, Kind.LNK, Kind.CHM, Kind.RAR, Kind.SEVENZIP, Kind.CAB, Kind.RTF, Kind.ONENOTE, Kind.MSI,
     Kind.OLE, Kind.MSG, Kind.ZIP, Kind.JAR, Kind.OOXML, Kind.ODF, Kind.PDF}
)  # fmt: skip
"""Kinds of files that are no part of a package, whatever they are called in it."""


def is_file(name: str, content: bytes) -> bool:
    """Say whether a part, named in lower case, is a file of its own rather than a piece of the document."""
    if "/embeddings/" in name or "/afchunk" in name or kind_of(content, "") in _CARRIED:
        return True
    own = bool(_OWN.fullmatch(name)) or name.startswith("docprops/")
    return not own and (name.endswith(_FILES) or names.extension(name) in _OPENED)


def is_markup(content: bytes) -> bool:
    """Say whether a part is XML, or a page."""
    return content[:64].lstrip(b"\xef\xbb\xbf\xff\xfe\0 \t\r\n").startswith(b"<")


def _embedded(notes: Notes, name: str, content: bytes) -> None:
    """Give an embedded file as a member; charts of presentations are workbooks, so that alone is nothing remarkable."""
    if name.startswith("xl/") and name.endswith(".bin") and kind_of(content, "") not in _CARRIED:
        return  # A binary workbook's own parts.
    if not name.endswith((".xlsx", ".docx", ".pptx", ".vsdx")):
        notes.find("object", f"holds an object ({name.rpartition('/')[2]})")
    notes.hold(name.rpartition("/")[2], content)


def inspect_markup_part(notes: Notes, name: str, content: bytes, budget: Budget) -> None:
    """Read one XML part, or a whole document in one XML file: its relationships, fields, links and names, and its text."""
    source = decoded(content)
    if name.endswith(".rels") or _TELLING.search(source):
        found, whole = elements(content, _WANTED, budget)
        _judge(notes, found)
        # Word would not open what its parser fails on; whether it is so is no reason to let it pass.
        if not whole and _starts_unparsed(source):
            notes.find("dde", "holds a field or link that starts a program (DDE)")
        if budget.left < 0:
            notes.find("partial", f"holds more than the {file_limits.XML_ELEMENTS:,} elements that are looked at")
    if not name.endswith(".rels") and not name.startswith(_UNREAD) and ("</t>" in source or ":t>" in source):
        notes.read(html.unescape(" ".join(_runs(source))))


def _starts_unparsed(source: str) -> bool:
    found = [(field or instruction, link) for field, instruction, link in _FIELD.findall(source)]
    return any(link for _, link in found) or starts_program(html.unescape("".join(code for code, _ in found)))


def inspect_single(notes: Notes, data: bytes) -> None:
    """Read a document that is one XML file: Flat OPC, or Word and Excel 2003; files written in it become members."""
    budget = Budget()
    inspect_markup_part(notes, "", data, budget)
    hold_binary(notes, data, budget)


def hold_binary(notes: Notes, data: bytes, budget: Budget) -> None:
    """Give the files that are written in XML in base64 as members."""
    for each in elements(data, _BINARY, budget)[0][: file_limits.FILE_MEMBERS]:
        try:
            content = base64.b64decode(each.text)
        except ValueError:
            continue
        notes.hold(each.attributes.get("name", ""), content)


def _judge(notes: Notes, found: list[Element]) -> None:
    """Say what the telling elements of a part do."""
    fields = []
    for each in found:
        if each.name == "instrText":
            fields.append(each.text)
        elif each.name == "fldSimple":
            fields.append(f" {each.attributes.get('instr', '')} ")
        elif each.name == "Relationship":
            _relation(notes, each)
        else:
            _acting(notes, each)
    if starts_program("".join(fields)):
        notes.find("dde", "holds a field that starts a program (DDE)")


def _acting(notes: Notes, each: Element) -> None:
    attributes = each.attributes
    if each.name == "ddeLink":
        notes.find("dde", f"holds a link that starts a program (DDE: {attributes.get('ddeService', '')[:60]})")
    elif each.name == "definedName" and _AUTO_NAME.match(name := attributes.get("name", "")):
        notes.find("autoopen", f"holds an Excel 4 macro that runs by itself ({name.removeprefix('_xlnm.')[:60]})")
    elif each.name == "macrosheet":
        notes.find("macro", "holds an Excel 4 macro sheet")
    elif each.name.startswith("hlink") and attributes.get("action", "").strip().lower().startswith(
        "ppaction://program"
    ):
        notes.find("launch", "starts a program when the pointer touches it or clicks")
    elif any(
        key.lower() == "progid" and value.startswith(("Equation.2", "Equation.3")) for key, value in attributes.items()
    ):
        notes.find("equation", "holds an Equation Editor object, whose program runs attackers' code (CVE-2017-11882)")


def _relation(notes: Notes, each: Element) -> None:
    """Read a relationship: what it makes of a part, or where it leads out of the package (ECMA-376 part 2, 9.3)."""
    kind = each.attributes.get("Type", "").strip().rpartition("/")[2]
    if detail := _MACROS.get(kind):
        notes.find("macro", detail)
    if each.attributes.get("TargetMode", "").strip().lower() != "external":
        return
    target = _BLANK.sub("", each.attributes.get("Target", ""))
    if kind in _FETCHED and is_remote(target):
        word, detail = _FETCHED[kind]
        # Companies keep their templates on servers that are of no use to others.
        notes.find("external" if in_own_network(target) else word, f"{detail} ({target[:120]})")
    if kind == "hyperlink" or "://" in target:
        notes.link(target)


def _runs(source: str) -> Iterator[str]:
    left = file_limits.FILE_TEXT_CHARACTERS
    for match in _RUN.finditer(source):
        left -= len(match[1])
        yield match[1]
        if left <= 0:
            return
