"""What a site has taught: the statistics of its own labels, as an adjustment of the shipped model's log-odds.

The shipped model knows mail in general; a site knows its own. What people there labelled speaks in three ways, all
computed from the labels that stand now, so that a label taken back leaves nothing behind:

*Words*, by their rates among the site's ham and spam (rates.py).

*Header fields*, likewise and beside them: who writes to the site, with which programs, on which lists (fields.py).

*Twins.* A message that is nearly the same as a labelled one, another letter of a campaign, is believed to be of its kind from
the first label on, in proportion to the resemblance. Mail that resembles nothing is not touched. The label moves the
log-odds towards what it deserves to be believed: more for spam than for ham, because phishing looks like the mail that it
imitates.

The constants were chosen on one public corpus and checked on others; docs/learning.md has the figures.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from gatepost.checks.content._loops import strongest
from gatepost.checks.content.counts import Change
from gatepost.checks.content.fields import Fields, no_fields
from gatepost.checks.content.lesson import Lesson, fields_of, words_of
from gatepost.checks.content.model import Opinion, Part, strongest_each_way, with_both
from gatepost.checks.content.rates import Floats, Rates, Voice
from gatepost.checks.content.tokens import Features
from gatepost.checks.content.twins import Twin, Twins

WORD_VOICE: Final = Voice(strongest=150, shortest=30, cap=12.0, seen=2.0)
FIELD_VOICE: Final = Voice(strongest=40, shortest=10, cap=8.0, seen=5.0)
"""Strangers share a program more often than a word, so one label of a field says less."""

LIKE: Final = 0.3
"""Resemblance from which on a labelled message begins to count as a twin."""

SAME: Final = 0.75
"""Resemblance from which on it counts in full."""

BRIEF: Final = 4.0
"""Tokens in common at which a twin has half its weight: two short messages are soon alike."""

_FEWEST: Final = 3

HAM_LOGIT: Final = -2.2
SPAM_LOGIT: Final = 6.0
"""Log-odds towards which a twin's label draws: ham 10 %, spam 99.8 % likely to be unwanted, which by default is tagged. What lies beyond stays."""

LOCAL: Final = "site:"
"""How the parts begin that come from the site's own words."""

LIKENESS: Final = "site:="
"""The part that comes from labelled messages like the one at hand."""


@dataclass(frozen=True, slots=True)
class Adjusted:
    """An opinion after the site had its say: by how much its log-odds `moved`, and the labels `ham` and `spam` behind it.

    `reported` says how sure the labels of messages like it are that it is unwanted, from 0 to 1; an opinion that was as far
    on that side already is not moved by them.
    """

    opinion: Opinion
    moved: float = 0.0
    ham: int = 0
    spam: int = 0
    reported: float = 0.0


