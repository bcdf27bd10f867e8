"""Tag lists, `v=1; d=example.org; ...`: the syntax that DKIM signatures, DKIM keys and DMARC records share."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final

_NAME: Final = re.compile(rb"[A-Za-z][A-Za-z0-9_]{0,60}")
_NUMBER: Final = re.compile(rb"[0-9]{1,76}")
_FWS: Final = b" \t\r\n"


def parse_tags(value: bytes) -> dict[bytes, bytes] | None:
    """Read a tag list (RFC 6376 3.2) in one pass: names as written, values without the white space around them.

    None for a list that is invalid as a whole: a part without `=`, a name that is none, a name that comes twice.
    """
    tags: dict[bytes, bytes] = {}
    parts = value.split(b";")
    if not parts[-1].strip(_FWS):
        parts.pop()
    for part in parts:
        name, equals, text = part.partition(b"=")
        name = name.strip(_FWS)
        if not equals or name in tags or not _NAME.fullmatch(name):
            return None
        tags[name] = text.strip(_FWS)
    return tags


def without_space(value: bytes) -> bytes:
    """Remove folding white space from a value that may be folded anywhere, such as base64 (RFC 6376 2.4)."""
    return b"".join(value.split())


def colon_list(value: bytes) -> list[bytes]:
    """Split a colon-separated value; white space around each item is removed (RFC 6376 3.5)."""
    return [item.strip(_FWS) for item in value.split(b":")]


def read_number(value: bytes) -> int | None:
    """Read a decimal value; None for what is none."""
    return int(value) if _NUMBER.fullmatch(value) else None


def decode_base64(value: bytes) -> bytes | None:
    """Decode a base64 value (RFC 6376 2.10: white space anywhere, padding optional); None for what is none, or nothing."""
    text = without_space(value)
    try:
        return base64.b64decode(text + b"=" * (-len(text) % 4), validate=True) or None
    except binascii.Error:
        return None
