"""Gatepost behind Postfix: what only Postfix does, and a day's mail of many kinds. The rest is in test_mta.py."""

from __future__ import annotations

import grp
import json
import os
import pwd
import smtplib
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from queue import Empty, SimpleQueue

import pytest

from support.daemon import gatepost, scripted
from support.mta import Site, delivered, marked, site
from support.postfix import PATH, Postfix, missing, private_postfix, send
from support.real_mail import have_mail, real_mail
from support.smtp_sink import Sink, smtp_sink
from support.waiting import free_port

pytestmark = pytest.mark.mta

HERE = [] if missing() else ["postfix"]
PACKS = {"train-spamassassin": 1000, "train-lists": 700, "train-transactional": 300}
MANY = ["2000 messages"] if HERE and have_mail(PACKS) else []


def with_programs(address: str, sink: Sink) -> AbstractContextManager[Postfix]:
    """Start a Postfix that passes the mail of local programs through the filter as well."""
    access = "inline:{{nobody@example.org=550 5.1.1 no such user},{full@example.org=452 4.2.2 mailbox full}}"
    extra = f"non_smtpd_milters = $smtpd_milters\nsmtpd_recipient_restrictions = check_recipient_access {access}"
    services = "pickup unix n - n 60 1 pickup"
    return private_postfix([address], sink, extra=extra, services=services)


@pytest.fixture(scope="module", params=HERE)
def script(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site[Postfix]]:
    """Postfix with the scripted judge."""
    with site(with_programs, scripted(tmp_path_factory.mktemp("mta"))) as found:
        yield found


@pytest.fixture(scope="module", params=HERE)
def real() -> Iterator[Site[Postfix]]:
    """Postfix with Gatepost as it ships; no resolver answers."""
    with site(lambda address, sink: private_postfix([address], sink), gatepost("")) as found:
        yield found


def test_a_client_with_ipv6(script: Site[Postfix]):
    """The judge sees an IPv6 client by its address."""
    session = script.mta.client("2001:db8::7")
    assert send(session, marked("over ipv6"))[0] == 250
    session.quit()
    (seen,) = map(json.loads, delivered(script.sink, "over ipv6").every("X-Seen"))
    assert (seen["ip"], seen["ptr"]) == ("2001:db8::7", "mx.example.net")


def test_postfix_tells_of_recipients_that_it_does_not_know(script: Site[Postfix]):
    """A recipient whom Postfix refuses as unknown is told to the judge, one that it refuses otherwise is not, neither is kept."""
    session = script.mta.client("198.51.100.77")
    recipients = ["nobody@example.org", "full@example.org", "b@example.org"]
    assert send(session, marked("to some"), recipients=recipients)[0] == 250
    session.quit()
    (seen,) = map(json.loads, delivered(script.sink, "to some").every("X-Seen"))
    assert seen["recipients"] == ["b@example.org"]
    script.daemon.logged("unknown recipient nobody@example.org from 198.51.100.77")
    assert "unknown recipient full" not in script.daemon.log()


def test_mail_of_local_programs_is_internal(script: Site[Postfix]):
    """What the sendmail command hands over passes as the host's own, and its recipients are not refused."""
    command = ["sendmail", "-C", script.mta.place / "etc", "-f", "root@example.org", "refused@example.org"]
    environment = {"PATH": PATH, "MAIL_CONFIG": str(script.mta.place / "etc")}
    subprocess.run([*map(str, command)], input=b"Subject: local program\n\nhi\n", env=environment, check=True)
    (seen,) = map(json.loads, delivered(script.sink, "local program").every("X-Seen"))
    assert (seen["direction"], seen["ip"]) == ("internal", None)
    assert seen["recipients"] == ["refused@example.org"]


@pytest.mark.parametrize("size", MANY)
def test_two_thousand_messages_while_reloading(real: Site[Postfix], size: str):
    """Twenty connections at once and five reloads: each message is delivered or refused with a reason, judged once."""
    waiting: SimpleQueue[tuple[int, bytes]] = SimpleQueue()
    messages = real_mail(PACKS)
    assert len(messages) == 2000
    for item in enumerate(messages):
        waiting.put(item)
    answers: dict[int, tuple[int, str]] = {}
    before = len(real.sink.delivered)

    def connection(index: int) -> None:
        try:
            while True:
                session = real.mta.client(f"198.51.100.{index + 1}")
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
    held = len(real.mta.held())
    arrived = real.sink.arrived(before + accepted - held, 120)[before:]
    numbers = Counter(found.every("X-Test-Number")[0] for found in arrived)
    assert set(numbers.values()) == {1}
    for found in arrived:
        assert (
            len([value for value in found.every("Authentication-Results") if value.startswith("mx.recipient.example;")])
            == 1
        )
        assert len(found.every("X-Gatepost-Verdict")) == 1


@pytest.mark.parametrize("chroot", ["y", "n"] if HERE else [])
def test_the_unix_socket_of_the_snippet(tmp_path: Path, chroot: str):
    """By the snippet's unix socket, its path relative to the queue, smtpd finds the filter in its chroot and out of it.

    The directory's setgid bit alone lets it in: the account of the daemon is no member of Postfix's group.
    """
    port = free_port()
    with (
        smtp_sink() as sink,
        private_postfix(
            ["unix:gatepost/milter"], sink, services=f"127.0.0.1:{port} inet n - {chroot} - - smtpd"
        ) as postfix,
    ):
        place = postfix.place / "queue" / "gatepost"
        place.mkdir()
        os.chown(place, pwd.getpwnam("nobody").pw_uid, grp.getgrnam("postfix").gr_gid)
        place.chmod(0o2750)
        with scripted(tmp_path, listen=f"unix:{place}/milter"):
            session = smtplib.SMTP("127.0.0.1", port, "mx.example.net", timeout=60)
            session.ehlo()
            assert send(session, marked("by the socket"))[0] == 250
            session.quit()
            assert delivered(sink, "by the socket").every("X-Seen")
