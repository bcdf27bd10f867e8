"""What is known about one file: the words that the members of this family share."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is remarkable about a file: a code of this family (`attachment.macro`), and a sentence for people."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Member:
    """A file that was found inside another one: its name there ("" where it has none), and its content.

    `unseen` says that the virus scanner, given the file around it, would not see this content.
    """

    name: str
    content: bytes = field(repr=False)
    unseen: bool = False


@dataclass(frozen=True, slots=True)
class Inspection:
    """What looking into one file gave: findings, text that a person would read in it, links, and files inside it.

    A file inside is opened in its turn, under the bounds of the whole message.
    """

    findings: tuple[Finding, ...] = ()
    text: str = ""
    urls: tuple[str, ...] = ()
    members: tuple[Member, ...] = ()


@dataclass(frozen=True, slots=True)
class Item:
    """One file of a message, attached or inside something attached.

    `part` counts the MIME parts from 1. `path` holds the names from the attachment down to this file. `declared` is the
    content type that the MIME part declares, "" inside of archives. `kind` is what the bytes are (kinds.py), `size` in bytes,
    `sha256` in lower-case hex. `other_names` are what else clients and systems may call it.
    """

    part: int
    path: tuple[str, ...]
    declared: str
    kind: str
    size: int
    sha256: str
    findings: tuple[Finding, ...] = ()
    other_names: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The file's own name."""
        return self.path[-1] if self.path else ""
