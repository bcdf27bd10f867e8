"""Who a message says it is from: the sender's name and address, how they relate, and where replies would go.

What a word says changes from year to year; what a deceiver cannot easily do is make the parts of a message agree. So the
tokens never name an address: they say whether the display name belongs to the domain, whether it bears a well-known brand,
and what kind of address it is. Which domain is the author's is for mail.author to say; a feature may read any of them, as
a person would.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from gatepost.checks.content.structure import FREEMAIL
from gatepost.checks.content.text import normalise
from gatepost.checks.content.urls import CHEAP
from gatepost.checks.content.words import cut
from gatepost.mail import limits
from gatepost.mail.message import Message
from gatepost.mail.suffix import registrable

_LOCAL_PART: Final = re.compile(r"[^\s<>@,;:\"]++\Z")
_LOCAL_CHARACTERS: Final = 80
_DOMAIN: Final = re.compile(r"[A-Za-z0-9.-]{1,253}")
_WORD: Final = re.compile(r"[^\W\d_]{2,24}")
_VIA_LIST: Final = re.compile(r"\s(?:via|durch|por)\s.*\Z", re.DOTALL)
_ROLE: Final = re.compile(
    r"no-?_?reply|donotreply|newsletter|^news|^info|support|notif|service|^mail|billing|account|alert|contact|hello|team"
    r"|sales|marketing|admin|security|office"
)
_NOT_NAME: Final = re.compile(r"[^a-z0-9]")
_VOWELS: Final = str.maketrans("", "", "aeiouy")
_DIGITS: Final = str.maketrans("", "", "0123456789")
_NAME_CHARACTERS: Final = 200
_NAME_WORDS: Final = 12
_RECIPIENTS: Final = 20
_LONG_LOCAL: Final = 18
_LONG_DOMAIN: Final = 14

BRANDS: Final = frozenset(
    "paypal amazon microsoft netflix apple facebook instagram google dhl fedex ups usps chase citibank wellsfargo hsbc "
    "santander docusign dropbox adobe office365 outlook linkedin whatsapp binance coinbase metamask trustwallet ledger "
    "spotify walmart costco norton mcafee irs hmrc dpd hermes evri royalmail postbank sparkasse volksbank commerzbank "
    "telekom vodafone bradesco itau caixa nubank correios mercadolibre ebay steam yahoo aol icloud".split()
)
"""Names that phishing borrows most (APWG and vendors' yearly lists); whoever else bears one of them is worth a look."""


@dataclass(frozen=True, slots=True)
class Sender:
    """The first mailbox of From in lower case: display name, local part, host, and the host's registrable domain.

    `name` has 200 characters at most; `reply` is the host of Reply-To. Each is "" where there is none.
    """

    name: str
    local: str
    host: str
    domain: str
    reply: str


def read_sender(message: Message) -> Sender:
    """Read From and Reply-To; a list's `via ...` behind a name is left out, since it is not the author's."""
    field, _ = normalise(message.text(b"from"))
    name, bracket, _ = field.partition("<")
    name = _VIA_LIST.sub("", name[:_NAME_CHARACTERS].lower()).strip(" \"'") if bracket else ""
    local, host = next(iter(_mailboxes(field, 1)), ("", ""))
    replies = _mailboxes(message.text(b"reply-to"), 1) if message.every(b"reply-to") else []
    return Sender(name, local, host, registrable(host) if host else "", replies[0][1] if replies else "")


def recipient_words(message: Message) -> frozenset[str]:
    """Give the words of the To addresses (local part and domain): the recipient's own names, which prove nothing."""
    found = _mailboxes(message.text(b"to")[: limits.HEADER_TEXT_BYTES], _RECIPIENTS)
    return frozenset(_WORD.findall(" ".join(f"{local} {domain}" for local, domain in found)))


def _mailboxes(text: str, most: int) -> list[tuple[str, str]]:
    """Give the first (local part, domain) pairs that stand in an address field, in lower case; linear in the length."""
    pieces = text.split("@", 4 * most)
    found: list[tuple[str, str]] = []
    for before, after in pairwise(pieces):
        local, domain = _LOCAL_PART.search(before, max(0, len(before) - _LOCAL_CHARACTERS)), _DOMAIN.match(after)
        if local and domain:
            found.append((local[0].lower(), domain[0].lower()))
    return found[:most]


def sender_tokens(sender: Sender, own: frozenset[str]) -> Iterator[str]:
    """Give the words of the sender's name (`f:`), and what name, address and Reply-To are like.

    Takes the sender and the recipient's own words, which are left out.
    """
    words = [word for word in cut(sender.name) if word[0] != "#"]
    for word in words[:_NAME_WORDS]:
        if word not in own:
            yield f"f:{word}"
    if "@" in sender.name:
        yield "=from-name-address"
    if not sender.host:
        return
    if sender.reply and registrable(sender.reply) != sender.domain:
        yield "=reply-freemail" if sender.reply in FREEMAIL else "=reply-elsewhere"
    yield from _address_tokens(sender)
    yield from _domain_tokens(sender.domain)
    yield from _name_tokens(sender, words)


def _address_tokens(sender: Sender) -> Iterator[str]:
    """Give what the sender's address looks like."""
    if sender.host in FREEMAIL:
        yield "=from-freemail"
    if _ROLE.search(sender.local):
        yield "=from-role"
    if _digits(sender.local) >= 3:
        yield "=from-digits"
    if len(sender.local) > _LONG_LOCAL:
        yield "=from-long"
    if sender.host != sender.domain:
        yield "=from-below"


def _domain_tokens(domain: str) -> Iterator[str]:
    """Give what the sender's registrable domain looks like."""
    label = domain.partition(".")[0]
    if _digits(label) >= 2:
        yield "=domain-digits"
    if len(label) > _LONG_DOMAIN:
        yield "=domain-long"
    if "-" in label:
        yield "=domain-hyphen"
    if len(label) >= 5 and 5 * (len(label) - len(label.translate(_VOWELS))) < len(label):
        yield "=domain-unspeakable"
    if domain.rpartition(".")[2] in CHEAP:
        yield "=domain-cheap"


def _name_tokens(sender: Sender, words: list[str]) -> Iterator[str]:
    """Give how the display name relates to the address."""
    if not sender.name:
        yield "=name-none"
        return
    label = sender.domain.partition(".")[0]
    long = [word for word in words if len(word) > 2]
    if label and (any(word in label for word in long) or label in _NOT_NAME.sub("", sender.name)):
        yield "=name-own"
    elif any(word in sender.local for word in long):
        yield "=name-local"
    else:
        yield "=name-other"
    brands = BRANDS.intersection(words)
    if brands:
        # One of them is enough: `Microsoft Outlook <postmaster@outlook.com>` borrows nothing.
        yield "=name-brand-own" if any(brand in sender.domain for brand in brands) else "=name-brand-elsewhere"


def _digits(text: str) -> int:
    """Count digits."""
    return len(text) - len(text.translate(_DIGITS))
