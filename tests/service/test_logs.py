"""The daemon's log is one JSON object a line."""

from __future__ import annotations

import json
import logging
import sys
import threading
import time

from gatepost.service.logs import JsonLines
from support.daemon import LogReader, gatepost
from support.milter_client import MilterClient


def fail() -> None:
    """Fail with a message that tries to break the line."""
    raise RuntimeError("first\nsecond \u2028")


def test_a_traceback_is_part_of_its_event():
    """An exception with its traceback makes one line, whatever its message holds."""
    try:
        fail()
    except RuntimeError:
        record = logging.LogRecord("gatepost", logging.ERROR, "", 1, "failed at %s", ("eom",), sys.exc_info())
    line = JsonLines().format(record)
    assert len(line.splitlines()) == 1
    found = json.loads(line)
    assert (found["level"], found["event"]) == ("error", "failed at eom")
    assert "Traceback" in found["exception"]
    assert "RuntimeError: first\nsecond" in found["exception"]


def test_a_stalled_reader_stops_no_mail():
    """Mail is answered while nobody reads the log, and the log says how many lines it lost once somebody does."""
    reader = LogReader()
    with gatepost("", reader=reader) as daemon, MilterClient(daemon.address) as mta:
        reader.stall()
        mta.greet()
        begun = time.monotonic()
        for _ in range(100):
            assert mta.message(fields=[(b"Subject", b" x" * 200)] * 5).answer.taken
        assert time.monotonic() - begun < 20
        reader.go_on()
        assert mta.message().answer.taken
        daemon.logged("lines of this process that were dropped: [1-9]")


def test_records_of_several_workers_do_not_mix():
    """Two workers whose records are longer than a pipe keeps together leave one valid object on each line."""
    signature = b" v=1; a=rsa-sha256; c=relaxed/relaxed; d=%s.example; s=sel; h=from:subject; bh=47DEQpj8HBSa; b=AAAA"
    fields = [(b"DKIM-Signature", signature % (b"d%d" % number + b"x" * 40)) for number in range(8)]

    def send(address: str) -> None:
        with MilterClient(address) as mta:
            mta.greet()
            for _ in range(25):
                mta.mail()
                for number in range(10):
                    mta.rcpt(b"<%s%d@example.org>" % (b"r" * 50, number))
                mta.data()
                mta.headers([(b"From", b" a@b.example"), *fields])
                assert mta.end().answer.taken

    with gatepost("", reader=LogReader()) as daemon:
        senders = [threading.Thread(target=send, args=(daemon.address,)) for _ in range(4)]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()
        daemon.logged('"mail_from"', 100)
        records = [line for line in daemon.log().splitlines() if "mail_from" in line]
        assert len(records) == len([json.loads(line) for line in records]) == 100
        assert max(map(len, records)) > 4096
