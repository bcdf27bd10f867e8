"""The content family's drawer: its settings, its codes, and how it is built.

`content` says what the text looks like, `bulk` behind it how openly the message is sent as bulk mail.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

import gatepost
from gatepost.checks.content import budget, bulk, classifier, enclosed
from gatepost.checks.content.bulk import BulkCheck
from gatepost.checks.content.classifier import ContentCheck
from gatepost.checks.content.enclosed import EnclosedCheck
from gatepost.checks.content.follow import FollowedLayer
from gatepost.checks.content.model import Model, ModelError, load_model
from gatepost.checks.content.shadow import Shadow
from gatepost.checks.content.watch import Watch
from gatepost.checks.content.words import load as load_words
from gatepost.mail import suffix
from gatepost.world.clock import Clock
from gatepost.world.state.door import State

__all__ = [
    "CODES",
    "BulkCheck",
    "EnclosedCheck",
    "Settings",
    "build",
    "find_budget",
    "find_model",
    "find_shadow",
    "marks",
    "refusals",
    "settle",
    "taught",
    "watched",
]

CODES: Final[Mapping[str, str]] = {**classifier.CODES, **enclosed.CODES, **bulk.CODES}

_PACKAGE: Final = Path(gatepost.__file__).resolve().parent
# A wheel carries the models inside the package; a checkout has them beside the source root.
_SHELVES: Final = (_PACKAGE / "_models", _PACKAGE.parent.parent / "models")


class Settings(BaseModel):
    """`[classifier]`: which learned model judges the text, and when it is sure."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str = Field(
        "base",
        min_length=1,
        max_length=4096,
        description="The model: `base` is the newest one shipped, `base-YYYYMM` a certain one, a path one you trained.",
    )
    spam_from: float = Field(
        0.7,
        ge=0.5,
        le=1.0,
        description="From this probability of being unwanted on, a text is called spam or phish.",
    )
    ham_to: float = Field(
        0.3,
        ge=0.0,
        le=0.5,
        description="Up to this probability of being unwanted a text is called ham; between the two it is unsure.",
    )

    max_false_positive_rate: float = Field(
        0.001,
        gt=0.0,
        le=0.1,
        description="The share of wanted mail that the text alone may mark as spam: the threshold keeps to it on the model's "
        "held-out mail with 95 % confidence.",
    )

    site_weight: float = Field(
        1.0,
        ge=0.0,
        le=1.0,
        description="How much of what `gatepost learn` taught counts on top of the model, from 0 (nothing) to 1.",
    )

    shadow: str = Field(
        "",
        max_length=4096,
        description="A second model that scores beside the first without any effect, named as `model` is; empty: none. "
        "`gatepost shadow` lists where the two disagree.",
    )

    @model_validator(mode="after")
    def _leave_a_band(self) -> Self:
        """Ham and spam must not overlap: 0.5 and 0.5 is the narrowest."""
        if self.ham_to > self.spam_from:
            raise ValueError("ham_to must not exceed spam_from")
        return self


def find_model(name: str) -> Path:
    """Give the directory of a model: `base` is the newest shipped base-YYYYMM, another word a shipped one, else a path.

    Raises ModelError, one line, where there is none. Does not look inside.
    """
    if "/" in name or name.startswith((".", "~")):
        return Path(name).expanduser()
    if name == "base":
        shipped = [path for shelf in _SHELVES if shelf.is_dir() for path in shelf.glob("base-*") if _month(path)]
        if not shipped:
            raise ModelError("model base: no base-YYYYMM model is installed with this Gatepost")
        return max(shipped, key=_month)
    for shelf in _SHELVES:
        if (shelf / name).is_dir():
            return shelf / name
    raise ModelError(f"model {name}: no model of that name is installed (write a path with a slash for your own)")


def _month(path: Path) -> int:
    """Give the YYYYMM of a shipped model's directory, 0 for another directory."""
    digits = path.name.removeprefix("base-")
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) == 6 and path.is_dir() else 0


def build(settings: Settings) -> ContentCheck:
    """Load the models and give the check. Raises ModelError, one line. To be called before forking: workers share them."""
    suffix.load()  # Links are compared by it; a worker without privileges might not be able to read it.
    load_words()
    shadow = find_shadow(settings)
    model, mark = _live(settings)
    return ContentCheck(model, settings.spam_from, settings.ham_to, shadow, mark_logit=mark.logit)


def refusals(settings: Settings) -> Iterator[str]:
    """Give a line for each model that build() would refuse."""
    for load in (_live, find_shadow):
        try:
            load(settings)
        except ModelError as error:
            yield str(error)


def _live(settings: Settings) -> tuple[Model, budget.Mark]:
    """Load the model that judges, and say from where on it marks. Raises ModelError, one line."""
    return load_model(find_model(settings.model)), marks(settings)


def marks(settings: Settings) -> budget.Mark:
    """Say from where on content alone marks, by the error budget. Raises ModelError, one line."""
    return budget.settle(find_budget(find_model(settings.model)), settings.max_false_positive_rate, settings.spam_from)


def find_budget(directory: Path) -> budget.Budget | None:
    """Give what a model says of its errors on held-out mail, None where it says nothing; raises ModelError, one line.

    It is `load_model` that compares the file with its checksum.
    """
    try:
        meta = json.loads((directory / "features.json").read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"model {directory}: features.json cannot be read") from error
    if not isinstance(meta, dict):
        raise ModelError(f"model {directory}: features.json is not an object")
    return budget.parse(meta, f"model {directory}")


def find_shadow(settings: Settings) -> Shadow | None:
    """Load the model that shall score beside the live one, if there is one. Raises ModelError, one line."""
    if not settings.shadow:
        return None
    try:
        return Shadow(load_model(find_model(settings.shadow)))
    except ModelError as error:
        raise ModelError(f"[classifier] shadow: {error}") from None


def watched(check: ContentCheck, state: State, clock: Clock) -> ContentCheck:
    """Give the check as a live site has it: what its models see is counted in the site's memory."""
    second = check.shadow.model.version if check.shadow else ""
    return replace(check, watch=Watch(state, clock, check.model.version, second))


def taught(check: ContentCheck, settings: Settings, state: State, clock: Clock) -> ContentCheck:
    """Give the check with what `gatepost learn` taught on top; it only reads the state, from the first message on."""
    if not settings.site_weight:
        return check
    return replace(check, site=FollowedLayer(state, clock, settings.site_weight))


def settle(check: ContentCheck) -> None:
    """Hand on what was counted so far, before a worker ends; never raises."""
    if check.watch:
        check.watch.send()
