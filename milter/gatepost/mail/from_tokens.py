"""The words of an address field: one linear scan that cuts a From value into tokens (RFC 5322 3.2).

The scan knows no addresses; `gatepost.mail.address` makes mailboxes of the tokens. What cannot be cut into tokens in one
way only (an open quote or comment, control characters, a stray backslash) is refused here with a sentence that says why.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class AuthorProblem(StrEnum):
    """Why there is no one author domain."""

    MISSING = "missing"
    AMBIGUOUS = "ambiguous"
    MALFORMED = "malformed"
    LITERAL = "literal"
    """One clear mailbox at an IP address, `user@[192.0.2.1]`: there is no domain to ask about."""


class RefusedError(Exception):
    """The field has no one plain author; carries the problem and its sentence."""

    def __init__(self, problem: AuthorProblem, reason: str) -> None:
        super().__init__(reason)
        self.problem = problem
        self.reason = reason


class Kind(StrEnum):
    """What a token is."""

    SPACE = "space"
    COMMENT = "comment"
    QUOTED = "quoted"
    SPECIAL = "special"
    ATOM = "atom"


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the field: a comment's text is without its parentheses, a quoted string's with its quotes."""

    kind: Kind
    text: str


# Atoms take in everything that is not structure: dots, brackets and 8-bit text stand in display names all the time. The
# colons of an address literal, `user@[IPv6:2001:db8::1]`, are none either (RFC 5321 4.1.3).
# The possessive quantifiers keep an unclosed quote and long atoms linear.
_TOKEN: Final = re.compile(
    r'(?P<space>[ \t\r\n]+)|(?P<quoted>"(?:[^"\\]|\\.)*+")|(?P<special>[<>,;:])'
    r'|(?P<atom>(?:[^ \t\r\n"()<>,;:\\@]++|@\[[A-Za-z0-9.:]{1,80}\]|@)++)',
    re.DOTALL,
)
_COMMENT_STEP: Final = re.compile(r"[^()\\]+|\\.|[()]", re.DOTALL)
# Line ends are there only as folding: CRLF or LF before white space (RFC 5322 2.2.3).
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\n(?![ \t])|\r(?!\n)")


def tokens(text: str) -> Iterator[Token]:
    """Cut an address field into tokens; raises RefusedError for what cannot be read in one way."""
    if _CONTROL.search(text):
        raise RefusedError(AuthorProblem.MALFORMED, "The From field holds control characters.")
    position = 0
    while position < len(text):
        if text[position] == "(":
            end = _comment_end(text, position)
            yield Token(Kind.COMMENT, text[position + 1 : end - 1])
            position = end
            continue
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            raise RefusedError(AuthorProblem.MALFORMED, f"The From field has a stray {text[position]!r}.")
        yield Token(Kind(match.lastgroup), match[0])
        position = match.end()


def _comment_end(text: str, start: int) -> int:
    """Give the offset behind a comment, nested ones included (RFC 5322 3.2.2)."""
    depth = 0
    for step in _COMMENT_STEP.finditer(text, start):
        if step[0] == "(":
            depth += 1
        elif step[0] == ")":
            depth -= 1
            if depth == 0:
                return step.end()
    raise RefusedError(AuthorProblem.MALFORMED, "A comment in the From field is not closed.")
