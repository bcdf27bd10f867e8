"""How openly a message is bulk mail."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatepost.checks.content.bulk import CODES, MOVED, REPORTED, BulkCheck
from gatepost.checks.content.deceit import DECEIT, signs_of_deceit
from gatepost.checks.content.tokens import Features, extract
from gatepost.decision.policy import EXCUSES
from gatepost.decision.weights import WEIGHTS
from gatepost.evidence import Evidence, Found, Status
from gatepost.mail.address import parse_path
from gatepost.mail.envelope import Client, Direction, Envelope
from gatepost.mail.header import Header
from gatepost.mail.message import Message, from_bytes

ENVELOPE = Envelope(client=Client(), sender=parse_path(b"bounce@sender.example"))
WAY = {
    "List-Unsubscribe": "<mailto:out@sender.example>, <https://news.sender.example/out>",
    "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
}
FIELDS = {"From": "The News <news@sender.example>", "To": "piet@rcpt.example", "Subject": "offers", **WAY}
DMARC = Evidence(
    "dmarc",
    "dmarc.pass",
    Status.PASS,
    facts={"header.from": "sender.example", "organization": "sender.example", "aligned": "dkim,spf"},
)
BY_DKIM = replace(DMARC, facts={**DMARC.facts, "aligned": "dkim"})
DKIM = Evidence(
    "dkim",
    "dkim.pass",
    Status.PASS,
    facts={"header.d": "sender.example", "covers": "list-unsubscribe list-unsubscribe-post"},
)
SPAM = Evidence("content", "content.spam", Status.FAIL, facts={"class": "spam", "probability": "0.9990"})


def letter(fields: Mapping[str, str], body: bytes = b"hello") -> Message:
    """Make a message of header fields."""
    return Message(tuple(Header(name.encode(), b" " + value.encode()) for name, value in fields.items()), body)


def judged(message: Message, evidence: Iterable[Evidence], envelope: Envelope = ENVELOPE) -> Evidence | None:
    """Run the check and give its one finding, or None."""
    found = BulkCheck().run(envelope, message, Found(tuple(evidence)))
    assert len(found) <= 1
    return found[0] if found else None


def word(message: Message | None = None, *evidence: Evidence, envelope: Envelope = ENVELOPE) -> str:
    """Give the code of the finding, or "" for none."""
    found = judged(message or letter(FIELDS), evidence or (DMARC, DKIM, SPAM), envelope)
    return found.code if found else ""


def content(code: str = "spam", **facts: str) -> Evidence:
    """Make an opinion of the content check with facts."""
    return Evidence("content", f"content.{code}", Status.FAIL, facts={**SPAM.facts, **facts})


def test_open() -> None:
    """An authenticated author, a signed one-click field, no deceit: sent openly, and the finding says how to stop it."""
    found = judged(letter(FIELDS), (DMARC, DKIM, SPAM))
    assert found is not None
    assert found.code == "bulk.open"
    assert found.facts == {"unsubscribe": "one-click", "host": "news.sender.example"}
    assert "sender.example" in found.detail


@pytest.mark.parametrize(
    ("fields", "evidence", "how"),
    [
        (FIELDS, (DMARC, SPAM), "https"),
        (FIELDS, (DMARC, replace(DKIM, facts={**DKIM.facts, "covers": "list-unsubscribe"}), SPAM), "https"),
        (FIELDS, (DMARC, replace(DKIM, facts={**DKIM.facts, "header.d": "other.example"}), SPAM), "https"),
        (FIELDS, (BY_DKIM, replace(DKIM, facts={**DKIM.facts, "header.d": "mail.sender.example"}), SPAM), "one-click"),
        ({**FIELDS, "List-Unsubscribe": "<mailto:out@sender.example>"}, (DMARC, DKIM, SPAM), "mailto"),
    ],
)
def test_one_click_must_be_signed(fields: dict[str, str], evidence: tuple[Evidence, ...], how: str) -> None:
    """One click is believed where a valid signature of the author's organization covers both fields (RFC 8058 4)."""
    found = judged(letter(fields), evidence)
    assert found is not None
    assert (found.code, found.facts["unsubscribe"]) == ("bulk.open", how)


