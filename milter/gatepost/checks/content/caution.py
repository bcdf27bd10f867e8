"""Caution with bulk mail: what wanted newsletters share with spam, their words, is held against them less.

A newsletter that was asked for reads like one that was not (bulk.py), so a model of words makes more mistakes with such mail than
with any other, and the few wanted messages that score highest are newsletters. Mail in the form of commercial bulk mail is
therefore given the benefit of the doubt, by as much as it has that form, and not where it is phish: a forged notice has the form too.

What it brings is in the card of the model, "Since this search"; with twice as much, ranking within modern mail suffers.
"""

from __future__ import annotations

from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt

CAUTION: Final = 1.5
"""Log-odds of the training mix that are taken off what has the form of bulk mail and is not phish, beyond doubt."""

FORM: Final = "=bulk-form"
"""The name of this share among the parts of an opinion."""

_Numbers = TypeVar("_Numbers", float, npt.NDArray[np.float64])


def caution(bulk: _Numbers, phish: _Numbers) -> _Numbers:
    """Give the log-odds of the training mix to take off, by the probabilities of the form of bulk mail, and of phish if unwanted."""
    return CAUTION * bulk * (1 - phish)
