"""The jail, live: what its process may do, and what becomes of the caller when it misbehaves."""

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from gatepost.world.budget import allowance
from gatepost.world.clock import FakeClock
from gatepost.world.jail.door import Answered, Crashed, Overdue, Unavailable
from gatepost.world.jail.live import LiveJail
from gatepost.world.jail.settings import Settings
from support import jailed_program
from support.memory import peak_growth

PROGRAM = (jailed_program.__file__,)
MIB = 1 << 20


@pytest.fixture
def jail():
    """Give a jail with half a gigabyte."""
    jail = LiveJail(PROGRAM, Settings(jail_memory_bytes=512 * MIB))
    yield jail
    jail.close()


def said(jail, *request: bytes, seconds: float = 10.0) -> bytes:
    """Give the answer to a request that must be answered."""
    ending = jail.call(request, seconds)
    assert isinstance(ending, Answered), ending
    return ending.data


def pid_of(jail) -> int:
    """Give the id of the process that answers."""
    return int(said(jail, b"pid").split()[-1])


def test_pieces_arrive_as_one_and_the_answer_comes_back(jail) -> None:
    """A request is given in pieces and read as one, and the answer is what the program gave."""
    assert said(jail, b"echo ", b"a" * 100, b"", b"\0\xff") == b"a" * 100 + b"\0\xff"


def test_one_process_serves_one_call_after_another(jail) -> None:
    """A process is kept between calls."""
    assert pid_of(jail) == pid_of(jail)


def test_nothing_runs_before_the_first_call() -> None:
    """Opening a jail starts no process: most workers of a small site never need one."""
    before = threading.active_count()
    LiveJail(("/nonexistent.py",), Settings()).close()
    assert threading.active_count() == before


@pytest.mark.parametrize("attempt", ["socket", "connect", "fork", "exec", "spawn", "kill"])
def test_the_world_is_out_of_reach(jail, attempt) -> None:
    """The process can reach no network, start no program and signal nobody."""
    assert said(jail, attempt.encode()).startswith(b"refused")


def test_files_cannot_be_changed(jail, tmp_path) -> None:
    """The process can write no file and remove none."""
    target = tmp_path / "file"
    assert said(jail, b"write ", str(target).encode()).startswith(b"refused")
    assert not target.exists()
    assert b"PermissionError" in said(jail, b"unlink")


def test_threads_are_allowed(jail) -> None:
    """Some decompressors use a thread of their own."""
    assert said(jail, b"thread") == b"did: ran"


def test_memory_is_limited_and_the_process_survives(jail) -> None:
    """More memory than allowed is refused inside, not killed from outside."""
    assert said(jail, b"eat").startswith(b"refused: MemoryError")
    assert said(jail, b"echo x") == b"x"


def test_nothing_of_the_worker_is_inherited(jail, monkeypatch) -> None:
    """The process has neither the worker's descriptors nor its environment, and no way to more privileges."""
    monkeypatch.setenv("SECRET", "x")
    read, write = os.pipe()
    os.set_inheritable(read, True)
    try:
        open_files = said(jail, b"descriptors").decode()
        assert "pipe" not in open_files
        assert open_files.count("socket") == 1
    finally:
        os.close(read)
        os.close(write)
    assert b"SECRET" not in said(jail, b"environment")
    status = said(jail, b"status").decode()
    assert "NoNewPrivs:\t1" in status
    assert "Seccomp:\t2" in status


