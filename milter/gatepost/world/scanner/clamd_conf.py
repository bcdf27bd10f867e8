"""What clamd's own config file says about its limits (clamd.conf(5)).

clamd has no command that tells them. Two of them matter more than others: a file beyond MaxFileSize, or what comes after
MaxScanSize, is not read, and the answer is OK all the same unless AlertExceedsMax is set.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gatepost.world.scanner.settings import parse_address

CONF_BYTES: Final = 256 * 1024
"""Bytes read of the file (Debian's has 2 kB). The rest is not read."""

UNLIMITED: Final = 1 << 62

_SIZE: Final = re.compile(r"(\d{1,15})([KkMm]?)")
_UNITS: Final = {"": 1, "k": 1024, "m": 1024 * 1024}
_YES: Final = frozenset({"yes", "true", "1"})
# The defaults of ClamAV 1.4 where the file is silent.
_STREAM, _FILE, _WHOLE = 100 * 1024 * 1024, 100 * 1024 * 1024, 400 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class ClamdConf:
    """The limits in one clamd.conf, in bytes: of a stream, of a file, of all that is unpacked from it; and whether it tells."""

    path: str
    stream: int
    file: int
    whole: int
    tells: bool

    @property
    def unread_beyond(self) -> int:
        """Bytes of a stream beyond which clamd says OK without having read it all."""
        return UNLIMITED if self.tells else min(self.file, self.whole)


def read_conf(path: str, addresses: Sequence[str]) -> ClamdConf | None:
    """Read a clamd.conf if it is the config of the one clamd that is asked; None if it is not, or cannot be read.

    Takes its path ("": none) and the addresses of [virus] clamd. Never raises.
    """
    if not path or len(addresses) != 1:
        return None
    try:
        with Path(path).open(encoding="utf-8", errors="replace") as stream:
            options = _options(stream.read(CONF_BYTES))
    except (OSError, ValueError):
        return None
    if not _is_of(options, addresses[0]):
        return None
    return ClamdConf(
        path,
        _bytes(options.get("StreamMaxLength", ""), _STREAM),
        _bytes(options.get("MaxFileSize", ""), _FILE),
        _bytes(options.get("MaxScanSize", ""), _WHOLE),
        options.get("AlertExceedsMax", "").lower() in _YES,
    )


def _options(text: str) -> dict[str, str]:
    """Give the options; a line is a name and a value, the last one of a name counts."""
    lines = (line.split(None, 1) for line in text.splitlines() if not line.lstrip().startswith("#"))
    return {words[0]: words[1].strip() if len(words) > 1 else "" for words in lines if words}


def _is_of(options: Mapping[str, str], address: str) -> bool:
    """Say whether the clamd of this file listens at an address of ours."""
    place = parse_address(address)
    if isinstance(place, str):
        return options.get("LocalSocket") == place
    local = options.get("TCPAddr", "localhost") in {place[0], "localhost", "0.0.0.0", "::"}
    return options.get("TCPSocket") == str(place[1]) and local and place[0] in {"localhost", "127.0.0.1", "::1"}


def _bytes(text: str, default: int) -> int:
    """Read `25M`, `100k` or `1024`; 0 stands for no limit."""
    found = _SIZE.fullmatch(text)
    if found is None:
        return default
    return int(found[1]) * _UNITS[found[2].lower()] or UNLIMITED
