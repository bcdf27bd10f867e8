"""From a message to tokens: the features that training counts and the live check scores, made by the same code.

A token is a short byte string, readable as it stands, so that a verdict can quote it. Its first characters say where it
was found:

    pills            a word of the visible text (lower case; numbers become #4: digits count, their value does not)
    cheap pills      two words next to each other
    s:pills          a word of the subject
    f:support        a word of the sender's display name
    =link-ip         a fact about links, structure, looks, or how the parts of the message agree

Domains, hosts and top-level domains are not tokens: a model learns from them which corpus a message came from, and who
a sender is, is for authentication and reputation to say. Text in scripts without spaces between words (Chinese, Japanese, Thai) gives character pairs. A message either has a token
or not: repetition buys nothing. Names of the recipient are not tokens, because a mailbox's own name says nothing about
the next mailbox. Tokens are hashed by CRC-32, which does not change between processes, machines or releases.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import Final
from zlib import crc32

import numpy as np
import numpy.typing as npt

from gatepost.checks.content.looks import look_tokens
from gatepost.checks.content.relations import relation_tokens
from gatepost.checks.content.stopwords import STOPWORDS, spaceless_word
from gatepost.checks.content.structure import recipient_words, sender_tokens, structure_tokens
from gatepost.checks.content.text import normalise, read_text
from gatepost.checks.content.urls import read_links
from gatepost.mail import limits
from gatepost.mail.message import Message

FEATURES_VERSION: Final = 1
"""Rises whenever the same message gives other tokens than before: a model fits one version only."""

_WORD: Final = re.compile(r"[^\W_]+(?:['’][^\W_]{1,3}(?![^\W_]))?")
# The same for lower-case ASCII, three times as fast.
_ASCII_WORD: Final = re.compile(r"[a-z0-9]+(?:'[a-z0-9]{1,3}(?![a-z0-9]))?")
# Signs that stand for letters join a word; they are looked for only where there are any.
_LEET_WORD: Final = re.compile(r"[^\W_]+(?:[@$!][^\W_]+)*(?:['’][^\W_]{1,3}(?![^\W_]))?")
_LEET_SIGN: Final = re.compile(r"(?<=[^\W_])[@$!](?=[^\W_])")
_LEET: Final = str.maketrans("013457@$!", "oieastasi")
_SIGNS: Final = str.maketrans("", "", "@$!")
_SPACED_OUT: Final = re.compile(r"[ .*_-](?<=\b[^\W_].)[^\W_](?:[ .*_-][^\W_]){2,}(?![^\W_])", re.DOTALL)
_LETTER_BY_LETTER: Final = re.compile(r"(?<![^\W_])[^\W_]([ .*_-])[^\W_](?:\1[^\W_]){2,}(?![^\W_])")
_URL: Final = re.compile(r"(?:https?://|www\.)[!-~]{1,2000}")
_MAILBOX: Final = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}+@[\w.-]{1,253}")
# Thai, Lao, Khmer, Burmese; kana; Han. Hangul puts spaces between words.
_SPACELESS: Final = re.compile(
    "[\u0e01-\u0eff\u1000-\u109f\u1780-\u17ff\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0002ffff]+"
)
_LONGEST: Final = 24
# Reply and forward marks cost a sender nothing and separate list archives from everything else.
_MARKS: Final = ("re", "fw", "fwd", "aw", "wg", "sv", "vs", "antw", "tr", "rif")


@dataclass(frozen=True, slots=True)
class Features:
    """The tokens of one message, each once, in reading order; `readable` is False where it had no text at all.

    `unread` names limits that left something out (`text-limit`, `token-limit`, `parts-limit`, ...).
    """

    tokens: tuple[bytes, ...]
    readable: bool
    unread: frozenset[str]

    def hashes(self) -> npt.NDArray[np.uint32]:
        """Give each token's CRC-32, in the order of `tokens`."""
        return np.fromiter(map(crc32, self.tokens), np.uint32, len(self.tokens))


