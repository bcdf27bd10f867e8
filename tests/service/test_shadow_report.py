"""`gatepost shadow`: the report from records, whatever else stands in a log."""

from __future__ import annotations

import io
import json
from collections import deque
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatepost.mail import limits
from gatepost.service.cli.records import read_records
from gatepost.service.cli.shadow import Report, add, page, plain_data
from support.letters import letter
from support.model import write_model

Run = Callable[..., tuple[int, str, str]]


def record(number: int, live: str, other: str, tokens: str = "", **facts: str) -> dict:
    """Give a record as the daemon logs it, cut to what matters."""
    facts = {"model": "base", "probability": "0.2000", "class": live, **facts}
    facts.setdefault("shadow", f"model=next probability=0.9000 class={other} live=0.2000 {live}")
    if tokens:
        facts["shadow-tokens"] = tokens
    content = {"check": "content", "code": "content.ham", "facts": facts}
    return {"event": "message", "id": f"id{number}", "evidence": [{"check": "spf", "facts": {"shadow": "x"}}, content]}


def log(folder: Path, *records: object) -> Path:
    """Write a log."""
    path = folder / "gatepost.log"
    path.write_text("".join(f"{each if isinstance(each, str) else json.dumps(each)}\n" for each in records))
    return path


def test_the_report(run: Run, tmp_path: Path):
    """Counts, shares of both models, pairs, the commonest tokens and the latest cases, in both forms."""
    path = log(
        tmp_path,
        *(record(number, "ham", "ham") for number in range(6)),
        record(6, "ham", "spam", "+pills(0.80) -lunch(0.10)"),
        record(7, "ham", "spam", "+pills(0.70)"),
        record(8, "spam", "ham", "-pills(0.70)"),
        record(9, "ham", "", shadow="model=next failed"),
    )
    code, out, err = run("shadow", "--json", path)
    assert (code, err) == (0, "")
    told = json.loads(out)
    assert (told["live"], told["shadow"]) == (["base"], ["next"])
    assert (told["messages"], told["disagreements"], told["failed"]) == (9, 3, 1)
    assert told["shares"] == {"live": {"ham": 0.8889, "spam": 0.1111}, "shadow": {"ham": 0.7778, "spam": 0.2222}}
    assert told["pairs"] == {"ham>spam": 2, "spam>ham": 1}
    assert told["tokens"][0] == {"token": "+pills", "messages": 2}
    assert [case["id"] for case in told["recent"]] == ["id6", "id7", "id8"]
    assert told["recent"][0]["live"] == {"class": "ham", "probability": 0.2}
    assert told["recent"][0]["shadow"] == {"class": "spam", "probability": 0.9}
    code, out, err = run("shadow", "--recent", 2, path)
    assert (code, err) == (0, "")
    assert "9 messages, 3 called otherwise, 1 on which the shadow model failed" in out
    assert "id8" in out
    assert "id6" not in out


def test_a_log_holds_other_things_too(run: Run, tmp_path: Path):
    """Dates before a record, other events, lines of text and broken JSON are no obstacle."""
    one = json.dumps(record(1, "ham", "spam"))
    path = log(
        tmp_path,
        f"Nov 22 00:00:00 mx gatepost[7]: {one}",
        "listening on inet:127.0.0.1:8890",
        '{"event": "reloaded", "shadow": 1}',
        f"{one[:-5]}",
        '["shadow"]',
        '{"evidence": [1, {"check": "content", "facts": {"shadow": "?"}}], "shadow": "' + "[" * 5_000,
    )
    assert json.loads(run("shadow", "--json", path)[1])["messages"] == 1


def test_nothing_to_report(run: Run, tmp_path: Path):
    """A log without a shadow's opinion, and one that is not there, are one line and exit 2."""
    for path in (log(tmp_path, {"event": "message", "evidence": []}), tmp_path / "none.log", tmp_path):
        code, out, err = run("shadow", path)
        assert (code, out, err.count("\n")) == (2, "", 1)


def test_stored_mail_by_way_of_scan(run: Run, tmp_path: Path):
    """What `scan --json` prints is read alike: a candidate can be tried on an archive."""
    live, other = write_model(tmp_path / "live"), write_model(tmp_path / "next", spam="minutes", ham="viagra")
    config = tmp_path / "site.toml"
    config.write_text(f'[classifier]\nmodel = "{live}"\nshadow = "{other}"\n')
    (tmp_path / "a.eml").write_bytes(letter("Hello", "The minutes are here"))
    code, out, _ = run("scan", "--json", "--no-network", "--config", config, tmp_path / "a.eml")
    assert code == 0
    headers = json.loads(out)["headers"]
    assert not any("next" in value for _, value in headers)
    told = json.loads(run("shadow", "--json", log(tmp_path, out.strip()))[1])
    assert told["pairs"] == {"ham>phish": 1}
    assert told["recent"][0]["id"].endswith("a.eml")


def test_what_a_log_says_cannot_draw_on_the_terminal(run: Run, tmp_path: Path):
    """Control characters and markup in a log are shown, not obeyed."""
    evil = record(1, "ham", "spam", "+\x1b[2J[red]x[/red](0.80)", model="\x1b]0;x\x07")
    code, out, _ = run("shadow", log(tmp_path, {**evil, "id": "\x1b[31mid[bold]"}))
    assert code == 0
    assert "\x1b" not in out
    assert "[red]x[/red]" in out


def test_a_line_beyond_the_limit_is_passed_over():
    """One huge line is read in pieces and none of them is taken for a record; the next line counts."""
    one = json.dumps(record(1, "ham", "spam")).encode()
    huge = b" " * limits.RECORD_BYTES + one + b"\n"
    assert len(list(read_records(io.BytesIO(huge + one + b"\n" + one)))) == 2


def _report() -> Report:
    return Report(deque(maxlen=3))


plain = st.none() | st.floats() | st.text(max_size=20) | st.lists(st.integers(), max_size=2)
facts = st.dictionaries(st.sampled_from(["shadow", "shadow-tokens", "probability", "class", "model"]), plain)
evidence = plain | st.fixed_dictionaries({"check": st.just("content"), "facts": facts | plain})
records = st.fixed_dictionaries({"id": plain, "evidence": plain | st.lists(evidence, max_size=3)})


@settings(max_examples=100)
@given(st.lists(records, max_size=5))
def test_any_record_is_read_or_passed_over(found: list[dict]):
    """Records of any shape never raise, and the report is JSON and text in the end."""
    report = _report()
    for each in found:
        add(report, each)
    json.dumps(plain_data(report))
    assert page(report)


@pytest.mark.parametrize("opinion", ["probability=nan", "probability=2.0", "class=", "probability=0.5 class=spam"])
def test_an_opinion_that_is_none(opinion: str):
    """A record whose shadow fact is cut or foreign does not count."""
    report = _report()
    add(report, record(1, "ham", "spam", shadow=f"model=next {opinion}"))
    assert report.messages == 0


def test_what_the_site_taught_is_not_the_models_disagreement(run: Run, tmp_path: Path):
    """Local labels that moved the verdict do not make two models differ: the candidate is held against the model alone."""
    taught = record(1, "ham", "spam", shadow="model=next probability=0.9000 class=spam live=0.8000 spam")
    assert json.loads(run("shadow", "--json", log(tmp_path, taught))[1])["disagreements"] == 0
