"""Pieces of well-formed mail that the family of tricks is put together from."""

from __future__ import annotations

import base64
import io
import zipfile

TEXT = b"Content-Type: text/plain\r\n\r\nPlease see the attached file.\r\n"
TYPE = b'Content-Type: application/octet-stream\r\nContent-Disposition: attachment; filename="file.bin"\r\n'
CTE = b"Content-Transfer-Encoding: "


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
