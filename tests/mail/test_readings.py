"""Every way a message may be read: honest mail has one, tricks have the one they were made for, and all is bounded."""

from __future__ import annotations

import email.policy
import gzip
from email.message import EmailMessage

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatepost.mail import limits, mime
from gatepost.mail.alternatives import alternatives
from gatepost.mail.decode import legacy
from gatepost.mail.message import Message, from_bytes
from gatepost.mail.parameters import every_name
from gatepost.mail.readings import Ambiguity, ambiguities, readings
from support.broken_mime import family
from support.mime_pieces import CTE, MIXED, TEXT, TYPE, attached, b64, body, message, qp, uneven
from support.tricks_in_old_encodings import tnef, uuencoded

CONTENT = b"PK\x03\x04 what is hidden \x00\xff" * 4

_NAMES = st.text("abcdefghij äöü.()'-;", min_size=1, max_size=20)
_PART = st.tuples(st.binary(max_size=200), st.sampled_from(["octet-stream", "zip", "pdf"]), _NAMES)


@given(
    text=st.text(max_size=300),
    html=st.text(max_size=300),
    parts=st.lists(_PART, max_size=4),
    nested=st.booleans(),
)
@settings(max_examples=150)
def test_honest_mail_has_one_reading(text: str, html: str, parts: list[tuple[bytes, str, str]], nested: bool) -> None:
    """What a mail library writes is never ambiguous, whatever text, files, names and nesting it is given."""
    mail = EmailMessage(policy=email.policy.SMTP)
    mail["Subject"] = "hello"
    mail.set_content(text)
    if html:
        mail.add_alternative(html, subtype="html")
    for content, subtype, name in parts:
        mail.add_attachment(content, maintype="application", subtype=subtype, filename=name)
    if nested:
        outer = EmailMessage(policy=email.policy.SMTP)
        outer.set_content("see below")
        outer.add_attachment(mail)
        mail = outer
    honest = from_bytes(mail.as_bytes())
    assert ambiguities(honest) == ()
    assert alternatives(honest.mime).found == ()
    opened = [reading.data for reading in readings(honest)]
    assert all(content in opened for content, _, _ in parts if content)


_LINES = st.sampled_from([
    b"--foo\r\n", b"--foo--\r\n", b" --foo\r\n", b"--foo \r", b"--bar\r\n", b"--bar--\r\n", b"--foo--bar\r\n", b"\r\n", b"\n", b" \r\n", b"\0",
    b"Content-Type: multipart/mixed; boundary=bar\r\n", b"Content-Type: text/plain\r\n", b"Content-Type : a/b; name=x.bin\r\n",
    b"Content-Type: message/rfc822\r\n", b"Content-Type: message/partial; total=2\r\n", b" Content-Transfer-Encoding: base64\r\n",
    b"Content-Transfer-Encoding: base64\r\n", b"Content-Transfer-Encoding: quoted-printable\r\n", b"Content-Transfer-Encoding: x (y)\r\n",
    b"QUJD\r\n", b"RA==\r\n", b"=41=\r\n", b"begin 644 a\r\n", b"=ybegin line=1 name=a\r\n", b"words\r\n",
])  # fmt: skip


@given(
    st.lists(_LINES, max_size=40).map(b"".join),
    st.sampled_from([MIXED, b"", b"Content-Type: multipart/mixed\r\n", b"Content-Type: a/b\r\n"]),
)
@settings(max_examples=300)
def test_any_arrangement_is_read_within_bounds(content: bytes, fields: bytes) -> None:
    """Fields, delimiters and data in any order: nothing raises, nothing is read twice, and two looks see the same."""
    odd = from_bytes(message(fields, content))
    opened = list(readings(odd))
    # One content under two names, or in two parts, is two files.
    told_apart = {(reading.data, reading.part, reading.name, reading.other_names) for reading in opened}
    assert len(told_apart) == len(opened)
    unnamed = [reading.data for reading in opened if not reading.name]
    assert len(set(unnamed)) == len(unnamed)
    assert all(1 <= reading.part <= len(odd.mime.parts) for reading in opened)
    found = alternatives(odd.mime)
    assert len(found.found) <= limits.ALTERNATIVES
    assert ambiguities(odd) == ambiguities(from_bytes(message(fields, content)))


@given(st.binary(max_size=600))
def test_any_bytes_are_read(data: bytes) -> None:
    """Arbitrary bytes are a message whose readings can be enumerated."""
    assert isinstance(ambiguities(from_bytes(MIXED + data)), tuple)
    assert isinstance(list(readings(from_bytes(data))), list)


