"""What attachments cost: milliseconds for a message without any, and for looking into one file of each kind.

The first two are CPU of the worker for each message; the rest is what the jail spends on a file of a usual size, opened in
the process at hand.

Run: python tests/bench/bench_attachments.py
"""

from __future__ import annotations

import random
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from PIL import Image

from bench.bench_content import invented
from gatepost.checks.attachments.family import Settings, build
from gatepost.checks.attachments.inspect import inspect_file
from gatepost.checks.attachments.kinds import kind_of
from gatepost.checks.attachments.unpacker import FakeUnpacker
from gatepost.evidence import Found
from gatepost.mail.envelope import Envelope
from gatepost.mail.message import from_bytes
from support import files

_MESSAGES = 200


def _files() -> dict[str, bytes]:
    """Give a file of each kind, honest and of a usual size."""
    dice = random.Random(5)
    words = " ".join(
        dice.choice(Path(__file__).read_text().split()).replace("<", "").replace("&", "") for _ in range(3_000)
    )
    photo = Image.frombytes("L", (160, 120), dice.randbytes(19_200)).resize((1600, 1200), Image.Resampling.BICUBIC)
    return {
        "text, 20 kB": words.encode(),
        "web page, 20 kB": f"<html><body><p>{words}</p></body></html>".encode(),
        "docx, 3,000 words": files.docx(words),
        "docm with a macro": files.with_macro(),
        "doc": files.doc({"Data": dice.randbytes(100_000)}),
        "rtf, 20 kB": files.rtf(words.replace("\\", "")),
        "pdf, a page": files.pdf(),
        "pdf with a code": files.pdf_with_code(files.LINK),
        "photo, 1600 x 1200": files.png(photo),
        "QR code": files.png(files.qr_image(files.LINK)),
        "zip (named only)": files.archive({"a.txt": words}),
    }


def _plain(number: int) -> bytes:
    return (
        f"From: a@b.example\r\nSubject: message {number}\r\n\r\nHello, this is all there is to say today.\r\n".encode()
    )


def _without(make: Callable[[int], bytes]) -> float:
    """Give the CPU milliseconds that the check takes for a message without attachments.

    Its MIME tree is parsed and its text decoded before, because the checks that come after need both.
    """
    *_, check = build(Settings(), FakeUnpacker())
    spent = []
    for _ in range(9):
        messages = [from_bytes(make(number)) for number in range(_MESSAGES)]
        for message in messages:
            for part in message.mime.leaves():
                part.payload()
        begin = time.process_time()
        for message in messages:
            check.run(Envelope(), message, Found())
        spent.append(1e3 * (time.process_time() - begin) / _MESSAGES)
    return statistics.median(spent)


def measure(rounds: int = 9) -> dict[str, float]:
    """Give milliseconds by what is measured."""
    found = {"no attachment, plain text": _without(_plain), "no attachment, text and HTML": _without(invented)}
    for name, data in _files().items():
        spent = []
        for _ in range(rounds):
            begin = time.process_time()
            inspect_file(kind_of(data, name), name, data)
            spent.append(1e3 * (time.process_time() - begin))
        found[name] = statistics.median(spent)
    return found


def report(found: dict[str, float]) -> None:
    """Print one line for each."""
    print("attachments, CPU ms")
    for name, milliseconds in found.items():
        print(f"{name:30} {milliseconds:8.3f}")


if __name__ == "__main__":
    report(measure())