@pytest.mark.parametrize(
    "signature",
    [
        replace(DKIM, facts={"header.d": "sender.example"}),
        replace(DKIM, facts={**DKIM.facts, "header.d": "other.example"}),
        replace(DKIM, facts={**DKIM.facts, "header.d": "evilsender.example"}),
        replace(DKIM, code="dkim.fail", status=Status.FAIL),
    ],
)
def test_fields_put_on_top_of_a_signed_message(signature: Evidence) -> None:
    """Where only a signature proves the author, it must cover List-Unsubscribe, or anybody may have written that field."""
    found = judged(letter(FIELDS), (BY_DKIM, signature, SPAM))
    assert found is not None
    assert found.code == "bulk.closed"
    assert "not signed by the author" in found.detail


@pytest.mark.parametrize(
    "dmarc",
    [
        Evidence("dmarc", "dmarc.fail", Status.FAIL),
        Evidence("dmarc", "dmarc.none", Status.NONE),
        Evidence("dmarc", "dmarc.permerror", Status.PERMERROR),
        Evidence("dmarc", "dmarc.error", Status.FAIL),
    ],
)
def test_nobody_answers_for_the_author(dmarc: Evidence) -> None:
    """Unsubscribe fields prove nothing where DMARC does not pass, however many strangers signed the message."""
    assert word(letter(FIELDS), dmarc, DKIM, SPAM) == "bulk.closed"


def test_dmarc_not_asked() -> None:
    """Without any word on the author nothing is open."""
    assert word(letter(FIELDS), DKIM, SPAM) == "bulk.closed"


def test_users_of_public_mail_services() -> None:
    """Who writes from a public mail service is authenticated by it, and it answers for nothing he writes."""
    facts = {"header.from": "gmail.com", "organization": "gmail.com", "aligned": "dkim,spf"}
    assert word(letter(FIELDS), replace(DMARC, facts=facts), SPAM) == "bulk.closed"


@pytest.mark.parametrize(
    "fields",
    [
        {"Precedence": "bulk"},
        {"Precedence": "  Junk "},
        {"List-Id": "<news.sender.example>"},
        {"Feedback-ID": "7:sender"},
        {"List-Unsubscribe": "<http://sender.example/out>"},
        {"List-Unsubscribe-Post": "List-Unsubscribe=One-Click"},
    ],
)
def test_no_way_out(fields: dict[str, str]) -> None:
    """What calls itself bulk mail and cannot be left is closed, authenticated or not."""
    plain = {name: value for name, value in FIELDS.items() if name not in WAY}
    assert word(letter({**plain, **fields})) == "bulk.closed"


@pytest.mark.parametrize(
    "field",
    [
        Header(b"From", b" Your bank <care@bank.example>"),
        Header(b"From ", b" Your bank <care@bank.example>"),
        Header(b"Subject", b" another"),
        Header(b"Reply-To", b" a@b.example"),
        Header(b"Content-Type", b" text/plain"),
        Header(b"List-Unsubscribe", b" <https://other.example/>"),
    ],
)
def test_a_second_field(field: Header) -> None:
    """A message of which readers show different halves is not well-formed, so not open."""
    once = {**FIELDS, "Reply-To": "news@sender.example", "Content-Type": "text/html"}
    assert word(letter(once)) == "bulk.open"
    message = letter(once)
    assert word(replace(message, headers=(field, *message.headers))) == "bulk.closed"


def test_a_message_that_was_cut() -> None:
    """What was not read whole is not called open."""
    assert word(replace(letter(FIELDS), truncated=True)) == "bulk.closed"