@pytest.mark.parametrize(
    "name", [case.name for case in family(CONTENT) if not case.name.startswith(("base64", "quoted"))][::7]
)
def test_what_a_trick_hides_is_among_the_readings_or_ambiguous(name: str) -> None:
    """The hidden bytes themselves are given out, or the message is ambiguous: no scanner's knowledge is needed."""
    data = next(case.data for case in family(CONTENT) if case.name == name)
    hidden = from_bytes(data)
    assert ambiguities(hidden) or any(CONTENT in reading.data for reading in readings(hidden)) or CONTENT in data


def kinds(data: bytes | Message) -> list[str]:
    """Give the kinds of a message's ambiguities."""
    return [found.kind for found in ambiguities(from_bytes(data) if isinstance(data, bytes) else data)]


FILE = TYPE + CTE + b"base64\r\n\r\n" + b64(CONTENT)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(message(MIXED, body(b"Content-Type: text/plain\r\n" + CTE + b"7bit\r\n" + CTE + b"8bit\r\n\r\nhello")), id="two encodings that change nothing"),
        pytest.param(message(MIXED.replace(b"\r\n", b" (x)\r\n"), body(TEXT)), id="a comment around text alone"),
        pytest.param(message(b"Content-Type: text/plain; charset=utf-8; charset=latin-1\r\n", b"hello"), id="a parameter twice"),
        pytest.param(message(MIXED + CTE + b"quoted-printable\r\n", body(TEXT, FILE)), id="a multipart that calls itself encoded"),
        pytest.param(message(b"X-Report: one\r\n \r\n  two\r\n" + MIXED, body(TEXT, FILE)), id="an empty folded line"),
        pytest.param(message(MIXED, body(TEXT, FILE).replace(b"--foo--\r\n", b"")), id="no close delimiter"),
        pytest.param(message(MIXED, body(TEXT, FILE) + b"\r\n_____\r\nlist footer\r\n"), id="text behind the end"),
        pytest.param(message(b"", b"On Monday somebody wrote:\r\n> --foo\r\n> Content-Type: text/plain\r\n>\r\n> hello\r\n"), id="a quoted message"),
        pytest.param(message(b"Content-Type: text/plain\r\n", b"It said:\r\n\r\n" + FILE + b"\r\nWhat is that?\r\n"), id="a text that shows a part"),
        pytest.param(message(b"Content-Type: text/html\r\n" + CTE + b"quoted-printable\r\n", b"<a href=http://x.example/?a=b&c=zz>x</a>\r\n"), id="a page that is not quite quoted-printable"),
        pytest.param(message(MIXED, body(b"Content-Type: application/json; name=a.json\r\n" + CTE + b'quoted-printable\r\n\r\n{"name": "J=c3=b6rg", "a": "b=c"}')), id="lower case in JSON"),
        pytest.param(message(MIXED, body(b"Content-Type: application/xml; name=a.xml\r\n" + CTE + b'quoted-printable\r\n\r\n<a b="c">x</a>')), id="XML that is not quoted-printable"),
        pytest.param(message(b"", b"A part begins with\r\n\r\n=ybegin part=1 total=10 line=128 size=500000 name=my.dat\r\n\r\nas the draft says.\r\n"), id="a text about yEnc"),
        pytest.param(message(MIXED, body(b"Content-Type: text/x-diff; name=a.patch\r\n\r\nFrom: a@b.example\r\nContent-Type: text/plain\r\n\r\n--- a\r\n+++ b\r\n")), id="a patch with its header"),
        pytest.param(message(MIXED, body(TEXT, TYPE + CTE + b"base64\r\n\r\n" + b64(CONTENT) + b"\r\n-- \r\nfooter of a list\r\n")), id="a footer behind base64"),
    ],
)  # fmt: skip
def test_sloppy_mail_is_not_ambiguous(data: bytes) -> None:
    """Flaws that honest mail has, over which readers deliver the same, are no reason to hold it."""
    assert kinds(data) == []


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (attached(CTE + b"base64\r\n" + CTE + b"7bit\r\n", b64(CONTENT)), "structure"),
        (attached(CTE + b"base64\r\n", b64(CONTENT) + b64(CONTENT[::-1])), "content"),
        (attached(CTE + b"quoted-printable\r\n", qp(CONTENT).replace(b"=50", b"=XX=50")), "content"),
        (message(MIXED, body(TEXT) + FILE), "structure"),
        (message(b'Content-Type: message/partial; id="x"; number=2; total=2\r\n', b"rest"), "fragment"),
    ],
)
def test_kinds_tell_ambiguities_apart(data: bytes, kind: str) -> None:
    """Structure, content and fragments are told apart for machines, and each names its part for people."""
    found = ambiguities(from_bytes(data))
    assert {each.kind for each in found} == {kind}
    assert all(isinstance(each, Ambiguity) and each.detail.startswith("part ") for each in found)


