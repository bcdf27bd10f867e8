"""Documents of OpenDocument programs (ISO 26300): a ZIP file of XML parts, or one XML file, and what attackers put in them.

As in Office packages (ooxml.py), parts are looked at by what they hold, and XML is read by a parser.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from typing import Final

from gatepost.checks.attachments.elsewhere import in_own_network, is_remote
from gatepost.checks.attachments.formats import Kind
from gatepost.checks.attachments.kinds import kind_of
from gatepost.checks.attachments.markup import Budget, Element, elements
from gatepost.checks.attachments.notes import Notes, decoded
from gatepost.checks.attachments.ooxml import GLANCE, Package, hold_binary, is_file, is_markup, opened
from gatepost.mail import file_limits

_TELLING: Final = re.compile(r"event-listener|dde-(?:source|connection)|href|module|script\b|encryption-data")
"""Names without which no part does anything or leads anywhere."""
_WANTED: Final = frozenset(
    "event-listener dde-source dde-connection-decl object object-ole plugin floating-frame applet section-source module script encryption-data a image".split()
)
_OPENING: Final = re.compile(
    r"(?:dom:|office:)?(?:load|on-load|load-finished|create|new|start-app|document-open)\Z", re.IGNORECASE
)
"""Events that come by themselves when a document is opened."""
_LISTS: Final = ("script-lc.xml", "script-lb.xml", "dialog-lc.xml", "dialog-lb.xml")
"""Parts that list macros, and stand in documents without any."""
_FETCHED: Final = {
    "object": ("remote-object", "fetches an object from elsewhere when it is opened"),
    "object-ole": ("remote-object", "fetches an object from elsewhere when it is opened"),
    "applet": ("remote-object", "fetches an object from elsewhere when it is opened"),
    "plugin": ("external", "fetches a part of itself from elsewhere"),
    "floating-frame": ("external", "fetches a frame from elsewhere when it is opened"),
    "section-source": ("external", "fetches a part of itself from elsewhere"),
}
_TEXT: Final = re.compile(
    r"<(?:text|table|draw|office|number|style|form|script|svg|xlink|chart)[:][^<>]{0,4000}>|</[a-z:-]{1,60}>"
)


def inspect_odf(notes: Notes, data: bytes) -> None:
    """Read an OpenDocument package; files in it become members. Never raises."""
    archive = opened(notes, data)
    if archive is None:
        return
    with archive:
        package = Package(archive)
        for entry in archive.infolist()[: file_limits.OFFICE_PARTS]:
            name = entry.filename.replace("\\", "/").lower()
            if name.startswith("scripts/") and not name.endswith("/"):
                notes.find("macro", "holds scripts")
            elif name.startswith("basic/") and name.endswith(".xml") and not name.endswith(_LISTS):
                notes.find("macro", "holds macros")
            kind = kind_of(package.read(entry, GLANCE), "")
            if kind not in {Kind.EMPTY, Kind.MEDIA, Kind.IMAGE, Kind.FONT}:
                _part(notes, package, name, package.read(entry))
        if package.cut:
            notes.find("partial", f"holds more than the {file_limits.OFFICE_BYTES:,} bytes that are looked at")


def inspect_flat(notes: Notes, data: bytes) -> None:
    """Read an OpenDocument file that is one XML file; files written in it become members."""
    budget = Budget()
    _markup(notes, "content.xml", data, budget)
    hold_binary(notes, data, budget)


def _part(notes: Notes, package: Package, name: str, content: bytes) -> None:
    if is_markup(content):
        _markup(notes, name, content, package.budget)
    elif is_file(name, content):
        notes.hold(name.rpartition("/")[2], content)


def _markup(notes: Notes, name: str, content: bytes, budget: Budget) -> None:
    source = decoded(content)
    if _TELLING.search(source):
        for each in elements(content, _WANTED, budget)[0]:
            _judge(notes, name, each)
        if budget.left < 0:
            notes.find("partial", f"holds more than the {file_limits.XML_ELEMENTS:,} elements that are looked at")
    if name == "content.xml":
        notes.read(html.unescape(_TEXT.sub(" ", source)))


def _judge(notes: Notes, name: str, each: Element) -> None:
    """Say what one element does."""
    attributes: Mapping[str, str] = each.attributes
    target = attributes.get("href", "").strip()
    if each.name == "event-listener":
        _event(notes, attributes)
    elif each.name == "encryption-data":
        notes.find("encrypted", "is a document that needs a password to be read")
    elif each.name in {"dde-source", "dde-connection-decl"}:
        notes.find("dde", "holds a link that starts a program (DDE)")
    elif each.name in {"module", "script"} and not name.endswith(_LISTS):
        if each.text.strip() or each.name == "module":
            notes.find("macro", "holds macros")
            notes.links_in(each.text)
    elif each.name in _FETCHED and is_remote(target):
        word, detail = _FETCHED[each.name]
        notes.find("external" if in_own_network(target) else word, f"{detail} ({target[:120]})")
    if "://" in target:
        notes.link(target)


def _event(notes: Notes, attributes: Mapping[str, str]) -> None:
    """Say what an event does: slides have actions, most of them steps to another slide (`presentation:action`); all else is macros."""
    action = attributes.get("action", "").strip()
    if action == "execute":
        notes.find("launch", f"starts a program when it is clicked ({attributes.get('href', '')[:120]})")
    elif action in {"", "macro"}:
        by_itself = _OPENING.match(attributes.get("event-name", "").strip())
        notes.find(
            "autoopen" if by_itself else "macro",
            "holds a macro that runs by itself" if by_itself else "runs a macro on an event",
        )
