"""Bytes to text, the way mail needs it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.mail.charset import codec, decode_base64, header_text, to_text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b" plain", "plain"),
        (b" =?utf-8?q?h=C3=A4?= =?utf-8?b?eA==?=", "häx"),
        (b" =?iso-8859-1?Q?a_b?= and =?koi8-r?B?0M/e1A==?=", "a b and почт"),
        (b" =?utf-8?b?4pyT?=\r\n =?utf-8?b?4pyT?=", "✓✓"),
        (b" =?utf-8?b?ww==?= =?utf-8?b?pA==?=", "ä"),
        (b" =?unknown?q?x?=", "x"),
        (b" \xff\xfe raw", "ÿþ raw"),
        (b" ok \xc3\xa4", "ok ä"),
    ],
)
def test_header_text_reads_what_a_client_shows(value: bytes, text: str) -> None:
    """Encoded words of any charset, split characters and raw 8-bit bytes read as a mail client shows them."""
    assert header_text(value) == text


@pytest.mark.parametrize(
    "label", ["punycode", "unicode_escape", "idna", "zip_codec", "rot13", "x" * 5000, "\x00", None, ""]
)
def test_dangerous_codecs_are_not_reachable(label: str | None) -> None:
    """A charset label from outside reaches only codecs that mail uses: quadratic and interpreting ones are refused."""
    assert codec(label) is None


@pytest.mark.parametrize(
    ("label", "text", "codec"),
    [
        ("gb2312", "发票發票€", "gb18030"),
        ("csgb2312", "发票", "gbk"),
        ("shift_jis", "請求書①", "cp932"),
        ("euc-kr", "똠방각하", "cp949"),
        ("x-x-big5", "發票", "big5"),
        ("x-euc-jp", "請求書", "euc-jp"),
        ("cp50221", "請求書ｱ", "iso2022_jp_ext"),
        ("iso-2022-kr", "청구서", "iso2022_kr"),
        ("koi8r", "Счёт", "koi8-r"),
        ("win-1251", "Счёт", "cp1251"),
        ("cp-1251", "Счёт", "cp1251"),
        ("x-cp1251", "Счёт", "cp1251"),
        ("x-mac-cyrillic", "Счёт", "mac-cyrillic"),
        ("dos-866", "Счёт", "cp866"),
    ],
)
def test_labels_of_the_web_are_read_as_clients_do(label: str, text: str, codec: str) -> None:
    """A label stands for the charset that clients take it for, which often knows more than the one that it names."""
    assert to_text(text.encode(codec), label) == text


@pytest.mark.parametrize("label", ["UTF-8", "'iso-8859-1'", "Windows-1252", "GB2312", "utf-8*en", "x-gbk"])
def test_usual_labels_are_known(label: str) -> None:
    """Labels as mail spells them, quotes and language suffix included, find their codec."""
    assert codec(label) is not None


@given(st.binary(max_size=400), st.text(max_size=40))
def test_to_text_never_raises(data: bytes, label: str) -> None:
    """Any bytes under any label become valid text."""
    assert isinstance(to_text(data, label), str)


@given(st.binary(max_size=400))
def test_header_text_never_raises(data: bytes) -> None:
    """Any bytes as a header value become text without line ends."""
    assert "\n" not in header_text(data)


@given(st.binary(max_size=400))
def test_base64_never_raises(data: bytes) -> None:
    """Any bytes decode as base64 to no more than their length."""
    assert len(decode_base64(data)) <= len(data)
