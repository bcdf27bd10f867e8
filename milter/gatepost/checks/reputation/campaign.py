"""The same text from many: the judge `campaign`.

A campaign of unwanted mail says nearly the same to everybody and comes from wherever its owner got hold of a machine or a
mailbox. So the text of a message is digested (mail/shingles.py: near copies share digests, and no text can be read
back), and for each digest the store counts how many different senders it came from lately, where a sender is an authenticated
domain or else a network, and holds what people called such a message.

Only senders that nobody here knows are counted (effects/remember.py), and the finding is only told of them: a newsletter
has one authenticated sender, however many it is written to, and what a hundred known shops say alike is no burst. The message
at hand is not in the count yet.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, cast

from gatepost.checks.reputation.inquiry import Case, Heard, Inquiry
from gatepost.checks.reputation.rate import span
from gatepost.checks.reputation.settings import CampaignSettings
from gatepost.evidence import Evidence, Status
from gatepost.world.seen.campaigns import agreed, label_keys, sender_keys, unknown_sender
from gatepost.world.seen.lessons import LABEL_WEIGHT
from gatepost.world.state.door import Answer, Distinct, Recall, Tally

CODES: Final[Mapping[str, str]] = {
    "campaign.burst": "Many senders that nobody here knows sent nearly the same text lately.",
    "campaign.labelled-spam": "People here labelled nearly the same text as spam or phish.",
    "campaign.labelled-ham": "People here labelled nearly the same text as wanted.",
}

_FULL_VALUE_AT: Final = 4.0
"""Times the number of senders that makes a burst at which the evidence has its full value, 1."""

_LEAST_LABELS: Final = 0.5
"""Labels, faded with age, that are still heard."""

_FULL_LABELS: Final = 2.0
"""Labels of one kind, less those of the other, at which the evidence has its full value, 1."""


class CampaignJudge:
    """Says how many unknown senders sent nearly the same text, and what people called it."""

    codes: Final = CODES

    def __init__(self, settings: CampaignSettings) -> None:
        self._window = settings.window_seconds
        self._senders = settings.senders

    def inquire(self, case: Case) -> Inquiry | None:
        """Ask about each band of the text of inbound mail; a short text has none."""
        if not case.stranger or not case.message.bands:
            return None
        bands = case.message.bands
        most = int(self._senders * _FULL_VALUE_AT)
        looks = [Distinct(place, "", self._window, most) for place in sender_keys(bands)]
        labels = [Recall(place) for place in label_keys(bands)]

        def speak(answers: Sequence[Answer], heard: Heard) -> Iterator[Evidence]:
            yield from _labelled(cast("Sequence[Tally]", answers[len(looks) :]), heard.degraded)
            senders = int(agreed(cast("Sequence[int]", answers[: len(looks)])))
            if senders >= self._senders and unknown_sender(heard.found):
                yield self._burst(senders, heard.degraded)

        return Inquiry((*looks, *labels), speak)

    def _burst(self, senders: int, degraded: str) -> Evidence:
        most = int(self._senders * _FULL_VALUE_AT)
        number = f"{senders} or more" if senders >= most else str(senders)
        detail = f"{number} senders that nobody here knows sent nearly the same text in the last {span(self._window)}."
        facts = {"campaign.senders": str(senders)}
        return Evidence("campaign", "campaign.burst", Status.POLICY, detail, min(1.0, senders / most), facts, degraded)


def _labelled(tallies: Sequence[Tally], degraded: str) -> Iterator[Evidence]:
    """Say what people called nearly the same text, if they did and mostly agree."""
    wanted = agreed([tally.wanted for tally in tallies]) / LABEL_WEIGHT
    unwanted = agreed([tally.unwanted for tally in tallies]) / LABEL_WEIGHT
    lead = unwanted - wanted
    if max(wanted, unwanted) < _LEAST_LABELS or abs(lead) < _LEAST_LABELS:
        return
    word, status = ("spam", Status.FAIL) if lead > 0 else ("ham", Status.PASS)
    detail = f"People here labelled nearly the same text: {unwanted:.1f} times spam or phish, {wanted:.1f} times ham."
    facts = {"campaign.spam": f"{unwanted:.1f}", "campaign.ham": f"{wanted:.1f}"}
    yield Evidence(
        "campaign", f"campaign.labelled-{word}", status, detail, min(1.0, abs(lead) / _FULL_LABELS), facts, degraded
    )
