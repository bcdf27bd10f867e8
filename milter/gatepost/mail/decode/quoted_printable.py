"""Quoted-printable (RFC 2045 6.7), and the ways in which decoders differ over what is not quite that.

RFC 2045 leaves to the decoder what becomes of `=` before anything but two upper-case digits or a line end. Decoders keep it,
drop it alone, or drop it with the one or two characters behind it; they differ over lower-case digits, over white space
between `=` and the end of the line, and over a line end that is a bare CR.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable, Iterator
from typing import Final

from gatepost.mail import limits
from gatepost.mail.decode.unsure import Unsure

_ESCAPE: Final = re.compile(rb"=(?:[0-9A-F]{2}|\r?\n)")
_STRANGE: Final = re.compile(rb"=(?![0-9A-F]{2}|\r?\n|\Z)")
_SOFT_BREAK: Final = re.compile(rb"=[ \t]{0,200}(?:\r\n|\n|\r(?!\n))")
_INVALID: Final = re.compile(rb"=(?![0-9A-Fa-f]{2}|\r?\n|\Z)")
_INVALID_UPPER: Final = re.compile(rb"=(?![0-9A-F]{2}|\r?\n|\Z)")
_ONE_MORE: Final = re.compile(rb"=(?![0-9A-F]{2}|\r?\n|\Z)[^\r\n=]?")
_TWO_MORE: Final = re.compile(rb"=(?![0-9A-F]{2}|\r?\n|\Z)[^\r\n=]{0,2}")
_TWO_MORE_ANY_CASE: Final = re.compile(rb"=(?![0-9A-Fa-f]{2}|\r?\n|\Z)[^\r\n=]{0,2}")
# Each run is read once, from its beginning: begun anew at each of its characters it would cost its square.
_LINE_SPACE: Final = re.compile(rb"(?<![ \t])[ \t]++(?=\r?\n)")


def is_clean(raw: bytes) -> bool:
    """Say whether all decoders agree on a body: each `=` begins an escape in upper case or ends its line."""
    return _STRANGE.search(raw) is None


def looks_like(raw: bytes) -> bool:
    """Say whether a body holds anything that quoted-printable would undo."""
    return _ESCAPE.search(raw) is not None or _SOFT_BREAK.search(raw) is not None


def decode(raw: bytes) -> bytes:
    """Undo quoted-printable as most do: what is no escape stands as it is; never raises."""
    return binascii.a2b_qp(raw)


def others(raw: bytes, usual: bytes, unsure: Unsure) -> Iterator[bytes]:
    """Give what decoders make of a body beside the usual reading, each once; never raises. `unsure` is what the message has left."""
    seen = {hash(usual)}
    ways = _TAIL if is_clean(raw) else (*_WAYS, *_TAIL)
    if not unsure.take(len(raw)):
        ways = ways[:1]
    for way in ways:
        found = way(raw)
        if found and hash(found) not in seen:
            seen.add(hash(found))
            yield found


def _joined(raw: bytes) -> bytes:
    """Take out soft line breaks, those with white space behind `=` and those at a bare CR too."""
    return _SOFT_BREAK.sub(b"", raw, count=limits.VIRUS_REPAIRS)


def _then(pattern: re.Pattern[bytes]) -> Callable[[bytes], bytes]:
    return lambda raw: binascii.a2b_qp(pattern.sub(b"", _joined(raw), count=limits.VIRUS_REPAIRS))


def _without_line_space(raw: bytes) -> bytes:
    """Drop white space at the ends of lines, as RFC 2045 6.7 (3) asks; many decoders keep it."""
    return (
        binascii.a2b_qp(_LINE_SPACE.sub(b"", raw, count=limits.VIRUS_REPAIRS))
        if b" \r\n" in raw or b"\t\r\n" in raw or b" \n" in raw
        else b""
    )


def _over_two_lines(raw: bytes) -> bytes:
    """Take a soft line break of CR LF LF for one."""
    return binascii.a2b_qp(raw.replace(b"=\r\n\n", b"=\r\n")) if b"=\r\n\n" in raw else b""


_WAYS: Final[tuple[Callable[[bytes], bytes], ...]] = (
    lambda raw: binascii.a2b_qp(_joined(raw)),
    _then(_INVALID),
    _then(_INVALID_UPPER),
    _then(_ONE_MORE),
    _then(_TWO_MORE),
    _then(_TWO_MORE_ANY_CASE),
)
_TAIL: Final[tuple[Callable[[bytes], bytes], ...]] = (_without_line_space, _over_two_lines)
