"""The verdict in headers: forged copies out, ours in.

An administrator's Sieve rules trust these fields, so every copy that arrived from outside is removed first, from the
highest index down (deleting shifts the ones that follow), and every value passes the sanitiser in `effects/text.py`.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import authres

from gatepost.effects import text
from gatepost.effects.received_spf import received_spf
from gatepost.evidence import Evidence
from gatepost.mail import limits
from gatepost.mail.authserv import claims
from gatepost.mail.envelope import Direction, Envelope
from gatepost.mail.forgeable import RECEIVED_SPF, RESULTS, is_own
from gatepost.mail.header import Header
from gatepost.mail.message import Message
from gatepost.verdict import AddHeader, Edit, RemoveHeader, Verdict, outcome_word

AUTHENTICATION_METHODS: Final = ("iprev", "spf", "dkim", "arc", "dmarc")
_RESULTS: Final = "Authentication-Results"
_TRACE: Final = frozenset({_RESULTS, "Received-SPF"})  # both stand above Received (RFC 8601 4.1, RFC 7208 9.1)
_LEVEL_MAX: Final = 50


@dataclass(frozen=True, slots=True)
class HeaderWriter:
    """Writes the header set of one site.

    `authserv_id` names this host in Authentication-Results (RFC 8601 2.5); `required` is the score that marks;
    `key` signs X-Gatepost-Verdict, so that a later hop can tell ours from a copy. `trusted_ids` name the trusted upstreams,
    whose results nobody else may hand on; `received_spf` asks for that field, too.
    """

    authserv_id: str
    required: float
    key: bytes
    trusted_ids: tuple[str, ...] = ()
    received_spf: bool = False

    def edits(
        self,
        envelope: Envelope,
        message: Message,
        evidence: Sequence[Evidence],
        verdict: Verdict,
        *,
        record_id: str,
        reason: str,
    ) -> tuple[Edit, ...]:
        """Give the edits for a message: removals first, then our fields. Only inbound mail is edited."""
        if envelope.direction is not Direction.INBOUND:
            return ()
        relayed = any(item.code == "upstream.relayed" for item in evidence)
        added = [*self._fields(evidence, verdict, record_id, reason)]
        if self.received_spf and (value := received_spf(envelope, evidence, self.authserv_id)):
            added.append(("Received-SPF", value))
        return (*self.removals(message, relayed=relayed), *(self._add(name, value) for name, value in added))

    def removals(self, message: Message, *, relayed: bool = False) -> Iterator[RemoveHeader]:
        """Give the removal of every forged copy of our fields, the highest index of each name first.

        `relayed` says that a trusted upstream handed the message on: what it says under its own name is no forgery.
        """
        seen: dict[bytes, int] = {}
        doomed: list[RemoveHeader] = []
        passed = (Header(name, b"") for name in message.passed)
        for header, known in (*((each, True) for each in message.headers), *((each, False) for each in passed)):
            key = header.key
            seen[key] = seen.get(key, 0) + 1
            if self._is_forged(key, header.value if known else None, relayed=relayed):
                doomed.append(RemoveHeader(header.name.decode("latin-1"), seen[key]))
        return reversed(doomed)

    def _is_forged(self, key: bytes, value: bytes | None, *, relayed: bool) -> bool:
        if key == RESULTS:
            ids = (self.authserv_id,) if relayed else (self.authserv_id, *self.trusted_ids)
            # Of what was not kept the value is not known: RFC 8601 5 lets every such field go.
            return value is None or claims(value, *ids)
        if key == RECEIVED_SPF:
            return self.received_spf and not relayed
        return is_own(key)

    def _add(self, name: str, value: str) -> AddHeader:
        index = 0 if name in _TRACE else None
        limit = limits.RESULTS_CHARACTERS if name == _RESULTS else limits.HEADER_VALUE_CHARACTERS
        return AddHeader(name, text.fold(text.line(value, limit), len(name) + 2), index)

    def _fields(
        self, evidence: Sequence[Evidence], verdict: Verdict, record_id: str, reason: str
    ) -> Iterator[tuple[str, str]]:
        """Give name and value of each field, top first."""
        marked = verdict.score >= self.required
        tests = ",".join(
            f"{part.code.upper().replace('.', '_').replace('-', '_')}={part.points:.1f}"
            for part in verdict.because
            if not part.excuse  # filters act on the names that they find here
        )
        yield _RESULTS, authentication_results(self.authserv_id, evidence)
        yield "X-Spam-Flag", "YES" if marked else "NO"
        yield (
            "X-Spam-Status",
            f"{'Yes' if marked else 'No'}, score={verdict.score:.1f} required={self.required:.1f} tests=[{tests.replace(',', ', ')}]",
        )
        yield "X-Spam-Score", f"{verdict.score:.1f}"
        yield "X-Spam-Level", "*" * min(_LEVEL_MAX, max(0, int(verdict.score)))
        yield "X-Virus-Scanned", f"Gatepost at {self.authserv_id}"
        yield "X-Virus-Status", virus_status(evidence)
        yield "X-Gatepost-Verdict", self.signed(verdict, record_id)
        yield "X-Gatepost-Reason", reason

    def signed(self, verdict: Verdict, record_id: str) -> str:
        """Give the machine-readable verdict and its signature, a keyed hash over everything before `; sig=`."""
        probability = "" if verdict.probability is None else f"{verdict.probability:.3f}"
        body = (
            f"outcome={outcome_word(verdict.outcome)} score={verdict.score:.1f} class={verdict.label} "
            f"probability={probability} degraded={','.join(verdict.degraded)} id={record_id}"
        )
        return f"{body}; sig={self._signature(body.encode())}"

    def is_ours(self, value: bytes) -> bool:
        """Say whether an X-Gatepost-Verdict value was signed with this site's key."""
        body, mark, digest = b" ".join(value.split()).rpartition(b"; sig=")
        return bool(mark) and hmac.compare_digest(digest, self._signature(body).encode())

    def _signature(self, body: bytes) -> str:
        return hmac.new(self.key, body, hashlib.sha256).hexdigest()[:32]


