"""One header field, and cutting a block of bytes into fields."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

# RFC 5322 2.2: printable US-ASCII but the colon. Tolerated beyond it, because MTAs hand it on: 8-bit bytes in the name
# and white space before the colon ("From :").
_FIELD: Final = re.compile(rb"([\x21-\x39\x3b-\x7e\x80-\xff]{1,1000}[ \t]{0,64}):")


@dataclass(frozen=True, slots=True)
class Header:
    """A field as received: `name` before the colon, `value` after it, leading space and CRLF folding included."""

    name: bytes
    value: bytes

    @property
    def key(self) -> bytes:
        """The name for comparison: lower case, without white space before the colon."""
        return self.name.rstrip(b" \t").lower()

    @property
    def line(self) -> bytes:
        """The field as it stood on the wire, final CRLF included."""
        return b"%b:%b\r\n" % (self.name, self.value)


def split_fields(
    data: bytes, start: int, end: int, max_fields: int, max_bytes: int, late: Callable[[Header], None] | None = None
) -> tuple[list[Header], int, bool]:
    """Cut `data[start:end]` into header fields up to the empty line.

    Gives the fields, the offset where the body begins, and whether a limit dropped any; `late` is told each that was. A line that
    is neither a field nor a continuation ends the header there and belongs to the body, as Postfix has it. Lines end in LF or
    CRLF.
    """
    fields: list[Header] = []
    keep: Callable[[Header], None] | None = fields.append
    name, value_start, kept_end = b"", 0, 0
    position, dropped = start, False

    def close() -> None:
        if name and keep is not None:
            keep(Header(name, data[value_start:kept_end]))

    while position < end:
        newline = data.find(b"\n", position, end)
        line_end = end if newline < 0 else newline
        following = end if newline < 0 else newline + 1
        if line_end > position and data[line_end - 1] == 0x0D:
            line_end -= 1
        if line_end == position:
            position = following
            break
        if data[position] in b" \t" and (name or dropped):
            if keep is late or line_end - start <= max_bytes:
                kept_end = line_end
            else:
                dropped = True
        else:
            match = _FIELD.match(data, position, line_end)
            if match is None:
                break
            close()
            over = len(fields) >= max_fields or line_end - start > max_bytes
            keep, dropped = late if over else fields.append, dropped or over
            name, value_start, kept_end = match[1], match.end(), line_end
        position = following
    close()
    return fields, position, dropped
