"""What a file may do by being of its type: run, lead somewhere, mount as a disk, or pass for something it is not.

Both answers count: what the bytes are (kinds.py) and what the name makes a system open it with. A program that is called
`.pdf` does not run by a click, but it was sent to deceive; a text that is called `.js` runs. Where name and content differ
honestly (a `.doc` that is RTF, a `.csv` that is any text, `application/octet-stream` for everything) there is no finding.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from gatepost.checks.attachments import names
from gatepost.checks.attachments.formats import DISK_KINDS, Kind
from gatepost.checks.attachments.item import Finding

_EXECUTABLES: Final = {
    Kind.PE: "a Windows program",
    Kind.DOS: "a DOS program",
    Kind.ELF: "a Linux program",
    Kind.MACHO: "a macOS program",
    Kind.CLASS: "Java byte code",
    Kind.DEX: "Android byte code",
    Kind.JAR: "a Java archive, which runs",
    Kind.APK: "an Android app",
    Kind.MSIX: "a Windows app package",
    Kind.MSI: "a Windows installer",
    Kind.CHM: "a compiled help file, which runs scripts",
    Kind.HLP: "a Windows help file, which runs macros",
    Kind.FLASH: "a Flash program",
}
_TEXTS: Final = frozenset(
    {Kind.TEXT, Kind.XML, Kind.HTML, Kind.SCRIPT, Kind.SHORTCUT, Kind.UUE, Kind.MAIL, Kind.MHT, Kind.EMPTY}
)
_SHOWN: Final = frozenset("pdf txt log csv rtf doc docx dot dotx xls xlsx ppt pptx pps odt ods odp jpg jpeg png gif bmp tif tiff webp heic "
    "ico mp3 mp4 wav avi mov mkv xml htm html ics vcf md json eml".split())  # fmt: skip
"""Extensions that promise something to look at: a program, a shortcut or a disk behind one deceives."""


def type_risks(kind: str, name: str, declared: str) -> Iterator[Finding]:
    """Find what a file's type makes of it. Takes its kind, its name and the content type declared for it."""
    ext = names.extension(name) or names.DECLARED.get(declared, "")
    yield from _runs(kind, ext)
    yield from _opens(kind, ext)
    if kind == Kind.ONENOTE or ext in {"one", "onepkg"}:
        yield Finding("attachment.onenote", "is a OneNote section, which may hold files that a click opens")
    if kind in _PASSING and (
        ext in _SHOWN or (not ext and declared.startswith(("image/", "audio/", "video/", "text/")))
    ):
        shown = f".{ext}" if ext else declared
        yield Finding("attachment.mismatch", f"passes for {shown} and is {_PASSING[Kind(kind)]}")


def _runs(kind: str, ext: str) -> Iterator[Finding]:
    if kind in _EXECUTABLES:
        yield Finding("attachment.executable", f"is {_EXECUTABLES[Kind(kind)]}")
    elif ext in names.EXECUTABLE and not (ext in _WEAK and kind in _TEXTS | {Kind.DATA, Kind.IMAGE}):
        yield Finding("attachment.executable", f"opens as a program (.{ext})")
    if ext in names.SCRIPT:
        yield Finding("attachment.script", f"is a script that a click runs (.{ext})")
    elif ext in names.SOURCE or kind == Kind.SCRIPT:
        yield Finding("attachment.source", f"is the source of a program ({f'.{ext}' if ext else 'by its first line'})")


def _opens(kind: str, ext: str) -> Iterator[Finding]:
    if ext in _WEB_LINKS or (kind == Kind.SHORTCUT and not ext):
        yield Finding("attachment.weblink", f"is an internet shortcut ({f'.{ext}' if ext else kind})")
    elif kind in {Kind.LNK, Kind.SHORTCUT} or ext in names.SHORTCUT:
        yield Finding(
            "attachment.shortcut", f"is a shortcut, which opens something else ({f'.{ext}' if ext else kind})"
        )
    if kind in DISK_KINDS or ext in names.DISK:
        yield Finding("attachment.image", f"is the image of a disk ({f'.{ext}' if ext else kind})")


# Extensions of programs that other things share: `.bin`, `.out`, `.app`, `.run`, `.pkg`, and `.com` at the end of a site's name.
_WEAK: Final = frozenset("bin out app run pkg com sys class application".split())
_WEB_LINKS: Final = frozenset({"url", "webloc", "website"})
"""Extensions of links to web pages: no worse than a link in the text, unless they lead elsewhere, which the inspector tells."""

_PASSING: Final[dict[Kind, str]] = {
    **_EXECUTABLES,
    Kind.LNK: "a shortcut",
    Kind.ONENOTE: "a OneNote section",
    **dict.fromkeys(DISK_KINDS, "the image of a disk"),
}
