"""What is attached, and may it come in? Every file of a message is looked into, in depth, and what is found is told.

The worker itself only reads names and first bytes. Whatever has to be parsed goes into a process of its own (unpacker.py,
world/jail), where a bomb or a crash harms nobody: archives are opened, documents taken apart, and their text, links and
hidden files are laid open for the checks that come after.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from gatepost.checks.attachments.formats import Kind
from gatepost.checks.attachments.item import Finding, Item
from gatepost.checks.attachments.kinds import kind_of, looks_like_prose
from gatepost.checks.attachments.names import DECLARED, forms, name_tricks
from gatepost.checks.attachments.passwords import candidates
from gatepost.checks.attachments.policy import Judged, Policy, Treatment
from gatepost.checks.attachments.report import CHECK, evidence_of, shown_path, whole
from gatepost.checks.attachments.risks import type_risks
from gatepost.checks.attachments.unpacker import Unpacker
from gatepost.evidence import Evidence, Found
from gatepost.mail.envelope import Direction, Envelope
from gatepost.mail.message import Inner, Message
from gatepost.mail.readings import Reading, readings
from gatepost.mail.rename import renamable
from gatepost.world.budget import current

CODES: Final[Mapping[str, str]] = {
    "attachment.file": "A file of the message: its path, type, size and SHA-256.",
    "attachment.hold": "The site's attachment policy holds the message for this file.",
    "attachment.reject": "The site's attachment policy refuses the message for this file.",
    "attachment.strip": "The site's attachment policy delivers the message with this file's name made harmless.",
    "attachment.blocked-hash": "A file is on the site's list of blocked hashes.",
    "attachment.allowed-hash": "A file is on the site's list of allowed hashes; nothing else about it counts.",
    "attachment.executable": "A file is a program, an installer or what runs like one, by its content or its name.",
    "attachment.script": "A file is a script that a double click runs.",
    "attachment.source": "A file is the source of a program, which a double click does not run on most systems.",
    "attachment.shortcut": "A file is a shortcut, which opens something else.",
    "attachment.weblink": "A file is an internet shortcut.",
    "attachment.image": "A file is the image of a disk, which some systems mount at a double click.",
    "attachment.onenote": "A file is a OneNote section.",
    "attachment.mismatch": "A file is dangerous by its content and passes for something to look at by its name.",
    "attachment.double-extension": "A file's name shows a harmless extension before the real, dangerous one.",
    "attachment.hidden-extension": "A file's name hides its extension: changed direction, padding, characters without width, look-alikes.",
    "attachment.macro": "A document holds macros.",
    "attachment.autoopen": "A document holds a macro that runs by itself.",
    "attachment.suspicious-macro": "A document holds a macro that starts, fetches or writes something.",
    "attachment.dde": "A document or table starts a program through DDE.",
    "attachment.template": "A document fetches its template from elsewhere, and with it macros.",
    "attachment.external": "A document fetches a part of itself from elsewhere, or links to a file there.",
    "attachment.remote-object": "A document fetches an object from elsewhere when it is opened.",
    "attachment.object": "A document holds an object or a file that a click opens.",
    "attachment.activex": "A document holds an ActiveX control.",
    "attachment.equation": "A document holds an Equation Editor object, as attacks on that program do.",
    "attachment.hidden-encryption": "A document is encrypted with the password that its program tries by itself.",
    "attachment.javascript": "A PDF holds JavaScript.",
    "attachment.openaction": "A PDF does something by itself when it, or a page of it, is opened.",
    "attachment.launch": "A PDF or a presentation starts a program, or a PDF opens a file on another computer.",
    "attachment.embedded": "A document holds other files.",
    "attachment.submit": "A PDF sends what is filled in to an address.",
    "attachment.xfa": "A PDF holds an XFA form, which may hold script.",
    "attachment.activehtml": "A file is a web page or a drawing with script.",
    "attachment.active-drawing": "A file is a drawing with script.",
    "attachment.smuggled": "A page or script carries a dangerous file encoded in it, or puts one together in the browser.",
    "attachment.obfuscated": "A page writes another page that it carries encoded.",
    "attachment.login-form": "A file is a page that asks for a password.",
    "attachment.redirect": "A file is a page that leads on to another one by itself.",
    "attachment.protocol": "A file holds a link that opens a program of the reader's system.",
    "attachment.polyglot": "A file is two things at once: one to look at, and an archive.",
    "attachment.ambiguous-mail": "An attached message is written so that mail clients differ over what they would open in it.",
    "attachment.qr": "An image or page shows a code for cameras; what it says is read like text.",
    "attachment.partial": "A file has more in it than is looked at.",
}

_BODIES: Final = frozenset({Kind.TEXT, Kind.HTML, Kind.MAIL, Kind.EMPTY, Kind.XML, Kind.CALENDAR})


@dataclass(frozen=True, slots=True)
class AttachmentCheck:
    """The check `attachment`. Takes who opens files, what the site does about findings, and its lists of hashes."""

    unpacker: Unpacker
    policy: Policy
    blocked: frozenset[str] = frozenset()
    allowed: frozenset[str] = frozenset()
    codes: Mapping[str, str] = field(default_factory=lambda: CODES, repr=False)

    @property
    def name(self) -> str:
        """The check's name, `attachment`."""
        return CHECK

    @property
    def after(self) -> frozenset[str]:
        """Nothing: files are judged by themselves."""
        return frozenset()

    def run(self, envelope: Envelope, message: Message, found: Found) -> Sequence[Evidence]:  # noqa: ARG002  the contract
        """Look into the files of a message, lay open what is in them, and report; nothing for a message without files."""
        files = tuple(_files(message))
        if not files:
            return ()
        examined = self.unpacker.examine(files, candidates(message), current().remaining())
        others: dict[int, dict[str, None]] = {}
        for file in files:
            others.setdefault(file.part, {}).update(dict.fromkeys(file.other_names))
        items = tuple(_settled(tuple(self._completed(item, _names(item, others)) for item in examined.items)))
        message.lay_open((*examined.inner, *_untold(items, examined.inner)))
        layers = self.policy.layers(envelope)
        judged = tuple(Judged.of(item, layers) for item in (*items, *whole(examined.trouble)))
        return tuple(evidence_of(judged, frozenset(_fixed(envelope, message, judged))))

    def _completed(self, item: Item, names: Sequence[str]) -> Item:
        """Add what a file's names, type and hash say to what was found inside of it; the first finding of a code stays."""
        findings = {finding.code: finding for finding in item.findings}
        for name in names:
            for finding in (*name_tricks(name), *type_risks(item.kind, name, item.declared)):
                findings.setdefault(finding.code, finding)
        if item.sha256 in self.blocked:
            findings["attachment.blocked-hash"] = Finding("attachment.blocked-hash", "is on the list of blocked files")
        if item.sha256 in self.allowed:
            allowed = Finding("attachment.allowed-hash", "is on the list of allowed files")
            findings = {allowed.code: allowed}
        return replace(item, findings=tuple(findings.values()), other_names=tuple(names[1:]))


