"""Tokens: what is read of a message, the same everywhere, within bounds."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatepost.checks.content.text import read_text
from gatepost.checks.content.tokens import extract
from gatepost.checks.content.urls import read_links
from gatepost.mail import limits
from gatepost.mail.message import from_bytes
from support.letters import letter

_SCRIPT = """
import sys
from gatepost.checks.content.tokens import extract
from gatepost.mail.message import from_bytes
features = extract(from_bytes(sys.stdin.buffer.read()))
print(features.tokens, features.hashes().tolist())
"""


def _tokens(data: bytes) -> set[str]:
    """Give the tokens of a message as text."""
    return {token.decode() for token in extract(from_bytes(data)).tokens}


def _html(source: str) -> set[str]:
    """Give the tokens of a message with an HTML part."""
    return _tokens(letter("Hello", "plain twin", html=source))


def test_the_same_in_every_process():
    """Tokens, their order and their hashes do not depend on Python's per-process hash seed."""
    data = letter("Cheap pills", "Buy now", html="<p>Buy <b>cheap</b> pills at <a href='http://192.0.2.1/x'>here</a>")
    answers = {
        subprocess.run(
            [sys.executable, "-c", _SCRIPT],
            input=data,
            capture_output=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    }
    assert len(answers) == 1
    assert b"pills" in answers.pop()


def test_words_pairs_subject_and_sender_are_told_apart():
    """A word's token says where it was found."""
    found = _tokens(letter("Your invoice", "garden lunch", sender="Support Team <x@example.org>"))
    assert {"s:invoice", "garden", "lunch", "garden lunch", "f:support", "f:team"} <= found


def test_html_is_read_as_a_browser_shows_it():
    """Inline tags do not split words, block tags do; scripts, styles and comments are not text."""
    found = _html(
        "<style>stylish{}</style><script>scripted()</script><p>Via<b></b>gra</p><td>one</td><td>two</td><!-- remark -->"
    )
    assert {"viagra", "one", "two"} <= found
    assert not {"stylish", "scripted", "remark", "onetwo"} & found


@pytest.mark.parametrize("tag", ["object", "object data=x.swf", "dialog open", "dialog style='display:block'"])
def test_what_mail_programs_show_is_text(tag: str):
    """What stands in for an object that is not loaded, and a dialog that is open, are shown, with their links."""
    found = _html(f"<p>hello</p><{tag}>casino <a href='http://evil.xyz/'>here</a></{tag.split(maxsplit=1)[0]}>")
    assert {"casino", "=link-cheap"} <= found


@pytest.mark.parametrize(
    "style",
    [
        "display:none",
        "display : NONE",
        "visibility:hidden",
        "font-size:0px",
        "opacity:0",
        "max-height:0",
        "mso-hide:all",
    ],
)
def test_hidden_text_does_not_count(style: str):
    """Words that an inline style hides are not tokens, so they cannot poison the score."""
    found = _html(f"<p>shown words</p><div style='{style}'>secretly</div>")
    assert "shown" in found
    assert "secretly" not in found


def test_a_size_that_is_set_back_is_visible():
    """Layouts put text with a size of its own inside boxes of size zero: it is read."""
    assert "visible" in _html("<div style='font-size:0'><p style='font-size:14px'>visible</p></div>")


def test_the_plain_twin_of_html_is_not_read():
    """A harmless text/plain beside spam in text/html is what no mail client shows."""
    found = _tokens(letter("Hello", "innocent gardening", html="<p>casino jackpot</p>"))
    assert "casino" in found
    assert "innocent" not in found


def test_what_a_bounce_returns_is_not_the_bouncers_text():
    """The message inside a delivery report does not count against the report."""
    inner = letter("Casino", "jackpot casino").decode()
    data = (
        "From: MAILER-DAEMON@example.org\r\nSubject: Undelivered\r\nMIME-Version: 1.0\r\n"
        "Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n"
        "--b\r\n\r\nIt could not be delivered.\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n" + inner + "\r\n--b--\r\n"
    ).encode()
    found = _tokens(data)
    assert {"delivered", "=multipart/report"} <= found
    assert "jackpot" not in found


def test_look_alike_letters_become_letters():
    """Full-width and mathematical letters, soft hyphens and zero-width spaces do not hide a word."""
    found = _tokens(letter("x", "𝐯𝐢𝐚𝐠𝐫𝐚 ｃａｓｉｎｏ jack\u200bpot lot\u00adtery"))
    assert {"viagra", "casino", "jackpot", "lottery"} <= found


def test_text_without_spaces_gives_character_pairs():
    """Chinese text is read in pairs of characters."""
    assert {"发票", "代开"} <= _tokens(letter("发票", "代开发票"))


def test_the_recipients_own_names_are_no_tokens():
    """Words of the To address prove nothing about the next mailbox."""
    found = _tokens(letter("Hi", "dear pat of mailbox, casino"))
    assert "casino" in found
    assert not {"pat", "mailbox"} & found


@pytest.mark.parametrize(
    ("source", "token"),
    [
        ("<a href='http://192.0.2.7/x'>here</a>", "=link-ip"),
        ("<a href='http://3221225985/'>here</a>", "=link-ip"),
        ("<a href='http://xn--80ak6aa92e.com/'>here</a>", "=link-punycode"),
        ("<a href='https://bit.ly/abc'>here</a>", "=link-shortener"),
        ("<a href='https://evil.example.net/'>www.paypal.com</a>", "=link-mismatch"),
        ("<a href='http://paypal.com@evil.example/'>x</a>", "=link-login"),
        ("<a href='http://evil.example:8081/'>x</a>", "=link-port"),
        ("<a href='http://evil.xyz/'>x</a>", "=link-cheap"),
        ("<a href='http://[::1]/'>here</a>", "=link-ip"),
        ("<a href='http://127.1/'>here</a>", "=link-ip"),
        ("<a href='http://0177.0.0.1/'>here</a>", "=link-ip"),
        ("<a href='http://0x7f.0x0.1/'>here</a>", "=link-ip"),
        ("<a href='http:\\\\192.0.2.7\\x'>here</a>", "=link-ip"),
        ("<a href='http:///192.0.2.7/x'>here</a>", "=link-ip"),
        ("<a href='//192.0.2.7/x'>here</a>", "=link-ip"),
        ("<a href='ht&#10;tp://192.0.2.7/x'>here</a>", "=link-ip"),
        ("<a href='&#1;http://192.0.2.7/x'>here</a>", "=link-ip"),
        ("<a href='http://192。0。2。7/x'>here</a>", "=link-ip"),
        ("<a href='http://evil\u200b.xyz/'>x</a>", "=link-cheap"),
        ("<base href='http://evil.xyz/'><a href='login'>x</a>", "=link-cheap"),
        ("<head><BASE target=_top href='http://evil.xyz/'></head><a href='/login'>x</a>", "=link-cheap"),
        ("<svg><a xlink:href='http://evil.xyz/'><text>x</text></a></svg>", "=link-cheap"),
        ("<form action='http://evil.xyz/'><input name=password></form>", "=link-cheap"),
        ("<form><button formaction='http://evil.xyz/'>go</button></form>", "=link-cheap"),
        ("<a href='https://evil.example.net/'>pay&#8203;pal.com</a>", "=link-mismatch"),
        ("<a href='https://evil.example.net/'>p&#x430;ypal.com</a>", "=link-mismatch"),
        ("<a href='https://evil.example.net/'>(www.paypal.com).</a>", "=link-mismatch"),
        ("<a href='https://evil.example.net/'>https://www.paypal.com.</a>", "=link-mismatch"),
    ],
)
def test_tricks_of_links_are_tokens(source: str, token: str):
    """Each trick a link plays is named; an ordinary link names none."""
    assert token in _html(source)
    assert token not in _html("<a href='https://www.example.org/page'>www.example.org</a>")


@pytest.mark.parametrize(
    ("source", "token"),
    [
        ("<a href='https://[2001:db8::1]:443/'>x</a>", "=link-port"),
        ("<a href='http://1.2.3/'>x</a>", "=link-ip"),
        ("<a href='https://xn--mller-kva.example/'>www.müller.example</a>", "=link-mismatch"),
        ("<a href='https://xn--mller-kva.de/'>www.müller.de</a>", "=link-mismatch"),
        ("<a href='https://example.org/'>http://example.org.</a>", "=link-mismatch"),
        ("<a href='\\\\server\\share'>x</a>", "=links-domains-0"),
    ],
)
def test_honest_links_play_no_tricks(source: str, token: str):
    """Addresses that are odd only to the eye are not told as tricks: IPv6 has no port, an umlaut is shown as such."""
    assert token not in _html(source)


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("请看http://www.example.com。谢谢", "www.example.com"),
        ("详情www.example.com,谢谢", "www.example.com"),
        ("http://www.example.com谢谢", "www.example.com"),
        ("(https://example.com/x)", "example.com"),
        ("https://例え.jp/", "例え.jp"),
    ],
)
def test_an_address_in_a_text_ends_where_its_characters_do(text: str, host: str):
    """What follows an address without a space, in scripts that have none, is not part of its host."""
    reading = read_text(from_bytes(letter("Hello", text)))
    assert [link.host for link in read_links(reading.anchors, reading.text)[0]] == [host]


