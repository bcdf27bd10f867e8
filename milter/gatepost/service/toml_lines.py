"""Where a key stands in a TOML file: tomllib keeps no positions, and an error without a line is half an error."""

from __future__ import annotations

import re
from typing import Final

_TABLE: Final = re.compile(r"\s*\[\[?\s*([^\]]{1,200}?)\s*\]\]?\s*(?:#.*)?$")
_KEY: Final = re.compile(
    r"\s*((?:\"[^\"]{1,200}\"|'[^']{1,200}'|[\w-]{1,200})(?:\s*\.\s*(?:\"[^\"]{1,200}\"|[\w-]{1,200})){0,5})\s*="
)
_PART: Final = re.compile(r"\"([^\"]*)\"|'([^']*)'|([\w-]+)")


def _parts(dotted: str) -> list[str]:
    return [first or second or third for first, second, third in _PART.findall(dotted)]


def line_of(text: str, keys: list[str], nth: int = 0) -> int | None:
    """Give the line (from 1) where a key is set, else where the nearest table around it begins, else the first within it, else None.

    `keys` is the path as parts; of several tables of one name, `[[a.b]]`, the one numbered `nth` from 0 is meant. Lines end where TOML says that they do: at LF, not at other separators of Unicode.
    """
    table: list[str] = []
    repeated: list[str] = []
    count = -1
    best: tuple[int, int] | None = None
    within: int | None = None
    for number, line in enumerate(text.split("\n"), 1):
        header = _TABLE.match(line)
        if header:
            table = _parts(header[1])
            if line.lstrip().startswith("[[") and table == keys[: len(table)]:
                repeated, count = table, count + 1
        entry = None if header else _KEY.match(line)
        path = table if header else [*table, *_parts(entry[1])] if entry else []
        other = bool(repeated) and table[: len(repeated)] == repeated and count != nth
        if path and path == keys[: len(path)] and not other and (best is None or len(path) > best[0]):
            best = (len(path), number)
        elif path and within is None and path[: len(keys)] == keys:
            within = number
    return best[1] if best else within
