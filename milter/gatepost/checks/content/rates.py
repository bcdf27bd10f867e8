"""How often a site's labels met a token in ham and in spam, and what the tokens of a message say by that.

Naive Bayes with the model's log-odds as the prior: a token has a rate among the labelled ham and one among the spam, and their
log-ratio says for which it speaks. Each kind borrows pseudo-messages at the pooled rate, so that a kind with few labels
makes nothing look typical of the other. The sum of the strongest is damped by how many tokens a message has, capped,
and weighted by n / (n + k), where n is the harmonic mean of ham and spam labels: it starts at zero, and a site that only ever
reports spam stays there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from gatepost.checks.content.counts import Change, Counted, Counts
from gatepost.checks.content.lesson import Tokens

HALF_WEIGHT: Final = 10.0
"""Labels of each kind at which the site's tokens have half their weight."""

PRIOR: Final = 0.1
"""Messages of each kind that a token is thought to have been in before it was seen."""

POOLED: Final = 4.0
"""Messages that each kind borrows at the rate of all labelled mail."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Voice:
    """How much tokens of one kind may say: the `strongest` of a message speak, those with the largest log-ratios.

    A message of less than `shortest` tokens is not damped less for being short. `cap` are the log-odds that the sum approaches
    and never passes (a hyperbolic tangent, so that the order of messages stays). `seen` is how many labelled messages must hold a
    token before it has half its say: what one message holds may be its own, and its tokens are not as many witnesses.
    """

    strongest: int
    shortest: int
    cap: float
    seen: float


class Rates:
    """Counts of tokens of one kind, as its `voice` lets them speak. Not safe between threads by itself."""

    def __init__(self, voice: Voice) -> None:
        self._voice = voice
        self._labels = [0, 0]
        self._counts = Counts()

    @property
    def labels(self) -> tuple[int, int]:
        """How many ham and unwanted messages are counted."""
        return self._labels[0], self._labels[1]

    def add(self, changes: Sequence[Change]) -> None:
        """Count labelled messages, or take them back; one without tokens is none."""
        some = [change for change in changes if change.tokens.size]
        self._counts.add(some)
        for change in some:
            self._labels[change.unwanted] += change.sign

    def shares(self, tokens: Tokens, weight: float) -> Floats:
        """Give what each token of a message adds to its log-odds, times `weight`; nearly all are 0 where few labels stand."""
        ham, spam = self._labels
        if not (ham and spam and tokens.size):
            return np.zeros(tokens.size)
        both = 2 * ham * spam / (ham + spam)
        ratios = _log_ratios(self._counts.of(tokens), ham, spam, self._voice.seen)
        if tokens.size > self._voice.strongest:
            ratios[np.argsort(-np.abs(ratios), kind="stable")[self._voice.strongest :]] = 0.0
        ratios /= math.sqrt(max(self._voice.shortest, tokens.size))
        reach = float(ratios.sum()) / self._voice.cap
        capped = math.tanh(reach) / reach if abs(reach) > 1e-6 else 1.0
        return ratios * (weight * both / (both + HALF_WEIGHT) * capped)


def _log_ratios(counts: Counted, ham: int, spam: int, half: float) -> Floats:
    """Give each token's log-ratio of its rates in spam and in ham; 0 for a token that no label has seen."""
    in_ham, in_spam = counts[:, 0].astype(np.float64), counts[:, 1].astype(np.float64)
    borrowed = POOLED * (in_ham + in_spam) / (ham + spam)
    of_ham, of_spam = ham + POOLED, spam + POOLED
    prior = 2 * PRIOR / (of_ham + of_spam)
    ratios = np.log((in_spam + borrowed) / of_spam + prior) - np.log((in_ham + borrowed) / of_ham + prior)
    seen: Floats = in_ham + in_spam
    return ratios * (seen / (seen + half))
