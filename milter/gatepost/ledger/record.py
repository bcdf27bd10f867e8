"""The canonical record: one per message, with everything needed to explain it later."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gatepost.evidence import Evidence
from gatepost.mail import limits
from gatepost.mail.envelope import Envelope
from gatepost.verdict import AddHeader, Verdict, outcome_word


@dataclass(frozen=True, slots=True)
class Record:
    """What happened to one message.

    `at` is Unix time in seconds; `seconds` the whole judgement; `timings` seconds per check; `versions` names the software,
    config and model that judged; `reply` the SMTP reply or None.
    """

    record_id: str
    at: float
    envelope: Envelope
    evidence: tuple[Evidence, ...]
    verdict: Verdict
    reason: str
    reply: str | None
    seconds: float
    size: int = 0
    message_id: str = ""
    timings: Mapping[str, float] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)


def judgement(record: Record) -> dict[str, Any]:
    """Give the verdict part of a record as plain data: the form of `gatepost scan --json` (docs/design.md section 3)."""
    verdict = record.verdict
    return {
        "outcome": outcome_word(verdict.outcome),
        "score": verdict.score,
        "spam_probability": verdict.probability,
        "class": str(verdict.label),
        "degraded": list(verdict.degraded),
        "because": [
            {"code": part.code, "points": part.points, "detail": shown(part.detail)}
            | ({"excuse": part.excuse} if part.excuse else {})
            for part in verdict.because
        ],
        "evidence": [_evidence(item) for item in record.evidence],
        "headers": [
            [edit.name, edit.value.replace("\n ", " ")] for edit in verdict.edits if isinstance(edit, AddHeader)
        ],
        "reply": record.reply,
        "seconds": round(record.seconds, 6),
    }


def entry(record: Record) -> dict[str, Any]:
    """Give the whole record as plain data: the log line of one message."""
    envelope, client = record.envelope, record.envelope.client
    told = judgement(record)
    del told["headers"]
    return {
        "event": "message",
        "id": record.record_id,
        "at": round(record.at, 3),
        "queue_id": envelope.queue_id,
        "direction": str(envelope.direction),
        "client_ip": str(client.ip) if client.ip else None,
        "client_name": shown(client.ptr),
        "helo": shown(client.helo),
        "login": shown(client.login),
        "mail_from": shown(envelope.sender.spec) if envelope.sender else "",
        "recipients": len(envelope.recipients),
        "rcpt_to": [shown(recipient.spec) for recipient in envelope.recipients[:10]],
        "message_id": shown(record.message_id),
        "size": record.size,
        "reason": shown(record.reason),
        **told,
        "timings_ms": {name: round(value * 1e3, 3) for name, value in record.timings.items()},
        "versions": dict(record.versions),
    }


def _evidence(item: Evidence) -> dict[str, Any]:
    facts = {name: shown(fact) for name, fact in item.facts.items()}
    found: dict[str, Any] = {
        "check": item.check,
        "code": item.code,
        "status": str(item.status),
        "detail": shown(item.detail),
        "facts": facts,
    }
    if item.value != 1.0:
        found["value"] = round(item.value, 4)
    return found


def shown(text: str) -> str:
    """Give outside text as it may stand in JSON: valid Unicode, one bounded piece, control characters visible."""
    cut = text if len(text) <= limits.DETAIL_CHARACTERS else text[: limits.DETAIL_CHARACTERS - 1] + "…"
    if cut.isprintable():  # a lone surrogate is not printable either
        return cut
    valid = cut.encode("utf-8", "replace").decode("utf-8")
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in valid)
