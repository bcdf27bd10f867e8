"""MIME fields as lenient clients read them: what a header block and a field value may be taken to say beside what they say.

The one parser (mime.py) reads a header block as RFC 5322 has it and a value as RFC 2045 has it. Clients repair what is broken,
each in its own way. This module gives the other ways: cheap tests say whether a block or a value is plain, so that honest mail
never pays for them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from gatepost.mail import limits
from gatepost.mail.charset import header_text, to_text
from gatepost.mail.header import Header
from gatepost.mail.parameters import strip_comments, unquote

MIME_FIELDS: Final = frozenset({b"content-type", b"content-transfer-encoding", b"content-disposition"})
_NAMES: Final = {
    b"type": b"Content-Type",
    b"encoding": b"Content-Transfer-Encoding",
    b"disposition": b"Content-Disposition",
}

# What a block must not hold to be plain: control characters that some take for line ends or for nothing, a line of white space
# (the end of the header to some, folding to others; among further folded lines it is folding to all), and a MIME field behind
# white space, within another field.
_CONTROLS: Final = b"\0\x0b\x0c\x13\x1a"
_BLANK_LINE: Final = re.compile(rb"\n[ \t]+\r?(?:\n|\Z)(?![ \t])")
# Applied to lower case: without IGNORECASE the search jumps from line end to line end.
_HIDDEN: Final = re.compile(
    rb"\n[ \t]+content-(?:type[ \t]*:[ \t]*[a-z=\"-]{1,30}/"
    rb"|transfer-encoding[ \t]*:[ \t]*(?:base64|quoted|[78]bit|binary|x-uu|x-base|x-quo|uu)"
    rb"|disposition[ \t]*:[ \t]*(?:attach|inline))"
)
_MIME_NAME: Final = re.compile(
    rb"[\s\0:]{0,80}content[-a-z()\0\\]{0,20}?(?:(?P<type>t[()\0\\]{0,4}ype)|(?P<encoding>encod[()\0\\]{0,4}ing)|(?P<disposition>disposition))"
    rb"[\s\0():]{0,20}(?P<value>.*)",
    re.IGNORECASE | re.DOTALL,
)
_LINE: Final = re.compile(rb"([^\r\n]*)(\r\n|\n|\r|\Z)")
_ANY_FIELD: Final = re.compile(rb"[!-9;-~]{1,80}[ \t]{0,20}:")
_SECOND_BLOCK: Final = re.compile(
    rb"(?:[^\r\n]{0,200}(?:\r\n|\n|\r)){0,3}?(?:[!-9;-~]{1,60}:[^\r\n]{0,900}(?:\r\n|\n|\r)){0,20}?(?P<fields>[ \t\0\r\x0b]{0,20}content-(?:type|transfer-encoding|disposition)"
    rb"(?:[ \t\0]{0,20}:|[^a-z0-9:]{1,20}:?[\s\0]{0,20}(?:base64|quoted-|x-uu|multipart/)))",
    re.IGNORECASE,
)
_SECOND_BLOCK_BYTES: Final = 2048
_MISSPELT: Final = frozenset({b"contenttype", b"contenttransferencoding"})
_LETTERS: Final = re.compile(rb"[^a-z]")
_SPACES: Final = b" \t\0\x0b\x0c\x13\x1a"

# Possessive throughout: no run can be shared out between two repetitions, so that matching is linear.
_QUOTED: Final = rb'"(?:[^"\\\r\n]{1,500}+|\\.){0,500}+"'
_TOKEN: Final = rb"[!#$%&'*+./0-9:=?A-Z^_`a-z{|}~@-]{1,500}+"
_FOLD: Final = rb"[ \t]{0,80}+(?:\r?\n[ \t]{1,80}+)?+"
_PLAIN_TYPE: Final = re.compile(
    rb"%b[A-Za-z0-9!#$&^_.+-]{1,80}/[A-Za-z0-9!#$&^_.+-]{1,80}(?:%b;%b(?:[A-Za-z0-9!#$&^_.+-]{1,80}=(?:%b|%b))?+){0,20}+%b\Z"
    % (_FOLD, _FOLD, _FOLD, _QUOTED, _TOKEN, _FOLD)
)
_PARAMETER_NAME: Final = re.compile(rb"(?:\A|[;\s])([A-Za-z0-9!#$&^_.+-]{1,80})=")
_BOUNDARY_AT: Final = re.compile(
    rb"b?o\\?un[\\()\0]{0,4}d[a-z()\\\0]{0,8}[\s\0()\\]{0,20}(?:\*\d{0,3}\*?)?[\s\0()\\]{0,20}=", re.IGNORECASE
)
_QUOTES: Final = re.compile(rb"[\"';,\s]")


@dataclass(frozen=True, slots=True)
class Block:
    """A header block in one reading: its fields, and how far into the bytes that were read it reaches."""

    fields: tuple[Header, ...]
    length: int


@dataclass(slots=True)
class Lines:
    """How many more lines of one message are looked at one by one; `cut` says that there were more."""

    left: int = limits.DOUBTFUL_LINES
    cut: bool = False

    def each(self, found: Iterable[re.Match[bytes]]) -> Iterator[re.Match[bytes]]:
        """Give what was found, one for each line, for as long as there are lines left."""
        for match in found:
            if self.left <= 0:
                self.cut = True
                return
            self.left -= 1
            yield match


def is_plain_block(block: bytes) -> bool:
    """Say whether a header block, its final empty line included, is read alike by all; b"" is."""
    return not block or (ends_with_line(block) and are_plain_values(block))


def are_plain_values(values: bytes) -> bool:
    """Say the same of the values of a header's fields, folding included, in one piece."""
    return (
        values.count(b"\r") == values.count(b"\r\n")
        and len(values.translate(None, _CONTROLS)) == len(values)
        and _BLANK_LINE.search(values) is None
        and _HIDDEN.search(values.lower()) is None
    )


