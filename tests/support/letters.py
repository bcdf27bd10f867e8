"""Invented mail for tests: nothing here was ever sent."""

from __future__ import annotations

import random
from email.message import EmailMessage
from pathlib import Path

_HAM = (
    "meeting tomorrow agenda minutes colleague report draft review garden lunch train ticket holiday photos family "
    "school teacher homework bicycle repair library concert rehearsal soup recipe weekend neighbour kitchen invoice"
).split()
_SPAM = (
    "winner lottery casino pills viagra replica watches investment guaranteed profit miracle offer discount cheap "
    "unlimited bonus jackpot urgent claim prize million dollars enlargement refinance mortgage stocks penny"
).split()
_PHISH = (
    "verify account suspended password login confirm identity unusual activity security alert restore access bank "
    "expire limited update billing click wallet credentials"
).split()
WORDS = {"ham": _HAM, "spam": _SPAM, "phish": _PHISH}


def letter(subject: str, text: str, *, html: str = "", sender: str = "Ann Other <ann@example.org>") -> bytes:
    """Give one message as bytes, with an HTML alternative where one is given."""
    message = EmailMessage()
    message["From"] = sender
    message["To"] = "Pat Example <pat@mailbox.example>"
    message["Date"] = "Mon, 02 Nov 2026 09:00:00 +0000"
    message["Message-ID"] = "<1@example.org>"
    message["Subject"] = subject
    message.set_content(text)
    if html:
        message.add_alternative(html, subtype="html")
    return message.as_bytes()


def invented(label: str, number: int, seed: int = 0) -> bytes:
    """Give the nth invented message of a label: words of its kind among words of every kind."""
    dice = random.Random(f"{label}:{number}:{seed}")
    common = "the a to and we you for with this is on it hello regards please thank".split()
    words = [dice.choice(WORDS[label] if dice.random() < 0.5 else common) for _ in range(60)]
    return letter(" ".join(words[:4]), " ".join(words))


def write_packs(folder: Path, each: int = 40) -> list[Path]:
    """Write two small packs with all three labels and give their paths."""
    packs = []
    for pack in ("train-one", "train-two"):
        for label in WORDS:
            place = folder / pack / label
            place.mkdir(parents=True)
            for number in range(each):
                (place / f"{number:05d}.eml").write_bytes(invented(label, number, seed=len(packs)))
        packs.append(folder / pack)
    return packs
