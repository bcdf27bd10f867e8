"""What is taught while the daemon runs: its workers hear of it by themselves, and go on with it when the store is gone."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from support.cli import gatepost
from support.daemon import Daemon
from support.daemon import gatepost as daemon_running
from support.milter_client import MilterClient
from support.redis_server import RedisServer
from support.waiting import until

_CONNECTIONS = 200
BODY = b"Buy our wonderful garden furniture today while the stock lasts, delivered to your very door.\r\n"
LETTER = b"From: a@example.net\r\nSubject: Offer\r\n\r\n" + BODY


def site_facts(daemon: Daemon) -> set[str]:
    """Send the message until each worker has judged it, and give what the site moved in the last one of each.

    Which worker takes a connection is for the kernel to say, so a number of connections says nothing.
    """
    facts: dict[int, str] = {}
    for number in range(_CONNECTIONS):
        with MilterClient(daemon.address) as mta:
            mta.greet()
            worker = _taker(daemon, mta.socket.getpeername()[1], mta.socket.getsockname()[1])
            assert mta.message("Offer", body=BODY, queue_id=f"4Q{number}").answer.taken
        (content,) = [item for item in _judged(daemon)[-1]["evidence"] if item["check"] == "content"]
        facts[worker] = content["facts"].get("site", "")
        if facts.keys() >= set(daemon.workers()):
            return set(facts.values())
    pytest.fail(f"only {list(facts)} of {daemon.workers()} took {_CONNECTIONS} connections")


def _taker(daemon: Daemon, port: int, client: int) -> int:
    """Give the worker that holds the end at `port` of a connection from the port `client` (proc(5), net/tcp)."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    ends = {tuple(int(end.partition(":")[2], 16) for end in row[1:3]): row[9] for row in rows if row[9] != "0"}
    inode = ends[port, client]
    for worker in daemon.workers():
        for entry in Path(f"/proc/{worker}/fd").iterdir():
            with suppress(OSError):
                if str(entry.readlink()) == f"socket:[{inode}]":
                    return worker
    pytest.fail("no worker holds the connection")


def _judged(daemon: Daemon) -> list[dict[str, Any]]:
    """Give the records of the daemon's log."""
    return [json.loads(line) for line in daemon.log().splitlines() if '"event":"message"' in line]


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
            assert site_facts(daemon) == {""}
            name = teach(daemon, tmp_path, "spam", "LETTER").split()[-1]
            until(lambda: all("1 spam, 0 ham" in fact for fact in site_facts(daemon)), "all workers to know the label")
            if store == "redis":
                server.kill()
                assert all("1 spam, 0 ham" in fact for fact in site_facts(daemon))
                server.start()
                until(lambda: site_facts(daemon) == {""}, "all workers to see that Redis is empty")
                assert "Traceback" not in daemon.log()
                return
            teach(daemon, tmp_path, "--undo", name)
            until(lambda: site_facts(daemon) == {""}, "all workers to know that it was taken back")
            assert "Traceback" not in daemon.log()