def test_signals_of_the_callers_thread_do_not_matter(jail) -> None:
    """A thread that blocks signals, as those of libmilter do, starts a process that hears them all."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM, signal.SIGTERM])
    try:
        assert b"SigBlk:\t0000000000000000" in said(jail, b"status")
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def test_a_crash_is_told_and_the_next_call_served(jail) -> None:
    """A process that ends, or whose program raises, is replaced."""
    first = pid_of(jail)
    assert jail.call([b"die"], 10.0) == Crashed("the process ended with exit code 3")
    assert isinstance(jail.call([b"raise"], 10.0), Crashed)
    assert pid_of(jail) != first


@pytest.mark.parametrize("word", [b"hang", b"spin"])
def test_a_hung_process_is_killed_at_the_deadline(jail, word) -> None:
    """Whether it waits or computes: when the time is up the process is gone and the next call is served."""
    pid = pid_of(jail)
    begin = time.monotonic()
    assert isinstance(jail.call([word], 0.5), Overdue)
    assert time.monotonic() - begin < 2
    assert not Path(f"/proc/{pid}").exists()
    assert said(jail, b"echo x") == b"x"


def test_a_stopped_process_is_killed_at_the_deadline(jail) -> None:
    """SIGSTOP between two calls: the next one is overdue, the one after it served."""
    pid = pid_of(jail)
    os.kill(pid, signal.SIGSTOP)
    assert isinstance(jail.call([b"echo x"], 0.3), Overdue)
    assert not Path(f"/proc/{pid}").exists()
    assert said(jail, b"echo x") == b"x"


def test_a_process_killed_while_idle_costs_nobody_anything(jail) -> None:
    """SIGKILL between two calls is noticed before the next one."""
    pid = pid_of(jail)
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert said(jail, b"echo x") == b"x"


def test_a_process_killed_at_work_is_told(jail) -> None:
    """SIGKILL in the middle is a crash, by its signal."""
    pid = pid_of(jail)
    endings = []
    at_work = threading.Thread(target=lambda: endings.append(jail.call([b"spin"], 20.0)))
    at_work.start()
    while Path(f"/proc/{pid}/stat").read_text().split()[2] != "R":
        os.sched_yield()
    os.kill(pid, signal.SIGKILL)
    at_work.join()
    assert endings == [Crashed("the process ended by signal 9")]
    assert said(jail, b"echo x") == b"x"


def test_an_answer_too_large_is_not_taken(jail) -> None:
    """The caller's memory is not the program's to fill."""
    assert isinstance(jail.call([b"flood"], 10.0), Crashed)


def test_a_process_is_replaced_after_its_jobs() -> None:
    """A process leaves after so many calls, and no call is lost to it."""
    jail = LiveJail(PROGRAM, Settings(jail_jobs=2))
    pids = [pid_of(jail) for _ in range(5)]
    jail.close()
    assert [pids.index(pid) for pid in pids] == [0, 0, 2, 2, 4]


def test_a_process_that_grew_fat_is_replaced(jail) -> None:
    """Memory that a file left behind is given back by leaving."""
    pid = pid_of(jail)
    assert said(jail, b"grow ", str(300 * MIB).encode()) == b"grown"
    assert pid_of(jail) != pid


def test_threads_share_the_places(jail) -> None:
    """As many processes as allowed, no more; who finds them busy waits, and learns when that was in vain."""
    busy = [threading.Thread(target=jail.call, args=([b"hang"], 1.5)) for _ in range(2)]
    for thread in busy:
        thread.start()
    while jail._places._value:
        os.sched_yield()
    assert jail.call([b"echo x"], 0.1) == Unavailable("all its processes were busy")
    assert said(jail, b"echo x") == b"x"
    for thread in busy:
        thread.join()


def test_a_program_that_does_not_start_is_left_alone_for_a_while() -> None:
    """What cannot start is tried again later, and meanwhile costs nothing."""
    clock = FakeClock()
    jail = LiveJail(("/nonexistent.py",), Settings(jail_retry_seconds=5), clock)
    first = jail.call([b"x"], 10.0)
    assert isinstance(first, Unavailable)
    begin = time.monotonic()
    assert jail.call([b"x"], 10.0) == Unavailable(f"{first.reason}; not tried again yet")
    assert time.monotonic() - begin < 0.05
    clock.advance(5)
    assert jail.call([b"x"], 10.0) == first
    clock.advance(5)
    assert "not tried again" in str(jail.call([b"x"], 10.0)), "the wait doubles"


def test_an_interpreter_that_cannot_be_run_is_told(monkeypatch) -> None:
    """No executable: an answer, not an exception."""
    monkeypatch.setattr("sys.executable", "/nonexistent/python")
    assert isinstance(LiveJail(PROGRAM, Settings()).call([b"x"], 1.0), Unavailable)


def test_a_start_that_outlasts_a_message_serves_the_next(jail) -> None:
    """A message that cannot wait for the start does not make the start in vain."""
    assert isinstance(jail.call([b"echo x"], 0.001), Overdue)
    assert len(jail._idle) == 1
    pid = jail._idle[0].pid
    assert pid_of(jail) == pid


def test_the_message_budget_is_kept(jail) -> None:
    """A message that has less time left than asked for gets that; the program is told to stop a little earlier."""
    said(jail, b"echo x")
    with allowance(FakeClock(), 2.0):
        assert 1.0 < float(said(jail, b"seconds", seconds=60.0)) < 2.0
    with allowance(FakeClock(), 0.0):
        assert jail.call([b"echo x"], 60.0) == Overdue(0.0)


def test_a_large_request_is_not_copied_into_the_workers_memory(jail) -> None:
    """The pieces of a request go to the process without being joined here."""
    said(jail, b"echo x")
    piece = bytes(64 * MIB)
    with peak_growth() as grown:
        said(jail, b"length ", piece)
    assert grown() < 8 * MIB


@pytest.fixture
def kept():
    """Give a jail whose processes a keeper forks, for the account nobody."""
    if os.geteuid():
        pytest.skip("only root becomes another account")
    jail = LiveJail(PROGRAM, Settings(jail_processes=3))
    jail.keep_for(65_534, 65_534)
    yield jail
    jail.close()


def test_a_keeper_forks_processes_of_the_account(kept) -> None:
    """They are nobody's, confined like others, one after another and side by side."""
    status = said(kept, b"status").decode()
    assert "Uid:\t65534\t65534\t65534\t65534" in status
    assert "Gid:\t65534\t65534\t65534\t65534" in status
    assert "Groups:\t \n" in status
    assert "CapEff:\t0000000000000000" in status
    assert "Seccomp:\t2" in status
    assert said(kept, b"socket").startswith(b"refused")
    assert pid_of(kept) == pid_of(kept)


def test_what_a_keeper_forked_is_killed_and_replaced(kept) -> None:
    """Crashed, hung and killed: told as ever, and the next call is served by another process."""
    first = pid_of(kept)
    assert isinstance(kept.call([b"die"], 10.0), Crashed)
    assert isinstance(kept.call([b"hang"], 0.3), Overdue)
    last = pid_of(kept)
    assert last != first
    os.kill(last, signal.SIGKILL)
    kept._idle[0]._process._gone(None)
    assert pid_of(kept) not in {first, last}


def test_a_keeper_that_has_ended_is_told(kept) -> None:
    """Without a keeper no process can be had: an answer, not an exception."""
    pid_of(kept)
    kept._keeper._process.kill()
    assert isinstance(kept.call([b"die"], 10.0), Crashed)
    assert isinstance(kept.call([b"echo x"], 10.0), Unavailable)
