"""Tricks with encodings older than MIME: uuencode, yEnc, BinHex, gzip64, TNEF."""

from __future__ import annotations

import base64
import binascii
import gzip
from collections.abc import Iterator

from support.mime_pieces import CTE, MIXED, TEXT, attached, b64, body, message, qp


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


def old_encodings_tricks(content: bytes) -> Iterator[tuple[str, bytes]]:
    """Give encodings older than MIME, declared or within text."""
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
