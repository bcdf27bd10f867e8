"""Tokens about how a message is built and who it says it is from, beside what it says.

These are the features that give a corpus away most easily (mailing lists are plain text, spam traps are HTML), so only
what a sender's intent shapes is used: attachment kinds, links against text, hiding tricks, a reply address elsewhere.
Reply marks, references, mailer names, dates, recipients and hosts in message ids are left out on purpose.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from gatepost.checks.content.stopwords import STOPWORDS
from gatepost.checks.content.text import Reading, normalise
from gatepost.checks.content.urls import Link
from gatepost.mail import limits
from gatepost.mail.message import Message
from gatepost.mail.suffix import registrable

# Which domain is the author's is for mail.author to say; a feature may read any of them, as a person would.
_MAILBOX: Final = re.compile(r"([^\s<>@,;:\"]{1,80})@([a-z0-9.-]{1,253})", re.IGNORECASE)
_WORD: Final = re.compile(r"[^\W\d_]{2,24}")
_VIA_LIST: Final = re.compile(r"\s(?:via|durch|por)\s.*\Z", re.IGNORECASE)
_MIXED_SCRIPT: Final = re.compile("[a-z][\u0370-\u03ff\u0400-\u04ff]|[\u0370-\u03ff\u0400-\u04ff][a-z]", re.IGNORECASE)
# Five single letters: the search skips from separator to separator, and each letter must stand alone.
_SPACED_OUT: Final = re.compile(r"[ .*-](?<=\b\w.)\w(?:[ .*-]\w){3}\b", re.DOTALL)
_EXTENSION: Final = re.compile(r"\.([a-z0-9]{1,6})\Z", re.IGNORECASE)

_LOOKS_CHARACTERS: Final = 4_000
"""Characters of text whose looks (mixed scripts, spaced-out letters) are examined."""

_KINDS: Final = {
    extension: kind
    for kind, extensions in {
        "program": "exe scr com pif bat cmd js jse vbs vbe wsf hta lnk ps1 jar msi cpl iso img vhd apk",
        "archive": "zip rar 7z gz tgz bz2 xz ace cab arj lzh tar z uue",
        "page": "htm html shtml xhtml mht svg",
        "office": "doc docx docm dot xls xlsx xlsm xlsb ppt pptx pptm rtf one odt ods csv",
        "image": "gif jpg jpeg png bmp tif tiff webp heic ico",
        "pdf": "pdf",
        "calendar": "ics vcs",
        "text": "txt patch diff log asc sig c h py md vcf eml",
    }.items()
    for extension in extensions.split()
}
FREEMAIL: Final = frozenset(
    "gmail.com googlemail.com yahoo.com hotmail.com outlook.com live.com aol.com icloud.com gmx.de gmx.net web.de mail.ru "
    "yandex.ru yandex.com qq.com 163.com 126.com sina.com protonmail.com proton.me zoho.com mail.com inbox.ru".split()
)


def recipient_words(message: Message) -> frozenset[str]:
    """Give the words of the To addresses (local part and domain): the recipient's own names, which prove nothing."""
    text = message.text(b"to")[: limits.HEADER_TEXT_BYTES].lower()
    found = first_mailboxes(text, 20)
    return frozenset(word for local, domain in found for word in _WORD.findall(f"{local} {domain}"))


def first_mailboxes(text: str, most: int) -> list[tuple[str, str]]:
    """Give the first (local part, domain) pairs that stand in an address field."""
    return [(match[1], match[2].lower()) for _, match in zip(range(most), _MAILBOX.finditer(text), strict=False)]


def sender_tokens(message: Message, own: frozenset[str]) -> Iterator[str]:
    """Give words of the sender's name, and how Reply-To relates to the address; the recipient's own words left out."""
    sender, _ = normalise(message.text(b"from"))
    mailboxes = first_mailboxes(sender, 2)
    name = _VIA_LIST.sub("", sender.partition("<")[0][:200].lower()) if "<" in sender else ""
    for word in _WORD.findall(name)[:12]:
        if word not in own and word not in STOPWORDS:
            yield f"f:{word}"
    if "@" in name:
        yield "=from-name-address"
    if not mailboxes:
        return
    domain = registrable(mailboxes[0][1])
    replies = first_mailboxes(message.text(b"reply-to"), 1)
    if replies and registrable(replies[0][1]) != domain:
        yield "=reply-freemail" if replies[0][1] in FREEMAIL else "=reply-elsewhere"


def structure_tokens(
    message: Message, reading: Reading, subject: str, links: Sequence[Link], link_count: int
) -> Iterator[str]:
    """Give what can be said about the build of a message, from what was already read of it."""
    yield from _attachment_tokens(message)
    yield from _text_shape(reading)
    yield from _subject_shape(subject)
    yield f"=links-{_size(link_count, (0, 1, 5, 20))}"
    yield from sorted({f"=link-{oddity}" for link in links for oddity in link.oddities})


def _attachment_tokens(message: Message) -> Iterator[str]:
    """Give attachment kinds and the report parts that mark a bounce."""
    for part in message.mime.parts[:100]:
        if part.content_type in ("multipart/report", "message/delivery-status", "text/calendar", "message/rfc822"):
            yield f"={part.content_type}"
        elif part.disposition == "attachment" or part.filename:
            match = _EXTENSION.search(part.filename[-40:])
            kind = _KINDS.get(match[1].lower(), "other") if match else "other"
            if kind != "image":
                yield f"=att-{kind}"
    for defect in sorted(message.mime.defects):
        yield f"=mime-{defect}"


def _text_shape(reading: Reading) -> Iterator[str]:
    """Give the length of the text, its hiding tricks, and what stands in for text."""
    seen = len(reading.text.strip())
    yield f"=text-{_size(seen, (0, 100, 400, 1500, 6000))}"
    if reading.images and seen < 200:
        yield "=image-instead"
    if reading.forms:
        yield "=form"
    hidden = len(reading.hidden.strip())
    if hidden > max(400, seen):
        yield "=hidden-most"
    if reading.invisible > max(20, seen // 20):
        yield "=invisible-many"
    text = reading.text
    if not text.isascii() and _MIXED_SCRIPT.search(text, 0, _LOOKS_CHARACTERS):
        yield "=mixed-script"
    if _SPACED_OUT.search(text, 0, _LOOKS_CHARACTERS):
        yield "=spaced-out"


def _subject_shape(subject: str) -> Iterator[str]:
    """Give what the look of a subject says: shouting, symbols."""
    letters = [character for character in subject[:200] if character.isalpha()]
    if len(letters) > 8 and sum(character.isupper() for character in letters) > 0.7 * len(letters):
        yield "=subject-capitals"
    if any(ord(character) >= 0x1F300 for character in subject[:200]):
        yield "=subject-emoji"


def _size(number: int, steps: tuple[int, ...]) -> int:
    """Give how many of the steps a number exceeds: a coarse size."""
    return sum(number > step for step in steps)
