"""What the attachments say, where the message itself says little: spam and phishing that moved into a PDF, a picture or a page.

The text and links that the attachment check laid open are judged by the same model as a message's own text: as if they had
been written into a message with the same subject and sender. So there is nothing new to train, and the reasons read alike.
Where the message has text of its own, that is what it is judged by: what honest people attach (contracts, advertisements that
they forward to talk about them) is not what they say.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from gatepost.checks.content.classifier import ContentCheck
from gatepost.checks.content.text import read_text
from gatepost.checks.content.tokens import extract
from gatepost.evidence import Evidence, Found
from gatepost.mail import limits
from gatepost.mail.envelope import Envelope
from gatepost.mail.header import Header
from gatepost.mail.message import Inner, Message

CODES: Final[Mapping[str, str]] = {
    "attached.spam": "The message says little, and the learned classifier takes what is attached for spam",
    "attached.phish": "The message says little, and the learned classifier takes what is attached for phishing",
}

LITTLE: Final = 300
"""Letters of visible text below which a message says little: `please see the attached invoice` with greeting and signature."""

_ENOUGH: Final = 40
"""Letters of attached text, or one link, below which there is nothing to judge."""

_KEPT: Final = frozenset({b"from", b"to", b"cc", b"date", b"message-id", b"subject", b"reply-to"})
_LETTER: Final = re.compile(r"[^\W\d_]")
_OWN_FACTS: Final = frozenset({"class", "probability"})
"""Facts that speak for the message's own text; they are renamed."""


@dataclass(frozen=True, slots=True)
class EnclosedCheck:
    """The check `attached`. Takes the content check, whose model and thresholds it uses."""

    content: ContentCheck

    @property
    def name(self) -> str:
        """The check's name, `attached`."""
        return "attached"

    @property
    def codes(self) -> Mapping[str, str]:
        """Each code with its meaning."""
        return CODES

    @property
    def after(self) -> frozenset[str]:
        """The check that lays open what is attached, and the one whose opinion of the message itself comes first."""
        return frozenset({"attachment", "content"})

    def run(self, envelope: Envelope, message: Message, found: Found) -> Sequence[Evidence]:  # noqa: ARG002  the contract
        """Give a finding where what is attached looks like spam or phishing and the message says little; never raises."""
        if not message.inner:
            return ()
        told = [inner for inner in message.inner if inner.text or inner.urls]
        if not told or _letters(read_text(message).text, LITTLE) >= LITTLE:
            return ()
        text = _joined(told)
        if _letters(text, _ENOUGH) < _ENOUGH and not any(inner.urls for inner in told):
            return ()
        opinion = self.content.finding(extract(_letter(message, text)), None)
        word = opinion.code.partition(".")[2]
        if word not in {"spam", "phish"}:
            return ()
        facts = {f"attached.{key}" if key in _OWN_FACTS else key: fact for key, fact in opinion.facts.items()}
        detail = opinion.detail.replace("The text ", f"What is attached ({told[0].source}) ", 1)
        return (replace(opinion, check="attached", code=f"attached.{word}", detail=detail, facts=facts),)


def _letters(text: str, enough: int) -> int:
    """Count letters, at most `enough`."""
    count = 0
    for _ in _LETTER.finditer(text):
        count += 1
        if count >= enough:
            break
    return count


def _joined(told: Sequence[Inner]) -> str:
    """Give text and links of all that was laid open, each link that the text does not show on a line."""
    pieces, left = [], limits.TEXT_BYTES
    for inner in told:
        links = [url for url in inner.urls if url not in inner.text]
        piece = "\n".join((inner.text, *links))[:left]
        left -= len(piece)
        pieces.append(piece)
        if left <= 0:
            break
    return "\n".join(pieces)


def _letter(message: Message, text: str) -> Message:
    """Give a message with the same sender and subject that says what is attached."""
    headers = [header for header in message.headers if header.key in _KEPT]
    headers.append(Header(b"Content-Type", b" text/plain; charset=utf-8"))
    return Message(tuple(headers), text.replace("\n", "\r\n").encode("utf-8", "replace"))
