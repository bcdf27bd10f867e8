"""What the scans of one message came to, and how that is said.

An infection outweighs everything. Trouble outweighs a limit, a limit outweighs a gap, and only a message without any of them
is clean; a suspicion stands beside each.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from gatepost.evidence import Evidence, Status
from gatepost.world.scanner.door import (
    Clean,
    Encrypted,
    Heuristic,
    Infected,
    OverLimit,
    Reloading,
    Scan,
    ScanFailed,
    TimedOut,
    Trouble,
    Unreachable,
)

CODES: Final[Mapping[str, str]] = {
    "virus.infected": "A virus scanner found malware in the message.",
    "virus.heuristic": "A virus scanner suspects something without knowing it as malware.",
    "virus.encrypted": "A virus scanner met something that it cannot read without a password.",
    "virus.clean": "The virus scanner read the whole message and found nothing.",
    "virus.limit": "The message, or a part of it, is larger than the virus scanner takes; it was not scanned to its end.",
    "virus.skipped": "The message, or a part of it, was not scanned for viruses: no scanner, too many or too deep parts, an encrypted file, or cut off.",
    "virus.unreachable": "The virus scanner did not answer; the message may hold anything.",
    "virus.reloading": "The virus scanner reloads its database and takes no questions; the message may hold anything.",
    "virus.timeout": "The virus scan did not end in time, or could not begin before the message's deadline; the message may hold anything.",
    "virus.error": "The virus scanner answered with an error, or the check failed; the message may hold anything.",
}


@dataclass(slots=True)
class Report:
    """What the scans of one message came to so far; `by` names the engines, `limit` and `skipped` say what was not read."""

    infected: str = ""
    heuristic: str = ""
    encrypted: str = ""
    trouble: tuple[Trouble, str] | None = None
    limit: str = ""
    skipped: str = ""
    scans: int = 0
    by: str = ""
    finder: str = field(default="", init=False)

    def take(self, scan: Scan, what: str, engine: str) -> None:
        """Note one scan of `what` (`the message`, `part 3`) by an engine."""
        self.scans += 1
        match scan:
            case Clean():
                pass
            case Infected(signature):
                self.infected, self.finder = signature, engine
            case Heuristic(signature):
                self.heuristic = self.heuristic or signature
            case Encrypted(signature):
                self.encrypted = self.encrypted or signature
            case OverLimit(limit):
                self.limit = self.limit or f"{what} is over {limit}"
            case Reloading() | TimedOut() | ScanFailed() | Unreachable():
                self.trouble = self.trouble or (scan, f"{engine}: {_reason(scan, what)}")

    @property
    def status(self) -> str:
        """The word for X-Virus-Status."""
        if self.infected:
            return "infected"
        if self.trouble or self.limit:
            return "error"
        return "skipped" if self.skipped or self.encrypted else "clean"

    def evidence(self) -> list[Evidence]:
        """Give it as evidence: an infection alone, or suspicions and what became of the rest."""
        return list(self._said())

    def _said(self) -> Iterator[Evidence]:
        if self.infected:
            detail = f"The virus scanner found {self.infected}."
            yield self._make("infected", detail, Status.FAIL, self.infected)
            return
        if self.heuristic:
            detail = f"The virus scanner suspects {self.heuristic}, which is not a known virus."
            yield self._make("heuristic", detail, Status.POLICY, self.heuristic)
        if self.encrypted:
            detail = f"The virus scanner cannot read what is encrypted ({self.encrypted})."
            yield self._make("encrypted", detail, Status.POLICY, self.encrypted)
        if self.trouble:
            yield self._troubled(*self.trouble)
        elif self.limit:
            yield self._make("limit", f"Not wholly scanned for viruses: {self.limit}.", Status.PERMERROR)
        elif self.skipped:
            yield self._make("skipped", f"Not wholly scanned for viruses: {self.skipped}.")
        elif self.status == "clean" and not self.heuristic:
            views = f"{self.scans} view{'s' * (self.scans > 1)} of the message"
            yield self._make("clean", f"The virus scanner found nothing in {views}.", Status.PASS)

    def _troubled(self, trouble: Trouble, sentence: str) -> Evidence:
        detail = f"Not known to be free of viruses: {sentence}."
        return self._make(_word(trouble), detail, Status.TEMPERROR, degraded="virus")

    def _make(
        self, word: str, detail: str, result: Status = Status.NONE, signature: str = "", degraded: str = ""
    ) -> Evidence:
        """Make evidence; `virus.status` is the word for the X-Virus-Status header, the same on all evidence of a message."""
        facts = {"virus.status": self.status}
        if self.by:
            facts["virus.engine"] = self.by
        if signature:
            facts["virus.signature"] = signature
        if self.finder:
            facts["virus.found-by"] = self.finder
        return Evidence("virus", f"virus.{word}", result, detail, facts=facts, degraded=degraded)


def _word(trouble: Trouble) -> str:
    """Give the last word of the code of a trouble."""
    match trouble:
        case Reloading():
            return "reloading"
        case TimedOut():
            return "timeout"
        case ScanFailed():
            return "error"
        case Unreachable():
            return "unreachable"


def _reason(trouble: Trouble, what: str) -> str:
    return f"an error on {what}: {trouble.reason}" if isinstance(trouble, ScanFailed) else trouble.reason
