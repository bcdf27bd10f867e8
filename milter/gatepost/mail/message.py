"""A message as bytes: header fields as received, folding included, and a body.

Decoded views (text of a header, the MIME tree) are derived when asked for, once, and kept. The bytes never change.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import Final

from gatepost.mail import limits
from gatepost.mail.charset import header_text
from gatepost.mail.header import Header, split_fields
from gatepost.mail.late import Late
from gatepost.mail.links import domains
from gatepost.mail.mime import Mime, parse_mime
from gatepost.mail.shingles import bands

MBOX_LINE: Final = re.compile(rb"From (?![ \t]{0,64}:)")
"""How a message begins in an mbox (RFC 4155). `From : a@b.example` is a header field, and a trick."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What a reader sees of the message itself: its visible text, and where its links lead."""

    text: str = ""
    urls: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Inner:
    """Something that a check laid open inside a message, for the checks that run after it.

    `source` says for people where it was found (`invoice.zip > scan.pdf`). `content` is what no other reading of the message
    shows (a decrypted file), `text` what a person would read in it, `urls` where it links to, `sha256` (lower-case hex) which
    file it is; each may be empty.
    """

    source: str
    content: bytes = b""
    text: str = ""
    urls: tuple[str, ...] = ()
    sha256: str = ""


@dataclass(slots=True)
class _Views:
    """What was derived from a message so far."""

    mime: Mime | None = None
    index: dict[bytes, tuple[Header, ...]] | None = None
    inner: tuple[Inner, ...] = ()
    shown: Shown = field(default_factory=Shown)
    bands: tuple[str, ...] | None = None
    link_domains: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """Header fields and body, bytes as received with CRLF line ends.

    `truncated` says that a limit cut the header or the body, so that nothing signed over the whole can be verified. `passed` are
    the names of the fields behind the last one kept that may have to be removed (mail.forgeable), top first.
    """

    headers: tuple[Header, ...]
    body: bytes = b""
    truncated: bool = False
    passed: tuple[bytes, ...] = ()
    _views: _Views = field(default_factory=_Views, repr=False, compare=False)

    def every(self, name: bytes) -> tuple[Header, ...]:
        """Give all fields of a name (lower case), top first; a name with white space before its colon counts too."""
        if self._views.index is None:
            index: dict[bytes, list[Header]] = {}
            for header in self.headers:
                index.setdefault(header.key, []).append(header)
            self._views.index = {key: tuple(found) for key, found in index.items()}
        return self._views.index.get(name, ())

    def text(self, name: bytes) -> str:
        """Give the topmost field of a name (lower case) decoded for reading, or ""."""
        found = self.every(name)
        return header_text(found[0].value) if found else ""

    @property
    def mime(self) -> Mime:
        """The MIME tree, parsed at first use."""
        if self._views.mime is None:
            self._views.mime = parse_mime(self.headers, self.body)
        return self._views.mime

    @property
    def inner(self) -> tuple[Inner, ...]:
        """What checks have laid open so far."""
        return self._views.inner

    def lay_open(self, found: tuple[Inner, ...]) -> None:
        """Hand something on to the checks that come after; whoever calls keeps to the limits on what it opens."""
        self._views.inner += found
        self._views.link_domains = None

    @property
    def shown(self) -> Shown:
        """What a reader sees, empty before a check has read it."""
        return self._views.shown

    def show(self, shown: Shown) -> None:
        """Hand what a reader sees on to the checks that come after; whoever calls keeps to the limits on text and links."""
        self._views.shown = shown
        self._views.bands = self._views.link_domains = None

    @property
    def bands(self) -> tuple[str, ...]:
        """The near-duplicate digests of the visible text (mail.shingles); none before that is read, or where it is short."""
        if self._views.bands is None:
            self._views.bands = bands(self._views.shown.text)
        return self._views.bands

    @property
    def link_domains(self) -> tuple[str, ...]:
        """The registrable domains that links lead to, each once, the message's own before its files'; limits.REPUTATION_LINKS of them."""
        if self._views.link_domains is None:
            found = chain(self._views.shown.urls, *(each.urls for each in self._views.inner))
            self._views.link_domains = domains(found)
        return self._views.link_domains

    @property
    def file_digests(self) -> tuple[str, ...]:
        """The SHA-256 of each file laid open, each once; limits.REPUTATION_FILES of them."""
        found = dict.fromkeys(each.sha256 for each in self._views.inner if each.sha256)
        return tuple(found)[: limits.REPUTATION_FILES]

    def chunks(self) -> Iterator[bytes]:
        """Give the wire form piece by piece: the header block, the empty line, the body."""
        yield b"".join(header.line for header in self.headers)
        yield b"\r\n"
        yield self.body

    def raw(self) -> bytes:
        """Give the wire form, CRLF line ends, as the MTA would send it."""
        return b"".join(self.chunks())


def from_bytes(data: bytes, *, cut: bool = False) -> Message:
    """Read a stored message (a file, not an SMTP stream) into a Message; never raises.

    Takes any bytes. Bare LF line ends, as files have them, become CRLF unless the first line already ends in CRLF, in
    which case the bytes are taken as they are. `cut` says that the caller already shortened the data. Past
    limits.MESSAGE_BYTES the rest is dropped and the message is marked truncated; of fields past the limits as much is known as
    of those that come by SMTP.
    """
    cut = cut or len(data) > limits.MESSAGE_BYTES
    data = data[: limits.MESSAGE_BYTES]
    first = data.find(b"\n", 0, 8192)
    if first < 1 or data[first - 1] != 0x0D:
        data = data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    if data[:6] == b">From " or MBOX_LINE.match(data):
        data = data[data.find(b"\n") + 1 :]
    late = Late()
    fields, start, dropped = split_fields(data, 0, len(data), limits.HEADER_FIELDS, limits.HEADER_BYTES, late.take)
    return Message((*fields, *late.authors), data[start:], truncated=cut or dropped, passed=tuple(late.passed))
