"""The virus drawer: its settings, its codes, and how it is built."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from pydantic import Field

from gatepost.checks.check import Check
from gatepost.checks.virus.check import CODES, VirusCheck
from gatepost.checks.virus.recall import Memory
from gatepost.mail import limits
from gatepost.world.scanner import settings as door
from gatepost.world.scanner.clamd import ClamdScanner
from gatepost.world.scanner.command import CommandScanner
from gatepost.world.scanner.door import Scanner
from gatepost.world.scanner.icap import IcapScanner
from gatepost.world.state.door import State

__all__ = ["CODES", "Settings", "build", "open_scanner", "open_second"]

_PARTS: Final = limits.VIRUS_PARTS
AFTER: Final = frozenset({"attachment"})
"""Checks that lay contents open which are then scanned, where the line-up has them."""


class Settings(door.Settings):
    """The `[virus]` table: how to reach the scanners, and how much of a message is scanned part by part."""

    max_parts: int = Field(
        default=_PARTS,
        ge=0,
        le=_PARTS,
        description="Decoded parts scanned by themselves beside the raw message; a message with more is marked skipped.",
    )
    remember_seconds: int = Field(
        default=3_600,
        ge=0,
        le=86_400,
        description="How long the answer on a part is remembered in the state store, in seconds; a new database forgets it at "
        "once. 0: not at all.",
    )
    database_days: float = Field(
        default=3.0,
        ge=0.1,
        le=365.0,
        description="`gatepost status` warns of a signature database older than so many days.",
    )


def open_scanner(settings: Settings) -> Scanner | None:
    """Give the scanner over clamd, or None where none is configured; connects to nothing yet."""
    return ClamdScanner(settings) if settings.clamd else None


def open_second(settings: Settings) -> Scanner | None:
    """Give the second engine, or None where none is configured; connects to nothing and starts nothing yet."""
    if settings.icap:
        return IcapScanner(settings)
    return CommandScanner(settings) if settings.command else None


def build(
    settings: Settings, scanners: Sequence[Scanner], store: State | None = None, earlier: Collection[str] = ()
) -> tuple[Check, ...]:
    """Give the family's checks. Takes the scanners, where answers are remembered, and the names of the checks before these."""
    memory = Memory(store, settings.remember_seconds)
    return (VirusCheck(*scanners, max_parts=settings.max_parts, memory=memory, after=AFTER & set(earlier)),)
