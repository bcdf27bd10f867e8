"""State that several processes share: exact counts across forks, and a writer that is killed."""

from __future__ import annotations

import multiprocessing
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from gatepost.world.clock import FakeClock
from gatepost.world.state.door import Hit, Mark, State, Tally
from gatepost.world.state.redis_url import open_redis
from gatepost.world.state.sqlite import SqliteState
from support.redis_server import RedisServer
from support.state_files import file_state

WINDOW = 3_600
ROUNDS = 300


@pytest.mark.parametrize("form", ["sqlite", "redis"])
def test_four_processes_count_exactly(form: str, server: RedisServer, tmp_path: Path, clock: FakeClock) -> None:
    """Workers forked from one parent that had already used its connection lose and double nothing."""
    server.command(b"FLUSHALL")
    state: State = (
        file_state(tmp_path / "state.db", clock) if form == "sqlite" else open_redis(server.url, clock, timeout=5.0)
    )
    state.hit([Hit("a", WINDOW)])
    fork = multiprocessing.get_context("fork")
    children = [fork.Process(target=count_and_judge, args=(state,)) for _ in range(4)]
    for child in children:
        child.start()
    for child in children:
        child.join(60)
    assert [child.exitcode for child in children] == [0] * 4
    assert state.hit([Hit("a", WINDOW, 0)]) == [1 + 4 * ROUNDS]
    assert state.recall(["b"]) == [Tally(pytest.approx(4 * ROUNDS / 64), 0.0)]
    state.close()


def count_and_judge(state: State) -> None:
    """Do a worker's share."""
    for _ in range(ROUNDS):
        state.hit([Hit("a", WINDOW), Hit("c", 60)])
        state.remember([Mark("b", wanted=1 / 64)])


def test_a_writer_killed_at_work_leaves_a_sound_file(tmp_path: Path) -> None:
    """SIGKILL in the middle of writing: what was answered is there, the file is sound, and the next writer goes on."""
    path = tmp_path / "state.db"
    script = (
        "import sys; from pathlib import Path; from gatepost.world.clock import FakeClock\n"
        "from gatepost.world.state.sqlite import SqliteState; from gatepost.world.state.door import Hit\n"
        "state = SqliteState(Path(sys.argv[1]), FakeClock(), timeout=5.0); state.prepare()\n"
        f"while True: print(int(state.hit([Hit('a', {WINDOW})])[0]), flush=True)\n"
    )
    seen = 0
    for _ in range(3):
        with subprocess.Popen([sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE) as writer:
            for _ in range(50):
                seen = int(writer.stdout.readline())
            writer.send_signal(signal.SIGKILL)
            rest = writer.stdout.read().splitlines()
            seen = int(rest[-1]) if rest and rest[-1].isdigit() else seen
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()
    (now,) = SqliteState(path, FakeClock()).hit([Hit("a", WINDOW, 0)])
    assert now >= seen - 1
    assert now >= 150
