"""The verdict in words: one sentence for the header, short texts for the SMTP reply, and what would have changed it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from gatepost.decision.policy import Thresholds
from gatepost.evidence import Evidence
from gatepost.verdict import Accept, Because, Defer, Label, Quarantine, Reject, Verdict

_SHOWN: Final = 3
"""Reasons named in one sentence; the full list is in X-Spam-Status and in the record."""

# Replies go to the sender of hostile mail: they say which rule refused it, never how the score came about.
_REFUSALS: Final = {
    "virus.infected": "the message carries a virus",
    "virus.error": "the virus scanner is not available, try again later",
    "virus.unreachable": "the virus scanner is not available, try again later",
    "virus.reloading": "the virus scanner is not available, try again later",
    "virus.limit": "the message is too large for the virus scanner",
    "attachment.reject": "the message carries a file that is not taken here",
    "virus.timeout": "the virus scanner is not available, try again later",
    "rate.client-exceeded": "too many {what} from this address, try again later",
    "rate.network-exceeded": "too many {what} from this network, try again later",
    "rate.sender-exceeded": "too many {what} from this sender, try again later",
    "rate.login-exceeded": "too many {what} from this account, try again later",
    "rate.recipient-exceeded": "too many {what} to this recipient, try again later",
    "rate.client-refused": "too many {what} from this address",
    "rate.network-refused": "too many {what} from this network",
    "rate.sender-refused": "too many {what} from this sender",
    "rate.login-refused": "too many {what} from this account",
    "rate.recipient-refused": "too many {what} to this recipient",
    "greylist.first": "first message of this sender to this recipient, try again in some minutes",
    "greylist.early": "tried again too early, try again in some minutes",
    "dmarc.reject": "the author's domain refuses mail that is not authenticated (DMARC)",
}


_LATER: Final = ", try again "


def refusal(cause: Evidence | None, otherwise: str, *, final: bool) -> str:
    """Give the text of a 4xx or 5xx reply for the evidence that forced it, or the general one; a `final` one asks for no other try."""
    if cause is None:
        return otherwise
    text = _REFUSALS.get(cause.code, f"refused by local policy ({cause.code})")
    text = text.partition(_LATER)[0] if final else text
    return text.replace("{what}", cause.facts.get("rate.of", "messages"))


def quarantine_reason(cause: Evidence | None, because: Sequence[Because]) -> str:
    """Give the reason that the mail queue shows; Postfix cuts it at 100 bytes."""
    if cause is not None:
        return f"{cause.code}: {cause.detail}"
    return "score: " + ", ".join(f"{part.code} {part.points:+.1f}" for part in because[:_SHOWN] if not part.excuse)


def reason(verdict: Verdict, thresholds: Thresholds) -> str:
    """Give the sentence for X-Gatepost-Reason: what was done, why, and how far it was from another answer."""
    parts = [f"{_done(verdict, thresholds)} with score {verdict.score:.1f}"]
    counted = [part for part in verdict.because if not part.excuse]
    shown = [f"{part.code} {part.points:+.1f}" for part in counted[:_SHOWN]]
    if shown:
        parts.append(", ".join(shown))
    excused = [f"{part.code} excused by {part.excuse}" for part in verdict.because if part.excuse]
    parts.append(", ".join(excused[:_SHOWN]))
    parts.append(_distance(verdict, thresholds))
    if verdict.degraded:
        parts.append(f"not complete: no answer from {', '.join(verdict.degraded)}")
    return "; ".join(part for part in parts if part)


def _done(verdict: Verdict, thresholds: Thresholds) -> str:
    match verdict.outcome:
        case Accept():
            if verdict.score >= thresholds.tag:
                return "Marked as spam"
            return "Delivered as bulk mail" if verdict.label is Label.BULK else "Delivered"
        case Quarantine(reason=why):
            return f"Held ({why})"
        case Defer(text=why):
            return f"Deferred ({why})"
        case Reject(text=why):
            return f"Refused ({why})"


def _distance(verdict: Verdict, thresholds: Thresholds) -> str:
    """Say what would have flipped the mark: the points missing, or the parts without which it would not stand."""
    missing = thresholds.tag - verdict.score
    if missing > 0:
        return f"{missing:.1f} below the mark"
    alone = [part.code for part in verdict.because if part.points > -missing]
    return f"without {' or '.join(alone[:_SHOWN])} it would not be marked" if alone else "no single reason decided it"
