"""Every content that a client may open in a message: what the virus scanner and the attachment check look at.

Where a MIME structure is well formed and an encoding is declared once and kept to, there is one reading, and only what does not
stand in the raw message already is given out. Where clients differ, each of their readings is: other trees (alternatives.py),
other decodings of a body (decode/), files within a text (uuencode, yEnc) or within a container (TNEF).

What the readings of a message differ in is `ambiguities()`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice, takewhile
from typing import Final

from gatepost.mail import limits
from gatepost.mail.alternatives import Alternative, alternatives
from gatepost.mail.decode import base64, legacy, tnef, transfer
from gatepost.mail.decode.unsure import Unsure
from gatepost.mail.message import Message
from gatepost.mail.mime import Mime, Part

_TRIMMED: Final = b" \t\r\n\0"
_SHOWN: Final = frozenset({"text", "message", "multipart"})
_LEGIBLE: Final = re.compile(r"text/|application/(?:json|xml|[a-z0-9.-]{1,60}\+(?:json|xml))\Z")
"""Types that are read as text, so that blemishes of their encoding change no file."""
# The subject of a message is its name, too: what stands behind its last dot is mostly no extension.
_OTHER_FILE: Final = re.compile(r"\.(?!(?:eml|mht|mhtml|mime)\Z)[^\s.]+[\s.]*\Z", re.IGNORECASE)
_NOISE_BYTES: Final = 3
_UNKNOWN: Final = "application/octet-stream"
_LIMIT: Final = "limit"
_PAST_LIMITS: Final[Mapping[str, str]] = {
    "parts-limit": f"it has more than {limits.MIME_PARTS:,} parts",
    "depth-limit": f"its parts are nested more than {limits.MIME_DEPTH} deep",
    "part-header-limit": "the header of a part is longer than is read",
    "delimiter-limit": f"it has more than {limits.DELIMITERS:,} lines that are nearly delimiters",
}
"""The defects that say that something was not opened, and what they mean."""
_ANYWHERE: Final = 0
"""The part number of what may stand in any part; parts count from 1."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One content that a part may be opened as.

    `part` counts the parts of the message from 1; `name` is its file name or ""; `declared` its lower-case content type.
    `other_names` are what else clients may call it.
    """

    part: int
    name: str
    declared: str
    data: bytes = field(repr=False)
    other_names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ambiguity:
    """Something that clients differ over, in what they deliver: `kind` for machines, `detail` for people."""

    kind: str
    detail: str


def readings(message: Message) -> Iterator[Reading]:
    """Give every content that a part of a message may be opened as, without repeats; the raw message is not among them.

    A content stands once for each part and name that it may be opened under; that of a named file may be empty.

    Those of a message up to limits.READINGS_KEPT_BYTES are made once and kept, because several checks go through them.
    """
    mime = message.mime
    if len(message.body) > limits.READINGS_KEPT_BYTES:
        return _distinct(mime)
    kept = mime.derived.get(Reading)
    if not isinstance(kept, tuple):
        kept = mime.derived[Reading] = tuple(_distinct(mime))
    return iter(kept)


def _distinct(mime: Mime) -> Iterator[Reading]:
    # Python's hash is seeded per process, so a sender cannot make two contents collide.
    seen: dict[int, set[tuple[int, str]]] = {}
    for part, reading in _all(mime):
        known = seen.setdefault(hash(reading.data), set())
        # One content under two names is two files: each name is judged, and that of an empty or cut file is, too.
        keys = {(part, name) for name in (reading.name, *reading.other_names) if name}
        if keys - known or (not keys and reading.data and not known):
            yield reading
        known |= keys | {(_ANYWHERE, name) for _, name in keys} | {(_ANYWHERE, "")}


def _all(mime: Mime) -> Iterator[tuple[int, Reading]]:
    """Give each reading with the part that it is told apart by: a file of another tree is new only if no part has it."""
    source, unsure, mending = mime.parts[0].region[0], Unsure(), legacy.Mending()
    for number, part in enumerate(mime.parts, start=1):
        # What stands in an encoded message does not stand in the raw one.
        for reading in _of_part(number, part, unsure, mending, odd=part.region[0] is not source):
            yield number, reading
    mending = legacy.Mending()
    for other in alternatives(mime).found:
        for part in other.mime.leaves():
            for reading in _of_part(other.part, part, unsure, mending, odd=True):
                yield _ANYWHERE, reading


def _of_part(number: int, part: Part, unsure: Unsure, mending: legacy.Mending, *, odd: bool) -> Iterator[Reading]:
    """Give the readings of one part: its content in each decoding, and the files within that."""
    other_names = part.other_names if part.filename else ()
    if part.container:
        # Its parts are read one by one. Whoever saves it under a name of another kind opens all of it as that.
        if any(_OTHER_FILE.search(name) for name in (part.filename, *other_names)):
            content = part.payload() if transfer.known(part.encoding) else part.raw
            yield Reading(number, part.filename, part.content_type, content, other_names)
        return
    for data in _contents(part, unsure, odd=odd):
        yield Reading(number, part.filename, part.content_type, data, other_names)
        yield from (Reading(number, file.name, _UNKNOWN, file.content) for file in tnef.opened(data).files)
    for embedded in legacy.embedded_files(part.payload(), mending):
        for file in (embedded, *tnef.opened(embedded.content).files):
            yield Reading(number, file.name, _UNKNOWN, file.content)


def _contents(part: Part, unsure: Unsure, *, odd: bool) -> Iterator[bytes]:
    """Give what a leaf decodes to, the usual way first; nothing for text that stands in the raw message as it is."""
    encoding = transfer.known(part.encoding)
    attached = is_file(part)
    usual = part.payload()
    if encoding or attached or odd:
        yield usual
    if encoding:
        # Text that all decode alike needs no second look; in a file even white space at the ends of lines may matter.
        if attached or odd or not transfer.is_clean(part.raw, encoding):
            yield from transfer.others(part.raw, encoding, usual, unsure)
    elif (attached or not part.content_type.startswith("text/")) and base64.looks_like(part.raw):
        # Not declared as base64, or declared in a way that nobody understands: some look at the content itself.
        guessed = transfer.decode(part.raw, "base64")
        yield guessed
        yield from base64.others(part.raw, guessed, unsure)
    elif attached and b"\0" in part.raw and b"\r\n" in part.raw:
        # Sent as bytes: the line ends are the transport's (RFC 5321 2.3.8), not the file's.
        yield part.raw.replace(b"\r\n", b"\n")


def is_file(part: Part) -> bool:
    """Say whether clients offer a leaf as a file, rather than showing it as text or as a structure."""
    kind, _, subtype = part.content_type.partition("/")
    return bool(part.filename) or part.disposition == "attachment" or kind not in _SHOWN or "script" in subtype


# --- what the readings differ in ----------------------------------------------------------------------------------------


def ambiguities(message: Message) -> tuple[Ambiguity, ...]:
    """Give what clients differ over in what they deliver: a file or a text that one shows and another does not, or other bytes.

    Empty for honest mail, sloppy or not. At most one for each cause.
    """
    mime = message.mime
    found: dict[tuple[str, str], None] = {}
    unsure = Unsure()
    for number, part in enumerate(mime.parts, start=1):
        if not part.container:
            found.update((each, None) for each in _in_content(number, part, unsure))
    other = alternatives(mime)
    if other.found:
        usual = _deliveries(mime.parts)
        for alternative in other.found:
            # What is not likely is decoded all the same: whether there was too much may not depend on who asks first.
            own = _deliveries(alternative.mime.parts)
            if alternative.likely and _delivers_else(alternative, own, mime, usual):
                found["structure", alternative.why] = None
    if other.cut:
        found[_LIMIT, "the message can be read in more ways than are tried"] = None
    found.update(((_LIMIT, detail), None) for defect, detail in _PAST_LIMITS.items() if defect in mime.defects)
    if unsure.cut:
        found[_LIMIT, "more of it is in a broken encoding than is decoded in every way"] = None
    if sum(legacy.odd_lines(part.payload()) for part in mime.leaves()) > limits.VIRUS_REPAIRS:
        found[_LIMIT, "it holds more damaged or short lines of uuencode than are decoded"] = None
    if mime.exhausted:
        found[_LIMIT, "its parts decode to more than is looked at"] = None
    return tuple(Ambiguity(kind, detail) for kind, detail in found)


def _in_content(number: int, part: Part, unsure: Unsure) -> Iterator[tuple[str, str]]:
    """Give the ambiguities within one leaf's content."""
    if part.content_type == "message/partial":
        yield (
            "fragment",
            f"part {number}: it is a fragment of a message (message/partial) that the reader's client puts together",
        )
    raw, encoding = part.raw, transfer.known(part.encoding)
    # What is left of the allowance is known when everything was decoded.
    content = part.payload()
    if legacy.has_more_files(content) or tnef.opened(content).cut:
        yield (
            _LIMIT,
            f"part {number}: it holds more than {limits.EMBEDDED_FILES} files, or is nested too deep to be opened",
        )
    if part.names_cut:
        yield _LIMIT, f"part {number}: it has more parameters or names than are read"
    if not encoding and legacy.is_fragment(raw):
        yield "fragment", f"part {number}: it holds a fragment of a file in yEnc that the reader's client puts together"
    legible = encoding == "quoted-printable" and _LEGIBLE.match(part.content_type) is not None
    if encoding and is_file(part) and not legible and not transfer.is_clean(raw, encoding):
        usual = content.rstrip(_TRIMMED)
        if not all(_alike(usual, data.rstrip(_TRIMMED)) for data in transfer.others(raw, encoding, content, unsure)):
            yield "content", f"part {number}: its {encoding} is broken, and is not decoded alike by all clients"


