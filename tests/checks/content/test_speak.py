"""Tokens in words: everything that the features can give is spoken, in short printable phrases."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.checks import content
from gatepost.checks.content.looks import STEPS
from gatepost.checks.content.site import LIKENESS, LOCAL
from gatepost.checks.content.speak import PHRASES, SIZES, reasons, sentence, speak
from gatepost.checks.content.tokens import extract
from gatepost.mail import limits
from gatepost.mail.message import from_bytes
from support.cases import FOLDER
from support.letters import invented, letter

SOURCES = [path for path in sorted(Path(content.__file__).parent.glob("*.py")) if path.name != "speak.py"]
_TOKEN = re.compile(r"=[a-z](?:[a-z0-9/-]*[a-z0-9])?")


def _nodes() -> Iterator[ast.AST]:
    """Give every node of the sources that make features."""
    for path in SOURCES:
        yield from ast.walk(ast.parse(path.read_text("utf-8")))


def _literals() -> set[str]:
    """Give the facts that stand in the sources as they are."""
    found = (node.value for node in _nodes() if isinstance(node, ast.Constant))
    texts = (each.decode("latin-1") if isinstance(each, bytes) else each for each in found)
    return {text for text in texts if isinstance(text, str) and _TOKEN.fullmatch(text)}


def _templates() -> list[ast.JoinedStr]:
    """Give the formatted strings that make facts: `f"=links-{...}"`."""
    found = (node for node in _nodes() if isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant))
    return [node for node in found if str(node.values[0].value).startswith("=")]


def _pattern(template: ast.JoinedStr) -> str:
    """Give an expression for what a formatted string may give."""
    return "".join(re.escape(str(part.value)) if isinstance(part, ast.Constant) else ".+?" for part in template.values)


def test_every_fact_in_the_sources_has_its_phrase() -> None:
    """A fact that a module of the family names has words for people; who adds one adds them."""
    literals = _literals()
    assert len(literals) > 30
    assert {token for token in literals if token not in PHRASES} == set()


def test_every_formatted_fact_has_phrases() -> None:
    """Each family of facts (`=att-...`) is spoken, and its coarse sizes have the bounds that the source gives them."""
    templates = _templates()
    assert len(templates) > 8
    for template in templates:
        pattern = _pattern(template)
        assert any(re.fullmatch(pattern, token) for token in PHRASES), pattern
        bounds = [ast.literal_eval(node) for node in ast.walk(template) if isinstance(node, ast.Tuple)]
        if bounds:
            name = str(template.values[0].value).strip("=-")
            assert bounds == [SIZES[name]], name


def test_every_step_is_spoken() -> None:
    """A number has a phrase for each of its steps, no two alike, and all but one name a bound."""
    for name, bounds in {**STEPS, **SIZES}.items():
        phrases = [PHRASES[f"={name}-{step}"] for step in range(len(bounds) + 1)]
        assert len(set(phrases)) == len(phrases), name
        assert sum(not re.search(r"\d", phrase) for phrase in phrases) <= 1, phrases
        assert name.replace("-", " ") not in phrases


def test_steps_say_their_bounds() -> None:
    """The words of a step are the bounds of looks.py: no fact is told larger or smaller than it is."""
    last = len(STEPS["capitals"])
    assert speak(f"=capitals-{last}") == f"more than {STEPS['capitals'][-1]} % capital letters"
    assert speak("=words-0") == f"at most {STEPS['words'][0]} words"
    assert speak("=words-1") == f"{STEPS['words'][0] + 1} to {STEPS['words'][1]} words"
    assert (speak("=pictures-0"), speak("=pictures-1")) == ("no pictures", "1 picture")


def _mail() -> Iterator[bytes]:
    """Give the mail that the tests have: cases, invented letters, and one of each odd build."""
    for path in sorted(FOLDER.rglob("*.eml")):
        yield path.read_bytes()
    for label in ("ham", "spam", "phish"):
        yield from (invented(label, number) for number in range(15))
    yield letter("RE: FREE MONEY!!! 😀", "v i a g r a $$$ раураl", html="<form><img><img></form>")
    head = b"From: PayPal Support <a1234@xn--pypal-4ve.top>\r\nReply-To: x@gmail.com\r\nMIME-Version: 1.0\r\n"
    names = ["a.exe", "b.zip", "c.html", "d.docx", "e.pdf", "f.ics", "g.txt", "h", "i.png"]
    starts = [b"MZ", b"%PDF", b"PK\x03\x04", b"<html>", b"\xd0\xcf\x11\xe0", b"\x1f\x8b"]
    for content_type in ("mixed", "report"):
        body = b"".join(
            b"--b\r\nContent-Type: application/octet-stream\r\nContent-Type: text/plain\r\n"
            b'Content-Disposition: attachment; filename="%s"\r\n\r\n%s\r\n' % (name.encode(), start)
            for name in names
            for start in starts
        )
        kinds = b"".join(
            b"--b\r\nContent-Type: %s\r\n\r\nx: y\r\n\r\nz\r\n" % kind
            for kind in (b"message/rfc822", b"message/delivery-status", b"text/calendar", b"multipart/mixed")
        )
        yield head + b"Content-Type: multipart/%s; boundary=b\r\n\r\n" % content_type.encode() + body + kinds


def test_every_fact_about_the_tests_mail_is_spoken() -> None:
    """Whatever mail the tests have, each fact about it has a phrase of its own."""
    facts: set[str] = set()
    for data in _mail():
        facts |= {token.decode() for token in extract(from_bytes(data)).tokens if token.startswith(b"=")}
    assert len(facts) > 80
    assert {fact for fact in facts if fact not in PHRASES} == set()


@pytest.mark.parametrize(
    ("token", "told"),
    [
        ("pills", '"pills"'),
        ("cheap pills", '"cheap pills"'),
        ("s:pills", '"pills" in the subject'),
        ("f:support", '"support" in the sender\'s name'),
        ("u:login", '"login" in a link'),
        ("s:#4", "a 4-digit number in the subject"),
        ("account #6", '"account" and a 6-digit number'),
        ("=name-brand-elsewhere", "the sender's name is that of a known brand, its domain is not"),
        ("=links-home-none", "links lead away from the sender's domain"),
        (LIKENESS, "a message like it that was labelled here"),
        (f"{LOCAL}pills", '"pills" by local labels'),
        ("=some-new-fact", "some new fact"),
        ("=", "a fact without a name"),
    ],
)
def test_a_token_in_words(token: str, told: str) -> None:
    """Words are quoted and say where they stood; facts are told; one that is not known reads well all the same."""
    assert speak(token) == told


@given(st.text(max_size=400) | st.sampled_from(sorted(PHRASES)))
def test_a_phrase_is_short_and_printable(token: str) -> None:
    """Whatever a token holds, its phrase is one bounded line without a character that a terminal would obey."""
    for told in (speak(token), speak(f"s:{token}"), speak(f"={token}"), speak(f"{LOCAL}{token}")):
        assert told
        assert told.isprintable()
        assert len(told) <= 150


def test_no_reason_is_told_twice() -> None:
    """A pair that repeats a word already told is left out, the same word in the subject too."""
    assert reasons(["pills", "cheap pills", "s:pills", "=form", "online"], 3) == [
        '"pills"',
        "a form to fill in",
        '"online"',
    ]


@given(st.lists(st.text(max_size=150), max_size=5), st.lists(st.text(max_size=150), max_size=5))
def test_a_sentence_fits(toward: list[str], against: list[str]) -> None:
    """A sentence with its reasons never exceeds what is shown of a detail: nothing is cut in its middle."""
    assert len(sentence("The text looks like spam", toward, against)) <= limits.DETAIL_CHARACTERS
