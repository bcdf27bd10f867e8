"""Is there malware in the message? Asks the scanners about every view of it that somebody might open.

A scanner reads MIME in its own way and mail clients in theirs, and malware is sent in the gap between the two ("Inbox
Invasion", CCS 2024). Measured on public corpora of broken MIME, the raw message alone shows 258 of 372 test viruses, our
decoded parts alone 169, both together 286. So the raw message is scanned first, then every content that a part of it may
be opened as and that the raw bytes do not show (mail/readings.py), then what other checks laid open (`message.inner`).

"Clean" is said only of a message that was scanned whole: what was over a limit, cut, or of too many parts is said so, and a
scanner that did not answer is trouble.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import Final

from gatepost.checks.virus.recall import Memory, Recollection
from gatepost.checks.virus.report import CODES, Report
from gatepost.evidence import Evidence, Found
from gatepost.mail import limits
from gatepost.mail.envelope import Envelope
from gatepost.mail.message import Message
from gatepost.mail.readings import readings
from gatepost.world.scanner.door import Reloading, Scanner, TimedOut, Unreachable

__all__ = ["CODES", "VirusCheck"]

# The attachment check's words for a file with content that nobody could read: a scanner that found nothing may have looked at its
# wrapping alone.
_SEALED: Final[Mapping[str, str]] = {
    "attachment.encrypted": "it holds an encrypted file, which no scanner can read",
    "attachment.unopened": "it holds a file that is packed in a way that is not opened here",
    "attachment.limit": "it holds more, larger or more deeply nested files than are opened and handed to the scanner",
    "attachment.bomb": "it holds a file that unpacks to more than is opened",
    "attachment.timeout": "one of its files could not be opened in time",
    "attachment.error": "one of its files could not be opened",
}

# What the check `mime` calls it when a limit kept something from being read.
_LIMIT: Final = "limit"
# Defects of a structure that was not opened to its end.
_CLOSED: Final = frozenset({"parts-limit", "depth-limit", "part-header-limit", "delimiter-limit"})
_GONE: Final = (Reloading, TimedOut, Unreachable)


@dataclass(frozen=True, slots=True)
class View:
    """One stretch of bytes to scan, and what it is for people: `the message`, `part 3`, `invoice.zip > scan.pdf`.

    `digest` is what its answers are remembered under, "" if they are not.
    """

    what: str
    data: bytes
    digest: str = ""


class VirusCheck:
    """The check `virus`. Takes the site's scanners, or none; what remembers their answers; and whom it comes after."""

    name: Final = "virus"
    codes: Final = CODES

    def __init__(
        self,
        *scanners: Scanner,
        max_parts: int = limits.VIRUS_PARTS,
        memory: Memory | None = None,
        after: frozenset[str] = frozenset(),
    ) -> None:
        self.after = after
        self._scanners = scanners
        self._memory = memory or Memory()
        self._max_parts = min(max_parts, limits.VIRUS_PARTS)

    def run(self, envelope: Envelope, message: Message, found: Found) -> Sequence[Evidence]:  # noqa: ARG002  mail of every direction is scanned
        """Scan the message; gives one piece of evidence, and more for suspicions beside an error or a gap."""
        if not self._scanners:
            facts = {"virus.status": "skipped"}
            return [Evidence("virus", "virus.skipped", detail="No virus scanner is configured.", facts=facts)]
        asked = _Asked(self._scanners, self._memory.about(self._scanners))
        asked.scan(View("the message", message.raw()))
        if not asked.over:
            self._parts(message, asked)
        report = asked.report
        report.skipped = report.skipped or _unopened(message, found)
        report.by = ", ".join(told(self._scanners))[: limits.DETAIL_CHARACTERS]
        return report.evidence()

    def _parts(self, message: Message, asked: _Asked) -> None:
        for count, view in enumerate(asked.recalled(_views(message), self._max_parts)):
            if count >= self._max_parts:
                asked.report.skipped = f"only the first {self._max_parts} parts were scanned by themselves"
                return
            asked.scan(view)
            if asked.over:
                return


class _Asked:
    """The scanners of one message and what they said: one that is away is not asked about further views."""

    def __init__(self, scanners: Sequence[Scanner], recollection: Recollection) -> None:
        self.report = Report()
        self._left = list(scanners)
        self._recollection = recollection

    @property
    def over(self) -> bool:
        """Whether further scans cannot change the result for the worse, or are in vain."""
        return bool(self.report.infected) or not self._left

    def recalled(self, views: Iterator[View], most: int) -> Iterator[View]:
        """Give the views, having looked up what is remembered of the first `most` of them, as far as they are held at once."""
        held: list[View] = []
        size = 0
        for view in islice(views, most):
            held.append(replace(view, digest=self._recollection.digest(view.data)))
            size += len(view.data)
            if size > limits.VIRUS_REMEMBERED_BYTES:
                break
        self._recollection.look_up([view.digest for view in held if view.digest])
        return chain(held, views)

    def scan(self, view: View) -> None:
        """Ask each scanner about a view, unless it is remembered what it said."""
        for scanner in tuple(self._left):
            if self.report.infected:
                return
            answer = self._recollection.known(scanner.name, view.digest)
            if answer is None:
                answer = scanner.scan(view.data)
                self._recollection.learn(scanner.name, view.digest, answer)
            self.report.take(answer, view.what, scanner.name)
            if isinstance(answer, _GONE):
                self._left.remove(scanner)


def _views(message: Message) -> Iterator[View]:
    """Give what is scanned beside the raw message, without repeats."""
    seen: set[int] = set()
    parts = (View(f"part {reading.part}", reading.data) for reading in readings(message))
    opened = (View(inner.source, inner.content) for inner in message.inner)
    for view in chain(parts, opened):
        if view.data and hash(view.data) not in seen:
            seen.add(hash(view.data))
            yield view


def _unopened(message: Message, found: Found) -> str:
    """Say why parts of a message were not opened, "" if all were."""
    for code, why in _SEALED.items():
        if found.code(code) is not None:
            return why
    if message.truncated:
        return "only the beginning of the message was kept"
    if message.mime.exhausted:
        return "its parts decode to more than is looked at"
    if message.mime.defects & _CLOSED:
        return "its parts are too many, too deeply nested or have too long a header to be opened"
    if any(_LIMIT in item.facts.get("mime.kinds", "").split() for item in found.of("mime")):
        return "it holds more, or can be read in more ways, than is looked at"
    return ""


def told(scanners: Sequence[Scanner]) -> Iterator[str]:
    """Give what the engines behind the scanners say of themselves, each once."""
    yield from dict.fromkeys(engine.version for scanner in scanners for engine in scanner.heard() if engine.version)
