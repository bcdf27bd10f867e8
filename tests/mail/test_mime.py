"""The MIME tree, read as mail clients read it, and never past a limit."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.mail import limits
from gatepost.mail.message import from_bytes
from gatepost.mail.mime import Mime


def tree(text: str) -> Mime:
    """Parse a message written with LF."""
    return from_bytes(text.encode()).mime


def test_nested_parts_come_in_reading_order() -> None:
    """Containers and leaves appear in the order a reader meets them, with their depth."""
    mime = tree(
        "Content-Type: multipart/mixed; boundary=a\n\npreamble\n--a\nContent-Type: multipart/alternative; boundary=b\n\n"
        "--b\n\nplain\n--b\nContent-Type: text/html\n\n<p>\n--b--\n--a\nContent-Type: message/rfc822\n\nSubject: in\n\nx\n--a--\nepilogue"
    )
    assert [(part.content_type, part.depth) for part in mime.parts] == [
        ("multipart/mixed", 0),
        ("multipart/alternative", 1),
        ("text/plain", 2),
        ("text/html", 2),
        ("message/rfc822", 1),
        ("text/plain", 2),
    ]
    assert [part.payload() for part in mime.leaves()] == [b"plain", b"<p>", b"x"]
    assert mime.defects == frozenset()


@pytest.mark.parametrize(
    ("header", "content_type", "filename", "charset"),
    [
        ('text/plain; charset="utf-8"; name=a.txt', "text/plain", "a.txt", "utf-8"),
        ("TEXT/HTML ; charset = iso-8859-1 (a; comment)", "text/html", "", "iso-8859-1"),
        ("application/x; name*0*=utf-8''a%20; name*1=b.pdf", "application/x", "a b.pdf", ""),
        ('application/x; name="=?utf-8?q?=C3=A4.doc?="', "application/x", "ä.doc", ""),
        ("nonsense", "text/plain", "", ""),
        ('text/plain; charset="unclosed', "text/plain", "", "unclosed"),
        ('text(c)/plain; name="a;b.txt"', "text/plain", "a;b.txt", ""),
    ],
)
def test_content_type_as_mailers_write_it(header: str, content_type: str, filename: str, charset: str) -> None:
    """Comments, RFC 2231 pieces, encoded words, missing quotes: the type, name and charset are still found."""
    (part,) = tree(f"Content-Type: {header}\n\nx").parts
    assert (part.content_type, part.filename, part.charset) == (content_type, filename, charset)


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("base64", base64.b64encode(b"payload").decode()),
        ("BASE64", "cGF5\n!!bG9h\nZA"),
        ("quoted-printable", "pay=\nlo=61d"),
        ("(c) 8bit", "payload"),
        ("x-unknown", "payload"),
    ],
)
def test_transfer_encodings_are_undone(encoding: str, body: str) -> None:
    """Content comes out decoded, broken base64 included."""
    (part,) = tree(f"Content-Transfer-Encoding: {encoding}\n\n{body}").parts
    assert part.payload() == b"payload"


def test_a_boundary_is_not_a_prefix_of_another() -> None:
    """`--ab` does not end a part whose boundary is `a`."""
    mime = tree("Content-Type: multipart/mixed; boundary=a\n\n--a\n\n--ab\ninside\n--a--\n")
    assert [part.payload() for part in mime.leaves()] == [b"--ab\r\ninside"]


def test_depth_is_bounded() -> None:
    """Ten thousand nested multiparts open down to the limit and no further."""
    text = "".join(f"Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n" for n in range(10_000))
    mime = tree(text)
    assert len(mime.parts) == limits.MIME_DEPTH + 1
    assert "depth-limit" in mime.defects


def test_parts_are_bounded() -> None:
    """A hundred thousand parts open up to the limit."""
    mime = tree("Content-Type: multipart/mixed; boundary=a\n\n" + "--a\n\nx\n" * 100_000)
    assert len(mime.parts) == limits.MIME_PARTS
    assert "parts-limit" in mime.defects


def test_payload_shares_one_allowance(monkeypatch: pytest.MonkeyPatch) -> None:
    """Decoded bytes of all parts together stay within the message's allowance."""
    mime = tree(
        "Content-Type: multipart/mixed; boundary=a\n\n--a\n\n" + "x" * 100 + "\n" + "--a\n\n" + "y" * 100 + "\n--a--\n"
    )
    first, second = mime.leaves()
    first._allowance.left = 150
    assert (len(first.payload()), len(second.payload())) == (100, 50)


def test_a_limited_payload_is_a_prefix() -> None:
    """A cut payload is the beginning of the whole one, base64 included."""
    data = bytes(range(256)) * 40
    (part,) = tree("Content-Transfer-Encoding: base64\n\n" + base64.encodebytes(data).decode()).parts
    assert part.payload(1000) == data[:1000]
    assert part.payload() == data


@given(st.binary(max_size=800))
def test_any_bytes_have_a_tree(data: bytes) -> None:
    """Any bytes parse to at least one part, and every payload decodes."""
    mime = from_bytes(b"Content-Type: multipart/mixed; boundary=a\n" + data).mime
    assert mime.parts
    assert all(isinstance(part.payload(), bytes) for part in mime.leaves())


_PIECES = [b"--a\n", b"--a--\n", b"--b\n", b"\n", b"x\n", b"Content-Type: multipart/mixed; boundary=b\n", b"Content-Type: message/rfc822\n",
           b"Content-Transfer-Encoding: base64\n", b"Content-Type: multipart/digest; boundary=a\n"]  # fmt: skip


@given(st.lists(st.sampled_from(_PIECES), max_size=60))
def test_any_arrangement_of_boundaries_has_a_tree(pieces: list[bytes]) -> None:
    """Boundaries, headers and empty lines in any order keep parts inside the limits, and never overlap upwards."""
    mime = from_bytes(b"Content-Type: multipart/mixed; boundary=a\n\n" + b"".join(pieces)).mime
    assert 1 <= len(mime.parts) <= limits.MIME_PARTS
    assert all(part.depth <= limits.MIME_DEPTH for part in mime.parts)


def test_a_multipart_without_delimiters_hides_nothing() -> None:
    """A boundary that never comes leaves one leaf with all the bytes, and a defect that says so."""
    mime = tree("Content-Type: multipart/mixed; boundary=other\n\n--real\n\nwords\n--real--\n")
    assert [part.container for part in mime.parts] == [False]
    assert b"words" in next(mime.leaves()).payload()
    assert mime.defects == {"no-delimiter"}
