"""All evidence codes with their one-line meanings, gathered from the checks that emit them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Final

from gatepost.checks.attachments.family import CODES as ATTACHMENTS
from gatepost.checks.auth.family import CODES as AUTH
from gatepost.checks.content.family import CODES as CONTENT
from gatepost.checks.reputation.family import CODES as REPUTATION
from gatepost.checks.virus.family import CODES as VIRUS

FAMILIES: Final[Mapping[str, Mapping[str, str]]] = {
    "attachments": ATTACHMENTS,
    "auth": AUTH,
    "content": CONTENT,
    "reputation": REPUTATION,
    "virus": VIRUS,
}


@cache
def known_codes() -> Mapping[str, str]:
    """Give every code and its meaning, those that the pipeline adds for any check included."""
    codes = {code: meaning for family in FAMILIES.values() for code, meaning in family.items()}
    for check in sorted({code.partition(".")[0] for code in codes}):
        codes.setdefault(f"{check}.error", "The check itself failed; the log has the traceback.")
        codes.setdefault(f"{check}.timeout", "The deadline of the message passed before the check could begin.")
    return MappingProxyType(codes)
