"""Looking into files for tests: in place, where a debugger reaches, or in a jail as in service."""

from __future__ import annotations

from collections.abc import Sequence

from gatepost.checks.attachments.bounds import Settings
from gatepost.checks.attachments.examine import examine
from gatepost.checks.attachments.item import Item
from gatepost.checks.attachments.unpacker import JailedUnpacker, Unpacker
from gatepost.checks.attachments.wire import Examined
from gatepost.mail.readings import Reading
from gatepost.world.jail.door import FakeJail


def in_place(**settings: float) -> Unpacker:
    """Give an unpacker without a process; for what is not made to harm."""
    return JailedUnpacker(FakeJail(examine), Settings(**settings))


def look_into(
    data: bytes, name: str = "x", passwords: Sequence[str] = (), unpacker: Unpacker | None = None, seconds: float = 30.0
) -> Examined:
    """Look into one attachment."""
    files = (Reading(1, name, "application/octet-stream", data),)
    return (unpacker or in_place()).examine(files, passwords, seconds)


def words(item: Item) -> set[str]:
    """Give the last words of a file's findings."""
    return {finding.code.partition(".")[2] for finding in item.findings}


def all_words(examined: Examined) -> set[str]:
    """Give the last words of all findings."""
    return set().union(*map(words, examined.items), (each.code.partition(".")[2] for each in examined.trouble))


def shape(examined: Examined) -> dict[tuple[str, ...], str]:
    """Give the path and kind of everything found inside."""
    return {item.path[1:]: item.kind for item in examined.items if len(item.path) > 1}
