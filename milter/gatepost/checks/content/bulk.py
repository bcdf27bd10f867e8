"""The check `bulk`: how openly a message is bulk mail.

A newsletter that was asked for and one that was not use the same words, so words cannot tell them apart. What can be told is
how a sender behaves: an honest one sends under its own authenticated name, says how to stop the mail, and deceives nobody
about where its links lead. Such mail is `bulk.open`. Whether people want it is not for a filter of words to say but for
them: their labels, and what they made of the sender before. So content that merely reads like advertising is excused by
`bulk.open` (decision/policy.py) and the message is marked `class=bulk`, for Sieve to file.

All fields that a message brings can be forged. An openly sent message is therefore one whose author passed DMARC, and whose
List-Unsubscribe is the author's own: either the envelope is the author's too (SPF, aligned), or the author's signature covers
the field. A message of somebody else, played again with such a field on top, has neither. A public mail service answers for
nobody who writes from it, so its users are not open senders.

`bulk.open` never stands beside signs of deceit. Phishing among them: a customer's account at an honest mailing service, once
broken into, sends phish with a valid signature and a working unsubscribe link, so that being open says nothing there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar, Final

from gatepost.checks.content.deceit import signs
from gatepost.checks.content.structure import FREEMAIL
from gatepost.checks.content.unsubscribe import WayOut, way_out
from gatepost.evidence import Evidence, Found, Status
from gatepost.mail.envelope import Direction, Envelope
from gatepost.mail.message import Message

CODES: Final[Mapping[str, str]] = {
    "bulk.open": "Bulk mail sent openly: the author is authenticated, it can be unsubscribed from, nothing in it deceives.",
    "bulk.deceit": "Bulk mail that would be open, with signs that it deceives its reader.",
    "bulk.unwanted": "Bulk mail sent openly, which people here have called spam, or whose sender is known for unwanted mail.",
    "bulk.closed": "Bulk mail that nobody answers for, or that does not say in a usable way how to unsubscribe.",
    "bulk.unsure": "Bulk mail; whether it is sent openly is not known, because something did not answer.",
}

REPORTED: Final = 0.5
"""How sure labels of messages like this one must be (0 to 1) that it is unwanted: at one half the likeness is beyond chance."""

MOVED: Final = 2.0
"""Log-odds by which the site's labels must have moved the opinion towards spam: they make it seven times as likely."""

_CLAIMS: Final = (b"list-id", b"list-unsubscribe", b"list-unsubscribe-post", b"feedback-id")
_PRECEDENCE: Final = re.compile(rb"\s{0,100}(?:bulk|junk)\s{0,100}", re.IGNORECASE)
_NO_POST: Final = re.compile(rb"\s{0,100}no\b", re.IGNORECASE)
# RFC 5322 3.6: what may stand once. Readers differ in which of two they show.
_ONCE: Final = (b"from", b"sender", b"reply-to", b"to", b"cc", b"subject", b"date", b"message-id")
# A last delimiter that is left out makes no second reading; what a limit hid is a sign of deceit, not of bad form.
_HARMLESS: Final = frozenset({"no-close-delimiter"})


class BulkCheck:
    """Reports one `bulk.*` for inbound mail that calls itself bulk mail, and nothing for other mail.

    Discussion lists (those with a List-Post address), bounces and automatic answers are other mail. Facts: `unsubscribe`
    (`one-click`, `https` or `mailto`), `host` (where), `signs` (of deceit).
    """

    name: ClassVar[str] = "bulk"
    codes: ClassVar[Mapping[str, str]] = CODES
    after: ClassVar[frozenset[str]] = frozenset({"dkim", "dmarc", "reputation", "content"})

    def run(self, envelope: Envelope, message: Message, found: Found) -> Sequence[Evidence]:
        """Say how openly the message is bulk mail; never raises."""
        if envelope.direction is not Direction.INBOUND or not _is_bulk(envelope, message):
            return ()
        way = way_out(message)
        faults = [*_faults(message, found, way)]
        if faults:
            return (_evidence("closed", Status.NONE, f"This bulk mail is not sent openly: {'; '.join(faults)}."),)
        unknown = _unknown(found)
        if unknown or way is None:
            return (
                _evidence("unsure", Status.TEMPERROR, f"Whether this bulk mail is sent openly is open: {unknown}."),
            )
        facts = _way_facts(way, found)
        deceit = dict(signs(message, found))
        if deceit:
            detail = f"This bulk mail deceives: {'; '.join(deceit.values())}."
            return (_evidence("deceit", Status.FAIL, detail, facts | {"signs": " ".join(deceit)}),)
        unwelcome = _unwelcome(found)
        if unwelcome:
            return (_evidence("unwanted", Status.FAIL, f"Bulk mail sent openly, and not wanted: {unwelcome}.", facts),)
        detail = (
            f"Bulk mail sent openly by {_writer(found)}; to unsubscribe: {facts['unsubscribe']} at {facts['host']}."
        )
        return (_evidence("open", Status.PASS, detail, facts),)


