"""Near-duplicate digests of text: messages that say almost the same share some of their band keys.

A text is the set of its runs of three words (shingles). MinHash (Broder, "On the resemblance and containment of documents",
1997) keeps the smallest value of each of twelve hash functions over that set; two texts agree in one of them with a
probability of their resemblance (shared shingles by all shingles). Three of them make a band, and a band's digest is equal
only where all three are: two texts of resemblance 0.9 share at least two of four bands in 94 of 100 cases, of 0.8 in 70, of
0.5 in 8, of 0.3 in less than one (locality-sensitive hashing; Leskovec et al., "Mining of Massive Datasets", 3.4).

Only words of letters count, in lower case: digits, links and punctuation are what differs from copy to copy.
"""

from __future__ import annotations

import hashlib
import re
from typing import Final
from zlib import crc32

import numpy as np

from gatepost.mail import limits

BANDS: Final = 4
"""Digests of one text."""

AGREEING: Final = 2
"""Bands that two texts must share to be called nearly the same."""

_ROWS: Final = 3
_LEAST_WORDS: Final = 12
_LINK: Final = re.compile(r"[hw](?:ttps?://|ww\.)\S{1,2000}")
_LONGEST: Final = 40
"""Letters of a word; a longer run is cut into such."""

_WORD: Final = re.compile(rf"[^\W\d_]{{2,{_LONGEST}}}")
_LETTERS: Final = bytes(code if ord("a") <= code <= ord("z") else ord(" ") for code in range(256))
# Fixed for ever: digests of today are compared with those of last month, and with those of other hosts.
_FACTORS, _TERMS = np.frombuffer(hashlib.shake_128(b"gatepost shingles").digest(2 * BANDS * _ROWS * 8), "<u8").reshape(
    2, BANDS * _ROWS, 1
) | np.uint64(1)
_MIX: Final = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F), np.uint64(0x165667B19E3779F9))
_HIGH: Final = np.uint64(32)


def bands(text: str) -> tuple[str, ...]:
    """Give the band digests of a text (16 hexadecimal digits each), or none for one that is too short to be told by them.

    Reads limits.SHINGLE_CHARACTERS of the text and limits.SHINGLE_WORDS of its words; never raises. The same text gives the
    same digests in every process and on every host.
    """
    text = text[: limits.SHINGLE_CHARACTERS].lower()
    if "://" in text or "www." in text:
        text = _LINK.sub(" ", text)
    words = _words(text)[: limits.SHINGLE_WORDS]
    if len(set(words)) < _LEAST_WORDS:
        return ()
    each = np.fromiter(map(crc32, words), np.uint64, len(words))
    shingles = each[:-2] * _MIX[0] + each[1:-1] * _MIX[1] + each[2:] * _MIX[2]
    # Multiply-shift hashing (Dietzfelbinger et al., 1997), after folding so that the high half is mixed as well.
    mixed = shingles ^ (shingles >> _HIGH)
    rows = ((mixed * _FACTORS + _TERMS).min(axis=1) >> _HIGH).reshape(BANDS, _ROWS)
    digests = rows[:, 0] * _MIX[0] + rows[:, 1] * _MIX[1] + rows[:, 2] * _MIX[2]
    return tuple(f"{int(digest):016x}" for digest in digests)


def _words(text: str) -> list[bytes]:
    """Give the words of a lower-case text, as UTF-8."""
    if not text.isascii():
        return "\n".join(_WORD.findall(text)).encode("utf-8", "replace").split(b"\n")
    # The same in one pass; an expression takes five times as long.
    runs = text.encode().translate(_LETTERS).split()
    if max(map(len, runs), default=0) > _LONGEST:
        runs = [run[at : at + _LONGEST] for run in runs for at in range(0, len(run), _LONGEST)]
    return [run for run in runs if len(run) > 1]
