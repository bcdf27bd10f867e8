"""What clamd's own config file says about its limits and its reloads (clamd.conf(5)).

clamd has no command that tells them. Two limits matter more than others: a file beyond MaxFileSize, or what comes after
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

RELOAD_SECONDS: Final = 900.0
"""For so long after its database changed a silent clamd is taken to reload: SelfCheck (600 s) may pass before it begins."""

UNLIMITED: Final = 1 << 62

_SIZE: Final = re.compile(r"(\d{1,15})([KkMm]?)")
_UNITS: Final = {"": 1, "k": 1024, "m": 1024 * 1024}
_YES: Final = frozenset({"yes", "true", "1"})
# The defaults of ClamAV 1.4 where the file is silent.
_FILE, _WHOLE = 100 * 1024 * 1024, 400 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class ClamdConf:
    """What matters here of one clamd.conf.

    `file` and `whole` are its limits in bytes, of a file and of all that is unpacked from it; `tells` says whether clamd
    reports what it left out. `blocks` says whether a reload stops its answers, `database` is where its signatures are.
    """

    path: str
    file: int
    whole: int
    tells: bool
    blocks: bool
    database: str

    @property
    def unread_beyond(self) -> int:
        """Bytes of a stream beyond which clamd says OK without having read it all."""
        return UNLIMITED if self.tells else min(self.file, self.whole)

    def reloads(self, now: float) -> bool:
        """Say whether a silent clamd is likely to reload: its database has just changed (Unix time `now`), and reloads block."""
        try:
            return self.blocks and now - Path(self.database).stat().st_mtime < RELOAD_SECONDS
        except OSError:
            return False


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
        _bytes(options.get("MaxFileSize", ""), _FILE),
        _bytes(options.get("MaxScanSize", ""), _WHOLE),
        options.get("AlertExceedsMax", "").lower() in _YES,
        options.get("ConcurrentDatabaseReload", "yes").lower() not in _YES,
        options.get("DatabaseDirectory", "/var/lib/clamav"),
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
