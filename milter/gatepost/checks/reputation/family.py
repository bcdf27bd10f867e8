"""The reputation drawer: its settings, its codes, and how it is built."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from gatepost.checks.check import Check
from gatepost.checks.reputation import rate, sender
from gatepost.checks.reputation.rate import RateCheck, RateGate
from gatepost.checks.reputation.sender import SenderCheck
from gatepost.checks.reputation.settings import Settings
from gatepost.evidence import Evidence
from gatepost.mail.envelope import Envelope
from gatepost.world.clock import Clock
from gatepost.world.state.door import State

__all__ = ["CODES", "Settings", "build", "build_gate"]

CODES: Final[Mapping[str, str]] = {**rate.CODES, **sender.CODES}


def build(settings: Settings, state: State, clock: Clock) -> tuple[Check, ...]:  # noqa: ARG001  every family takes its doors
    """Give the family's checks; the state keeps the time."""
    return (RateCheck(settings, state), SenderCheck(settings, state))


def build_gate(
    settings: Settings,
    state: State,
    clock: Clock,  # noqa: ARG001  every family takes its doors
) -> Callable[[Envelope], Iterable[Evidence]]:
    """Give what is asked at RCPT: the evidence, if any, that speaks against taking this client's next message now."""
    gate = RateGate(settings, state)

    def admit(envelope: Envelope) -> tuple[Evidence, ...]:
        found = gate.admit(envelope)
        return (found,) if found else ()

    return admit
