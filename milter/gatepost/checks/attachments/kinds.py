"""What a file is, by its bytes: the first question to anything attached, because names and declared types are the sender's.

Where formats share a container it is looked into no further than needed: a ZIP file is an Office document, a Java archive
or an app package by the names in its directory, a compound file (MS-CFB) a document, an installer or an Outlook message by
its streams. Text has no magic number: markup is known by its first tag, and of the rest the name says what would open it,
since that is what the reader's system goes by.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import Final

from gatepost.checks.attachments.formats import MAGIC, Kind
from gatepost.checks.attachments.names import EXECUTABLE, SCRIPT, SHORTCUT, SOURCE, extension

PAGES: Final = frozenset("htm html shtml shtm xhtml xht".split())
"""Extensions of web pages."""
_OFFICE: Final = frozenset("docx docm dotx dotm xlsx xlsm xltx xltm xlsb pptx pptm potx potm ppsx ppsm".split())
"""Extensions of Office packages."""
_BY_NAME: Final = {
    "svg": Kind.SVG,
    "ics": Kind.CALENDAR,
    "vcs": Kind.CALENDAR,
    "vcf": Kind.VCARD,
    "eml": Kind.MAIL,
    "mbox": Kind.MAIL,
}

_ZIP_MAGIC: Final = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08", b"PK00PK")
_LHA: Final = re.compile(rb"-l(?:h[0-9x]|z[s45])-")
_LZMA_DICTIONARIES: Final = frozenset({1 << 12, *(1 << power for power in range(16, 32)), 0xFFFFFFFF})
_MP4: Final = frozenset((b"heic", b"heix", b"mif1", b"avif"))

_LOOK: Final = 4_096
"""Bytes at the beginning by which text is told from other data, and its first tag found."""
_GLANCE: Final = 512
"""Bytes of a body that are looked at, for every message."""
_OPENED: Final = tuple({magic for magic, _ in MAGIC if magic.isascii()} | set(_ZIP_MAGIC) | {b"MZ"})
"""Marks that a text might begin with and that make it a file."""
PDF_WITHIN: Final = 1_024
"""Bytes within which readers accept the header of a PDF (ISO 32000-1, implementation note 13)."""
_DIRECTORY_ENTRIES: Final = 5_000
"""Entries of a ZIP directory that are read to tell what kind of container it is."""
_FRAMES: Final = 1_000
"""Skippable frames in front of packed data that are passed over."""

_CONTROL: Final = bytes(set(range(32)) - {7, 8, 9, 10, 12, 13, 27})
_PAGE: Final = re.compile(
    rb"(?:<!doctype\s{1,20}html|<html|<head|<body|<script|<iframe|<meta|<title|<style|<table|<form|<div|<!--|<p>|<a\s|<img\s|<br)",
    re.IGNORECASE,
)
_SVG: Final = re.compile(rb"<svg[\s>:]", re.IGNORECASE)
_OFFICE_XML: Final = re.compile(
    rb"progid\s{0,5}=\s{0,5}[\"'](?:Word\.Document|Excel\.Sheet|PowerPoint\.Show)[\"']|/office/2006/xmlPackage|/office/word/2003/wordml"
)
_XML_PAGE: Final = re.compile(rb"<html[\s>]|<!doctype\s{1,20}html", re.IGNORECASE)
_HEADER: Final = re.compile(
    rb"(?:From [^\n]{1,200}\n)?(?:(?:received|return-path|from|to|subject|date|message-id|mime-version|content-type|x-[a-z-]{1,40}|delivered-to):"
    rb"[^\n]{0,1000}\r?\n(?:[ \t][^\n]{0,1000}\r?\n){0,20}){2}",
    re.IGNORECASE,
)
"""A message, in a mailbox or not: two fields that mail has."""
_MHT: Final = re.compile(rb"^content-type:\s{0,20}multipart/related", re.IGNORECASE | re.MULTILINE)
_UUE: Final = re.compile(rb"^begin(?:-base64)?[ \t]{1,20}[0-7]{3,4}[ \t]{1,20}[^\r\n]{1,255}\r?$", re.MULTILINE)


def kind_of(data: bytes, name: str) -> Kind:
    """Say what a file is. Takes its bytes and its name, which counts only where bytes do not tell; never raises.

    Cost is bounded: some kilobytes at both ends are read, and a search for a few streams in compound files.
    """
    if not data:
        return Kind.EMPTY
    head = data[:_LOOK]
    return _binary(data, head, name) or _text(head, name) or _named(name)


def _binary(data: bytes, head: bytes, name: str) -> Kind | None:
    if _tar_header(head):
        # The first file's name stands where other formats have their mark, and may be written like any of them.
        return Kind.TAR
    if head.startswith(_ZIP_MAGIC):
        return _zip_kind(data, extension(name))
    if head[:2] in {b"MZ", b"ZM"}:
        return _program_kind(data)
    for magic, kind in MAGIC:
        if head.startswith(magic):
            return _compound_kind(data) if kind is Kind.OLE else kind
    return _offset_kind(data, head)


def _offset_kind(data: bytes, head: bytes) -> Kind | None:
    """Know formats whose mark does not stand at the very beginning, or is a weak one that needs more than itself."""
    if head[:4] == b"\xca\xfe\xba\xbe":
        # A Java class has its version here (45 and up), a fat Mach-O the number of its architectures.
        return Kind.CLASS if int.from_bytes(head[6:8], "big") >= 45 else Kind.MACHO
    if head[:4] == b"RIFF":
        return Kind.IMAGE if head[8:12] == b"WEBP" else Kind.MEDIA
    if head[4:8] == b"ftyp":
        return Kind.IMAGE if head[8:12] in _MP4 else Kind.MEDIA
    if head[7:14] == b"**ACE**":
        return Kind.ACE
    if _LHA.match(head, 2):
        return Kind.LHA
    if head[:2] == b"\x60\xea" and 30 <= int.from_bytes(head[2:4], "little") <= 2_600:
        return Kind.ARJ
    if head[:3] == b"\x5d\x00\x00" and len(head) > 13 and int.from_bytes(head[1:5], "little") in _LZMA_DICTIONARIES:
        return Kind.LZMA
    if head[:2] == b"BM" and len(head) > 18 and int.from_bytes(head[14:18], "little") in {12, 40, 52, 56, 64, 108, 124}:
        return Kind.IMAGE
    if head[:4] == b"\x01\x00\x00\x00" and head[40:44] == b" EMF":
        return Kind.IMAGE
    if head[:2] in {b"\xff\xfb", b"\xff\xf3", b"\xff\xf2", b"\xff\xf1", b"\xff\xf9"}:
        return Kind.MEDIA
    if head[257:262] == b"ustar":
        return Kind.TAR
    if packed := _behind_skippable(data):
        return packed
    return _disk_kind(data, head) or (Kind.PDF if b"%PDF-" in head[:PDF_WITHIN] else None)


def _tar_header(head: bytes) -> bool:
    """Whether the checksum of a tar header (POSIX 1003.1, ustar) holds, whatever the magic numbers around it."""
    if len(head) < 512 or not head[0]:
        return False
    field = head[148:156].strip(b" \0")
    if not field or field.translate(None, b"01234567"):
        return False
    return sum(head[:148]) + 8 * 32 + sum(head[156:512]) == int(field, 8)


def is_disguised(kind: str, data: bytes) -> bool:
    """Say whether a file is a tar archive that others take for another kind: by its first bytes, a name that its sender chose."""
    return kind == Kind.TAR and data.startswith((*_ZIP_MAGIC, b"MZ", *(magic for magic, _ in MAGIC)))


def _behind_skippable(data: bytes) -> Kind | None:
    """Know what is packed behind frames that are passed over (RFC 8878 3.1.2; LZ4 has the same)."""
    at = skippable(data)
    if _is_skippable(data, at):
        return Kind.ZSTD
    following = data[at : at + 4]
    return next((kind for magic, kind in MAGIC if kind in {Kind.ZSTD, Kind.LZ4} and following == magic), None)


def skippable(data: bytes) -> int:
    """Give how many bytes of skippable frames stand at the beginning; at most _FRAMES frames are passed over."""
    at = 0
    for _ in range(_FRAMES):
        if not _is_skippable(data, at):
            break
        at += 8 + int.from_bytes(data[at + 4 : at + 8], "little")
    return at


def _is_skippable(data: bytes, at: int) -> bool:
    return data[at + 1 : at + 4] == b"\x2a\x4d\x18" and data[at] & 0xF0 == 0x50


def _disk_kind(data: bytes, head: bytes) -> Kind | None:
    mark = data[0x8001:0x8006]
    if mark in {b"BEA01", b"NSR02", b"NSR03"}:
        return Kind.UDF
    if mark == b"CD001":
        return Kind.ISO
    tail = data[-512:]
    if tail[:4] == b"koly":
        return Kind.DMG
    if tail[:8] == b"conectix" or data[-511:-503] == b"conectix":
        return Kind.VHD
    if head[510:512] == b"\x55\xaa" and (
        head[3:11] in {b"NTFS    ", b"EXFAT   "}
        or head[54:57] == b"FAT"
        or head[82:85] == b"FAT"
        or len(data) % 512 == 0
    ):
        return Kind.DISK
    return None


def _program_kind(data: bytes) -> Kind | None:
    """Tell a Windows program from a DOS one; two letters alone (`MZ` in a text) make neither."""
    if len(data) < 64:
        return None
    at = int.from_bytes(data[60:64], "little")
    if data[at : at + 4] == b"PE\0\0" or data[at : at + 2] in {b"NE", b"LE", b"LX"}:
        return Kind.PE
    # A page count and a header size that a loader would take (the DOS header's e_cp and e_cparhdr).
    pages, paragraphs = struct.unpack_from("<H", data, 4)[0], struct.unpack_from("<H", data, 8)[0]
    return Kind.DOS if pages and paragraphs * 16 <= len(data) and b"\0" in data[:_LOOK] else None


def _zip_kind(data: bytes, ext: str) -> Kind:
    names = set(_zip_names(data))
    if "AppxManifest.xml" in names or "AppxMetadata/AppxBundleManifest.xml" in names:
        return Kind.MSIX
    # A source tree has the same manifests, and nothing that would run.
    if "AndroidManifest.xml" in names and ("classes.dex" in names or ext in {"apk", "xapk", "aab"}):
        return Kind.APK
    if any(name.lower() == "[content_types].xml" for name in names):
        return Kind.OOXML
    if ext in _OFFICE and b"[Content_Types].xml" in data:  # programs find it there where the directory is lost
        return Kind.OOXML
    mimetype = data[38:100] if data[30:38] == b"mimetype" else b""
    if mimetype.startswith(b"application/vnd.oasis.opendocument"):
        return Kind.ODF
    if mimetype.startswith(b"application/epub"):
        return Kind.EPUB
    if {"META-INF/manifest.xml", "content.xml"} <= names:  # read as such wherever its mimetype stands
        return Kind.ODF
    if "META-INF/MANIFEST.MF" in names and (ext in EXECUTABLE or any(each.endswith(".class") for each in names)):
        return Kind.JAR
    return Kind.ZIP


def _zip_names(data: bytes) -> Iterator[str]:
    """Give names from the central directory (APPNOTE 4.3.12), at most _DIRECTORY_ENTRIES, and that of the first entry."""
    if len(data) > 30:
        size = int.from_bytes(data[26:28], "little")
        yield data[30 : 30 + min(size, 260)].decode("utf-8", "replace")
    end = data.rfind(b"PK\x05\x06", max(0, len(data) - 66_000))
    if end < 0 or end + 20 > len(data):
        return
    size, start = struct.unpack_from("<II", data, end + 12)
    # Bytes before the archive move its directory: it ends where its end record begins.
    at = end - size if size <= end else start
    for _ in range(_DIRECTORY_ENTRIES):
        if data[at : at + 4] != b"PK\x01\x02" or at + 46 > len(data):
            return
        name, extra, comment = struct.unpack_from("<HHH", data, at + 28)
        yield data[at + 46 : at + 46 + min(name, 260)].decode("utf-8", "replace")
        at += 46 + name + extra + comment


def _utf16(name: str) -> bytes:
    return name.encode("utf-16-le")


_MSI_CLASS: Final = bytes.fromhex("84100c0000000000c000000000000046")
_MSG_STREAM: Final = _utf16("__properties_version1.0")
_DIRECTORY_SECTORS: Final = 100
"""Sectors of a compound file's directory in which the properties of a message are looked for; writers begin with them."""


