"""Attacks: what they give is mail, says what the spam said, and is the same for the same seed."""

from __future__ import annotations

import email
import json
import random
import re
import unicodedata
from email.header import decode_header, make_header
from email.message import Message
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatepost.training.attacks import ATTACKS, choose
from gatepost.training.attacks_draft import put_together, take_apart
from gatepost.training.attacks_page import pieces
from gatepost.training.attacks_words import LOOK_ALIKES, WITHOUT_WIDTH
from support import hostile
from support.letters import letter

_CONFUSABLES = Path(__file__).resolve().parents[2] / ".." / "shared" / "suites" / "confusables" / "confusables.json"

SUBJECT = "Genuine watches discount"
TEXT = "Buy genuine watches online without prescription.\nLowest prices, free shipping worldwide; order now."
PAGE = (
    "<html><head><title>Offer</title></head><body><p>Buy <b>genuine</b> watches online without prescription.<br>"
    "Lowest prices, free shipping worldwide; order now.</p></body></html>"
)
GOOD = "minutes of the meeting about gardens and bicycles".split()

MAIL = {
    "plain": letter(SUBJECT, TEXT),
    "page": letter(SUBJECT, "x", html=PAGE),
    "base64": letter(SUBJECT, TEXT + " Über £5").replace(b"\n", b"\r\n"),
}

# What says nothing but in the subject, and what only a layout puts together again.
_TEXTLESS = {"image-only/linked", "image-only/attached", "subject-only"}
_LAID_OUT = {"split-words/columns"}
_LEET = str.maketrans("4@31!05$78lL", "aaeiiosstbii")  # 1 stands for i and for l


class _Reader(HTMLParser):
    """Reads a page as a person would: unseen elements and two ways of hiding left out. Written for these tests alone."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.text: list[str] = []
        self.unseen: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        style = (dict(attrs).get("style") or "").replace(" ", "").lower()
        hides = "display:none" in style or "font-size:0" in style
        unseen = self.unseen or hides or tag in {"script", "style", "title", "noscript", "template"}
        if unseen and tag not in {"br", "img", "input", "meta", "wbr"}:
            self.unseen.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self.unseen and self.unseen[-1] == tag:
            self.unseen.pop()

    def handle_data(self, data: str) -> None:
        if not self.unseen:
            self.text.append(data)


def decoded(part: Message) -> str:
    """Decode a part as browsers do: a byte order mark first, then the label, then UTF-8."""
    data = part.get_payload(decode=True)
    assert isinstance(data, bytes)
    if data.startswith(b"\xff\xfe"):
        return data.decode("utf-16")
    try:
        return data.decode(part.get_content_charset() or "utf-8", "replace")
    except LookupError:
        return data.decode("utf-8", "replace")


def shown(data: bytes) -> str:
    """Give what a client shows of a message: the page where there is one, else the text."""
    parts = list(email.message_from_bytes(data).walk())
    pages = [decoded(part) for part in parts if part.get_content_type() == "text/html"]
    if not pages:
        return "\n".join(decoded(part) for part in parts if part.get_content_type() == "text/plain")
    reader = _Reader()
    reader.feed(pages[0])
    reader.close()
    return "".join(reader.text)


def subject(data: bytes) -> str:
    """Give the decoded subject."""
    return str(make_header(decode_header(email.message_from_bytes(data)["Subject"])))


def plain_twin(character: str) -> str:
    """Give the ASCII letter that a character passes for, by Unicode's data and our tables."""
    bare = "".join(c for c in unicodedata.normalize("NFKD", character) if not unicodedata.combining(c))
    for table in LOOK_ALIKES.values():
        for plain, twins in table.items():
            if bare in twins or character in twins:
                return plain
    return bare


def letters(text: str, *, leet: bool = False) -> str:
    """Give the letters of a text alone, look-alikes as what they look like."""
    text = text.translate(_LEET) if leet else text
    invisible = set("".join(WITHOUT_WIDTH.values()))
    plain = "".join(plain_twin(c) if not c.isascii() else c for c in text if c not in invisible)
    return re.sub("[^a-z]", "", plain.lower())