def virus_status(evidence: Sequence[Evidence]) -> str:
    """Give the word for X-Virus-Status: clean, infected, error or skipped."""
    words = [item.facts.get("virus.status", "") for item in evidence if item.check == "virus"]
    for word in ("infected", "error", "skipped", "clean"):
        if word in words:
            return word
    # A check that crashed or ran out of time reports no status of its own: that is not "clean".
    return "error" if any(item.check == "virus" for item in evidence) else "skipped"


def authentication_results(authserv_id: str, evidence: Sequence[Evidence]) -> str:
    """Give the value of Authentication-Results (RFC 8601) from the evidence of the authentication checks.

    A finding is a method's result when its code is `<check>.<status>`; its facts named `ptype.property` become properties. A
    check that failed or came too late is `temperror`: to say nothing would mean that nobody asked (RFC 8601 2.2, `none`).
    """
    results = [
        _result(item)
        for method in AUTHENTICATION_METHODS
        for item in evidence
        if item.check == method and item.code in (f"{method}.{item.status}", f"{method}.error", f"{method}.timeout")
    ]
    header = authres.AuthenticationResultsHeader(authserv_id=text.value(authserv_id), results=results)
    return str(header.header_value()).replace("\n", " ")


def _result(item: Evidence) -> authres.AuthenticationResult:
    """Translate one finding for authres; everything that came from outside is sanitised here."""
    properties = [
        authres.AuthenticationResultProperty(*name.split(".", 1), value=_property(name, fact))
        for name, fact in item.facts.items()
        if name.count(".") == 1 and name.split(".")[0] in {"smtp", "header", "body", "policy"} and fact
    ]
    why = item.facts.get("reason", "") or ("" if item.code == f"{item.check}.{item.status}" else item.detail)
    return authres.AuthenticationResult(
        item.check, result=str(item.status), reason=text.comment(why) or None, properties=properties
    )


def _property(name: str, fact: str) -> str:
    if name in {"smtp.mailfrom", "header.from", "header.i"}:
        return text.mailbox(fact)
    return text.value(fact)
