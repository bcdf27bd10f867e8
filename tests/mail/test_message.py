"""Stored bytes to a Message."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gatepost.mail import limits
from gatepost.mail.message import from_bytes


def test_files_with_lf_get_crlf() -> None:
    """A file with Unix line ends reads as it would arrive by SMTP, so that signatures can be verified."""
    assert from_bytes(b"A: b\n c\n\nx\ny\n").raw() == b"A: b\r\n c\r\n\r\nx\r\ny\r\n"


def test_wire_form_is_kept_to_the_byte() -> None:
    """A file that already has CRLF is not touched, lone LF in its body included."""
    data = b"A: b\r\n\r\nx\ny\r\n"
    assert from_bytes(data).raw() == data


def test_an_mbox_line_is_not_a_header() -> None:
    """A leading `From ` line is left out."""
    assert [header.name for header in from_bytes(b"From a@b Mon\nSubject: x\n\n").headers] == [b"Subject"]


def test_a_from_field_with_a_space_is_not_an_mbox_line() -> None:
    """`From : a@b` on top is a field that some readers believe: it stays."""
    for start in (b"From : a@b", b"From \t: a@b"):
        assert from_bytes(start + b"\nSubject: x\n\n").every(b"from")


def test_too_long_is_cut_and_said() -> None:
    """Past the limit the rest is not kept, and the message says so."""
    message = from_bytes(b"A: b\r\n\r\n" + b"x" * (limits.MESSAGE_BYTES + 10))
    assert message.truncated
    assert len(message.raw()) <= limits.MESSAGE_BYTES


def test_a_hundred_thousand_headers() -> None:
    """Headers past the limit are dropped, and the body is still the body."""
    message = from_bytes(b"X: y\r\n" * 100_000 + b"\r\nbody")
    assert (len(message.headers), message.body, message.truncated) == (limits.HEADER_FIELDS, b"body", True)


def test_an_author_past_a_hundred_thousand_headers_is_known() -> None:
    """A stored message is judged by the author, and cleaned of the forgeries, that its delivery by SMTP would have shown."""
    for filler in (b"X: y\r\n" * 100_000, b"X: y" + b"\r\n y" * (limits.HEADER_BYTES // 4) + b"\r\n"):
        message = from_bytes(filler + b"X-Spam-Flag: NO\r\nFrom:\r\n a@b.example\r\nX-Spam-Flag : NO\r\n\r\nbody")
        assert [header.value for header in message.every(b"from")] == [b"\r\n a@b.example"]
        assert message.passed == (b"X-Spam-Flag", b"X-Spam-Flag ")
        assert (message.body, message.truncated) == (b"body", True)


def test_every_finds_all_spellings() -> None:
    """Fields are found whatever their case, and with white space before the colon."""
    message = from_bytes(b"from: a\nFROM : b\nFrom: c\n\n")
    assert [header.value for header in message.every(b"from")] == [b" a", b" b", b" c"]


@given(st.binary(max_size=600))
def test_any_bytes_are_a_message(data: bytes) -> None:
    """Any bytes become a message whose views can all be asked for."""
    message = from_bytes(data)
    assert isinstance(message.text(b"subject"), str)
    assert message.mime.parts
