"""A population: into the file and back, and what is no reference."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gatepost.checks.content.population import (
    BINS,
    SIDES,
    WATCHED,
    BadReferenceError,
    Population,
    Side,
    load_reference,
    population_data,
    population_from,
)
from gatepost.checks.content.tokens import extract
from gatepost.mail.message import from_bytes
from support.letters import letter


def mail() -> Population:
    """Give usual mail."""
    falling = (0.7, 0.1, 0.05, 0.05, 0.02, 0.02, 0.02, 0.02, 0.01, 0.01)
    side = Side(5_000, falling, (1 / BINS,) * BINS, 4_000, {"=links-0": 0.5, "=form": 0.02})
    return Population((side, Side(900, tuple(reversed(falling)), falling, 900, {"=form": 0.3})), 0.01)


def test_a_reference_survives_the_file(tmp_path: Path):
    """What training writes into metrics.json is what status reads."""
    (tmp_path / "metrics.json").write_text(json.dumps({"by source": [], "reference": population_data(mail())}))
    assert load_reference(tmp_path) == mail()


def test_no_reference_is_no_error(tmp_path: Path):
    """A model without metrics, or whose metrics hold no reference, has none."""
    assert load_reference(tmp_path) is None
    (tmp_path / "metrics.json").write_text("{}")
    assert load_reference(tmp_path) is None


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data.pop("ham-like"),
        lambda data: data["ham-like"].update(scores=[0.1] * (BINS - 1)),
        lambda data: data["ham-like"].update(scores=[float("nan")] * BINS),
        lambda data: data["ham-like"].update(messages=float("inf")),
        lambda data: data["ham-like"].update(messages=-1),
        lambda data: data["ham-like"].update(facts={"=form": 1.5}),
        lambda data: data["ham-like"].update(facts={str(number): 0.5 for number in range(201)}),
        lambda data: data["ham-like"].update(facts=[]),
        lambda data: data.update(unreadable="much"),
        lambda data: data.update({"unwanted-like": 7}),
    ],
)
def test_a_malformed_reference_is_one_clear_line(tmp_path: Path, spoil):
    """What is no population is refused with the model's name, whatever is wrong with it."""
    data = population_data(mail())
    spoil(data)
    (tmp_path / "metrics.json").write_text(json.dumps({"reference": data}))
    with pytest.raises(BadReferenceError, match=r"the reference in metrics\.json is malformed") as caught:
        load_reference(tmp_path)
    assert "\n" not in str(caught.value)


def test_metrics_that_are_no_json_are_one_clear_line(tmp_path: Path):
    """A cut or foreign metrics.json is named."""
    (tmp_path / "metrics.json").write_bytes(b'{"reference": {"ham-like"')
    with pytest.raises(BadReferenceError, match=r"metrics\.json cannot be read"):
        load_reference(tmp_path)


def test_plain_data_and_back():
    """The JSON form names both sides and loses nothing that matters."""
    data = population_data(mail())
    assert set(data) == {*SIDES, "unreadable"}
    assert population_from(json.loads(json.dumps(data))) == mail()


def test_the_watched_facts_are_tokens_that_mail_has():
    """Facts of a letter with links, a form and an odd subject are watched, and no more than a reference may hold."""
    page = '<a href="http://192.0.2.1/x">bank.example</a><form action="http://x.top/"><input name=a></form>'
    features = extract(from_bytes(letter("WINNER OF THE LOTTERY \U0001f600", "x", html=f"{page}<p>{'word ' * 100}")))
    facts = {token.decode() for token in features.tokens if token.startswith(b"=")}
    watched = {
        "=form",
        "=link-ip",
        "=subject-emoji",
        "=subject-capitals",
        "=html",
        "=links-1",
        "=text-3",
    }
    assert watched <= facts & set(WATCHED)
    assert len(WATCHED) == len(set(WATCHED)) <= 100
