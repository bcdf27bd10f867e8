"""The kinds of files that are told apart, and the magic numbers of those that have one.

Magic numbers are those of the formats' own specifications and of file(1).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    """What a file is. The words stand in records and in `[attachments.policy]`."""

    # Programs and what runs like one.
    PE = "pe"  # Windows: exe, dll, scr, cpl, xll, .NET
    DOS = "dos"  # MZ without a PE header; .com
    ELF = "elf"
    MACHO = "macho"
    CLASS = "class"  # Java byte code
    DEX = "dex"  # Android byte code
    JAR = "jar"
    APK = "apk"
    MSIX = "msix"  # Windows app packages: msix, appx
    MSI = "msi"
    CHM = "chm"
    HLP = "hlp"
    FLASH = "flash"
    SCRIPT = "script"
    LNK = "lnk"
    SHORTCUT = "shortcut"  # url, desktop, library-ms, search-ms, settingcontent-ms ...
    # Documents.
    OLE = "ole"  # compound file: Office documents before 2007, encrypted ones since
    OOXML = "ooxml"
    ODF = "odf"
    OFFICE_XML = "officexml"  # Word and Excel 2003 XML, in one file
    RTF = "rtf"
    PDF = "pdf"
    ONENOTE = "onenote"
    HTML = "html"
    SVG = "svg"
    XML = "xml"
    POSTSCRIPT = "postscript"
    EPUB = "epub"
    # Mail and its parts.
    MAIL = "mail"
    MHT = "mht"
    MSG = "msg"  # Outlook, a compound file
    TNEF = "tnef"
    CALENDAR = "calendar"
    VCARD = "vcard"
    # Archives.
    ZIP = "zip"
    RAR = "rar"
    SEVENZIP = "7z"
    TAR = "tar"
    GZIP = "gzip"
    BZIP2 = "bzip2"
    XZ = "xz"
    LZMA = "lzma"
    LZIP = "lzip"
    ZSTD = "zstd"
    LZ4 = "lz4"
    COMPRESS = "compress"
    CAB = "cab"
    ACE = "ace"
    ARJ = "arj"
    LHA = "lha"
    ZOO = "zoo"
    CPIO = "cpio"
    AR = "ar"
    RPM = "rpm"
    XAR = "xar"
    UUE = "uue"
    # Disk images.
    ISO = "iso"
    UDF = "udf"
    DISK = "disk"  # a raw image with a boot sector
    VHD = "vhd"
    VHDX = "vhdx"
    VMDK = "vmdk"
    QCOW = "qcow"
    DMG = "dmg"
    WIM = "wim"
    # The harmless rest.
    IMAGE = "image"
    MEDIA = "media"
    FONT = "font"
    TEXT = "text"
    DATA = "data"
    EMPTY = "empty"


ZIP_KINDS: Final = frozenset({Kind.ZIP, Kind.OOXML, Kind.ODF, Kind.EPUB, Kind.JAR, Kind.APK, Kind.MSIX})
"""Kinds that are ZIP files inside."""

DISK_KINDS: Final = frozenset(
    {Kind.ISO, Kind.UDF, Kind.DISK, Kind.VHD, Kind.VHDX, Kind.VMDK, Kind.QCOW, Kind.DMG, Kind.WIM}
)
"""Images of disks, which some systems mount at a double click; what lies on them loses the mark of coming from outside."""

# The first that fits counts.
MAGIC: Final = (
    (b"\x7fELF", Kind.ELF),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Kind.OLE),
    (b"{\\rt", Kind.RTF),  # Word opens it without the f
    (b"%PDF-", Kind.PDF),
    (b"\xe4\x52\x5c\x7b\x8c\xd8\xa7\x4d\xae\xb1\x53\x78\xd0\x29\x96\xd3", Kind.ONENOTE),
    (b"L\x00\x00\x00\x01\x14\x02\x00\x00\x00\x00\x00\xc0\x00\x00\x00\x00\x00\x00\x46", Kind.LNK),  # MS-SHLLINK 2.1
    (b"Rar!\x1a\x07", Kind.RAR),
    (b"7z\xbc\xaf\x27\x1c", Kind.SEVENZIP),
    (b"\x1f\x8b", Kind.GZIP),
    (b"\x1f\x9d", Kind.COMPRESS),
    (b"\x1f\xa0", Kind.COMPRESS),
    (b"BZh", Kind.BZIP2),
    (b"\xfd7zXZ\x00", Kind.XZ),
    (b"LZIP", Kind.LZIP),
    (b"\x28\xb5\x2f\xfd", Kind.ZSTD),
    (b"\x04\x22\x4d\x18", Kind.LZ4),
    (b"MSCF\x00\x00\x00\x00", Kind.CAB),
    (b"ISc(", Kind.CAB),
    (b"ZOO ", Kind.ZOO),
    (b"070701", Kind.CPIO),
    (b"070702", Kind.CPIO),
    (b"070707", Kind.CPIO),
    (b"\xc7\x71", Kind.CPIO),
    (b"!<arch>\n", Kind.AR),
    (b"\xed\xab\xee\xdb", Kind.RPM),
    (b"xar!", Kind.XAR),
    (b"MSWIM\x00\x00\x00", Kind.WIM),
    (b"vhdxfile", Kind.VHDX),
    (b"conectix", Kind.VHD),
    (b"KDMV", Kind.VMDK),
    (b"QFI\xfb", Kind.QCOW),
    (b"ITSF\x03\x00\x00\x00", Kind.CHM),
    (b"?_\x03\x00", Kind.HLP),
    (b"dex\n", Kind.DEX),
    (b"FWS", Kind.FLASH),
    (b"CWS", Kind.FLASH),
    (b"ZWS", Kind.FLASH),
    (b"\xfe\xed\xfa\xce", Kind.MACHO),
    (b"\xfe\xed\xfa\xcf", Kind.MACHO),
    (b"\xce\xfa\xed\xfe", Kind.MACHO),
    (b"\xcf\xfa\xed\xfe", Kind.MACHO),
    (b"\x78\x9f\x3e\x22", Kind.TNEF),
    (b"%!PS", Kind.POSTSCRIPT),
    (b"\xc5\xd0\xd3\xc6", Kind.POSTSCRIPT),
    (b"#@~^", Kind.SCRIPT),  # encoded JScript or VBScript
    (b"\x89PNG\r\n\x1a\n", Kind.IMAGE),
    (b"\xff\xd8\xff", Kind.IMAGE),
    (b"GIF87a", Kind.IMAGE),
    (b"GIF89a", Kind.IMAGE),
    (b"II*\x00", Kind.IMAGE),
    (b"MM\x00*", Kind.IMAGE),
    (b"\x00\x00\x01\x00", Kind.IMAGE),
    (b"\xd7\xcd\xc6\x9a", Kind.IMAGE),  # placeable WMF
    (b"8BPS", Kind.IMAGE),
    (b"ID3", Kind.MEDIA),
    (b"OggS", Kind.MEDIA),
    (b"fLaC", Kind.MEDIA),
    (b"\x1aE\xdf\xa3", Kind.MEDIA),
    (b"FLV\x01", Kind.MEDIA),
    (b"MThd", Kind.MEDIA),
    (b"\x00\x00\x01\xba", Kind.MEDIA),
    (b"0&\xb2u\x8ef\xcf\x11", Kind.MEDIA),
    (b"wOFF", Kind.FONT),
    (b"wOF2", Kind.FONT),
    (b"OTTO\x00", Kind.FONT),
    (b"\x00\x01\x00\x00\x00", Kind.FONT),
)
"""Magic numbers at the beginning of a file."""
