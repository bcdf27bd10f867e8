"""How the virus scanners are doing, in lines for people: where they are, how old their signatures are, and which limits clash.

A message passes three limits on its way into a scanner: what the MTA takes, what Gatepost sends, what the scanner takes. Where
a later one is smaller there is mail that arrives and is not scanned; that is said before it happens.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from typing import Final

from gatepost.checks.virus.family import Settings
from gatepost.mail import limits
from gatepost.service.organ import Organ
from gatepost.world.scanner.clamd import ClamdScanner
from gatepost.world.scanner.door import Engine, Scanner

_DAY: Final = 86_400.0
_POSTCONF_SECONDS: Final = 3.0
_SBIN: Final = "/usr/sbin:/sbin:/usr/local/sbin"


def clamd_organ(settings: Settings, scanner: Scanner | None) -> Organ:
    """Say where clamd is and which version answers; one that is not used is well."""
    if not settings.clamd or scanner is None:
        alone = "" if settings.icap or settings.command else ": mail is marked X-Virus-Status: skipped"
        return Organ(f"not used ([virus] clamd is empty){alone}", well=True)
    return _organ(scanner.engines())


def second_organ(scanner: Scanner | None) -> Organ:
    """Say the same of the second engine."""
    if scanner is None:
        return Organ("none ([virus] icap and command are empty)", well=True)
    return _organ(scanner.engines())


def _organ(engines: tuple[Engine, ...]) -> Organ:
    """Give one line for engines that stand in for one another: it is well when one of them answers."""
    silent = "does not answer: without another one mail is marked X-Virus-Status: error"
    told = "; ".join(f"{engine.place} ({engine.version or silent})" for engine in engines)
    return Organ(told, well=any(engine.version for engine in engines))


def warnings(settings: Settings, scanners: tuple[Scanner, ...], now: float) -> Iterator[str]:
    """Give a line for everything that lets mail pass unscanned or scanned by old signatures; asks the scanners and Postfix.

    `now` is Unix time.
    """
    for scanner in scanners:
        for engine in scanner.engines():
            if engine.made is not None and now - engine.made > settings.database_days * _DAY:
                days = (now - engine.made) / _DAY
                yield f"the signatures of {engine.place} are {days:.0f} days old: see that they are updated (freshclam)"
        if isinstance(scanner, ClamdScanner):
            yield from _limits(settings, scanner)


def _limits(settings: Settings, scanner: ClamdScanner) -> Iterator[str]:
    arriving, whose = arriving_bytes()
    if scanner.max_bytes < settings.max_bytes and scanner.conf is not None:
        yield (
            f"clamd reads at most {scanner.max_bytes:,} bytes of a file and says OK to the rest ({scanner.conf.path}: "
            "MaxFileSize, MaxScanSize): larger mail is virus.limit; set AlertExceedsMax yes there"
        )
    if scanner.max_bytes < arriving:
        yield f"mail between {scanner.max_bytes:,} bytes ([virus] max_bytes) and {arriving:,} ({whose}) is not scanned"
    for server in scanner.servers:
        takes = server.stream_limit(max(scanner.max_bytes, min(arriving, settings.max_bytes)))
        if takes is not None and takes < scanner.max_bytes:
            yield (
                f"clamd at {server.place} takes streams of at most {takes:,} bytes (StreamMaxLength), less than [virus] "
                f"max_bytes ({settings.max_bytes:,}): mail between them is not scanned"
            )


def arriving_bytes() -> tuple[int, str]:
    """Give the size of the largest message that may arrive and is kept whole, and what sets it."""
    size = postfix_limit()
    kept = limits.MESSAGE_BYTES
    return (size, "Postfix' message_size_limit") if size and size < kept else (kept, "what Gatepost keeps of a message")


def postfix_limit() -> int | None:
    """Give Postfix' message_size_limit in bytes (postconf(5); 0 is none), None where Postfix is not there or does not say."""
    postconf = shutil.which("postconf") or shutil.which("postconf", path=_SBIN)
    if postconf is None:
        return None
    try:
        done = subprocess.run(  # noqa: S603  a program of the system's, with fixed words
            [postconf, "-h", "message_size_limit"],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=_POSTCONF_SECONDS,
            check=True,
        )
        return int(done.stdout[:32])
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