def ends_with_line(block: bytes) -> bool:
    """Say whether an empty line ends a block."""
    return block[-2:] == b"\n\n" or block[-4:] == b"\r\n\r\n" or block in {b"\n", b"\r\n"}


def without_odd_fields(fields: tuple[Header, ...]) -> tuple[Header, ...]:
    """Give the fields that a strict client takes for what they are."""
    return tuple(header for header in fields if is_plain_field(header))


def before_blank_line(block: bytes) -> int:
    """Give the offset behind the first line of white space in a block, where some clients see its end; -1 without one."""
    match = _BLANK_LINE.search(block)
    return match.end() if match else -1


def second_block(content: bytes) -> int:
    """Give the offset at which a content begins with MIME fields of its own, behind a line or two at most; -1 without them."""
    head = content[:_SECOND_BLOCK_BYTES]
    if b"content-" not in head.lower():
        return -1
    match = _SECOND_BLOCK.match(head)
    return match.start("fields") if match else -1


def is_plain_field(header: Header) -> bool:
    """Say whether a field is taken for what it is by all: no white space before its colon, no second colon, no odd name."""
    name = header.name.lower()
    if name in MIME_FIELDS:
        return header.value[:1] != b":" and header.value.lstrip()[:1] != b":"
    return b"content" not in name or (name.rstrip() == name and _LETTERS.sub(b"", name) not in _MISSPELT)


