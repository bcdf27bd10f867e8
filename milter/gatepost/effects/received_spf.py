"""Received-SPF (RFC 7208 9.1): the older way to say what SPF found, for filters that read nothing else.

It says less than Authentication-Results, so it is written only where a site asks for it. The values that come from outside
stand in quotes and have passed the sanitiser: none can end its quotes, and so none can add a pair.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gatepost.effects import text
from gatepost.evidence import Evidence, Status
from gatepost.mail.envelope import Envelope


def received_spf(envelope: Envelope, evidence: Sequence[Evidence], receiver: str) -> str:
    """Give the value of Received-SPF, or "" where SPF judged nothing; `receiver` names this host."""
    found = next((item for item in evidence if item.code == f"spf.{item.status}"), None)
    if found is None or (found.status is Status.NONE and "reason" in found.facts):
        return ""
    pairs = "; ".join(f"{name}={value}" for name, value in _pairs(found, envelope, receiver))
    return f"{found.status} ({text.comment(f'{receiver}: {found.detail}')}) {pairs}"


def _pairs(found: Evidence, envelope: Envelope, receiver: str) -> Iterator[tuple[str, str]]:
    """Give the keys of RFC 7208 9.1 with safe values; an address of odd form is cut to its domain."""
    facts = found.facts
    yield "receiver", text.value(receiver)
    yield "identity", "mailfrom" if "smtp.mailfrom" in facts else "helo"
    if "client-ip" in facts:
        yield (
            "client-ip",
            text.value(facts["client-ip"]) if ":" not in facts["client-ip"] else f'"{text.value(facts["client-ip"])}"',
        )
    if "smtp.mailfrom" in facts:
        yield "envelope-from", f'"{text.mailbox(facts["smtp.mailfrom"])}"'
    if envelope.client.helo:
        yield "helo", f'"{text.value(envelope.client.helo)}"'
    if "mechanism" in facts:
        yield "mechanism", f'"{text.value(facts["mechanism"])}"'
