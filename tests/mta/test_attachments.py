"""Attachments behind real mail servers: refused, held, or delivered under a name that nothing opens."""

from __future__ import annotations

from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest

from support import files
from support.daemon import gatepost
from support.mta import HABITS, HERE, Site, delivered, site
from support.postfix import Postfix, send
from support.sendmail import Sendmail

pytestmark = pytest.mark.mta

CONFIG = """
[attachments]
jail_processes = 1
[attachments.policy]
".scr" = "strip"
".vhd" = "reject"
"""


@pytest.fixture(scope="module", params=HERE)
def real(request: pytest.FixtureRequest) -> Iterator[Site[Postfix | Sendmail]]:
    """Run a mail server with Gatepost as it ships, and two rules of a site; no resolver answers."""
    with site(HABITS[request.param].start, gatepost(CONFIG)) as found:
        yield found


def letter(marker: str, name: str, content: bytes) -> bytes:
    """Give a message with one file."""
    message = EmailMessage(policy=policy.SMTP)
    message["From"], message["Subject"] = "a@example.net", marker
    message.set_content("Please see the attached file.")
    message.add_attachment(content, maintype="application", subtype="octet-stream", filename=name)
    return bytes(message)


def test_each_treatment_is_carried_out(real: Site[Postfix | Sendmail]) -> None:
    """One session: a clean file arrives as it was, one is renamed, one is refused with a reason, one is held."""
    session = real.mta.client()
    before = len(real.mta.held())
    assert send(session, letter("clean file", "minutes.docx", files.docx()))[0] == 250
    assert send(session, letter("renamed file", "saver.scr", files.PROGRAM))[0] == 250
    code, text = send(session, letter("refused file", "disk.vhd", b"\0" * 4096))
    assert (code, "file that is not taken here" in text) == (550, True)
    assert send(session, letter("held file", "invoice.pdf.exe", files.PROGRAM))[0] == 250
    session.quit()
    for marker, name, content in (
        ("clean file", "minutes.docx", files.docx()),
        ("renamed file", "saver.scr.blocked", files.PROGRAM),
    ):
        message = message_from_bytes(delivered(real.sink, marker).data, policy=policy.default)
        assert isinstance(message, EmailMessage)
        (attached,) = message.iter_attachments()
        assert attached.get_filename() == name
        assert len(attached.get_content()) == len(content)
    assert len(real.mta.held()) == before + 1
    assert "itself failed" not in real.daemon.log()
