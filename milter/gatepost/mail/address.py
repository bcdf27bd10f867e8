"""Mail addresses, and the one author of a message.

`author()` is the only From parser in Gatepost: DMARC, reputation, display checks and logs all use it. An attacker's way
in is a From field that two readers read differently, so whatever is not plainly one mailbox is said to be `ambiguous` or
`malformed` instead of being guessed at (RFC 5322 3.4 and 3.6.2, RFC 6532, RFC 9989 for multiple authors). The well-known
tricks are several fields or mailboxes, routes, comments inside addresses, encoded words that decode to an address, a
quoted @, text behind the angle bracket ("Composition Kills", USENIX Security 2020). Sloppy but harmless fields, such as
an unquoted comma or dot in a display name, still give their one mailbox.

Envelope paths are another grammar with the same danger: `<any@legitimate.com(a.attack.com>` must never count as
legitimate.com. `parse_path()` gives a domain only when the whole path is one address.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address
from typing import Final

from gatepost.mail import limits
from gatepost.mail.charset import header_text
from gatepost.mail.domain import normal_domain
from gatepost.mail.from_tokens import AuthorProblem, Kind, RefusedError, Token, tokens
from gatepost.mail.header import Header

__all__ = ["Address", "Author", "AuthorProblem", "author", "parse_path"]


@dataclass(frozen=True, slots=True)
class Address:
    """A mailbox: `local`, `domain` (lower case, A-label form; "" when there is none) and the display name."""

    local: str
    domain: str = ""
    display: str = ""

    @property
    def spec(self) -> str:
        """The addr-spec, `local@domain`, or the bare local part where there is no domain."""
        return f"{self.local}@{self.domain}" if self.domain else self.local


@dataclass(frozen=True, slots=True)
class Author:
    """The author of a message.

    `mailbox` is there exactly when one domain is plainly the author's; else `problem` says what kind of trouble it is and
    `reason` is a sentence for people. `display` is the display name, decoded; of a field with a problem, its whole text.
    """

    mailbox: Address | None = None
    problem: AuthorProblem | None = None
    reason: str = ""
    display: str = ""


# RFC 5321 4.1.2: a quoted local part; the possessive quantifier keeps it linear.
_QUOTED_LOCAL: Final = re.compile(r'("(?:[^"\\]|\\.)*+")@(.*)', re.DOTALL)
_KEPT_BYTES: Final = 1_000  # of From fields whose author is kept, so that what is kept stays small
_SPECIALS: Final = frozenset('<>()[]\\,;:"@ ')
_UNQUOTE: Final = re.compile(r"\\(.)", re.DOTALL)


def parse_path(raw: bytes) -> Address | None:
    """Read the path of MAIL FROM or RCPT TO: None for the null path, else an Address; never raises.

    Takes the argument as the MTA hands it over, with or without angle brackets, without ESMTP parameters. A source route
    is dropped (RFC 5321 4.1.1.3 and appendix C). Where the part behind the @ is not a domain name, or the part before it
    is no local part, the domain is "" and `local` keeps the whole text. 8-bit text is UTF-8 (RFC 6531).
    """
    text = raw[: limits.ENVELOPE_BYTES].decode("utf-8", "replace").strip(" \t\r\n")
    if text.startswith("<") and text.endswith(">"):
        text = text[1:-1]
    if not text:
        return None
    mailbox = text.partition(":")[2] if text.startswith("@") and ":" in text else text
    quoted = _QUOTED_LOCAL.fullmatch(mailbox)
    local, at, domain = (quoted[1], "@", quoted[2]) if quoted else mailbox.rpartition("@")
    name = normal_domain(domain) if at else ""
    if not name or not local.isprintable() or (quoted is None and _SPECIALS & set(local)):
        return Address(text)
    return Address(local, name)


def author(headers: tuple[Header, ...]) -> Author:
    """Find the one author of a message; never raises, linear in the size of the From field.

    Takes all header fields as received. Several mailboxes count as one author when they plainly share one domain
    (RFC 9989: that domain is evaluated); the first of them is given.
    """
    fields = tuple(header for header in headers if header.key == b"from")
    size = sum(len(field.value) for field in fields)
    if size > limits.FROM_BYTES:
        return _author_of(fields)  # refused at a glance
    return _author_remembered(fields) if size <= _KEPT_BYTES else _long_author_remembered(fields)


def _author_of(fields: tuple[Header, ...]) -> Author:
    """Find the author in the From fields."""
    if not fields:
        return Author(problem=AuthorProblem.MISSING, reason="There is no From field.")
    try:
        return _one_author(fields)
    except RefusedError as refusal:
        return Author(problem=refusal.problem, reason=refusal.reason, display=header_text(fields[0].value))


# Several checks of one message ask for its author, and the answer depends on the fields alone. Reading a long field may take a
# tenth of a second, so that is remembered too, for the messages under way.
_author_remembered: Final = lru_cache(maxsize=256)(_author_of)
_long_author_remembered: Final = lru_cache(maxsize=8)(_author_of)


def _one_author(fields: Sequence[Header]) -> Author:
    """Read the From fields, or raise RefusedError."""
    if len(fields) > 1:
        raise RefusedError(AuthorProblem.AMBIGUOUS, f"There are {len(fields)} From fields.")
    name, value = fields[0].name, fields[0].value
    if name != name.rstrip(b" \t"):
        # RFC 5322 4.5.3 lets old mail do so; today half of the readers do not see such a field at all.
        raise RefusedError(AuthorProblem.MALFORMED, "White space stands between From and its colon.")
    if len(value) > limits.FROM_BYTES:
        raise RefusedError(AuthorProblem.MALFORMED, f"The From field is longer than {limits.FROM_BYTES} bytes.")
    mailboxes = list(_mailboxes(tokens(value.decode("utf-8", "surrogateescape"))))
    if not mailboxes:
        problem = AuthorProblem.MALFORMED if value.strip() else AuthorProblem.MISSING
        raise RefusedError(problem, "The From field holds no address.")
    if len({mailbox.domain for mailbox in mailboxes}) > 1:
        raise RefusedError(AuthorProblem.AMBIGUOUS, f"The From field names {len(mailboxes)} mailboxes.")
    return Author(mailbox=mailboxes[0], display=mailboxes[0].display)


def _mailboxes(stream: Iterator[Token]) -> Iterator[Address]:
    """Split an address list at its separators and read each element (RFC 5322 3.4)."""
    element: list[Token] = []
    angle, elements = False, 1
    for token in stream:
        mark = token.text if token.kind is Kind.SPECIAL else ""
        if mark == ":" and not angle:
            raise RefusedError(AuthorProblem.AMBIGUOUS, "The From field holds a group or an unquoted colon.")
        if mark in (",", ";") and not angle:
            yield from _element(element)
            element = []
            elements += 1
            if elements > limits.MAILBOXES:
                raise RefusedError(AuthorProblem.AMBIGUOUS, f"There are more than {limits.MAILBOXES} mailboxes.")
            continue
        angle = mark == "<" or (angle and mark != ">")
        element.append(token)
    if angle:
        raise RefusedError(AuthorProblem.MALFORMED, "An angle bracket in the From field is not closed.")
    yield from _element(element)


def _element(element: Sequence[Token]) -> Iterator[Address]:
    """Read what stands between two commas: a mailbox, nothing, or words of a display name with an unquoted comma."""
    if any("=?" in token.text and len(token.text) > limits.ENCODED_WORD_BYTES for token in element):
        raise RefusedError(AuthorProblem.MALFORMED, "An encoded word in the From field is too long to read.")
    hidden = _read([token for token in element if token.kind is Kind.COMMENT or "=?" in token.text])
    if "@" in hidden and "<" in hidden:
        raise RefusedError(AuthorProblem.AMBIGUOUS, "A second address hides in a comment or an encoded word.")
    marks = [place for place, token in enumerate(element) if token.kind is Kind.SPECIAL]
    words = [token for token in element if token.kind in (Kind.ATOM, Kind.QUOTED)]
    if marks:
        yield _in_angles(element, marks)
    elif any("@" in word.text for word in words):
        comments = [token for token in element if token.kind is Kind.COMMENT]
        yield _mailbox(_trim(element), _read(comments[-1:]))
    elif "@" in hidden:
        raise RefusedError(AuthorProblem.AMBIGUOUS, "An address in the From field hides in an encoded word.")


def _in_angles(element: Sequence[Token], marks: Sequence[int]) -> Address:
    """Read `display name <local@domain>` (RFC 5322 3.4: name-addr)."""
    if len(marks) != 2 or element[marks[0]].text != "<" or element[marks[1]].text != ">":
        # Colons and commas in here are the routes of RFC 5322 4.4, which readers resolve in two ways.
        raise RefusedError(AuthorProblem.AMBIGUOUS, "The From field has more than one address in one place.")
    phrase, behind = element[: marks[0]], element[marks[1] + 1 :]
    if any(token.kind in (Kind.ATOM, Kind.QUOTED) for token in behind):
        raise RefusedError(AuthorProblem.AMBIGUOUS, "Text follows the address in the From field.")
    inside = element[marks[0] + 1 : marks[1]]
    while inside and inside[0].kind is Kind.SPACE:
        inside = inside[1:]
    while inside and inside[-1].kind is Kind.SPACE:
        inside = inside[:-1]
    mailbox = _mailbox(inside, _read([token for token in phrase if token.kind is not Kind.COMMENT]))
    for word in phrase:
        # `boss@bank.example <x@attack.example>`: some readers take the first. Outlook's `'ann@example.org'` is the same to all.
        named = word.text.partition("@")[2].removesuffix("'")
        if word.kind is Kind.ATOM and "@" in word.text and normal_domain(named) != mailbox.domain:
            raise RefusedError(AuthorProblem.AMBIGUOUS, "The display name holds another address, not quoted.")
    return mailbox


def _trim(element: Sequence[Token]) -> Sequence[Token]:
    """Drop comments and white space around an address without angle brackets."""
    places = [place for place, token in enumerate(element) if token.kind in (Kind.ATOM, Kind.QUOTED)]
    return element[places[0] : places[-1] + 1]


def _mailbox(spec: Sequence[Token], display: str) -> Address:
    """Read an addr-spec that must be one atom, or a quoted string and one atom, without anything between."""
    if len(spec) == 1 and spec[0].kind is Kind.ATOM:
        local, _, domain = spec[0].text.rpartition("@")
        if "@" in local:
            raise RefusedError(AuthorProblem.AMBIGUOUS, "An address in the From field has two @.")
    elif len(spec) == 2 and spec[0].kind is Kind.QUOTED and spec[1].kind is Kind.ATOM and spec[1].text[0] == "@":
        local, domain = spec[0].text, spec[1].text[1:]
        if set("@<>,") & set(local):
            raise RefusedError(AuthorProblem.AMBIGUOUS, "A quoted local part in the From field holds an address.")
    else:
        raise RefusedError(AuthorProblem.MALFORMED, "The address in the From field is broken.")
    if _is_literal(domain):
        raise RefusedError(AuthorProblem.LITERAL, "The author's address has an IP address in place of a domain.")
    name = normal_domain(domain, overlong=True)
    if not local or not name or not local.isprintable() or "=?" in local:
        raise RefusedError(AuthorProblem.MALFORMED, "The address in the From field is not valid.")
    return Address(local, name, display)


def _is_literal(domain: str) -> bool:
    """Say whether a domain is an IP address in brackets (RFC 5321 4.1.3); `[example.org]` is none, and no domain either."""
    if not (domain.startswith("[") and domain.endswith("]")):
        return False
    inside = domain[1:-1]
    try:
        return ip_address(inside[5:]).version == 6 if inside[:5].lower() == "ipv6:" else ip_address(inside).version == 4
    except ValueError:
        return False


def _read(phrase: Sequence[Token]) -> str:
    """Give the words of a display name decoded: quotes removed, encoded words read (RFC 2047 5)."""
    words = "".join(
        _UNQUOTE.sub(r"\1", token.text[1:-1]) if token.kind is Kind.QUOTED else token.text for token in phrase
    )
    return header_text(words.encode("utf-8", "surrogateescape"))
