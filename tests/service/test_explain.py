"""`gatepost explain`: the sums on its page, its JSON, records, and mail that would like to talk to the terminal."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from gatepost.ledger.recall import recalled
from gatepost.ledger.record import judgement
from gatepost.service.cli.explain_page import page
from gatepost.service.cli.explanation import explain, plain_data
from gatepost.service.cli.show import console
from gatepost.service.config import Config
from support.cases import FOLDER
from support.cli import gatepost, on_terminal
from support.letters import letter

Run = Callable[..., tuple[int, str, str]]

PHISH = FOLDER / "checks" / "content" / "03-credential-phish.eml"
KEYS = [
    *("file", "id", "outcome", "answer", "score", "class", "spam_probability", "degraded", "reason", "because"),
    *("classifier", "thresholds", "without", "with", "replayed"),
]
ANSWERS = {"delivered", "marked as spam", "held", "deferred", "refused"}
ESCAPES = "\x1b]0;owned\x07\x1b[2J\u202e\u200f\x9b31m"
HOSTILE = letter(
    f"[red]viagra[/red] {ESCAPES}",
    f"[bold]cheap[/bold] viagra {ESCAPES} [link=https://evil.example]pills[/link] online " * 3,
    sender=f'"[blink]{ESCAPES}" <ann@example.org>',
)


def answers(out: str) -> list[dict[str, Any]]:
    """Read what --json printed."""
    return [json.loads(line) for line in out.splitlines()]


def exact(number: float) -> Decimal:
    """Give a number as it is printed."""
    return Decimal(str(number))


def test_json_is_what_the_contract_says(run: Run) -> None:
    """One object per message with exactly these keys; the parts of the score and those of the classifier sum as printed."""
    code, out, err = run("explain", "--json", "--no-network", FOLDER / "checks" / "content", FOLDER / "mail")
    found = answers(out)
    assert (code, err) == (0, "")
    assert len(found) > 10
    for each in found:
        assert list(each) == KEYS
        assert {each["answer"], each["replayed"]} <= ANSWERS
        assert each["replayed"] == each["answer"]
        assert sum(exact(part["points"]) for part in each["because"]) == exact(each["score"])
        assert [place["from"] for place in each["thresholds"]] == [5.0, 10.0, 15.0]
        assert all(flip["answer"] in ANSWERS - {each["answer"]} for flip in [*each["with"], each["without"]] if flip)
    read = [each["classifier"] for each in found if each["classifier"]]
    assert len(read) > 10
    for reading in read:
        assert sum(exact(part["points"]) for part in reading["parts"]) == exact(reading["points"])
        assert sum(exact(part["logit"]) for part in reading["parts"]) == exact(reading["logit"])
        assert all(part["words"] and part["words"].isprintable() for part in reading["parts"])


def test_the_same_verdict_as_scan(run: Run) -> None:
    """Whatever the options, explain tells of the verdict that scan reaches: there is no second opinion."""
    asked = (
        "--json",
        "--no-network",
        "--client-ip",
        "192.0.2.1",
        "--mail-from",
        "a@example.org",
        "--rcpt-to",
        "b@c.example",
    )
    _, scanned, _ = run("scan", *asked, PHISH)
    _, explained, _ = run("explain", *asked, "--jobs", "2", PHISH)
    (one,), (other,) = answers(scanned), answers(explained)
    same = ("outcome", "score", "class", "spam_probability", "degraded", "because")
    assert {key: one[key] for key in same} == {key: other[key] for key in same}


def test_the_page_tells_the_whole_story(run: Run) -> None:
    """The page names the answer, the thresholds, each part with its sentence, words in both directions, and the flips."""
    code, out, err = run("explain", "--no-network", PHISH)
    assert (code, err) == (0, "")
    assert "marked as spam, score" in out.splitlines()[0]
    for piece in ("held from 10.0", "what the score is made of", "content.phish", "before anything is read", "sum"):
        assert piece in out
    assert "Without content.phish it would be delivered" in out
    assert re.search(r"With \S+ it would be held", out)
    rows = re.findall(r"^ *([+-]\d+\.\d\d) +([+-]\d+\.\d\d) .*?(\S.*)$", out, re.MULTILINE)
    *parts, (points, logit, last) = rows
    assert last.strip() == "sum"
    assert sum(Decimal(each[0]) for each in parts) == Decimal(points)
    assert sum(Decimal(each[1]) for each in parts) == Decimal(logit)
    assert {each[1][0] for each in parts} == {"+", "-"}


def test_several_messages_are_several_pages(run: Run, tmp_path: Path) -> None:
    """Each message of a folder has its page; one without text has none of the classifier's table."""
    (tmp_path / "a.eml").write_bytes(PHISH.read_bytes())
    (tmp_path / "b.eml").write_bytes(b"From: a@example.org\r\n\r\n")
    code, out, _ = run("explain", "--no-network", tmp_path)
    assert code == 0
    assert out.count("what the score is made of") == 2
    assert out.count("before anything is read") == 1


