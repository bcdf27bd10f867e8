"""Attachments: what they are called and what they are."""

from __future__ import annotations

from email.message import EmailMessage

import pytest

from gatepost.checks.content.attached import attachment_tokens
from gatepost.mail.message import from_bytes


def _tokens(name: str, data: bytes) -> set[str]:
    """Give the tokens of a message with one attachment."""
    message = EmailMessage()
    message.set_content("see attached")
    message.add_attachment(data, maintype="application", subtype="octet-stream", filename=name)
    return set(attachment_tokens(from_bytes(message.as_bytes()).mime))


@pytest.mark.parametrize(
    ("name", "data", "tokens"),
    [
        ("invoice.pdf", b"%PDF-1.7", {"=att-pdf", "=is-pdf"}),
        ("invoice.pdf", b"MZ\x90\x00", {"=att-pdf", "=is-program", "=type-mismatch"}),
        ("invoice.PDF", b"<html><script>", {"=att-pdf", "=is-page", "=type-mismatch"}),
        ("letter.docx", b"PK\x03\x04\x14", {"=att-office", "=is-zip"}),
        ("letter.doc", b"\xd0\xcf\x11\xe0\xa1", {"=att-office", "=is-compound"}),
        ("files.zip", b"MZ\x90", {"=att-archive", "=is-program", "=type-mismatch"}),
        ("setup.exe", b"MZ\x90", {"=att-program", "=is-program"}),
        ("page.html", b"\xef\xbb\xbf  <!DOCTYPE html>", {"=att-page", "=is-page"}),
        ("notes.txt", b"Just a note", {"=att-text"}),
        ("photo.jpg", b"\xff\xd8\xff\xe0", set()),
        ("photo.jpg", b"PK\x03\x04", {"=is-zip", "=type-mismatch"}),
        ("unknown.xyz", b"PK\x03\x04", {"=att-other", "=is-zip"}),
        ("empty.pdf", b"", {"=att-pdf"}),
    ],
)
def test_name_and_first_bytes_are_compared(name: str, data: bytes, tokens: set[str]):
    """A file is told by its name and by its first bytes, and that they disagree is a token of its own."""
    assert _tokens(name, data) == tokens


def test_reports_and_invitations_are_named():
    """The parts that mark a bounce or an invitation are tokens of their own."""
    data = (
        b"Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\n\r\nNo.\r\n--b\r\n"
        b"Content-Type: message/delivery-status\r\n\r\nStatus: 5.1.1\r\n--b--\r\n"
    )
    assert {"=multipart/report", "=message/delivery-status"} <= set(attachment_tokens(from_bytes(data).mime))