def test_more_readings_than_are_tried_are_ambiguous() -> None:
    """A message that could be read in thousands of ways is not read in thousands of ways, and is not called clean."""
    part = TYPE + CTE + b"base64\r\n" + CTE + b"7bit\r\n\r\n" + b64(b"x" * 60)
    many = from_bytes(message(MIXED, body(*[part] * 900)))
    assert len(alternatives(many.mime).found) == limits.ALTERNATIVES
    assert "limit" in kinds(many)


BOMB = (
    b"Content-Type: text/plain\r\n"
    + CTE
    + b"x-gzip64\r\n\r\n"
    + b64(gzip.compress(bytes(limits.DECODED_BYTES + 1), mtime=0))
)
SCRIPT = b'Content-Type: a/b; name="invoice.js"\r\n'


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(message(MIXED, body(TEXT, BOMB, SCRIPT + b"\r\nx")), id="decoded bytes"),
        pytest.param(message(MIXED, body(b"X: y\r\n" * (limits.PART_HEADER_FIELDS + 1) + SCRIPT + b"\r\nx")), id="fields"),
        pytest.param(message(MIXED, body(b"X: " + b"y" * limits.PART_HEADER_BYTES + b"\r\n" + SCRIPT + b"\r\nx")), id="a field"),
        pytest.param(message(MIXED, body(*[b"X: " + b"y" * 60_000 + b"\r\n\r\n"] * 40, SCRIPT + b"\r\nx")), id="all headers"),
        pytest.param(message(MIXED, body(*[b"\r\n"] * limits.MIME_PARTS, SCRIPT + b"\r\nx")), id="parts"),
        pytest.param(message(b"", b"").replace(b"\r\n\r\n", b"\r\nContent-Type: message/rfc822\r\n\r\n") * (limits.MIME_DEPTH + 2), id="depth"),
        pytest.param(message(MIXED, body(uuencoded(b"x") * (limits.EMBEDDED_FILES + 1))), id="uuencoded files"),
        pytest.param(message(MIXED, body(TYPE + CTE + b"base64\r\n\r\n" + b64(tnef(b"x") + tnef(b"x")[6:] * limits.EMBEDDED_FILES))), id="files in TNEF"),
        pytest.param(message(MIXED, body(b"Content-Disposition: attachment" + b"; x=1" * limits.PARAMETERS + b"; filename=invoice.js\r\n\r\nx")), id="parameters"),
        pytest.param(
            message(MIXED, body(b"Content-Disposition: attachment" + b"".join(b"; filename*%d=a" % n for n in range(limits.PARAMETERS)) + b"; filename*99=.js\r\n\r\nx")),
            id="pieces of a name",
        ),
        pytest.param(message(MIXED, body(b"Content-Type: a/b; x=" + b"y" * limits.NAMING_FIELD_BYTES + b"; name=invoice.js\r\n\r\nx")), id="length of a field"),
        pytest.param(
            message(MIXED, body(b"\r\nContent-Type: x\r\n" + b"--\r\n" * limits.DOUBTFUL_LINES + b"--bar\r\n" + SCRIPT + b"\r\nx")), id="lines that may be delimiters"
        ),
        pytest.param(message(b"Content-Type: multipart/mixed" + b"; boundary=foo" * limits.BOUNDARY_READINGS + b"; boundary=bar\r\n", body(SCRIPT + b"\r\nx")), id="boundaries"),
        pytest.param(
            message(MIXED, body(*[SCRIPT + CTE + b"base64\r\n\r\n!" + b64(bytes(limits.UNSURE_BYTES // 2))] * 2)), id="broken encodings"
        ),
        pytest.param(message(MIXED, body(b"Content-Type: a/b" + b"".join(b"; name=%d.txt" % n for n in range(limits.FILE_NAMES)) + b"; name=invoice.js\r\n\r\nx")), id="names"),
    ],
)  # fmt: skip
def test_a_limit_that_hides_a_file_is_ambiguous(data: bytes) -> None:
    """Whatever is not opened, decoded or read because there is too much of it is said, not passed over."""
    assert kinds(data) == ["limit"]


def test_the_name_of_a_file_that_was_not_decoded_is_given() -> None:
    """A part that decodes to all that is looked at hides no name of a later one, and what comes late is not inflated."""
    opened = list(readings(from_bytes(message(MIXED, body(BOMB, BOMB, SCRIPT + b"\r\nx")))))
    assert [(reading.name, len(reading.data)) for reading in opened] == [("", limits.DECODED_BYTES), ("invoice.js", 0)]


def test_one_content_under_two_names_is_two_files() -> None:
    """A second name for the bytes of a harmless file is given out, in whichever part it stands."""
    parts = [b'Content-Type: a/b; name="%b"\r\n\r\nx' % name for name in (b"a.txt", b"invoice.js", b"a.txt")]
    found = [(reading.part, reading.name) for reading in readings(from_bytes(message(MIXED, body(*parts))))]
    assert found == [(2, "a.txt"), (3, "invoice.js"), (4, "a.txt")]


def test_other_trees_share_one_allowance() -> None:
    """However many trees there are, they decode to no more than one message may, and being cut is ambiguous."""
    big = from_bytes(message(TYPE + CTE + b"base64\r\n" + CTE + b"x-base64\r\n", b64(bytes(3000))))
    found = alternatives(big.mime)
    found.budget.decoding.left = 100
    assert "limit" in kinds(big)
    assert sum(len(part.payload()) for other in found.found for part in other.mime.leaves()) <= 100


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(MIXED + b"\r\n" + b"--foo\r\n\r\nx\r\n" * 1_000_000, id="a million parts"),
        pytest.param(MIXED + b"\r\n" + b"--foo\r\n" * (32 * 1024 * 1024 // 7), id="32 MB of delimiters"),
        pytest.param(MIXED + b"\r\n" + b"--foo" * (32 * 1024 * 1024 // 5), id="32 MB of delimiters in a line"),
        pytest.param(b"\r\n" + b"--a\r\nContent-Type: a/b\r\n\r\n" * 1_000_000, id="a million delimiters of nobody"),
        pytest.param(b"\r\n" + b"begin 644 a\r\n" * 2_000_000, id="two million uuencoded files"),
        pytest.param(b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(100_000)), id="nested"),
        pytest.param(
            MIXED + b"\r\n" + b"--foo\r\n\r\nx\r\n" * (limits.MIME_PARTS - 2) + b"--foo\r\nContent-Type: multipart/mixed; boundary=bar\r\n\r\n--bar\r\n\r\n--bar--\r\n",
            id="a multipart as the last part that is opened",
        ),
        pytest.param(MIXED + b"\r\n" + b"--foo\r\nX: y\r\n" * 900 + b"--foo\r\nX: y" + b"A\n" * 2_000_000, id="headers without an end"),
        pytest.param(b"Content-Type: multipart/mixed" + b"; boundary=foo" * 1000 + b"\r\n\r\n" + b"--foo\r\nx\r\n" * 100_000, id="boundaries"),
        pytest.param(TYPE + CTE + b"base64\r\n\r\n" + b"QQ=" * 1_000_000, id="padding everywhere"),
    ],
)  # fmt: skip
def test_quadratic_tricks_are_read_in_bounded_work(data: bytes) -> None:
    """What costs a naive reader the square of its size is looked at in a few passes: few trees, few parts, few readings."""
    hostile = from_bytes(data)
    assert len(hostile.mime.parts) <= limits.MIME_PARTS
    assert len(ambiguities(hostile)) <= 2 * limits.ALTERNATIVES
    found = alternatives(hostile.mime)
    assert sum(len(other.mime.parts) for other in found.found) <= limits.ALTERNATIVES * limits.MIME_PARTS
    for count, _ in enumerate(readings(hostile)):
        if count >= limits.VIRUS_PARTS:
            break


def test_odd_lines_of_uuencode_are_bounded_over_the_message() -> None:
    """Many parts that a few bytes blow up to lines of uuencode are mended to one limit together, and being cut is ambiguous."""
    lines = b"begin 644 a\r\n" + b"!\r\n" * (limits.VIRUS_REPAIRS // 2)
    part = b"Content-Type: text/plain\r\n" + CTE + b"x-gzip64\r\n\r\n" + b64(gzip.compress(lines, mtime=0))
    whole = b"begin 644 b\r\n" + uuencoded(CONTENT, begin=False)
    assert kinds(message(MIXED, body(part, whole))) == []
    assert kinds(message(MIXED, body(part, part, part, whole))) == ["limit"]
    mending = legacy.Mending()
    for _ in range(3):
        list(legacy.embedded_files(lines, mending))
    assert mending.left < 0


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        (b"Content-Type: a/b; name=a.txt\r\nContent-Disposition: attachment; filename=b.exe", {"a.txt", "b.exe"}),
        (b"Content-Disposition: attachment; filename=a.txt; filename*=utf-8''b.exe", {"a.txt", "b.exe"}),
        (b"Content-Disposition: attachment; filename=a.txt; filename=b.exe", {"a.txt", "b.exe"}),
        (b"Content-Disposition: attachment; filename*0=b.; filename*1=exe; filename=a.txt", {"a.txt", "b.exe"}),
        (b'Content-Disposition: attachment; filename="=?utf-8?q?b=2Eexe?="', {"b.exe"}),
        (b"Content-Disposition: attachment; filename=b.e(x)xe", {"b.exe", "b.e(x)xe"}),
        (b"Content-Type: a/b\r\nContent-Disposition: attachment; name=b.js", {"b.js"}),
        (b"Content-Type: a/b; filename=b.js", {"b.js"}),
        (b"Content-Type: a/b\r\nContent-Disposition: attachment filename=b.js", {"b.js"}),
        (b'Content-Type: a/b\r\nContent-Disposition: attachment,\r\n filename="b c.js"', {"b c.js"}),
        (b"Content-Disposition: attachment; filename=my invoice.js", {"my invoice.js", "my"}),
        (b'Content-Disposition: attachment; filename="a.e\r\n xe"', {"a.e xe", "a.exe"}),
        (b"Content-Disposition: attachment; filename=a b.js size=9", {"a b.js", "a b.js size=9", "a"}),
        (b'Content-Disposition: attachment; filename="a.txt"b.js', {"a.txt", "a.txtb.js"}),
        (b"Content-Disposition: attachment; filename" + b" " * 30 + b"=" + b" " * 30 + b"b.js", {"b.js"}),
        (b'Content-Disposition: attachment; filename="' + b"a" * 5000 + b'.js"', {"a" * 5000 + ".js"}),
    ],
)
def test_every_name_of_a_file_is_given(fields: bytes, names: set[str]) -> None:
    """RFC 2231, RFC 2047, two fields, two parameters, comments: the attachment check sees each name that somebody may show."""
    (reading,) = readings(
        from_bytes(message(MIXED, body(fields + b"\r\n" + CTE + b"base64\r\n\r\n" + uneven(CONTENT))))
    )
    assert {reading.name, *reading.other_names} == names


def test_a_name_in_an_odd_header_is_given() -> None:
    """A disposition that only lenient clients see names a file to them, and the name is judged."""
    for odd in (
        b"X: y\rContent-Disposition: attachment; filename=b.js",
        b"X: y\r\n Content-Disposition: attachment; filename=b.js",
    ):
        found = readings(from_bytes(message(MIXED, body(odd + b"\r\n\r\nx"))))
        assert "b.js" in {name for reading in found for name in (reading.name, *reading.other_names)}


def test_the_names_of_a_part_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many checks ask what a file may be called, its fields, which may hold a hundred names, are read once."""
    asked: list[object] = []
    monkeypatch.setattr(mime, "every_name", lambda headers: asked.append(headers) or every_name(headers))
    held = from_bytes(
        message(MIXED, body(b"Content-Disposition: attachment" + b"; filename=a.txt b" * 40 + b"\r\n\r\nx"))
    )
    assert [each.other_names for each in readings(held)] == [("a.txt",)]
    assert ambiguities(held) == ()
    assert len(asked) == 1


def test_a_name_with_spaces_is_whole() -> None:
    """A mailer that forgets the quotes around a name with spaces still names its file, up to the next parameter."""
    field = b"Content-Disposition: attachment; filename=Annual report.pdf; size=9\r\n\r\nx"
    assert [part.filename for part in from_bytes(message(MIXED, body(field))).mime.leaves()] == ["Annual report.pdf"]


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        (b"Content-Type: message/rfc822; name=invoice.js", "invoice.js"),
        (b"Content-Type: multipart/mixed; boundary=bar; name=page.html", "page.html"),
        (b'Content-Type: message/rfc822; name="Re: 2.0 is out"', ""),
        (b"Content-Type: message/rfc822; name=letter.eml", ""),
    ],
)
def test_the_name_of_a_container_is_given(fields: bytes, name: str) -> None:
    """A client that saves a message or a multipart under a name of another kind has a file of that kind."""
    inner = b"--bar\r\nContent-Type: text/plain\r\n\r\nalert(1)\r\n--bar--\r\n"
    odd = from_bytes(message(MIXED, body(fields + b"\r\n\r\n" + inner)))
    found = [(reading.name, reading.data) for reading in readings(odd) if reading.name]
    assert found == ([(name, inner)] if name else [])
