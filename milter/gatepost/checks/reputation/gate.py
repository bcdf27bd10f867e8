"""The gate: what is asked at RCPT, before a message is taken, in one round trip or none."""

from __future__ import annotations

from gatepost.checks.reputation.rate import RateGate
from gatepost.evidence import Evidence
from gatepost.mail.envelope import Envelope
from gatepost.world.state.door import State, StateUnavailableError


class Gate:
    """Asks the limits at RCPT. State trouble admits: the check at the end of the message reports it."""

    def __init__(self, rates: RateGate, state: State) -> None:
        self._rates = rates
        self._state = state

    def __call__(self, envelope: Envelope) -> tuple[Evidence, ...]:
        """Give the evidence, if any, that speaks against taking this client's next message now; never raises."""
        counts = self._rates.asked(envelope)
        if not counts:
            return ()
        try:
            asks = tuple(dict.fromkeys(count.ask for count in counts))
            answers = dict(zip(asks, self._state.exchange(asks), strict=True))
        except StateUnavailableError:
            return ()
        degraded = "state" if self._state.degraded() else ""
        return self._rates.admit(counts, [answers[count.ask] for count in counts], degraded)
