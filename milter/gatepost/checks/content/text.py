"""What a message says to the person who opens it: its visible text, over all parts that a mail client shows.

A client shows one alternative of a multipart/alternative, the HTML one where there is one (RFC 2046 5.1.4), so the plain
twin is not read: it is where spam hides a second, harmless text. What a bounce carries back (the message inside a
multipart/report, RFC 6522) was written by somebody else and is not read either. Attachments are not text.

Where all that shows no text and no picture, the rest is what the message says, in one client or another: the twin of an empty
page, text of a kind that is not known (RFC 2046 4.1.4), an invitation (RFC 5545), what a report that says nothing carries.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from operator import add
from typing import Final

from gatepost.checks.content.lookalikes import plain_letters
from gatepost.checks.content.markup import Allowance, Anchor, Build, Page, read_page
from gatepost.mail import limits
from gatepost.mail.charset import to_text
from gatepost.mail.message import Message
from gatepost.mail.mime import Part

_TEXT: Final = frozenset({"text/plain", "text/html", "text/enriched"})
_FOR_MACHINES: Final = frozenset(
    {
        "message/delivery-status",
        "message/disposition-notification",
        "message/feedback-report",
        "message/global-delivery-status",
    }
)
"""What makes a multipart/report one (RFC 6522 3)."""
_CALENDAR: Final = "text/calendar"
_FOLD: Final = re.compile(r"\r?\n[ \t]")
_SAID: Final = re.compile(
    r"^(?:SUMMARY|DESCRIPTION|LOCATION|COMMENT|URL)(?:;[^:\r\n]{0,200})?:([^\r\n]*)", re.IGNORECASE | re.MULTILINE
)
_ESCAPED: Final = re.compile(r"\\([nN\\;,])")

_FOOTER_CHARACTERS: Final = 1_000
_LIST_WORDS: Final = re.compile(r"mailing list|listinfo|liste de diffusion|mailingliste|/postorius/", re.IGNORECASE)


@dataclass(slots=True)
class Reading:
    """What was read of one message.

    `text` and `hidden` are normalised (NFKC, no zero-width characters); `invisible` counts the characters that were
    dropped for taking no room. `anchors` and `build` come from HTML. `source` is the number of characters that the text was read from. `plain` and `html` say which kinds of text were seen. `unread` names the
    limits that left something out.
    """

    text: str = ""
    hidden: str = ""
    anchors: list[Anchor] = field(default_factory=list)
    build: Build = field(default_factory=Build)
    source: int = 0
    invisible: int = 0
    plain: bool = False
    html: bool = False
    unread: set[str] = field(default_factory=set)


@dataclass(slots=True)
class _Budget:
    """What may still be read of one message."""

    text: int = limits.TEXT_BYTES
    html: int = limits.HTML_BYTES
    pages: Allowance = field(default_factory=Allowance)


def read_text(message: Message) -> Reading:
    """Read the visible text of a message, at most limits.TEXT_BYTES characters of it; never raises."""
    reading, budget = Reading(), _Budget()
    shown = shown_parts(message.mime.parts)
    texts = [_read_part(reading, part, budget) for part in shown]
    if not (reading.build.images or any(map(str.strip, texts))):
        plain = reading.plain
        texts += filter(str.strip, (_read_part(reading, part, budget) for part in _besides(message.mime.parts, shown)))
        reading.plain = plain or len(texts) > len(shown)
    if budget.text < 0:
        reading.unread.add("text-limit")
    reading.text, dropped = normalise("\n".join(map(without_footer, texts)))
    reading.hidden, _ = normalise(reading.hidden[: limits.TEXT_BYTES])
    reading.invisible = dropped
    return reading


def _read_part(reading: Reading, part: Part, budget: _Budget) -> str:
    """Add what a part shows to the reading, as far as the budget goes; gives its visible text."""
    is_html = part.content_type == "text/html"
    left = budget.html if is_html else budget.text
    if left <= 0 or budget.text <= 0:
        reading.unread.add("text-limit")
        return ""
    source = to_text(part.payload(left + 1), part.charset)
    if len(source) > left:
        reading.unread.add("text-limit")
        source = source[:left]
    reading.source += len(source)
    if is_html:
        budget.html -= len(source)
        text = _add_page(reading, read_page(source, budget.pages))
    else:
        text = _invitation(source) if part.content_type == _CALENDAR else source
        reading.plain = True
    shown = text[: budget.text]
    budget.text -= len(text)
    return shown


def _invitation(source: str) -> str:
    """Give what an invitation says to people (RFC 5545 3.1 and 3.3.11)."""
    said = "\n".join(_SAID.findall(_FOLD.sub("", source)))
    return _ESCAPED.sub(lambda match: "\n" if match[1] in "nN" else match[1], said)


def _add_page(reading: Reading, page: Page) -> str:
    """Add what an HTML part showed to the reading; gives its visible text."""
    reading.html = True
    reading.hidden += " " + page.hidden
    reading.anchors += page.anchors
    reading.build = Build(*map(add, reading.build, page.build))
    if not page.built:
        reading.unread.add("html-limit")
    return page.text


def without_footer(text: str) -> str:
    """Cut off the footer that list software adds under a line of underscores: it is the list's text, not the author's."""
    start = text.rfind("_" * 30)
    if start >= 0 and len(text) - start < _FOOTER_CHARACTERS and _LIST_WORDS.search(text, start):
        return text[:start].rstrip("_")
    return text


def normalise(text: str) -> tuple[str, int]:
    """Bring look-alike forms to one (NFKC: full-width, mathematical letters) and drop characters without width.

    Gives the text, at most limits.TEXT_BYTES characters of it, and how many characters without width were dropped.
    """
    if text.isascii():
        return text, 0
    plain, dropped = plain_letters(text)
    return plain[: limits.TEXT_BYTES], dropped


def shown_parts(parts: Sequence[Part]) -> list[Part]:
    """Choose the text parts a mail client shows, in reading order.

    Of a multipart/alternative that has a page those are all texts of the alternatives that have one, whatever stands beside it there.
    """
    texts: list[tuple[Part, Part | None, Part]] = []
    with_html: set[int] = set()
    for part, above in _with_boxes(parts):
        if part.content_type in _TEXT and part.disposition != "attachment" and not _returned(above):
            twin, branch = _alternative(part, above)
            texts.append((part, twin, branch))
            if part.content_type == "text/html":
                with_html |= {id(twin), id(branch)}
    return [part for part, twin, branch in texts if not twin or id(branch) in with_html or id(twin) not in with_html]


def _alternative(part: Part, above: Sequence[Part]) -> tuple[Part | None, Part]:
    """Give the nearest multipart/alternative that a part stands in, and which of the alternatives it belongs to."""
    branch = part
    for box in reversed(above):
        if box.content_type == "multipart/alternative":
            return box, branch
        branch = box
    return None, part


def _besides(parts: Sequence[Part], shown: Sequence[Part]) -> list[Part]:
    """Choose the text parts that are not among those shown, and no files; of a true report nothing that it carries back."""
    chosen = set(map(id, shown))
    report = any(part.content_type in _FOR_MACHINES for part in parts)
    return [
        part
        for part, above in _with_boxes(parts)
        if part.content_type.startswith("text/")
        and not (part.disposition == "attachment" or part.filename or id(part) in chosen)
        and not (report and _returned(above))
    ]


def _with_boxes(parts: Sequence[Part]) -> Iterator[tuple[Part, Sequence[Part]]]:
    """Give each part that is no container, with the containers that it stands in, from the outermost on."""
    above: list[Part] = []
    for part in parts:
        while above and above[-1].depth >= part.depth:
            above.pop()
        if part.container:
            above.append(part)
        else:
            yield part, above


def _returned(above: Sequence[Part]) -> bool:
    """Say whether a part belongs to a message that a report carries back."""
    types = [box.content_type for box in above]
    return "message/rfc822" in types and "multipart/report" in types
