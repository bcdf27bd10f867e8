"""File names: what opens a file of that name, and the ways in which a name deceives whoever reads it.

People go by the name they are shown; systems go by what stands after the last dot. Names are written so that the two
differ: `invoice.pdf.exe` where known extensions are hidden, a hundred spaces before the real extension, a right-to-left
override (U+202E) that shows `annexe.txt` reversed (MITRE ATT&CK T1036.002, T1036.007), characters that take no room, and
letters of other scripts that look like Latin ones.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import unquote

from gatepost.checks.attachments.item import Finding
from gatepost.mail import file_limits

_EXTENSION: Final = re.compile(r"\.([^\s./\\]{1,20})\Z")
_BIDI: Final = re.compile("[\u202a-\u202e\u2066-\u2069]")
_INVISIBLE: Final = re.compile("[\u00ad\u200b-\u200d\u2060-\u2064\ufeff\u115f\u1160\u3164\u2800\U000e0000-\U000e007f]")
_PADDED: Final = re.compile(r"[\s\u2800\u3164_.-]{12,}\.[^\s.]{1,20}\Z")
_TRAILING: Final = " .\t\r\n\0\u00a0"
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
_ENDS: Final = re.compile(r"[\x00-\x1f:]")
_PERCENT: Final = re.compile(r"%[0-9A-Fa-f]{2}")
_AROUND: Final = " \t'\"`<>/\\"
_SUFFIX_PARTS: Final = 4
"""Parts of an ending that a rule may name (`.tar.gz` has two)."""
_MIXED_SCRIPTS: Final = ("CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE")

EXECUTABLE: Final = frozenset("exe scr com pif cpl dll xll msi msp mst jar apk msix msixbundle appx appxbundle appinstaller chm hlp its gadget "
    "application ocx sys drv efi class dex ear war xbap xpi crx vsix deb rpm run bin elf app pkg out appimage shs shb msu msc ppkg osd vsto "
    "wll xlm mde accde ade adp webpnp printerexport".split())  # fmt: skip
"""Extensions of programs, installers and what runs like one."""

SCRIPT: Final = frozenset("js jse mjs vbs vbe vb wsf wsh wsc sct hta ps1 psm1 psd1 ps1xml psc1 psc2 bat cmd command reg scf au3 ahk "
    "applescript scpt terminal msh msh1 msh2 jnlp iqy dqy oqy rqy odc slk a3x kix ws wsb htc pyz pyzw".split())  # fmt: skip
"""Extensions of scripts that a double click runs."""

SOURCE: Final = frozenset("sh bash zsh csh ksh py pyw pyc pyo pl rb php asp aspx inf bas tool lua".split())
"""Extensions of scripts that a double click does not run on most systems, and that people mail to be read."""

SHORTCUT: Final = frozenset("lnk url desktop webloc library-ms search-ms searchconnector-ms settingcontent-ms appref-ms theme website "
    "themepack rdp contact diagcab inetloc fileloc mobileconfig udl prf ins isp xnk mad maf".split())  # fmt: skip
"""Extensions of files that open something else."""

DISK: Final = frozenset("iso img ima udf vhd vhdx vmdk dmg wim qcow2 toast".split())
"""Extensions of images of disks."""

HARMLESS: Final = frozenset("pdf txt log csv rtf doc docx xls xlsx ppt pptx odt ods odp jpg jpeg png gif bmp tif tiff webp heic mp3 mp4 wav "
    "avi mov mkv htm html xml eml msg zip rar 7z ics vcf md json".split())  # fmt: skip
"""Extensions that people take for documents, and that stand in front of the real one to deceive them."""

DECLARED: Final[Mapping[str, str]] = {
    "application/hta": "hta", "text/javascript": "js", "text/jscript": "js", "text/ecmascript": "js", "text/x-javascript": "js",
    "application/javascript": "js", "application/x-javascript": "js", "application/ecmascript": "js", "text/vbscript": "vbs",
    "text/vbs": "vbs", "application/x-vbs": "vbs", "text/scriptlet": "sct", "application/x-bat": "bat", "application/bat": "bat",
    "application/x-ms-shortcut": "lnk", "application/x-msdownload": "exe", "application/x-msdos-program": "exe",
    "application/x-dosexec": "exe", "application/vnd.microsoft.portable-executable": "exe", "application/x-ms-application": "application",
    "application/x-java-jnlp-file": "jnlp", "application/java-archive": "jar", "application/x-java-archive": "jar", "application/x-msi": "msi",
    "application/vnd.ms-htmlhelp": "chm", "text/x-component": "htc",
}  # fmt: skip
"""What a client calls a file that has no name, by its type: the dangerous ones."""

_DANGEROUS: Final = EXECUTABLE | SCRIPT | SHORTCUT | DISK | {"one", "onepkg"}


def extension(name: str) -> str:
    """Give the lower-case extension that a system would go by, without its dot, or "".

    White space and dots at the end do not count, as they do not on Windows, nor do characters that take no room.
    """
    match = _EXTENSION.search(_visible(name[-200:]).rstrip(_TRAILING))
    return match[1].lower() if match else ""


def suffixes(name: str) -> Iterator[str]:
    """Give what a name ends in, the longest first: `.tar.gz`, `.gz`."""
    stem, found = name[-file_limits.NAME_CHARACTERS :], ""
    endings: list[str] = []
    for _ in range(_SUFFIX_PARTS):
        ext = extension(stem)
        if not ext:
            break
        found = f".{ext}{found}"
        endings.append(found)
        stem = _visible(stem).rstrip(_TRAILING)[: -len(ext) - 1]
    return reversed(endings)


def is_ending(text: str) -> bool:
    """Say whether a text is something that suffixes() may give, in any case."""
    return text.startswith(".") and text.lower() in suffixes(f"name{text}")


def forms(name: str) -> Iterator[str]:
    """Give what systems make of a name, itself first.

    Control characters are dropped, or end it (NUL); on NTFS a colon begins the name of a stream of the file; some clients take
    quotes or slashes around a name for what they are not, or undo percent-encoding where RFC 2231 has none.
    """
    yield name
    bare = name.strip(_AROUND)
    if bare != name:
        yield bare
    if _CONTROL.search(bare):
        yield _CONTROL.sub("", bare)
    if end := _ENDS.search(bare):
        yield bare[: end.start()]
    if _PERCENT.search(bare) and (plain := unquote(bare)) != bare:
        yield plain


def _visible(name: str) -> str:
    """Drop characters without width and direction marks, and bring full-width forms to the plain ones."""
    if name.isascii():
        return name
    return unicodedata.normalize("NFKC", _BIDI.sub("", _INVISIBLE.sub("", name)))


def name_tricks(name: str) -> Iterator[Finding]:
    """Find what a file name does to deceive. Takes the name as it would be shown; gives at most one finding of a code."""
    name = name[-file_limits.NAME_CHARACTERS :].strip()
    ext = extension(name)
    if how := _hides(name, ext):
        yield Finding("attachment.hidden-extension", how)
    stem = _visible(name).rstrip(_TRAILING)[: -len(ext) - 1] if ext else ""
    before = extension(stem)
    if ext in _DANGEROUS and before in HARMLESS:
        yield Finding(
            "attachment.double-extension", f"is called .{before}.{ext}: it passes for .{before} and opens as .{ext}"
        )


def _hides(name: str, ext: str) -> str:
    """Say how a name hides its extension, or ""."""
    if _BIDI.search(name) and (ext in _DANGEROUS or "\u202e" in name or "\u202d" in name):
        return f"has a change of direction in its name and so shows another end than .{ext}"
    if ext in _DANGEROUS and _PADDED.search(name):
        return f"has .{ext} pushed out of sight by padding in its name"
    if ext in _DANGEROUS and _INVISIBLE.search(name):
        return f"has characters that take no room in its name, and ends in .{ext}"
    if _mixes_scripts(ext):
        return "has letters of another script in its extension that pass for Latin ones"
    return ""


def _mixes_scripts(ext: str) -> bool:
    """Say whether an extension has Latin letters and letters of a script with letters like them."""
    if ext.isascii() or not any(letter.isascii() and letter.isalpha() for letter in ext):
        return False
    return any(unicodedata.name(letter, "").startswith(_MIXED_SCRIPTS) for letter in ext)
