"""File names: what opens a file of that name."""

from __future__ import annotations

import re
from typing import Final

_EXTENSION: Final = re.compile(r"\.([^\s./\\]{1,20})\Z")


def extension(name: str) -> str:
    """Give the lower-case extension that a system would go by, without its dot, or "".

    White space and dots at the end do not count, as they do not on Windows.
    """
    match = _EXTENSION.search(name[-200:].rstrip(" .\t\r\n\0\u00a0"))
    return match[1].lower() if match else ""
