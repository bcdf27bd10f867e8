"""What the message carries was seen with unwanted mail: the judge `reputation`.

Asked about are the HELO name, the registrable domains of the links and the attached files (world/seen/traces.py). Anybody can carry
them, so they never speak for a message: a link to a good site makes no spam better. Against it they speak only where what
is remembered is one-sided: what stands in wanted mail as well is known for both.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, cast

from gatepost.checks.reputation.belief import facts as facts_of
from gatepost.checks.reputation.belief import strength, told
from gatepost.checks.reputation.inquiry import Case, Heard, Inquiry
from gatepost.checks.reputation.settings import Settings
from gatepost.evidence import Evidence, Status
from gatepost.world.seen.traces import Kind, Trace, traces
from gatepost.world.state.door import Answer, Recall, Tally

CODES: Final[Mapping[str, str]] = {
    "reputation.helo-bad": "The client greeted by a name that is known from unwanted mail.",
    "reputation.link-bad": "A link leads to a domain that is known from unwanted mail.",
    "reputation.file-bad": "An attached file is known from unwanted mail.",
}

_WORDS: Final[Mapping[Kind, str]] = {
    Kind.HELO: "The greeting (HELO)",
    Kind.LINK: "The link domain",
    Kind.FILE: "The file with SHA-256",
}


class ThingsJudge:
    """Says what is remembered against the things that a message carries."""

    codes: Final = CODES

    def __init__(self, settings: Settings) -> None:
        self._minimum = settings.minimum_messages
        self._exempt = settings.exempt_networks

    def inquire(self, case: Case) -> Inquiry | None:
        """Ask about the traces of inbound mail."""
        if not case.stranger:
            return None
        found = traces(case.envelope, case.message, case.found, self._exempt)
        if not found:
            return None
        return Inquiry(
            tuple(Recall(trace.key) for trace in found),
            lambda answers, heard: self._judged(found, answers, heard),
        )

    def _judged(self, found: Sequence[Trace], answers: Sequence[Answer], heard: Heard) -> Iterable[Evidence]:
        """Give for each kind of thing the worst one."""
        worst: dict[Kind, Evidence] = {}
        for trace, answer in zip(found, answers, strict=True):
            tally = cast("Tally", answer)
            lean = strength(tally)
            known = worst.get(trace.kind)
            if tally.wanted + tally.unwanted >= self._minimum and lean < 0 and (known is None or -lean > known.value):
                worst[trace.kind] = _against(trace, tally, -lean, heard.degraded)
        return worst.values()


def _against(trace: Trace, tally: Tally, value: float, degraded: str) -> Evidence:
    detail = f"{_WORDS[trace.kind]} {trace.name} came with about {told(tally)} lately."
    facts = {f"reputation.{trace.kind.value}": trace.name, **facts_of("reputation", tally)}
    return Evidence("reputation", f"reputation.{trace.kind.value}-bad", Status.FAIL, detail, value, facts, degraded)
