"""How much mail comes from here just now: the judge `rate`, and the gate that asks the same before a message is taken.

Counted are messages, recipients, bytes and connections, of clients, networks, senders and logins and for recipients
(subjects.py). Above a limit that scores the number is evidence, and stronger the further above; above one that defers the code says
`exceeded`, above one that rejects `refused`, and policy answers ([actions]).

A limit without a burst is counted over a sliding window. One with a burst is a steady rate with so many at once (the generic
cell rate algorithm, ITU-T I.371). Both are counted by the store, atomically and for all hosts that share it: of a thousand
messages that arrive at the same moment a limit of a hundred lets through a hundred. A limit that defers or rejects does not count
what it holds up, so that who keeps trying is let in again as the window passes. One message that alone is more than the limit
or its burst takes passes where nothing else was counted, and counts as the whole limit at most.

While the shared store is away each worker counts by itself: what it then sees above a limit is said under the usual code,
and where it sees nothing unusual it says `rate.temperror` instead of `rate.normal`, both marked degraded.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final, cast

from gatepost.checks.reputation.inquiry import Case, Heard, Inquiry
from gatepost.checks.reputation.rate_settings import Limit, Per, What
from gatepost.checks.reputation.subjects import Counted, Subject
from gatepost.evidence import Evidence, Status
from gatepost.mail.envelope import Envelope
from gatepost.mail.message import Message
from gatepost.world.state.door import Answer, Ask, Hit, Leave, Rate

_WHO: Final[Mapping[str, str]] = {
    "client": "client address",
    "network": "client's network",
    "sender": "sender",
    "login": "authenticated user",
    "recipient": "recipient",
}

CODES: Final[Mapping[str, str]] = {
    "rate.normal": "The client, sender or user sends no more than is usual.",
    **{f"rate.{per}-high": f"A soft limit on mail per {who} is passed." for per, who in _WHO.items()},
    **{f"rate.{per}-exceeded": f"A limit on mail per {who} that defers is passed." for per, who in _WHO.items()},
    **{f"rate.{per}-refused": f"A limit on mail per {who} that rejects is passed." for per, who in _WHO.items()},
    "rate.temperror": "The shared counters could not be asked, and this worker alone saw nothing unusual.",
}

_WORDS: Final = {"score": "high", "defer": "exceeded", "reject": "refused"}
_SEVERITY: Final = ("high", "exceeded", "refused")
_FULL_VALUE_AT: Final = 4.0
"""Times the soft limit at which the evidence has its full value, 1."""


@dataclass(frozen=True, slots=True)
class Count:
    """One limit on one subject, what to ask the store about it, and what the message at hand will add where it only looks."""

    limit: Limit
    subject: Subject
    ask: Hit | Rate
    coming: int = 0


def counts(
    table: Sequence[Limit], subjects: Mapping[Per, Sequence[Subject]], amounts: Mapping[What, int]
) -> list[Count]:
    """Give the counts of a message: each limit of a table on each of its subjects, for the amounts that are given."""
    return [
        Count(limit, subject, _ask(_counter(limit, table), subject, amounts[limit.what]))
        for limit in table
        if limit.what in amounts
        for subject in subjects[limit.per]
    ]


def _counter(limit: Limit, table: Iterable[Limit]) -> Limit:
    """Give the limit whose counter is read for a limit: its own.

    Where one only scores it is the counter of the lowest that refuses the same, which knows what came through.
    """
    if limit.action != "score" or limit.burst:
        return limit
    same = (limit.what, limit.per, limit.window_seconds)
    refusing = [each for each in table if each.action != "score" and not each.burst]
    alike = [each for each in refusing if (each.what, each.per, each.window_seconds) == same]
    return min(alike, key=lambda each: each.limit, default=limit)


def _ask(limit: Limit, subject: Subject, amount: int) -> Hit | Rate:
    # A limit of another size is another counter.
    if limit.burst:
        place = subject.key(limit.what, str(limit.limit), str(limit.window_seconds))
        return Rate(place, limit.limit, limit.window_seconds, limit.burst, amount)
    if limit.action == "score":
        return Hit(subject.key(limit.what), limit.window_seconds, amount)
    place = subject.key(limit.what, str(limit.limit))
    return Hit(place, limit.window_seconds, min(amount, limit.limit), limit.limit)


class RateJudge:
    """Counts a message at its end and says which limits it passes."""

    codes: Final = CODES

    def __init__(self, counted: Counted) -> None:
        self._counted = counted

    def inquire(self, case: Case) -> Inquiry | None:
        """Count the message under every limit that applies; equal questions are asked once."""
        table = self._counted.table(case.envelope)
        subjects = {limit.per: self._counted.subjects(limit.per, case.envelope, case.found) for limit in table}
        found = counts(table, subjects, _amounts(case.envelope, case.message))
        if not found:
            return None
        asks: tuple[Ask, ...] = tuple(dict.fromkeys(count.ask for count in found))

        def speak(answers: Sequence[Answer], heard: Heard) -> list[Evidence]:
            known = dict(zip(asks, answers, strict=True))
            return _judged([(count, known[count.ask]) for count in found], heard.degraded)

        return Inquiry(asks, speak, lambda reason: [_unknown(reason)])


class RateGate:
    """The limits that defer or reject, at RCPT, before the message is taken; asks only where there is one.

    Messages, recipients and bytes are only looked at here and counted at the end of the message. A connection is counted at its
    first recipient. Of the recipients of one message as many are taken as the limit still has room for, so that the sender can go
    on with these and come back for the others (RFC 5321 4.5.3.1.10).
    """

    def __init__(self, counted: Counted) -> None:
        self._counted = counted

    def asked(self, envelope: Envelope) -> list[Count]:
        """Give what to ask: at the first recipient about the client and the login, at each about that recipient and their number."""
        first = len(envelope.recipients) <= 1
        table = [
            limit
            for limit in self._counted.table(envelope)
            if limit.action != "score" and limit.per != "sender" and (first or _at_each_recipient(limit))
        ]
        newest = Envelope(recipients=envelope.recipients[-1:])
        subjects = {
            limit.per: self._counted.subjects(limit.per, newest if limit.per == "recipient" else envelope, None)
            for limit in table
        }
        looked: dict[What, int] = {"messages": 0, "recipients": 0, "bytes": 0}
        if first and envelope.opens:
            looked["connections"] = 1
        coming: dict[What, int] = {"messages": 1, "recipients": len(envelope.recipients), "bytes": 1}
        found = counts(table, subjects, looked)
        return [replace(count, coming=coming.get(count.limit.what, 0)) for count in found]

    def admit(self, asked: Sequence[Count], answers: Sequence[Answer], degraded: str) -> tuple[Evidence, ...]:
        """Give the most severe that speaks against the connection, and the most severe against taking this recipient."""
        worst: dict[bool, Evidence] = {}
        for count, answer in zip(asked, answers, strict=True):
            item = _said(count, _with_this(count, answer), degraded)
            about = count.limit.what == "connections"
            if item and (about not in worst or _severity(item) > _severity(worst[about])):
                worst[about] = item
        return tuple(worst.values())


def _at_each_recipient(limit: Limit) -> bool:
    return limit.per == "recipient" or limit.what == "recipients"


def _with_this(count: Count, answer: Answer) -> Answer:
    """Give an answer as it will be when the message at hand is counted: it is not in the estimate yet."""
    if not count.coming:
        return answer
    if isinstance(answer, Leave):
        return Leave(answer.used + count.coming <= count.limit.burst, answer.wait, answer.used)
    return cast("float", answer) + count.coming


def _amounts(envelope: Envelope, message: Message) -> dict[What, int]:
    size = sum(len(header.line) for header in message.headers) + len(message.body)
    return {"messages": 1, "recipients": max(1, len(envelope.recipients)), "bytes": size}


def _judged(found: Sequence[tuple[Count, Answer]], degraded: str) -> list[Evidence]:
    """Give for each kind of subject the most severe limit that is passed, or one evidence that says that none is."""
    worst: dict[str, Evidence] = {}
    for count, answer in found:
        item = _said(count, answer, degraded)
        known = worst.get(count.limit.per)
        if item and (known is None or _severity(item) > _severity(known)):
            worst[count.limit.per] = item
    if worst:
        return list(worst.values())
    if degraded:
        return [_unknown("only this worker's own count is known")]
    return [Evidence("rate", "rate.normal", detail="; ".join(dict.fromkeys(_normal(found))) + ".")]


def _severity(item: Evidence) -> tuple[int, float]:
    return _SEVERITY.index(item.code.rpartition("-")[2]), item.value


def _normal(found: Sequence[tuple[Count, Answer]]) -> Iterator[str]:
    for count, answer in found:
        used = answer.used if isinstance(answer, Leave) else cast("float", answer)
        what = count.limit.what.capitalize()
        yield f"{what} in the last {span(count.limit.window_seconds)}: {used:.0f} of {count.subject.name}"


def _said(count: Count, answer: Answer, degraded: str) -> Evidence | None:
    """Give evidence when a count is above its limit."""
    limit, subject = count.limit, count.subject
    value = 1.0
    if isinstance(answer, Leave):
        # What alone is more than the burst passes; one that scores says it all the same.
        if answer.allowed and not (limit.action == "score" and count.ask.amount > limit.burst):
            return None
        number, bound = answer.used, limit.burst
        detail = (
            f"{limit.what.capitalize()} of {subject.name} come faster than {limit.limit} per {span(limit.window_seconds)} "
            f"with {limit.burst} at once."
        )
    else:
        number, bound = cast("float", answer), limit.limit
        if number <= bound:
            return None
        if limit.action == "score":
            value = min(1.0, number / (_FULL_VALUE_AT * bound))
        detail = (
            f"{number:.0f} {limit.what} of {subject.name} in the last {span(limit.window_seconds)}, more than {bound}."
        )
    code = f"rate.{limit.per}-{_WORDS[limit.action]}"
    facts = {"rate.count": f"{number:.0f}", "rate.limit": str(bound), "rate.of": limit.what}
    return Evidence("rate", code, Status.POLICY, detail, value, facts, degraded)


def _unknown(reason: str) -> Evidence:
    detail = f"How much this sender sends could not be asked: {reason}."
    return Evidence("rate", "rate.temperror", Status.TEMPERROR, detail, degraded="state")


@lru_cache(maxsize=64)
def span(seconds: int) -> str:
    """Give a stretch of time in words: `hour`, `5 minutes`, `90 seconds`."""
    for size, word in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds % size == 0:
            return word if seconds == size else f"{seconds // size} {word}s"
    return f"{seconds} seconds"