def _compound_kind(data: bytes) -> Kind:
    """Tell an installer (by its root storage's class) and an Outlook message (MS-OXMSG 2.4) from documents."""
    shift, first = int.from_bytes(data[30:32], "little"), int.from_bytes(data[48:52], "little")
    if shift not in {9, 12}:
        return Kind.OLE
    root = (first + 1) << shift
    if data[root + 80 : root + 96] == _MSI_CLASS:
        return Kind.MSI
    return Kind.MSG if any(_MSG_STREAM in sector for sector in _directory(data, shift, first)) else Kind.OLE


def _directory(data: bytes, shift: int, number: int) -> Iterator[bytes]:
    """Give the sectors of a compound file's directory (MS-CFB 2.6), as far as the header lists the table that chains them."""
    for _ in range(_DIRECTORY_SECTORS):
        at = (number + 1) << shift
        if at >= len(data):
            return
        yield data[at : at + (1 << shift)]
        table, entry = divmod(number, 1 << (shift - 2))
        if table >= 109:  # MS-CFB 2.2: so many sectors of the table stand in the header
            return
        listed = int.from_bytes(data[76 + 4 * table : 80 + 4 * table], "little")
        at = ((listed + 1) << shift) + 4 * entry
        number = int.from_bytes(data[at : at + 4], "little")