def test_from_the_record_as_from_the_message(run: Run, tmp_path: Path) -> None:
    """A record explains itself as the message did, wherever in a log it stands, and a message seen twice is told twice."""
    _, scanned, _ = run("scan", "--json", "--no-network", PHISH)
    (verdict,) = answers(scanned)
    line = json.dumps({**verdict, "id": "98e6734219310a53", "queue_id": "4XyZ", "direction": "inbound"})
    log = tmp_path / "gatepost.log"
    log.write_text(f'Nov 22 mx gatepost[7]: {line}\nnoise "4XyZ" {{\n{{"id": "4XyZ"}}\nNov 23 mx {line}\n')
    _, direct, _ = run("explain", "--json", "--no-network", PHISH)
    code, out, err = run("explain", "--json", "--record", "4XyZ", log)
    (one,), (first, second) = answers(direct), answers(out)
    assert (code, err) == (0, "")
    assert first == second
    for key in ("outcome", "answer", "score", "because", "classifier", "thresholds", "without", "with"):
        assert first[key] == one[key], key


def test_a_scanned_record_is_found_by_the_id_in_its_header(run: Run, tmp_path: Path) -> None:
    """What `scan --json` wrote is a record like the daemon's: the id in X-Gatepost-Verdict leads to it."""
    _, scanned, _ = run("scan", "--json", "--no-network", PHISH)
    (verdict,) = answers(scanned)
    assert f"id={verdict['id']}" in dict(verdict["headers"])["X-Gatepost-Verdict"]
    (tmp_path / "log").write_text(scanned)
    code, out, err = run("explain", "--json", "--record", verdict["id"], tmp_path / "log")
    assert (code, err, [each["id"] for each in answers(out)]) == (0, "", [verdict["id"]])


def test_an_excused_opinion_has_no_points(run: Run) -> None:
    """Where the classifier's finding is excused the page says by what, and every share is of no points."""
    case = FOLDER / "checks" / "auth" / "20-dkim-pass.eml"
    _, scanned, _ = run("scan", "--json", "--no-network", case)
    (verdict,) = answers(scanned)
    verdict["because"] = [{"code": "content.spam", "points": 0.0, "detail": "x", "excuse": "bulk.open"}]
    for item in verdict["evidence"]:
        if item["check"] == "content":
            item |= {"code": "content.spam", "facts": {"logit": "+5.00", "base": "+0.50", "tokens": "+pills(1.00)"}}
    record = recalled(verdict | {"score": 0.0})
    assert record is not None
    explanation = explain("x", record, Config().policy())
    assert explanation.reading is not None
    assert {line.points for line in explanation.reading.lines} == {0}
    assert explanation.reading.logit == 500
    screen = console()
    with screen.capture() as captured:
        screen.print(page(explanation))
    assert "(excused by bulk.open: no points)" in captured.get()


def test_another_config_than_the_record_s(run: Run, tmp_path: Path) -> None:
    """Explained under a config that decides otherwise, a record says what today's config would do."""
    _, scanned, _ = run("scan", "--json", "--no-network", PHISH)
    log, config = tmp_path / "log", tmp_path / "gatepost.toml"
    log.write_text(scanned.replace(answers(scanned)[0]["id"], "one"))
    config.write_text('[weights]\n"content.phish" = 1.0\n')
    code, out, _ = run("explain", "--record", "one", "--config", config, log)
    assert code == 0
    assert "Today's config would answer otherwise: delivered." in out


