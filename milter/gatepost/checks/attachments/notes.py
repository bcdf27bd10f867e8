"""What an inspector writes down while it reads one file: bounded, so that no file decides how much is kept."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field
from typing import Final

from gatepost.checks.attachments.item import Finding, Inspection, Member
from gatepost.mail import file_limits, limits

_LINK: Final = re.compile(r"(?:https?|ftp)://[^\s<>\"'\x00-\x20)\]}\\^`|\x7f-\xa0]{3,2000}", re.IGNORECASE)
_TAG: Final = re.compile(r"<[^<>]{0,4000}>")
_UNSEEN: Final = re.compile(r"<(script|style|head|title|noscript)\b.*?(?:</\1\s*>|\Z)", re.IGNORECASE | re.DOTALL)


@dataclass(slots=True)
class Notes:
    """The findings, text, links and inner files of one file, in the order in which they were found.

    A code is kept once, with the first sentence that was found for it.
    """

    _findings: dict[str, Finding] = field(default_factory=dict)
    _texts: list[str] = field(default_factory=list)
    _urls: dict[str, None] = field(default_factory=dict)
    _members: list[Member] = field(default_factory=list)
    _text_left: int = file_limits.FILE_TEXT_CHARACTERS
    _bytes_left: int = file_limits.FILE_MEMBER_BYTES

    def find(self, word: str, detail: str) -> None:
        """Note a finding: the last word of its code (`macro`), and what is so, as a phrase that follows the file's name."""
        code = f"attachment.{word}"
        self._findings.setdefault(code, Finding(code, detail[: limits.DETAIL_CHARACTERS]))

    def found(self, word: str) -> bool:
        """Whether a code was found already."""
        return f"attachment.{word}" in self._findings

    def read(self, text: str) -> None:
        """Note text that a person would read, and the links that stand in it."""
        piece = text[: max(self._text_left, 0)].strip()
        if piece:
            self._text_left -= len(piece) + 1
            self._texts.append(piece)
        self.links_in(text[: file_limits.MARKUP_BYTES])

    def links_in(self, text: str) -> None:
        """Note the links that stand in a text which is not itself read (a script, the source of a page)."""
        if "://" in text:
            for match in _LINK.finditer(text):
                self.link(match[0].rstrip(".,;:!?"))
                if len(self._urls) >= limits.URLS:
                    return

    def link(self, url: str) -> None:
        """Note a link, once."""
        if len(self._urls) < limits.URLS and url:
            self._urls.setdefault(url[:2000], None)

    def hold(self, name: str, content: bytes, *, unseen: bool = False) -> None:
        """Note a file inside of this one, which is then opened in its turn; `unseen` as in Member."""
        if not content:
            return
        if len(self._members) >= file_limits.FILE_MEMBERS or len(content) > self._bytes_left:
            self.find("limit", "holds more files than are opened")
            return
        self._bytes_left -= len(content)
        self._members.append(Member(name[: file_limits.NAME_CHARACTERS], content, unseen))

    def done(self) -> Inspection:
        """Give what was written down."""
        findings = tuple(self._findings.values())
        return Inspection(findings, "\n".join(self._texts), tuple(self._urls), tuple(self._members))


def page_text(source: str) -> str:
    """Give the text of HTML or XML without its tags, scripts and styles; linear in the length, never raises."""
    return html.unescape(_TAG.sub(" ", _UNSEEN.sub(" ", source)))


def decoded(data: bytes) -> str:
    """Give a text file's content: UTF-16 by its byte order mark or first letter, else UTF-8, else Windows-1252; never raises."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    if data.startswith((b"<\0", b"\0<")):  # XML 1.0, F.1: known without a mark
        return data.decode("utf-16-le" if data[0] else "utf-16-be", "replace")
    try:
        return data.removeprefix(b"\xef\xbb\xbf").decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")
