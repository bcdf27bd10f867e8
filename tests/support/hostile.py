"""Messages that somebody sends to break a filter: each made on demand, so that no test holds them all at once."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping
from typing import Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

HEAD: Final = b"From: Anna <anna@sender.example>\r\nTo: piet@rcpt.example\r\nSubject: hello\r\nDate: Sun, 1 Nov 2026 10:58:00 +0000\r\n"
NOISE: Final = (
    bytes(range(1, 256)).replace(b"\r", b"").replace(b"\n", b"")
    + b"\xc3\x28\xa0\xa1\xe2\x28\xa1\xf0\x28\x8c\xbc\xed\xa0\x80"
)
MEGABYTE: Final = 1024 * 1024
FIELD: Final = 900_000  # bytes: a header of a megabyte would not be kept


def _mail(fields: bytes = b"", body: bytes = b"hello\r\n", head: bytes = HEAD) -> bytes:
    return head + fields + b"\r\n" + body


def _multipart(body: bytes, boundary: bytes = b"b", kind: bytes = b"mixed") -> bytes:
    return _mail(b'MIME-Version: 1.0\r\nContent-Type: multipart/%b; boundary="%b"\r\n' % (kind, boundary), body)


def _parts(count: int, parameters: bytes) -> bytes:
    part = b"--b\r\nContent-Type: text/plain%b\r\nContent-Disposition: attachment%b\r\n\r\nx\r\n"
    return _multipart(part % (parameters, parameters) * count)


def _html(markup: bytes) -> bytes:
    return _mail(
        b"MIME-Version: 1.0\r\nContent-Type: text/html; charset=utf-8\r\n", b"<html><body>%b</body></html>" % markup
    )


def _nested_parts(depth: int) -> bytes:
    down = b"".join(
        b'--b%d\r\nContent-Type: multipart/mixed; boundary="b%d"\r\n\r\n' % (n, n + 1) for n in range(depth)
    )
    return _multipart(down + b"--b%d\r\n\r\nin\r\n" % depth, b"b0")


def _nested_messages(depth: int) -> bytes:
    return _mail(
        b"Content-Type: message/rfc822\r\n",
        b"Content-Type: message/rfc822\r\n\r\n" * depth + b"Subject: in\r\n\r\nhello\r\n",
    )


def _same_boundary(depth: int) -> bytes:
    return _multipart(b"--b\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" * depth)


def _signatures(count: int) -> bytes:
    field = b"DKIM-Signature: v=1; a=rsa-sha256; d=sender.example; s=s1; h=from:to; bh=YWJj; b=YWJj\r\n"
    return _mail(field * count)


def _arc_sets(count: int) -> bytes:
    return _mail(
        b"".join(
            b"ARC-Seal: i=%d; a=rsa-sha256; cv=pass; d=x.example; s=s; b=YWJj\r\n"
            b"ARC-Message-Signature: i=%d; a=rsa-sha256; d=x.example; s=s; h=from; bh=YWJj; b=YWJj\r\n"
            b"ARC-Authentication-Results: i=%d; x.example; spf=pass\r\n" % (n, n, n)
            for n in range(count, 0, -1)
        )
    )


def _noise_everywhere() -> bytes:
    return (
        b"From: "
        + NOISE
        + b" <anna@sender.example>\r\nX-"
        + NOISE.replace(b":", b"").replace(b" ", b"")
        + b": "
        + NOISE
        + b"\r\nSubject: =?utf-8?Q?"
        + NOISE.replace(b"?", b"")
        + b"?= =?iso-2022-jp?B?/w==?= =?x?B?!!!!?=\r\n"
        + b"Content-Type: multipart/mixed; boundary=b; charset="
        + NOISE
        + b"; name*0*=utf-8''%ff%fe; name*1="
        + NOISE
        + b"\r\n\r\n"
        + b"--b\r\nContent-Type: text/html; charset="
        + NOISE
        + b'\r\nContent-Disposition: attachment; filename="'
        + NOISE
        + b'"; filename*='
        + NOISE
        + b"''"
        + NOISE
        + b"\r\nContent-Transfer-Encoding: "
        + NOISE
        + b"\r\n\r\n<p>"
        + NOISE * 50
        + b"\r\n--b\r\nContent-Type: text/plain; charset=utf-7\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
        + NOISE * 50
        + b"\r\n--b--\r\n"
    )


def _each_part(fields: bytes, content: bytes, size: int, count: int = 900) -> bytes:
    """Give a multipart of so many parts whose contents, one repeated, make up a size together."""
    return _multipart((b"--b\r\n" + fields + b"\r\n" + content * (size // count // len(content))) * count)


def _near_delimiters(size: int) -> bytes:
    down = b"".join(
        b'--%b\r\nContent-Type: multipart/mixed; boundary="%b"\r\n\r\n' % (b"b" * n, b"b" * (n + 1))
        for n in range(1, 31)
    )
    return _multipart(down + b"--bbbbbbbbbbbbbbbbbbbb\r\n" * (size // 24))


def _words(count: int) -> bytes:
    return b" ".join(b"w%x" % n for n in range(count))


# name: how to make it at a size; one unit is the size that the table of test cases names.
GROWING: Final[Mapping[str, tuple[int, Callable[[int], bytes]]]] = {
    "header fields": (100_000, lambda n: _mail(b"".join(b"X-%d: y\r\n" % k for k in range(n)))),
    "fields of one name": (100_000, lambda n: _mail(b"Received: from x\r\n" * n)),
    "folded lines": (200_000, lambda n: _mail(b"X-Folded: a\r\n" + b" b\r\n" * n)),
    "empty folds in a signature": (
        20_000,
        lambda n: _mail(b"DKIM-Signature: v=1;" + b"\r\n \t" * n + b" d=x.example\r\n"),
    ),
    "one long header": (50 * MEGABYTE, lambda n: _mail(b"X-Long: " + b"a" * n + b"\r\n")),
    "one long line": (50 * MEGABYTE, lambda n: _mail(b"", b"a" * n)),
    "nested multiparts": (10_000, _nested_parts),
    "nested messages": (10_000, _nested_messages),
    "one boundary for all": (10_000, _same_boundary),
    "sibling parts": (100_000, lambda n: _multipart(b"--b\r\n\r\nx\r\n" * n + b"--b--\r\n")),
    "sibling messages": (
        20_000,
        lambda n: _multipart(b"--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\nx\r\n" * n),
    ),
    "digest": (50_000, lambda n: _multipart(b"--b\r\n\r\nSubject: x\r\n\r\nx\r\n" * n, kind=b"digest")),
    "delimiter in one line": (MEGABYTE, lambda n: _multipart(b"--b" * n)),
    "boundary of dashes": (2 * MEGABYTE, lambda n: _multipart(b"-" * n, b"-" * 400)),
    "dashed lines in each part": (
        4 * MEGABYTE,
        lambda n: _each_part(b"\r\nx\r\nContent-Type: x\r\n", b"--\r\n", n),
    ),
    "nearly delimiters, nested": (24 * MEGABYTE, _near_delimiters),
    "boundaries in comments": (
        2 * MEGABYTE,
        lambda n: _multipart(
            b"--b\r\nContent-Type: multipart/mixed%b\r\n\r\nx\r\n" % (b"; boundary=(" * 1_300) * (n // 15_600)
        ),
    ),
    "quoted encodings over short lines": (
        2 * MEGABYTE,
        lambda n: _mail(b"", b"x\r\n" + (b"Content-Transfer-Encoding: base64\r\n" + b"a\r\n" * 350) * (n // 1_085)),
    ),
    "part headers": (100_000, lambda n: _multipart(b"--b\r\n" + b"X: y\r\n" * n + b"\r\nx\r\n--b--\r\n")),
    "parameters": (50_000, lambda n: _mail(b"Content-Type: text/plain" + b"; a*0=b" * n + b"\r\n")),
    "semicolons": (FIELD, lambda n: _mail(b"Content-Type: text/plain" + b";" * n + b"\r\n")),
    "separators in each part": (1_000, lambda n: _parts(n, b"\r ;" * 5_000)),
    "comments in each part": (1_000, lambda n: _parts(n, b"(" * 15_000)),
    "quotes in each part": (1_000, lambda n: _parts(n, b'; a="' + b'\\"' * 7_000)),
    "words in each part": (1_000, lambda n: _parts(n, b"; name=" + b"=?utf-8?Q?a?= " * 1_000)),
    "continuations in each part": (1_000, lambda n: _parts(n, b"".join(b"; name*%d*=%%41" % k for k in range(900)))),
    "quotes": (FIELD, lambda n: _mail(b'Content-Type: text/plain; x="' + b'\\"' * (n // 2) + b"\r\n")),
    "comments in a type": (FIELD, lambda n: _mail(b"Content-Type: text/plain " + b"(" * n + b"\r\n")),
    "comments in From": (FIELD, lambda n: _mail(head=b"From: " + b"(" * n + b" anna@sender.example\r\n")),
    "long From": (FIELD, lambda n: _mail(head=b"From: " + b"a" * n + b" <anna@sender.example>\r\n")),
    "mailboxes": (
        50_000,
        lambda n: _mail(head=b"From: " + b", ".join(b"a%d@x.example" % k for k in range(n)) + b"\r\n"),
    ),
    "From fields": (100_000, lambda n: _mail(b"From: x@y.example\r\n" * n)),
    "encoded words": (
        10_000,
        lambda n: _mail(
            b"Subject: " + b"=?utf-8?Q?a?=\r\n " * n + b"\r\n",
            head=b"From: " + b"=?utf-8?B?YQ==?= " * n + b"<a@x.example>\r\n",
        ),
    ),
    "open encoded words": (
        FIELD,
        lambda n: _mail(b"Subject: " + b"=?" * (n // 2) + b"\r\n", head=b"From: " + b"=?a?Q?" * (n // 6) + b"\r\n"),
    ),
    "signatures": (10_000, _signatures),
    "tags of a signature": (
        10_000,
        lambda n: _mail(b"DKIM-Signature: " + b"".join(b"t%d=1; " % k for k in range(n)) + b"\r\n"),
    ),
    "signed names": (
        3_000,
        lambda n: _mail(
            b"DKIM-Signature: v=1; a=rsa-sha256; d=x.example; s=s; bh=YWJj; b=YWJj; h=from" + b":to" * n + b"\r\n"
        ),
    ),
    "ARC sets": (500, _arc_sets),
    "forged results": (20_000, lambda n: _mail(b"Authentication-Results: mx.gatepost.test; spf=pass\r\n" * n)),
    "results in comments": (
        100_000,
        lambda n: _mail(b"Authentication-Results: " + b"(" * n + b"mx.gatepost.test; spf=pass\r\n"),
    ),
    "message ids": (
        FIELD,
        lambda n: _mail(b"Message-ID: <" + b"a@" * (n // 4) + b">\r\nReferences: " + b"<" * (n // 3) + b"\r\n"),
    ),
    "nested tags": (10_000, lambda n: _html(b"<div>" * n + b"x")),
    "many nested tags": (100_000, lambda n: _html(b"<b><i><a href=x>" * (n // 3))),
    "open tables": (50_000, lambda n: _html(b"<table><tr><td>" * (n // 3))),
    "attributes": (100_000, lambda n: _html(b"<p " + b" ".join(b"a%d=1" % k for k in range(n)) + b">x</p>")),
    "open brackets": (500_000, lambda n: _html(b"<" * n)),
    "open comments": (500_000, lambda n: _html(b"<!--" * (n // 4))),
    "entities": (500_000, lambda n: _html(b"&lt;" * (n // 4))),
    "hidden divs": (20_000, lambda n: _html(b'<div style="display:none">x</div>' * n)),
    "styles": (200_000, lambda n: _html(b"<style>" + b".a{color:#fff}" * (n // 14) + b"</style>")),
    "links": (100_000, lambda n: _html(b"".join(b'<a href="https://h%d.example/">x</a>' % k for k in range(n)))),
    "links in text": (100_000, lambda n: _mail(b"", b"".join(b"https://h%d.example/a\r\n" % k for k in range(n)))),
    "a link without end": (2 * MEGABYTE, lambda n: _mail(b"", b"https://" + b"a." * (n // 2))),
    "at signs": (2 * MEGABYTE, lambda n: _mail(b"", b"a.b-c+" * (n // 6) + b"@")),
    "dots": (2 * MEGABYTE, lambda n: _mail(b"", b"www." + b"." * n)),
    "words": (500_000, lambda n: _mail(b"", _words(n))),
    "marks": (
        MEGABYTE,
        lambda n: _mail(b"Content-Type: text/plain; charset=utf-8\r\n", "a\u0301\u0302\u200b".encode() * (n // 7)),
    ),
    "growing letters": (
        300_000,
        lambda n: _mail(b"Content-Type: text/plain; charset=utf-8\r\n", "\ufdfa".encode() * (n // 3)),
    ),
    "spaces": (4 * MEGABYTE, lambda n: _mail(b"", b"a" + b" \t" * (n // 2) + b"b")),
    "empty lines": (4 * MEGABYTE, lambda n: _mail(b"", b"\r\n" * (n // 2))),
    "base64 of zeros": (
        5 * MEGABYTE,
        lambda n: _mail(b"Content-Transfer-Encoding: base64\r\n", base64.encodebytes(bytes(n)).replace(b"\n", b"\r\n")),
    ),
    "broken base64": (
        5 * MEGABYTE,
        lambda n: _mail(b"Content-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n", b"A=B=" * (n // 4)),
    ),
    "noise in base64": (
        5 * MEGABYTE,
        lambda n: _mail(b"Content-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n", b"A*" * (n // 2) + b"A"),
    ),
    "broken base64 in each part": (
        16 * MEGABYTE,
        lambda n: _each_part(
            b'Content-Type: a/b; name="a"\r\nContent-Transfer-Encoding: base64 x\r\n'
            b"Content-Transfer-Encoding: quoted-printable\r\n",
            b"YWJj\r\n=41=3D",
            n,
        ),
    ),
    "soft line breaks": (
        10 * MEGABYTE,
        lambda n: _mail(b"Content-Transfer-Encoding: quoted-printable\r\n", b"= \r\n" * (n // 4)),
    ),
    "spaces behind a soft line break": (
        4 * MEGABYTE,
        lambda n: _mail(b"Content-Transfer-Encoding: quoted-printable\r\n", b"= \r\n=" + b" \t" * (n // 2)),
    ),
    "quoted-printable": (
        20 * MEGABYTE,
        lambda n: _mail(b"Content-Transfer-Encoding: quoted-printable\r\n", b"=41=\r\n" * (n // 6)),
    ),
    "encoded messages": (
        500_000,
        lambda n: _mail(
            b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n",
            base64.encodebytes(b"Content-Type: message/rfc822\r\n\r\n" * (n // 32)),
        ),
    ),
    "seven bit shifts": (500_000, lambda n: _mail(b"Content-Type: text/plain; charset=utf-7\r\n", b"+AGE-" * (n // 5))),
    "escape sequences": (
        500_000,
        lambda n: _mail(b"Content-Type: text/plain; charset=iso-2022-jp\r\n", b"\x1b$B" * (n // 3)),
    ),
}

FIXED: Final[Mapping[str, Callable[[], bytes]]] = {
    "nothing": lambda: b"",
    "one NUL": lambda: b"\0",
    "only NULs": lambda: bytes(100_000),
    "only line ends": lambda: b"\r\n" * 10,
    "only a header": lambda: b"From: a@b.example",
    "only a colon": lambda: b":",
    "a folded line first": lambda: b" folded\r\nFrom: a@b.example\r\n\r\nx",
    "bare CR": lambda: HEAD.replace(b"\r\n", b"\r") + b"\rx",
    "NULs everywhere": lambda: b"\0".join(
        _multipart(b"--b\r\nContent-Type: text/html\r\n\r\n<p>x\r\n--b--\r\n").split(b" ")
    ),
    "NULs in names": lambda: _mail(
        b"X\0Y: z\r\nDKIM-Signature: v=1; a=rsa-sha256; d=a\0.example; s=s\0; h=from; bh=YWJj; b=YWJj\r\n"
    ),
    "broken UTF-8": _noise_everywhere,
    "lone surrogates": lambda: _mail(b"Subject: \xed\xa0\x80 =?utf-8?Q?=ED=A0=80?=\r\n", b"\xed\xb0\x80" * 100),
    "mbox in a message": lambda: _mail(b"", b"From someone\r\n\r\nFrom x Sun\r\n"),
    "every byte": lambda: bytes(range(256)) * 100,
}


def costly_key() -> str:
    """Give a key record that is as slow to compute with as it may be: 8192 bits, an exponent just below 2^32."""
    modulus = (1 << 8191) + 12345
    key = rsa.RSAPublicNumbers(2**32 - 1, modulus).public_key()
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return f"v=DKIM1; p={base64.b64encode(der).decode()}"


def _computed(fields: bytes, names: bytes, body: bytes, count: int, lengths: bool = False) -> bytes:
    """Make signatures whose body hash is right, so that everything is computed."""
    mark = base64.b64encode(b"\1" * 1024)
    signed = b""
    for number in range(count):
        length = len(body) - number if lengths else len(body)
        digest = base64.b64encode(hashlib.sha256(body[:length]).digest())
        canon = (b"relaxed/simple", b"simple/simple")[number % 2]
        signed += b"DKIM-Signature: v=1; a=rsa-sha256; c=%b; d=x.example; s=s; l=%d; bh=%b; h=%b; b=%b\r\n" % (
            canon,
            length,
            digest,
            names,
            mark,
        )
    return _mail(signed + fields, body)


SIGNED: Final[Mapping[str, tuple[int, Callable[[int], bytes]]]] = {
    "names of many fields": (
        450,
        lambda n: _computed(b"X-A: %b\r\n" % (b"y \t " * 60) * (4 * n), b"from" + b":x-a" * n, b"hello\r\n", 8),
    ),
    "absent names": (490, lambda n: _computed(b"X-A: y\r\n" * (4 * n), b"from" + b":x-b" * n, b"hello\r\n", 8)),
    "large signed body": (
        20 * MEGABYTE,
        lambda n: _computed(b"", b"from:to", b"a \t" * (n // 3) + b"\r\n", 8, lengths=True),
    ),
    "spaces in a signed field": (
        MEGABYTE // 2,
        lambda n: _computed(b"X-A: " + b" \t" * (n // 2) + b"x\r\n", b"from:x-a", b"hello\r\n", 8),
    ),
    "ARC sets with a key": (
        50,
        lambda n: (
            _arc_sets(n)
            .replace(b"bh=YWJj", b"bh=" + base64.b64encode(hashlib.sha256(b"hello\r\n").digest()))
            .replace(b"b=YWJj", b"b=" + base64.b64encode(b"\1" * 1024))
        ),
    ),
}
