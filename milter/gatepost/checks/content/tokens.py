"""From a message to tokens: the features that training counts and the live check scores, made by the same code.

A token is a short byte string, readable as it stands, so that a verdict can quote it. Its first characters say where it
was found:

    pills            a word of the visible text (lower case, see words.py)
    cheap pills      two words next to each other; numbers stand there as #4: digits count, their value does not
    s:pills          a word of the subject
    f:support        a word of the sender's display name
    u:unsubscribe    a word of a link's path
    d:example.com    the registrable domain of the sender's address
    l:example.com    the registrable domain of a link
    =link-ip         a fact about links, structure, looks, or how the parts of the message agree

Whose domains stand in a message is told to a site's own labels, and to the memory of a model (training/columns.py): on mail
from elsewhere they are words that nobody has met, since who a sender is, is for authentication and reputation to say.
A message either has a token or not: repetition buys nothing.
Names of the recipient are not tokens, because a mailbox's own name says nothing about the next mailbox. Tokens are
hashed by CRC-32, which does not change between processes, machines or releases.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

import numpy as np
import numpy.typing as npt

from gatepost.checks.content._loops import hash_all, number_tokens
from gatepost.checks.content.attached import attachment_tokens
from gatepost.checks.content.looks import look_tokens
from gatepost.checks.content.relations import relation_tokens, telling_words
from gatepost.checks.content.sender import Sender, read_sender, recipient_words, sender_tokens
from gatepost.checks.content.stretches import LONG, NO_PLACES, Places
from gatepost.checks.content.structure import structure_tokens
from gatepost.checks.content.text import normalise, read_text
from gatepost.checks.content.urls import Link, read_links, word_tokens
from gatepost.checks.content.words import joined, read_words, without_addresses
from gatepost.mail import limits
from gatepost.mail.message import Message, Shown

FEATURES_VERSION: Final = 5
"""Rises whenever the same message gives other tokens than before: a model fits one version only."""

_LINK_DOMAINS: Final = 10
_DISGUISED: Final = ((1, "=disguised"), (2, "=disguised-some"), (4, "=disguised-many"))
_NOTHING_SHOWN: Final = Shown()
# Reply and forward marks cost a sender nothing and separate list archives from everything else.
_MARKS: Final = frozenset(("re", "fw", "fwd", "aw", "wg", "sv", "vs", "antw", "tr", "rif"))


_Hashes = npt.NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class Said:
    """The tokens of a text: distinct words, then distinct pairs of neighbours, each in reading order.

    `text` is the words with a space between them. Of each token `hashes` has the CRC-32 and `spans` where in `text` it
    begins and ends. `places` says where in a long text which of the message's tokens stand.
    """

    text: bytes = b""
    hashes: _Hashes = field(default_factory=lambda: np.zeros(0, np.uint32))
    spans: _Hashes = field(default_factory=lambda: np.zeros((0, 2), np.uint32))
    places: Places = field(default_factory=lambda: NO_PLACES)


_NOTHING_SAID: Final = Said()


@dataclass(frozen=True, slots=True)
class Features:
    """The tokens of one message, each once: what it was found to have, `named`, then what it `said`.

    `readable` is False where it had no text at all. `unread` names limits that left something out (`text-limit`,
    `token-limit`, `parts-limit`, ...). `shown` is the visible text that they were read from, and where its links lead, for
    the checks that run after this one. Tokens are bytes only when asked for: the model knows them by their hashes.
    """

    named: tuple[bytes, ...]
    readable: bool
    unread: frozenset[str]
    shown: Shown = _NOTHING_SHOWN
    said: Said = field(default_factory=lambda: _NOTHING_SAID, compare=False)

    @property
    def size(self) -> int:
        """How many tokens there are."""
        return len(self.named) + len(self.said.hashes)

    @property
    def places(self) -> Places:
        """Where in a long text which of the tokens stand."""
        return self.said.places

    @property
    def tokens(self) -> tuple[bytes, ...]:
        """All tokens."""
        text = self.said.text
        return (*self.named, *(text[begin:end] for begin, end in self.said.spans.tolist()))

    def name(self, which: Sequence[int]) -> list[str]:
        """Give some of the tokens, to be shown to people."""
        named, text, spans = self.named, self.said.text, self.said.spans.data
        first = len(named)
        found = [named[at] if at < first else text[spans[at - first, 0] : spans[at - first, 1]] for at in which]
        return [str(token, "utf-8", "replace") for token in found]

    def hashes(self) -> _Hashes:
        """Give each token's CRC-32, in the order of `tokens`."""
        return np.frombuffer(hash_all(self.named, self.said.hashes), np.uint32)


