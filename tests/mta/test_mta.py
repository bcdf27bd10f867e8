"""Gatepost behind real mail servers, Postfix and Sendmail: what people and mail servers see in the end.

What differs between the two is data in support/mta.py.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator

import pytest

from support.daemon import gatepost, scripted
from support.mta import HABITS, HERE, Habits, Site, delivered, marked, site
from support.postfix import Postfix, send
from support.real_mail import have_mail, real_mail
from support.sendmail import Sendmail
from support.smtp_sink import smtp_sink
from support.waiting import free_port

pytestmark = pytest.mark.mta

PACKS = {"train-spamassassin": 7, "train-lists": 7, "train-transactional": 7}
Behind = Site[Postfix | Sendmail]


@pytest.fixture(scope="module", params=HERE)
def script(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Behind]:
    """Run a mail server with the scripted judge."""
    with site(HABITS[request.param].start, scripted(tmp_path_factory.mktemp("mta"))) as found:
        yield found


@pytest.fixture(scope="module", params=HERE)
def real(request: pytest.FixtureRequest) -> Iterator[Behind]:
    """Run a mail server with Gatepost as it ships; no resolver answers."""
    with site(HABITS[request.param].start, gatepost("")) as found:
        yield found


@pytest.fixture(scope="module")
def habits(script: Behind) -> Habits:
    """Give what is particular to the mail server of `script`."""
    return HABITS[type(script.mta).__name__.lower()]


def seen(where: Behind, marker: str) -> dict[str, object]:
    """Give what the judge saw of a delivered message, by the one field that says so."""
    (told,) = delivered(where.sink, marker).every("X-Seen")
    return dict(json.loads(told))


def as_seen(raw: bytes, habits: Habits) -> bytes:
    """Give a message without the fields that the mail server keeps back."""
    head, end, body = raw.partition(b"\r\n\r\n")
    fields = re.split(rb"\r\n(?![ \t])", head)
    return (
        b"\r\n".join(field for field in fields if field.partition(b":")[0].lower() not in habits.kept_back) + end + body
    )


@pytest.mark.parametrize("name", HABITS)
def test_this_machine_can_run_the_tests_or_says_why(name: str):
    """Where no private mail server can run, the reason is known."""
    assert (name in HERE) != bool(HABITS[name].missing())


def test_what_the_judge_sees_and_what_is_delivered(script: Behind, habits: Habits):
    """The envelope is the mail server's; forged copies are gone; inserted fields stand where they should."""
    session = script.mta.client()
    code, text = send(
        session, marked("seen", "X-Seen: forged\r\nX-SEEN: forged\r\n"), recipients=("b@example.org", "c@example.org")
    )
    session.quit()
    assert code == 250
    names = [name for name, _ in delivered(script.sink, "seen").fields()]
    assert names[:2] == ["X-Top", "Received"]
    told = seen(script, "seen")
    assert (told["ip"], told["ptr"], told["helo"]) == (habits.client, "mx.example.net", "mx.example.net")
    assert str(told["queue_id"]) in text
    assert told["recipients"] == ["b@example.org", "c@example.org"]
    assert told["headers"] == ["From", "Subject", "X-Seen", "X-SEEN"]
    assert told["direction"] == "inbound"


def test_the_judge_sees_the_very_bytes(script: Behind, habits: Habits):
    """Spaces, folds, 8-bit values and dots reach the judge as sent, so that `simple` signatures can be verified."""
    raw = (
        b"From: a@example.net\r\nSubject:very-bytes\r\nTo: a@example.org,\r\n\tb@example.org\r\nX-Two:  spaces \r\n"
        b"Empty:\r\nX-Tab:\tx\r\nReceived: from x by y; Sun, 01 Nov 2026 12:00:00 +0000\r\nX-Bytes: \xe9\xff\r\n"
        b"Return-Path: <c@example.net>\r\nBcc: hidden@example.org\r\nContent-Length: 3\r\nX-Long: " + b"a" * 900 +
        b"\r\n\r\nHello.\r\n.\r\n..\r\n\r\n  \r\n\xff\xfe trailing  \r\n\r\n"
    )  # fmt: skip
    session = script.mta.client()
    assert send(session, raw)[0] == 250
    session.quit()
    assert seen(script, "very-bytes")["sha256"] == hashlib.sha256(as_seen(raw, habits)).hexdigest()


