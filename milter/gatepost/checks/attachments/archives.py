"""Which reader opens which kind of archive, and which archives hide in files of other kinds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from gatepost.checks.attachments.arj_ace import open_arj_or_ace
from gatepost.checks.attachments.bounds import Meter
from gatepost.checks.attachments.by_libarchive import FORMATS, STREAMS, open_by_libarchive
from gatepost.checks.attachments.entry import Entry
from gatepost.checks.attachments.formats import ZIP_KINDS, Kind
from gatepost.checks.attachments.item import Finding
from gatepost.checks.attachments.keys import Keys
from gatepost.checks.attachments.names import extension
from gatepost.checks.attachments.obstacles import LOCKED, Stopped
from gatepost.checks.attachments.rar_archive import open_rar_archive
from gatepost.checks.attachments.seven_zip import open_encrypted_7z
from gatepost.checks.attachments.zip_archive import open_zip
from gatepost.checks.attachments.zip_directory import find_end

SCANNED_KINDS: Final = frozenset(
    {
        *(Kind.ZIP, Kind.RAR, Kind.SEVENZIP, Kind.TAR, Kind.GZIP, Kind.BZIP2, Kind.XZ, Kind.CAB, Kind.ARJ, Kind.LHA),
        *(Kind.CPIO, Kind.XAR, Kind.ISO, Kind.UDF, Kind.DMG, Kind.CHM, Kind.OLE, Kind.OOXML, Kind.MSI, Kind.MSG),
        *(Kind.PDF, Kind.RTF, Kind.TNEF, Kind.MAIL, Kind.MHT, Kind.UUE, Kind.ODF, Kind.JAR, Kind.APK, Kind.MSIX),
    }
)
"""Kinds whose content ClamAV sees when it is given the whole file (libclamav, filetypes.c)."""

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

_ARCHIVE_NAMES: Final = frozenset({"", "zip", "zipx", "7z", "rar"})
_LIBARCHIVE_KINDS: Final = FORMATS.keys() | STREAMS.keys()


def open_archive(
    kind: str, name: str, data: bytes, keys: Keys, meter: Meter, *, behind: bool = True
) -> Iterator[Entry | Finding]:
    """Give the files inside of a file, one by one, and findings about it as a whole; nothing for what is no archive.

    `behind` asks for a ZIP archive behind a file of another kind too.

    Raises Stopped where it cannot be read on, Exhausted where a limit of the whole message ends it.
    """
    if kind == Kind.ZIP or (kind in ZIP_KINDS and extension(name) in _ARCHIVE_NAMES):
        # An Office document by its first names that is called an archive is opened as one by who receives it.
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
    if behind and kind not in ZIP_KINDS and find_end(data):
        # Programs find a ZIP archive from its end, whatever stands in front of it.
        yield from open_zip(data, keys, meter)


def _open_7z(name: str, data: bytes, keys: Keys, meter: Meter) -> Iterator[Entry | Finding]:
    try:
        for entry in open_by_libarchive(Kind.SEVENZIP, name, data, meter):
            if LOCKED in entry.findings:
                break
            yield entry
        else:
            return
    except Stopped as stop:
        if stop.finding != LOCKED:
            raise
    yield from open_encrypted_7z(data, keys, meter)