_PITCH = "cheap pills"
_REST = "\r\n--b--\r\n"


def _of(content_type: str, body: str) -> bytes:
    return (
        f"From: a@example.org\r\nSubject: x\r\nMIME-Version: 1.0\r\nContent-Type: {content_type}\r\n\r\n{body}".encode()
    )


def _part(content_type: str, body: str) -> str:
    return f"--b\r\nContent-Type: {content_type}\r\n\r\n{body}\r\n"


_INNER = f"Subject: x\r\n\r\n{_PITCH}"


@pytest.mark.parametrize(
    "data",
    [
        _of(
            "multipart/alternative; boundary=b",
            _part("text/plain", _PITCH) + _part("text/html", "<html> </html>") + _REST,
        ),
        _of(
            "multipart/alternative; boundary=b", _part("text/plain", _PITCH) + _part("text/html", "<p hidden>x") + _REST
        ),
        _of("text/markdown", _PITCH),
        _of("text/x-unheard-of", _PITCH),
        _of("multipart/report; boundary=b", _part("message/rfc822", _INNER) + _REST),
        _of("text/calendar", "BEGIN:VCALENDAR\r\nSUMMARY;LANGUAGE=en:cheap\r\n  pil\r\n ls\r\nEND:VCALENDAR\r\n"),
        _of("text/calendar", f"BEGIN:VCALENDAR\r\nDESCRIPTION:see\\n{_PITCH}\\, now\r\nEND:VCALENDAR\r\n"),
    ],
)
def test_a_message_that_shows_nothing_is_read_otherwise(data: bytes):
    """The twin of an empty page, an unknown kind of text, an invitation and the content of an empty report are read."""
    found = _tokens(data)
    assert {"cheap", "pills", "cheap pills"} <= found
    assert not {"begin", "vcalendar", "summary"} & found


