"""Caution: what has the form of bulk mail gets the benefit of the doubt, phish does not, and the explanation says so."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.checks.content.caution import CAUTION, FORM, caution
from gatepost.checks.content.model import Model, Opinion, load_model
from gatepost.checks.content.speak import speak
from gatepost.checks.content.tokens import extract
from gatepost.mail.message import from_bytes
from support.letters import letter
from support.model import seal, write_model

_SHARES = st.floats(0, 1, allow_nan=False)


@given(_SHARES, _SHARES, _SHARES)
def test_it_grows_with_the_form_and_falls_with_phish(bulk: float, phish: float, more: float):
    """It lies between nothing and CAUTION, and never favours a message for being phish, or for being less like bulk mail."""
    less = caution(bulk, phish)
    assert 0 <= less <= CAUTION
    assert caution(max(bulk, more), phish) >= less
    assert caution(bulk, max(phish, more)) <= less
    assert caution(0.0, phish) == caution(bulk, 1.0) == 0


def test_training_and_service_hold_back_the_same():
    """Arrays, as training has them, give what single numbers give."""
    bulk, phish = np.array([0.0, 0.5, 1.0]), np.array([0.9, 0.25, 0.0])
    each = [caution(float(form), float(kind)) for form, kind in zip(bulk, phish, strict=True)]
    assert caution(bulk, phish).tolist() == each


def _model(directory: Path, *, bulk: float, phish: float) -> Model:
    """Give the model of two words that takes everything for bulk mail or phish by so many log-odds."""
    path = write_model(directory) / "features.json"
    meta = json.loads(path.read_text())
    for head, offset in (("bulk", bulk), ("phish", phish)):
        meta[head] |= {"offset": offset}
    path.write_text(json.dumps(meta))
    seal(directory)
    return load_model(directory)


def _opinions(tmp_path: Path, **offsets: float) -> tuple[Opinion, Opinion]:
    """Give what the model thinks of a pitch with such offsets, and without the form of bulk mail."""
    features = extract(from_bytes(letter("Hello", "viagra for you")))
    plain = _model(tmp_path / "plain", bulk=-50, phish=-50).judge(features, -1)
    return _model(tmp_path / "bulk", **offsets).judge(features, -1), plain


def test_bulk_mail_is_believed_to_be_wanted_more_easily(tmp_path: Path):
    """The same words score lower by the whole of it, and the part that explains the difference is named."""
    bulk, plain = _opinions(tmp_path, bulk=50, phish=-50)
    assert plain.logit - bulk.logit == pytest.approx(5 * CAUTION)  # the slope of that model is 5
    (form,) = [part for part in bulk.parts if part.token == FORM]
    assert form.points == pytest.approx(-5 * CAUTION)
    assert bulk.base + sum(part.points for part in bulk.parts) == pytest.approx(bulk.logit)
    assert "bulk mail" in speak(FORM)


def test_phish_is_not_spared(tmp_path: Path):
    """A forged notice in the form of bulk mail scores what it scores without that form."""
    forged, plain = _opinions(tmp_path, bulk=50, phish=50)
    assert forged.logit == pytest.approx(plain.logit)
