"""Tricks with delimiters, and with multiparts and messages within each other."""

from __future__ import annotations

from collections.abc import Iterator

from support.mime_pieces import CTE, MIXED, TEXT, TYPE, b64, body, message, qp, uneven


def delimiters_tricks(content: bytes) -> Iterator[tuple[str, bytes]]:
    """Give delimiter lines that not everybody finds, and parts outside of them."""
    file = TYPE + CTE + b"base64\r\n\r\n" + uneven(content)
    parts = (TEXT, file)
    end = b"--foo--\r\n"
    one = {
        "missing-end": b"".join(b"--foo\r\n" + part + b"\r\n" for part in parts),
        "end-without-dashes": b"".join(b"--foo\r\n" + part + b"\r\n" for part in parts) + b"--foo\r\n",
        "early-end": b"--foo\r\n" + TEXT + b"\r\n" + end + b"--foo\r\n" + file + b"\r\n" + end,
        "end-first": end + b"--foo\r\n" + TEXT + b"\r\n--foo\r\n" + file + b"\r\n" + end,
        "in-preamble": file + b"\r\n--foo\r\n" + TEXT + b"\r\n" + end,
        "in-epilogue": b"--foo\r\n" + TEXT + b"\r\n" + end + file,
        "in-epilogue-after-empty-line": b"--foo\r\n" + TEXT + b"\r\n" + end + b"\r\n" + file,
        "other-boundary-in-epilogue": b"--foo\r\n" + TEXT + b"\r\n" + end + body(file, boundary=b"bar"),
        "other-boundary-in-preamble": body(file, boundary=b"bar") + b"--foo\r\n" + TEXT + b"\r\n" + end,
        "empty-line-behind": b"".join(
            b"--foo\r\n" + b"\r\n" * number + part + b"\r\n" for number, part in enumerate(parts)
        )
        + end,
        "text-before-first": b"This is a message in MIME format.\r\n" + body(*parts),
        "first-not-on-its-line": b"This is MIME. --foo\r\n" + TEXT + b"\r\n--foo\r\n" + file + b"\r\n" + end,
        "upper-case": body(TEXT).replace(end, b"") + b"--FOO\r\n" + file + b"\r\n" + end,
    }
    for name, (before, behind) in {
        "text-behind": (b"", b"X"), "space-text-behind": (b"", b" X"), "dash-behind": (b"", b"-"), "space-behind": (b"", b" "),
        "tab-behind": (b"", b"\t"), "vertical-tab-behind": (b"", b"\x0b"), "nul-behind": (b"", b"\0"), "spaces-behind": (b"", b" " * 300),
        "quote-behind": (b"", b'"'), "space-before": (b" ", b""), "tab-before": (b"\t", b""), "nul-before": (b"\0", b""),
        "cr-before": (b"\r", b""), "lf-cr-before": (b"\n\r", b""), "space-cr-before": (b" \r", b""), "vertical-tab-before": (b"\x0b", b""),
        "dash-before": (b"-", b""),
    }.items():  # fmt: skip
        one[name] = b"".join(before + b"--foo" + behind + b"\r\n" + part + b"\r\n" for part in parts) + end
        one[f"second-{name}"] = (
            b"--foo\r\n" + TEXT + b"\r\n" + before + b"--foo" + behind + b"\r\n" + file + b"\r\n" + end
        )
        innocent = b"--foo\r\nContent-Type: text/plain\r\n\r\ninnocent\r\n"
        one[f"innocent-and-{name}"] = innocent + before + b"--foo" + behind + b"\r\n" + file + b"\r\n" + innocent + end
    one["cr-behind"] = b"--foo\r" + TEXT + b"\r\n--foo\r" + file + b"\r\n" + end
    one["lf-behind"] = b"--foo\n" + TEXT + b"\r\n--foo\n" + file + b"\r\n" + end
    one["entity-cr-delimiter"] = b"--foo\r\n" + TEXT.rstrip() + b"\r--foo\r\n" + file + b"\r\n" + end
    for name, content_body in one.items():
        yield name, message(MIXED, content_body)
    for name, boundary in {
        "empty": b"",
        "space": b" ",
        "dashes": b"--",
        "long": b"b" * 300,
        "regex": b".*+(",
        "8bit": b"\xe9\xe8",
    }.items():
        yield (
            f"boundary-{name}",
            message(b'Content-Type: multipart/mixed; boundary="%b"\r\n' % boundary, body(*parts, boundary=boundary)),
        )
    yield "boundary-none", message(b"Content-Type: multipart/mixed; boundary=\r\n", body(*parts, boundary=b""))
    yield "boundary-open-quote", message(b'Content-Type: multipart/mixed; boundary="\r\n', body(*parts, boundary=b""))


