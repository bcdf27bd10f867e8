"""What clamd says, told apart: its answer to a scan, and its answer to VERSION (clamd(8))."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import clamd

from gatepost.mail import limits
from gatepost.world.scanner.door import Clean, Encrypted, Engine, Heuristic, Infected, OverLimit, Scan, ScanFailed

_SIZE_LIMIT: Final = "INSTREAM size limit exceeded"
STREAM_LIMIT: Final = "clamd's StreamMaxLength"

# With AlertExceedsMax clamd reports a file that it did not read to its end under the first name, with AlertEncrypted one
# that it could not read under the second.
_NOT_READ_WHOLE: Final = "Heuristics.Limits.Exceeded"
_ENCRYPTED: Final = "Heuristics.Encrypted"

_TIME_LIMIT: Final = "Exceeded time limit"  # libclamav's word for MaxScanTime (cl_strerror)


def refused(line: bytes) -> bool:
    """Say whether clamd's answer line refuses a stream because it is longer than StreamMaxLength."""
    return line.startswith(_SIZE_LIMIT.encode())


def named(signature: str, heuristics: Sequence[str]) -> Scan:
    """Give what a signature's name stands for; `heuristics` are the beginnings of names that are suspicions."""
    signature = signature[: limits.VIRUS_SIGNATURE_CHARACTERS]
    if signature.startswith(_NOT_READ_WHOLE):
        return OverLimit(f"a limit of clamd's ({signature})")
    if signature.startswith(_ENCRYPTED):
        return Encrypted(signature)
    return Heuristic(signature) if signature.startswith(tuple(heuristics)) else Infected(signature)


def read_answer(line: bytes, heuristics: Sequence[str]) -> Scan:
    """Tell clamd's answers to a scan apart; anything it is not known to say is ScanFailed, never Clean."""
    if refused(line):
        return OverLimit(STREAM_LIMIT)
    text = line.decode("utf-8", "backslashreplace").strip("\0\r\n ")
    found = clamd.scan_response.match(text)
    match found.group("status", "virus") if found else None:
        case ("OK", None):
            return Clean()
        case ("FOUND", str(name)):
            return named(name, heuristics)
        case ("ERROR", reason) if _TIME_LIMIT in (reason or ""):
            return OverLimit(f"a limit of clamd's ({reason})"[: limits.VIRUS_SIGNATURE_CHARACTERS])
        case ("ERROR", reason):
            return ScanFailed((reason or "clamd answered with an error")[: limits.VIRUS_SIGNATURE_CHARACTERS])
        case _:
            return ScanFailed(f"unknown answer: {text}"[: limits.VIRUS_SIGNATURE_CHARACTERS])


def read_version(place: str, line: str) -> Engine:
    """Read `ClamAV 1.4.6/27500/Fri Nov 20 19:57:33 2026`: the program, the number of the daily database, when it was made.

    clamd prints the time in its own time zone without naming it; it is read as UTC, so `made` may be some hours off. One
    that has no official database prints the program alone.
    """
    line = " ".join(line.split())[: limits.VIRUS_SIGNATURE_CHARACTERS]
    _, _, rest = line.partition("/")
    number, _, day = rest.partition("/")
    if not (number.isascii() and number.isdigit()):
        return Engine(place, line)
    try:
        made: float | None = datetime.strptime(day, "%a %b %d %H:%M:%S %Y").replace(tzinfo=UTC).timestamp()
    except ValueError:
        made = None
    return Engine(place, line, line, made)
