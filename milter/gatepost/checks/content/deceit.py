"""Signs that a message deceives its reader: what an honest sender of bulk mail has no use for.

Most of them are tokens that the classifier learns from anyway; there each moves the odds a little. Here each is named, for the
check on bulk mail and for the people who read its finding. A sign must be rare in honest mail:

- Words of several scripts are none: `SMSки` is plain Russian, and `pаypal` with a Cyrillic letter is read as Latin before
  tokens are made. That disguise is looked for in the subject and the sender's name.
- One word written with other letters may be a typing error or a nickname; of 39,820 wanted messages none had two.
- Padding with invisible characters and letters set wide apart are none: newsletters have them for their looks.
- Forms are none: one of thirty wanted messages that offer to unsubscribe had one in a corpus of 2007, and one of 400 phishing
  messages.
- A link that shows the author's own domain and leads through a tracking service is none. The token does not tell it from a link
  that shows a bank, so the links of such a message are read once more.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from gatepost.checks.content.lookalikes import plain_letters
from gatepost.checks.content.markup import Anchor
from gatepost.checks.content.text import read_text
from gatepost.checks.content.tokens import Features
from gatepost.checks.content.urls import read_links
from gatepost.evidence import Found
from gatepost.mail import limits
from gatepost.mail.address import author
from gatepost.mail.message import Message
from gatepost.mail.suffix import registrable

DECEIT: Final[Mapping[bytes, tuple[str, str]]] = {
    b"=link-mismatch": ("link-mismatch", "a link shows another domain than it leads to"),
    b"=link-punycode": ("link-punycode", "a link leads to a name in foreign letters (punycode)"),
    b"=link-ip": ("link-ip", "a link leads to a bare IP address"),
    b"=link-login": ("link-login", "a link hides its host behind a user name"),
    b"=hidden-most": ("hidden-most", "most of its text is hidden from the reader"),
    b"=name-brand-elsewhere": ("name-brand-elsewhere", "the sender's name is a brand that is not the sender's"),
    b"=re-nothing": ("re-nothing", "it pretends to answer a message"),
    b"=disguised-some": ("letters", "words are written with other letters or digits"),
    b"=att-program": ("att-program", "a program is attached"),
    b"=att-page": ("att-page", "a web page is attached"),
}
"""Tokens of the content check that are signs: the word in the facts, and half a sentence."""

# A letter of another script before a Latin one; behind it stand the endings of `SMSки`.
_BEFORE_LATIN: Final = re.compile(r"[\u0370-\u058f][A-Za-z]")
_ANCHORS: Final = 10 * limits.URLS
_IN_NAME: Final = re.compile(r"@([a-z0-9.-]{1,253})", re.IGNORECASE)


def signs_of_deceit(features: Features) -> str:
    """Give the signs among a message's tokens, as words for the content check's fact `signs`; "" for none."""
    there = DECEIT.keys() & features.named
    return " ".join(word for token, (word, _) in DECEIT.items() if token in there)


def signs(message: Message, found: Found) -> Iterator[tuple[str, str]]:
    """Give every sign of deceit in a message of which the content check has spoken: a word and half a sentence each."""
    writer = author(message.headers)
    domain = registrable(writer.mailbox.domain) if writer.mailbox else ""
    named = _IN_NAME.findall(writer.display[: limits.HEADER_TEXT_BYTES])
    if any(registrable(host) != domain for host in named):
        yield "name-address", "the sender's name is an address of somebody else"
    if _disguised(writer.display) or _disguised(message.text(b"subject")):
        yield "disguise", "its subject or the sender's name uses letters that pass for others"
    if found.code("content.phish"):
        yield "phish", "its text looks like phishing"
    if found.code("content.limit"):
        yield "limit", "part of it could not be read"
    facts = [item.facts.get("signs", "").split() for item in found.of("content")]
    there = {word for words in facts for word in words}
    for word, text in DECEIT.values():
        if word in there and not _honest(word, message, domain):
            yield word, text


def _honest(word: str, message: Message, domain: str) -> bool:
    """Say whether a sign is none from this author."""
    if word == "link-punycode":
        return "xn--" in domain  # there is nothing odd about foreign letters at home
    return word == "link-mismatch" and not _shows_others(message, domain)


def _shows_others(message: Message, domain: str) -> bool:
    """Say whether a link shows a domain that is neither the one it leads to nor the author's own.

    Where that cannot be seen (no such link is found again, or there are too many) the answer is yes.
    """
    anchors = read_text(message).anchors
    odd = [anchor for anchor in anchors[:_ANCHORS] if _mismatches(anchor)]
    # What shows the author's domain would not mismatch if it led to the author.
    return (
        not odd or len(anchors) > _ANCHORS or any(_mismatches(Anchor(f"https://{domain}/", each.shown)) for each in odd)
    )


def _mismatches(anchor: Anchor) -> bool:
    links, _ = read_links((anchor,), "")
    return any("mismatch" in link.oddities for link in links)


def _disguised(text: str) -> bool:
    """Say whether a word is Latin to the eye and not in its letters; at most limits.HEADER_TEXT_BYTES are read."""
    words = text[: limits.HEADER_TEXT_BYTES].split() if _BEFORE_LATIN.search(text) else ()
    return any(_BEFORE_LATIN.search(word) and plain_letters(word)[0].isascii() for word in words)
