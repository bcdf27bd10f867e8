"""The canonical body, beside dkimpy's own."""

from __future__ import annotations

import pytest
from dkim.canonicalization import Relaxed, Simple
from hypothesis import given, settings
from hypothesis import strategies as st

from gatepost.checks.auth.signed import relaxed_body, simple_body

LINES = st.lists(st.sampled_from([b"a", b"b c", b" ", b"\t", b"  ", b"", b"x \t", b" y", b"\r", b"\n"]), max_size=12)


@given(LINES)
@settings(max_examples=300)
def test_same_as_dkimpy(lines: list[bytes]) -> None:
    """On every body that ends as SMTP ends it, ours and dkimpy's canonical bodies are the same."""
    body = b"".join(line + b"\r\n" for line in lines)
    assert simple_body(body) == Simple.canonicalize_body(body)
    assert relaxed_body(body) == Relaxed.canonicalize_body(body)


@pytest.mark.parametrize(
    ("body", "simple", "relaxed"),
    [
        (b"", b"\r\n", b""),
        (b"\r\n\r\n", b"\r\n", b""),
        (b" \r\n", b" \r\n", b""),
        (b"a", b"a\r\n", b"a\r\n"),
        (b"a ", b"a \r\n", b"a\r\n"),
        (b" C \r\nD \t E\r\n\r\n\r\n", b" C \r\nD \t E\r\n", b" C\r\nD E\r\n"),
    ],
)
def test_examples(body: bytes, simple: bytes, relaxed: bytes) -> None:
    """The examples of RFC 6376 3.4.3 to 3.4.5, and bodies without a last line end."""
    assert simple_body(body) == simple
    assert relaxed_body(body) == relaxed
