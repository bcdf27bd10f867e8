"""Who stands behind a message, as far as its parts agree with each other: sender, name, links, and the words it uses.

What a word says changes from year to year and from corpus to corpus; what a deceiver cannot easily do is make the parts of
a message agree. An honest shop writes from its own domain, under its own name, and its links go home. So these features
never name anybody: they say whether the display name belongs to the domain, whether links lead where the mail comes from,
whether a well-known brand is spoken of by somebody else, and which of the furniture of bulk mail is there (a way to
unsubscribe, a web version, legal lines). On mail from packs the model never saw they lowered the share of pairs in the
wrong order by a fifth (card.md of the model has the table).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from typing import Final

from gatepost.checks.content.structure import FREEMAIL, first_mailboxes
from gatepost.checks.content.text import normalise
from gatepost.checks.content.urls import CHEAP, Link
from gatepost.mail.message import Message
from gatepost.mail.suffix import registrable

_ROLE: Final = re.compile(
    r"no-?_?reply|donotreply|newsletter|^news|^info|support|notif|service|^mail|billing|account|alert|contact|hello|team"
    r"|sales|marketing|admin|security|office"
)
_NAME_WORD: Final = re.compile(r"[^\W\d_]{3,24}")
_NOT_NAME: Final = re.compile(r"[^a-z0-9]")
_REPLY: Final = re.compile(r"\s*(?:re|fw|fwd|aw|sv|antw)\s*:", re.IGNORECASE)
_VOWELS: Final = str.maketrans("", "", "aeiouy")
_DIGITS: Final = str.maketrans("", "", "0123456789")
_POSTAL: Final = re.compile(
    r"\b[A-Z]{2} \d{5}\b|\b\d{5} [A-Z][a-z]|\b[A-Z]{1,2}\d{1,2}[A-Z]? \d[A-Z]{2}\b|P\.?O\.? Box"
)
_TAIL: Final = 3_000
_LONG_LOCAL: Final = 18
_LONG_DOMAIN: Final = 14

BRANDS: Final = frozenset(
    "paypal amazon microsoft netflix apple facebook instagram google dhl fedex ups usps chase citibank wellsfargo hsbc "
    "santander docusign dropbox adobe office365 outlook linkedin whatsapp binance coinbase metamask trustwallet ledger "
    "spotify walmart costco norton mcafee irs hmrc dpd hermes evri royalmail postbank sparkasse volksbank commerzbank "
    "telekom vodafone bradesco itau caixa nubank correios mercadolibre ebay steam yahoo aol icloud".split()
)
"""Names that phishing borrows most (APWG and vendors' yearly lists); whoever else bears one of them is worth a look."""

_UNSUBSCRIBE: Final = frozenset(
    "unsubscribe unsubscribing opt-out abmelden abbestellen abmeldung desinscrire desabonner desinscription desabonnement baja "
    "desuscribirse descadastrar disiscriviti disiscrizione afmelden uitschrijven avregistrera afmeld отписаться "
    "отписка відписатися wypisz odhlasit leiratkozas dezabonare 退订 退訂 停止 수신 거부 iptal".split()
)
_LEGAL: Final = frozenset(
    "privacy preferences datenschutz impressum confidentialite privacidad privacidade privacybeleid terms copyright rights "
    "einstellungen preferencias preferenze voorkeuren agb gmbh inc ltd llc".split()
)


def relation_tokens(
    message: Message, subject: str, links: Sequence[Link], text: str, words: Collection[str]
) -> Iterator[str]:
    """Give what the parts of a message say about each other, as tokens that begin with `=`.

    Takes the message, its subject and visible text (normalised), its links and its tokens so far. Never raises.
    """
    sender, _ = normalise(message.text(b"from"))
    boxes = first_mailboxes(sender, 1)
    domain = ""
    if boxes:
        local, host = boxes[0]
        domain = registrable(host)
        name = sender.partition("<")[0].strip(" \"'").lower()[:200] if "<" in sender else ""
        yield from _address_tokens(local.lower(), host, domain)
        yield from _name_tokens(name, local.lower(), domain)
    if not message.every(b"message-id"):
        yield "=id-none"
    yield from _link_tokens(links, domain)
    yield from _furniture(text, words)
    if _REPLY.match(subject):
        answered = message.every(b"in-reply-to") or message.every(b"references")
        yield "=re-answer" if answered else "=re-nothing"
    spoken = [brand for brand in BRANDS if brand in words]
    if spoken:
        yield "=brand-own" if any(brand in domain for brand in spoken) else "=brand-elsewhere"


def _address_tokens(local: str, host: str, domain: str) -> Iterator[str]:
    """Give what the sender's address looks like."""
    if host in FREEMAIL:
        yield "=from-freemail"
    if _ROLE.search(local):
        yield "=from-role"
    if len(local) - len(local.translate(_DIGITS)) >= 3:
        yield "=from-digits"
    if len(local) > _LONG_LOCAL:
        yield "=from-long"
    if host != domain:
        yield "=from-below"
    label = domain.partition(".")[0]
    if len(label) - len(label.translate(_DIGITS)) >= 2:
        yield "=domain-digits"
    if len(label) > _LONG_DOMAIN:
        yield "=domain-long"
    if "-" in label:
        yield "=domain-hyphen"
    if len(label) >= 5 and 5 * (len(label) - len(label.translate(_VOWELS))) < len(label):
        yield "=domain-unspeakable"
    if domain.rpartition(".")[2] in CHEAP:
        yield "=domain-cheap"


def _name_tokens(name: str, local: str, domain: str) -> Iterator[str]:
    """Give how the display name relates to the address."""
    if not name:
        yield "=name-none"
        return
    label = domain.partition(".")[0]
    words = _NAME_WORD.findall(name)
    if label and (any(word in label for word in words) or label in _NOT_NAME.sub("", name)):
        yield "=name-own"
    elif any(word in local for word in words):
        yield "=name-local"
    else:
        yield "=name-other"
    for brand in BRANDS.intersection(words):
        yield "=name-brand-own" if brand in domain else "=name-brand-elsewhere"


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


def _furniture(text: str, words: Collection[str]) -> Iterator[str]:
    """Give the furniture of bulk mail: how to unsubscribe, a web version, legal lines, a postal address."""
    if any(word in words for word in _UNSUBSCRIBE):
        yield "=unsubscribe"
    legal = sum(word in words for word in _LEGAL)
    if legal:
        yield f"=legal-{min(legal, 3)}"
    if _POSTAL.search(text[-_TAIL:]):
        yield "=postal"
