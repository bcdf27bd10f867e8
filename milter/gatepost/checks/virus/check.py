"""Is there malware in the message? Asks the scanner about every view of it that somebody might open.

A scanner reads MIME in its own way and mail clients in theirs, and malware is sent in the gap between the two ("Inbox
Invasion", CCS 2024). Measured on public corpora of broken MIME, the raw message alone shows 258 of 372 test viruses, our
decoded parts alone 169, both together 286. So the raw message is scanned first, and then every content that a part of it may
be opened as and that the raw bytes do not show (mail/readings.py).

"Clean" is said only of a message that was scanned whole: what was cut, too large or of too many parts is `skipped`, and a
scanner that did not answer is `error`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from gatepost.evidence import Evidence, Found, Status
from gatepost.mail import limits
from gatepost.mail.envelope import Envelope
from gatepost.mail.message import Message
from gatepost.mail.readings import readings
from gatepost.world.scanner import Clean, Heuristic, Infected, Scan, ScanFailed, Scanner, TooLarge, Unreachable

CODES: Final[Mapping[str, str]] = {
    "virus.infected": "The virus scanner found malware in the message.",
    "virus.heuristic": "The virus scanner suspects something without knowing it as malware.",
    "virus.clean": "The virus scanner read the whole message and found nothing.",
    "virus.skipped": "The message, or a part of it, was not scanned for viruses: no scanner, too large, or cut off.",
    "virus.error": "The virus scanner did not answer, or answered with an error; the message may hold anything.",
}

# Defects of a structure that was not opened to its end.
_CLOSED: Final = frozenset({"parts-limit", "depth-limit"})


@dataclass(slots=True)
class _Report:
    """What the scans of one message came to so far."""

    infected: str = ""
    heuristic: str = ""
    error: str = ""
    skipped: str = ""
    scans: int = 0

    def take(self, scan: Scan, what: str) -> None:
        """Note one scan of `what` (`the message`, `part 3`)."""
        self.scans += 1
        match scan:
            case Clean():
                pass
            case Infected(signature):
                self.infected = signature
            case Heuristic(signature):
                self.heuristic = self.heuristic or signature
            case TooLarge(limit):
                bound = f"the limit of {limit:,} bytes" if limit else "the scanner's own limit"
                self.skipped = self.skipped or f"{what} is larger than {bound}"
            case ScanFailed(reason):
                self.error = self.error or f"the scanner answered with an error on {what}: {reason}"
            case Unreachable(reason):
                self.error = self.error or f"the scanner did not answer: {reason}"

    @property
    def over(self) -> bool:
        """Whether further scans cannot change the result for the worse, or are in vain."""
        return bool(self.infected or self.error)


class VirusCheck:
    """The check `virus`. Takes a scanner, or None where the site has none."""

    name: Final = "virus"
    codes: Final = CODES
    after: Final[frozenset[str]] = frozenset()

    def __init__(self, scanner: Scanner | None, max_parts: int = limits.VIRUS_PARTS) -> None:
        self._scanner = scanner
        self._max_parts = min(max_parts, limits.VIRUS_PARTS)

    def run(self, envelope: Envelope, message: Message, found: Found) -> Sequence[Evidence]:  # noqa: ARG002  the contract
        """Scan the message; gives one piece of evidence, and a second one for a suspicion beside an error or a gap."""
        if self._scanner is None:
            return [_evidence("skipped", "skipped", "No virus scanner is configured.")]
        report = _Report()
        report.take(self._scanner.scan(message.raw()), "the message")
        if not report.over:
            self._parts(self._scanner, message, report)
        if message.truncated and not report.skipped:
            report.skipped = "only the beginning of the message was kept"
        if message.mime.exhausted and not report.skipped:
            report.skipped = "its parts decode to more than is looked at"
        if message.mime.defects & _CLOSED and not report.skipped:
            report.skipped = "its parts are too many or too deeply nested to be opened"
        return _said(report)

    def _parts(self, scanner: Scanner, message: Message, report: _Report) -> None:
        for count, reading in enumerate(readings(message)):
            if count >= self._max_parts:
                report.skipped = report.skipped or f"only the first {self._max_parts} parts were scanned by themselves"
                return
            report.take(scanner.scan(reading.data), f"part {reading.part}")
            if report.over:
                return


def _said(report: _Report) -> list[Evidence]:
    """Turn the report into evidence; an infection outweighs trouble, trouble outweighs a gap, a gap outweighs clean."""
    if report.infected:
        detail = f"The virus scanner found {report.infected}."
        return [_evidence("infected", "infected", detail, Status.FAIL, report.infected)]
    status = "error" if report.error else "skipped" if report.skipped else "clean"
    said: list[Evidence] = []
    if report.heuristic:
        detail = f"The virus scanner suspects {report.heuristic}, which is not a known virus."
        said.append(_evidence("heuristic", status, detail, Status.POLICY, report.heuristic))
    if report.error:
        detail = f"Not known to be free of viruses: {report.error}."
        said.append(_evidence("error", status, detail, Status.TEMPERROR, degraded="virus"))
    elif report.skipped:
        said.append(_evidence("skipped", status, f"Not wholly scanned for viruses: {report.skipped}."))
    elif not report.heuristic:
        detail = f"The virus scanner found nothing in {report.scans} view{'s' * (report.scans > 1)} of the message."
        said.append(_evidence("clean", status, detail, Status.PASS))
    return said


def _evidence(
    word: str, status: str, detail: str, result: Status = Status.NONE, signature: str = "", degraded: str = ""
) -> Evidence:
    """Make evidence; `virus.status` is the word for the X-Virus-Status header, the same on all evidence of a message."""
    facts = {"virus.status": status}
    if signature:
        facts["virus.signature"] = signature
    return Evidence("virus", f"virus.{word}", result, detail, facts=facts, degraded=degraded)
