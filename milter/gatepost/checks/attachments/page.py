"""Web pages and drawings as attachments: HTML, XHTML, SVG.

A page that is attached opens in a browser outside of the mail client's protection, with scripts running. Honest ones exist
(forms of banks' secure mail, reports of tools, saved pages), so script alone is little; what tells the others is what the
script does: it puts a file together and hands it to the reader (smuggling), or the page asks for a password, or it leads on
to another page at once.
"""

from __future__ import annotations

import html
import io
import re
import zipfile
import zlib
from dataclasses import dataclass
from typing import Final

from gatepost.checks.attachments import names
from gatepost.checks.attachments.formats import Kind
from gatepost.checks.attachments.kinds import kind_of
from gatepost.checks.attachments.literals import DATA_URI, Literal, joined, literals
from gatepost.checks.attachments.markup import is_script_link, runs_script
from gatepost.checks.attachments.notes import Notes, decoded, page_text
from gatepost.mail import file_limits

_SCRIPT: Final = re.compile(
    r"<(?:\w{1,20}:)?script[\s>/]|[\s/\"']on(?:load|error|click|dblclick|mouse\w{2,6}|pointer\w{2,14}|key\w{2,5}|touch\w{3,6}|drag\w{0,5}|drop|wheel|focus"
    r"|focusin|focusout|blur|begin|end|repeat|toggle|page(?:show|hide)|animation\w{3,9}|transition\w{3,6}|scroll\w{0,9}|resize|submit|reset|input|change"
    r"|invalid|select|copy|cut|paste|before\w{3,14}|after\w{3,8}|unload|hashchange|popstate|message|play|playing|canplay\w{0,7}|progress|load\w{4,9}"
    r"|durationchange|timeupdate|contextmenu|auxclick)\s{0,5}=|javascript:",
    re.IGNORECASE,
)
_LINKS: Final = re.compile(
    r"\b(?:href|src|action|formaction|data|to|from|values|content)\s{0,5}=\s{0,5}[\"']?(?=[^\"'<>&]{0,40}&)([^\"'<>]{6,300})",
    re.IGNORECASE,
)
"""Values of links with a character written by its number or name, which may hide what they begin with."""
_STRUCTURED: Final = re.compile(r"<script[^<>]{0,200}(?:ld\+json|text/template)[^<>]{0,200}>", re.IGNORECASE)
_BUILDS: Final = re.compile(
    r"\b(?:Blob|File|Uint8Array|ArrayBuffer|charCodeAt|fromCharCode|atob|base64ToArrayBuffer)\b"
)
_HANDS_OUT: Final = re.compile(
    r"createObjectURL|msSave(?:OrOpen)?Blob|navigator\.save|\.download\s{0,5}=|\bdownload\s{0,5}=\s{0,5}[\"']|setAttribute\(\s{0,5}[\"']download"
    r"|webkitRequestFileSystem"
)
_BUILDING: Final = ("Blob", "File", "Array", "CharCode", "charCode", "atob")
_HANDING_OUT: Final = ("createObjectURL", "Save", "save", "download", "webkitRequestFileSystem")
"""Words without which none of the two can be found."""
_WRITES: Final = re.compile(
    r"document\.write(?:ln)?\s{0,5}\(|\.(?:inner|outer)HTML\s{0,5}=|\beval\s{0,5}\(|\bsrcdoc\s{0,5}=|new\s{1,5}Function"
    r"|(?:src|data|href)\s{0,5}=\s{0,5}[\"']?data:(?:text/html|image/svg)",
    re.IGNORECASE,
)
_PASSWORD: Final = re.compile(r"<input[^<>]{0,500}type\s{0,5}=\s{0,5}[\"']?password", re.IGNORECASE)
_LEADS: Final = re.compile(
    r"http-equiv\s{0,5}=\s{0,5}[\"']?refresh[^<>]{0,300}url\s{0,5}=|(?:window|document|self|top|parent)\.location(?:\.href)?\s{0,5}=[^=]"
    r"|\blocation\.(?:href\s{0,5}=[^=]|replace\s{0,5}\(|assign\s{0,5}\()",
    re.IGNORECASE,
)
_PROTOCOL: Final = re.compile(
    r"[\"'=](?:(?:search-ms|ms-msdt|ms-appinstaller|ms-officecmd|vbscript):|file:(?://[^/\s]|\\\\))[^\s\"'>]{3,200}",
    re.IGNORECASE,
)
"""Links that programs of the system answer to; a file on the own computer (`file:///C:/`) is what Office writes into pages."""