@pytest.mark.parametrize("packs", [PACKS] if have_mail(PACKS) else [])
def test_real_mail_reaches_the_judge_as_sent(script: Behind, habits: Habits, packs: dict[str, int]):
    """Of real mail of several kinds not a byte is lost on the way to the judge, but for what the mail server takes."""
    session = script.mta.client()
    messages = real_mail(packs)
    assert {send(session, raw)[0] for raw in messages} == {250}
    session.quit()
    for number, raw in enumerate(messages):
        (told,) = map(json.loads, delivered(script.sink, str(number), "X-Test-Number").every("X-Seen"))
        assert told["sha256"] == hashlib.sha256(as_seen(raw, habits)).hexdigest()


@pytest.mark.parametrize(
    ("subject", "reply"),
    [
        ("reject", (550, "5.7.1 spam")),
        ("defer", (451, "4.7.1 later, 100% sure")),
        ("raise", (451, "4.3.0 Message could not be examined, please try again later")),
    ],
)
def test_refusals_reach_the_sender(script: Site, subject: str, reply: tuple[int, str]):
    """A refusal is said in our words, percent signs and all, and the session goes on."""
    session = script.mta.client()
    assert send(session, marked(subject)) == reply
    assert send(session, marked("after " + subject))[0] == 250
    session.quit()
    assert seen(script, "after " + subject)["headers"] == ["From", "Subject"]


def test_recipients_are_refused_one_by_one(script: Behind, habits: Habits):
    """A recipient is refused in our words and the others get the mail."""
    session = script.mta.client()
    assert session.mail("a@example.net")[0] == 250
    assert session.rcpt("refused@example.org") == (550, habits.refused_recipient)
    assert session.rcpt("b@example.org")[0] == 250
    assert session.data(marked("one by one"))[0] == 250
    session.quit()
    assert delivered(script.sink, "one by one").recipients == ("b@example.org",)


def test_quarantine_is_held(script: Behind, habits: Habits):
    """A message to be held waits in the mail server's queue, for the reason given, header edits done."""
    session = script.mta.client()
    code, text = send(session, marked("quarantine"))
    session.quit()
    assert code == 250
    (queue_id,) = set(script.mta.held()) & set(text.split())
    held = script.mta.queued(queue_id)
    assert habits.reason_of_hold in held
    assert "X-Top: first" in held


def test_several_messages_on_one_session(script: Behind):
    """Messages of one session do not mix."""
    session = script.mta.client()
    for number in range(5):
        assert send(session, marked(f"row {number}"), sender=f"a{number}@example.net")[0] == 250
    session.quit()
    assert [seen(script, f"row {number}")["sender"] for number in range(5)] == [
        f"a{number}@example.net" for number in range(5)
    ]


def test_nothing_of_an_aborted_message_remains(script: Behind):
    """After RSET, before and behind the recipients, the next message is judged on its own."""
    session = script.mta.client()
    for step in (1, 2):
        session.mail("gone@example.net")
        if step == 2:
            session.rcpt("gone@example.org")
        assert session.rset()[0] == 250
    assert send(session, marked("after abort"))[0] == 250
    session.quit()
    told = seen(script, "after abort")
    assert (told["sender"], told["recipients"]) == ("a@example.net", ["b@example.org"])


def test_a_dying_worker_costs_a_retry(script: Behind):
    """When a worker dies on a message, the sender is told to try again; the next message is taken."""
    session = script.mta.client()
    code, _ = send(session, marked("die"))
    assert 400 <= code < 500
    session.close()
    session = script.mta.client()
    assert send(session, marked("after the death"))[0] == 250
    session.quit()