def _text(head: bytes, name: str) -> Kind | None:
    """Tell kinds of text, or give None for what is no text."""
    plain = _plain(head)
    if plain is None:
        return None
    start = plain.lstrip()
    ext = extension(name)
    if ext in SCRIPT or ext in SOURCE or start.startswith(b"#!"):
        return Kind.SCRIPT
    if ext in SHORTCUT or start[:18].lower() == b"[internetshortcut]" or start.startswith(b"[Desktop Entry]"):
        return Kind.SHORTCUT
    if (
        start.startswith((b"<?xml", b"<!DOCTYPE svg"))
        or _SVG.match(start)
        or (start[:1] == b"<" and _OFFICE_XML.search(start))
    ):
        return _markup(start, ext)
    if ext in PAGES or _PAGE.match(start):
        return Kind.SVG if ext == "svg" else Kind.HTML
    if _HEADER.match(start):
        return Kind.MHT if _MHT.search(start) or ext in {"mht", "mhtml"} else Kind.MAIL
    if start.startswith(b"BEGIN:VCALENDAR"):
        return Kind.CALENDAR
    if start.startswith(b"BEGIN:VCARD"):
        return Kind.VCARD
    if _UUE.search(plain):
        return Kind.UUE
    return _BY_NAME.get(ext, Kind.TEXT)