_DOWNLOAD: Final = re.compile(
    r"\bdownload[\"']?\s{0,5}[=,:]\s{0,5}[\"'`]?([^\"'`<>\r\n]{1,200})|\bmsSave(?:OrOpen)?Blob\s{0,5}\([^()\"'`]{0,200},\s{0,5}[\"'`]([^\"'`]{1,200})"
    r"|\bnew\s{1,5}File\s{0,5}\([^\"'`]{0,300}[\"'`]([^\"'`]{1,200})",
    re.IGNORECASE,
)
"""Names under which a page gives a file out."""
_BINARY_TYPE: Final = re.compile(
    r"\btype[\"']?\s{0,5}:\s{0,5}[\"'`](?:application/(?:octet-stream|(?:x-)?zip|x-(?:7z|rar|msdown|msdos|iso|cd)|vnd\.(?:rar|ms-|microsoft|openxml)|hta"
    r"|java-archive|msword)|octet/stream)",
    re.IGNORECASE,
)
"""Types of what a script puts together that no table or text has."""
_PLOTTED: Final = re.compile(r"[\"'](?:bdata|__ndarray__)[\"']\s{0,5}:|[\"']type[\"']\s{0,5}:\s{0,5}[\"']bytes[\"']")
"""Numbers of Plotly and Bokeh, which stand in a report as base64."""
_UNKNOWN_BYTES: Final = 1_000
"""Bytes from which on data of no known kind may be a file in disguise."""
_ARCHIVES: Final = frozenset(
    "zip zipx rar 7z gz tgz tar cab ace arj xz bz2 lzh one docm xlsm xlsb pptm htm html".split()
)
_DANGEROUS: Final = names.EXECUTABLE | names.SCRIPT | names.SHORTCUT | names.DISK | _ARCHIVES
"""Extensions of what smuggling is for; tables, texts, pictures and PDF are what honest reports give out."""
_NAME: Final = re.compile(
    r"[\"'`>][^\"'`<>/\\\r\n:]{1,100}\.(?:exe|scr|msi|jse|vb[se]|wsf|hta|ps1|bat|cmd|lnk|iso|img|vhdx?|zip|rar|7z|cab|jar|xll|chm)[\"'`<]",
    re.IGNORECASE,
)
"""Names of such files in a script that gives one out, wherever it gives it its name."""
_TOLD: Final = frozenset(
    "json txt csv tsv log md png jpg jpeg gif webp webm mp4 css pdf yaml yml xml woff woff2 map trace network stacks dat jsonl".split()
)
"""Extensions of what reports of tools pack into themselves."""

_FILES: Final = frozenset(
    {
        Kind.PE, Kind.DOS, Kind.ELF, Kind.MACHO, Kind.CLASS, Kind.JAR, Kind.APK, Kind.MSIX, Kind.MSI, Kind.CHM, Kind.LNK, Kind.OLE,
        Kind.OOXML, Kind.RTF, Kind.ONENOTE, Kind.ZIP, Kind.RAR, Kind.SEVENZIP, Kind.GZIP, Kind.CAB, Kind.ISO, Kind.UDF,
        Kind.VHD, Kind.VHDX, Kind.DMG, Kind.ACE, Kind.ARJ, Kind.XZ, Kind.TAR, Kind.SCRIPT,
    }
)  # fmt: skip
_PASSIVE: Final = frozenset({Kind.TEXT, Kind.XML, Kind.DATA, Kind.IMAGE, Kind.MEDIA, Kind.FONT, Kind.EMPTY})
"""Kinds of what a page shows or reckons with itself; any other is a file to open."""
_TEXTS_HELD: Final = 10
"""Encoded texts of one page that gives files out which are taken for files. The rest are text."""
_GLANCE: Final = 4_096
_WASM: Final = b"\0asm"
_PAGES: Final = frozenset({Kind.HTML, Kind.SVG})


