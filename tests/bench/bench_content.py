"""What the content check costs: milliseconds of CPU for each message, by stage, on invented mail of a typical size.

Run: python tests/bench/bench_content.py [folder of .eml files]
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path

from gatepost.checks.content.family import Settings, build
from gatepost.checks.content.tokens import extract
from gatepost.evidence import Found
from gatepost.mail.envelope import Envelope
from gatepost.mail.message import Message, from_bytes

_WORDS = Path(__file__).read_text().split()


def _invented(number: int) -> bytes:
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


def _milliseconds(work: Callable[[Message], object], mail: list[bytes]) -> float:
    """Give CPU milliseconds a message, the best of five rounds over fresh messages with their MIME tree parsed."""
    best = float("inf")
    for _ in range(5):
        messages = [from_bytes(data) for data in mail]
        for message in messages:
            list(message.mime.leaves())
        start = time.process_time()
        for message in messages:
            work(message)
        best = min(best, time.process_time() - start)
    return 1000 * best / len(mail)


def main() -> None:
    """Measure and print."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    mail = (
        [path.read_bytes() for path in sorted(folder.rglob("*.eml"))] if folder else [_invented(n) for n in range(200)]
    )
    check = build(Settings())
    features = [extract(from_bytes(data)) for data in mail]
    start = time.process_time()
    for each in features:
        check.model.judge(each)
    judged = 1000 * (time.process_time() - start) / len(mail)
    print(f"{len(mail)} messages, {sum(map(len, mail)) // len(mail)} bytes each on average")
    print(f"tokens of a message     {_milliseconds(extract, mail):.3f} ms")
    print(f"hashes, sum, explained  {judged:.3f} ms")
    print(f"the whole check         {_milliseconds(lambda m: check.run(Envelope(), m, Found()), mail):.3f} ms")


if __name__ == "__main__":
    main()