@pytest.mark.parametrize(
    ("fields", "envelope"),
    [
        ({"From": FIELDS["From"], "Subject": "lunch"}, ENVELOPE),
        ({**FIELDS, "List-Post": "<mailto:talk@sender.example>"}, ENVELOPE),
        ({**FIELDS, "Auto-Submitted": "auto-replied"}, ENVELOPE),
        ({**FIELDS, "Precedence": "list", "List-Post": "<https://sender.example/reply>"}, ENVELOPE),
        (FIELDS, replace(ENVELOPE, sender=None)),
        (FIELDS, replace(ENVELOPE, direction=Direction.OUTBOUND)),
    ],
)
def test_other_mail(fields: dict[str, str], envelope: Envelope) -> None:
    """Personal mail, the talk of a list, bounces, automatic answers and own users' mail are not spoken of."""
    assert word(letter(fields), envelope=envelope) == ""


def test_a_list_that_nobody_may_write_to() -> None:
    """`List-Post: NO` (RFC 2369 3.4) marks announcements: bulk mail."""
    assert word(letter({**FIELDS, "List-Post": " NO (announcements)"})) == "bulk.open"


@pytest.mark.parametrize("sign", [word for word, _ in DECEIT.values()])
def test_deceit(sign: str) -> None:
    """Each sign of deceit that the content check passes on takes the openness away and is named to people and machines."""
    found = judged(letter(FIELDS), (DMARC, DKIM, content(signs=sign)))
    assert found is not None
    assert (found.code, found.facts["signs"]) == ("bulk.deceit", sign)
    assert dict(DECEIT.values())[sign] in found.detail


@pytest.mark.parametrize(
    "more", [content("phish"), Evidence("content", "content.limit", Status.NEUTRAL, facts={"limits": "text-limit"})]
)
def test_deceit_by_opinion(more: Evidence) -> None:
    """What the model takes for phishing is deceit, and so may be what a limit kept it from reading."""
    assert word(letter(FIELDS), DMARC, DKIM, more) == "bulk.deceit"


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ('"care@bank.example"', "bulk.deceit"),
        ('"Your bank (care@BANK.example)"', "bulk.deceit"),
        ("=?utf-8?q?care=40bank.example?=", "bulk.closed"),
        ('"news@sender.example"', "bulk.open"),
        ('"news@mail.sender.example"', "bulk.open"),
        ("ASP.NET weekly", "bulk.open"),
        ('"@"', "bulk.open"),
    ],
)
def test_names_that_are_addresses(name: str, code: str) -> None:
    """A sender's name that is somebody else's address deceives; one's own address, or what only looks like one, does not."""
    fields = {**FIELDS, "From": f"{name} <news@sender.example>"}
    dmarc = DMARC if code != "bulk.closed" else Evidence("dmarc", "dmarc.permerror", Status.PERMERROR)
    assert word(letter(fields), dmarc, DKIM, SPAM) == code


@pytest.mark.parametrize(
    ("subject", "code"),
    [
        ("your p\u0430ypal bonus", "bulk.deceit"),
        ("SMS\u043a\u0438 \u0438 PDF\u0430 \u043a\u0430\u0436\u0434\u044b\u0439 \u0434\u0435\u043d\u044c", "bulk.open"),
        ("resistors of 10k\u03a9, 5\u00b5m, \u0394T", "bulk.open"),
        ("\u0430\u0441\u0435", "bulk.open"),
    ],
)
def test_letters_that_pass_for_others(subject: str, code: str) -> None:
    """A word of the subject or of the sender's name in borrowed letters is a disguise; other alphabets are none."""
    assert word(letter({**FIELDS, "Subject": subject})) == code
    named_so = {**FIELDS, "From": f'"{subject}" <news@sender.example>'}
    assert word(letter(named_so)) == code


@pytest.mark.parametrize(
    ("shown", "code"),
    [
        ("www.sender.com", "bulk.open"),
        ("https://shop.sender.com/offer", "bulk.open"),
        ("read more", "bulk.open"),
        ("www.yourbank.com", "bulk.deceit"),
        ("sender.com.yourbank.com", "bulk.deceit"),
    ],
)
def test_links_through_a_tracking_service(shown: str, code: str) -> None:
    """A link that shows the author's own domain and leads to a tracking service is honest; one that shows another is not."""
    page = (
        f'<a href="https://click.tracker.com/77">www.sender.com</a> <a href="https://click.tracker.com/78">{shown}</a>'
    )
    fields = {**FIELDS, "From": "news@mail.sender.com", "Content-Type": "text/html"}
    message = letter(fields, page.encode())
    assert "link-mismatch" in signs_of_deceit(extract(message))
    assert word(message, DMARC, DKIM, content(signs="link-mismatch")) == code


