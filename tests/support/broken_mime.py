"""A family of messages that hide a file behind broken MIME, each by one named trick: what filters miss and clients open.

The classes are those of the literature: ambiguous fields, malformed structures and decoders that disagree ("Inbox Invasion",
CCS 2024), and the variants that S. Ullrich collected ("mime-is-broken"). The messages are our own. `family(content)` gives
each of them with the content hidden in it; a name is `class/variant`.
"""

from __future__ import annotations

import base64
import binascii
import gzip
import io
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import quote

TEXT = b"Content-Type: text/plain\r\n\r\nPlease see the attached file.\r\n"
TYPE = b'Content-Type: application/octet-stream\r\nContent-Disposition: attachment; filename="file.bin"\r\n'
CTE = b"Content-Transfer-Encoding: "


@dataclass(frozen=True)
class Case:
    """One message of the family."""

    name: str
    data: bytes


def zipped(content: bytes, name: str = "file.com") -> bytes:
    """Give a ZIP archive of one file, the same bytes each time."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), content)
    return out.getvalue()


def b64(content: bytes, line: int = 76) -> bytes:
    """Give base64 in lines of a length."""
    text = base64.b64encode(content)
    return b"".join(text[at : at + line] + b"\r\n" for at in range(0, len(text), line))


def uneven(content: bytes) -> bytes:
    """Give proper base64 in lines of uneven length, which does not look like base64 to those who guess."""
    text, out, at = base64.b64encode(content), [], 0
    for size in [4, 4, 8, 8, 16, 16, 32, 32, 64] * (1 + len(text) // 180):
        out.append(text[at : at + size] + b"\r\n")
        at += size
        if at >= len(text):
            break
    return b"".join(out)


def qp(content: bytes) -> bytes:
    """Give proper quoted-printable in which every byte is escaped."""
    text = b"".join(b"=%02X" % byte for byte in content)
    return b"".join(text[at : at + 72] + b"=\r\n" for at in range(0, len(text), 72)) + b"\r\n"


def body(*parts: bytes, boundary: bytes = b"foo") -> bytes:
    """Give a well-formed multipart body."""
    return b"".join(b"--%b\r\n%b\r\n" % (boundary, part) for part in parts) + b"--%b--\r\n" % boundary


def message(fields: bytes, content: bytes) -> bytes:
    """Give a message: usual fields, more fields (each with its line end), and a body."""
    return (
        b"From: Sender <sender@example.org>\r\nTo: reader@example.com\r\nSubject: file\r\nMIME-Version: 1.0\r\n"
        + fields
        + b"\r\n"
        + content
    )


MIXED = b"Content-Type: multipart/mixed; boundary=foo\r\n"


def attached(fields: bytes, content: bytes, separator: bytes = b"\r\n") -> bytes:
    """Give a message with a text and a part with these encoding fields and content."""
    return message(MIXED, body(TEXT, TYPE + fields + separator + content))


def family(content: bytes) -> Iterator[Case]:
    """Give every message of the family, `content` hidden in each."""
    for group in _GROUPS:
        for name, data in group(content):
            yield Case(f"{group.__name__.strip('_')}/{name}", data)


# --- base64 that is not quite base64 ------------------------------------------------------------------------------------


def _base64(content: bytes) -> Iterator[tuple[str, bytes]]:
    whole = b64(content)
    flat = base64.b64encode(content)
    groups = [flat[at : at + 4] for at in range(0, len(flat), 4)]
    single = [base64.b64encode(content[at : at + 1]) for at in range(len(content))]
    pairs = [base64.b64encode(content[at : at + 2]) for at in range(0, len(content), 2)]
    cut = len(content) // 6 * 3
    other = b64(zipped(b"nothing here", "nothing.txt"))
    bodies = {
        "plain": whole,
        "uneven-lines": uneven(content),
        "one-line": flat + b"\r\n",
        "empty-lines": whole.replace(b"\r\n", b"\r\n\r\n"),
        "space-between": b" ".join(bytes([byte]) for byte in flat) + b"\r\n",
        "tab-between": b"\t".join(bytes([byte]) for byte in flat) + b"\r\n",
        "vertical-tab-between": b"\x0b".join(bytes([byte]) for byte in flat) + b"\r\n",
        "cr-between": b"\r".join(bytes([byte]) for byte in flat) + b"\r\n",
        "nul-between": b"\0".join(groups) + b"\r\n",
        "8bit-between": b"\xa0".join(groups) + b"\r\n",
        "header-of-uuencode": b"begin-base64 644 file.bin\r\n" + whole + b"====\r\n",
        "strange-end-of-each-group": b"".join(group + b"#abce01234567fghj\r\n" for group in groups),
        "strange-end-within-groups": b"".join(group[:3] + b"#abce01234567fghj\r\n" + group[3:] for group in groups)
        + b"\r\n",
        "one-stray-then-empty-line": b"A\r\n\r\n" + whole,
        "two-stray-then-empty-line": b"AB\r\n\r\n" + whole,
        "three-stray-then-empty-line": b"ABC\r\n\r\n" + whole,
        "four-stray-then-empty-line": b"ABCD\r\n\r\n" + whole,
        "padded-stray-then-empty-line": b"ABC=\r\n\r\n" + whole,
        "extra-padding": whole.rstrip() + b"=\r\n",
        "padding-at-line-ends": b64(content, 20).replace(b"\r\n", b"=\r\n"),
        "padding-line-first": b"=\r\n" + whole,
        "four-padding-line-first": b"====\r\n" + whole,
        "padding-after-groups": b"=".join(groups) + b"\r\n",
        "padding-within-groups": b"".join(group[:2] + b"=" + group[2:] for group in groups) + b"\r\n",
        "padding-at-line-starts": b"=" + b64(content, 20).rstrip().replace(b"\r\n", b"\r\n=") + b"\r\n",
        "four-padding-at-line-starts": b"====" + b64(content, 20).rstrip().replace(b"\r\n", b"\r\n====") + b"\r\n",
        "four-padding-between": b"====".join(groups) + b"\r\n",
        "each-byte-by-itself": b"".join(single) + b"\r\n",
        "each-byte-half-padded": b"".join(item[:3] for item in single) + b"\r\n",
        "each-byte-half-padded-lines": b"".join(item[:3] + b"\r\n" for item in single),
        "pairs": b"".join(pairs) + b"\r\n",
        "pairs-padded-in-front": b"".join(b"=" + item.rstrip(b"=") for item in pairs if item[-1:] == b"=") + b"\r\n",
        "pairs-padded-second": b"".join(item[:1] + b"=" + item[1:3] for item in pairs) + b"\r\n",
        "pairs-padded-third": b"".join(item[:2] + b"=" + item[2:3] for item in pairs) + b"\r\n",
        "pairs-in-lines": b"".join(item + b"\r\n" for item in pairs),
        "zero-as-padding": flat.rstrip(b"=")[:-4].replace(b"A", b"=") + flat[len(flat.rstrip(b"=")) - 4 :] + b"\r\n",
        "more-after-padding": whole.rstrip().rstrip(b"=").ljust(len(whole.rstrip()), b"=") + b"====\r\n" + other,
        "in-two-one-padding": b64(content[: cut + 2]) + b64(content[cut + 2 :]),
        "in-two-two-padding": b64(content[: cut + 1]) + b64(content[cut + 1 :]),
        "in-three": b64(content[:7]) + b64(content[7:20]) + b64(content[20:]),
        "no-padding": flat.rstrip(b"=") + b"\r\n",
        "url-safe": base64.urlsafe_b64encode(content) + b"\r\n",
        "text-behind": whole + b"\r\n-- \r\nlist footer, not base64\r\n",
        "text-before": b"Here is the file:\r\n" + whole,
        "text-between": whole[:24] + b"\r\n(go on)\r\n" + whole[24:],
        "field-before": b"X-Note: file\r\n\r\n" + whole,
    }
    for strange in (
        b"#",
        b":",
        b".",
        b"%",
        b"-",
        b"_",
        b"!",
        b"*",
        b"\\",
        b"~",
        b"<",
        b"&",
        b"$",
        b"\x7f",
        b"\xff",
        b"\x01",
    ):
        bodies[f"strange-{strange.hex()}"] = strange.join(bytes([byte]) for byte in flat) + b"\r\n"
        bodies[f"strange-{strange.hex()}-in-fours"] = strange.join(groups) + b"\r\n"
    for size in (1, 2, 3, 5, 6, 7, 9, 10, 13, 75):
        bodies[f"lines-of-{size}"] = b64(content, size)
    for tail in (b"X", b"XX", b"XXX", b"=", b"==", b"A=", b"#"):
        bodies[f"lines-of-4-then-{tail.decode()}"] = b64(content, 4).replace(b"\r\n", tail + b"\r\n")
    for name, text in bodies.items():
        yield name, attached(CTE + b"base64\r\n", text)


# --- quoted-printable that is not quite that ----------------------------------------------------------------------------


def _quoted_printable(content: bytes) -> Iterator[tuple[str, bytes]]:
    each = [b"=%02X" % byte for byte in content]
    proper = qp(content)

    def every(form: str, *, before: bytes = b"", after: bytes = b"=\r\n") -> bytes:
        return b"".join(before + form.format(byte).encode() + after for byte in content) + b"\r\n"

    def escaped(keep: Callable[[int], bytes | None]) -> bytes:
        return b"".join(keep(byte) or b"=%02X" % byte for byte in content) + b"=\r\n\r\n"

    printable = bytes(range(0x21, 0x7F)).replace(b"=", b"")
    bodies = {
        "plain": proper,
        "soft-break-after-each": every("={:02X}"),
        "soft-break-and-space": every("={:02X}", after=b"= \r\n"),
        "soft-break-and-tab": every("={:02X}", after=b"=\t\r\n"),
        "soft-break-and-spaces": every("={:02X}", after=b"=  \t \r\n"),
        "soft-break-bare-lf": every("={:02X}", after=b"=\n"),
        "soft-break-bare-cr": every("={:02X}", after=b"=\r"),
        "soft-break-cr-cr-lf": every("={:02X}", after=b"=\r\r\n"),
        "soft-break-lf-lf": every("={:02X}", after=b"=\r\n\n"),
        "lower-case": b"".join(b"=%02x" % byte for byte in content) + b"=\r\n",
        "mixed-case": b"".join(b"=%X%x" % (byte >> 4, byte & 15) for byte in content) + b"=\r\n",
        "one-line": b"".join(each) + b"=\r\n",
        "literal": escaped(lambda byte: bytes([byte]) if byte in printable else None),
        "equals-before-each": every("={:02X}", before=b"="),
        "equals-digit-before-each": every("={:02X}", before=b"=0"),
        "equals-digit-other-before-each": every("={:02X}", before=b"=0X"),
        "equals-lower-before-each": every("={:02X}", before=b"=0a"),
        "equals-others-before-each": every("={:02X}", before=b"=XX"),
        "equals-space-before-each": every("={:02X}", before=b"= "),
        "equals-spaces-before-each": every("={:02X}", before=b"=  "),
        "equals-at-before-each": every("={:02X}", before=b"=@"),
        "equals-8bit-before-each": every("={:02X}", before=b"=\xff"),
        "equals-before-letters": escaped(
            lambda byte: b"=" + bytes([byte]) if chr(byte) in "GHIJKLMNOPQRSTUVWXYZ" else None
        ),
        "equals-zero-before-letters": escaped(
            lambda byte: b"=0" + bytes([byte]) if chr(byte) in "GHIJKLMNOPQRSTUVWXYZ" else None
        ),
        "equals-lower-before-digits": escaped(
            lambda byte: b"=a" + bytes([byte]) if chr(byte) in "0123456789" else None
        ),
        "space-at-line-ends": b"".join(item + b"=  \r\n" for item in each),
        "equals-at-the-end": proper.rstrip() + b"=",
        "equals-and-digit-at-the-end": proper.rstrip(b"=\r\n") + b"=2",
        "overlong-line": b"".join(each) + b"\r\n",
    }
    for name, text in bodies.items():
        yield name, attached(CTE + b"quoted-printable\r\n", text)


# --- Content-Transfer-Encoding that can be read in several ways ----------------------------------------------------------


def _encoding_field(content: bytes) -> Iterator[tuple[str, bytes]]:
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


def _alone(content: bytes) -> Iterator[tuple[str, bytes]]:
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


# --- other encodings ----------------------------------------------------------------------------------------------------


def uuencoded(content: bytes, *, begin: bool = True, end: bool = True) -> bytes:
    """Give uuencoded lines."""
    lines = [binascii.b2a_uu(content[at : at + 45]).rstrip(b"\n") for at in range(0, len(content), 45)]
    return b"".join(
        line + b"\r\n" for line in ([b"begin 644 file.bin"] if begin else []) + lines + ([b"`", b"end"] if end else [])
    )


def yencoded(content: bytes, part: str = "", *, size: int | None = None) -> bytes:
    """Give a yEnc file."""
    out = bytearray()
    for byte in content:
        shifted = (byte + 42) % 256
        out += b"=" + bytes([(shifted + 64) % 256]) if shifted in b"\0\r\n=" else bytes([shifted])
    total = size or len(content)
    begin = f"=ybegin {part}line=128 size={total} name=file.bin\r\n".encode()
    ypart = b"=ypart begin=1 end=%d\r\n" % len(content) if part else b""
    return begin + ypart + bytes(out) + b"\r\n=yend size=%d\r\n" % len(content)


def binhexed(content: bytes) -> bytes:
    """Give a BinHex 4.0 file without its checksums."""
    plain = b"\x08file.bin\0TEXTttxt\0\0" + len(content).to_bytes(4, "big") + b"\0\0\0\0\0\0" + content + b"\0\0"
    text = base64.b64encode(plain.replace(b"\x90", b"\x90\0").ljust(-(-len(plain) // 3) * 3, b"\0"))
    ours = b"!\"#$%&'()*+,-012345689@ABCDEFGHIJKLMNPQRSTUVXYZ[`abcdefhijklmpqr"
    theirs = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    text = b":" + text.translate(bytes.maketrans(theirs, ours)) + b":"
    return b"(This file must be converted with BinHex 4.0)\r\n\r\n" + b"".join(
        text[at : at + 64] + b"\r\n" for at in range(0, len(text), 64)
    )


def _old_encodings(content: bytes) -> Iterator[tuple[str, bytes]]:
    for name in (b"uuencode", b"x-uuencode", b"uue", b"x-uue", b"x-uu"):
        yield f"{name.decode()}-lines", attached(CTE + name + b"\r\n", uuencoded(content, begin=False, end=False))
        yield f"{name.decode()}-begin", attached(CTE + name + b"\r\n", uuencoded(content, end=False))
        yield f"{name.decode()}-whole", attached(CTE + name + b"\r\n", uuencoded(content))
    for name in (b"x-yencode", b"yenc", b"x-yenc"):
        yield name.decode(), attached(CTE + name + b"\r\n", yencoded(content))
    for name in (b"binhex", b"binhex40", b"mac-binhex40", b"mac-binhex"):
        yield name.decode(), attached(CTE + name + b"\r\n", binhexed(content))
    for name in (b"gzip64", b"x-gzip64"):
        yield name.decode(), attached(CTE + name + b"\r\n", b64(gzip.compress(content, mtime=0)))
    intro, outro = b"Here it is:\r\n\r\n", b"\r\nRegards\r\n"
    for kind in (b"text/plain", b"text/html", b""):
        label = kind.decode().replace("/", "-") or "untyped"
        field = b"Content-Type: " + kind + b"\r\n" if kind else b""
        yield f"uuencode-in-{label}", message(field, intro + uuencoded(content) + outro)
        yield f"uuencode-in-{label}-without-end", message(field, intro + uuencoded(content, end=False))
        yield (
            f"begin-base64-in-{label}",
            message(field, intro + b"begin-base64 644 file.bin\r\n" + b64(content) + b"====\r\n"),
        )
        yield f"yenc-in-{label}", message(field, intro + yencoded(content) + outro)
        half = len(content) // 2
        both = yencoded(content[:half], "part=1 total=2 ", size=len(content)) + yencoded(
            content[half:], "part=2 total=2 ", size=len(content)
        )
        yield f"yenc-in-two-parts-in-{label}", message(field, intro + both + outro)
        yield f"yenc-fragment-in-{label}", message(field, intro + yencoded(content[:half], "part=1 total=2 ") + outro)
    yield "uuencode-in-part", message(MIXED, body(TEXT, b"\r\n" + intro + uuencoded(content)))
    yield (
        "uuencode-within-base64",
        message(MIXED, body(TEXT, b"Content-Type: text/plain\r\n" + CTE + b"base64\r\n\r\n" + b64(uuencoded(content)))),
    )
    yield (
        "uuencode-within-quoted-printable",
        message(
            MIXED,
            body(TEXT, b"Content-Type: text/plain\r\n" + CTE + b"quoted-printable\r\n\r\n" + qp(uuencoded(content))),
        ),
    )
    yield "two-uuencoded", message(b"", uuencoded(b"nothing") + intro + uuencoded(content))
    yield "tnef", attached(CTE + b"base64\r\n", b64(tnef(content)))
    yield (
        "tnef-as-ms-tnef",
        message(
            MIXED,
            body(
                TEXT,
                b'Content-Type: application/ms-tnef; name="winmail.dat"\r\n'
                + CTE
                + b"base64\r\n\r\n"
                + b64(tnef(content)),
            ),
        ),
    )
    yield "tnef-alone", message(b"Content-Type: application/ms-tnef\r\n" + CTE + b"base64\r\n", b64(tnef(content)))


def tnef(content: bytes, name: bytes = b"file.bin") -> bytes:
    """Give a TNEF container of one file."""

    def attribute(number: int, kind: int, value: bytes) -> bytes:
        head = b"\x02" + number.to_bytes(2, "little") + kind.to_bytes(2, "little") + len(value).to_bytes(4, "little")
        return head + value + (sum(value) & 0xFFFF).to_bytes(2, "little")

    return (
        b"\x78\x9f\x3e\x22\x01\x00"
        + attribute(0x9002, 6, b"\x01\0" + b"\xff" * 4 + b"\0" * 8)
        + attribute(0x8010, 1, name + b"\0")
        + attribute(0x800F, 6, content)
    )


# --- where a header ends, and what belongs to it ------------------------------------------------------------------------


def _header_end(content: bytes) -> Iterator[tuple[str, bytes]]:
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


# --- Content-Type and its boundary --------------------------------------------------------------------------------------


def _type_field(content: bytes) -> Iterator[tuple[str, bytes]]:
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


# --- delimiters ---------------------------------------------------------------------------------------------------------


def _delimiters(content: bytes) -> Iterator[tuple[str, bytes]]:
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


def _nested(content: bytes) -> Iterator[tuple[str, bytes]]:
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


# --- names --------------------------------------------------------------------------------------------------------------


def _names(content: bytes) -> Iterator[tuple[str, bytes]]:
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


_GROUPS: tuple[Callable[[bytes], Iterator[tuple[str, bytes]]], ...] = (
    _base64,
    _quoted_printable,
    _encoding_field,
    _alone,
    _old_encodings,
    _header_end,
    _type_field,
    _delimiters,
    _nested,
    _names,
)
