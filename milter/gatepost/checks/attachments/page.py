"""Web pages and drawings as attachments: HTML, XHTML, SVG.

A page that is attached opens in a browser outside of the mail client's protection, with scripts running. Honest ones exist
(forms of banks' secure mail, reports of tools, saved pages), so script alone is little; what tells the others is what the
script does: it puts a file together and hands it to the reader (smuggling), or the page asks for a password, or it leads on
to another page at once.
"""

from __future__ import annotations

import re
from typing import Final

from gatepost.checks.attachments.formats import Kind
from gatepost.checks.attachments.kinds import kind_of
from gatepost.checks.attachments.literals import joined, literals
from gatepost.checks.attachments.notes import Notes, decoded, page_text
from gatepost.mail import file_limits

_SCRIPT: Final = re.compile(
    r"<script[\s>/]|\son(?:load|error|click|mouse\w{2,6}|focus|begin|toggle|pageshow|animation\w{3,9})\s{0,5}=|javascript:",
    re.IGNORECASE,
)
_STRUCTURED: Final = re.compile(r"<script[^<>]{0,200}(?:ld\+json|text/template)[^<>]{0,200}>", re.IGNORECASE)
_BUILDS: Final = re.compile(
    r"\b(?:Blob|File|Uint8Array|ArrayBuffer|charCodeAt|fromCharCode|atob|base64ToArrayBuffer)\b"
)
_HANDS_OUT: Final = re.compile(
    r"createObjectURL|msSave(?:OrOpen)?Blob|navigator\.save|\.download\s{0,5}=|\bdownload\s{0,5}=\s{0,5}[\"']|setAttribute\(\s{0,5}[\"']download"
    r"|webkitRequestFileSystem"
)
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

_FILES: Final = frozenset(
    {
        Kind.PE, Kind.DOS, Kind.ELF, Kind.MACHO, Kind.CLASS, Kind.JAR, Kind.APK, Kind.MSIX, Kind.MSI, Kind.CHM, Kind.LNK, Kind.OLE,
        Kind.OOXML, Kind.RTF, Kind.ONENOTE, Kind.ZIP, Kind.RAR, Kind.SEVENZIP, Kind.GZIP, Kind.CAB, Kind.ISO, Kind.UDF,
        Kind.VHD, Kind.VHDX, Kind.DMG, Kind.ACE, Kind.ARJ, Kind.XZ, Kind.TAR, Kind.SCRIPT,
    }
)  # fmt: skip
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
    peeled = _peel(notes, source)
    _judge(notes, source, peeled)


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


def _peel(notes: Notes, source: str) -> str:
    """Decode literals, layer by layer; files become members, text is given back."""
    layers, layer = [], source
    for _ in range(file_limits.SPREAD_LEVELS):
        inner = []
        for literal in literals(layer):
            kind = kind_of(literal.content, "")
            if kind in _FILES:
                notes.hold("", literal.content)
                notes.find("smuggled", f"carries a file ({kind}) written as {literal.encoding}")
            elif kind in _PAGES or (
                kind in {Kind.TEXT, Kind.XML} and literal.declared in {"", "text/html", "image/svg+xml"}
            ):
                inner.append(decoded(literal.content))
                if kind in _PAGES and literal.encoding != "data URI":
                    notes.hold("", literal.content)
            elif kind == Kind.PDF or (kind == Kind.DATA and literal.declared.startswith("application/")):
                notes.hold("", literal.content)  # Reports that honest tools write show a PDF this way.
        layer = "\n".join(inner)[: file_limits.MARKUP_BYTES]
        if not layer:
            break
        notes.links_in(layer)
        layers.append(layer)
    return "\n".join(layers)


def _judge(notes: Notes, source: str, peeled: str) -> None:
    """Say what the page's scripts do, in what is written openly and in what was decoded."""
    both = joined(f"{source}\n{peeled}")
    scripted = _SCRIPT.search(_STRUCTURED.sub(" ", both))
    if scripted and _BUILDS.search(both) and _HANDS_OUT.search(both):
        notes.find("smuggled", "has a script that puts a file together and hands it to the reader")
    if _WRITES.search(source) and (_SCRIPT.search(peeled) or _PASSWORD.search(peeled)):
        notes.find("obfuscated", "shows another page that it carries encoded")
    if _PASSWORD.search(both):
        notes.find("login-form", "is a page that asks for a password")
    if (scripted and _LEADS.search(both)) or ("http-equiv" in source.lower() and _LEADS.search(source)):
        notes.find("redirect", "is a page that leads on to another one by itself")
    if match := _PROTOCOL.search(both):
        notes.find("protocol", f"holds a link that opens a program ({match[0][1:80]})")
    if scripted:
        notes.find("activehtml", "is a page with script")
