"""The model on disk: loaded only when it is whole, and explained exactly."""

from __future__ import annotations

import hashlib
import json
import math
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatepost.checks.content.family import Settings, build, find_model
from gatepost.checks.content.model import ModelError, load_model
from gatepost.checks.content.tokens import extract
from gatepost.mail.message import from_bytes
from support.letters import letter


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Give a copy of the shipped model that a test may spoil."""
    target = tmp_path / "model"
    shutil.copytree(find_model("base"), target)
    return target


def _reseal(directory: Path) -> None:
    """Write the checksums anew, as somebody would who changed the files on purpose."""
    names = ("card.md", "features.json", "metrics.json", "weights.npz")
    lines = [f"{hashlib.sha256((directory / name).read_bytes()).hexdigest()}  {name}\n" for name in names]
    (directory / "SHA256SUMS").write_text("".join(lines))


def _describe(directory: Path, **changes: object) -> None:
    """Change features.json and reseal."""
    path = directory / "features.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    _reseal(directory)


def _refusal(directory: Path) -> str:
    """Give the line with which a directory is refused."""
    with pytest.raises(ModelError) as caught:
        load_model(directory)
    return str(caught.value)


def test_parts_sum_to_the_logit():
    """The base and every token's points add up to the logit, and the probability is its logistic."""
    model = load_model(find_model("base"))
    opinion = model.judge(extract(from_bytes(letter("Cheap pills", "Buy viagra at our casino now, click here."))), -1)
    assert opinion.parts
    assert opinion.base + sum(part.points for part in opinion.parts) == pytest.approx(opinion.logit, abs=1e-9)
    assert opinion.probability == pytest.approx(1 / (1 + math.exp(-opinion.logit)))


def test_the_strongest_parts_come_first():
    """The parts shown are the largest of all parts."""
    model = load_model(find_model("base"))
    features = extract(from_bytes(letter("Cheap pills", "Buy viagra at our casino now, click here.")))
    every = [abs(part.points) for part in model.judge(features, -1).parts]
    shown = [abs(part.points) for part in model.judge(features, 3).parts]
    assert every == sorted(every, reverse=True)
    assert shown == every[:3]


@settings(max_examples=80, deadline=None)
@given(st.text(max_size=400))
def test_any_text_gives_a_finite_opinion(text: str):
    """Whatever is said, the probability lies in [0, 1] and the parts sum up."""
    body = b"Content-Type: text/plain; charset=utf-8\r\n\r\n" + text.encode("utf-8", "replace")
    opinion = _MODEL.judge(extract(from_bytes(body)), -1)
    assert 0 <= opinion.probability <= 1
    assert 0 <= opinion.phish <= 1
    assert opinion.base + sum(part.points for part in opinion.parts) == pytest.approx(opinion.logit, abs=1e-9)


def test_a_missing_folder_is_one_clear_line(tmp_path: Path):
    """A model that is not there is named."""
    message = _refusal(tmp_path / "nowhere")
    assert "nowhere" in message
    assert "no such directory" in message
    assert "\n" not in message


@pytest.mark.parametrize("name", ["weights.npz", "features.json", "metrics.json", "SHA256SUMS"])
def test_a_missing_file_is_one_clear_line(copy: Path, name: str):
    """Each file that commands use is named when it is missing."""
    (copy / name).unlink()
    message = _refusal(copy)
    assert name in message
    assert "\n" not in message


@pytest.mark.parametrize("name", ["weights.npz", "features.json", "metrics.json"])
def test_one_changed_byte_is_noticed(copy: Path, name: str):
    """A corrupt byte anywhere in a file that commands use is a checksum error, not a strange verdict."""
    data = bytearray((copy / name).read_bytes())
    data[len(data) // 2] ^= 0x20
    (copy / name).write_bytes(data)
    message = _refusal(copy)
    assert f"{name} does not match its checksum" in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"format": 99}, "format 99"),
        ({"features_version": 99}, "features version 99"),
        ({"labels": ["ham", "spam"]}, "labels"),
        ({"hash": "md5"}, "hash"),
        ({"bits": 60}, "size"),
        ({"bits": 19}, "wrong type or size"),
        ({"unwanted": {"step": 1.0}}, "cannot be read"),
        ({"length_power": float("inf")}, "not finite"),
    ],
)
def test_a_model_made_for_something_else_is_refused(copy: Path, changes: dict[str, object], said: str):
    """Formats, feature versions and sizes that this release does not know are named, each in one line."""
    _describe(copy, **changes)
    message = _refusal(copy)
    assert said in message
    assert "\n" not in message


def test_arrays_that_would_be_unpickled_are_refused(copy: Path):
    """An array file that is not plain numbers never runs code."""
    (copy / "weights.npz").write_bytes(b"\x80\x04cposix\nsystem\n")
    _reseal(copy)
    assert "cannot be read" in _refusal(copy)


def test_base_means_the_newest_month(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """`base` picks the highest month by number; other folders are not models."""
    for name in ("base-202511", "base-202602", "base-2026", "base-newest", "other-209901"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr("gatepost.checks.content.family._SHELVES", (tmp_path,))
    assert find_model("base").name == "base-202602"
    assert find_model("base-202511").name == "base-202511"
    with pytest.raises(ModelError, match="no model of that name"):
        find_model("base-199001")


def test_a_path_is_taken_as_it_is(copy: Path):
    """A directory of one's own is used by its path."""
    assert build(Settings(model=str(copy))).model.version == load_model(copy).version


def test_scoring_needs_no_training_library():
    """The live check loads and scores without importing scikit-learn or scipy."""
    script = (
        "import sys\n"
        "from gatepost.checks.content.family import Settings, build\n"
        "from gatepost.mail.envelope import Envelope\n"
        "from gatepost.mail.message import from_bytes\n"
        "from gatepost.evidence import Found\n"
        "build(Settings()).run(Envelope(), from_bytes(b'Subject: hi\\n\\nhello there'), Found())\n"
        "print([name for name in ('sklearn', 'scipy', 'joblib') if name in sys.modules])\n"
    )
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, text=True)
    assert answer.stdout.strip() == "[]"


_MODEL = load_model(find_model("base"))
