"""After the verdict: remember what its sender sent.

A filter that believes its own verdicts talks itself into anything: a sender once taken for good is accepted, which makes it
better still. So this learns only what it would have concluded without its own memory, and only when it is sure:

- the points that reputation and rates gave (`sender.*`, `rate.*`) are taken out of the score before it is looked at;
- what remains must be well clear of the middle and must agree with the classifier;
- a verdict reached without one of its dependencies teaches nothing, nor does one that only put the mail off;
- own users' mail is not judged: it would make a reputation for the site itself;
- one verdict counts half a message; a virus, which is not an opinion, counts a whole one;
- the store holds at most a hundred messages' worth per identity, so that no fame lasts through a break-in.

Marks go to authenticated names and to the client's network alone (world/state/keys.py): a forged domain is not blamed.
"""

from __future__ import annotations

import logging
from typing import Final

from gatepost.evidence import Evidence, Found
from gatepost.mail.envelope import Direction, Envelope
from gatepost.verdict import Accept, Defer, Label, Quarantine, Reject, Verdict
from gatepost.world.state.door import Mark, State, StateUnavailableError
from gatepost.world.state.keys import identities

OPINION_WEIGHT: Final = 0.5
"""Messages' worth of one confident verdict."""

VIRUS_WEIGHT: Final = 1.0
"""Messages' worth of a virus."""

WANTED_SCORE: Final = 1.0
"""Score, without reputation's own points, up to which accepted mail may count as wanted."""

WANTED_PROBABILITY: Final = 0.1
"""Spam probability up to which accepted mail may count as wanted; mail the classifier did not read never does."""

UNWANTED_SCORE: Final = 5.0
"""Score, without reputation's own points, from which mail counts as unwanted (the default threshold for marking it)."""

UNWANTED_PROBABILITY: Final = 0.9
"""Spam probability from which mail counts as unwanted. Mail the classifier did not read must have been held or refused."""

_OWN: Final = ("sender.", "rate.")
_log: Final = logging.getLogger(__name__)


def remember(state: State, envelope: Envelope, evidence: tuple[Evidence, ...], verdict: Verdict) -> None:
    """Add a verdict to what is remembered about the message's authenticated sender and network; one round trip at most.

    Never raises for a store that is away: what was not remembered is lost, and the mail goes on.
    """
    if envelope.direction is not Direction.INBOUND or envelope.client.login or verdict.degraded:
        return
    wanted, unwanted = _lesson(evidence, verdict)
    if not (wanted or unwanted):
        return
    marks = [Mark(identity.key, wanted, unwanted) for identity in identities(envelope, Found(evidence))]
    if not marks:
        return
    try:
        state.remember(marks)
    except StateUnavailableError as error:
        _log.warning("reputation of one message not remembered: %s", error)


def _lesson(evidence: tuple[Evidence, ...], verdict: Verdict) -> tuple[float, float]:
    """Give how much to add to wanted and to unwanted; (0, 0) where the verdict is no lesson."""
    if any(item.code == "virus.infected" for item in evidence):
        return 0.0, VIRUS_WEIGHT
    score = verdict.score - sum(part.points for part in verdict.because if part.code.startswith(_OWN))
    chance = verdict.probability
    match verdict.outcome:
        case Defer():
            return 0.0, 0.0
        case Accept() if verdict.label is Label.HAM and score <= WANTED_SCORE:
            return (OPINION_WEIGHT, 0.0) if chance is not None and chance <= WANTED_PROBABILITY else (0.0, 0.0)
        case Quarantine() | Reject() if chance is None and score >= UNWANTED_SCORE:
            return 0.0, OPINION_WEIGHT
        case Accept() | Quarantine() | Reject():
            sure = chance is not None and chance >= UNWANTED_PROBABILITY and score >= UNWANTED_SCORE
            return (0.0, OPINION_WEIGHT) if sure else (0.0, 0.0)