@pytest.mark.parametrize("body", [b"no links", b'<a href="https://click.tracker.com/">www.sender.com</a>' * 3_000])
def test_links_that_cannot_be_read_again(body: bytes) -> None:
    """Where the odd link is not found again, or there are more links than are looked at, the sign stands."""
    message = letter({**FIELDS, "From": "news@sender.com", "Content-Type": "text/html"}, body)
    assert word(message, DMARC, DKIM, content(signs="link-mismatch")) == "bulk.deceit"


def test_punycode_at_home() -> None:
    """A sender whose own name is written in foreign letters links to such names honestly."""
    home = {**FIELDS, "From": "news@xn--mller-kva.example"}
    sign = content(signs="link-punycode")
    assert word(letter(home), DMARC, DKIM, sign) == "bulk.open"
    assert word(letter(FIELDS), DMARC, DKIM, sign) == "bulk.deceit"


@pytest.mark.parametrize(
    ("evidence", "code"),
    [
        ((Evidence("sender", "sender.bad", Status.FAIL), SPAM), "bulk.unwanted"),
        ((Evidence("sender", "sender.good", Status.PASS), SPAM), "bulk.open"),
        ((content(reported=f"{REPORTED:.2f}"),), "bulk.unwanted"),
        ((content(reported="0.30"),), "bulk.open"),
        ((content(site=f"+{MOVED:.2f} (local labels: 3 spam, 4 ham)"),), "bulk.unwanted"),
        ((content(site="+0.40 (local labels: 3 spam, 4 ham)"),), "bulk.open"),
        ((content(site="-6.00 (local labels: 3 spam, 4 ham)"),), "bulk.open"),
        ((content(site="more than before"),), "bulk.open"),
        ((content(reported="nan"),), "bulk.open"),
    ],
)
def test_what_people_here_say(evidence: tuple[Evidence, ...], code: str) -> None:
    """The sender's record and the site's own labels make openly sent mail unwanted; weak hints do not."""
    assert word(letter(FIELDS), DMARC, DKIM, *evidence) == code


@pytest.mark.parametrize(
    "evidence",
    [
        (Evidence("dmarc", "dmarc.temperror", Status.TEMPERROR, degraded="dns"), SPAM),
        (DMARC, Evidence("content", "content.timeout", Status.TEMPERROR, degraded="content")),
        (DMARC,),
    ],
)
def test_unsure(evidence: tuple[Evidence, ...]) -> None:
    """Where the author or the text could not be judged the message is neither open nor closed, and marked so."""
    found = judged(letter(FIELDS), evidence)
    assert found is not None
    assert (found.code, found.status, bool(found.degraded)) == ("bulk.unsure", Status.TEMPERROR, True)


def test_a_fault_is_certain_while_dns_is_away() -> None:
    """What no answer of DNS could mend is said at once."""
    away = Evidence("dmarc", "dmarc.temperror", Status.TEMPERROR, degraded="dns")
    plain = {name: value for name, value in FIELDS.items() if name not in WAY}
    assert word(letter({**plain, "Precedence": "bulk"}), away, SPAM) == "bulk.closed"


PAGES = {
    "link-mismatch": b'<a href="https://collect.other.com/">www.yourbank.com</a>',
    "link-punycode": b'<a href="https://xn--bnk-rla.example/">here</a>',
    "link-ip": b'<a href="http://192.0.2.9/">here</a>',
    "link-login": b'<a href="https://bank.com@other.example/">here</a>',
    "hidden-most": b'<p>short</p><div style="display:none">' + b"hidden words of no use " * 60 + b"</div>",
    "name-brand-elsewhere": b"<p>hello</p>",
    "letters": b"<p>0rder y0ur s0ftware</p>",
    "re-nothing": b"<p>hello</p>",
    "att-program": b"<p>hello</p>",
    "att-page": b"<p>hello</p>",
}
HEAD = b"From: %b <news@sender.example>\nDate: Sun, 1 Nov 2026 10:58:00 +0000\nMessage-ID: <1@sender.example>\nSubject: %b\nMIME-Version: 1.0\n"


