"""The content check: what the learned model makes of a message's words, as evidence.

The model's probability that people do not want the message becomes one of five findings, with a dead band between spam
and ham where it says that it does not know; what is not spam and has the form of commercial bulk mail is called that. `Evidence.value` grows with the certainty (in log-odds, where evidence adds
up), from 0 at even odds to 1 for a message beyond doubt. For spam and phish two lines meet at the log-odds from which on the
site's error budget lets content alone mark a message (budget.py): there the value is the share of the weight that marks.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from gatepost.checks.content import shares
from gatepost.checks.content.budget import FALLBACK_LOGIT
from gatepost.checks.content.deceit import signs_of_deceit
from gatepost.checks.content.fields import Fields, field_tokens, no_fields
from gatepost.checks.content.follow import SiteLayer
from gatepost.checks.content.model import Model, Opinion
from gatepost.checks.content.shadow import Shadow
from gatepost.checks.content.shares import EACH_WAY, WEIGHED, Shares
from gatepost.checks.content.site import Adjusted
from gatepost.checks.content.speak import reasons, sentence
from gatepost.checks.content.tokens import Features, extract
from gatepost.checks.content.watch import Watch
from gatepost.evidence import Evidence, Found, Status
from gatepost.mail.envelope import Direction, Envelope
from gatepost.mail.message import Message

CODES: Final[Mapping[str, str]] = {
    "content.spam": "The learned classifier takes the text for spam",
    "content.phish": "The learned classifier takes the text for phishing",
    "content.ham": "The learned classifier takes the text for wanted mail",
    "content.unsure": "The learned classifier is not sure about the text",
    "content.none": "There is no text to classify",
    "content.limit": "A limit kept part of the message from being read by the classifier",
    "content.bulk": "The learned classifier takes the text for wanted mail in the form of commercial bulk mail",
}

CERTAIN_LOGIT: Final = math.log(999)
"""The log-odds of 99.9 % for ham, where its `value` reaches 1."""

MARKED: Final[Mapping[str, float]] = {"spam": 5 / 7.5, "phish": 5 / 8.5}
"""The `value` with which content alone marks: what the tag threshold is of the built-in weight (decision/weights.py, a test
compares). Both kinds mark at the same log-odds, because the budget is about ham, whatever it is mistaken for."""

BEYOND: Final = math.log(10)
"""Log-odds past the mark at which `value` reaches 1: ten times the odds."""

_SHORT: Final = 0.98
"""The share of MARKED that a message below the mark has at most: 4.9 points where 5 mark, as points are rounded to tenths."""

_REASONS: Final = 4
_COUNTER_REASONS: Final = 3


@dataclass(frozen=True, slots=True)
class ContentCheck:
    """Scores the text of a message with a loaded model; holds nothing that changes, so threads and forks share it.

    From `spam_from` (a probability of being unwanted) on a message is called spam or phish, up to `ham_to` ham. From the
    log-odds `mark_logit` on, which is never below `spam_from`, that alone marks it under the built-in weights. `shadow` is
    a second model whose opinion is only written down; `watch` counts what strangers' mail looks like; both are about the
    model, not about what the `site` taught on top of it.
    """

    model: Model
    spam_from: float
    ham_to: float
    shadow: Shadow | None = None
    watch: Watch | None = None
    site: SiteLayer | None = None
    mark_logit: float = FALLBACK_LOGIT

    @property
    def name(self) -> str:
        """The check's name, `content`."""
        return "content"

    @property
    def codes(self) -> Mapping[str, str]:
        """Each code with its meaning."""
        return CODES

    @property
    def after(self) -> frozenset[str]:
        """Nothing: the text is judged by itself."""
        return frozenset()

    def run(self, envelope: Envelope, message: Message, found: Found) -> Sequence[Evidence]:  # noqa: ARG002
        """Give one finding about the text, and `content.limit` where a limit left something unread; never raises."""
        features = extract(message)
        message.show(features.shown)
        # Own users' mail is none that the model learned from: it would hide what strangers send.
        watch = self.watch if envelope.direction is Direction.INBOUND and not envelope.client.login else None
        items = [self.finding(features, watch, partial(field_tokens, message))]
        if features.unread:
            reasons = ", ".join(sorted(features.unread))
            items.append(
                Evidence(
                    "content",
                    "content.limit",
                    Status.NEUTRAL,
                    f"Part of the message was not read ({reasons}).",
                    facts={"limits": reasons},
                )
            )
        return items

    def finding(self, features: Features, watch: Watch | None, fields: Callable[[], Fields] = no_fields) -> Evidence:
        """Turn the model's opinion of features into evidence; `watch` counts it, a site's labels also know its `fields`."""
        if not features.readable:
            if watch:
                watch.count(features, None, "none")
            return Evidence(
                "content",
                "content.none",
                Status.NONE,
                "The message has no text to classify.",
                facts={"model": self.model.version},
            )
        plain = self.model.judge(features, WEIGHED, EACH_WAY)
        taught = self.site.adjust(features, plain, WEIGHED, fields, EACH_WAY) if self.site else Adjusted(plain)
        opinion = taught.opinion
        word, status = self._word(opinion)
        told = shares.shares(opinion)
        facts = {
            "probability": f"{opinion.probability:.4f}",
            "class": self._label(opinion),
            "phish": f"{opinion.phish:.4f}",
            "bulk": f"{opinion.bulk:.4f}",
            "model": self.model.version,
            **shares.facts(told),
        }
        if abs(taught.moved) >= 0.005:
            facts["site"] = f"{taught.moved:+.2f} (local labels: {taught.spam} spam, {taught.ham} ham)"
        if taught.reported >= 0.005:
            facts["reported"] = f"{taught.reported:.2f}"
        if opinion.stretch:
            facts["stretch"] = str(opinion.stretch)
        if signs := signs_of_deceit(features):
            facts["signs"] = signs
        beside = self.shadow.beside(features, self.model, plain, self._label) if self.shadow else None
        if beside:
            facts |= beside.facts
        if watch:
            watch.count(features, plain, self._word(plain)[0], beside.pair if beside else "")
        value = certainty(word, opinion.logit, self.mark_logit)
        degraded = "state" if self.site and self.site.away() else ""
        return Evidence("content", f"content.{word}", status, _sentence(word, opinion, told), value, facts, degraded)

    def _word(self, opinion: Opinion) -> tuple[str, Status]:
        """Choose the finding."""
        if opinion.probability >= self.spam_from:
            return ("phish" if opinion.phish >= 0.5 else "spam"), Status.FAIL
        if opinion.bulk >= 0.5:
            return "bulk", Status.NEUTRAL
        if opinion.probability <= self.ham_to:
            return "ham", Status.PASS
        return "unsure", Status.NEUTRAL

    def _label(self, opinion: Opinion) -> str:
        """Give the class for machines: what is not sure counts as ham."""
        word, _ = self._word(opinion)
        return "ham" if word == "unsure" else word