def inspect_page(notes: Notes, data: bytes) -> None:
    """Read an HTML or SVG file; what it carries encoded becomes a member, what it shows becomes text. Never raises."""
    if len(data) > file_limits.MARKUP_BYTES:
        notes.find("partial", "was searched at its beginning and its end only")
        # A page that carries a large file puts the script that hands it out behind it.
        data = data[: file_limits.MARKUP_BYTES * 3 // 4] + b"\n" + data[-file_limits.MARKUP_BYTES // 4 :]
    source = decoded(data)
    notes.read(page_text(source))
    notes.links_in(source)
    named = _given_out(source)
    peeled = _peel(notes, source, named)
    _judge(notes, source, peeled, data)


def inspect_drawing(notes: Notes, data: bytes) -> None:
    """Read an SVG file. People take it for a picture, and a browser runs its scripts; honest drawings have none."""
    inspect_page(notes, data)
    if notes.found("activehtml"):
        notes.find("active-drawing", "is a drawing with script")


def inspect_script(notes: Notes, data: bytes) -> None:
    """Read a script: links in it, and files that it carries."""
    source = decoded(data[: file_limits.MARKUP_BYTES])
    notes.links_in(source)
    _peel(notes, source)


def _gives_files(source: str) -> bool:
    """Say whether a script puts files together and hands them out. Plain words first: most pages have none, and a search costs more."""
    return (
        any(word in source for word in _BUILDING)
        and any(word in source for word in _HANDING_OUT)
        and bool(_BUILDS.search(source) and _HANDS_OUT.search(source))
    )


def _given_out(source: str) -> str:
    """Give the first dangerous name under which a page gives a file out, or ""."""
    source = joined(source)
    lower = source.lower()
    if not any(word in lower for word in ("download", "blob", "file")):
        return ""
    for match in _DOWNLOAD.finditer(source):
        name = (match[1] or match[2] or match[3]).strip()
        if names.extension(name.rstrip(");} ")) in _DANGEROUS:
            return name
    return ""


def _harmless(kind: Kind, content: bytes) -> bool:
    """Say whether an archive is what reports of tools carry: data alone, all of it known by name or by content."""
    if kind is Kind.GZIP:
        try:
            plain = zlib.decompressobj(31).decompress(content[:_GLANCE], _GLANCE)
        except zlib.error:
            return False
        return kind_of(plain, "") is Kind.TEXT and plain.lstrip()[:1] in {b"{", b"["}
    if kind is not Kind.ZIP:
        return False
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
    except Exception:  # noqa: BLE001  zipfile raises what it meets in a damaged file
        return False
    return bool(entries) and all(
        entry.is_dir() or (names.extension(entry.filename) in _TOLD and not entry.flag_bits & 1) for entry in entries
    )


@dataclass(frozen=True, slots=True)
class _Peeled:
    """What the literals of a page came to: text, and whether data of no known kind was among them."""

    text: str
    unknown: bool


def _peel(notes: Notes, source: str, named: str = "") -> _Peeled:
    """Decode literals, layer by layer; files become members, text is given back.

    Takes the dangerous name that the page gives a file, under which text is a file, too.
    """
    layers, layer, unknown = [], source, False
    texts_left = _TEXTS_HELD if _gives_files(source) else 0
    for _ in range(file_limits.SPREAD_LEVELS):
        inner = []
        for literal in literals(layer):
            kind = kind_of(literal.content, "")
            if _is_page_text(kind, literal) and not _is_named_file(kind, literal, named):
                inner.append(decoded(literal.content))
                if kind is Kind.TEXT and literal.encoding != DATA_URI and texts_left:
                    texts_left -= 1
                    notes.hold("", literal.content)
            elif kind is Kind.DATA and not literal.declared and len(literal.content) >= _UNKNOWN_BYTES:
                unknown = not literal.content.startswith(_WASM) or unknown
            _hold(notes, kind, literal, named)
        layer = "\n".join(inner)[: file_limits.MARKUP_BYTES]
        if not layer:
            break
        notes.links_in(layer)
        layers.append(layer)
    return _Peeled("\n".join(layers), unknown)


def _is_page_text(kind: Kind, literal: Literal) -> bool:
    """Say whether a literal is a page, or text that a page may be put together of."""
    return kind in _PAGES or (kind in {Kind.TEXT, Kind.XML} and literal.declared in {"", "text/html", "image/svg+xml"})


def _is_named_file(kind: Kind, literal: Literal, named: str) -> bool:
    """Say whether a literal is text that the page gives out under a dangerous name."""
    return bool(named) and kind is Kind.TEXT and literal.declared not in {"", "text/html", "image/svg+xml"}


def _hold(notes: Notes, kind: Kind, literal: Literal, named: str) -> None:
    """Give what a literal holds as a member if it is a file, and say so of one that is smuggled."""
    content = literal.content
    if kind in _FILES:
        notes.hold("", content)
        if named or not _harmless(kind, content):
            notes.find("smuggled", f"carries a file ({kind}) written as {literal.encoding}")
    elif _is_named_file(kind, literal, named):
        notes.hold(named, content)
        notes.find("smuggled", f"carries a file ({named[:80]}) written as {literal.encoding}")
    elif kind in _PAGES:
        if literal.encoding != DATA_URI:
            notes.hold("", content)
    elif kind not in _PASSIVE or (kind is Kind.DATA and literal.declared.startswith("application/")):
        notes.hold("", content)  # Reports that honest tools write show a PDF this way.


def _judge(notes: Notes, source: str, peeled: _Peeled, data: bytes) -> None:
    """Say what the page's scripts do, in what is written openly and in what was decoded."""
    both = joined(f"{source}\n{peeled.text}")
    scripted = bool(_SCRIPT.search(_STRUCTURED.sub(" ", both))) or _hidden_link(source) or _as_xml(source, data)
    if scripted and _gives_files(both) and _smuggles(source, both, peeled):
        notes.find("smuggled", "has a script that puts a file together and hands it to the reader")
    if (_SCRIPT.search(peeled.text) or _PASSWORD.search(peeled.text)) and _WRITES.search(source):
        notes.find("obfuscated", "shows another page that it carries encoded")
    if _PASSWORD.search(both):
        notes.find("login-form", "is a page that asks for a password")
    if (scripted and _LEADS.search(both)) or ("http-equiv" in source.lower() and _LEADS.search(source)):
        notes.find("redirect", "is a page that leads on to another one by itself")
    if match := _PROTOCOL.search(both):
        notes.find("protocol", f"holds a link that opens a program ({match[0][1:80]})")
    if scripted:
        notes.find("activehtml", "is a page with script")


def _smuggles(source: str, both: str, peeled: _Peeled) -> bool:
    """Tell smuggling from a button that saves a table: by the file's name, its type, its bytes, or hiding how it is done."""
    if not _gives_files(source):
        return True
    if peeled.unknown and not _PLOTTED.search(source):
        return True
    return bool(_given_out(both) or _NAME.search(both) or _BINARY_TYPE.search(both))


def _hidden_link(source: str) -> bool:
    return "&" in source and any(is_script_link(html.unescape(match[1])) for match in _LINKS.finditer(source))


def _as_xml(source: str, data: bytes) -> bool:
    return "xmlns" in source and runs_script(data)
