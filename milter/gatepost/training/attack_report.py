"""What each attack costs a model: the share of unwanted mail it still catches, before and after.

Wanted mail is read first: it gives the score that one in a hundred of it exceeds, and the words that attacks put beside
unwanted mail. Then each unwanted message is scored as it is and once for each attack, by the code that judges live mail.
What stays in memory are two numbers for each score.

An attack's chance is seeded by its name and the message's number: the same mail gives the same report, whatever attacks
are asked for beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from gatepost.arrival.replay import Stored
from gatepost.checks.content.classifier import ContentCheck
from gatepost.training.attacks import Attack
from gatepost.training.attacks_draft import take_apart
from gatepost.training.corpus import CorpusError
from gatepost.training.measure import can_show, threshold
from gatepost.training.score import Side, score_all
from gatepost.training.sources import Letter, Source

SEED: Final = 20261122

RATE: Final = 0.01
"""The share of ham that may be called spam where recall at a false-positive rate is given."""

GOOD_WORDS: Final = 50_000
"""Words of wanted mail kept for the attacks."""

_LETTER_WORDS: Final = 300
_LETTER_CHARACTERS: Final = 20_000


@dataclass(frozen=True, slots=True)
class Loss:
    """What one attack did to the recall; shares, not percentages. `at_rate_*` are None where ham is too few."""

    attack: str
    meaning: str
    before: float
    after: float
    at_rate_before: float | None
    at_rate_after: float | None

    @property
    def points(self) -> float:
        """Recall lost at the configured threshold, in percentage points; negative where the attack gives itself away."""
        return 100 * (self.before - self.after)

    def as_json(self) -> dict[str, Any]:
        """Give the row for machines."""
        return {
            "attack": self.attack,
            "meaning": self.meaning,
            "recall before": round(self.before, 6),
            "recall after": round(self.after, 6),
            "loss in points": round(self.points, 4),
            "recall at 1% fp before": None if self.at_rate_before is None else round(self.at_rate_before, 6),
            "recall at 1% fp after": None if self.at_rate_after is None else round(self.at_rate_after, 6),
        }


@dataclass(frozen=True, slots=True)
class AttackReport:
    """Losses in the order of the attacks asked for, and how much mail they were measured on."""

    model: str
    limit: int | None
    ham: int
    unwanted: int
    losses: tuple[Loss, ...]

    def as_json(self) -> dict[str, Any]:
        """Give the report for machines."""
        rows = [loss.as_json() for loss in self.losses]
        return {"limit": self.limit, "seed": SEED, "ham": self.ham, "unwanted": self.unwanted, "attacks": rows}


def attack_report(
    check: ContentCheck,
    sources: Sequence[Source],
    attacks: Sequence[Attack],
    limit: int | None,
    jobs: int,
    done: Callable[[int], None],
) -> AttackReport:
    """Measure what attacks do to the mail of sources, `limit` messages of each kind of each, in `jobs` processes.

    `done` is told of messages scored, each attacked copy counted. Raises what reading raises, and CorpusError where there
    is no unwanted mail.
    """
    good_words: list[str] = []
    ham = score_all(check, _ham(sources, limit, good_words), 1, jobs, done)[0][0]
    # To the scoring each attack is a source of its own, the mail as it came the first.
    sides = score_all(check, _attacked(sources, limit, attacks, good_words), len(attacks) + 1, jobs, done)
    before, *after = (side[1] for side in sides)
    if not before.logits:
        raise CorpusError(f"no unwanted message found in {', '.join(source.name for source in sources)}")
    wanted, _ = ham.arrays()
    bar = threshold(wanted, RATE) if can_show(wanted.size, RATE) else None
    losses = (_loss(attack, before, found, check.spam_from, bar) for attack, found in zip(attacks, after, strict=True))
    return AttackReport(check.model.version, limit, len(ham.logits), len(before.logits), tuple(losses))


def _letters(sources: Sequence[Source], limit: int | None, *, unwanted: bool) -> Iterator[Stored]:
    """Stream the mail of one kind. Packs with both kinds are read twice, so that ham comes first without being kept."""
    for number, source in enumerate(sources):
        if unwanted in source.kinds:
            yield from (letter.stored for letter in source.read(number, limit) if letter.unwanted == unwanted)


def _ham(sources: Sequence[Source], limit: int | None, words: list[str]) -> Iterator[Letter]:
    """Give wanted mail to be scored, and put words of its texts into `words`, in reading order."""
    for stored in _letters(sources, limit, unwanted=False):
        if len(words) < GOOD_WORDS:
            text = take_apart(stored.data).plain or ""
            words += [word for word in text[:_LETTER_CHARACTERS].split() if word.isalpha()][:_LETTER_WORDS]
        yield Letter(0, unwanted=False, stored=stored)


def _attacked(
    sources: Sequence[Source], limit: int | None, attacks: Sequence[Attack], good_words: Sequence[str]
) -> Iterator[Letter]:
    """Give each unwanted message as it is, then once for each attack, the attack's place plus one as its source."""
    for number, stored in enumerate(_letters(sources, limit, unwanted=True)):
        yield Letter(0, unwanted=True, stored=stored)
        for place, attack in enumerate(attacks, 1):
            data = attack.apply(stored.data, Random(f"{SEED}:{number}:{attack.name}"), good_words)
            yield Letter(place, unwanted=True, stored=Stored(f"{stored.name} ({attack.name})", data, stored.cut))


def _loss(attack: Attack, before: Side, after: Side, spam_from: float, bar: float | None) -> Loss:
    """Compare the scores of the same mail, before and after."""
    (logits, odds), (new_logits, new_odds) = before.arrays(), after.arrays()
    return Loss(
        attack.name,
        attack.meaning,
        float((odds >= spam_from).mean()),
        float((new_odds >= spam_from).mean()),
        None if bar is None else float((logits > bar).mean()),
        None if bar is None else float((new_logits > bar).mean()),
    )
