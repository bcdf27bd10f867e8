"""The MIME tree of a message, read the tolerant way mail clients read it (RFC 2045, 2046, 2183, 2231).

One pass per nesting level over the bytes with `bytes.find`, no recursion, no regex over bodies: cost is bounded by
limits.MIME_DEPTH times the size. Parts hold offsets, not copies. What is odd is named in `defects`, never raised.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from gatepost.mail import limits
from gatepost.mail.decode import transfer
from gatepost.mail.header import Header, split_fields
from gatepost.mail.parameters import any_name, every_name, first_value, is_cut, parse_disposition, parse_type

_BEFORE_HEADER_BYTES: Final = 256
_MESSAGES: Final = frozenset({"message/rfc822", "message/global", "message/news"})
"""The types that hold a whole message (RFC 2046 5.2.1, RFC 6532 3.7, RFC 5537 4.2)."""


@dataclass(slots=True)
class Allowance:
    """What may still be spent on one message: decoded bytes given out, and bytes of its parts' header blocks read.

    `cut` says that a payload came back shorter than it is.
    """

    left: int = limits.DECODED_BYTES
    headers: int = limits.PARTS_HEADER_BYTES
    cut: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """One node of the tree: a multipart or message/rfc822 (`container`) or a leaf with content.

    `content_type` is lower case and defaulted as RFC 2045 5.2 says; `encoding` is the lower-case transfer encoding;
    `filename` is decoded (RFC 2231, RFC 2047) or ""; `depth` is 0 for the message itself; `boundary` is b"" but for a multipart.
    """

    content_type: str
    charset: str
    encoding: str
    disposition: str
    filename: str
    depth: int
    container: bool
    headers: tuple[Header, ...]
    _source: bytes = field(repr=False)
    _start: int = field(repr=False)
    _end: int = field(repr=False)
    _allowance: Allowance = field(repr=False, compare=False)
    boundary: bytes = b""
    _begin: int = field(default=-1, repr=False)
    _decoded: list[bytes] = field(default_factory=list, repr=False, compare=False)
    _names: list[tuple[str, ...]] = field(default_factory=list, repr=False, compare=False)

    @property
    def other_names(self) -> tuple[str, ...]:
        """What else clients may call the file, where its fields name it more than once."""
        return tuple(name for name in self._every_name()[: limits.FILE_NAMES] if name != self.filename)

    @property
    def names_cut(self) -> bool:
        """Whether its fields are longer, or hold more parameters or names, than is read."""
        return is_cut(self.headers, self._every_name)

    def _every_name(self) -> tuple[str, ...]:
        """Give every name that its fields hold, read once: several checks ask, and there may be hundreds of parameters."""
        if not self._names:
            self._names.append(every_name(self.headers))
        return self._names[0]

    @property
    def block(self) -> bytes:
        """The header block as it stands in the body, the line that ends it included; b"" for the message itself."""
        return self._source[self._begin : self._start] if self._begin >= 0 else b""

    @property
    def region(self) -> tuple[bytes, int, int, int]:
        """Where the entity stands: the bytes it is part of, and in them where its header, its content and it itself ends."""
        return self._source, self._begin, self._start, self._end

    @property
    def raw(self) -> bytes:
        """The content as transferred, before the transfer encoding is undone."""
        return self._source[self._start : self._end]

    @property
    def size(self) -> int:
        """Bytes of the content as transferred."""
        return self._end - self._start

    def payload(self, limit: int | None = None) -> bytes:
        """Give the decoded content, cut at `limit` bytes; never raises.

        The first call that reads all of it is remembered. All calls of one message share limits.DECODED_BYTES.
        """
        if not self._decoded:
            # 4 base64 characters or 3 quoted-printable ones at most carry one byte; line ends come on top.
            end = self._end if limit is None else min(self._end, self._start + 4 * limit)
            if limit is not None and end < self._end:
                return self._decode(self._source[self._start : end], limit)
            decoded = self._decode(self.raw, self._allowance.left)
            self._allowance.left -= len(decoded)
            self._decoded.append(decoded)
        return self._decoded[0] if limit is None else self._decoded[0][:limit]

    def _decode(self, raw: bytes, most: int) -> bytes:
        """Decode what stands in the part, no more of it than is left of the allowance: an encoding may blow up a thousandfold."""
        left = self._allowance.left
        decoded = transfer.decode(raw, self.encoding, min(most, left) + 1) if left else b""
        self._allowance.cut |= len(decoded) > left or (not left and bool(raw))
        return decoded[: min(most, left)]


@dataclass(frozen=True, slots=True)
class Mime:
    """All parts in reading order, containers included, and what was odd about the structure."""

    parts: tuple[Part, ...]
    defects: frozenset[str]
    derived: dict[type, object] = field(default_factory=dict, repr=False, compare=False)
    """What other modules made of the tree, by its type, so that it is made once."""

    @property
    def exhausted(self) -> bool:
        """Whether limits.DECODED_BYTES did not suffice, so that a payload came back cut."""
        return any(part._allowance.cut for part in self.parts[:1])  # noqa: SLF001  the same module

    def leaves(self) -> Iterator[Part]:
        """Give the parts that carry content, in reading order."""
        return (part for part in self.parts if not part.container)


@dataclass(frozen=True, slots=True)
class _Region:
    """A stretch of bytes still to be read as one entity. `headers` None: its header block stands at its start."""

    source: bytes
    start: int
    end: int
    depth: int
    default_type: str
    headers: tuple[Header, ...] | None = None


def parse_mime(headers: tuple[Header, ...], body: bytes, allowance: Allowance | None = None) -> Mime:
    """Read the MIME structure of a message; never raises.

    Takes the message's own fields and body bytes, and an allowance that is shared with other trees, if any. Past a limit what remains stays one closed leaf and a defect says so.
    """
    defects: set[str] = set()
    allowance = allowance or Allowance()
    parts: list[Part] = []
    pending = [_Region(body, 0, len(body), 0, "text/plain", headers)]
    while pending:
        region = pending.pop()
        if len(parts) >= limits.MIME_PARTS:
            defects.add("parts-limit")
            break
        part = _entity(region, allowance, defects)
        inside = _children(part, defects) if part.container else []
        # A multipart without any delimiter opens into nothing: it stays a leaf, so that what it holds is still looked at.
        parts.append(part if inside or not part.container else replace(part, container=False))
        pending.extend(reversed(inside))
    return Mime(tuple(parts), frozenset(defects))


def _entity(region: _Region, allowance: Allowance, defects: set[str]) -> Part:
    """Read one entity's header and say whether it opens into further parts."""
    headers, start = region.headers, region.start
    if headers is None:
        most = min(limits.PART_HEADER_BYTES, allowance.headers)
        fields, start, dropped = split_fields(region.source, region.start, region.end, limits.PART_HEADER_FIELDS, most)
        headers = tuple(fields)
        allowance.headers -= min(most, start - region.start)
        if dropped:
            defects.add("part-header-limit")
    content_type, parameters = parse_type(_only(headers, b"content-type", defects), region.default_type)
    encoding = first_value(_only(headers, b"content-transfer-encoding", defects))
    disposition, disposed = parse_disposition(_only(headers, b"content-disposition", defects))
    boundary = parameters.get("boundary", "").encode("utf-8", "surrogateescape")[: limits.BOUNDARY_BYTES + 1]
    multipart = content_type.startswith("multipart/")
    if multipart and not 0 < len(boundary) <= limits.BOUNDARY_BYTES:
        defects.add("no-boundary")
        multipart = False
    container = multipart or content_type in _MESSAGES
    if container and region.depth >= limits.MIME_DEPTH:
        defects.add("depth-limit")
        container = False
    return Part(
        content_type=content_type,
        charset=parameters.get("charset", ""),
        encoding=encoding,
        disposition=disposition,
        filename=disposed.get("filename", "") or parameters.get("name", "") or any_name(headers),
        depth=region.depth,
        container=container,
        headers=headers,
        _source=region.source,
        _start=start,
        _end=region.end,
        _allowance=allowance,
        boundary=boundary if multipart and container else b"",
        _begin=-1 if region.headers is not None else region.start,
    )


