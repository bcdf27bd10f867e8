"""What the readers of archives give: one file inside, or what kept it closed."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from gatepost.checks.attachments.item import Finding
from gatepost.checks.attachments.obstacles import obstacle

NAME_CHARACTERS: Final = 255
"""Characters kept of a name inside an archive (file systems allow 255 bytes); a longer one loses its middle, never its end,
which is what a system goes by."""

_OUTSIDE: Final = re.compile(r"(?:^|[/\\])\.\.(?:[/\\]|$)|^[/\\]|^[A-Za-z]:")


@dataclass(frozen=True, slots=True)
class Entry:
    """One file inside an archive.

    `content` is None where it stays closed; then `findings` say why. `size` is the unpacked size in bytes, as the archive says
    where the content is closed. `unseen` says that the virus scanner, given the archive, would not see this content.
    """

    name: str
    content: bytes | None = field(repr=False)
    size: int
    findings: tuple[Finding, ...] = ()
    unseen: bool = False


@dataclass(frozen=True, slots=True)
class Listing:
    """The files of an archive by name alone, given before the first of them is read, where the archive has a list of them.

    They are told when the reading ends before them: a slow or damaged file must not hide the names of those behind it.
    """

    entries: tuple[Entry, ...]


def clean_name(name: str | bytes | None) -> str:
    """Give a name inside an archive as text of bounded length. Takes what the archive says: bytes are UTF-8 or code page 437."""
    if name is None:
        return ""
    text = name if isinstance(name, str) else _decoded(name)
    if len(text) > NAME_CHARACTERS:
        text = text[: NAME_CHARACTERS // 2] + "…" + text[-NAME_CHARACTERS // 2 + 1 :]
    return text


def _decoded(name: bytes) -> str:
    try:
        return name.decode("utf-8")
    except UnicodeDecodeError:
        return name.decode("cp437")  # APPNOTE appendix D


def name_findings(name: str) -> tuple[Finding, ...]:
    """Say what is wrong with where a name would put its file."""
    if _OUTSIDE.search(name):
        return (obstacle("traversal", "names a place outside of the folder that its archive is unpacked in"),)
    return ()
