"""The way to a log that several processes write to and that nobody may be reading."""

from __future__ import annotations

import json
import os
import select
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gatepost.ledger import outlet
from gatepost.ledger.outlet import Outlet
from support.waiting import until


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """Give a pipe: the end to read from and the end to write to."""
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


def drain(reader: int) -> list[str]:
    """Read what stands in a pipe just now, as lines."""
    os.set_blocking(reader, False)
    found = b""
    while True:
        try:
            found += os.read(reader, 65_536)
        except BlockingIOError:
            return found.decode().splitlines()


def forked(work) -> int:
    """Run something in a child of a fork; gives its process id."""
    pid = os.fork()
    if pid == 0:
        try:
            work()
        finally:
            os._exit(0)
    return pid


def test_a_reader_that_stalls_holds_nobody_up(pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Past one wait lines are dropped at once; when the reader is back the next line says how many, and what is whole stays."""
    monkeypatch.setattr(outlet, "WAIT", 0.2)
    reader, writer = pipe
    log = Outlet(writer)
    begun = time.monotonic()
    for number in range(200):
        log.write(json.dumps({"number": number, "text": "x" * 9_000}))
    assert time.monotonic() - begun < 5
    *whole, torn = drain(reader)
    kept = [json.loads(line)["number"] for line in whole]
    assert kept == list(range(len(kept)))
    log.write('{"number": "back"}')
    said, back = (json.loads(line) for line in drain(reader)[-2:])
    assert said["level"] == "warning"
    assert said["event"].endswith(f"dropped: {200 - len(kept)}")
    assert back == {"number": "back"}
    assert "back" not in torn


def test_threads_wait_together(pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Many threads that find the reader stalled wait once, not one after the other."""
    monkeypatch.setattr(outlet, "WAIT", 0.3)
    log = Outlet(pipe[1])
    threads = [threading.Thread(target=log.write, args=("x" * 100_000,)) for _ in range(50)]
    begun = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert time.monotonic() - begun < 5


def test_whose_turn_it_is_not_yet_is_not_told_that_nobody_reads(
    pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a reader that stalled is back, a line that has to wait for another process's line is kept."""
    reader, writer = pipe
    log = Outlet(writer)
    monkeypatch.setattr(outlet, "WAIT", 0.1)
    log.write("x" * 100_000)
    monkeypatch.setattr(outlet, "WAIT", 10.0)
    drain(reader)
    other = forked(lambda: log.write("y" * 200_000))
    until(lambda: not _room(writer), "the other process to be in the middle of its line")
    mine = threading.Thread(target=log.write, args=("mine",))
    mine.start()
    found: list[str] = []
    until(lambda: found.extend(drain(reader)) or found[-1:] == ["mine"], "both lines")
    mine.join()
    os.waitpid(other, 0)
    assert sum(line.count("y") for line in found) == 200_000


def test_lines_of_several_processes_do_not_mix(pipe: tuple[int, int]) -> None:
    """Lines longer than a pipe keeps together come out whole, whoever writes meanwhile, and however slowly they are read."""
    reader, writer = pipe
    log = Outlet(writer)
    writers = [forked(lambda letter=letter: [log.write(letter * 9_000) for _ in range(40)]) for letter in "abcd"]
    found = b""
    while found.count(b"\n") < 160:
        found += os.read(reader, 3_000)
    for pid in writers:
        os.waitpid(pid, 0)
    assert sorted(found.decode().split()) == sorted(letter * 9_000 for letter in "abcd" for _ in range(40))


def test_a_writer_that_is_killed_spoils_its_own_line_alone(pipe: tuple[int, int]) -> None:
    """Half a line that a killed process left is ended before the next one begins, and its lock is free again."""
    reader, writer = pipe
    log = Outlet(writer)
    victim = forked(lambda: log.write("x" * 1_000_000))
    until(lambda: not _room(writer), "the pipe to be full")
    os.kill(victim, signal.SIGKILL)
    os.waitpid(victim, 0)
    drain(reader)
    log.write("whole")
    assert drain(reader) == ["", "whole"]


def _room(writer: int) -> bool:
    return bool(select.select([], [writer], [], 0)[1])


def test_a_full_disk_is_said(tmp_path: Path) -> None:
    """What a full disk does not take is dropped without a word to the caller, and told to the log when there is room."""
    path = tmp_path / "log"
    place = os.open("/dev/full", os.O_WRONLY)
    log = Outlet(place)
    log.write("lost")
    log.write("lost")
    with path.open("wb") as file:
        os.dup2(file.fileno(), place)
    log.flush()
    log.write("kept")
    os.close(place)
    said, kept = path.read_text().splitlines()
    assert json.loads(said)["event"].endswith("dropped: 2")
    assert kept == "kept"


def test_any_text_is_written(pipe: tuple[int, int]) -> None:
    """A character that is none, a lone surrogate, is written as its escape."""
    Outlet(pipe[1]).write('"\udce9"')
    assert drain(pipe[0]) == ['"\\udce9"']