@pytest.mark.parametrize("form", MAIL)
@pytest.mark.parametrize("name", ATTACKS)
def test_the_message_still_says_what_it_said(name: str, form: str):
    """A simple reader that shares no code with the product finds the words in order, in what a client shows."""
    data = ATTACKS[name].apply(MAIL[form], random.Random(7), GOOD)
    leet = name in ("leet", "homoglyphs/ascii")
    assert letters(SUBJECT, leet=leet) in letters(subject(data), leet=leet)
    found = letters(shown(data), leet=leet)
    if name in _TEXTLESS:
        assert found == ""
    elif name in _LAID_OUT:
        cells = re.findall(r"<td[^>]*>(.*?)</td>", decoded(email.message_from_bytes(data)), re.DOTALL)
        rows = zip(*(cell.split("<br>\r\n") for cell in cells), strict=True)
        assert letters(SUBJECT) not in found
        assert letters("Lowest prices, free shipping") in letters("".join(map("".join, rows)))
    else:
        assert letters(TEXT, leet=leet) in found


@pytest.mark.parametrize("form", MAIL)
@pytest.mark.parametrize("name", ATTACKS)
def test_what_comes_out_is_well_formed(name: str, form: str):
    """No parser finds a defect, lines are no longer than RFC 5322 allows and end in CRLF, and From and Date are kept."""
    data = ATTACKS[name].apply(MAIL[form], random.Random(3), GOOD)
    check_form(data)
    message = email.message_from_bytes(data)
    assert message["From"] == "Ann Other <ann@example.org>"
    assert message["Date"] == "Mon, 02 Nov 2026 09:00:00 +0000"
    assert len(message.get_all("Subject")) == 1


def check_form(data: bytes) -> None:
    """Insist on CRLF, short lines, and a structure without defects."""
    assert b"\n" not in data.replace(b"\r\n", b"")
    assert max(map(len, data.split(b"\r\n"))) <= 998
    assert [defect for part in email.message_from_bytes(data).walk() for defect in part.defects] == []


@pytest.mark.parametrize("name", ATTACKS)
def test_the_seed_decides(name: str):
    """The same message, seed and words give the same bytes."""
    for data in MAIL.values():
        first, second = (ATTACKS[name].apply(data, random.Random("seed"), GOOD) for _ in range(2))
        assert first == second


@pytest.mark.parametrize("name", [name for name in ATTACKS if name.startswith("hidden-text/") or name == "alternative"])
def test_hidden_words_are_in_the_source(name: str):
    """The good words are there, for a filter that reads too much to find."""
    data = ATTACKS[name].apply(MAIL["page"], random.Random(1), ["gardens"])
    texts = [decoded(part) for part in email.message_from_bytes(data).walk() if part.get_content_maintype() == "text"]
    assert "gardens gardens" in " ".join(texts)


def test_padding_is_long():
    """100 kB of wanted mail come first, and a message without good words gets invented ones."""
    data = ATTACKS["long-padding"].apply(MAIL["plain"], random.Random(1), ())
    assert 100_000 < len(data) < 120_000
    assert data.index(b"Lowest prices") > 100_000


def test_attachments_and_addresses_stay():
    """An attack on words changes no attachment, no link and no mailbox."""
    source = letter("Hello", "Write to ann@cheap.example or see http://cheap.example/pills today")
    message = email.message_from_bytes(source)
    boxed = put_together(take_apart(b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n" + source.split(b"\n", 4)[4]
        + b"\r\n--x\r\nContent-Type: application/pdf; name=a.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\nYWJj\r\n--x--\r\n"))  # fmt: skip
    assert message["Subject"] == "Hello"
    for name in ("homoglyphs/cyrillic", "leet", "zero-width/space", "split-words/signs"):
        changed = shown(ATTACKS[name].apply(source, random.Random(2), GOOD))
        assert "ann@cheap.example" in changed
        assert "http://cheap.example/pills" in changed
        parts = list(email.message_from_bytes(ATTACKS[name].apply(boxed, random.Random(2), GOOD)).walk())
        assert [part.get_payload(decode=True) for part in parts if part.get_filename() == "a.pdf"] == [b"abc"]