def _names(item: Item, others: Mapping[int, Iterable[str]]) -> tuple[str, ...]:
    """Give what a file is called, what else clients may call one that is attached itself, by its part, and what systems make of that."""
    said = (item.name, *(others.get(item.part, ()) if len(item.path) <= 1 else ()))
    return tuple(dict.fromkeys(form for name in said for form in forms(name)))


def _files(message: Message) -> Iterator[Reading]:
    """Give what is attached: every reading but of text that is the message itself."""
    return (reading for reading in readings(message) if not _is_body(message, reading))


def _is_body(message: Message, reading: Reading) -> bool:
    if reading.name or not reading.declared.startswith("text/") or reading.declared in DECLARED:
        return False
    part = message.mime.parts[reading.part - 1] if reading.part <= len(message.mime.parts) else None
    if part is None or part.disposition == "attachment":
        return False
    # Text that is no text was declared as such to pass for a body.
    return looks_like_prose(reading.data) or kind_of(reading.data, "") in _BODIES


def _fixed(envelope: Envelope, message: Message, judged: Sequence[Judged]) -> Iterator[int]:
    """Give the parts whose names should be stripped and cannot: only mail from outside is edited."""
    for part in {each.item.part for each in judged if each.ruling.treatment is Treatment.STRIP}:
        if envelope.direction is not Direction.INBOUND or not renamable(message, part):
            yield part


def _settled(items: tuple[Item, ...]) -> Iterator[Item]:
    """Take the findings from what lies inside of an allowed file.

    Files come in the order in which they were met, each before what is inside of it: two of one name are told apart by that.
    """
    trusted: Item | None = None
    for item in items:
        if trusted and item.part == trusted.part and len(item.path) > len(trusted.path):
            yield replace(item, findings=())
        else:
            trusted = item if any(each.code == "attachment.allowed-hash" for each in item.findings) else None
            yield item


def _untold(items: Sequence[Item], inner: Sequence[Inner]) -> tuple[Inner, ...]:
    """Give the hashes of files that nothing else tells of, for the checks that know files by them."""
    told = {each.sha256 for each in inner}
    untold = {item.sha256: item for item in items if item.sha256 and item.sha256 not in told}
    return tuple(Inner(shown_path(item), sha256=sha256) for sha256, item in untold.items())