class SiteMemory:
    """The labels of one site. Not safe between threads by itself. `weight` scales what they may move."""

    def __init__(self, weight: float = 1.0) -> None:
        self._weight = weight
        self._words = Rates(WORD_VOICE)
        self._fields = Rates(FIELD_VOICE)
        self._twins = Twins()

    def apply(self, changes: Sequence[tuple[str, Lesson | None]]) -> None:
        """Take in labelled messages by id, a new label in place of an old one; None takes one back."""
        told: list[tuple[Lesson, int]] = []
        for name, lesson in changes:
            old = self._twins.get(name)
            if old is not None:
                self._twins.drop(name)
                told.append((old, -1))
            if lesson is not None:
                self._twins.add(name, lesson)
                told.append((lesson, 1))
        self._words.add([Change(lesson.tokens, lesson.unwanted, sign) for lesson, sign in told])
        self._fields.add([Change(lesson.fields, lesson.unwanted, sign) for lesson, sign in told])

    def adjust(
        self,
        features: Features,
        opinion: Opinion,
        parts: int = 0,
        fields: Callable[[], Fields] = no_fields,
        each_way: int = 0,
    ) -> Adjusted:
        """Give the opinion with the site's share: as additive parts too, of which the `parts` strongest stay (negative: all).

        Where fewer than `each_way` of them are of one direction, the next of it stay as well, as in the opinion given.
        `fields` is asked for the message's header fields where there are labels.
        """
        ham, spam = self._words.labels
        if not ham + spam or not self._weight:
            return Adjusted(opinion)
        tokens, places = words_of(features)
        if not tokens.size:
            return Adjusted(opinion)
        named = fields()
        hashes, order = fields_of(named)
        said = self._words.shares(tokens, self._weight)
        besides = self._fields.shares(hashes, self._weight)
        before = opinion.logit + float(said.sum()) + float(besides.sum())
        drawn, sure, share = _drawn(self._twins.of(tokens), before)
        logit = before + self._weight * drawn
        found: list[Part] = []
        if parts:
            found = [
                *_parts(features.name, places, said, parts, each_way),
                *_parts(
                    lambda which: [named[at].decode("utf-8", "replace") for at in which],
                    order,
                    besides,
                    parts,
                    each_way,
                ),
            ]
        if parts and drawn:
            found.append(Part(LIKENESS, self._weight * drawn))
        merged = sorted((*opinion.parts, *found), key=lambda part: -abs(part.points))
        adjusted = replace(
            opinion,
            logit=logit,
            probability=_probability(logit),
            phish=_phish(opinion, self._weight * sure, share),
            parts=tuple(merged) if parts < 0 else with_both(merged[:parts], merged[parts:], each_way),
        )
        return Adjusted(adjusted, logit - opinion.logit, ham, spam, self._weight * sure)


def _drawn(twins: Sequence[Twin], logit: float) -> tuple[float, float, float]:
    """Give by how much twins draw the log-odds, how sure they are, and the share of phish among them if they are unwanted."""
    votes = [(_strength(twin), twin.label) for twin in twins]
    ham = sum(strength for strength, label in votes if label == "ham")
    spam = sum(strength for strength, label in votes if label != "ham")
    if not ham + spam:
        return 0.0, 0.0, 0.0
    sure = max(strength for strength, _ in votes) * abs(spam - ham) / (spam + ham)
    if ham >= spam:
        return sure * (min(logit, HAM_LOGIT) - logit), 0.0, 0.0
    phish = sum(strength for strength, label in votes if label == "phish")
    return sure * (max(logit, SPAM_LOGIT) - logit), sure, phish / spam


def _phish(opinion: Opinion, sure: float, share: float) -> float:
    """Give the probability of phish among unwanted mail, where twins are `sure` to be unwanted and a `share` of them phish.

    People report phish as spam too, so the model keeps its opinion there; but not on a message that it took for wanted.
    """
    kept = opinion.phish if opinion.logit > 0 else 0.0
    return (1 - sure) * opinion.phish + sure * (share + (1 - share) * kept)


def _strength(twin: Twin) -> float:
    """Give what a twin's label is worth, in [0, 1): by the resemblance, and by how much there is that could be alike."""
    alike = min(1.0, max(0.0, (twin.alike - LIKE) / (SAME - LIKE)))
    # The very same words are the very same message, were they but three; fewer are what a picture from some provider has.
    brief = 1.0 if twin.alike == 1 and twin.common >= _FEWEST else BRIEF
    return alike * alike * twin.common / (twin.common + brief)


def _parts(
    name: Callable[[Sequence[int]], list[str]], places: npt.NDArray[np.intp], shares: Floats, parts: int, each_way: int
) -> list[Part]:
    """Give the shares of tokens as parts, the strongest `parts` of them (negative: all) and `each_way` of either direction.

    Share n is of the token `places[n]`.
    """
    strong = strongest(shares, len(shares) if parts < 0 else parts)
    if len(strong) == parts:
        strong += [place for place in strongest_each_way(shares, each_way) if place not in strong]
    named = name(places[strong].tolist())
    return [Part(f"{LOCAL}{token}", points) for token, points in zip(named, shares[strong].tolist(), strict=True)]


def _probability(logit: float) -> float:
    """Give the probability of a log-odds; never overflows."""
    return 1 / (1 + math.exp(-logit)) if logit >= 0 else math.exp(logit) / (1 + math.exp(logit))
