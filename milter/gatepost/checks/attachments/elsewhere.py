"""Targets on other computers: what a document fetches or opens from there comes without the mark of coming from outside."""

from __future__ import annotations

import re
from typing import Final

_SHARE: Final = re.compile(r"[\\/]{2}|(?:file|smb):(?://[^/\\]|[\\/]{4}|///?\\\\|\\\\)", re.IGNORECASE)
_FETCHED: Final = re.compile(r"(?:https?|ftp|mhtml|ms-[a-z]{1,20}|search-ms):", re.IGNORECASE)

_HOST: Final = re.compile(r"(?:file:|smb:)?[\\/]{2,5}([^\\/?#]{1,253})", re.IGNORECASE)
_OWN: Final = re.compile(
    r"(?!\d+\Z|0x)[\w-]{1,63}\Z|[\w.-]{1,250}\.(?:local|lan|localdomain|internal|intern|intra|intranet|corp|home|private|home\.arpa)\Z",
    re.IGNORECASE,
)
"""Names that only the reader's own network could answer to: without a dot, or below what is no top-level domain (RFC 6762, 8375, ICANN)."""


def on_share(target: str) -> bool:
    """Say whether a target is a file on another computer, by UNC name or URL (RFC 8089, E.3); `file:///C:/` is not."""
    return bool(_SHARE.match(target.lstrip()))


def is_remote(target: str) -> bool:
    """Say whether a target is fetched from elsewhere: over the web, from a share, or by a program that does so."""
    return on_share(target) or bool(_FETCHED.match(target.lstrip()))


def in_own_network(target: str) -> bool:
    """Say whether a target is on a share that nobody outside can offer: what documents of companies name for their templates."""
    host = _HOST.match(target.strip())
    return on_share(target) and host is not None and _OWN.match(host[1]) is not None
