"""Tokens in words for people: what the classifier counts, said so that a postmaster, or the sender, can follow it.

A token is short and exact, because it is hashed and stored (`=links-home-none`, `s:#4`, `cheap pills`). Here each becomes
a phrase that can stand in a list: words are quoted and say where they stood, facts are told, and the steps of numbers give
the bounds they stand for. Every fact that the features can give has its phrase; a test reads their sources and fails for
one that has none. A fact that is not known here, from another version's record, is told by its own name.

Tokens hold what a sender wrote. A phrase is one short line of printable characters, whatever a token holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from gatepost.checks.content.looks import STEPS
from gatepost.checks.content.site import LIKENESS, LOCAL
from gatepost.mail import limits

_LONGEST: Final = 60
"""Characters of a token that are said; a pair of the longest words has 49."""

_PLACES: Final = {
    "s:": "in the subject",
    "f:": "in the sender's name",
    "u:": "in a link",
    "d:": "as the sender's domain",
    "l:": "as the domain of a link",
}

_FACTS: Final[Mapping[str, str]] = {
    # Who it says it is from.
    "=from-name-address": "the sender's name is itself an address",
    "=from-freemail": "the sender uses a free mail provider",
    "=from-role": "the sender's address is a role (info, support, no-reply)",
    "=from-digits": "three or more digits in the sender's address",
    "=from-long": "the sender's address is long",
    "=from-below": "the sender writes from a subdomain",
    "=domain-digits": "two or more digits in the sender's domain",
    "=domain-long": "the sender's domain is long",
    "=domain-hyphen": "a hyphen in the sender's domain",
    "=domain-unspeakable": "the sender's domain has hardly a vowel",
    "=domain-cheap": "the sender's domain is under an ending that costs next to nothing",
    "=name-none": "the sender gives no name",
    "=name-own": "the sender's name fits its domain",
    "=name-local": "the sender's name fits its address",
    "=name-other": "the sender's name fits neither its address nor its domain",
    "=name-brand-own": "the sender's name is that of a known brand, and so is its domain",
    "=name-brand-elsewhere": "the sender's name is that of a known brand, its domain is not",
    "=reply-freemail": "answers go to a free mail account",
    "=reply-elsewhere": "answers go to another domain than the sender's",
    "=id-none": "there is no message id",
    "=re-answer": "it answers an earlier message",
    "=re-nothing": "it claims to answer, but names no earlier message",
    "=brand-own": "a known brand speaks of itself",
    "=brand-elsewhere": "a known brand is spoken of by somebody else",
    # Where its links lead.
    "=links-home-none": "links lead away from the sender's domain",
    "=links-home-some": "few links lead to the sender's domain",
    "=links-home-most": "most links lead to the sender's domain",
    "=links-home-all": "all links lead to the sender's domain",
    "=links-hyphen": "a hyphen in a link's domain",
    "=links-digits": "three or more digits in a link's domain",
    "=link-ip": "a link to a bare IP address",
    "=link-punycode": "a link to a host name in other than plain letters",
    "=link-port": "a link to an unusual port",
    "=link-login": "a link with a user name in front of the host",
    "=link-shortener": "a link through a shortening service",
    "=link-cheap": "a link to a domain under an ending that costs next to nothing",
    "=link-mismatch": "a link whose text shows another domain",
    # What is attached, and how it is built.
    "=multipart/report": "it is a delivery report",
    "=message/delivery-status": "it carries a delivery status for machines",
    "=text/calendar": "it carries an invitation",
    "=message/rfc822": "it carries another message",
    "=att-program": "an attached program",
    "=att-archive": "an attached archive",
    "=att-page": "an attached web page",
    "=att-office": "an attached office document",
    "=att-pdf": "an attached PDF",
    "=att-calendar": "an attached calendar file",
    "=att-text": "an attached text file",
    "=att-other": "an attachment of an unusual kind",
    "=is-pdf": "an attached file that is a PDF inside",
    "=is-zip": "an attached file that is a zip archive inside",
    "=is-program": "an attached file that is a program inside",
    "=is-archive": "an attached file that is an archive inside",
    "=is-compound": "an attached file that is an old office document inside",
    "=is-page": "an attached file that is a web page inside",
    "=type-mismatch": "an attached file that is not what its name says",
    "=mime-parts-limit": "it has too many parts to read them all",
    "=mime-part-header-limit": "a part has too many header fields to read them all",
    "=mime-depth-limit": "its parts are nested too deep to read them all",
    "=mime-delimiter-limit": "it has too many lines that are nearly delimiters to read them all",
    "=mime-no-boundary": "parts are announced without a boundary between them",
    "=mime-no-delimiter": "parts are announced, but none begins",
    "=mime-no-close-delimiter": "the last part does not end",
    "=mime-duplicate-content-type": "a part states its type twice",
    "=mime-duplicate-content-transfer-encoding": "a part states its encoding twice",
    "=mime-duplicate-content-disposition": "a part states twice how it is shown",
    # How it looks.
    "=html": "formatted text (HTML)",
    "=plain": "plain text",
    "=quoting": "it quotes earlier text",
    "=form": "a form to fill in",
    "=image-instead": "pictures in place of text",
    "=hidden-most": "more hidden text than visible text",
    "=invisible-many": "many characters that cannot be seen",
    "=mixed-script": "words that mix two alphabets",
    "=script-greek": "a text in Greek letters",
    "=script-cyrillic": "a text in Cyrillic letters",
    "=script-hebrew": "a text in Hebrew letters",
    "=script-arabic": "a text in Arabic letters",
    "=script-indic": "a text in a script of India",
    "=script-thai": "a text in Thai letters",
    "=script-kana": "a text in Japanese",
    "=script-han": "a text in Chinese characters",
    "=script-hangul": "a text in Korean letters",
    "=spaced-out": "words written letter by letter",
    "=disguised": "a word written with other letters or digits",
    "=disguised-some": "two or more words written with other letters or digits",
    "=disguised-many": "four or more words written with other letters or digits",
    "=subject-capitals": "the subject shouts in capitals",
    "=subject-emoji": "an emoji in the subject",
    "=subject-foreign": "the subject goes beyond ASCII",
    "=unsubscribe": "it offers to unsubscribe",
    "=bulk-form": "the form of commercial bulk mail, which people may have asked for",
    "=legal-1": "one word of legal notices",
    "=legal-2": "two words of legal notices",
    "=legal-3": "three or more words of legal notices",
    "=postal": "a postal address at its end",
}

SIZES: Final[Mapping[str, Sequence[int]]] = {
    "links": (0, 1, 5, 20),
    "text": (0, 100, 400, 1500, 6000),
    "links-domains": (1, 2, 4, 8),
    "links-path": (1, 20, 60, 150),
}
"""The bounds of the coarse sizes that structure.py and relations.py give, as they stand there; a test compares them."""

# What is counted, with the range in place of {}, and what to say where there is none of it.
_COUNTED: Final[Mapping[str, tuple[str, str]]] = {
    "links": ("{} link{s}", "no links"),
    "text": ("{} characters of text", "no visible text"),
    "links-domains": ("links to {} domain{s}", ""),
    "links-path": ("the longest link has a path of {} character{s}", ""),
    "words": ("{} words", ""),
    "capitals": ("{} % capital letters", ""),
    "digits": ("{} % digits", "no digits"),
    "exclaims": ("{} exclamation mark{s} in 1,000 characters", "no exclamation mark"),
    "asks": ("{} question mark{s} in 1,000 characters", "no question mark"),
    "money": ("{} currency signs in 1,000 characters", "no currency sign"),
    "foreign": ("{} % of the text beyond ASCII", "nothing beyond ASCII"),
    "emoji": ("{} emoji in 1,000 characters", "no emoji"),
    "word-length": ("words of {} letters on average", ""),
    "lines": ("{} line ends in 1,000 characters", ""),
    "distinct": ("{} % different words", ""),
    "pictures": ("{} picture{s}", "no pictures"),
    "cells": ("{} table cells", "no tables"),
    "fonts": ("{} font tags", "no font tags"),
    "styles": ("{} styled elements", "no styled elements"),
    "breaks": ("{} line break tags", "no line break tags"),
    "shown": ("{} % of the source is visible text", ""),
    "size": ("a body of {} bytes", ""),
    "parts": ("{} MIME part{s}", ""),
    "hidden": ("{} characters of hidden text", "no hidden text"),
    "subject": ("a subject of {} characters", ""),
    "subject-capitals": ("{} % capital letters in the subject", ""),
    "subject-digits": ("{} digit{s} in the subject", "no digits in the subject"),
    "subject-exclaims": ("{} exclamation mark{s} in the subject", "no exclamation mark in the subject"),
}


_WHOLE: Final = frozenset(
    "links text links-domains links-path words pictures cells fonts styles breaks size parts hidden subject "
    "subject-digits subject-exclaims".split()
)
"""What is counted in whole numbers: more than 1 and at most 4 of them are 2 to 4."""


def _stepped(name: str, bounds: Sequence[float]) -> Iterator[tuple[str, str]]:
    """Give the token and the phrase of each step of a number: a value is in step n when it exceeds n of the bounds."""
    template, none = _COUNTED.get(name, (f"{name.replace('-', ' ')} {{}}", ""))
    for step, (low, high) in enumerate(zip((None, *bounds), (*bounds, None), strict=True)):
        told = _between(low, high, whole=name in _WHOLE)
        phrase = template.format(told, s="" if told.split(" ")[-1] == "1" else "s")
        yield f"={name}-{step}", none if none and high == 0 else phrase


def _between(low: float | None, high: float | None, *, whole: bool) -> str:
    """Say the range above `low` and up to `high`."""
    if high is None:
        return f"more than {low:,}"
    if low is None:
        return f"at most {high:,}"
    if whole:
        return f"{low + 1:,} to {high:,}" if low + 1 < high else f"{high:,}"
    return f"{low:,} to {high:,}" if low else f"up to {high:,}"


_NUMBERS: Final[Mapping[str, Sequence[float]]] = {**STEPS, **SIZES}

PHRASES: Final[Mapping[str, str]] = {
    **_FACTS,
    **{token: phrase for name, bounds in _NUMBERS.items() for token, phrase in _stepped(name, bounds)},
}
"""What is said of each fact that the features can give."""


def speak(token: str) -> str:
    """Say a token as people would: a word and where it stood, or a fact. At most some 150 printable characters."""
    if token == LIKENESS:
        return "a message like it that was labelled here"
    if token.startswith(LOCAL):
        return f"{speak(token.removeprefix(LOCAL))} by local labels"
    phrase = PHRASES.get(token)
    if phrase:
        return phrase
    token = _printable(token)
    if token.startswith("="):
        return token[1:].replace("-", " ").strip() or "a fact without a name"
    if token.startswith("h:"):
        return _field(token[2:])
    place = _PLACES.get(token[:2], "")
    told = _words(token[2:] if place else token)
    return f"{told} {place}" if place else told


def _field(token: str) -> str:
    """Say what of a header field counts: that it is there, what follows it, or a word of its value."""
    name, told, word = token.partition("=")
    if told:
        return f'"{word}" in the field {name}'
    name, follows, other = name.partition(">")
    return f"the field {other} right after {name}" if follows else f"a field {name}"


def _words(text: str) -> str:
    """Quote words; a number, of which only its length is known, is told."""
    told: list[str] = []
    quoted: list[str] = []
    for word in text.split(" "):
        if word[:1] == "#" and word[1:].isascii() and word[1:].isdigit():
            told += [f'"{" ".join(quoted)}"'] if quoted else []
            quoted = []
            told.append(f"a {word[1:]}-digit number")
        else:
            quoted.append(word)
    return " and ".join(told + ([f'"{" ".join(quoted)}"'] if quoted else []))


def _printable(token: str) -> str:
    """Make one short printable piece of a token, in which a quotation mark cannot end the quotation."""
    token = token.replace('"', "'")
    cut = token if len(token) <= _LONGEST else token[: _LONGEST - 1] + "…"
    if cut.isprintable():
        return cut
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in cut)


def reasons(tokens: Iterable[str], most: int) -> list[str]:
    """Say the first few tokens; one that shares a word with a token before it says the same again and is left out."""
    told: list[str] = []
    seen: set[str] = set()
    for token in tokens:
        words = set((token[2:] if token[:2] in _PLACES else token).split(" "))
        if len(told) < most and not words & seen:
            told.append(speak(token))
        seen |= words
    return told


def sentence(head: str, toward: Sequence[str], against: Sequence[str]) -> str:
    """Give a sentence with its reasons in both directions, within limits.DETAIL_CHARACTERS: the weakest are dropped first."""
    toward, against = list(toward), list(against)
    while True:
        told = f"{head}{_listed(', mostly for: ', toward)}{_listed('; against it: ', against)}."
        if len(told) <= limits.DETAIL_CHARACTERS or not (toward or against):
            return told
        (toward if len(toward) > len(against) else against).pop()


def _listed(lead: str, phrases: Sequence[str]) -> str:
    return lead + ", ".join(phrases) if phrases else ""
