"""What the checks that come after shall see of the files inside a message, within bounds."""

from __future__ import annotations

from typing import Final

from gatepost.checks.attachments.item import Finding, Inspection
from gatepost.checks.attachments.obstacles import obstacle
from gatepost.mail import file_limits, limits
from gatepost.mail.message import Inner

_SOURCE_CHARACTERS: Final = 300


class Shown:
    """Collects, file by file, what is laid open."""

    def __init__(self) -> None:
        self._inner: list[Inner] = []
        self._text_left = file_limits.UNPACK_TEXT_CHARACTERS
        self._urls_left = limits.URLS
        self._bytes_left = file_limits.UNPACK_CONTENT_BYTES
        self._contents_left = limits.VIRUS_PARTS
        self._unscanned = ""

    def add(self, path: tuple[str, ...], sha256: str, content: bytes, inspection: Inspection) -> None:
        """Take one file: where it is, its hash, its content if no other reading of the message shows it, and what it says."""
        if content and (len(content) > self._bytes_left or not self._contents_left):
            self._unscanned = self._unscanned or _source(path)
            content = b""
        if len(self._inner) >= file_limits.UNPACK_SHOWN and not content:
            return
        if content:
            self._contents_left -= 1
            self._bytes_left -= len(content)
        text = inspection.text[: self._text_left]
        self._text_left -= len(text)
        urls = inspection.urls[: self._urls_left]
        self._urls_left -= len(urls)
        self._inner.append(Inner(_source(path), content, text, urls, sha256))

    def result(self) -> tuple[tuple[Inner, ...], tuple[Finding, ...]]:
        """Give what was collected, and the finding that something was left out which the virus scanner should have seen."""
        trouble = (obstacle("limit", f"holds more than is handed to the virus scanner, from {self._unscanned} on"),)
        return tuple(self._inner), trouble if self._unscanned else ()


def _source(path: tuple[str, ...]) -> str:
    source = " > ".join(path)
    return source if len(source) <= _SOURCE_CHARACTERS else "… " + source[-_SOURCE_CHARACTERS:]
