"""The error budget: how much wanted mail the classifier may mark, and the score from which on it marks so that it keeps to it.

A model carries the tails of its scores: the highest log-odds that it gave to ham of sources it had not seen, and quantiles
of those it gave to unwanted mail. A site says what share of its ham may be marked, and the threshold follows: the lowest
at which the true share, and not only the one that was seen, is with 95 % confidence no greater than that.

The confidence is exact and needs no shape of the scores. If k is the greatest number of errors among n ham whose upper
bound by Clopper and Pearson (1934) stays within the rate, then the share of ham above the (k+1)-th highest score exceeds
the rate in at most 5 % of all samples of n (a tolerance limit: Wilks 1941). Few ham show little: none wrong among 300
still allows one in a hundred, and then the threshold goes just above the highest ham that was seen, and says so.

What no bound can say is whether a site's ham is like that of the held-out sources. Pure: no files, no clock. Importing scipy
would cost every worker its start, so the bound is computed here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from gatepost.checks.content.model import ModelError

CONFIDENCE: Final = 0.95
"""How sure the upper bound is, one-sided."""

FALLBACK_LOGIT: Final = math.log(99)
"""From where on a model without tails marks: a probability of 99 %."""

_LOGIT_MOST: Final = 1e6
_MAIL_MOST: Final = 10**9
_KINDS_MOST: Final = 1000
_NAME_MOST: Final = 200
# From here on the probability is 1 as a double: where `spam_from = 1` begins.
_SURE_LOGIT: Final = 54 * math.log(2)
_HALVINGS: Final = 60


@dataclass(frozen=True, slots=True)
class Tail:
    """Held-out mail of one kind: how many messages, and the logits of them that are known.

    Of ham the highest, descending; of unwanted mail evenly spaced quantiles, ascending.
    """

    messages: int
    logits: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """A threshold and what the held-out mail says of it.

    From the log-odds `logit` on (`probability` is the same) `wrong` of `ham` messages would have been marked; with
    CONFIDENCE the true share is at most `bound`. `shown` is false where the ham is too few to show the rate asked for: then
    `bound` says what can be shown. `marked` is the share of ham, `caught` that of unwanted mail from there on, by kind;
    `worst_kind` is the kind of ham with the greatest share. Shares lie in [0, 1].
    """

    rate: float
    logit: float
    probability: float
    ham: int
    wrong: int
    bound: float
    shown: bool
    worst_kind: str
    worst_share: float
    marked: Mapping[str, float]
    caught: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Budget:
    """The tails of a model: `tails` of ham and `caught` of unwanted mail, by kind; at least one ham message."""

    tails: Mapping[str, Tail]
    caught: Mapping[str, Tail]

    @property
    def ham(self) -> int:
        """The number of ham messages held out, of all kinds."""
        return sum(tail.messages for tail in self.tails.values())


def parse(meta: Mapping[str, Any], where: str) -> Budget | None:
    """Read `tails` and `caught` of a model's features.json; None where the model has none.

    Raises ModelError, one line that begins with `where`, for what is there and is not as it must be.
    """
    if "tails" not in meta:
        return None
    try:
        tails = _tails(meta["tails"], "ham", descending=True)
        caught = _tails(meta.get("caught", {}), "unwanted", descending=False)
    except (LookupError, TypeError, ValueError, OverflowError) as error:
        raise ModelError(f"{where}: the tails in features.json cannot be used ({error})".replace("\n", " ")) from None
    if not tails:
        raise ModelError(f"{where}: the tails in features.json hold no ham")
    return Budget(tails, caught)


def _tails(found: Any, count: str, *, descending: bool) -> dict[str, Tail]:
    """Read one side; kinds without a message are left out. Raises ValueError and its like."""
    if not isinstance(found, Mapping) or len(found) > _KINDS_MOST:
        raise ValueError(f"no object of at most {_KINDS_MOST} kinds")
    tails = {}
    for name, entry in found.items():
        if not (isinstance(name, str) and name.isprintable() and 0 < len(name) <= _NAME_MOST):
            raise ValueError("a kind without a readable name")
        messages, logits = entry[count], entry["logits"]
        if type(messages) is not int or not 0 <= messages <= _MAIL_MOST:
            raise ValueError(f"{name}: {count} is no number of messages")
        if not isinstance(logits, list) or not min(messages, 1) <= len(logits) <= messages:
            raise ValueError(f"{name}: not as many logits as there may be")
        if not all(type(each) in (int, float) and abs(each) <= _LOGIT_MOST for each in logits):
            raise ValueError(f"{name}: a logit is no number")
        if logits != sorted(logits, reverse=descending):
            raise ValueError(f"{name}: logits out of order")
        if messages:
            tails[name] = Tail(messages, tuple(map(float, logits)))
    return tails


def choose(budget: Budget, rate: float, confidence: float = CONFIDENCE) -> Choice:
    """Choose the lowest threshold whose upper bound on the share of ham marked is at most `rate`, each message alike.

    The threshold never lies where the tails do not reach, so a generous rate may not be used up. A smaller rate never
    gives a lower threshold.
    """
    highest = sorted((logit for tail in budget.tails.values() for logit in tail.logits), reverse=True)
    allowed = allowed_errors(budget.ham, rate, confidence, len(highest) - 1)
    # Below the last known logit of a tail that was cut there may be more ham than is known.
    blind = [tail.logits[-1] for tail in budget.tails.values() if len(tail.logits) < tail.messages]
    below = max([highest[max(allowed, 0)], *blind])
    return _choice(budget, rate, math.nextafter(below, math.inf), confidence)


def _choice(budget: Budget, rate: float, logit: float, confidence: float) -> Choice:
    """Say what the held-out mail says of a threshold."""
    wrong = {kind: sum(each >= logit for each in tail.logits) for kind, tail in budget.tails.items()}
    marked = {kind: wrong[kind] / tail.messages for kind, tail in budget.tails.items()}
    worst = max(marked, key=lambda kind: (marked[kind], kind))
    bound = upper_bound(sum(wrong.values()), budget.ham, confidence)
    return Choice(
        rate=rate,
        logit=logit,
        probability=probability_of(logit),
        ham=budget.ham,
        wrong=sum(wrong.values()),
        bound=bound,
        shown=bound <= rate,
        worst_kind=worst,
        worst_share=marked[worst],
        marked=marked,
        caught={
            kind: sum(each >= logit for each in tail.logits) / len(tail.logits) for kind, tail in budget.caught.items()
        },
    )


def allowed_errors(messages: int, rate: float, confidence: float = CONFIDENCE, most: int = 1_000_000) -> int:
    """Give the most errors, `most` or fewer, among so many messages whose upper bound is at most `rate`.

    -1 where not even no error shows it.
    """
    low, high = -1, min(int(rate * messages), most)  # The bound is never below the share that was seen.
    while low < high:
        middle = (low + high + 1) // 2
        if upper_bound(middle, messages, confidence) <= rate:
            low = middle
        else:
            high = middle - 1
    return low


def upper_bound(hits: int, messages: int, confidence: float = CONFIDENCE) -> float:
    """Give the upper confidence bound, one-sided, of a rate seen as `hits` of `messages` (Clopper and Pearson 1934).

    It is the rate at which so few hits, or fewer, would be seen with a probability of just 1 - confidence, to nine digits
    or more; 1 where there is no message or every one was hit. Takes time and memory by the number of hits.
    """
    if hits >= messages:
        return 1.0
    ordered = np.arange(1, hits + 1)
    # log of C(n, i) as a sum: each binomial coefficient from the one before.
    ways = np.concatenate(([0.0], np.cumsum(np.log((messages - ordered + 1) / ordered))))
    places = np.arange(hits + 1)
    target, low, high = math.log(1 - confidence), hits / messages, 1.0
    for _ in range(_HALVINGS):
        rate = (low + high) / 2
        if not low < rate < high:
            break
        logs = ways + places * math.log(rate) + (messages - places) * math.log1p(-rate)
        most = float(logs.max())
        tail = most + math.log(float(np.exp(logs - most).sum()))
        low, high = (rate, high) if tail > target else (low, rate)
    return high


def probability_of(logit: float) -> float:
    """Give the probability of a log-odds; never overflows."""
    return 1 / (1 + math.exp(-logit)) if logit >= 0 else math.exp(logit) / (1 + math.exp(logit))


def logit_of(probability: float) -> float:
    """Give log-odds, the first but for rounding, whose probability is no less than this one, in [0.5, 1]; finite for 1, too."""
    if probability >= 1:
        return _SURE_LOGIT
    logit = math.log(probability / (1 - probability))
    step = math.ulp(max(logit, 1.0))
    while probability_of(logit) < probability:
        logit += step
        step *= 2
    return logit


@dataclass(frozen=True, slots=True)
class Mark:
    """From which log-odds on content alone marks a message, and the choice that led there (None: the model has no tails)."""

    logit: float
    choice: Choice | None

    def said(self, rate: float) -> str:
        """Say it to the administrator who asked for `rate`, in one line."""
        start = f"marks from p={spoken(probability_of(self.logit))} on"
        if self.choice is None:
            return f"{start}: the model does not say what that costs in ham, so max_false_positive_rate has no effect"
        seen = f"({self.choice.wrong:,} of {self.choice.ham:,})"
        few = "" if self.choice.shown else f"; its held-out ham is too few to show {percent(rate)}"
        # The bound, not the rate: where the tails end or `spam_from` is higher, less is marked than was asked for.
        return f"{start}: at most {percent(self.choice.bound)} of ham by the model's held-out mail {seen}{few}"


def settle(budget: Budget | None, rate: float, spam_from: float) -> Mark:
    """Say from where on content alone marks: where the budget allows it, but never what is not called spam."""
    if budget is None:
        return Mark(max(FALLBACK_LOGIT, logit_of(spam_from)), None)
    choice = choose_called(budget, rate, spam_from)
    return Mark(choice.logit, choice)


def choose_called(budget: Budget, rate: float, spam_from: float) -> Choice:
    """Choose as choose() does, but no lower than what is called spam, from the probability `spam_from` on."""
    choice, called = choose(budget, rate), logit_of(spam_from)
    return choice if choice.logit >= called else _choice(budget, rate, called, CONFIDENCE)


def spoken(probability: float) -> str:
    """Give a probability in as many decimals, at least four, as tell it from 1."""
    rest = 1 - probability
    return f"{probability:.{max(4, math.ceil(-math.log10(rest)) + 1) if rest > 0 else 4}f}"


def percent(share: float) -> str:
    """Give a share as per cent in two digits: `0.1 %`, `0.025 %`."""
    return f"{100 * share:.2g} %" if share < 0.995 else "100 %"