@pytest.mark.parametrize("sign", [word for word, _ in DECEIT.values()])
def test_each_sign_is_one_that_the_content_check_gives(sign: str) -> None:
    """The signs are tokens that a message really gives: a token that is renamed would be a hole."""
    head = HEAD % (
        b"PayPal" if sign == "name-brand-elsewhere" else b"News",
        b"Re: your order" if sign == "re-nothing" else b"offers",
    )
    kind = b"Content-Type: text/html; charset=utf-8\n"
    data = head + kind + b"\n" + PAGES[sign]
    if sign.startswith("att-"):
        name = b"a.exe" if sign == "att-program" else b"a.html"
        parts = (
            kind
            + b"\n<p>hello</p>\n--x\nContent-Type: application/octet-stream\nContent-Disposition: attachment; filename=%b\n\nMZ\n"
        )
        data = head + b'Content-Type: multipart/mixed; boundary="x"\n\n--x\n' + parts % name + b"--x--\n"
    assert sign in signs_of_deceit(extract(from_bytes(data))).split()


def test_an_honest_letter_has_no_signs() -> None:
    """Links home, a link that shows its own domain, and an unsubscribe line are no signs."""
    page = b'<p>Hello</p><a href="https://www.sender.example/a">www.sender.example</a> <a href="https://sender.example/out">Unsubscribe</a>'
    data = HEAD % (b"News", b"offers") + b"Content-Type: text/html; charset=utf-8\n\n" + page
    assert signs_of_deceit(extract(from_bytes(data))) == ""
    assert signs_of_deceit(Features((), readable=False, unread=frozenset())) == ""


def test_the_page_for_administrators_names_everything() -> None:
    """docs/content.md explains every code of the check and every sign of deceit."""
    page = (Path(__file__).resolve().parents[3] / "docs/content.md").read_text()
    words = [*BulkCheck.codes, *(word for word, _ in DECEIT.values()), "name-address", "disguise", "phish", "limit"]
    assert [word for word in words if f"`{word}`" not in page] == []
    points = dict(re.findall(r"^\| `(bulk\.\w+)` \| [^|]+ \| ([\d.]+)", page, re.MULTILINE))
    assert {code: float(value) for code, value in points.items()} == {code: WEIGHTS.get(code, 0.0) for code in CODES}
    assert EXCUSES["content.spam"] == ("bulk.open",)


NAMES = st.sampled_from(
    [*FIELDS, "List-Id", "List-Post", "Precedence", "Auto-Submitted", "Feedback-ID", "Content-Type"]
)
VALUES = st.one_of(st.binary(max_size=40), st.sampled_from([value.encode() for value in FIELDS.values()]))
EVIDENCE = st.lists(
    st.sampled_from(
        [
            DMARC,
            BY_DKIM,
            DKIM,
            SPAM,
            content("phish"),
            content(signs="link-ip nonsense"),
            content(site="+9e999", reported="x"),
            Evidence("dmarc", "dmarc.temperror", Status.TEMPERROR),
            Evidence("sender", "sender.bad", Status.FAIL),
        ]
    ),
    max_size=5,
)


@settings(max_examples=200)
@given(st.lists(st.tuples(NAMES, VALUES), max_size=12), EVIDENCE)
def test_hostile_messages(fields: list[tuple[str, bytes]], evidence: list[Evidence]) -> None:
    """Whatever fields arrive, nothing is raised, and nothing is open without DMARC or beside phishing."""
    message = Message(tuple(Header(name.encode(), value) for name, value in fields), b"body")
    found = judged(message, evidence)
    if found is None:
        return
    assert found.code in BulkCheck.codes
    if found.code == "bulk.open":
        codes = {item.code for item in evidence}
        assert "dmarc.pass" in codes
        assert not codes & {"content.phish", "sender.bad"}
        assert len(message.every(b"from")) <= 1
