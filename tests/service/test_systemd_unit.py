"""Under the shipped systemd unit the daemon does all of its work: what the sandbox refuses is nothing that it needs."""

from __future__ import annotations

import base64
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from support import unit_sandbox
from support.archives import zipped
from support.daemon import gatepost
from support.milter_client import MilterClient

SANDBOX = (sys.executable, unit_sandbox.__file__)
ARCHIVE = base64.encodebytes(zipped({"inside.exe": b"MZ"})).replace(b"\n", b"\r\n")
FIELDS = ((b"Content-Type", b' application/zip; name="x.zip"'), (b"Content-Transfer-Encoding", b" base64"))


@pytest.fixture(autouse=True)
def possible() -> None:
    """Pass over machines that let nobody have a user namespace."""
    if subprocess.run([*SANDBOX, "true"], check=False).returncode == unit_sandbox.CANNOT:
        pytest.skip("no user namespace to be an ordinary account in")


@pytest.mark.parametrize("unix", [False, True], ids=["inet", "unix"])
def test_the_sandbox_takes_away_nothing_that_is_needed(unix: bool):
    """Behind the refused system calls a socket of either kind is listened on, and an attachment is opened and judged."""
    program = (*SANDBOX, sys.executable, "-P", "-m", "gatepost.service.cli.main")
    with tempfile.TemporaryDirectory() as place:
        listen = f"unix:{place}/milter" if unix else ""
        with gatepost("", program=program, listen=listen) as daemon, MilterClient(daemon.address) as mta:
            mta.greet()
            ending = mta.message(fields=FIELDS, body=ARCHIVE)
    assert ending.quarantine is not None
    assert ending.quarantine.startswith("attachment.hold")


def test_the_unit_names_no_page_that_is_not_shipped():
    """`systemctl help` leads somewhere: no manual page is named, because there is none."""
    assert "man:" not in Path(unit_sandbox.UNIT).read_text()
