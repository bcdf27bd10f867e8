"""Gatepost behind a real Postfix: what people and mail servers see in the end."""

from __future__ import annotations

import json
import subprocess
import tarfile
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from queue import Empty, SimpleQueue

import pytest

from support.daemon import Daemon, gatepost, scripted
from support.postfix import PATH, Postfix, missing, private_postfix, send
from support.smtp_sink import Delivered, Sink, smtp_sink
from support.waiting import until

pytestmark = pytest.mark.mta

HERE = [] if missing() else ["postfix"]
CORPORA = Path(__file__).resolve().parents[2] / ".." / "shared" / "corpora"
PACKS = {"train-spamassassin": 1000, "train-lists": 700, "train-transactional": 300}
MANY = ["2000 messages"] if HERE and all((CORPORA / f"{pack}.tar.xz").exists() for pack in PACKS) else []


class Site:
    """A sink, a daemon and a Postfix between them."""

    def __init__(self, sink: Sink, daemon: Daemon, postfix: Postfix) -> None:
        self.sink = sink
        self.daemon = daemon
        self.postfix = postfix


@pytest.fixture(scope="module", params=HERE)
def script(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Postfix with the scripted judge."""
    with (
        smtp_sink() as sink,
        scripted(tmp_path_factory.mktemp("mta")) as daemon,
        private_postfix(
            [daemon.address], sink, extra="non_smtpd_milters = $smtpd_milters", services="pickup unix n - n 60 1 pickup"
        ) as postfix,
    ):
        yield Site(sink, daemon, postfix)


@pytest.fixture(scope="module", params=HERE)
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Postfix with Gatepost as it ships; no resolver answers."""
    with (
        smtp_sink() as sink,
        gatepost("") as daemon,
        private_postfix([daemon.address], sink) as postfix,
    ):
        yield Site(sink, daemon, postfix)


def marked(marker: str, fields: str = "") -> bytes:
    """Give a message that can be told from others at the far end."""
    return f"From: a@example.net\r\nSubject: {marker}\r\n{fields}\r\nHello.\r\n".encode()


def delivered(sink: Sink, marker: str) -> Delivered:
    """Wait for the message with this subject."""
    return until(
        lambda: next((found for found in sink.delivered if marker in found.every("Subject")), None),
        f"{marker} delivered",
    )


def test_this_machine_can_run_the_tests_or_says_why():
    """Where no private Postfix can run, the reason is known."""
    assert bool(HERE) != bool(missing())


def test_what_the_judge_sees_and_what_is_delivered(script: Site):
    """The envelope is Postfix's; forged copies are gone; inserted fields stand where they should."""
    session = script.postfix.client("2001:db8::7")
    code, text = send(
        session, marked("seen", "X-Seen: forged\r\nX-SEEN: forged\r\n"), recipients=("b@example.org", "c@example.org")
    )
    session.quit()
    assert code == 250
    found = delivered(script.sink, "seen")
    names = [name for name, _ in found.fields()]
    assert names[:2] == ["X-Top", "Received"]
    (seen,) = map(json.loads, found.every("X-Seen"))
    assert (seen["ip"], seen["ptr"], seen["helo"]) == ("2001:db8::7", "mx.example.net", "mx.example.net")
    assert seen["queue_id"] in text
    assert seen["recipients"] == ["b@example.org", "c@example.org"]
    assert seen["headers"][:4] == ["From", "Subject", "X-Seen", "X-SEEN"]
    assert seen["direction"] == "inbound"


@pytest.mark.parametrize(
    ("subject", "reply"),
    [
        ("reject", (550, "5.7.1 spam")),
        ("defer", (451, "4.7.1 later, 100% sure")),
        ("raise", (451, "4.3.0 Message could not be examined, please try again later")),
    ],
)
def test_refusals_reach_the_sender(script: Site, subject: str, reply: tuple[int, str]):
    """A refusal is said in our words, percent signs and all."""
    session = script.postfix.client()
    assert send(session, marked(subject)) == reply
    assert send(session, marked("after " + subject))[0] == 250
    session.quit()


def test_recipients_are_refused_one_by_one(script: Site):
    """A recipient is refused in our words and the others get the mail."""
    session = script.postfix.client()
    assert session.mail("a@example.net")[0] == 250
    assert session.rcpt("refused@example.org") == (550, b"5.7.1 not this one")
    assert session.rcpt("b@example.org")[0] == 250
    assert session.data(marked("one by one"))[0] == 250
    session.quit()
    assert delivered(script.sink, "one by one").recipients == ("b@example.org",)


def test_quarantine_is_hold(script: Site):
    """A message to be held waits in Postfix's hold queue, header edits done."""
    session = script.postfix.client()
    code, text = send(session, marked("quarantine"))
    session.quit()
    assert code == 250
    assert text.split()[-1] in script.postfix.held()


def test_several_messages_on_one_session(script: Site):
    """Messages of one session do not mix."""
    session = script.postfix.client()
    for number in range(5):
        assert send(session, marked(f"row {number}"), sender=f"a{number}@example.net")[0] == 250
    session.quit()
    for number in range(5):
        (seen,) = map(json.loads, delivered(script.sink, f"row {number}").every("X-Seen"))
        assert seen["sender"] == f"a{number}@example.net"


def test_mail_of_local_programs_is_internal(script: Site):
    """What the sendmail command hands over passes as the host's own, and its recipients are not refused."""
    command = ["sendmail", "-C", script.postfix.place / "etc", "-f", "root@example.org", "refused@example.org"]
    environment = {"PATH": PATH, "MAIL_CONFIG": str(script.postfix.place / "etc")}
    subprocess.run([*map(str, command)], input=b"Subject: local program\n\nhi\n", env=environment, check=True)
    (seen,) = map(json.loads, delivered(script.sink, "local program").every("X-Seen"))
    assert (seen["direction"], seen["ip"]) == ("internal", None)
    assert seen["recipients"] == ["refused@example.org"]


def test_a_dying_worker_costs_a_retry(script: Site):
    """When a worker dies on a message, the sender is told to try again; the next message is taken."""
    session = script.postfix.client()
    code, _ = send(session, marked("die"))
    assert 400 <= code < 500
    session.close()
    session = script.postfix.client()
    assert send(session, marked("after the death"))[0] == 250
    session.quit()


def test_odd_bytes_pass(script: Site):
    """Header and HELO bytes that are no text are delivered or refused, never lost, and harm no worker."""
    workers = script.daemon.workers()
    session = script.postfix.client()
    raw = b"From: a@example.net\r\nSubject: odd bytes\r\nX-\xe9: \xff\r\nX-Nul: a\r\n\r\n\xff\xfe\r\n"
    assert send(session, raw)[0] == 250
    session.quit()
    assert b"\xff\xfe" in delivered(script.sink, "odd bytes").data
    assert script.daemon.workers() == workers


def test_real_headers(real: Site):
    """Inbound mail carries the verdict once, and none of it is a sender's invention."""
    forged = "Authentication-Results: mx.recipient.example; dmarc=pass\r\nX-Gatepost-Verdict: outcome=accept\r\nX-Spam-Flag: NO\r\n"
    session = real.postfix.client()
    assert send(session, marked("real", forged))[0] == 250
    session.quit()
    found = delivered(real.sink, "real")
    assert len(found.every("X-Gatepost-Verdict")) == 1
    assert "degraded=" in found.every("X-Gatepost-Verdict")[0]
    assert len(found.every("X-Spam-Flag")) == 1
    (results,) = [value for value in found.every("Authentication-Results") if value.startswith("mx.recipient.example")]
    assert "dmarc=pass" not in results
    assert found.fields()[0][0] == "Authentication-Results"


def corpus() -> list[bytes]:
    """Give messages of several public collections, with a marker each."""
    found: list[bytes] = []
    for pack, count in PACKS.items():
        taken = 0
        with tarfile.open(CORPORA / f"{pack}.tar.xz") as tar:
            for member in tar:
                if (
                    taken < count
                    and member.isfile()
                    and member.name.count("/") >= 1
                    and not member.name.endswith((".tsv", ".md"))
                ):
                    raw = tar.extractfile(member).read().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
                    found.append(b"X-Test-Number: %d\r\n" % len(found) + raw)
                    taken += 1
                if taken == count:
                    break
    return found


@pytest.mark.parametrize("size", MANY)
def test_two_thousand_messages_while_reloading(real: Site, size: str):
    """Twenty connections at once and five reloads: each message is delivered or refused with a reason, judged once."""
    waiting: SimpleQueue[tuple[int, bytes]] = SimpleQueue()
    messages = corpus()
    assert len(messages) == 2000
    for item in enumerate(messages):
        waiting.put(item)
    answers: dict[int, tuple[int, str]] = {}
    before = len(real.sink.delivered)

    def connection(index: int) -> None:
        try:
            while True:
                session = real.postfix.client(f"198.51.100.{index + 1}")
                for _ in range(10):
                    number, raw = waiting.get_nowait()
                    answers[number] = send(session, raw, recipients=(f"user{index}@example.org",))
                session.quit()
        except Empty:
            session.quit()

    threads = [threading.Thread(target=connection, args=(index,)) for index in range(20)]
    for thread in threads:
        thread.start()
    for _ in range(5):
        real.daemon.reload()
    for thread in threads:
        thread.join(300)
    assert sorted(answers) == list(range(2000))
    refused = {number: answer for number, answer in answers.items() if answer[0] != 250}
    # Postfix's own words for a filter that is not there are no reason.
    assert all(code in {451, 550} and "Service unavailable" not in text for code, text in refused.values())
    accepted = 2000 - len(refused)
    log = real.daemon.log()
    assert "itself failed" not in log
    assert "died" not in log
    held = len(real.postfix.held())
    arrived = real.sink.arrived(before + accepted - held, 120)[before:]
    numbers = Counter(found.every("X-Test-Number")[0] for found in arrived)
    assert set(numbers.values()) == {1}
    for found in arrived:
        assert (
            len([value for value in found.every("Authentication-Results") if value.startswith("mx.recipient.example;")])
            == 1
        )
        assert len(found.every("X-Gatepost-Verdict")) == 1
