"""The five stages on one screen: a message arrives, is checked, decided upon, acted upon and written down."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from gatepost.checks.check import Check
from gatepost.decision.decide import decide
from gatepost.decision.explain import reason
from gatepost.decision.policy import Policy
from gatepost.effects.headers import HeaderWriter
from gatepost.effects.reply import identified, reply
from gatepost.effects.strip import stripped
from gatepost.evidence import Evidence, Found, Status
from gatepost.ledger.record import Record
from gatepost.ledger.sinks import NullSink, Sink
from gatepost.mail.envelope import Envelope
from gatepost.mail.message import Message
from gatepost.verdict import Defer, Outcome, Reject, Verdict
from gatepost.world.budget import Share, allowance, current, share
from gatepost.world.clock import Clock

log = logging.getLogger("gatepost")


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Everything one site needs to judge mail. Shared by all threads of a worker; holds no state of a message.

    `gate` reports evidence at RCPT; `lineup` holds the checks in order; `after` runs when the verdict stands (memory), `unknown` when
    the MTA refused a recipient whom nobody knows; `seconds` is the deadline of one message, `shares` what each check may use of
    it, by name; `new_id` makes record ids.
    """

    lineup: Sequence[Check]
    policy: Policy
    headers: HeaderWriter
    clock: Clock
    new_id: Callable[[], str]
    seconds: float = 30.0
    shares: Mapping[str, Share] = field(default_factory=dict)
    gate: Callable[[Envelope], Iterable[Evidence]] = lambda _: ()
    after: Callable[[Envelope, Message, tuple[Evidence, ...], Verdict], None] = lambda *_: None
    unknown: Callable[[Envelope], None] = lambda _: None
    sink: Sink = field(default_factory=NullSink)
    versions: Mapping[str, str] = field(default_factory=dict)

    def admit(self, envelope: Envelope) -> Outcome:
        """Give the answer at RCPT: cheap, before any content was sent. One that refuses the connection comes before others."""
        with allowance(self.clock, self.seconds):
            evidence = tuple(_guarded("gate", partial(self.gate, envelope)))
        about = tuple(item for item in evidence if item.facts.get("rate.of") == "connections")
        refusal = decide(self.policy, envelope.direction, about).outcome if about else None
        if isinstance(refusal, Defer | Reject):
            return replace(refusal, connection=True)
        return decide(self.policy, envelope.direction, evidence).outcome

    def refused(self, envelope: Envelope) -> None:
        """Take note of a recipient who does not exist, the envelope's last; never raises."""
        try:
            with allowance(self.clock, self.seconds):
                self.unknown(envelope)
        except Exception:
            log.exception("noting an unknown recipient failed")

    def judge(self, envelope: Envelope, message: Message) -> Record:
        """Give the record of a whole message at end of data, verdict and edits included."""
        begin = self.clock.monotonic()
        with allowance(self.clock, self.seconds):
            found, timings = self.inquire(envelope, message)
            verdict = decide(self.policy, envelope.direction, found.items)
            record = self._record(envelope, message, found, verdict)
            self._remember(envelope, message, found, verdict)
        record = replace(record, seconds=self.clock.monotonic() - begin, timings=timings)
        self.sink.write(record)
        return record

    def inquire(self, envelope: Envelope, message: Message) -> tuple[Found, dict[str, float]]:
        """Run the checks in order; gives all evidence, and the seconds each check took."""
        found, timings = Found(), {}
        for check in self.lineup:
            begin = self.clock.monotonic()
            run = partial(check.run, envelope, message, found) if current().remaining() else partial(_late, check.name)
            with share(self.shares.get(check.name, Share())):
                found = found.plus(_guarded(check.name, run))
            timings[check.name] = self.clock.monotonic() - begin
        return found, timings

    def _remember(self, envelope: Envelope, message: Message, found: Found, verdict: Verdict) -> None:
        """Do what comes after a verdict; it stands whatever happens here."""
        try:
            self.after(envelope, message, found.items, verdict)
        except Exception:
            log.exception("remembering the verdict failed")

    def _record(self, envelope: Envelope, message: Message, found: Found, verdict: Verdict) -> Record:
        """Add what the effects stage makes of a verdict, and write it all down."""
        record_id, why = self.new_id(), reason(verdict, self.policy.thresholds)
        edits = self.headers.edits(envelope, message, found.items, verdict, record_id=record_id, reason=why)
        edits = (*stripped(message, found.items), *edits)
        outcome = identified(verdict.outcome, record_id)
        answer = reply(outcome)
        return Record(
            record_id=record_id,
            at=self.clock.now(),
            envelope=envelope,
            evidence=found.items,
            verdict=replace(verdict, outcome=outcome, edits=edits),
            reason=why,
            reply=str(answer) if answer else None,
            seconds=0.0,
            size=sum(len(header.line) for header in message.headers) + len(message.body),
            message_id=message.text(b"message-id"),
            versions=self.versions,
        )


def _late(name: str) -> Iterable[Evidence]:
    """Say that the message's time was up before a check could begin: never a failure, never clean."""
    detail = "the deadline of the message passed before this check could begin"
    return (Evidence(name, f"{name}.timeout", Status.TEMPERROR, detail, degraded=name),)


def _guarded(name: str, run: Callable[[], Iterable[Evidence]]) -> Iterable[Evidence]:
    """Run a check; what it raises becomes `<name>.error` evidence and a traceback in the log, and the others go on."""
    try:
        return tuple(run())
    except Exception:
        log.exception("check %s failed", name)
        detail = "the check failed; the log has the traceback"
        return (Evidence(name, f"{name}.error", Status.TEMPERROR, detail, degraded=name),)
