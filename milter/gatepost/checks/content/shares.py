"""What each token has in an opinion, in numbers that add up as they are printed.

An opinion is a sum: what is believed before a word is read, and a share for each token, in log-odds. Only the strongest
tokens are named, in both directions; what all others add is one number, the rest. Every number is rounded to hundredths by
the method of largest remainders, so that base, named shares and rest are the logit to the last digit. The evidence keeps
them as facts, bounded, and `read` gives them back from any record.

`points` translates them: the classifier's points are shared out in proportion, in hundredths that sum to the points.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import floor
from typing import Final, NamedTuple

from gatepost.checks.content.model import Opinion, Part
from gatepost.mail import limits

WEIGHED: Final = 24
"""Strongest tokens of a message among which the ones to name are looked for; of a direction that has few there, further ones."""

_NAMED: Final = 12
EACH_WAY: Final = 3
"""Tokens named of each direction, where there are as many, before strength alone decides."""

_LEAST: Final = 0.01
"""Log-odds of what is named at least."""

_TOKEN_CHARACTERS: Final = 60
_AROUND: Final = 11
"""Characters around a token in the fact: a space, a sign, brackets, and a share of up to 9999.99."""
_PLAIN: Final = re.compile(r"[!-^`-~]{1,30}(?: [!-^`-~]{1,29})?")  # ASCII without `_`: nearly all tokens
_NAMED_SHARE: Final = re.compile(r"([+-])(\S{1,200})\((\d{1,6})\.(\d\d)\)")
_NUMBER: Final = re.compile(r"([+-]?)(\d{1,6})\.(\d\d)")


class Share(NamedTuple):
    """What one token adds to the log-odds of being unwanted, in hundredths."""

    token: str
    hundredths: int


@dataclass(frozen=True, slots=True)
class Shares:
    """An opinion as a sum, in hundredths of log-odds: `base`, the named `parts` (strongest first) and the `rest` are `logit`."""

    base: int
    parts: tuple[Share, ...]
    rest: int

    @property
    def logit(self) -> int:
        """The sum of all, in hundredths: the log-odds of being unwanted."""
        return self.base + sum(part.hundredths for part in self.parts) + self.rest


def shares(opinion: Opinion) -> Shares:
    """Give the shares of an opinion that brings its WEIGHED strongest parts, EACH_WAY at least in each direction; the named ones fit a fact of a record."""
    named = _named(opinion.parts)
    rest = opinion.logit - opinion.base - sum(points for _, points in named)
    values = [100 * opinion.base, *[100 * points for _, points in named], 100 * rest]
    base, *each, others = apportion(values, round(100 * opinion.logit))
    # A share that rounds to nothing would be a line that says nothing.
    parts = [Share(token, share) for (token, _), share in zip(named, each, strict=True) if share]
    parts.sort(key=lambda part: -abs(part.hundredths))
    return Shares(base, tuple(parts), others)


def _named(parts: Sequence[Part]) -> list[tuple[str, float]]:
    """Choose the tokens to name, with their points: the strongest few of each direction, then by strength, as the fact has room.

    Takes parts sorted by size.
    """
    up: list[Part] = []
    down: list[Part] = []
    rest: list[Part] = []
    for part in parts:
        if part.points >= _LEAST:
            (up if len(up) < EACH_WAY else rest).append(part)
        elif part.points <= -_LEAST:
            (down if len(down) < EACH_WAY else rest).append(part)
    chosen: list[tuple[str, float]] = []
    room = limits.DETAIL_CHARACTERS
    for given, points in (*up, *down, *rest):
        token = _bare(given)
        size = len(token) + _AROUND
        if size <= room:
            chosen.append((token, points))
            room -= size
        if len(chosen) == _NAMED:
            break
    return chosen


def _bare(token: str) -> str:
    """Give a token as one short printable piece whose words are joined by single spaces; `_` is theirs in a fact."""
    if _PLAIN.fullmatch(token):
        return token
    bare = " ".join(token[: 2 * _TOKEN_CHARACTERS].replace("_", " ").split())[:_TOKEN_CHARACTERS].rstrip()
    if not bare.isprintable():
        bare = "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in bare)
    return bare or "?"


def _written(token: str, hundredths: int) -> str:
    return f"{'+' if hundredths >= 0 else '-'}{token.replace(' ', '_')}({decimal(abs(hundredths))})"


def decimal(hundredths: int, sign: str = "") -> str:
    """Write hundredths as a decimal, exactly: -136 is -1.36; `sign` "+" writes the sign of what is not negative, too."""
    whole, rest = divmod(abs(hundredths), 100)
    return f"{'-' if hundredths < 0 else sign}{whole}.{rest:02}"


def apportion(values: Sequence[float], total: int) -> list[int]:
    """Round values to whole numbers that sum to `total`, which their own sum is within one of: by largest remainders."""
    floors = [floor(value) for value in values]
    missing = total - sum(floors)
    if not missing:
        return floors
    by_remainder = sorted(range(len(values)), key=lambda at: floors[at] - values[at], reverse=missing < 0)
    for turn in range(abs(missing)):
        floors[by_remainder[turn % len(values)]] += 1 if missing > 0 else -1
    return floors


def facts(told: Shares) -> dict[str, str]:
    """Give the shares as facts of evidence: `logit`, `base`, `rest`, and `tokens`: `+cheap_pills(0.80) -=quoting(0.31)`."""
    return {
        "logit": decimal(told.logit, "+"),
        "base": decimal(told.base, "+"),
        "rest": decimal(told.rest, "+"),
        "tokens": " ".join(_written(part.token, part.hundredths) for part in told.parts),
    }


def read(found: Mapping[str, str]) -> Shares | None:
    """Read shares back from facts; None where there are none. What was cut from `tokens` counts to the rest."""
    logit, base = (_hundredths(found.get(name, "")) for name in ("logit", "base"))
    if logit is None or base is None:
        return None
    parts = tuple(
        Share(match[2].replace("_", " "), (-1 if match[1] == "-" else 1) * (100 * int(match[3]) + int(match[4])))
        for match in map(_NAMED_SHARE.fullmatch, found.get("tokens", "")[: limits.DETAIL_CHARACTERS].split(" "))
        if match
    )
    return Shares(base, parts, logit - base - sum(part.hundredths for part in parts))


def _hundredths(text: str) -> int | None:
    match = _NUMBER.fullmatch(text)
    return (-1 if match[1] == "-" else 1) * (100 * int(match[2]) + int(match[3])) if match else None


def points(told: Shares, given: float) -> list[int]:
    """Share points out over base, parts and rest, in proportion: hundredths of a point that sum to `given` exactly.

    Where the shares cancel each other out there is no proportion, and all belongs to the base.
    """
    total = round(100 * given)
    whole = (told.base, *(part.hundredths for part in told.parts), told.rest)
    if not told.logit:
        return [total, *(0 for _ in whole[1:])]
    # Whole numbers first: a product of two is exact, where a rounded ratio would drift.
    return apportion([share * total / told.logit for share in whole], total)