def _evidence(word: str, status: Status, detail: str, facts: Mapping[str, str] | None = None) -> Evidence:
    degraded = "dns" if status is Status.TEMPERROR else ""
    return Evidence("bulk", f"bulk.{word}", status, detail, facts=facts or {}, degraded=degraded)


def _is_bulk(envelope: Envelope, message: Message) -> bool:
    """Say whether a message calls itself bulk mail, and is not the talk of a list, a bounce or an automatic answer."""
    claimed = any(message.every(name) for name in _CLAIMS)
    if not claimed and not any(_PRECEDENCE.fullmatch(field.value) for field in message.every(b"precedence")):
        return False
    if envelope.sender is None or any(
        b"auto-replied" in field.value.lower() for field in message.every(b"auto-submitted")
    ):
        return False  # RFC 3834 2
    # RFC 2369 3.4: a list that nobody may write to says `List-Post: NO`.
    return all(_NO_POST.match(field.value) for field in message.every(b"list-post"))


def _faults(message: Message, found: Found, way: WayOut | None) -> Iterator[str]:
    """Give half a sentence for each reason why a message is not sent openly; what is not known now is none."""
    passed = found.code("dmarc.pass")
    if passed is None and not found.code("dmarc.temperror"):
        yield "nobody answers for its author (no DMARC pass)"
    elif passed and passed.facts.get("header.from", "") in FREEMAIL:
        yield "its author writes from a public mail service"
    if way is None:
        yield "it does not say how to unsubscribe"
    elif way.fault:
        yield way.fault
    elif passed and "spf" not in passed.facts.get("aligned", "") and b"list-unsubscribe" not in _covered(found):
        yield "its List-Unsubscribe field is not signed by the author"
    twice = [name.decode() for name in _ONCE if len(message.every(name)) > 1]
    if twice:
        yield f"it has several fields of one name ({', '.join(twice)})"
    if message.truncated:
        yield "it is too large to be read whole"
    broken = sorted(defect for defect in message.mime.defects - _HARMLESS if not defect.endswith("-limit"))
    if broken:
        yield f"its MIME structure has several readings ({', '.join(broken)})"


def _covered(found: Found) -> frozenset[bytes]:
    """Give the unsubscribe fields that valid signatures of the author's organization cover."""
    home = found.code("dmarc.pass")
    organization = home.facts.get("organization", "") if home else ""
    if not organization:
        return frozenset()
    return frozenset(
        name.encode()
        for item in found.items
        if item.code == "dkim.pass" and _within(item.facts.get("header.d", ""), organization)
        for name in item.facts.get("covers", "").split()
    )


def _within(domain: str, organization: str) -> bool:
    """Say whether a domain is an organization's or below it."""
    return domain == organization or domain.endswith(f".{organization}")


def _unknown(found: Found) -> str:
    """Say what did not answer, or ""."""
    if found.code("dmarc.pass") is None:
        return "DNS did not say whether the author is authentic"
    read = any(item.status is not Status.TEMPERROR for item in found.of("content"))
    return "" if read else "its text was not judged"


def _way_facts(way: WayOut, found: Found) -> dict[str, str]:
    """Give how to unsubscribe and where. One click counts only where both fields are signed (RFC 8058 4)."""
    signed = {b"list-unsubscribe", b"list-unsubscribe-post"} <= _covered(found)
    how = "one-click" if way.one_click and signed else "https" if way.https else "mailto"
    return {"unsubscribe": how, "host": way.https or way.mailto}


def _unwelcome(found: Found) -> str:
    """Say what people here made of such mail, if they do not want it, or ""."""
    bad = found.code("sender.bad")
    # A network speaks where nobody else is known: whoever takes a new name for each mailing is known by that.
    if bad:
        return f"its sender ({bad.facts.get('sender.identity', 'unnamed')}) is known for unwanted mail"
    for item in found.of("content"):
        if _number(item.facts.get("reported", "")) >= REPORTED:
            return "messages like it were labelled spam here"
        if _number(item.facts.get("site", "").partition(" ")[0]) >= MOVED:
            return "local labels speak against it"
    return ""


def _number(text: str) -> float:
    """Read a number from a fact; 0 where there is none."""
    try:
        return float(text)
    except ValueError:
        return 0.0


def _writer(found: Found) -> str:
    """Give the author's domain."""
    passed = found.code("dmarc.pass")
    return passed.facts.get("header.from", "") if passed else ""
