"""Which reader opens which kind of archive, and which archives hide in files of other kinds."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from gatepost.checks.attachments.arj_ace import open_arj_or_ace
from gatepost.checks.attachments.bounds import Meter
from gatepost.checks.attachments.by_libarchive import FORMATS, STREAMS, open_by_libarchive
from gatepost.checks.attachments.entry import Entry, Listing
from gatepost.checks.attachments.formats import ZIP_KINDS, Kind
from gatepost.checks.attachments.item import Finding
from gatepost.checks.attachments.keys import Keys
from gatepost.checks.attachments.names import extension
from gatepost.checks.attachments.obstacles import LOCKED, Exhausted, Stopped
from gatepost.checks.attachments.polyglot import archives_behind
from gatepost.checks.attachments.rar_archive import open_rar_archive
from gatepost.checks.attachments.seven_zip import open_encrypted_7z
from gatepost.checks.attachments.zip_archive import open_zip
from gatepost.checks.attachments.zip_directory import find_end

SCANNED_KINDS: Final = frozenset(
    {*ZIP_KINDS, Kind.GZIP, Kind.XZ, Kind.TAR, Kind.CAB, Kind.ISO, Kind.OLE, Kind.MSI, Kind.MSG}
)
"""Kinds whose content every ClamAV sees when it is given the whole file, as its own readers would unpack it.

Not RAR: the library is not free, and Debian leaves it out. Not 7z: it knows a few of the methods. Not PDF: of the files in it some
are passed over. Not mail: it is read in one way, and clients read it in others. Not what only some versions or builds open, or open in
part (LHA, xar, UDF, cpio, uuencode within text, further streams of bzip2).
"""

_CLOSED: Final = {
    Kind.ZOO: "ZOO archives",
    Kind.CHM: "compiled help files",
    Kind.DMG: "macOS disk images",
    Kind.VHD: "virtual disks",
    Kind.VHDX: "virtual disks",
    Kind.VMDK: "virtual disks",
    Kind.QCOW: "virtual disks",
    Kind.WIM: "Windows images",
    Kind.DISK: "images of file systems",
}
"""Kinds that hold files and that nothing here opens."""

_DOCUMENT_NAMES: Final = frozenset(
    "docx docm dotx dotm xlsx xlsm xltx xltm xlsb xlam pptx pptm potx potm ppsx ppsm ppam sldx sldm thmx doc dot xls xlt ppt pot pps rtf "
    "vsdx vsdm vstx vstm vssx vssm odt ott odm oth ods ots odp otp odg otg odf odc odb odi fodt epub xps oxps dwfx 3mf pages numbers key "
    "jar war ear apk aab xapk msix msixbundle appx appxbundle vsix xpi".split()
)  # fmt: skip
"""Extensions whose programs take a ZIP file for a document or a program, and do not unpack it."""
_FILE_CARRIERS: Final = frozenset({Kind.TAR, Kind.CPIO, Kind.AR, Kind.ISO, Kind.UDF, Kind.DISK, Kind.UUE})
"""Kinds that carry files as they are: a ZIP archive at their end is one of their files, which the virus scanner sees."""
_LIBARCHIVE_KINDS: Final = FORMATS.keys() | STREAMS.keys()
_VOLUME: Final = re.compile(
    r"\.(?:zip|7z|rar|tar|gz|tgz|bz2|xz|arj|cab|zst|iso|img)\.\d{2,4}\Z|\.[zrs]\d{2}\Z|\.part\d{1,4}\.rar\Z|\.7z\.part\d{1,4}\Z",
    re.IGNORECASE,
)
"""Names of the parts into which programs split an archive."""
_DAMAGED: Final = "attachment.damaged"


def open_archive(
    kind: str, name: str, data: bytes, keys: Keys, meter: Meter, *, behind: bool = True
) -> Iterator[Entry | Finding | Listing]:
    """Give the files inside of a file, one by one, and findings about it as a whole; nothing for what is no archive.

    `behind` asks for a ZIP archive behind a file of another kind too.

    Raises Stopped where it cannot be read on, Exhausted where a limit of the whole message ends it.
    """
    trouble: Exception | None = None
    damaged = False
    try:
        for each in _by_kind(kind, name, data, keys, meter):
            damaged = damaged or (isinstance(each, Finding) and each.code == _DAMAGED)
            yield each
    except Exhausted:
        raise
    except Exception as error:  # noqa: BLE001  whatever ails the front, programs go on to the archive behind it
        trouble = error
    if behind and kind not in ZIP_KINDS:
        yield from _behind(kind, data, keys, meter, front_opened=trouble is None)
    damaged = damaged or (isinstance(trouble, Stopped) and trouble.finding.code == _DAMAGED)
    if _VOLUME.search(name) and (damaged or kind == Kind.DATA):
        raise Stopped("unopened", "is one part of an archive that is split over several files")
    if trouble is not None:
        raise trouble


def _behind(
    kind: str, data: bytes, keys: Keys, meter: Meter, *, front_opened: bool
) -> Iterator[Entry | Finding | Listing]:
    """Give the files of a ZIP archive behind a file of another kind, and other archives behind a front that opens for nobody."""
    if find_end(data):
        # Programs find a ZIP archive from its end, whatever stands in front of it.
        seen = front_opened and kind in _FILE_CARRIERS
        for entry in open_zip(data, keys, meter):
            yield replace(entry, unseen=True) if isinstance(entry, Entry) and not seen else entry
    if not front_opened:
        for at, _ in archives_behind(data):
            meter.count()
            meter.take(len(data) - at, len(data) - at, len(data) - at)
            yield Entry("", data[at:], len(data) - at, unseen=True)


def _by_kind(kind: str, name: str, data: bytes, keys: Keys, meter: Meter) -> Iterator[Entry | Finding | Listing]:
    if kind == Kind.ZIP or (kind in ZIP_KINDS and extension(name) not in _DOCUMENT_NAMES):
        # An Office document by its first names that is not called one is opened as an archive by who receives it.
        yield from open_zip(data, keys, meter)
    elif kind == Kind.SEVENZIP:
        yield from _open_7z(name, data, keys, meter)
    elif kind == Kind.RAR:
        yield from open_rar_archive(data, keys, meter)
    elif kind in {Kind.ARJ, Kind.ACE}:
        yield from open_arj_or_ace(kind, data, meter)
    elif kind in _LIBARCHIVE_KINDS:
        yield from open_by_libarchive(kind, name, data, meter)
    elif kind in _CLOSED:
        raise Stopped("unopened", f"is of a kind that is not opened here: {_CLOSED[Kind(kind)]}")


def _open_7z(name: str, data: bytes, keys: Keys, meter: Meter) -> Iterator[Entry | Finding | Listing]:
    try:
        for entry in open_by_libarchive(Kind.SEVENZIP, name, data, meter):
            if isinstance(entry, Entry) and LOCKED in entry.findings:
                break
            yield entry
        else:
            return
    except Stopped as stop:
        if stop.finding != LOCKED:
            raise
    yield from open_encrypted_7z(data, keys, meter)
