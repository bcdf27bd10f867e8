"""The site's policy: thresholds, weights and forced actions. A value, built once from config, never changed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Self

from pydantic import BaseModel, Field, model_validator

from gatepost.decision.weights import WEIGHTS
from gatepost.mail.envelope import Direction


class Action(StrEnum):
    """What one evidence code asks for, whatever the score says; the most severe one wins (listed mildest first)."""

    ACCEPT = "accept"
    QUARANTINE = "quarantine"
    DEFER = "defer"
    REJECT = "reject"


SEVERITY: Final[Mapping[Action, int]] = {action: rank for rank, action in enumerate(Action)}


class Thresholds(BaseModel, frozen=True, extra="forbid"):
    """[thresholds]: the scores at which something happens to a message."""

    tag: float = Field(
        default=5.0,
        ge=0.1,
        le=1000,
        description="From this score on mail is marked as spam in its headers and delivered.",
    )
    quarantine: float = Field(
        default=10.0, ge=0.1, le=1000, description="From this score on mail is held for a person to look at."
    )
    reject: float = Field(
        default=15.0, ge=0.1, le=1000, description="From this score on mail is refused while the sender waits."
    )
    greylist: float = Field(
        default=3.0,
        ge=-1000,
        le=1000,
        description="From this score on a first contact is put off, where greylisting is on ([greylist] enabled).",
    )

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        if not self.tag <= self.quarantine <= self.reject:
            given = f"tag = {self.tag:g}, quarantine = {self.quarantine:g}, reject = {self.reject:g}"
            raise ValueError(f"{given}: they must ascend, tag <= quarantine <= reject")
        return self


NO_ANSWER: Final = ("virus.unreachable", "virus.reloading", "virus.timeout")
"""Evidence that the virus scanner gave no answer. What a site says of `virus.error` holds for these, too, unless it names them."""

UNSCANNED: Final = (*NO_ANSWER, "virus.error", "virus.limit")
"""Evidence that a message was not scanned for viruses though it should have been."""

_RATES: Final[Mapping[str, Action]] = {
    f"rate.{per}-{word}": action
    for per in ("client", "network", "sender", "login", "recipient")
    for word, action in (("exceeded", Action.DEFER), ("refused", Action.REJECT))
}

DOUBTED: Final = frozenset({"greylist.first", "greylist.early"})
"""Codes that force their action on doubtful mail alone: from the score [thresholds] greylist on."""


class Actions(BaseModel, frozen=True, extra="forbid"):
    """[actions]: evidence codes that force an outcome, apart from the score."""

    inbound: Mapping[str, Action] = Field(
        default={
            "virus.infected": Action.REJECT,
            **dict.fromkeys(UNSCANNED, Action.ACCEPT),
            "attachment.hold": Action.QUARANTINE,
            "attachment.reject": Action.REJECT,
            "mime.ambiguous": Action.QUARANTINE,
            "dmarc.reject": Action.QUARANTINE,
            **_RATES,
            "greylist.first": Action.DEFER,
            "greylist.early": Action.DEFER,
        },
        description="Outcome that an evidence code forces on mail from outside; yours are merged over these.",
    )
    outbound: Mapping[str, Action] = Field(
        default={
            "virus.infected": Action.REJECT,
            **dict.fromkeys(UNSCANNED, Action.DEFER),
            "attachment.hold": Action.QUARANTINE,
            "attachment.reject": Action.REJECT,
            **_RATES,
        },
        description="The same for mail from authenticated users and own networks.",
    )

    @model_validator(mode="before")
    @classmethod
    def _merge(cls, given: object) -> object:
        """Lay the administrator's entries over the defaults, so that naming one code does not drop the others.

        A site that defers mail on `virus.error` means any scanner that does not scan: the kinds without an answer follow.
        """
        if not isinstance(given, Mapping):
            return given
        merged = dict(given)
        for name in ("inbound", "outbound"):
            said = merged.get(name)
            if isinstance(said, Mapping):
                action = said.get("virus.error")
                follows = dict.fromkeys(NO_ANSWER, action) if action in tuple(Action) else {}
                merged[name] = {**cls.model_fields[name].default, **follows, **said}
        return merged


# Honest mail fails, too: a list changes what was signed, a forwarder is not in the author's SPF record. What proves such a
# journey takes the points and the forced outcome from the failures that the journey explains, and from no others. A list
# does not excuse `dmarc.fail` itself, because a forger may run one; whoever authenticated the author in our place does.
EXCUSES: Final[Mapping[str, tuple[str, ...]]] = {
    "dmarc.reject": ("arc.trusted", "upstream.vouched", "forward.known", "forward.list", "upstream.silent"),
    "dmarc.quarantine": ("arc.trusted", "upstream.vouched", "forward.known", "forward.list", "upstream.silent"),
    "dmarc.fail": ("arc.trusted", "upstream.vouched"),
    "spf.fail": ("arc.trusted", "forward.known"),
    "spf.softfail": ("arc.trusted", "forward.known"),
    "dkim.fail": ("arc.trusted", "upstream.vouched", "forward.list"),
    "bulk.closed": ("arc.trusted", "upstream.vouched", "forward.known"),
    # Wanted and unwanted bulk mail use the same words. `content.phish` stays: what deceives is no matter of taste, and a
    # mailing service whose customer was broken into sends phish as openly as it sends everything.
    "content.spam": ("bulk.open",),
    "attached.spam": ("bulk.open",),
}
"""Which evidence excuses which failure: code to the codes that excuse it, the strongest first."""

BULK: Final = frozenset({"bulk.open", "bulk.unwanted"})
"""Evidence that a message is bulk mail, sent as such: below the mark that is its label."""

# What DNS does not say now may be an excuse in an hour.
OPEN: Final[Mapping[str, tuple[str, ...]]] = {
    "arc.unsure": ("arc.trusted",),
    "forward.temperror": ("forward.list", "forward.known"),
    "bulk.unsure": ("bulk.open",),
}
"""Temporary trouble, and the excuses that it leaves open: until it passes a failure that they excuse is not refused for good."""


@dataclass(frozen=True, slots=True)
class Policy:
    """All that `decide()` needs to know about the site."""

    thresholds: Thresholds = field(default_factory=Thresholds)
    actions: Actions = field(default_factory=Actions)
    weights: Mapping[str, float] = field(default_factory=lambda: WEIGHTS)
    excuses: Mapping[str, Sequence[str]] = field(default_factory=lambda: EXCUSES)

    def action(self, code: str, direction: Direction) -> Action:
        """Give the action a code forces for mail going this way; ACCEPT when it forces nothing."""
        table = self.actions.inbound if direction is Direction.INBOUND else self.actions.outbound
        return table.get(code, Action.ACCEPT)

    def excuse(self, code: str, there: Collection[str]) -> str:
        """Give the code among those that are `there` which excuses a code, or ""."""
        return next((each for each in self.excuses.get(code, ()) if each in there), "")

    def open(self, code: str, there: Collection[str]) -> bool:
        """Say whether a code may still be excused once the temporary trouble among those that are `there` has passed."""
        return any(each in self.excuses.get(code, ()) for trouble in OPEN if trouble in there for each in OPEN[trouble])
