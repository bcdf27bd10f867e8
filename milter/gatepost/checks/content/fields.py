"""Header fields as a site's labels know them: which ones a program writes, in which order, and what stands in them.

The shipped model does not read them: on other people's mail they tell where a corpus was collected, and a program that is common
among spam of one year writes wanted mail in another. At one site they tell its own mail apart: the people who write to
it, their programs, the lists that it is on. So they are for what is labelled there (site.py), and for nothing else.

Only fields that the author's side writes are read. Trace fields, verdicts of filters and marks of delivery agents are not:
a message in a folder has some that it did not have when it came, and a label must not learn in which folder it was found.
Nor is to whom it went: one person who reports spam would turn the filter against the mail of that person.

A token is `h:` and the name of a field that is there; two names that follow each other (`h:from>subject`); a name and a word
of its value (`h:x-mailer=outlook`), of Message-ID and Date what the sending program makes of them: letters as `a`, digits as `0`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import Final

from gatepost.mail import limits
from gatepost.mail.header import Header
from gatepost.mail.message import Message

_SPOKEN: Final = frozenset(
    b"from reply-to sender errors-to x-sender x-mailer user-agent x-mimeole mime-version content-type content-class "
    b"content-transfer-encoding content-language content-disposition organization accept-language x-accept-language x-priority "
    b"x-msmail-priority importance priority precedence auto-submitted x-auto-response-suppress list-id x-mailing-list x-loop "
    b"feedback-id x-campaign x-originating-ip x-php-originating-script x-originatororg x-operating-system "
    b"disposition-notification-to return-receipt-to".split()
)
"""Fields whose words are told. Unstructured ones that hold a text (Subject) are read elsewhere."""

_MADE: Final = frozenset((b"message-id", b"date"))
"""Fields that a program makes anew for each message: their shape is told."""

_NAMED: Final = frozenset(
    b"in-reply-to references thread-index thread-topic list-unsubscribe list-unsubscribe-post list-help list-owner list-post "
    b"mail-followup-to resent-from x-report-abuse x-csa-complaints x-entity-ref-id x-face face openpgp autocrypt x-url".split()
)
"""Fields that are told to be there, and no more: each value stands in one conversation, or in one message."""

_AUTHORED: Final = _SPOKEN | _MADE | _NAMED
_WORD: Final = re.compile(rb"[^\s\"<>()\[\];,=]+")
_LETTERS: Final = re.compile(rb"[a-z]+")
_DIGITS: Final = re.compile(rb"[0-9]+")
_LONG_WORD: Final = 24
"""Bytes of a word that is told as it is; what is longer, such as a boundary, is told by its shape."""


Fields = tuple[bytes, ...]
"""The tokens of a message's header fields, each once."""


def no_fields() -> Fields:
    """Give no fields: what text without a header of its own has."""
    return ()


def field_tokens(message: Message) -> Fields:
    """Give the tokens of a message's header fields, in order; never raises.

    Bounds: limits.LEARNED_FIELDS fields, of each limits.LEARNED_FIELD_WORDS words of its first limits.LEARNED_FIELD_BYTES bytes.
    """
    authored = list(islice((each for each in message.headers if each.key in _AUTHORED), limits.LEARNED_FIELDS))
    found: dict[bytes, None] = {}
    before = b""
    for header in authored:
        name = b"h:" + header.key
        found[name] = None
        if before:
            found[before + b">" + header.key] = None
        before = name
        for word in _words(header):
            found[name + b"=" + word] = None
    return tuple(found)


def _words(header: Header) -> Iterator[bytes]:
    """Give what is told of a field's value: words, or its shape, or nothing."""
    if header.key in _NAMED:
        return
    value = header.value[: limits.LEARNED_FIELD_BYTES].lower().strip()
    if header.key == b"date":
        yield _shape(value)
        yield value.split()[-1] if value else b""
    elif header.key == b"message-id":
        local, _, domain = value.strip(b"<>").partition(b"@")
        yield _shape(local)
        yield domain[:_LONG_WORD]
    else:
        for match in islice(_WORD.finditer(value), limits.LEARNED_FIELD_WORDS):
            word = match[0]
            yield word if len(word) <= _LONG_WORD else _shape(word)


def _shape(value: bytes) -> bytes:
    """Give the shape of what a program made: runs of letters as `a`, of digits as `0`, the signs between as they are."""
    return _DIGITS.sub(b"0", _LETTERS.sub(b"a", value))[:_LONG_WORD]