def test_what_stands_beside_a_page_in_its_alternative_is_read():
    """A multipart inside a multipart/alternative is shown whole, its plain texts too; the twin outside of it is not."""
    inner = _part("text/html", "<p>hello") + _part("text/plain", _PITCH) + _REST
    inner = inner.replace("--b", "--c")
    found = _tokens(
        _of(
            "multipart/alternative; boundary=b",
            _part("text/plain", "twin") + _part("multipart/mixed; boundary=c", inner) + _REST,
        )
    )
    assert {"hello", "pills"} <= found
    assert "twin" not in found


@pytest.mark.parametrize(
    "data",
    [
        _of("multipart/alternative; boundary=b", _part("text/plain", _PITCH) + _part("text/html", "<p>hello") + _REST),
        _of(
            "multipart/alternative; boundary=b",
            _part("text/plain", _PITCH) + _part("text/html", "<img src=cid:x>") + _REST,
        ),
        _of("multipart/mixed; boundary=b", _part("text/plain", "hello") + _part("text/x-patch", _PITCH) + _REST),
        _of(
            "multipart/report; boundary=b",
            _part("message/delivery-status", "Status: 5.1.1") + _part("message/rfc822", _INNER) + _REST,
        ),
    ],
)
def test_nothing_else_is_read_of_a_message_that_shows_something(data: bytes):
    """A twin, an unknown kind of text beside others and what a true report carries back are not what the message says."""
    assert "pills" not in _tokens(data)


def test_ten_thousand_nested_tags_and_attribute_floods_are_read_without_a_tree():
    """Past the limits the tags are stripped in one pass, the words are kept, and the limit is named."""
    for source in (
        "<div>" * 20_000 + "casino",
        "<p>" + "".join(f"<b c={n}>" for n in range(6_000)) + "</p><p>casino" * 5_000,
        "<i " + " ".join(f"a{n}=1" for n in range(30_000)) + ">casino",
    ):
        features = extract(from_bytes(letter("x", "y", html=source)))
        assert b"casino" in features.tokens
        assert "html-limit" in features.unread


def test_links_are_read_without_a_tree():
    """Past the limits links are still found, with the character references in their addresses undone."""
    found = _html("<i>" * 11_000 + "<a href='http&#58;//evil&period;xyz/'>here</a>")
    assert "=link-cheap" in found


def test_unclosed_formatting_elements_do_not_multiply():
    """A page that browsers would copy its open elements into thousands of times stays one tree of its own size."""
    source = "<p>" + "".join(f"<b c={n}>" for n in range(3_000)) + "</p>" + "<p>casino" * 3_000
    features = extract(from_bytes(letter("x", "y", html=source)))
    assert b"casino" in features.tokens
    assert "html-limit" not in features.unread


