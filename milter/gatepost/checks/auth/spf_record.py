"""SPF records by their grammar (RFC 7208 7.1 and 12): terms, and the macros in them.

pyspf's own expressions let through what the grammar forbids and refuse some of what it allows. A syntax error anywhere makes
the whole record unusable (4.6), so a record is read to its end before a term of it is evaluated, and reading asks no DNS.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import spf

from gatepost.evidence import Status


@dataclass(frozen=True, slots=True)
class Macro:
    """One `%{...}`: its letter as written, the right-hand parts to keep (0 for all), and the letters that split its value."""

    letter: str
    parts: int
    reverse: bool
    delimiters: str


Spec = tuple[str | Macro, ...]
"""A macro-string: text and macros, in order."""


@dataclass(frozen=True, slots=True)
class Term:
    """A mechanism or a modifier; `target` is None where the current domain is meant, `network` is an address of ip4 or ip6."""

    text: str
    name: str
    target: Spec | None = None
    result: Status = Status.PASS
    network: str = ""
    prefix4: int = 32
    prefix6: int = 128


@dataclass(frozen=True, slots=True)
class Record:
    """What a record says: its mechanisms in order, and the two modifiers that mean something."""

    mechanisms: tuple[Term, ...]
    redirect: Term | None = None
    explanation: Term | None = None


_KEPT_BYTES: Final = 512  # of records that are kept once read: those that RFC 7208 3.4 recommends
_MACRO: Final = re.compile(
    r"%(?:(?P<escape>[%_-])|\{(?P<letter>[slodiphcrtv])(?P<digits>[0-9]*)(?P<reverse>r?)(?P<delimiters>[-.+,/_=]*)\})",
    re.IGNORECASE | re.ASCII,
)
_ESCAPES: Final[Mapping[str, str]] = {"%": "%", "_": " ", "-": "%20"}
_LITERAL: Final = re.compile(r"[ -$&-~]*")
_TOP_LABEL: Final = re.compile(r"(?![0-9]+\Z)[0-9a-z](?:[0-9a-z-]*[0-9a-z])?", re.IGNORECASE | re.ASCII)
_MODIFIER: Final = re.compile(r"([a-z][a-z0-9_.-]*)=(.*)", re.IGNORECASE | re.ASCII | re.DOTALL)
_MECHANISM: Final = re.compile(
    # qualifier, name, argument, length for IPv4, length for IPv6
    r"([-+?~]?)([a-z][a-z0-9]*)(?::(.*?))?(?:/(0|[1-9][0-9]{0,2}))?(?://(0|[1-9][0-9]{0,2}))?",
    re.IGNORECASE | re.ASCII,
)
_WITH_LENGTH4: Final = frozenset({"a", "mx", "ip4"})
_WITH_LENGTH6: Final = frozenset({"a", "mx", "ip6"})
_RESULTS: Final[Mapping[str, Status]] = {
    "": Status.PASS,
    "+": Status.PASS,
    "-": Status.FAIL,
    "~": Status.SOFTFAIL,
    "?": Status.NEUTRAL,
}


def parse(terms: str) -> Record:
    """Read what follows `v=spf1`; raises pyspf's PermError, which names the term, for the first syntax error."""
    return _parse_remembered(terms) if len(terms) <= _KEPT_BYTES else _parse(terms)


def _parse(terms: str) -> Record:
    """Read all terms of a record."""
    mechanisms: list[Term] = []
    known: dict[str, Term] = {}
    for text in filter(None, terms.split(" ")):
        modifier = _MODIFIER.fullmatch(text) if "=" in text else None
        term = _modifier(text, modifier[1].lower(), modifier[2]) if modifier else _mechanism(text)
        if term is None:
            raise spf.PermError("syntax error", text)
        if not modifier:
            mechanisms.append(term)
        elif term.name in ("redirect", "exp"):
            if term.name in known:
                raise spf.PermError(f"a second {term.name} modifier", text)  # RFC 7208 6
            known[term.name] = term
    return Record(tuple(mechanisms), known.get("redirect"), known.get("exp"))


# What big senders let others include comes with mail after mail, and the answer depends on the text alone.
_parse_remembered: Final = lru_cache(maxsize=256)(_parse)


def explain_string(text: str) -> Spec | None:
    """Read the text that `exp` leads to, or give None for a syntax error (RFC 7208 6.2)."""
    pieces: list[str | Macro] = []
    end = 0
    for match in _MACRO.finditer(text):
        digits = match["digits"]
        if digits and not int(digits):
            return None  # RFC 7208 7.3: the number must not be zero
        pieces.append(text[end : match.start()])
        pieces.append(
            _ESCAPES[match["escape"]]
            if match["escape"]
            else Macro(match["letter"], int(digits or 0), bool(match["reverse"]), match["delimiters"] or ".")
        )
        end = match.end()
    pieces.append(text[end:])
    literals = pieces[::2]
    return tuple(pieces) if all(isinstance(each, str) and _LITERAL.fullmatch(each) for each in literals) else None


def _macro_string(text: str) -> Spec | None:
    """Read a macro-string of a term; `c`, `r` and `t` belong to explanations (RFC 7208 7.2)."""
    pieces = explain_string(text)
    if pieces is None or any(isinstance(each, Macro) and each.letter in "crtCRT" for each in pieces):
        return None
    return pieces


def _domain_spec(text: str) -> Spec | None:
    """Read a domain-spec, which ends in a macro or in a top label (RFC 7208 7.1: domain-end)."""
    pieces = _macro_string(text)
    if pieces is None:
        return None
    last = str(pieces[-1])  # the text behind the last macro
    _, dot, label = last.removesuffix(".").rpartition(".")
    right = _TOP_LABEL.fullmatch(label) if dot else not last and len(pieces) > 1
    return pieces if right else None


def _modifier(text: str, name: str, value: str) -> Term | None:
    """Read a modifier; an unknown one means nothing, but has to be well formed, too (RFC 7208 6)."""
    target = _domain_spec(value) if name in ("redirect", "exp") else _macro_string(value)
    return None if target is None else Term(text, name, target)


def _mechanism(text: str) -> Term | None:
    """Read a directive: a mechanism behind its qualifier."""
    match = _MECHANISM.fullmatch(text)
    if match is None:
        return None
    sign, name, argument, length4, length6 = match.groups()
    name = name.lower()
    if name == "ip6":
        length4, length6 = length6, length4  # its one slash leads to the length for IPv6
    target, network = None, ""
    match name:
        case "all":
            right = argument is None
        case "include" | "exists":
            target = _domain_spec(argument or "")
            right = target is not None
        case "a" | "mx" | "ptr":
            target = None if argument is None else _domain_spec(argument)
            right = argument is None or target is not None
        case "ip4" | "ip6":
            network = argument or ""
            right = bool((spf.RE_IP4 if name == "ip4" else spf.RE_IP6).fullmatch(network))
        case _:
            right = False
    prefix4, prefix6 = int(length4 or 32), int(length6 or 128)
    if (length4 and name not in _WITH_LENGTH4) or (length6 and name not in _WITH_LENGTH6):
        return None
    if not right or prefix4 > 32 or prefix6 > 128:
        return None
    return Term(text, name, target, _RESULTS[sign], network, prefix4, prefix6)
