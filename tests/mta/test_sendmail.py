"""Gatepost behind Sendmail: what only Sendmail does. The rest is in test_mta.py."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from gatepost.arrival.settings import Settings
from support.daemon import scripted
from support.mta import Site, delivered, marked, site
from support.postfix import send
from support.sendmail import SNIPPET, Sendmail, missing, private_sendmail

HERE = [] if missing() else ["sendmail"]
SECONDS = {"s": 1, "m": 60}


@pytest.fixture(scope="module", params=HERE)
def script(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site[Sendmail]]:
    """Sendmail with the scripted judge."""
    with site(private_sendmail, scripted(tmp_path_factory.mktemp("mta"))) as found:
        yield found


def test_the_shipped_lines_fail_safe_and_wait_long_enough():
    """When the filter is down mail is put off, and Sendmail waits longer than Gatepost may take."""
    (line,) = re.findall(r"^INPUT_MAIL_FILTER\(`gatepost', `(.*)'\)dnl$", SNIPPET.read_text(), re.MULTILINE)
    equates = dict(re.findall(r"(\w)=([^,]+)", line))
    assert equates["F"] == "T"
    waits = {
        step: int(count) * SECONDS[unit] for step, count, unit in re.findall(r"([CSRE]):(\d+)([sm])", equates["T"])
    }
    longest = Settings().message_seconds
    assert waits["R"] >= longest
    assert waits["E"] >= 2 * longest
    assert {"C", "S", "R", "E"} == set(waits)


@pytest.mark.mta
def test_the_macros_gatepost_wants_are_asked_for(script: Site[Sendmail]):
    """Sendmail takes the list of macros for each stage; a stage that it refused would count 0 or less."""
    session = script.mta.client()
    session.quit()
    lists = re.findall(r'milter_getsymlist\(gatepost, macros\.(\w+), "([^"]*)"\)=(-?\d+)', script.mta.log())
    assert {stage for stage, _, _ in lists} == {"connect", "helo", "envfrom", "envrcpt", "data", "eoh", "eom"}
    assert all(int(count) == len(names.split()) for _, names, count in lists)


@pytest.mark.mta
@pytest.mark.parametrize("name", HERE)
def test_a_unix_socket_is_as_good(name: str, tmp_path: Path):
    """Sendmail reaches the daemon by a unix socket, of the mode that Gatepost gives it."""
    del name
    with site(private_sendmail, scripted(tmp_path, listen=f"unix:{tmp_path}/gatepost.sock")) as found:
        session = found.mta.client()
        assert send(session, marked("by unix socket"))[0] == 250
        session.quit()
        assert delivered(found.sink, "by unix socket").every("X-Seen")


@pytest.mark.mta
def test_a_submission_port_is_told_by_its_name(script: Site[Sendmail]):
    """Mail that comes in by DAEMON_OPTIONS Name=ORIGINATING is the site's own."""
    session = script.mta.client(submission=True)
    assert send(session, marked("submitted"))[0] == 250
    session.quit()
    (seen,) = map(json.loads, delivered(script.sink, "submitted").every("X-Seen"))
    assert seen["direction"] == "outbound"


@pytest.mark.mta
def test_mail_of_a_local_program_on_a_pipe_is_internal(script: Site[Sendmail]):
    """A program that runs `sendmail -bs` has no address; its recipients are not refused."""
    answer = script.mta.local(marked("on a pipe"), recipient="refused@example.org")
    assert "Message accepted for delivery" in answer
    (seen,) = map(json.loads, delivered(script.sink, "on a pipe").every("X-Seen"))
    assert (seen["direction"], seen["ip"]) == ("internal", None)
    assert seen["recipients"] == ["refused@example.org"]


@pytest.mark.mta
def test_a_held_message_can_be_released(script: Site[Sendmail]):
    """A quarantined message goes to the far end once it is released, with the edits made before it was held."""
    session = script.mta.client()
    code, text = send(session, marked("quarantine"))
    session.quit()
    assert code == 250
    (queue_id,) = set(script.mta.held()) & set(text.split())
    script.mta.release(queue_id)
    assert delivered(script.sink, "quarantine").every("X-Top") == ["first"]
    assert queue_id not in script.mta.held()


@pytest.mark.mta
@pytest.mark.parametrize(
    ("sent", "arrives"),
    [
        # Address lists are written anew, on one line where they fit.
        ("Cc: c@example.net,d@example.net,\r\n   e@example.net", "Cc: c@example.net, d@example.net, e@example.net"),
        ("Subject:no-space", "Subject:no-space"),
        ("X-Two:  spaces ", "X-Two:  spaces "),
        ("Bcc: hidden@example.org", "Bcc:"),
        ("Return-Path: <c@example.net>", None),
        ("Content-Length: 3", None),
    ],
)
def test_what_sendmail_rewrites_after_the_filter(script: Site[Sendmail], sent: str, arrives: str | None):
    """The filter sees the field as sent; Sendmail's own rewriting comes later and spares the fields that we add."""
    name = sent.partition(":")[0]
    marker = f"rewriting of {name}"
    session = script.mta.client()
    assert send(session, f"From: a@example.net\r\nX-Marker: {marker}\r\n{sent}\r\n\r\nHello.\r\n".encode())[0] == 250
    session.quit()
    found = delivered(script.sink, marker, "X-Marker")
    lines = found.data.decode("latin-1").split("\r\n")
    assert [line for line in lines if line.startswith(name + ":")] == ([arrives] if arrives else [])
    (seen,) = map(json.loads, found.every("X-Seen"))
    assert name in seen["headers"]