def _only(headers: tuple[Header, ...], key: bytes, defects: set[str]) -> bytes:
    """Give the first field of a name; a second one is a defect, because clients differ in which they take."""
    found = [header.value for header in headers if header.key == key]
    if len(found) > 1:
        defects.add(f"duplicate-{key.decode()}")
    return found[0] if found else b""


def _children(part: Part, defects: set[str]) -> list[_Region]:
    """Give the regions a container opens into."""
    depth = part.depth + 1
    if part.boundary:
        default = "message/rfc822" if part.content_type == "multipart/digest" else "text/plain"
        return [
            _Region(part._source, start, end, depth, default)  # noqa: SLF001
            for start, end in _split(part._source, part._start, part._end, part.boundary, defects)  # noqa: SLF001
        ]
    if part.encoding in transfer.PLAIN or not transfer.begins_as(part.raw, part.encoding):
        start = _first_field(part._source, part._start, part._end)  # noqa: SLF001
        return [_Region(part._source, start, part._end, depth, "text/plain")]  # noqa: SLF001
    # RFC 2046 5.2.1 forbids encoding a message/rfc822; mailers do it and clients open it.
    decoded = part.payload()
    return [_Region(decoded, 0, len(decoded), depth, "text/plain")]


def _first_field(source: bytes, start: int, end: int) -> int:
    """Step over empty lines and an mbox line in front of an embedded message's header, as clients do.

    Gives `start` where no field follows: then the header is empty, and what stands there is text.
    """
    limit = min(end, start + _BEFORE_HEADER_BYTES)
    first = limit - len(source[start:limit].lstrip(b"\r\n"))
    if source.startswith((b"From ", b">From "), first, end):
        first = source.find(b"\n", first, limit) + 1 or first
    return first if split_fields(source, first, end, 1, limits.PART_HEADER_BYTES)[0] else start