def _markup(start: bytes, ext: str) -> Kind:
    if _OFFICE_XML.search(start):
        return Kind.OFFICE_XML
    if _SVG.search(start):
        return Kind.SVG
    if ext in PAGES or _XML_PAGE.search(start):
        return Kind.HTML
    return _BY_NAME.get(ext, Kind.XML)


def _plain(head: bytes) -> bytes | None:
    """Give the beginning of a text in an encoding that shows ASCII as ASCII, or None for what is no text."""
    if head[:2] in {b"\xff\xfe", b"\xfe\xff", b"<\0", b"\0<"}:  # markup may do without the mark (XML 1.0, F.1)
        order = "utf-16-le" if head[0] in {0xFF, 0x3C} else "utf-16-be"
        head = head[0 if 0 in head[:2] else 2 :].decode(order, "replace").encode("utf-8", "replace")
    head = head.removeprefix(b"\xef\xbb\xbf")
    return head if len(head) - len(head.translate(None, _CONTROL)) <= len(head) // 100 else None


def looks_like_prose(data: bytes) -> bool:
    """Say, at the cost of a glance, whether data is text that no program opens: what a body may hold and still be a body."""
    head = data[:_GLANCE]
    return not head.startswith(_OPENED) and len(head) == len(head.translate(None, _CONTROL))


def _named(name: str) -> Kind:
    """Say what data without a magic number is to a system that goes by the name alone."""
    ext = extension(name)
    if ext == "com":
        return Kind.DOS
    if ext in {"img", "ima"}:
        return Kind.DISK
    return Kind.DATA
