"""What status and the daemon's first lines say of the scanners: where they are, how old, and which limits clash."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gatepost.checks.virus.family import Settings, open_scanner, open_second
from gatepost.mail import limits
from gatepost.service import scanning
from gatepost.service.config import load
from gatepost.service.organs import look, organs
from gatepost.world.scanner.door import Scanner
from support.clamd import Clamd

Run = Callable[..., tuple[int, str, str]]
DAY = 86_400.0

pytestmark = pytest.mark.servers


@pytest.fixture(scope="module")
def clamd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clamd]:
    """Give a clamd with signatures five days old, which takes streams of one megabyte and is silent about larger files."""
    running = Clamd(tmp_path_factory.mktemp("clamd"), 1024 * 1024, "MaxFileSize 2M\n")
    running.publish(27_500, time.time() - 5 * DAY)
    with running:
        yield running


@pytest.fixture
def postfix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Give a function that puts a postconf in the way which gives an answer."""

    def answers(script: str) -> None:
        program = tmp_path / "postconf"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    return answers


def told(**given: object) -> list[str]:
    """Give the warnings for a [virus] table."""
    settings = Settings.model_validate(given)
    scanners: list[Scanner | None] = [open_scanner(settings), open_second(settings)]
    return list(scanning.warnings(settings, tuple(filter(None, scanners)), time.time()))


def test_old_signatures_are_warned_of(clamd: Clamd, postfix: Callable[[str], None]) -> None:
    """Older than database_days is a warning with the age; within it is none."""
    postfix("echo 500000")
    given = {"clamd": (clamd.address,), "max_bytes": 600_000}
    (line,) = told(**given)
    assert "signatures of unix:" in line
    assert " 5 days old" in line
    assert told(**given, database_days=6.0) == []


def test_limits_that_clash_are_warned_of(clamd: Clamd, postfix: Callable[[str], None]) -> None:
    """Postfix takes more than Gatepost sends, Gatepost sends more than clamd takes, clamd is silent about what it leaves out."""
    postfix("echo 10240000")
    given = {"clamd": (clamd.address,), "database_days": 365.0}
    (stream,) = told(**given)
    assert "takes streams of at most 1,04" in stream
    assert "StreamMaxLength" in stream
    (sent, stream) = told(**given, max_bytes=2_000_000)
    assert "2,000,000 bytes ([virus] max_bytes) and 10,240,000 (Postfix' message_size_limit)" in sent
    read, sent, stream = told(**given, clamd_conf=str(clamd.conf))
    assert "reads at most 2,097,152 bytes" in read
    assert "AlertExceedsMax" in read
    postfix("echo 900000")
    assert told(**given, max_bytes=1_000_000) == []


@pytest.mark.parametrize(
    "script", ["echo 0", "echo nonsense", "exit 1", "echo", "echo 999999999999999999999999999999999999"]
)
def test_a_postfix_that_does_not_say_is_taken_for_none(script: str, postfix: Callable[[str], None]) -> None:
    """Without a limit of the MTA's what Gatepost itself keeps is the size that may arrive."""
    postfix(script)
    assert scanning.arriving_bytes() == (limits.MESSAGE_BYTES, "what Gatepost keeps of a message")


def test_status_and_the_first_lines_say_it(run: Run, clamd: Clamd, tmp_path: Path) -> None:
    """All clamds are shown with their versions, a second engine too, and warnings in a line each; one clamd that answers is well."""
    config = tmp_path / "site.toml"
    config.write_text(
        f'[virus]\nclamd = ["unix:/nonexistent", "{clamd.address}"]\nicap = "icap://127.0.0.1:1/avscan"\n'
        '[dns]\nservers = ["127.0.0.1:1"]\n'
    )
    code, out, _ = run("status", "--json", "--config", config)
    found = json.loads(out)
    assert found["clamd"]["well"]
    assert "unix:/nonexistent (does not answer" in found["clamd"]["text"]
    assert "/27500/" in found["clamd"]["text"]
    assert found["second_scanner"]["well"] is False
    assert any("5 days old" in line for line in found["scanning_warnings"])
    code, out, _ = run("status", "--config", config)
    assert code in {0, 1}
    assert "days old" in " ".join(out.split())
    loaded = load(config)
    doors, _ = look(loaded)
    lines = list(organs(loaded, doors))
    assert [line.split()[0] for line in lines if "days old" in line] == ["warning"]
    assert any(line.startswith("second      icap://127.0.0.1:1/avscan") for line in lines)


def test_a_site_without_a_scanner_says_so() -> None:
    """Neither clamd nor a second engine: no warning, and the lines name the settings."""
    assert told() == []
    assert "[virus] clamd is empty" in scanning.clamd_organ(Settings(), None).text
    assert "icap" in scanning.second_organ(None).text
