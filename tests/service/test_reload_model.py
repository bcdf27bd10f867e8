"""The real daemon and its models: a broken one on reload, a shadow beside the live one, drift and status."""

from __future__ import annotations

import json
import re
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from gatepost.checks.content.drift import ENOUGH
from gatepost.checks.content.population import BINS, Population, Side, population_data
from gatepost.checks.content.watch import DAY, SEND_SECONDS, read
from gatepost.world.clock import SystemClock
from gatepost.world.state.sqlite import SqliteState
from support.cli import gatepost as command
from support.daemon import Daemon, gatepost
from support.milter_client import MilterClient
from support.model import seal, write_model
from support.waiting import until

BODY = b"Buy viagra, viagra now.\r\n"


def verdict(daemon: Daemon, body: bytes = BODY) -> str:
    """Send one message over a new connection and give its verdict header."""
    with MilterClient(daemon.address) as mta:
        mta.greet()
        ending = mta.message("An offer", body=body)
        assert ending.answer.taken
        mta.quit()
    return ending.added("X-Gatepost-Verdict")[0]


def probability(header: str) -> float:
    """Give the classifier's probability out of a verdict header."""
    found = re.search(r"probability=([0-9.]+)", header)
    assert found
    return float(found[1])


def truncate(model: Path) -> None:
    """Cut the arrays short."""
    (model / "weights.npz").write_bytes((model / "weights.npz").read_bytes()[:200])