def extract(message: Message) -> Features:
    """Make the tokens of a message: at most limits.TOKENS; time and memory are bounded by mail.limits; never raises."""
    reading = read_text(message)
    links, link_count = read_links(reading.anchors, reading.text)
    subject = joined(normalise(message.text(b"subject"))[0])
    own = recipient_words(message)
    text = joined(reading.text)
    shown = read_words(without_addresses(text.lower()))
    title = read_words(subject[: limits.HEADER_TEXT_BYTES].lower())
    words, count, telling = telling_words(shown.text, own)
    whole = count <= limits.TOKENS // 2
    found = dict.fromkeys([f"s:{word}" for word in _not_own(title.read, own) if word not in _MARKS])
    readable = bool(words or found or links or reading.build.images)
    found.update(dict.fromkeys(_disguises(len(shown.disguised | title.disguised))))
    if not _headless(message):
        sender = read_sender(message)
        found.update(
            dict.fromkeys(
                (
                    *sender_tokens(sender, own),
                    *word_tokens(links, own),
                    *attachment_tokens(message.mime),
                    *structure_tokens(reading, subject, links, link_count),
                    *look_tokens(message, reading, subject, spaced_out=len(reading.text) - len(text)),
                    *_identities(sender, links),
                    *relation_tokens(message, sender, subject, links, reading.text, telling),
                )
            )
        )
    unread = reading.unread | {defect for defect in message.mime.defects if defect.endswith("-limit")}
    if message.truncated:
        unread.add("size-limit")
    if not whole or len(found) > limits.TOKENS:
        unread.add("token-limit")
    named = _encoded([*found][: limits.TOKENS])
    said = _said(words if whole else _ends(words), len(named))
    return Features(named, readable, frozenset(unread), _shown(reading.text, links), said)


def _ends(text: bytes) -> bytes:
    """Give the first and the last words of a text, as many as half of limits.TOKENS.

    What is to be read stands at the top; padding in front of it must not push it out of sight.
    """
    words = text.split(b" ")
    return b" ".join(words[: limits.TOKENS // 4] + words[-limits.TOKENS // 4 :])


def _said(text: bytes, first: int) -> Said:
    """Give the tokens of words that stand between spaces, the first of them as number `first` of the message.

    Numbers alone, which are dates and sums, are none, nor are two of them side by side: they say nothing.
    """
    hashes, spans, found = number_tokens(text, first, limits.TOKENS - first)
    places = np.frombuffer(found, np.int32).reshape(2, -1)
    return Said(
        text,
        np.frombuffer(hashes, np.uint32),
        np.frombuffer(spans, np.uint32).reshape(-1, 2),
        places if places.shape[1] > LONG else NO_PLACES,
    )


def _shown(text: str, links: Sequence[Link]) -> Shown:
    """Give what a reader sees, as it is handed on."""
    return Shown(text, tuple(f"http://{link.host}/" for link in links if link.domain))


def _identities(sender: Sender, links: Sequence[Link]) -> list[str]:
    """Give whose domains stand in a message: nothing to tell strangers by, but what a site's own labels are about."""
    domains = dict.fromkeys(link.domain for link in links if link.domain)
    return [f"d:{sender.domain}"] * bool(sender.domain) + [f"l:{domain}" for domain in islice(domains, _LINK_DOMAINS)]


def _encoded(tokens: list[str]) -> tuple[bytes, ...]:
    """Give tokens, which hold no line ends, as bytes: all at once, since one call for each costs more than the work."""
    return tuple("\n".join(tokens).encode("utf-8", "replace").split(b"\n")) if tokens else ()


def _headless(message: Message) -> bool:
    """Say whether a message is bare text, with none of the fields every real message has (RFC 5322 3.6).

    Text-only corpora are like that: what is not known of their headers is missing, not absent, and must teach nothing.
    """
    return not (message.every(b"from") or message.every(b"date") or message.every(b"message-id"))


def _disguises(words: int) -> list[str]:
    """Give the facts about so many disguised words. Text alone says them, so bare text has them too."""
    return [fact for least, fact in _DISGUISED if words >= least]


def _not_own(words: list[str], own: frozenset[str]) -> list[str]:
    """Leave out the recipient's own names."""
    return words if own.isdisjoint(words) else [word for word in words if word not in own]
