"""What a site has taught: the statistics of its own labels, as an adjustment of the shipped model's log-odds.

The shipped model knows mail in general; a site knows its own. What people there labelled speaks in two ways, both
computed from the labels that stand now, so that a label taken back leaves nothing behind:

*Words.* A token has a rate among the site's ham and one among its spam, and their log-ratio says for which it speaks (naive
Bayes with the model's log-odds as the prior). Each kind borrows pseudo-messages at the pooled rate, so that a kind with
few labels makes nothing look typical of the other. The sum of the strongest is damped by the message's length, capped, and
weighted by n / (n + k), where n is the harmonic mean of ham and spam labels: it starts at zero, and a site that only
ever reports spam stays there.

*Twins.* A message that is nearly the same as a labelled one, another letter of a campaign, is believed to be of its kind from
the first label on, in proportion to the resemblance. Mail that resembles nothing is not touched. The label moves the
log-odds towards what it deserves to be believed: more for spam than for ham, because phishing looks like the mail that it
imitates.

The constants were chosen on one public corpus and checked on another; docs/learning.md has the figures.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from gatepost.checks.content.counts import Change, Counted, Counts
from gatepost.checks.content.lesson import Lesson, Tokens, words_of
from gatepost.checks.content.model import Opinion, Part
from gatepost.checks.content.tokens import Features
from gatepost.checks.content.twins import Twin, Twins

HALF_WEIGHT: Final = 10.0
"""Labels of each kind at which the site's words have half their weight."""

PRIOR: Final = 0.1
"""Messages of each kind that a token is thought to have been in before it was seen."""

SEEN: Final = 2.0
"""Labelled messages that must hold a token before it has half its say: what only one message holds may be its own, and the
words of one message are not as many witnesses."""

POOLED: Final = 4.0
"""Messages that each kind borrows at the rate of all labelled mail."""

STRONGEST: Final = 150
"""Tokens of a message that speak, those with the strongest log-ratios."""

SHORTEST: Final = 30
"""Tokens below which a message is not damped less for being short."""

WORDS_CAP: Final = 12.0
"""Log-odds that the words of a site approach and never pass (a hyperbolic tangent, so that the order of messages stays)."""

LIKE: Final = 0.3
"""Resemblance from which on a labelled message begins to count as a twin."""

SAME: Final = 0.75
"""Resemblance from which on it counts in full."""

BRIEF: Final = 4.0
"""Tokens in common at which a twin has half its weight: two short messages are soon alike."""

HAM_LOGIT: Final = -2.2
SPAM_LOGIT: Final = 6.0
"""Log-odds towards which a twin's label draws: ham 10 %, spam 99.8 % likely to be unwanted, which by default is tagged. What lies beyond stays."""

LOCAL: Final = "site:"
"""How the parts begin that come from the site's own words."""

LIKENESS: Final = "site:="
"""The part that comes from labelled messages like the one at hand."""

_Floats = npt.NDArray[np.float64]


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
    """The labels of one site. Not safe between threads by itself. `weight` scales what the words may move."""

    def __init__(self, weight: float = 1.0) -> None:
        self._weight = weight
        self._labels = [0, 0]
        self._counts = Counts()
        self._twins = Twins()

    def apply(self, changes: Sequence[tuple[str, Lesson | None]]) -> None:
        """Take in labelled messages by id, a new label in place of an old one; None takes one back."""
        counted: list[Change] = []
        for name, lesson in changes:
            old = self._twins.get(name)
            if old is not None:
                self._twins.drop(name)
                counted.append(Change(old.tokens, old.unwanted, -1))
            if lesson is not None:
                self._twins.add(name, lesson)
                counted.append(Change(lesson.tokens, lesson.unwanted, 1))
        self._counts.add(counted)
        for change in counted:
            self._labels[change.unwanted] += change.sign

    def adjust(self, features: Features, opinion: Opinion, parts: int = 0) -> Adjusted:
        """Give the opinion with the site's share: as additive parts too, of which the `parts` strongest stay (negative: all)."""
        ham, spam = self._labels
        if not ham + spam or not self._weight:
            return Adjusted(opinion)
        tokens, places = words_of(features)
        if not tokens.size:
            return Adjusted(opinion)
        shares = self._words(tokens)
        before = opinion.logit + float(shares.sum())
        drawn, sure, share = _drawn(self._twins.of(tokens), before)
        logit = before + self._weight * drawn
        found = _parts(features, places, shares, parts) if parts else []
        if parts and drawn:
            found.append(Part(LIKENESS, self._weight * drawn))
        merged = sorted((*opinion.parts, *found), key=lambda part: -abs(part.points))
        adjusted = replace(
            opinion,
            logit=logit,
            probability=_probability(logit),
            phish=_phish(opinion, self._weight * sure, share),
            parts=tuple(merged if parts < 0 else merged[:parts]),
        )
        return Adjusted(adjusted, logit - opinion.logit, ham, spam, self._weight * sure)

    def _words(self, tokens: Tokens) -> _Floats:
        """Give what each token adds to the log-odds; nearly all are 0 where few labels stand."""
        ham, spam = self._labels
        if not (ham and spam):
            return np.zeros(tokens.size)
        both = 2 * ham * spam / (ham + spam)
        ratios = _log_ratios(self._counts.of(tokens), ham, spam)
        if tokens.size > STRONGEST:
            ratios[np.argsort(-np.abs(ratios), kind="stable")[STRONGEST:]] = 0.0
        ratios /= math.sqrt(max(SHORTEST, tokens.size))
        reach = float(ratios.sum()) / WORDS_CAP
        capped = math.tanh(reach) / reach if abs(reach) > 1e-6 else 1.0
        return ratios * (self._weight * both / (both + HALF_WEIGHT) * capped)


def _log_ratios(counts: Counted, ham: int, spam: int) -> _Floats:
    """Give each token's log-ratio of its rates in spam and in ham; 0 for a token that no label has seen."""
    in_ham, in_spam = counts[:, 0].astype(np.float64), counts[:, 1].astype(np.float64)
    borrowed = POOLED * (in_ham + in_spam) / (ham + spam)
    of_ham, of_spam = ham + POOLED, spam + POOLED
    prior = 2 * PRIOR / (of_ham + of_spam)
    ratios = np.log((in_spam + borrowed) / of_spam + prior) - np.log((in_ham + borrowed) / of_ham + prior)
    seen: _Floats = in_ham + in_spam
    return ratios * (seen / (seen + SEEN))


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
    brief = BRIEF if twin.alike < 1 else 1.0  # The very same words are the very same message, were they but three.
    return alike * alike * twin.common / (twin.common + brief)


def _parts(features: Features, places: npt.NDArray[np.intp], shares: _Floats, parts: int) -> list[Part]:
    """Give the shares of the site's words as parts, the strongest `parts` of them (negative: all)."""
    strongest = np.argsort(-np.abs(shares), kind="stable")
    return [
        Part(f"{LOCAL}{features.tokens[places[at]].decode('utf-8', 'replace')}", float(shares[at]))
        for at in (strongest if parts < 0 else strongest[:parts]).tolist()
        if shares[at]
    ]


def _probability(logit: float) -> float:
    """Give the probability of a log-odds; never overflows."""
    return 1 / (1 + math.exp(-logit)) if logit >= 0 else math.exp(logit) / (1 + math.exp(logit))
