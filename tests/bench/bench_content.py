"""What the content check costs: milliseconds of CPU for each message, by stage, on invented mail of a typical size.

Milliseconds change with the machine and the hour, so each stage is also given as a ratio to a fixed loop that is run in
turn with it: every word of the raw message cut by one expression and hashed by CRC-32, which is about the least that
any filter of words must do.

Run: python tests/bench/bench_content.py [folder of .eml files]
"""

from __future__ import annotations

import random
import re
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from email.message import EmailMessage
from pathlib import Path
from typing import Final
from zlib import crc32

from gatepost.checks.content.family import Settings, build
from gatepost.checks.content.tokens import extract
from gatepost.evidence import Found
from gatepost.mail.envelope import Envelope
from gatepost.mail.message import Message, from_bytes

_WORDS: Final = Path(__file__).read_text().split()
_REFERENCE: Final = "reference"
_MESSAGES: Final = 100


def invented(number: int) -> bytes:
    """Give a message of about six kilobytes, half of it an HTML alternative of the text."""
    dice = random.Random(number)
    words = [f"{dice.choice(_WORDS)}{dice.choice('abcdefgh')}" for _ in range(350)]
    text = " ".join(words)
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "Ann <ann@example.org>", "pat@example.net", " ".join(words[:6])
    message["Date"], message["Message-ID"] = "Mon, 02 Nov 2026 09:00:00 +0000", f"<{number}@example.org>"
    message.set_content(text)
    paragraphs = "".join(f"<p style='margin:0'>{word} <b>{word}</b></p>" for word in words[:60])
    message.add_alternative(
        f"<html><body>{paragraphs}<a href='https://example.org/'>{text}</a></body></html>", subtype="html"
    )
    return message.as_bytes()


def _stages() -> dict[str, Callable[[Message], object]]:
    """Give what is timed, by name; the reference first."""
    check = build(Settings())
    word = re.compile(rb"[a-z0-9]+")
    return {
        _REFERENCE: lambda message: set(map(crc32, word.findall(message.raw().lower()))),
        "features": extract,
        "features, hashed and summed": lambda message: check.model.judge(extract(message)),
        "the whole check": lambda message: check.run(Envelope(), message, Found()),
    }


def measure(rounds: int, mail: Sequence[bytes] = ()) -> dict[str, tuple[float, float]]:
    """Give for each stage the median CPU milliseconds a message, and their median ratio to the reference loop.

    The stages of a round run in turn, over fresh messages whose MIME tree is parsed. Without `mail`, invented mail is used.
    """
    mail = mail or [invented(number) for number in range(_MESSAGES)]
    stages = _stages()
    spent: dict[str, list[float]] = defaultdict(list)
    for number in range(rounds + 1):
        for name, work in stages.items():
            messages = [from_bytes(data) for data in mail]
            for message in messages:
                list(message.mime.leaves())
            begin = time.process_time()
            for message in messages:
                work(message)
            if number:  # the first round warms caches
                spent[name].append(1000 * (time.process_time() - begin) / len(mail))
    return {
        name: (
            statistics.median(values),
            statistics.median(mine / loop for mine, loop in zip(values, spent[_REFERENCE], strict=True)),
        )
        for name, values in spent.items()
    }


def report(found: dict[str, tuple[float, float]]) -> None:
    """Print one line for each stage."""
    print(
        "content, CPU ms a message of about 6 kB, and ratio to a loop that cuts and hashes the words of the raw message"
    )
    for name, (milliseconds, ratio) in found.items():
        print(f"{name:30} {milliseconds:8.3f} {ratio:6.2f} x")


def main() -> int:
    """Measure and print."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    report(measure(9, [path.read_bytes() for path in sorted(folder.rglob("*.eml"))] if folder else ()))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