def _alike(one: bytes, other: bytes) -> bool:
    """Say whether two decodings are the same file but for a few bytes at its end."""
    size = min(len(one), len(other))
    return abs(len(one) - len(other)) <= _NOISE_BYTES and one[:size] == other[:size]


def _deliveries(parts: Iterable[Part]) -> dict[int, bool]:
    """Give what a tree delivers: the hash of each leaf's content, and whether it matters if a reader does not get it.

    Text that stands there legibly, in quoted-printable or not encoded at all, is read one way or another by everybody.
    """
    found: dict[int, bool] = {}
    for part in parts:
        if not part.container and (content := part.payload().strip(_TRIMMED)):
            matters = is_file(part) or transfer.known(part.encoding) not in {"", "quoted-printable"}
            found[hash(content)] = found.get(hash(content), False) or matters
    return found


def _delivers_else(alternative: Alternative, own: Mapping[int, bool], mime: Mime, usual: Mapping[int, bool]) -> bool:
    """Say whether a client that reads a part in another way gets what others do not, or does not get what others do."""
    index = alternative.part - 1
    depth = mime.parts[index].depth
    below = takewhile(lambda part: part.depth > depth, islice(mime.parts, index + 1, None))
    lost = _deliveries((mime.parts[index], *below))
    return any(matters and key not in usual for key, matters in own.items()) or any(
        matters and key not in own for key, matters in lost.items()
    )