def test_forms_that_expand_stay_within_the_limit():
    """A character that normalisation turns into eighteen cannot make the text longer than the limit."""
    text = read_text(from_bytes(b"Subject: x\r\n\r\n" + "\ufdfa".encode() * 80_000)).text
    assert len(text) <= limits.TEXT_BYTES


def test_one_huge_line_is_cut_at_the_limits():
    """Text past TEXT_BYTES is not read and tokens past TOKENS are not made, and the evidence says so."""
    words = " ".join(f"w{chr(97 + n % 26)}{chr(97 + n // 26 % 26)}{chr(97 + n // 676 % 26)}" for n in range(17_000))
    data = b"Subject: x\r\n\r\n" + (words + " ").encode() * 12 + b"zzlast"
    assert len(data) > 2 * limits.TEXT_BYTES
    features = extract(from_bytes(data))
    assert len(features.tokens) <= limits.TOKENS
    assert b"zzlast" not in features.tokens
    assert "text-limit" in features.unread


def test_nothing_to_read_is_said():
    """A message without text, subject, links or images is not readable."""
    assert not extract(from_bytes(b"From: a@example.org\r\n\r\n")).readable


def test_words_of_paths_are_tokens():
    """A link's path gives its words, each once, letters alone; its query and the recipient's own words give none."""
    page = "<a href='https://x.example/account/Verify_login/ab1/pat.person?secret=1'>x</a>"
    found = {token for token in _html(page) if token.startswith("u:")}
    assert found == {"u:account", "u:verify", "u:login", "u:person"}


def test_paths_give_few_words():
    """At most twenty words of paths are read, from the first ten links."""
    words = [f"{chr(97 + a)}{chr(97 + b)}word" for a in range(8) for b in range(8)]
    page = "".join(
        f"<a href='https://x.example/{one}/{two}/{three}'>x</a>"
        for one, two, three in zip(words, words[20:], words[40:], strict=False)
    )
    assert 0 < sum(token.startswith("u:") for token in _html(page)) <= 20


def test_a_host_cannot_forge_a_token():
    """A line end in an address, which a browser drops, does not end a token and begin another."""
    assert "pills" not in _html(
        "<a href='http://x.example%0apills/'>x</a><a href='http://x.example\npills.example/'>x</a>"
    )


@settings(max_examples=50, deadline=None)
@given(st.sampled_from([str.upper, str.lower, str.title]))
def test_the_case_of_tags_changes_nothing(case: Callable[[str], str]):
    """Tags and attributes mean the same in capitals."""
    tags = (
        "<{td}>one two</{td}><{b}>three</{b}><{p} {style}='display:none'>four</{p}><{font} {color}=white>five</{font}>"
    )
    names = ("td", "b", "p", "style", "font", "color")
    assert _html(tags.format(**{name: case(name) for name in names})) == _html(
        tags.format(**{name: name for name in names})
    )


@settings(max_examples=50, deadline=None)
@given(st.permutations(["From", "To", "Subject", "Date", "Message-ID", "Content-Type"]))
def test_the_order_of_fields_changes_nothing(order: list[str]):
    """Header fields may come in any order."""
    fields = {
        "From": "Ann <ann@example.org>",
        "To": "pat@mailbox.example",
        "Subject": "Cheap pills",
        "Date": "Mon, 02 Nov 2026 09:00:00 +0000",
        "Message-ID": "<1@example.org>",
        "Content-Type": "text/html",
    }

    def tokens(names: Iterable[str]) -> tuple[bytes, ...]:
        head = "".join(f"{name}: {fields[name]}\r\n" for name in names)
        return extract(from_bytes(f"{head}\r\n<p>buy <b>now</b> http://x.example/pay".encode())).tokens

    assert tokens(order) == tokens(fields)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=3000))
def test_arbitrary_bytes_never_raise(data: bytes):
    """Any bytes give bounded, unique, non-empty tokens."""
    features = extract(from_bytes(data))
    assert len(set(features.tokens)) == len(features.tokens) <= limits.TOKENS
    assert all(features.tokens)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            "<div> </div> <b> <a href='http:// '> <table> <td> <script> <style> <!-- --> <![CDATA[ &#x0; &nbsp; \x00 = \" ' "
            "style='display:none' hidden http://[::1]/ http://%00@x: 你好 \u200b word \ud83d\udc4d".split(" ")
        ),
        max_size=80,
    )
)
def test_arbitrary_markup_never_raises(pieces: list[str]):
    """Any soup of tags is read without an exception."""
    body = "".join(pieces).encode("utf-8", "surrogatepass")
    extract(from_bytes(b"Content-Type: text/html; charset=utf-8\r\n\r\n" + body))