def test_a_session_outlives_a_reload(script: Behind):
    """A session that began before a reload goes on behind it, and so does the next."""
    session = script.mta.client()
    assert send(session, marked("before the reload"))[0] == 250
    script.daemon.reload()
    assert send(session, marked("behind the reload"))[0] == 250
    session.quit()
    session = script.mta.client()
    assert send(session, marked("a session later"))[0] == 250
    session.quit()
    for marker in ("before the reload", "behind the reload", "a session later"):
        assert seen(script, marker)


@pytest.mark.parametrize("name", HERE)
def test_the_daemon_restarts_between_messages(name: str, tmp_path_factory: pytest.TempPathFactory):
    """While the daemon is away senders are told to try again; nothing passes unexamined, and then all is well."""
    listen = f"inet:127.0.0.1:{free_port()}"
    with smtp_sink() as sink, HABITS[name].start(listen, sink) as mta:
        for life in ("first", "second"):
            with scripted(tmp_path_factory.mktemp(life), listen=listen):
                session = mta.client()
                assert send(session, marked(f"{life} life"))[0] == 250
            code, _ = send(session, marked("orphan"))
            session.close()
            assert 400 <= code < 500
        for life in ("first", "second"):
            assert delivered(sink, f"{life} life").every("X-Seen")
        assert len(sink.delivered) == 2


def test_odd_bytes_pass(script: Behind):
    """Header bytes that are no text are delivered, never lost, and harm no worker."""
    workers = script.daemon.workers()
    session = script.mta.client()
    raw = b"From: a@example.net\r\nSubject: odd bytes\r\nX-\xe9: \xff\r\nX-Nul: a\r\n\r\n\xff\xfe\r\n"
    assert send(session, raw)[0] == 250
    session.quit()
    found = delivered(script.sink, "odd bytes").data
    assert b"X-\xe9: \xff\r\nX-Nul: a\r\n" in found
    assert b"\xff\xfe" in found
    # To both a line whose name is not ASCII is no field: there they end the header, and the rest is body.
    assert seen(script, "odd bytes")["headers"] == ["From", "Subject"]
    assert script.daemon.workers() == workers


def test_addresses_in_utf_8(script: Behind, habits: Habits):
    """Where the mail server takes SMTPUTF8, the judge sees the addresses; elsewhere its header text still passes."""
    session = script.mta.client()
    assert session.has_extn("smtputf8") == habits.smtputf8
    sender = "jos\u00e9@example.net" if habits.smtputf8 else "jose@example.net"
    if habits.smtputf8:
        session.command_encoding = "utf-8"
        assert session.mail(sender, ["SMTPUTF8", "BODY=8BITMIME"])[0] == 250
    else:
        assert session.mail(sender, ["BODY=8BITMIME"])[0] == 250
    assert session.rcpt("b@example.org")[0] == 250
    assert session.data(marked("utf-8", "X-Name: Jos\u00e9\r\n"))[0] == 250
    session.quit()
    assert seen(script, "utf-8")["sender"] == sender
    assert "X-Name: Jos\u00e9\r\n".encode() in delivered(script.sink, "utf-8").data


def test_real_headers(real: Behind):
    """Inbound mail carries the verdict once, and none of it is a sender's invention."""
    forged = (
        "Authentication-Results: mx.recipient.example; dmarc=pass\r\nX-Gatepost-Verdict: outcome=accept\r\n"
        "authentication-results:mx.recipient.example;\r\n\tspf=pass\r\nX-Spam-Flag: NO\r\n"
    )
    session = real.mta.client()
    assert send(session, marked("real", forged))[0] == 250
    session.quit()
    found = delivered(real.sink, "real")
    assert len(found.every("X-Gatepost-Verdict")) == 1
    assert "degraded=" in found.every("X-Gatepost-Verdict")[0]
    assert len(found.every("X-Spam-Flag")) == 1
    (results,) = [value for value in found.every("Authentication-Results") if value.startswith("mx.recipient.example")]
    assert "dmarc=pass" not in results
    assert "spf=pass" not in results
    assert found.fields()[0][0] == "Authentication-Results"
