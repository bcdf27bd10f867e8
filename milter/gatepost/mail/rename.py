"""Give a part of a message a harmless file name, by rewriting the fields of its header that name it (RFC 2183, RFC 2045).

Only the header block of the part changes; its content stays byte for byte. Signatures over the body break, as they do with
every change to it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from gatepost.mail import file_limits
from gatepost.mail.message import Message
from gatepost.mail.mime import Part

SUFFIX: Final = ".blocked"
_NAMING: Final = frozenset(
    {b"content-type", b"content-disposition", b"content-description", b"content-id", b"content-location"}
)
_QUOTABLE: Final = re.compile(r"[^\x20-\x7e]|[\"\\]")


@dataclass(frozen=True, slots=True)
class Renamed:
    """A message's parts after renaming: the new body (None: unchanged), and top fields to take out and to put in."""

    body: bytes | None
    removed: tuple[str, ...] = ()
    added: tuple[tuple[str, str], ...] = ()


def renamable(message: Message, number: int) -> bool:
    """Say whether part `number` (from 1) can be renamed: its header block stands in the message as it was received."""
    if message.truncated or not 0 < number <= len(message.mime.parts):
        return False
    part = message.mime.parts[number - 1]
    return not part.container and (number == 1 or _stands_as_received(message, part))


def rename(message: Message, numbers: Iterable[int]) -> Renamed:
    """Give the parts `numbers` names that nothing opens. Parts that are not renamable stay as they are."""
    body = message.body
    top: tuple[tuple[str, str], ...] = ()
    # From the end on, so that what is still to be replaced stays where it stands.
    for number in sorted(set(numbers), reverse=True):
        if not renamable(message, number):
            continue
        part = message.mime.parts[number - 1]
        if number == 1:
            top = tuple(_fields(part))
            continue
        kept = b"".join(header.line for header in part.headers if header.key not in _NAMING)
        named = b"".join(f"{name}: {value}\r\n".encode("ascii") for name, value in _fields(part))
        begin = part.region[1]
        body = body[:begin] + named + kept + body[begin + len(_block(part)) :]
    removed = tuple(name for name in ("Content-Type", "Content-Disposition") if top)
    return Renamed(None if body == message.body else body, removed, top)


def _stands_as_received(message: Message, part: Part) -> bool:
    """Say whether all of a part's header stands in the body itself: not in an encoded message, and nothing of it passed over."""
    source, begin, start, _ = part.region
    return (
        source is message.body
        and bool(part.headers)
        and message.body[begin:start] in {_block(part), _block(part) + b"\r\n"}
    )


def _block(part: Part) -> bytes:
    """Give a part's header block as it was received."""
    return b"".join(header.line for header in part.headers)


def _fields(part: Part) -> Iterable[tuple[str, str]]:
    """Give the fields that name a part anew; RFC 2231 for a name that is not plain ASCII."""
    name = " ".join((part.filename or "attachment").split())[: file_limits.NAME_CHARACTERS]
    plain = _QUOTABLE.sub("_", name)[:200] + SUFFIX
    yield "Content-Type", f'application/octet-stream; name="{plain}"'
    extended = f"; filename*=utf-8''{quote(name[:200] + SUFFIX, safe='')}" if plain != name + SUFFIX else ""
    yield "Content-Disposition", f'attachment; filename="{plain}"{extended}'
