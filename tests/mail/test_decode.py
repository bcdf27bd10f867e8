"""The decoders: what all agree on they read one way, what clients differ over in every known way, and nothing raises."""

from __future__ import annotations

import base64 as stdlib_base64
import binascii
import gzip
import quopri
import re
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.mail import limits
from gatepost.mail.charset import decode_base64
from gatepost.mail.decode import base64, legacy, quoted_printable, tnef, transfer
from gatepost.mail.decode.unsure import Unsure
from support.tricks_in_old_encodings import binhexed, uuencoded, yencoded
from support.tricks_in_old_encodings import tnef as make_tnef

CONTENT = b"PK\x03\x04 a file \x00\x90\x90 with bytes \xff=\r\n." * 5


_PIECES = st.sampled_from(
    [b"QUJD", b"QQ==", b"QUI=", b"Q", b"=", b"\n", b"\r\n", b"!", b" ", b"\0", b"RkZG" * 19 + b"\r\n"]
)


@given(st.lists(_PIECES, max_size=40).map(b"".join))
def test_groups_and_lines_are_decoded_each_by_itself(raw: bytes) -> None:
    """To decode what has no padding at once gives what a decoder gets that takes group by group, or line by line."""
    kept = re.sub(rb"[^A-Za-z0-9+/=]", b"", raw)
    lines = [re.sub(rb"[^A-Za-z0-9+/=]", b"", line) for line in raw.split(b"\n")]
    groups = [kept[at : at + 4].replace(b"=", b"") for at in range(0, len(kept), 4)]
    by_groups = b"".join(
        stdlib_base64.b64decode(group + b"=" * (-len(group) % 4)) for group in groups if len(group) > 1
    )
    by_lines = b"".join(decode_base64(line[: len(line) // 4 * 4]) for line in lines)
    found = {transfer.decode(raw, "base64"), *base64.others(raw, b"", Unsure())}
    assert base64.is_clean(raw) or {by_groups, by_lines} - {b""} <= found


def test_bodies_of_one_message_share_what_is_decoded_in_every_way() -> None:
    """Padding in 100,000 places, be it spread over many parts, is mended once: what comes after has one other reading."""
    raw, unsure = b"QQ==" * (limits.VIRUS_REPAIRS // 4), Unsure()
    found = [len(list(base64.others(raw, b"", unsure))) for _ in range(4)]
    assert found[0] == found[1] > found[2] == found[3] == 1
    assert unsure.cut


@given(st.binary(max_size=600), st.sampled_from([4, 60, 76, 1000]))
def test_proper_base64_has_one_reading(content: bytes, line: int) -> None:
    """What an encoder writes is clean and decodes to what went in, whatever the length of its lines."""
    text = stdlib_base64.b64encode(content)
    raw = b"".join(text[at : at + line] + b"\r\n" for at in range(0, len(text), line))
    assert base64.is_clean(raw)
    assert transfer.decode(raw, "base64") == content
    assert list(base64.others(raw, content, Unsure())) == []


# The standard library's encoder writes all line ends as the first one: content with two kinds of them is none that it keeps.
@given(st.binary(max_size=400).map(lambda content: content.replace(b"\r\n", b"\n")))
def test_proper_quoted_printable_has_one_reading(content: bytes) -> None:
    """What an encoder writes is clean, and its usual reading is what went in."""
    raw = quopri.encodestring(content, quotetabs=True)
    assert quoted_printable.is_clean(raw)
    assert quoted_printable.decode(raw) == content


_BROKEN = st.lists(
    st.sampled_from(
        [b"QUJD", b"RA==", b"=", b"====", b"\r\n", b"\n\n", b"#", b"-_", b" ", b"=4", b"=41", b"=\r\n", b"\x00\xff"]
    ),
    max_size=60,
)


@given(
    _BROKEN.map(b"".join),
    st.sampled_from(["base64", "quoted-printable", "x-uuencode", "x-yencode", "binhex", "gzip64", "?"]),
)
def test_any_body_has_a_handful_of_readings(raw: bytes, encoding: str) -> None:
    """Nothing raises, no reading comes twice or is much longer than the body, and none is the usual one."""
    usual = transfer.decode(raw, encoding)
    found = [usual, *transfer.others(raw, encoding, usual, Unsure())]
    assert 1 <= len(found) <= 12
    assert len(set(found)) == len(found)
    # A line of uuencode that lost its white space stands for up to 45 zeros.
    assert all(len(reading) <= 45 * (1 + len(raw)) for reading in found)
    assert all(len(reading) <= len(raw) for reading in found) or encoding in {"x-uuencode", "binhex"}


@given(st.binary(max_size=500))
def test_no_decoder_raises(raw: bytes) -> None:
    """Arbitrary bytes go through every decoder, and through the search for files in a text."""
    for encoding in ("base64", "quoted-printable", "uuencode", "yenc", "binhex", "gzip64"):
        assert isinstance(transfer.decode(raw, encoding), bytes)
    for text in (raw, b"begin 644 a\n" + raw, b"=ybegin line=1 name=a\r\n" + raw, tnef.SIGNATURE + raw):
        assert all(file.content for file in legacy.embedded_files(text))
        assert all(file.content for file in tnef.opened(text).files)


@pytest.mark.parametrize(
    ("raw", "reading"),
    [
        (b"QUJD=QUJD", b"ABCABC"),
        (b"QQ=Qg=Qw=", b"ABC"),
        (b"=QQ=Qg", b"AB"),
        (b"QUJDX\nQUJDX\n", b"ABCABC"),
        (b"QUJD#junk\nQUJD", b"ABCABC"),
        (b"ABC\n\nQUJD", b"ABC"),
        (b"begin-base64 644 x\nQUJD\n====\n", b"ABC"),
        (b"Pz8-", b"??>"),
        (b"Q=A=", b"@"),
    ],
)
def test_each_way_to_read_broken_base64_is_there(raw: bytes, reading: bytes) -> None:
    """Where decoders are known to differ, what each of them gives is among the readings."""
    assert not base64.is_clean(raw)
    assert reading in {transfer.decode(raw, "base64"), *transfer.others(raw, "base64", b"", Unsure())}


@pytest.mark.parametrize(
    ("raw", "reading"),
    [
        (b"A=  \r\nB", b"AB"),
        (b"A=\rB", b"AB"),
        (b"A==42", b"AB"),
        (b"A=XX=42", b"AB"),
        (b"A=0X=42", b"AB"),
        (b"A= =42", b"AB"),
        (b"=X", b"X"),
        (b"=0X", b"X"),
        (b"=a5", b"5"),
        (b"A=\r\n\nB", b"AB"),
    ],
)
def test_each_way_to_read_broken_quoted_printable_is_there(raw: bytes, reading: bytes) -> None:
    """Where decoders are known to differ, what each of them gives is among the readings."""
    assert reading in {
        transfer.decode(raw, "quoted-printable"),
        *transfer.others(raw, "quoted-printable", b"", Unsure()),
    }


def test_text_behind_base64_is_sloppy_and_more_base64_is_not() -> None:
    """A footer that a list appended changes no file; a second body behind the first one does."""
    text = stdlib_base64.encodebytes(CONTENT + b"x")
    assert base64.is_sloppy(text + b"\n_______\nlist mailing list\nlist@example.org\n")
    assert base64.is_sloppy(text.rstrip(b"=\n"))
    assert not base64.is_sloppy(text + stdlib_base64.encodebytes(CONTENT))
    assert not base64.is_sloppy(b"=\n" + text)
    assert not base64.is_sloppy(text.replace(b"\n", b"#\n"))


@pytest.mark.parametrize("begin", [True, False])
@pytest.mark.parametrize("end", [True, False])
@given(content=st.binary(max_size=300))
def test_uuencode_comes_back(content: bytes, begin: bool, end: bool) -> None:
    """Uuencoded lines decode to what went in, with first and last line or without."""
    assert legacy.uudecode(uuencoded(content, begin=begin, end=end)) == content


def test_uuencode_that_lost_its_spaces_comes_back() -> None:
    """Mailers strip white space at the ends of lines; what is missing stands for zeros."""
    content = bytes(45) + b"x"
    raw = b"".join(line.rstrip() + b"\n" for line in (binascii.b2a_uu(content[:45]), binascii.b2a_uu(content[45:])))
    assert legacy.uudecode(raw) == content


@given(content=st.binary(min_size=1, max_size=300))
def test_yenc_and_binhex_come_back(content: bytes) -> None:
    """Both decode to what went in."""
    assert legacy.yenc_body(yencoded(content)) == content
    assert legacy.unbinhex(binhexed(content)) == content


def test_runs_in_binhex_are_bounded() -> None:
    """A run-length of 255 for each three bytes does not grow past what may be decoded of a message."""
    assert len(legacy.unbinhex(binhexed(CONTENT))) == len(CONTENT)
    bomb = b":" + b"!" * 64 + b":"
    assert len(legacy.unbinhex(bomb)) < limits.DECODED_BYTES


def test_gzip_is_bounded() -> None:
    """A gzip bomb ends at the limit."""
    bomb = gzip.compress(bytes(limits.DECODED_BYTES + 1000))
    assert len(legacy.gunzip(bomb)) == limits.DECODED_BYTES


def test_files_in_a_text_are_found() -> None:
    """Uuencoded and yEnc files between lines of text come out with their names; parts of a yEnc file are put together."""
    half = len(CONTENT) // 2
    text = b"Hello\r\n\r\n" + uuencoded(CONTENT) + b"\r\nand\r\n" + uuencoded(b"second")
    assert [(file.name, file.content) for file in legacy.embedded_files(text)] == [
        ("file.bin", CONTENT),
        ("file.bin", b"second"),
    ]
    one, two = yencoded(CONTENT[:half], "part=1 total=2 "), yencoded(CONTENT[half:], "part=2 total=2 ")
    assert [file.content for file in legacy.embedded_files(one + b"text\r\n" + two)] == [CONTENT]
    assert legacy.is_fragment(one)
    assert not legacy.is_fragment(one + two)
    assert not legacy.is_fragment(
        b"A part begins with\r\n=ybegin part=1 total=9 line=128 size=9 name=a\r\nas the draft says."
    )
    assert list(legacy.embedded_files(b"we begin 2026 with a plan\r\n")) == []


@pytest.mark.parametrize("begin", [b"begin 644 a b.txt", b"begin  644   a b.txt", b"begin\t0644\ta b.txt"])
def test_a_uuencoded_file_begins_with_any_space(begin: bytes) -> None:
    """Decoders read the first line with scanf: any run of blanks parts its words (POSIX uudecode)."""
    text = b"see below\r\n" + begin + b"\r\n" + uuencoded(CONTENT, begin=False)
    assert list(legacy.embedded_files(text)) == [legacy.Embedded("a b.txt", CONTENT)]


def test_at_most_so_many_files_are_taken_from_a_text() -> None:
    """A thousand files in a text are not a thousand decodings."""
    assert len(list(legacy.embedded_files(uuencoded(b"x") * 1000))) == limits.EMBEDDED_FILES


@pytest.mark.parametrize("encoded", [uuencoded(b"x"), yencoded(b"x")])
def test_a_text_says_that_it_holds_more_files_than_are_opened(encoded: bytes) -> None:
    """One file more than is opened is no secret."""
    assert not legacy.has_more_files(encoded * limits.EMBEDDED_FILES)
    assert legacy.has_more_files(encoded * (limits.EMBEDDED_FILES + 1))


_RUNS = b"3C$r" * 4_000
"""`A` 255 times, in BinHex, again and again."""


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param((b"x-gzip64", stdlib_base64.encodebytes(gzip.compress(bytes(1_000_000)))), id="gzip64"),
        pytest.param((b"x-uuencode", b"M\n" * 20_000), id="uuencode"),
        pytest.param((b"binhex", b":" + _RUNS + b":"), id="binhex"),
    ],
)
def test_what_an_encoding_blows_up_ends_where_nobody_wants_more(raw: tuple[bytes, bytes]) -> None:
    """Of a body that decodes to many times its size no more is made than is asked for, but for a kilobyte."""
    encoding, body = raw
    assert len(transfer.decode(body, encoding.decode(), 100)) <= 100 + 1024


def _mapi(number: int, kind: int, value: bytes) -> bytes:
    return struct.pack("<HHII", kind, number, 1, len(value)) + value.ljust(len(value) + -len(value) % 4, b"\0")


def test_files_in_tnef_are_found() -> None:
    """A winmail.dat gives its files, under the long name of the MAPI properties where there is one."""
    assert [(file.name, file.content) for file in tnef.opened(make_tnef(CONTENT)).files] == [("file.bin", CONTENT)]
    properties = (
        struct.pack("<I", 2)
        + _mapi(0x3707, 0x1F, "long näme.exe\0".encode("utf-16-le"))
        + _mapi(0x3701, 0x0D, bytes(16) + b"inner")
    )
    attribute = struct.pack("<BHHI", 2, 0x9005, 6, len(properties)) + properties + b"\0\0"
    found = [(file.name, file.content) for file in tnef.opened(make_tnef(CONTENT) + attribute).files]
    assert found == [("long näme.exe", CONTENT), ("long näme.exe", b"inner")]
    assert tnef.opened(b"no container").files == ()


def test_tnef_within_tnef_is_opened() -> None:
    """A forwarded message in a winmail.dat is such a container again: its files are found, down to a depth that is said."""
    nested = make_tnef(CONTENT)
    for _ in range(limits.TNEF_DEPTH - 1):
        nested = make_tnef(nested)
    assert CONTENT in [file.content for file in tnef.opened(nested).files]
    assert not tnef.opened(nested).cut
    assert tnef.opened(make_tnef(nested)).cut


def test_a_tnef_says_that_it_holds_more_than_is_opened() -> None:
    """Past a number of files, or of properties before the name of one, a container is cut and says so."""
    attachment = make_tnef(b"x")[6:]
    assert not tnef.opened(tnef.SIGNATURE + b"\0\0" + attachment * limits.EMBEDDED_FILES).cut
    many = tnef.opened(tnef.SIGNATURE + b"\0\0" + attachment * (limits.EMBEDDED_FILES + 1))
    assert many.cut
    assert len(many.files) == limits.EMBEDDED_FILES
    dummies = _mapi(0x3001, 0x1E, b"x") * limits.TNEF_PROPERTIES + _mapi(0x3707, 0x1E, b"invoice.js")
    properties = struct.pack("<I", limits.TNEF_PROPERTIES + 1) + dummies
    attribute = struct.pack("<BHHI", 2, 0x9005, 6, len(properties)) + properties + b"\0\0"
    assert tnef.opened(make_tnef(CONTENT) + attribute).cut


def test_a_tnef_of_nothing_but_attributes_is_bounded() -> None:
    """Megabytes of empty attributes are not read one by one, and that is said."""
    assert tnef.opened(tnef.SIGNATURE + bytes(11 * (limits.TNEF_ATTRIBUTES + 2))).cut
    assert not tnef.opened(tnef.SIGNATURE + bytes(11 * limits.TNEF_ATTRIBUTES)).cut


@pytest.mark.parametrize(
    ("field", "encodings"),
    [
        (b" base64 foo", {"base64", ""}),
        (b' "base64"', {"base64", ""}),
        (b" bas(x)e64", {"base64", ""}),
        (b" =?us-ascii?q?base64?=", {"base64", ""}),
        (b" quoted-printable, base64", {"base64", "quoted-printable", ""}),
        (b" x-quoted_print", {"quoted-printable", ""}),
        (b" utf-7", {"base64", ""}),
    ],
)
def test_a_field_that_is_not_plain_means_all_it_may_mean(field: bytes, encodings: set[str]) -> None:
    """Comments, quotes, encoded words, second words and misspellings leave every encoding that somebody may see in them."""
    assert not transfer.is_plain_field((field,))
    assert encodings <= set(transfer.possible((field,)))


@pytest.mark.parametrize("field", [b" base64", b"BASE64 ", b"\r\n quoted-printable", b" 7bit", b" x-uuencode"])
def test_a_plain_field_is_plain(field: bytes) -> None:
    """A known name alone, in any case and folded, can be read in one way."""
    assert transfer.is_plain_field((field,))
    assert not transfer.is_plain_field((field, field))
