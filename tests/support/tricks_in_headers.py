"""Tricks in a part's header: the transfer encoding, the end of the header, the file's names."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from urllib.parse import quote

from support.mime_pieces import CTE, MIXED, TEXT, TYPE, attached, b64, body, message, qp, uneven, zipped


def encoding_field_tricks(content: bytes) -> Iterator[tuple[str, bytes]]:
    """Give transfer encodings that can be read in several ways."""
    variants = {
        "base64": (uneven(content), _VALUES_BASE64),
        "quoted-printable": (qp(content), _VALUES_QP),
    }
    for encoding, (text, values) in variants.items():
        for name, value in values.items():
            yield f"{encoding}-{name}", attached(value.replace(b"CTE", CTE.strip()[:-1]) + b"\r\n", text)
        for other in (
            b"7bit",
            b"8bit",
            b"binary",
            b"xxx",
            b"",
            b"quoted-printable" if encoding == "base64" else b"base64",
            b"x-uuencode",
        ):
            true, false = CTE + encoding.encode() + b"\r\n", CTE + other + b"\r\n"
            label = other.decode() or "empty"
            yield f"{encoding}-then-{label}", attached(true + false, text)
            yield f"{label}-then-{encoding}", attached(false + true, text)
            yield f"{label}-then-{encoding}-twice", attached(false + true + true, text)
            yield f"{encoding}-comma-{label}", attached(CTE + encoding.encode() + b"," + other + b"\r\n", text)
            yield f"{label}-comma-{encoding}", attached(CTE + other + b", " + encoding.encode() + b"\r\n", text)
            yield f"{label}-space-{encoding}", attached(CTE + other + b" " + encoding.encode() + b"\r\n", text)
            yield f"{encoding}-space-{label}", attached(CTE + encoding.encode() + b" " + other + b"\r\n", text)


_VALUES_BASE64 = {
    "no-space": b"CTE:base64",
    "tab": b"CTE:\tbase64",
    "vertical-tab": b"CTE:\x0bbase64",
    "cr": b"CTE:\rbase64",
    "case": b"CTE: bASe64",
    "x-": b"CTE: x-base64",
    "folded": b"CTE:\r\n base64",
    "folded-twice": b"CTE:\r\n \r\n base64",
    "far-right": b"CTE: " + b" " * 2000 + b"base64",
    "quoted": b'CTE: "base64"',
    "single-quoted": b"CTE: 'base64'",
    "half-quoted": b'CTE: "base64',
    "escaped": b"CTE: base\\64",
    "encoded-word-b": b"CTE: =?UTF-8?B?YmFzZTY0?=",
    "encoded-word-q": b"CTE: =?UTF-8?Q?base64?=",
    "encoded-word-q-escaped": b"CTE: =?US-ASCII?Q?base=364?=",
    "encoded-word-in-part": b"CTE: ba=?US-ASCII?Q?se64?=",
    "encoded-word-open": b"CTE: =?UTF-8?Q?base64",
    "comment-before": b"CTE: (xx) base64",
    "comment-touching": b"CTE: (xx)base64",
    "comment-within": b"CTE: bas()e64",
    "comment-folded-within": b"CTE: bas(\r\n )e64",
    "comment-behind": b"CTE: base64 (xx)",
    "comment-around": b"CTE: (base64)",
    "comment-open-behind": b"CTE: base64(7bit",
    "comment-open-before": b"CTE: (base64",
    "word-before": b"CTE: xx base64",
    "word-behind": b"CTE: base64 foo",
    "letters-before": b"CTE: xxbase64",
    "letters-behind": b"CTE: base64xx",
    "digit-behind": b"CTE: base645",
    "dash-behind": b"CTE: base64-",
    "doubled": b"CTE: base64base64",
    "comma-behind": b"CTE: base64,",
    "comma-before": b"CTE: ,base64",
    "semicolon-behind": b"CTE: base64;",
    "semicolon-before": b"CTE: ;base64",
    "parameter-behind": b"CTE: base64; charset=utf-8",
    "space-within": b"CTE: base 64",
    "folded-within": b"CTE: bas\r\n e64",
    "nul-before": b"CTE: \0base64",
    "nul-within": b"CTE: bas\0e64",
    "nul-behind": b"CTE: base64\0",
    "space-before-colon": b"CTE : base64",
    "tab-before-colon": b"CTE\t: base64",
    "nul-before-colon": b"CTE\0: base64",
    "two-colons": b"CTE:: base64",
    "field-twice": b"CTE:CTE:base64",
    "colon-in-comment": b"CTE(: )base64",
    "no-colon": b"CTE base64",
    "equals": b"CTE= base64",
    "space-before-field": b" CTE: base64",
    "cr-before-field": b"\rCTE: base64",
    "nul-before-field": b"\0CTE: base64",
    "behind-cr": b"X-Note: file\rCTE: base64",
    "behind-bare-lf": b"X-Note: file\nCTE: base64",
    "behind-cr-cr-lf": b"X-Note: file\r\r\nCTE: base64",
    "behind-lf-cr": b"X-Note: file\n\rCTE: base64",
    "behind-fold": b"X-Note: file\r\n CTE: base64\r\nX-More: y",
    "behind-cr-fold": b"X-Note: file\r CTE: base64\r\nX-More: y",
    "folded-before-colon": b"CTE\r\n : base64",
    "behind-junk-line": b"XXXXXXXXXX\r\nCTE: base64",
    "behind-control-line": b"\x01\x02\x03\r\nCTE: base64",
    "behind-space-line": b" \r\nCTE: base64",
    "behind-colon-line": b":\r\nCTE: base64",
    "before-junk-line": b"CTE: base64\r\nXXXX XXXX",
    "half-comment-in-name": b"Content-Transfe(r-Encoding: base64",
    "misspelt-name": b"Content-TransferEncoding: base64",
    "unknown-then-real-charset": b"CTE: utf-7",
    "transport-name": b"CTE: base-64",
}
_VALUES_QP = {
    "case": b"CTE: qUOteD-PrinTAblE",
    "x-": b"CTE: x-quoted-printable",
    "quoted": b'CTE: "quoted-printable"',
    "short": b"CTE: quoted-printabl",
    "shorter": b"CTE: quoted-print",
    "one-word": b"CTE: quotedprintable",
    "underscore": b"CTE: quoted_printable",
    "space-within": b"CTE: quoted printable",
    "comment-within": b"CTE: quot(x)ed-printable",
    "comment-before": b"CTE: (xx)quoted-printable",
    "folded-within": b"CTE: quot\r\n ed-printable",
    "nul-within": b"CTE: quot\0ed-printable",
    "encoded-word": b"CTE: =?US-ASCII?Q?quote=64=2Dprintable?=",
    "semicolon-behind": b"CTE: quoted-printable;",
    "space-before-colon": b"CTE : quoted-printable",
    "two-colons": b"CTE:: quoted-printable",
    "behind-fold": b"X-Note: file\r\n CTE: quoted-printable",
    "behind-cr": b"X-Note: file\rCTE: quoted-printable",
    "no-colon": b"CTE quoted-printable",
}


def alone_tricks(content: bytes) -> Iterator[tuple[str, bytes]]:
    """Put the fields into the message's own header: the message is the file."""
    for encoding, text, values in (
        ("base64", uneven(content), _VALUES_BASE64),
        ("quoted-printable", qp(content), _VALUES_QP),
    ):
        for name, value in values.items():
            field = value.replace(b"CTE", CTE.strip()[:-1])
            yield f"{encoding}-{name}", message(TYPE + field + b"\r\n", text)
            yield f"{encoding}-{name}-first", message(field + b"\r\n" + TYPE, text)
    for name, other in {"7bit": b"7bit", "unknown": b"xxx", "empty": b""}.items():
        yield f"base64-then-{name}", message(TYPE + CTE + b"base64\r\n" + CTE + other + b"\r\n", uneven(content))
        yield f"{name}-then-base64", message(TYPE + CTE + other + b"\r\n" + CTE + b"base64\r\n", uneven(content))
    yield "not-declared", message(TYPE, b64(content))
    yield "as-text", message(b'Content-Type: text/plain; name="file.txt"\r\n' + CTE + b"base64\r\n", uneven(content))
    yield (
        "as-message",
        message(
            b"Content-Type: message/rfc822\r\n" + CTE + b"base64\r\n",
            b64(b"Subject: x\r\n" + TYPE + CTE + b"base64\r\n\r\n" + b64(content)),
        ),
    )


