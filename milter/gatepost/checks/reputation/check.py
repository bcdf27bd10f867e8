"""The check `reputation`: what the site has seen before, asked in one round trip and told by several judges.

While the shared store is away this worker's own memory answers, and what it says is marked `degraded=state`; where nothing
answers at all the judges say so, and the message goes on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from gatepost.checks.reputation.inquiry import Case, Heard, Inquiry, Judge
from gatepost.evidence import Evidence, Found
from gatepost.mail.envelope import Envelope
from gatepost.mail.message import Message
from gatepost.world.clock import Clock
from gatepost.world.state.door import Answer, State, StateUnavailableError


class ReputationCheck:
    """Runs the judges over one exchange with the store; holds nothing of a message."""

    name: Final = "reputation"
    after: Final = frozenset({"iprev", "spf", "dkim", "dmarc", "forward", "content"})

    def __init__(self, judges: Sequence[Judge], state: State, clock: Clock) -> None:
        self._judges = tuple(judges)
        self._state = state
        self._clock = clock
        self.codes: Mapping[str, str] = {code: text for judge in judges for code, text in judge.codes.items()}

    def run(self, envelope: Envelope, message: Message, found: Found) -> Sequence[Evidence]:
        """Give what the judges say, in their order; one round trip, none where nobody asks. Raises nothing of the store's."""
        case = Case(envelope, message, found, self._clock.now())
        inquiries = [inquiry for judge in self._judges if (inquiry := judge.inquire(case))]
        asks = [ask for inquiry in inquiries for ask in inquiry.asks]
        try:
            answers = self._state.exchange(asks) if asks else []
        except StateUnavailableError as error:
            return [item for inquiry in inquiries for item in inquiry.silent(str(error))]
        return self._told(inquiries, answers, found, "state" if asks and self._state.degraded() else "")

    def _told(
        self, inquiries: Sequence[Inquiry], answers: Sequence[Answer], found: Found, degraded: str
    ) -> list[Evidence]:
        """Hand each judge its own answers."""
        said: list[Evidence] = []
        start = 0
        for inquiry in inquiries:
            end = start + len(inquiry.asks)
            own = answers[start:end]
            said += inquiry.speak(own, Heard(found.plus(said), degraded))
            start = end
        return said
