"""What a check found out: a closed code for machines, a sentence for people, facts, and no opinion on what to do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Status(StrEnum):
    """The result words of RFC 8601 2.7, shared by every check.

    `temperror` is trouble that may pass (a server did not answer); `permerror` is input that cannot be judged as it is.
    """

    PASS = "pass"
    FAIL = "fail"
    SOFTFAIL = "softfail"
    NEUTRAL = "neutral"
    NONE = "none"
    POLICY = "policy"
    TEMPERROR = "temperror"
    PERMERROR = "permerror"


@dataclass(frozen=True, slots=True)
class Evidence:
    """One finding of one check.

    `code` (`spf.fail`) is the key that weights, metrics, headers and docs share. `detail` is a sentence for people; it may
    quote hostile input and is sanitised where it is shown. `value` scales the weight of a graded finding (1.0 when the
    finding is simply there). `facts` hold RFC 8601 properties (`header.d`) and plain words for machines.
    `degraded` names the dependency (`dns`, `state`, `virus`, `model`) that did not answer, or is "".
    """

    check: str
    code: str
    status: Status = Status.NONE
    detail: str = ""
    value: float = 1.0
    facts: Mapping[str, str] = field(default_factory=dict)
    degraded: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """The evidence reported so far about one message, in the order it was found."""

    items: tuple[Evidence, ...] = ()

    def of(self, check: str) -> tuple[Evidence, ...]:
        """Give the evidence of one check, by its name."""
        return tuple(item for item in self.items if item.check == check)

    def code(self, code: str) -> Evidence | None:
        """Give the first evidence with a code, or None."""
        return next((item for item in self.items if item.code == code), None)

    def plus(self, more: Iterable[Evidence]) -> Found:
        """Give a new Found with more evidence at its end."""
        return Found((*self.items, *more))
