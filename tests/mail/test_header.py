"""Cutting bytes into header fields."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.mail.header import Header, split_fields


def split(data: bytes, fields: int = 100, size: int = 10_000) -> tuple[list[Header], int, bool]:
    """Split a whole block under small limits."""
    return split_fields(data, 0, len(data), fields, size)


def test_folding_stays_in_the_value() -> None:
    """Bytes in, bytes kept: a folded value holds its line ends and its leading space."""
    fields, start, _ = split(b"Subject: a\r\n b\r\n\tc\r\nTo:x\r\n\r\nbody")
    assert fields == [Header(b"Subject", b" a\r\n b\r\n\tc"), Header(b"To", b"x")]
    assert start == len(b"Subject: a\r\n b\r\n\tc\r\nTo:x\r\n\r\n")


@pytest.mark.parametrize(
    ("data", "names", "rest"),
    [
        (b"", [], b""),
        (b"\r\n\r\n", [], b"\r\n"),
        (b"no header at all", [], b"no header at all"),
        (b"A: b\nnot a field\nC: d\n\n", [b"A"], b"not a field\nC: d\n\n"),
        (b" continuation first\nA: b\n", [], b" continuation first\nA: b\n"),
        (b"From : x\n\n", [b"From "], b""),
        (b"\xe9: x\n\n", [b"\xe9"], b""),
        (b": empty name\n\n", [], b": empty name\n\n"),
    ],
)
def test_what_is_not_a_field_ends_the_header(data: bytes, names: list[bytes], rest: bytes) -> None:
    """A line that is neither field nor continuation begins the body, as Postfix has it."""
    fields, start, _ = split(data)
    assert [field.name for field in fields] == names
    assert data[start:] == rest


def test_past_the_limit_fields_are_dropped_and_said() -> None:
    """Fields past the limit are not kept, the body still begins at the right place, and the loss is reported."""
    data = b"".join(b"H%d: x\r\n y\r\n" % number for number in range(50)) + b"\r\nbody"
    fields, start, dropped = split(data, fields=10)
    assert (len(fields), data[start:], dropped) == (10, b"body", True)


def test_an_endless_fold_is_cut() -> None:
    """One field that folds for ever is held to the byte limit."""
    fields, _, dropped = split(b"A: b\r\n" + b" x\r\n" * 100_000, size=1000)
    assert dropped
    assert sum(len(field.line) for field in fields) <= 1002


@given(st.binary(max_size=600))
def test_nothing_is_invented(data: bytes) -> None:
    """For any bytes, the fields with CRLF line ends are a prefix of the input's, and the body begins inside it."""
    fields, start, dropped = split(data)
    assert 0 <= start <= len(data)
    if not dropped:
        kept = b"".join(field.line for field in fields).replace(b"\r\n", b"\n")
        assert data.replace(b"\r\n", b"\n").startswith(kept[:-1])
