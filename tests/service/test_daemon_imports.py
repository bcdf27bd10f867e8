"""Workers need nothing from the disk that their account might not be allowed to read."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from support.daemon import gatepost
from support.demo_mail import Signer, samples, zone
from support.dns_server import real_dns
from support.milter_client import MilterClient

SPIED = [sys.executable, "-P", Path(__file__).parents[1] / "support" / "spied_gatepost.py"]
NSD = [shutil.which("nsd", path="/usr/sbin:/usr/bin")] if shutil.which("nsd", path="/usr/sbin:/usr/bin") else []


def fields_of(head: bytes) -> list[tuple[bytes, bytes]]:
    """Cut a header block into names and values."""
    lines = head.replace(b"\r\n ", b"\n ").replace(b"\r\n\t", b"\n\t").split(b"\r\n")
    return [(name, value) for name, _, value in (line.partition(b":") for line in lines)]


@pytest.mark.servers
@pytest.mark.parametrize("nsd", NSD)
def test_nothing_is_imported_after_the_start(nsd: str):
    """Judging mail of all kinds, with answers from a real name server, imports no module."""
    signer = Signer()
    with real_dns(zone(signer)) as dns, gatepost("", dns=dns, program=SPIED) as daemon:
        for sample in samples(signer):
            with MilterClient(daemon.address) as mta:
                mta.connect(sample.name.encode() or b"unknown", sample.ip)
                mta.helo()
                mta.mail(f"<{sample.sender}>".encode())
                mta.rcpt()
                head, _, body = sample.raw.partition(b"\r\n\r\n")
                mta.headers([*fields_of(head), (b"X-Charsets", b" =?big5?q?a?= =?koi8-r?q?b?= =?iso-2022-jp?q?c?=")])
                mta.body(body)
                assert mta.end().answer.word in {"accept", "continue", "reply"}
                mta.quit()
        assert "dmarc.pass" in daemon.log()
        assert "LATE IMPORT" not in daemon.log()
