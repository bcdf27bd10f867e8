"""Tricks in Content-Type and its boundary."""

from __future__ import annotations

from collections.abc import Iterator

from support.mime_pieces import CTE, MIXED, TEXT, TYPE, body, message, uneven


def type_field_tricks(content: bytes) -> Iterator[tuple[str, bytes]]:
    """Give types and boundaries that can be read in several ways."""
    parts = (TEXT, TYPE + CTE + b"base64\r\n\r\n" + uneven(content))
    for name, field in _TYPES.items():
        yield name, message(field.replace(b"CT", b"Content-Type") + b"\r\n", body(*parts))
    for name, fields in {
        "multi-then-text": MIXED + b"Content-Type: text/plain\r\n",
        "text-then-multi": b"Content-Type: text/plain\r\n" + MIXED,
        "multi-then-octets": MIXED + b"Content-Type: application/octet-stream\r\n",
        "octets-then-multi": b"Content-Type: application/octet-stream\r\n" + MIXED,
        "other-boundary-first": b"Content-Type: multipart/mixed; boundary=bar\r\n" + MIXED,
        "other-boundary-second": MIXED + b"Content-Type: multipart/mixed; boundary=bar\r\n",
        "no-type": b"",
    }.items():
        yield name, message(fields, body(*parts))
    inner = body(*parts, boundary=b"foo")
    decoy = b"--bar\r\nContent-Type: text/plain\r\n\r\nnothing\r\n" + inner + b"--bar--\r\n"
    for name, field in {
        "decoy-second-field": b"CT: multipart/mixed; boundary=foo\r\nCT: multipart/mixed; boundary=bar",
        "decoy-first-field": b"CT: multipart/mixed; boundary=bar\r\nCT: multipart/mixed; boundary=foo",
        "decoy-second-parameter": b"CT: multipart/mixed; boundary=foo; boundary=bar",
        "decoy-first-parameter": b"CT: multipart/mixed; boundary=bar; boundary=foo",
        "decoy-comma-second": b"CT: multipart/mixed; boundary=foo, boundary=bar",
        "decoy-comma-first": b"CT: multipart/mixed; boundary=bar, boundary=foo",
        "decoy-rfc2231-plain": b"CT: multipart/mixed; boundary*=''foo; boundary=bar",
        "decoy-plain-rfc2231": b"CT: multipart/mixed; boundary=bar; boundary*=''foo",
        "decoy-rfc2231-bad-plain": b"CT: multipart/mixed; boundary*=''bar; boundary=foo",
        "decoy-plain-rfc2231-bad": b"CT: multipart/mixed; boundary=foo; boundary*=''bar",
    }.items():
        yield name, message(field.replace(b"CT", b"Content-Type") + b"\r\n", decoy)
    single = {
        "multipart": b"multipart/mixed; boundary=foo",
        "multiparts": b"multiparts/mixed; boundary=foo",
        "x-multipart": b"x-multipart/mixed; boundary=foo",
        "with-boundary": b"application/octet-stream; boundary=foo",
        "unknown-multipart": b"multipart/invalid; boundary=foo",
        "multipart-empty": b"multipart/; boundary=foo",
        "multipart-no-slash": b"multipart; boundary=foo",
        "multipart-no-boundary": b"multipart/mixed",
        "escaped": b"multi\\part/mixed; boundary=foo",
        "rfc2231": b"multipart/mixed; boundary*=''foo",
        "folded": b"\r\n multipart/mixed; boundary=foo",
        "message": b"message/rfc822",
        "partial": b'message/partial; id="a@b"; number=1; total=2',
    }
    for name, kind in single.items():
        part = (
            b"Content-Type: "
            + kind
            + b"\r\nContent-Disposition: attachment; filename=file.bin\r\n"
            + CTE
            + b"base64\r\n\r\n"
            + uneven(content)
        )
        yield (
            f"file-called-{name}",
            message(b"Content-Type: multipart/mixed; boundary=out\r\n", body(TEXT, part, boundary=b"out")),
        )
    double = b"Content-Type: multipart/mixed; boundary=bar\r\n"
    for name, part in {"second-type-multi": TYPE + double, "first-type-multi": double + TYPE}.items():
        yield name, message(MIXED, body(TEXT, part + CTE + b"base64\r\n\r\n" + uneven(content)))


