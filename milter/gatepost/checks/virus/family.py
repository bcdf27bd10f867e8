"""The virus drawer: its settings, its codes, and how it is built."""

from __future__ import annotations

from typing import Final

from pydantic import Field

from gatepost.checks.check import Check
from gatepost.checks.virus.check import CODES, VirusCheck
from gatepost.mail import limits
from gatepost.world import clamd
from gatepost.world.clamd import ClamdScanner
from gatepost.world.scanner import Scanner

__all__ = ["CODES", "Settings", "build", "open_scanner"]

_PARTS: Final = limits.VIRUS_PARTS


class Settings(clamd.Settings):
    """The `[virus]` table: how to reach clamd, and how much of a message is scanned part by part."""

    max_parts: int = Field(
        default=_PARTS,
        ge=0,
        le=_PARTS,
        description="Decoded parts scanned by themselves beside the raw message; a message with more is marked skipped.",
    )


def open_scanner(settings: Settings) -> Scanner | None:
    """Give the live scanner, or None where none is configured; connects to nothing yet."""
    return ClamdScanner(settings) if settings.clamd else None


def build(settings: Settings, scanner: Scanner | None) -> tuple[Check, ...]:
    """Give the family's checks."""
    return (VirusCheck(scanner, settings.max_parts),)