def _split(source: bytes, start: int, end: int, boundary: bytes, defects: set[str]) -> list[tuple[int, int]]:
    """Find the body parts between delimiter lines (RFC 2046 5.1.1); gives their offsets.

    A missing close delimiter ends the last part at the region's end. Stops after limits.MIME_PARTS parts, and past
    limits.DELIMITERS lines that begin as a delimiter and are none.
    """
    delimiter = b"--" + boundary
    left = limits.DELIMITERS
    spans: list[tuple[int, int]] = []
    opened, position = -1, start
    while (found := _line_with(source, delimiter, position, end, first=position == start)) >= 0:
        position = found + len(delimiter)
        newline = source.find(b"\n", found, end)
        rest = source[position : min(end if newline < 0 else newline, position + 256)].rstrip(b" \t\r")
        if rest not in (b"", b"--"):
            left -= 1
            if left >= 0:
                continue
            defects.add("delimiter-limit")
            break
        position = end if newline < 0 else newline + 1
        if opened >= 0:
            spans.append((opened, _before_line_end(source, opened, found)))
        opened = -1 if rest == b"--" else position
        if rest == b"--" or len(spans) > limits.MIME_PARTS:
            return spans
    if opened >= 0:
        spans.append((opened, end))
    defects.add("no-close-delimiter" if spans else "no-delimiter")
    return spans


def _line_with(source: bytes, delimiter: bytes, position: int, end: int, *, first: bool) -> int:
    """Give the offset of the next line that begins with a delimiter, or -1; `first` says that a line begins at `position`.

    What stands within lines is passed over by the search itself: a line of a million delimiters costs one look.
    """
    if first and source.startswith(delimiter, position, end):
        return position
    found = source.find(b"\n" + delimiter, position if first else position - 1, end)
    return found + 1 if found >= 0 else -1


def _before_line_end(source: bytes, start: int, position: int) -> int:
    """Step back over the line end that belongs to the delimiter, not to the part (RFC 2046 5.1.1)."""
    if position > start and source[position - 1] == 0x0A:
        position -= 1
        if position > start and source[position - 1] == 0x0D:
            position -= 1
    return position
