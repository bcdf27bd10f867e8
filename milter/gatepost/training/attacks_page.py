"""Pages and words as an attack changes them: the text of a page, but not its tags.

HTML is cut into tags and text by a scanner that never looks at a byte twice. It does not repair pages; it only keeps an
attack on words from changing a tag, a script or a comment.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

# A word that may be changed, or (not captured) an address, link or entity that must stay what it is. Each run is bounded.
_WORD: Final = re.compile(r"(?:https?://|www\.)\S{1,2000}|[\w.+-]{1,64}@[\w.-]{1,253}|&#?\w{1,32};|([A-Za-z]{2,40})")
_OPAQUE: Final = ("script", "style", "title", "noscript", "template", "textarea")
_NAME: Final = re.compile(r"</?([A-Za-z][A-Za-z0-9]{0,20})")
_SPACE: Final = re.compile(r"[ \t]{2,}")
_BODY: Final = re.compile(r"<body(?:\s[^<>]{0,2000})?>", re.IGNORECASE)
_BODY_END: Final = re.compile(r"</body\s{0,5}>", re.IGNORECASE)
_HEAD: Final = re.compile(r"<head(?:\s[^<>]{0,500})?>", re.IGNORECASE)
_ROOT: Final = re.compile(r"<html(?:\s[^<>]{0,500})?>", re.IGNORECASE)

Change = Callable[[str], str]
"""What is done to one word or to one stretch of text."""


def change_words(text: str, change: Change) -> str:
    """Change the words of a text; addresses, links and entities stay as they are."""
    return _WORD.sub(lambda match: change(match[1]) if match[1] else match[0], text)


def change_page(html: str, change: Change) -> str:
    """Change the words of a page that are text; tags, comments, scripts, styles and the title stay as they are."""
    return "".join(piece if markup else change_words(piece, change) for markup, piece in pieces(html))


def pieces(html: str) -> Iterator[tuple[bool, str]]:
    """Cut a page into (is markup, piece); joined they are the page. What is not closed is markup to the end."""
    at = 0
    while at < len(html):
        start = html.find("<", at)
        if start < 0:
            yield False, html[at:]
            return
        if start > at:
            yield False, html[at:start]
        end = _markup_end(html, start)
        yield True, html[start:end]
        at = end


def _markup_end(html: str, start: int) -> int:
    """Give the offset behind the tag, comment or opaque element that begins at `start`."""
    if html.startswith("<!--", start):
        end = html.find("-->", start + 4)
        return len(html) if end < 0 else end + 3
    name = _NAME.match(html, start)
    end = html.find(">", start) + 1
    if end <= 0:
        return len(html)
    if name and name[1].lower() in _OPAQUE and html[start + 1] != "/":
        closing = re.compile(f"</{name[1]}", re.IGNORECASE).search(html, end)
        if closing is None:
            return len(html)
        end = html.find(">", closing.end()) + 1
        return end if end > 0 else len(html)
    return end


def text_as_markup(text: str) -> str:
    """Give text as HTML that shows it."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return escaped.replace("\n", "<br>\n")


def as_page(text: str) -> str:
    """Give a text as a whole page."""
    return f"<html><body><p>{_SPACE.sub(' ', text_as_markup(text))}</p></body></html>"


def inside(html: str, markup: str, *, at_end: bool) -> str:
    """Put markup first or last into the body of a page, wherever that body is."""
    if at_end:
        ends = [match.start() for match in _BODY_END.finditer(html)]
        at = ends[-1] if ends else len(html)
        return f"{html[:at]}<p>{markup}</p>{html[at:]}"
    found = _BODY.search(html) or _ROOT.search(html)
    at = found.end() if found else 0
    return html[:at] + markup + html[at:]


def in_head(html: str, markup: str) -> str:
    """Put markup into the head of a page; one that has none gets one."""
    found = _HEAD.search(html)
    if found:
        return html[: found.end()] + markup + html[found.end() :]
    root = _ROOT.search(html)
    at = root.end() if root else 0
    return f"{html[:at]}<head>{markup}</head>{html[at:]}"
