"""What reading MIME in every way costs: milliseconds of CPU for a message without attachments, and for one of ten megabytes.

`parse` is the tree alone, which every message pays; `check` is the check `mime` on a parsed message, `readings` the walk over
every reading as the virus and the attachment check do it after that.

Run: python tests/bench/bench_mime.py
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from email.message import EmailMessage
from typing import Final

from bench.bench_content import invented
from gatepost.checks.attachments.ambiguity import MimeCheck
from gatepost.evidence import Found
from gatepost.mail.envelope import Envelope
from gatepost.mail.message import Message, from_bytes
from gatepost.mail.readings import readings

_MESSAGES: Final = 200
_ATTACHED: Final = 10 * 1024 * 1024


def attached() -> bytes:
    """Give a message with one attachment of ten megabytes."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "Ann <ann@example.org>", "pat@example.net", "the file"
    message.set_content("Here it is.")
    message.add_attachment(os.urandom(_ATTACHED), maintype="application", subtype="octet-stream", filename="file.bin")
    return message.as_bytes()


def _stages() -> dict[str, Callable[[Message], object]]:
    check = MimeCheck()
    return {
        "parse": lambda message: message.mime,
        "check": lambda message: check.run(Envelope(), message, Found()),
        "readings": lambda message: sum(len(reading.data) for reading in readings(message)),
    }


def measure(rounds: int) -> dict[str, float]:
    """Give the median CPU milliseconds of each stage, for mail without attachments and for the large one."""
    plain = [invented(number) for number in range(_MESSAGES)]
    found: dict[str, float] = {}
    for label, batch in {"no attachment": plain, "10 MB attachment": [attached()]}.items():
        samples: dict[str, list[float]] = {name: [] for name in _stages()}
        for _ in range(rounds):
            for data in batch:
                message = from_bytes(data)
                for name, stage in _stages().items():
                    begin = time.thread_time()
                    stage(message)
                    samples[name].append((time.thread_time() - begin) * 1e3)
        found.update({f"{label}, {name}": round(statistics.median(values), 4) for name, values in samples.items()})
    return found


def report(found: dict[str, float]) -> None:
    """Print the table."""
    print("reading MIME in every way; median CPU ms per message")
    for name, value in found.items():
        print(f"{name:28} {value:8.3f}")


if __name__ == "__main__":
    import sys
    from pathlib import Path

    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    report(measure(5))