_TYPES = {
    "plain": b"CT: multipart/mixed; boundary=foo",
    "folded": b"CT:\r\n multipart/mixed; boundary=foo",
    "folded-twice": b"CT:\r\n \r\n multipart/mixed; boundary=foo",
    "folded-parameter": b"CT: multipart/mixed;\r\n boundary=foo",
    "folded-parameter-twice": b"CT: multipart/mixed;\r\n \r\n boundary=foo",
    "space-before-colon": b"CT : multipart/mixed; boundary=foo",
    "two-colons": b"CT:: multipart/mixed; boundary=foo",
    "field-twice": b"CT:CT:multipart/mixed; boundary=foo",
    "nul-before-field": b"\0CT: multipart/mixed; boundary=foo",
    "space-before-field": b" CT: multipart/mixed; boundary=foo",
    "nul-before-colon": b"CT\0: multipart/mixed; boundary=foo",
    "nul-before-type": b"CT: \0multipart/mixed; boundary=foo",
    "nul-within-type": b"CT: multipar\0t/mixed; boundary=foo",
    "nul-behind-type": b"CT: multipart/mixed\0; boundary=foo",
    "nul-before-boundary": b"CT: multipart/mixed; boundary=\0foo",
    "nul-before-equals": b"CT: multipart/mixed; boundary\0=foo",
    "value-twice": b"CT: multipart/mixedmultipart/mixed; boundary=foo",
    "misspelt-parameter": b"CT: multipart/mixed; oundary=foo",
    "short-parameter": b"CT: multipart/mixed; bound=foo",
    "escaped-parameter": b"CT: multipart/mixed; bou\\ndary=foo",
    "escaped-type": b"CT: multi\\part/mixed; boundary=foo",
    "escaped-boundary": b"CT: multipart/mixed; boundary=f\\oo",
    "case-of-parameter": b"CT: multipart/mixed; BOUNDARY=foo",
    "case-of-type": b"CT: mUltIpARt/mIxeD; boundary=foo",
    "behind-cr": b"X-Note: file\rCT: multipart/mixed; boundary=foo",
    "behind-fold": b"X-Note: file\r\n CT: multipart/mixed; boundary=foo",
    "behind-fold-odd-field": b"X-Note :file\r\n CT: multipart/mixed; boundary=foo",
    "space-before-equals": b"CT: multipart/mixed; boundary =foo",
    "tab-before-equals": b"CT: multipart/mixed; boundary\t=foo",
    "fold-before-equals": b"CT: multipart/mixed; boundary\r\n =foo",
    "escape-before-equals": b"CT: multipart/mixed; boundary\\=foo",
    "space-behind-equals": b"CT: multipart/mixed; boundary= foo",
    "tab-behind-equals": b"CT: multipart/mixed; boundary=\tfoo",
    "fold-behind-equals": b"CT: multipart/mixed; boundary=\r\n foo",
    "escape-behind-equals": b"CT: multipart/mixed; boundary=\\foo",
    "quoted": b'CT: multipart/mixed; boundary="foo"',
    "single-quoted": b"CT: multipart/mixed; boundary='foo'",
    "quote-open": b'CT: multipart/mixed; boundary="foo',
    "quote-only": b'CT: multipart/mixed; boundary=foo"',
    "quote-within": b'CT: multipart/mixed; boundary=foo"bar',
    "quotes-then-more": b'CT: multipart/mixed; boundary="foo"bar',
    "quotes-empty-then": b'CT: multipart/mixed; boundary=""foo',
    "two-quotes": b'CT: multipart/mixed; boundary=bar"foo"',
    "space-inside-quotes": b'CT: multipart/mixed; boundary=" foo"',
    "space-end-inside-quotes": b'CT: multipart/mixed; boundary="foo "',
    "words-inside-quotes": b'CT: multipart/mixed; boundary="foo bar"',
    "cr-inside-quotes": b'CT: multipart/mixed; boundary="foo\r"',
    "words": b"CT: multipart/mixed; boundary=foo bar",
    "folded-within": b"CT: multipart/mixed; boundary=f\r\n oo",
    "comma": b"CT: multipart/mixed; boundary=foo,bar",
    "comma-second": b"CT: multipart/mixed; boundary=bar,foo",
    "semicolon": b"CT: multipart/mixed; boundary=foo;bar",
    "semicolon-escaped": b"CT: multipart/mixed; boundary=foo\\;bar",
    "semicolon-quoted": b'CT: multipart/mixed; boundary="foo;bar"',
    "no-semicolon": b"CT: multipart/mixed boundary=foo",
    "comma-for-semicolon": b"CT: multipart/mixed, boundary=foo",
    "two-types": b"CT: multipart/mixed, application/octet-stream; boundary=foo",
    "two-types-other-order": b"CT: application/octet-stream, multipart/mixed; boundary=foo",
    "no-semicolon-between": b"CT: multipart/mixed; foo=bla boundary=foo",
    "third-parameter": b"CT: multipart/mixed; charset=utf-8; type=x; boundary=foo",
    "in-quotes": b'CT: multipart/mixed; "boundary=foo"',
    "in-spaced-quotes": b'CT: multipart/mixed; " boundary=foo "',
    "in-other-value": b'CT: multipart/mixed; x="bla;boundary=foo"',
    "in-open-value": b'CT: multipart/mixed; x="bla;boundary=foo',
    "behind-escaped-quote": b'CT: multipart/mixed; x="bla\\";boundary=foo',
    "behind-quote": b'CT: multipart/mixed; x=bla"boundary=foo',
    "behind-escaped-semicolon": b"CT: multipart/mixed; x=bla\\;boundary=foo",
    "name-twice": b"CT: multipart/mixed; boundary=boundary=foo",
    "encoded-word-q": b'CT: multipart/mixed; boundary="=?us-ascii?Q?foo?="',
    "encoded-word-b": b'CT: multipart/mixed; boundary="=?us-ascii?B?Zm9v?="',
    "encoded-word-bare": b"CT: multipart/mixed; boundary==?US-ASCII?Q?foo?=",
    "encoded-type": b"CT: =?UTF-8?B?bXVsdGlwYXJ0?=/mixed; boundary=foo",
    "quoted-type": b'CT: "multipart/mixed"; boundary=foo',
    "only-boundary": b"CT: boundary=foo",
    "no-boundary": b"CT: multipart/mixed",
    "other-boundary": b"CT: multipart/mixed; boundary=bar",
    "singlepart": b"CT: singlepart/mixed; boundary=foo",
    "ultipart": b"CT: ultipart/mixed; boundary=foo",
    "multi-part": b"CT: multi-part/mixed; boundary=foo",
    "x-multipart": b"CT: x-multipart/mixed; boundary=foo",
    "space-in-type": b"CT: multipart/ mixed; boundary=foo",
    "no-subtype": b"CT: multipart/; boundary=foo",
    "no-slash": b"CT: multipart; boundary=foo",
    "text-type": b"CT: text/plain; boundary=foo",
    "comment-before": b"CT: () multipart/mixed; boundary=foo",
    "comment-touching": b"CT: ()multipart/mixed; boundary=foo",
    "comment-in-type": b"CT: multipar()t/mixed; boundary=foo",
    "comment-behind": b"CT: multipart/mixed(); boundary=foo",
    "comment-before-parameter": b"CT: multipart/mixed; () boundary=foo",
    "comment-touching-parameter": b"CT: multipart/mixed; ()boundary=foo",
    "comment-before-equals": b"CT: multipart/mixed; boundary()=foo",
    "comment-behind-equals": b"CT: multipart/mixed; boundary=()foo",
    "comment-behind-boundary": b"CT: multipart/mixed; boundary=foo()",
    "comment-in-boundary": b"CT: multipart/mixed; boundary=f()oo",
    "comment-in-name": b"CT: multipart/mixed; boun()dary=foo",
    "comment-decoy": b"CT: multipart/mixed; boundary=(boundary=bar)foo",
    "comment-holds-it": b"CT: multipart/mixed; ( boundary=foo )",
    "comment-open": b"CT: multipart/mixed; boundary=foo(bar",
    "comment-around": b"CT: multipart/mixed; boundary=(foo)",
    "rfc2231": b"CT: multipart/mixed; boundary*=''foo",
    "rfc2231-labelled": b"CT: multipart/mixed; boundary*=us-ascii'en'foo",
    "rfc2231-encoded": b"CT: multipart/mixed; boundary*=''%66oo",
    "rfc2231-utf-16": b"CT: multipart/mixed; boundary*=UTF-16''f%00o%00o%00",
    "rfc2231-numbered": b"CT: multipart/mixed; boundary*0*=''foo",
    "rfc2231-numbered-plain": b"CT: multipart/mixed; boundary*0=foo",
    "rfc2231-pieces": b"CT: multipart/mixed; boundary*0=f; boundary*1=oo",
    "rfc2231-pieces-encoded": b"CT: multipart/mixed; boundary*0*=''%66; boundary*1*=oo",
    "rfc2231-pieces-swapped": b"CT: multipart/mixed; boundary*1=oo; boundary*0=f",
    "rfc2231-pieces-misnumbered": b"CT: multipart/mixed; boundary*1=f; boundary*0=oo",
    "rfc2231-piece-twice": b"CT: multipart/mixed; boundary*0=f; boundary*0=bar; boundary*1=oo",
    "rfc2231-piece-twice-other": b"CT: multipart/mixed; boundary*0=bar; boundary*0=f; boundary*1=oo",
    "rfc2231-not-encoded": b"CT: multipart/mixed; boundary*0=%66oo",
    "rfc2231-from-one": b"CT: multipart/mixed; boundary*1=f; boundary*2=oo",
    "behind-junk-line": b"X-Note\r\n CT: multipart/mixed; boundary=foo",
    "behind-field-with-space": b"X-Note more:x\r\n CT: multipart/mixed; boundary=foo",
    "folded-in-quotes": b'CT: multipart/mixed; boundary="f\r\n oo"',
}
