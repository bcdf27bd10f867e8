"""How the parts of a message agree: where the links lead, seen from the sender, and which brands are spoken of.

An honest shop writes from its own domain, under its own name, and its links go home. So these features never name anybody:
they say whether links lead where the mail comes from, whether a well-known brand is spoken of by somebody else, whether an
answer answers anything, and which of the furniture of bulk mail is there (a way to unsubscribe, legal lines, a postal
address). On mail from packs the model never saw they lowered the share of pairs in the wrong order by a fifth (card.md of
the model has the table).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from gatepost.checks.content._loops import Lexicon
from gatepost.checks.content.lookalikes import plain_letters
from gatepost.checks.content.sender import BRANDS, Sender
from gatepost.checks.content.urls import Link
from gatepost.mail.message import Message

_REPLY: Final = re.compile(r"\s*(?:re|fw|fwd|aw|sv|antw)\s*:", re.IGNORECASE)
_DIGITS: Final = str.maketrans("", "", "0123456789")
# Postal forms, each with a part of its shape (capitals as A, digits as 0) and how many characters of the form stand before it:
# an expression alone would be tried at every character.
_POSTAL: Final = (
    (b"AA 00000", 0, re.compile(r"\b[A-Z]{2} \d{5}\b")),
    (b"00000 A", 0, re.compile(r"\b\d{5} [A-Z][a-z]")),
    (b" 0AA", 5, re.compile(r"\b[A-Z]{1,2}\d{1,2}[A-Z]? \d[A-Z]{2}\b")),
)
_POST_BOX: Final = re.compile(r"P\.?O\.? Box")
_SHAPE: Final = bytes(
    ord("A") if 65 <= code <= 90 else ord("0") if 48 <= code <= 57 else code if code == 32 else ord(".")
    for code in range(256)
)
_TAIL: Final = 3_000


def _words(text: str) -> frozenset[str]:
    """Give words as tokens have them: without accents."""
    return frozenset(plain_letters(text)[0].split())


_UNSUBSCRIBE: Final = _words(
    "unsubscribe unsubscribing opt-out abmelden abbestellen abmeldung desinscrire desabonner desinscription desabonnement baja "
    "desuscribirse descadastrar disiscriviti disiscrizione afmelden uitschrijven avregistrera afmeld отписаться "
    "отписка відписатися wypisz odhlasit leiratkozas dezabonare 退订 退訂 停止 수신 거부 iptal الغاء ยกเล सदस्यता απεγγραφή"
)
_LEGAL: Final = _words(
    "privacy preferences datenschutz impressum confidentialite privacidad privacidade privacybeleid terms copyright rights "
    "einstellungen preferencias preferenze voorkeuren agb gmbh inc ltd llc"
)


BULK_WORDS: Final = _UNSUBSCRIBE | _LEGAL
"""Words that tell the furniture of bulk mail: training leaves them out where that furniture is what it learns from."""

_TELLING: Final = Lexicon(" ".join(BULK_WORDS | BRANDS), "", "")


def telling_words(words: bytes, own: frozenset[str]) -> tuple[bytes, int, frozenset[str]]:
    """Give the words of a text but the recipient's `own`, how many there are, and those that relation_tokens looks for.

    Takes words with a space between them, as UTF-8.
    """
    kept, count, known = _TELLING.sift(words, " ".join(own).encode())
    return kept, count, frozenset(known)


def relation_tokens(
    message: Message, sender: Sender, subject: str, links: Sequence[Link], text: str, words: frozenset[str]
) -> Iterator[str]:
    """Give what the parts of a message say about each other, as tokens that begin with `=`.

    Takes the message, its sender, subject and visible text (normalised), its links, and the telling ones of the text's words.
    Never raises.
    """
    if not message.every(b"message-id"):
        yield "=id-none"
    yield from _link_tokens(links, sender.domain)
    yield from _furniture(text, words)
    if _REPLY.match(subject):
        answered = message.every(b"in-reply-to") or message.every(b"references")
        yield "=re-answer" if answered else "=re-nothing"
    spoken = BRANDS & words
    if spoken:
        yield "=brand-own" if any(brand in sender.domain for brand in spoken) else "=brand-elsewhere"


def _link_tokens(links: Sequence[Link], domain: str) -> Iterator[str]:
    """Give where the links lead, seen from the sender's domain."""
    domains = [link.domain for link in links if link.domain]
    if not domains:
        return
    home = domains.count(domain)
    share = "none" if not home else "all" if home == len(domains) else "most" if 2 * home > len(domains) else "some"
    yield f"=links-home-{share}"
    different = set(domains)
    yield f"=links-domains-{sum(len(different) > step for step in (1, 2, 4, 8))}"
    if any("-" in each for each in different):
        yield "=links-hyphen"
    if any(len(each) - len(each.translate(_DIGITS)) >= 3 for each in different):
        yield "=links-digits"
    longest = max(len(link.path) for link in links)
    yield f"=links-path-{sum(longest > step for step in (1, 20, 60, 150))}"


def _furniture(text: str, words: frozenset[str]) -> Iterator[str]:
    """Give the furniture of bulk mail: how to unsubscribe, legal lines, a postal address."""
    if not words.isdisjoint(_UNSUBSCRIBE):
        yield "=unsubscribe"
    legal = len(_LEGAL & words)
    if legal:
        yield f"=legal-{min(legal, 3)}"
    if _postal(text[-_TAIL:]):
        yield "=postal"


def _postal(tail: str) -> bool:
    """Say whether there is a postal address."""
    shape = tail.encode("ascii", "replace").translate(_SHAPE)
    box = " Box" in tail and _POST_BOX.search(tail)
    return bool(box) or any(_stands(tail, shape, *form) for form in _POSTAL)


def _stands(tail: str, shape: bytes, part: bytes, before: int, form: re.Pattern[str]) -> bool:
    """Say whether a postal form stands where a part of its shape does."""
    at = shape.find(part)
    while at >= 0:
        if form.search(tail, max(0, at - before), at + len(part) + 1):
            return True
        at = shape.find(part, at + 1)
    return False
