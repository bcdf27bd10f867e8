"""Targets on other computers: what a document fetches or opens from there comes without the mark of coming from outside."""

from __future__ import annotations

import re
from typing import Final

_SHARE: Final = re.compile(r"[\\/]{2}|(?:file|smb):(?://[^/\\]|[\\/]{4}|///?\\\\|\\\\)", re.IGNORECASE)
_FETCHED: Final = re.compile(r"(?:https?|ftp|mhtml|ms-[a-z]{1,20}|search-ms):", re.IGNORECASE)


def on_share(target: str) -> bool:
    """Say whether a target is a file on another computer, by UNC name or URL (RFC 8089, E.3); `file:///C:/` is not."""
    return bool(_SHARE.match(target.lstrip()))


def is_remote(target: str) -> bool:
    """Say whether a target is fetched from elsewhere: over the web, from a share, or by a program that does so."""
    return on_share(target) or bool(_FETCHED.match(target.lstrip()))