def test_what_cannot_be_found_is_one_line(run: Run, tmp_path: Path) -> None:
    """An id that no log holds, a file that is not there and a wrong address each are one clear line."""
    (tmp_path / "log").write_text("{}\n")
    for arguments, said in (
        (("--record", "nobody", tmp_path / "log"), "no record 'nobody' in"),
        (("--record", "nobody", tmp_path / "none"), "No such file"),
        (("--record", "", tmp_path / "log"), "no id given"),
        ((tmp_path / "none.eml",), "no such file"),
        (("--client-ip", "x", PHISH), "is not an IP address"),
    ):
        code, out, err = run("explain", *arguments)
        assert (code, out, len(err.splitlines())) == (2, "", 1), err
        assert said in err


def test_help_shows_how(run: Run) -> None:
    """The help begins with examples, and every option of scan is there."""
    _, scan, _ = run("scan", "--help")
    _, out, _ = run("explain", "--help")
    assert "gatepost explain message.eml" in out
    assert set(re.findall(r"^  (--[a-z-]+)", scan, re.MULTILINE)) <= set(
        re.findall(r"^  (--[a-z-]+)", out, re.MULTILINE)
    )


def test_hostile_mail_does_not_reach_the_terminal(tmp_path: Path) -> None:
    """Escape sequences, direction marks and markup in subject, name and text come out as harmless characters, or not at all."""
    (tmp_path / "hostile.eml").write_bytes(HOSTILE)
    for ran in (
        gatepost("explain", "--no-network", tmp_path / "hostile.eml"),
        gatepost("explain", "--no-network", "--json", tmp_path / "hostile.eml"),
        on_terminal("explain", "--no-network", tmp_path / "hostile.eml"),
    ):
        assert ran.code == 0, ran.err
        assert "viagra" in ran.out
        # On a terminal rich colours what it prints: nothing but its colour codes may begin with an escape.
        rest = re.sub(r"\x1b\[[0-9;]*m", "", ran.out)
        assert not re.search(r"[\x00-\x08\x0b-\x0c\x0e-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]", rest)


def _told_by(facts: dict[str, str], *, text: str = "x") -> str:
    """Give the page of a record with facts, and with a text wherever a record has one."""
    because = [{"code": f"content.{text}", "points": 5.0, "detail": text, "excuse": text}]
    evidence = {"check": "content", "code": f"content.{text}", "status": "fail", "detail": text, "facts": facts}
    data = {"id": text, "outcome": "reject", "score": 5.0, "spam_probability": 0.9, "class": "spam", "reason": text}
    record = recalled({**data, "degraded": [text], "because": because, "evidence": [evidence], "reply": text})
    assert record is not None
    explanation = explain(text, record, Config().policy())
    json.dumps(plain_data(explanation))
    screen = console()
    with screen.capture() as captured:
        screen.print(page(explanation))
    return captured.get()


@pytest.mark.parametrize(
    "token", [f"pills{ESCAPES.replace(' ', '')}", "[red]x[/red]", "[link=http://x]y", "[/]", "\\[x"]
)
def test_hostile_records_do_not_reach_the_terminal(token: str) -> None:
    """A log that somebody wrote into explains itself as text: every place of a record, tokens and codes among them."""
    out = _told_by({"logit": "+5.00", "base": "+0.00", "tokens": f"+{token}(5.00)"}, text=token)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200f\u202e]", out)
    if token.isprintable():
        assert out.count(token) > 3


def test_the_page_is_bounded() -> None:
    """A record of long texts and many tokens gives a page of some screens, whatever it holds."""
    tokens = " ".join(f"+{'y' * 100}{number}(0.01)" for number in range(5000))
    assert len(_told_by({"logit": "+5.00", "base": "+0.00", "tokens": tokens}, text="z" * 100_000)) < 20_000


def test_a_terminal_without_utf_8() -> None:
    """Where only ASCII can be shown, bars are drawn with it."""
    ran = gatepost("explain", "--no-network", PHISH, env={"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"})
    assert ran.code == 0
    assert ran.out.isascii()
    assert "####" in ran.out
    assert "\\u" not in ran.out


def test_a_scanned_record_is_complete(run: Run) -> None:
    """What scan prints is enough to explain a verdict later: nothing of the sums is cut on the way."""
    _, scanned, _ = run("scan", "--json", "--no-network", PHISH)
    (verdict,) = answers(scanned)
    record = recalled(verdict)
    assert record is not None
    assert judgement(record)["because"] == verdict["because"]