def certainty(word: str, logit: float, mark_logit: float) -> float:
    """Give the `value` of a finding, in [0, 1]: it never falls as the log-odds move away from even."""
    if word == "bulk":
        return min(max(-logit, 0.0) / CERTAIN_LOGIT, 1.0)
    if word not in MARKED:
        return min(abs(logit) / CERTAIN_LOGIT, 1.0)
    share = MARKED[word]
    if logit < mark_logit:
        return share * min(logit / mark_logit, _SHORT) if logit > 0 else 0.0
    return share + (1 - share) * min((logit - mark_logit) / BEYOND, 1.0)


def _sentence(word: str, opinion: Opinion, told: Shares) -> str:
    """Say the finding to people, with the strongest reasons for it and against it."""
    called = {
        "spam": "looks like spam",
        "phish": "looks like phishing",
        "ham": "looks like wanted mail",
        "bulk": "looks like a newsletter or an offer, and not like spam",
        "unsure": "could be either wanted or unwanted",
    }
    sign = 1 if opinion.logit >= 0 else -1
    toward = reasons((part.token for part in told.parts if part.hundredths * sign > 0), _REASONS)
    against = reasons((part.token for part in told.parts if part.hundredths * sign < 0), _COUNTER_REASONS)
    by = f", by {opinion.stretch} alone" if opinion.stretch and word in MARKED else ""
    head = f"The text {called[word]} (probability of being unwanted {opinion.probability:.1%}{by})"
    return sentence(head, toward, against)