def header_end_tricks(content: bytes) -> Iterator[tuple[str, bytes]]:
    """Give headers whose end is in doubt, and fields beyond it."""
    fields, text = CTE + b"base64\r\n", uneven(content)
    separators = {
        "none": b"",
        "space": b" \r\n",
        "space-twice": b" \r\n \r\n",
        "tab": b"\t\r\n",
        "vertical-tab": b"\x0b\r\n",
        "vertical-tab-twice": b"\x0b\r\n\x0b\r\n",
        "cr": b"\r",
        "lf": b"\n",
        "cr-cr-lf": b"\r\r\n",
        "lf-cr-lf": b"\n\r\n",
        "crlf-cr": b"\r\n\r",
        "crlf-lf": b"\r\n\n",
        "crlf-crlf": b"\r\n\r\n",
        "letter": b"c\r\n",
        "bracket": b"<\r\n",
        "quotes-after-cr": b'\r""\r\n',
        "nul": b"\0\r\n",
        "data-then-empty": text[:4] + b"\r\n\r\n",
        "stray-data": b"ABCD\r\n\r\n",
        "stray-padded": b"ABC=\r\n\r\n",
        "stray-data-space": b"ABCD\r\n \r\n",
        "stray-padded-space": b"ABC=\r\n \r\n",
        "stray-data-no-empty": b"ABCD\r\n",
        "stray-padded-no-empty": b"ABC=\r\n",
        "stray-twice": b"ABCD\r\nABCD\r\n\r\n",
        "padded-twice": b"ABC=\r\nABC=\r\n\r\n",
        "sentence": b"A sentence without meaning.\r\n\r\n",
        "comment-open": b"X-Note: file(\r\n\r\n",
    }
    for name, separator in separators.items():
        rest = text[4:] if name == "data-then-empty" else text
        yield name, message(MIXED, body(TEXT, TYPE + fields + separator + rest))
    for name, first in {
        "cr": b"\r",
        "lf": b"\n",
        "crlf": b"\r\n",
        "vertical-tab": b"\x0b",
        "space-line": b" \r\n",
        "colon-line": b":\r\n",
        "nul": b"\0",
        "space": b" ",
        "junk-line": b"hello\r\n",
    }.items():
        yield f"begins-with-{name}", message(MIXED, body(TEXT, first + fields + TYPE + b"\r\n" + text))
    second = {
        "in-content": b"\r\n" + fields + b"\r\n",
        "in-content-no-empty": b"\r\n" + fields,
        "in-content-after-sentence": b"\r\nA sentence without meaning.\r\n" + fields + b"\r\n",
        "in-content-between-sentences": b"\r\nA sentence.\r\n" + fields + b"A sentence.\r\n\r\n",
        "in-content-indented": b"\r\n " + fields + b"\r\n",
        "after-sentence": b"A sentence without meaning.\r\n" + fields,
        "after-sentence-empty": b"A sentence without meaning.\r\n" + fields + b"\r\n",
        "all-but-type": b"\r\nContent-Disposition: attachment; filename=file.bin\r\n" + fields + b"\r\n",
    }
    for name, between in second.items():
        yield f"encoding-{name}", message(MIXED, body(TEXT, TYPE + between + text))
    yield "all-in-content", message(MIXED, body(TEXT, b"\r\n" + TYPE + fields + b"\r\n" + text))
    yield "multipart-in-content", message(b"", MIXED + b"\r\n" + body(TEXT, TYPE + fields + b"\r\n" + text))
    yield "junk-behind-data", attached(fields, text + b"\r\n" + b64(zipped(b"nothing", "nothing.txt")))


