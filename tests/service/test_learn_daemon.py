"""What is taught while the daemon runs: its workers hear of it by themselves, and go on with it when the store is gone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from support.cli import gatepost
from support.daemon import Daemon
from support.daemon import gatepost as daemon_running
from support.milter_client import MilterClient
from support.redis_server import RedisServer
from support.waiting import until

BODY = b"Buy our wonderful garden furniture today while the stock lasts, delivered to your very door.\r\n"
LETTER = b"From: a@example.net\r\nSubject: Offer\r\n\r\n" + BODY


def site_fact(daemon: Daemon, connections: int = 6) -> list[str]:
    """Send the message over several connections, which meet both workers, and give what the site moved in each."""
    for number in range(connections):
        with MilterClient(daemon.address) as mta:
            mta.greet()
            assert mta.message("Offer", body=BODY, queue_id=f"4Q{number}").answer.taken
    records = [json.loads(line) for line in daemon.log().splitlines() if '"event":"message"' in line]
    content = [item for record in records[-connections:] for item in record["evidence"] if item["check"] == "content"]
    return [item["facts"].get("site", "") for item in content]


def teach(daemon: Daemon, folder: Path, *arguments: str) -> str:
    """Run `gatepost learn` beside the daemon, and give what it printed."""
    letter = folder / "letter.eml"
    letter.write_bytes(LETTER)
    given = [str(letter) if each == "LETTER" else each for each in arguments]
    environment = {"STATE_DIRECTORY": str(daemon.state)}
    done = gatepost("learn", *given, "--config", daemon.config_file, env=environment)
    assert (done.code, done.err) == (0, "")
    return done.out


@pytest.mark.parametrize("store", ["embedded", "redis"])
def test_workers_hear_of_labels_by_themselves(tmp_path: Path, store: str) -> None:
    """A label given beside the running daemon counts in both workers, and so does taking it back."""
    (tmp_path / "redis").mkdir()
    with RedisServer(tmp_path / "redis") as server:
        url = server.url if store == "redis" else ""
        tmp_path.chmod(0o755)
        with daemon_running(f'[state]\nurl = "{url}"') as daemon:
            assert site_fact(daemon) == [""] * 6
            name = teach(daemon, tmp_path, "spam", "LETTER").split()[-1]
            until(lambda: all("1 spam, 0 ham" in fact for fact in site_fact(daemon)), "all workers to know the label")
            if store == "redis":
                server.kill()
                assert all("1 spam, 0 ham" in fact for fact in site_fact(daemon))
                server.start()
                until(lambda: site_fact(daemon) == [""] * 6, "all workers to see that Redis is empty")
                assert "Traceback" not in daemon.log()
                return
            teach(daemon, tmp_path, "--undo", name)
            until(lambda: site_fact(daemon) == [""] * 6, "all workers to know that it was taken back")
            assert "Traceback" not in daemon.log()