def test_look_alikes_are_look_alikes():
    """Every entry of the tables is Unicode's own confusable of its letter, or it with an accent, or a small capital."""
    data = json.loads(_CONFUSABLES.read_text()) if _CONFUSABLES.exists() else None
    entries = [(plain, twin) for table in LOOK_ALIKES.values() for plain, twins in table.items() for twin in twins]
    assert len(entries) > 200
    assert [entry for entry in entries if data is not None and not _alike(data, *entry)] == []


def _alike(data: dict[str, list[dict[str, str]]], plain: str, twin: str) -> bool:
    """Say whether Unicode says so; to its data I, l and the digit 1 are one, and a small letter passes for its capital."""
    known = {entry["c"] for entry in data.get(twin, [])} | {unicodedata.normalize("NFKD", twin)[0]}
    name = unicodedata.name(twin)
    if name == f"LATIN LETTER SMALL CAPITAL {plain.upper()}" or f" LETTER {plain.upper()} WITH STROKE" in name:
        return True
    return plain.lower() in {character.lower() for character in known} or (plain == "I" and "l" in known)


def test_names_choose_attacks_and_families():
    """A family's name stands for all its attacks; no name for all there are; an unknown one is refused by its name."""
    assert [attack.name for attack in choose(["leet"])] == ["leet"]
    assert {attack.name.partition("/")[0] for attack in choose(["homoglyphs", "zero-width"])} == {
        "homoglyphs",
        "zero-width",
    }
    assert len(choose([])) == len(ATTACKS)
    with pytest.raises(KeyError, match="viruses"):
        choose(["leet", "viruses"])


def test_every_attack_says_what_it_is():
    """Each has a sentence of its own."""
    meanings = [attack.meaning for attack in ATTACKS.values()]
    assert len(set(meanings)) == len(ATTACKS)
    assert all(meaning[0].isupper() and meaning.endswith(".") for meaning in meanings)


_SMALL = {name: make(min(size, 60)) for name, (size, make) in hostile.GROWING.items()}
_HOSTILE = _SMALL | {name: make() for name, make in hostile.FIXED.items()}


@pytest.mark.parametrize("name", ATTACKS)
def test_hostile_mail_does_not_break_an_attack(name: str):
    """Whatever a message is made of, what comes out is well-formed mail."""
    for data in _HOSTILE.values():
        if len(data) < 200_000:
            check_form(ATTACKS[name].apply(data, random.Random(5), GOOD))


@settings(max_examples=150, deadline=None)
@given(
    name=st.sampled_from(sorted(set(ATTACKS) - {"long-padding"})),
    kind=st.sampled_from(
        [b"text/plain", b"text/html", b"multipart/mixed; boundary=b", b"message/rfc822", b"image/png"]
    ),
    encoding=st.sampled_from([b"7bit", b"base64", b"quoted-printable", b"x"]),
    body=st.binary(max_size=300) | st.text("<>!-/ab c&;=\"'#1\u0430\u200b\n", max_size=200).map(str.encode),
    value=st.binary(max_size=60),
)
def test_no_bytes_break_an_attack(name: str, kind: bytes, encoding: bytes, body: bytes, value: bytes):
    """Random headers and bodies of every kind give well-formed mail, too."""
    fields = b"Subject: " + value + b"\r\nX-A: " + value[::-1] + b"\r\nContent-Type: " + kind
    data = fields + b"\r\nContent-Transfer-Encoding: " + encoding + b"\r\n\r\n--b\r\n\r\n" + body
    check_form(ATTACKS[name].apply(data, random.Random(1), GOOD))


@given(st.text("<>!-/ab =\"'script stylenoscript\n", max_size=200))
def test_pages_are_cut_without_loss(page: str):
    """Tags and text joined again are the page, whatever it holds."""
    assert "".join(piece for _, piece in pieces(page)) == page
