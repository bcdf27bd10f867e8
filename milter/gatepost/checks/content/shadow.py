"""A candidate model beside the live one: it scores the same features, in the same process, and nothing follows from it.

A new model is best tried on the mail that it shall judge. The candidate's opinion goes into the record as a fact of the
content check (`shadow`, and where the two disagree `shadow-tokens`: whose weight changed most) and into no header, no score
and no outcome. Whatever goes wrong in it is logged once and harms nothing. `gatepost shadow` reads the records back.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from gatepost.checks.content.model import Model, Opinion
from gatepost.checks.content.tokens import Features

FACT: Final = "shadow"
"""The fact that holds the candidate's opinion beside that of the live model alone, before the site's own labels moved it:
`model=NAME probability=0.9912 class=spam live=0.2003 ham`, or `model=NAME failed`."""

TOKENS_FACT: Final = "shadow-tokens"
"""The fact that names, where the classes differ, the tokens whose points differ most, candidate less live."""

_TOKENS_SHOWN: Final = 6
_OPINION: Final = re.compile(
    r"model=(.{1,200}) probability=([01]\.\d{1,6}) class=([a-z]{1,16}) live=([01]\.\d{1,6}) ([a-z]{1,16})"
)
_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Beside:
    """What the candidate makes of a message: facts for the record, and `ham>spam`: the live class, then its own."""

    facts: Mapping[str, str]
    pair: str


class Shadow:
    """Scores with a candidate model; safe between threads and forks. `model` is loaded already."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self._complained = False

    def beside(self, features: Features, model: Model, live: Opinion, name: Callable[[Opinion], str]) -> Beside:
        """Judge the features of which the live `model` has the opinion `live`; `name` gives an opinion's class. Never raises."""
        label = name(live)
        try:
            opinion = self.model.judge(features, 0)
            called = name(opinion)
            told = f"model={self.model.version[:200]} probability={opinion.probability:.4f} class={called}"
            facts = {FACT: f"{told} live={live.probability:.4f} {label}"}
            if called != label:
                facts[TOKENS_FACT] = _difference(model.judge(features, -1), self.model.judge(features, -1))
        except Exception:  # noqa: BLE001  # whatever goes wrong in it must not touch the verdict
            if not self._complained:
                self._complained = True
                _log.exception("the shadow model failed; said once, the live model goes on")
            return Beside({FACT: f"model={self.model.version[:200]} failed"}, f"{label}>failed")
        return Beside(facts, f"{label}>{called}")


@dataclass(frozen=True, slots=True)
class Said:
    """A candidate's opinion as a record holds it, and that of the live model beside it."""

    model: str
    probability: float
    label: str
    live_probability: float
    live_label: str


def read_fact(text: str) -> Said | None:
    """Read the fact `shadow` of a record; None for a failure and for anything else."""
    found = _OPINION.fullmatch(text)
    return Said(found[1], float(found[2]), found[3], float(found[4]), found[5]) if found else None


def _difference(live: Opinion, candidate: Opinion) -> str:
    """Give the tokens whose points differ most, candidate less live, in the form of the fact `tokens`."""
    points = {part.token: part.points for part in candidate.parts}
    for part in live.parts:
        points[part.token] = points.get(part.token, 0.0) - part.points
    strongest = sorted(points.items(), key=lambda item: (-abs(item[1]), item[0]))[:_TOKENS_SHOWN]
    return " ".join(
        f"{'+' if by >= 0 else '-'}{token.replace(' ', '_')}({abs(by):.2f})" for token, by in strongest if by
    )