def names_tricks(content: bytes) -> Iterator[tuple[str, bytes]]:
    """Give files with several names."""
    text = uneven(content)
    encoded = quote("file.com").encode()
    word = b"=?utf-8?B?" + base64.b64encode(b"file.com") + b"?="
    for name, fields in {
        "rfc2231": b"Content-Disposition: attachment; filename*=''" + encoded,
        "rfc2231-and-plain": b"Content-Disposition: attachment; filename=file.png; filename*=''" + encoded,
        "rfc2231-pieces": b"Content-Disposition: attachment; filename*0=file.; filename*1=com",
        "rfc2231-pieces-swapped": b"Content-Disposition: attachment; filename*1=com; filename*0=file.",
        "rfc2047": b'Content-Disposition: attachment; filename="' + word + b'"',
        "rfc2047-bare": b"Content-Disposition: attachment; filename=" + word,
        "type-and-disposition": b"Content-Type: image/png; name=file.png\r\nContent-Disposition: attachment; filename=file.com",
        "disposition-and-type": b"Content-Type: image/png; name=file.com\r\nContent-Disposition: attachment; filename=file.png",
        "twice-in-one": b"Content-Disposition: attachment; filename=file.png; filename=file.com",
        "twice-in-two": b"Content-Disposition: attachment; filename=file.png\r\nContent-Disposition: attachment; filename=file.com",
        "quote-within": b'Content-Disposition: attachment; filename="file".com',
        "comment-within": b"Content-Disposition: attachment; filename=file.c(.gif)om",
        "no-name": b"Content-Disposition: attachment",
        "image": b"Content-Type: image/png",
        "text": b"Content-Type: text/plain; name=file.txt",
        "html": b"Content-Type: text/html",
        "inline": b"Content-Type: text/plain\r\nContent-Disposition: inline",
    }.items():
        yield name, message(MIXED, body(TEXT, fields + b"\r\n" + CTE + b"base64\r\n\r\n" + text))