def nested_tricks(content: bytes) -> Iterator[tuple[str, bytes]]:
    """Give multiparts and messages within each other."""
    file = TYPE + CTE + b"base64\r\n\r\n" + uneven(content)
    parts = (TEXT, file)

    def multi(boundary: bytes) -> bytes:
        return b"Content-Type: multipart/mixed; boundary=" + boundary + b"\r\n"

    inner_end = b"--foo--"
    bodies = {
        "plain": body(multi(b"bar") + b"\r\n" + body(*parts, boundary=b"bar")),
        "same-boundary": body(multi(b"foo") + b"\r\n" + body(*parts)),
        "inner-is-outer-end": body(multi(b"foo--") + b"\r\n" + body(*parts, boundary=b"foo--")),
        "inner-extends-outer": body(multi(b"foo_") + b"\r\n" + body(*parts, boundary=b"foo_")),
        "dummy-first": b"--foo\r\nContent-Type: text/plain\r\n\r\ndummy\r\n--foo--\r\n\r\n" + body(multi(b"foo") + b"\r\n" + body(*parts)),
        "dummy-inner": b"--foo\r\n" + multi(b"foo") + b"\r\n--foo\r\nContent-Type: text/plain\r\n\r\ndummy\r\n--foo--\r\n\r\n" + body(*parts) + b"--foo--\r\n",
        "inner-uses-outer": b"--foo\r\n" + TEXT + b"--foo\r\n" + multi(b"bar") + b"\r\n--bar\r\n" + TEXT + b"--foo\r\n" + file + b"\r\n--bar--\r\n--foo--\r\n",
        "inner-not-declared": body(TEXT, b"Content-Type: multipart/mixed\r\n\r\n" + body(*parts, boundary=b"bar")),
        "inner-not-declared-outer-used": body(TEXT, b"Content-Type: multipart/mixed\r\n\r\n" + body(*parts)),
        "inner-empty": body(multi(b"bar") + b"\r\n", file),
        "inner-without-end": body(multi(b"bar") + b"\r\n" + body(*parts, boundary=b"bar").replace(b"--bar--\r\n", b"")),
        "outer-without-end": body(multi(b"bar") + b"\r\n" + body(*parts, boundary=b"bar")).replace(inner_end, b""),
        "outer-within-data": body(multi(b"bar") + b"\r\n" + body(*parts, boundary=b"bar").replace(uneven(content), b"--foo\r\n" + uneven(content))),
        "fields-in-delimiter-names": body(multi(b"fo:o") + b"--foo--\r\n\r\n" + body(*parts, boundary=b"fo:o")),
        "end-in-inner-header": body(multi(b"bar") + b"--foo--\r\n\r\n" + body(*parts, boundary=b"bar")),
        "delimiter-in-inner-header": body(multi(b"bar") + b"--foo\r\n\r\n" + body(*parts, boundary=b"bar")),
        "digest": body(b"Content-Type: multipart/digest; boundary=bar\r\n\r\n" + body(*(b"Subject: x\r\n" + part for part in parts), boundary=b"bar")),
        "ten-deep": _deep(file, 10),
        "message": body(TEXT, b"Content-Type: message/rfc822\r\n\r\nSubject: x\r\n" + file),
        "message-multipart": body(TEXT, b"Content-Type: message/rfc822\r\n\r\nSubject: x\r\n" + multi(b"bar") + b"\r\n" + body(*parts, boundary=b"bar")),
        "global": body(TEXT, b"Content-Type: message/global\r\n\r\nSubject: x\r\n" + file),
        "news": body(TEXT, b"Content-Type: message/news\r\n\r\nSubject: x\r\n" + file),
        "message-in-base64": body(TEXT, b"Content-Type: message/rfc822\r\n" + CTE + b"base64\r\n\r\n" + b64(b"Subject: x\r\n" + file)),
        "message-in-quoted-printable": body(TEXT, b"Content-Type: message/rfc822\r\n" + CTE + b"quoted-printable\r\n\r\n" + qp(b"Subject: x\r\n" + file)),
        "global-in-base64": body(TEXT, b"Content-Type: message/global\r\n" + CTE + b"base64\r\n\r\n" + b64(b"Subject: x\r\n" + file)),
        "message-misdeclared-base64": body(TEXT, b"Content-Type: message/rfc822\r\n" + CTE + b"base64\r\n\r\nSubject: x\r\n" + file),
        "multipart-in-base64": body(TEXT, multi(b"bar") + CTE + b"base64\r\n\r\n" + b64(body(*parts, boundary=b"bar"))),
        "multipart-in-quoted-printable": body(TEXT, multi(b"bar") + CTE + b"quoted-printable\r\n\r\n" + qp(body(*parts, boundary=b"bar"))),
        "multipart-misdeclared-base64": body(TEXT, multi(b"bar") + CTE + b"base64\r\n\r\n" + body(*parts, boundary=b"bar")),
        "partial": body(TEXT, b'Content-Type: message/partial; id="a@example.org"; number=1; total=2\r\n\r\nSubject: x\r\n' + file),
        "message-file": body(TEXT, b'Content-Type: application/octet-stream; name="a.eml"\r\n' + CTE + b"base64\r\n\r\n" + b64(b"Subject: x\r\n" + file)),
    }  # fmt: skip
    for name, content_body in bodies.items():
        yield name, message(MIXED, content_body)
    half = len(file) // 2
    yield (
        "partial-alone",
        message(b'Content-Type: message/partial; id="a@example.org"; number=2; total=2\r\n', file[half:]),
    )
    yield "whole-in-base64", message(MIXED + CTE + b"base64\r\n", b64(body(*parts)))
    yield "whole-misdeclared", message(MIXED + CTE + b"base64\r\n", body(*parts))
    yield (
        "end-in-own-header",
        message(b'Content-Type: multipart/mixed; boundary="fo:o"\r\n--fo:o--\r\n', body(*parts, boundary=b"fo:o")),
    )


def _deep(file: bytes, levels: int) -> bytes:
    inner = file
    for level in range(levels, 0, -1):
        name = b"b%d" % level
        inner = b"Content-Type: multipart/mixed; boundary=" + name + b"\r\n\r\n" + body(TEXT, inner, boundary=name)
    return body(TEXT, inner)
