"""Fields of Word: codes in a document that the program carries out, one of which starts other programs (DDE)."""

from __future__ import annotations

import re
from typing import Final

_DDE: Final = re.compile(r"\bDDE(?:AUTO)?\b", re.IGNORECASE)
_QUOTE: Final = re.compile(r"\bQUOTE((?:\s{1,20}\d{1,5}){3,})", re.IGNORECASE)


def starts_program(instruction: str) -> bool:
    """Say whether a field's code starts a program: openly, or written as the numbers of its letters (QUOTE 68 68 69)."""
    if _DDE.search(instruction):
        return True
    return any("DDE" in _letters(match[1]) for match in _QUOTE.finditer(instruction))


def _letters(numbers: str) -> str:
    return "".join(chr(int(number)) for number in numbers.split()).upper()
