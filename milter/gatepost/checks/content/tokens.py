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

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from itertools import count, islice, pairwise
from typing import Final
from zlib import crc32

import numpy as np
import numpy.typing as npt

from gatepost.checks.content.attached import attachment_tokens
from gatepost.checks.content.looks import look_tokens
from gatepost.checks.content.relations import relation_tokens
from gatepost.checks.content.sender import Sender, read_sender, recipient_words, sender_tokens
from gatepost.checks.content.stretches import LONG, NO_PLACES, Places, place
from gatepost.checks.content.structure import structure_tokens
from gatepost.checks.content.text import normalise, read_text
from gatepost.checks.content.urls import Link, read_links, word_tokens
from gatepost.checks.content.words import joined, read_words, without_addresses
from gatepost.mail import limits
from gatepost.mail.message import Message, Shown

FEATURES_VERSION: Final = 4
"""Rises whenever the same message gives other tokens than before: a model fits one version only."""

_LINK_DOMAINS: Final = 10
_DISGUISED: Final = ((1, "=disguised"), (2, "=disguised-some"), (4, "=disguised-many"))
_NOTHING_SHOWN: Final = Shown()
# Reply and forward marks cost a sender nothing and separate list archives from everything else.
_MARKS: Final = frozenset(("re", "fw", "fwd", "aw", "wg", "sv", "vs", "antw", "tr", "rif"))


@dataclass(frozen=True, slots=True)
class Features:
    """The tokens of one message, each once, in reading order; `readable` is False where it had no text at all.

    `unread` names limits that left something out (`text-limit`, `token-limit`, `parts-limit`, ...). `shown` is the visible
    text that they were read from, and where its links lead, for the checks that run after this one. `places` says where
    in a long text which of the tokens stand.
    """

    tokens: tuple[bytes, ...]
    readable: bool
    unread: frozenset[str]
    shown: Shown = _NOTHING_SHOWN
    places: Places = field(default_factory=lambda: NO_PLACES, compare=False)

    def hashes(self) -> npt.NDArray[np.uint32]:
        """Give each token's CRC-32, in the order of `tokens`."""
        return np.fromiter(map(crc32, self.tokens), np.uint32, len(self.tokens))


def extract(message: Message) -> Features:
    """Make the tokens of a message: at most limits.TOKENS; time and memory are bounded by mail.limits; never raises."""
    reading = read_text(message)
    links, link_count = read_links(reading.anchors, reading.text)
    subject = joined(normalise(message.text(b"subject"))[0])
    own = recipient_words(message)
    text = joined(reading.text)
    shown = read_words(without_addresses(text.lower()))
    title = read_words(subject[: limits.HEADER_TEXT_BYTES].lower())
    read = _bounded(_not_own(shown.read, own))
    pairs = list(map(" ".join, pairwise(read)))
    words = dict.fromkeys(_text_tokens(read, pairs))
    unread = set(reading.unread)
    if len(words) >= limits.TOKENS:
        unread.add("token-limit")
    found = dict.fromkeys([f"s:{word}" for word in _not_own(title.read, own) if word not in _MARKS])
    readable = bool(words or found or links or reading.images)
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
                    *relation_tokens(message, sender, subject, links, reading.text, words),
                )
            )
        )
    unread |= {defect for defect in message.mime.defects if defect.endswith("-limit")}
    if message.truncated:
        unread.add("size-limit")
    tokens = _encoded([*found, *words][: limits.TOKENS])
    return Features(
        tokens, readable, frozenset(unread), _shown(reading.text, links), _places(read, pairs, found, words)
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


def _bounded(words: list[str]) -> list[str]:
    """Give words in reading order, at most half of limits.TOKENS."""
    if len(words) > limits.TOKENS // 2:
        # What is to be read stands at the top; padding in front of it must not push it out of sight.
        return words[: limits.TOKENS // 4] + words[-limits.TOKENS // 4 :]
    return words


def _disguises(words: int) -> list[str]:
    """Give the facts about so many disguised words. Text alone says them, so bare text has them too."""
    return [fact for least, fact in _DISGUISED if words >= least]


def _text_tokens(words: Sequence[str], pairs: Sequence[str]) -> list[str]:
    """Give words and pairs of neighbouring words but for numbers alone, which are dates and sums: they say nothing."""
    if any(word[0] == "#" for word in words):
        return [word for word in words if word[0] != "#"] + [
            pair for pair in pairs if pair[0] != "#" or " #" not in pair
        ]
    return [*words, *pairs]


def _places(words: Sequence[str], pairs: Sequence[str], found: Collection[str], tokens: Collection[str]) -> Places:
    """Say where which token of a long text stands; `found` are the tokens before those of the text."""
    if len(words) <= LONG:
        return NO_PLACES
    room = max(limits.TOKENS - len(found), 0)
    return place(words, pairs, dict(zip(islice(tokens, room), count(len(found)), strict=False)))


def _not_own(words: list[str], own: frozenset[str]) -> list[str]:
    """Leave out the recipient's own names."""
    return words if own.isdisjoint(words) else [word for word in words if word not in own]
