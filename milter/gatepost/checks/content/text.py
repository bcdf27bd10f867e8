"""What a message says to the person who opens it: its visible text, over all parts that a mail client shows.

A client shows one alternative of a multipart/alternative, the HTML one where there is one (RFC 2046 5.1.4), so the plain
twin is not read: it is where spam hides a second, harmless text. What a bounce carries back (the message inside a
multipart/report, RFC 6522) was written by somebody else and is not read either. Attachments are not text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
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


def read_text(message: Message) -> Reading:
    """Read the visible text of a message, at most limits.TEXT_BYTES characters of it; never raises."""
    reading = Reading()
    texts: list[str] = []
    left, html_left, allowance = limits.TEXT_BYTES, limits.HTML_BYTES, Allowance()
    for part in shown_parts(message.mime.parts):
        is_html = part.content_type == "text/html"
        budget = html_left if is_html else left
        if budget <= 0 or left <= 0:
            reading.unread.add("text-limit")
            break
        source = to_text(part.payload(budget + 1), part.charset)
        if len(source) > budget:
            reading.unread.add("text-limit")
            source = source[:budget]
        reading.source += len(source)
        if is_html:
            html_left -= len(source)
            text = _add_page(reading, read_page(source, allowance))
        else:
            text = source
            reading.plain = True
        texts.append(text[:left])
        left -= len(text)
    if left < 0:
        reading.unread.add("text-limit")
    reading.text, dropped = normalise("\n".join(map(without_footer, texts)))
    reading.hidden, _ = normalise(reading.hidden[: limits.TEXT_BYTES])
    reading.invisible = dropped
    return reading


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
    """Choose the text parts a mail client shows, in reading order."""
    texts: list[tuple[Part, Part | None]] = []
    with_html: set[int] = set()
    above: list[Part] = []
    for part in parts:
        while above and above[-1].depth >= part.depth:
            above.pop()
        if part.container:
            above.append(part)
        elif part.content_type in _TEXT and part.disposition != "attachment" and not _returned(above):
            twin = next((box for box in reversed(above) if box.content_type == "multipart/alternative"), None)
            texts.append((part, twin))
            if part.content_type == "text/html":
                with_html.add(id(twin))
    return [part for part, twin in texts if part.content_type == "text/html" or not twin or id(twin) not in with_html]


def _returned(above: Sequence[Part]) -> bool:
    """Say whether a part belongs to a message that a report carries back."""
    types = [box.content_type for box in above]
    return "message/rfc822" in types and "multipart/report" in types