def extract(message: Message) -> Features:
    """Make the tokens of a message: at most limits.TOKENS; time and memory are bounded by mail.limits; never raises."""
    reading = read_text(message)
    links, link_count = read_links(reading.anchors, reading.text)
    subject = _joined(normalise(message.text(b"subject"))[0])
    own = recipient_words(message)
    words = dict.fromkeys(_text_tokens(_joined(reading.text), own))
    unread = set(reading.unread)
    if len(words) >= limits.TOKENS:
        unread.add("token-limit")
    found: dict[str, None] = {}
    found.update(dict.fromkeys(f"s:{word}" for word in _words(subject[: limits.HEADER_TEXT_BYTES]) if word not in own))
    for mark in _MARKS:
        found.pop(f"s:{mark}", None)
    readable = bool(words or found or links or reading.images)
    if not _headless(message):
        found.update(dict.fromkeys(sender_tokens(message, own)))
        found.update(dict.fromkeys(structure_tokens(message, reading, subject, links, link_count)))
        found.update(dict.fromkeys(look_tokens(message, reading, subject)))
        found.update(dict.fromkeys(relation_tokens(message, subject, links, reading.text, words)))
    found.update(words)
    unread |= {defect for defect in message.mime.defects if defect.endswith("-limit")}
    if message.truncated:
        unread.add("size-limit")
    tokens = "\n".join(islice(found, limits.TOKENS)).encode("utf-8", "replace").split(b"\n") if found else []
    return Features(tuple(tokens), readable, frozenset(unread))


def _headless(message: Message) -> bool:
    """Say whether a message is bare text, with none of the fields every real message has (RFC 5322 3.6).

    Text-only corpora are like that: what is not known of their headers is missing, not absent, and must teach nothing.
    """
    return not (message.every(b"from") or message.every(b"date") or message.every(b"message-id"))


def _text_tokens(text: str, own: frozenset[str]) -> list[str]:
    """Give words and pairs of neighbouring words, at most limits.TOKENS; the recipient's own names left out."""
    if "://" in text or "www." in text:
        text = _URL.sub(" ", text)
    if "@" in text:
        text = _MAILBOX.sub(" ", text)
    words = [word for word in _words(text) if word not in own]
    if len(words) > limits.TOKENS // 2:
        # What is to be read stands at the top; padding in front of it must not push it out of sight.
        words = words[: limits.TOKENS // 4] + words[-limits.TOKENS // 4 :]
    pairs = [f"{first} {second}" for first, second in pairwise(words) if first[0] != "#" or second[0] != "#"]
    return [word for word in words if word[0] != "#"] + pairs


def _joined(text: str) -> str:
    """Join words that are written letter by letter: `V I A G R A`, `v.i.a.g.r.a`."""
    if _SPACED_OUT.search(text) is None:
        return text
    return _LETTER_BY_LETTER.sub(lambda match: match[0].replace(match[1], ""), text)


def _words(text: str) -> list[str]:
    """Cut text into normal words: lower case, two to 24 characters, numbers by their length."""
    text = text.lower()
    pairs: list[str] = []
    finder = _ASCII_WORD
    if _LEET_SIGN.search(text):
        finder = _LEET_WORD
    elif not text.isascii():
        finder = _WORD
    if not text.isascii():
        for run in _SPACELESS.findall(text):
            pairs += filter(spaceless_word, map("".join, pairwise(run)))
        text = _SPACELESS.sub(" ", text)
    plain = [
        word if word.isalpha() else _shape(word)
        for word in finder.findall(text)
        if 1 < len(word) <= _LONGEST and word not in STOPWORDS
    ]
    return [word for word in plain if word] + pairs


def _shape(word: str) -> str:
    """Give what is kept of a word that is not letters alone.

    That is the digit count of a number, `it's` as it is, the word that digits and signs stand for (`v1agra`) where half of
    it is letters, else what is short; "" for the rest.
    """
    if word.isdigit():
        return f"#{len(word)}"
    bare = word.translate(_SIGNS)
    if "'" in bare or "’" in bare:
        return word.replace("’", "'")
    if 2 * sum(map(str.isalpha, bare)) >= len(word):
        return word.translate(_LEET)
    return word if len(word) <= 6 else ""