def alter(model: Path) -> None:
    """Change one byte."""
    data = bytearray((model / "weights.npz").read_bytes())
    data[len(data) // 2] ^= 1
    (model / "weights.npz").write_bytes(data)


def foreign(model: Path) -> None:
    """Put a model of other features there, its checksums in order."""
    meta = json.loads((model / "features.json").read_text())
    (model / "features.json").write_text(json.dumps({**meta, "features_version": 999}))
    seal(model)


def gone(model: Path) -> None:
    """Take it away."""
    shutil.rmtree(model)


BREAKAGES: dict[Callable[[Path], None], str] = {
    truncate: r"weights\.npz does not match its checksum in SHA256SUMS",
    alter: r"weights\.npz does not match its checksum in SHA256SUMS",
    foreign: r"made for features version 999, this Gatepost makes version \d+: train it again",
    gone: "no such directory",
}


def test_a_broken_model_on_reload_keeps_the_old_one(tmp_path: Path):
    """Cut, altered, foreign or gone: SIGHUP logs one line naming the model, and mail is judged by the old one as before.

    A sound model is taken up by the next SIGHUP.
    """
    model = write_model(tmp_path / "mine")
    with gatepost("", model=str(model)) as daemon:
        workers = sorted(daemon.workers())
        before = probability(verdict(daemon))
        assert before > 0.7
        for number, (breakage, line) in enumerate(BREAKAGES.items(), 1):
            write_model(model)
            breakage(model)
            daemon.signal(signal.SIGHUP)
            daemon.logged("reload failed", number)
            told = [line for line in daemon.log().splitlines() if "reload failed" in line][-1]
            assert re.search(rf"reload failed, the old config stays: model {re.escape(str(model))}: .*{line}", told)
            assert "Traceback" not in daemon.log()
            assert sorted(daemon.workers()) == workers
            assert probability(verdict(daemon)) == before
        write_model(model, spam="minutes", ham="viagra")
        daemon.reload()
        assert probability(verdict(daemon)) < 0.3


def test_a_broken_model_or_shadow_at_the_start_is_one_line(tmp_path: Path):
    """A daemon that cannot have its models does not begin: exit 2, one line that names the directory."""
    live, other = write_model(tmp_path / "live"), write_model(tmp_path / "other")
    truncate(other)
    config = tmp_path / "gatepost.toml"
    for table in (f'model = "{other}"', f'model = "{live}"\nshadow = "{other}"'):
        config.write_text(f"[classifier]\n{table}\n")
        ran = command("run", "--config", config, env={"STATE_DIRECTORY": str(tmp_path / "state")})
        assert ran.code == 2
        assert ran.err.count("\n") == 1
        assert f"model {other}: weights.npz does not match its checksum" in ran.err


def test_a_shadow_leaves_its_trace_in_the_record_alone(tmp_path: Path):
    """With a shadow of the opposite opinion outcome, score and headers are as without it.

    The log tells both opinions, `gatepost shadow` reports them, and status counts them while the daemon runs.
    """
    live = write_model(tmp_path / "live")
    other = write_model(tmp_path / "other", spam="minutes", ham="viagra")
    with gatepost("", model=str(live)) as daemon:
        alone = verdict(daemon)
    with gatepost(f'shadow = "{other}"', model=str(live)) as daemon:
        beside = verdict(daemon)
        own = re.compile(r" id=.*")
        assert own.sub("", beside) == own.sub("", alone)
        assert verdict(daemon, b"The minutes are here.\r\n")
        store = SqliteState(daemon.state / "state.sqlite", SystemClock(), timeout=5.0)
        until(lambda: read(store, "live", DAY).messages == 2, "both messages to be counted", SEND_SECONDS + 20)
        store.close()
        ran = command("status", "--json", "--config", daemon.config_file, env={"STATE_DIRECTORY": str(daemon.state)})
        told = json.loads(ran.out)
        assert told["shadow"]["model"] == "other"
        assert sum(told["shadow"]["disagreements"].values()) == 2
        assert told["drift"]["verdict"] == "unknown"
        assert told["state"]["well"]
        daemon.logged('"event":"message"', 2)
        (tmp_path / "daemon.log").write_text(daemon.log())
    report = json.loads(command("shadow", "--json", tmp_path / "daemon.log").out)
    assert (report["live"], report["shadow"], report["messages"], report["disagreements"]) == (
        ["live"],
        ["other"],
        2,
        2,
    )
    assert report["tokens"]


def test_counts_survive_the_end_of_the_daemon(tmp_path: Path):
    """What was counted just before a stop is handed on by the workers as they leave, and read without a daemon."""
    with gatepost("", model=str(write_model(tmp_path / "mine"))) as daemon:
        for _ in range(3):
            verdict(daemon)
        assert daemon.stop() == 0
        assert "could not let go" not in daemon.log()
        told = command("status", "--json", "--config", daemon.config_file, env={"STATE_DIRECTORY": str(daemon.state)})
    assert told.code == 0
    assert json.loads(told.out)["messages"] == {"day": 3, "week": 3}


def test_mail_that_is_nothing_like_the_training_mail_makes_the_model_stale(tmp_path: Path):
    """From the milter's socket to the verdict: a few hundred messages far from the reference, and status says stale."""
    model = write_model(tmp_path / "mine")
    usual = Side(5_000, (1.0, *[0.0] * (BINS - 1)), (1.0, *[0.0] * (BINS - 1)), 5_000, {"=links-0": 0.5})
    (model / "metrics.json").write_text(json.dumps({"reference": population_data(Population((usual, usual)))}))
    seal(model)
    with gatepost("", model=str(model)) as daemon:
        with MilterClient(daemon.address) as mta:
            mta.greet()
            for _ in range(ENOUGH):
                assert mta.message("An offer", body=BODY).answer.taken
            mta.quit()
        assert daemon.stop() == 0
        ran = command("status", "--json", "--config", daemon.config_file, env={"STATE_DIRECTORY": str(daemon.state)})
    told = json.loads(ran.out)
    assert (ran.code, told["stale"], told["drift"]["verdict"]) == (0, True, "stale")
    assert told["drift"]["messages"] == ENOUGH


@pytest.mark.parametrize("name", ["status", "shadow"])
def test_the_installed_command_knows_them(name: str):
    """Both commands explain themselves with examples."""
    ran = command(name, "--help")
    assert ran.code == 0
    assert f"gatepost {name}" in ran.out
    assert "--json" in ran.out