def read_block(data: bytes, lines: Lines) -> Block:
    """Read a header block as leniently as any client: only its MIME fields, wherever a line may be taken for one.

    Takes the block and what follows it, of which at most limits.PART_HEADER_BYTES are read and no more lines than there are left
    of the message's. Lines end in CRLF, LF or CR;
    leading white space, controls and colons are passed over; a line of white space ends the block once a field was seen. Where no such
    line comes, the block ends behind its last field.
    """
    fields: list[tuple[bytes, bytes]] = []
    last, seen = 0, False
    for line in lines.each(_LINE.finditer(data, 0, limits.PART_HEADER_BYTES)):
        text = line[1]
        if not text.strip(_SPACES):
            if text and data[line.end() : line.end() + 1] in {b" ", b"\t"}:
                continue
            if seen or not line[2]:
                return Block(_headers(fields), line.end() if seen and line[2] else last)
            continue
        match = _MIME_NAME.match(text)
        if match and match.lastgroup:
            kind = next(name for name in ("type", "encoding", "disposition") if match[name])
            fields.append((_NAMES[kind.encode()], match["value"]))
            seen, last = True, line.end()
        elif text[:1] in b" \t" and seen:
            if fields and last == line.start():
                fields[-1] = (fields[-1][0], fields[-1][1] + b"\r\n" + text)
                last = line.end()
        elif _ANY_FIELD.match(text):
            seen, last = True, line.end()
    return Block(_headers(fields), last)


def _headers(fields: list[tuple[bytes, bytes]]) -> tuple[Header, ...]:
    return tuple(Header(name, b" " + value.strip(_SPACES)) for name, value in fields)


def is_plain_type(values: tuple[bytes, ...]) -> bool:
    """Say whether Content-Type can be read in one way: at most one field, RFC 2045 5.1 to the letter, no parameter twice."""
    if not values:
        return True
    if len(values) > 1 or _PLAIN_TYPE.match(values[0]) is None:
        return False
    names = [name.lower() for name in _PARAMETER_NAME.findall(values[0])]
    return len(set(names)) == len(names) and not any(b"*" in name for name in names)


def boundaries(values: tuple[bytes, ...]) -> tuple[list[bytes], bool]:
    """Give every boundary that some client may read out of Content-Type fields, and whether there are more.

    At most limits.BOUNDARY_READINGS of them, out of as many places that may name one.

    Behind each name that may mean `boundary`: the whole rest, the rest up to each kind of delimiter, quoted and unquoted, with
    comments, backslashes, encoded words and percent-encoding undone and left alone.
    """
    found: dict[bytes, None] = {}
    places = 0
    for value in values:
        flat = value[: limits.HEADER_TEXT_BYTES].replace(b"\r\n", b"").replace(b"\n", b"")
        for match in _BOUNDARY_AT.finditer(flat):
            places += 1
            if places > limits.BOUNDARY_READINGS:
                return list(found), True
            for form in _forms(flat[match.end() : match.end() + 2 * limits.BOUNDARY_BYTES]):
                if 0 < len(form) <= limits.BOUNDARY_BYTES and form != b"--":
                    found[form] = None
            if len(found) > limits.BOUNDARY_READINGS:
                return list(found)[: limits.BOUNDARY_READINGS], True
    return list(found), False


def _forms(rest: bytes) -> list[bytes]:
    """Give what the text behind `boundary=` may mean."""
    bare = strip_comments(rest)
    texts = [rest, bare, rest.replace(b"\\", b""), rest.split(b"=", 1)[-1]]
    if b"=?" in rest:
        texts.append(header_text(rest).encode("utf-8", "surrogateescape"))
    if b"'" in rest:
        texts += [rest.rsplit(b"'", 1)[-1], unquote(rest.rsplit(b"'", 1)[-1])]
    forms: list[bytes] = []
    for text in texts:
        start = text.lstrip(_SPACES + b"'\"")
        pieces = _QUOTES.split(text, 8)
        forms += [start.rstrip(b" \t;\"'"), text.strip(b" \t;"), text.partition(b";")[0].strip(), *filter(None, pieces)]
        forms += [start.partition(b'"')[0], start.partition(b"\\")[0], text.partition(b";")[0].lstrip(b'"')]
    return forms


def is_multipart(values: tuple[bytes, ...]) -> bool:
    """Say whether Content-Type may mean a multipart to somebody: a boundary, or anything like the word."""
    return any(_BOUNDARY_AT.search(value) or b"part" in value.lower() for value in values)


def text_of(value: bytes) -> str:
    """Give a field value for a sentence: one line, decoded, at most 60 characters."""
    return " ".join(to_text(value[:200]).split())[:60]
