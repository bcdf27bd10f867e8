"""The supervisor and its workers: nobody's mail is dropped by a reload, a stop or the death of a worker."""

from __future__ import annotations

import json
import os
import pwd
import signal
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from support.daemon import Daemon, refused, scripted
from support.milter_client import ALL_ACTIONS, ALL_STEPS, Ending, MilterClient, dial
from support.waiting import until


def seen(ending: Ending) -> dict:
    """Give what the scripted judge saw."""
    return json.loads(ending.added("X-Seen")[0])


def test_workers_serve_and_stop_at_once(tmp_path: Path):
    """The daemon serves, and an idle one ends with code 0 as soon as it is told to."""
    with scripted(tmp_path, workers=3) as daemon:
        assert len(daemon.workers()) == 3
        with MilterClient(daemon.address) as mta:
            mta.greet()
            assert mta.message().answer.taken
            mta.quit()
        assert daemon.stop() == 0


def test_sigint_reaches_the_supervisor_alone(tmp_path: Path):
    """Ctrl-C at a terminal must not kill workers: they are no part of the foreground group."""
    with scripted(tmp_path) as daemon:
        assert all(os.getpgid(worker) != os.getpgid(daemon.pid) for worker in daemon.workers())
        daemon.signal(signal.SIGINT)
        assert daemon.process.wait(20) == 0


def test_sigterm_lets_a_message_in_flight_finish(tmp_path: Path):
    """A message that is being judged when the stop comes gets its answer."""
    gate = tmp_path / "gate"
    own = pwd.getpwuid(os.geteuid()).pw_name  # nobody could not see the gate
    with scripted(tmp_path, user=own) as daemon, MilterClient(daemon.address) as mta:
        mta.greet()
        endings: list[Ending] = []
        judging = threading.Thread(target=lambda: endings.append(mta.message(f"block {gate}")))
        judging.start()
        until(gate.with_suffix(".begun").exists, "the judge to begin")
        daemon.signal(signal.SIGTERM)
        daemon.logged("stopping")
        gate.touch()
        judging.join(20)
        assert endings[0].answer.taken
        assert daemon.process.wait(20) == 0


@pytest.mark.parametrize("family", ["unix", "inet"])
def test_a_stop_refuses_new_connections_at_once(tmp_path: Path, family: str):
    """While a message is still being judged, who connects is refused instead of waiting for nobody; the message is answered."""
    gate = tmp_path / "gate"
    path = tmp_path / "milter"
    own = pwd.getpwuid(os.geteuid()).pw_name
    settings = {"user": own, "stop_seconds": 600, **({"listen": f"unix:{path}"} if family == "unix" else {})}

    def refused_by(daemon: Daemon) -> bool:
        try:
            dial(daemon.address, 5).close()
        except (ConnectionRefusedError, FileNotFoundError):
            return True
        return False

    with scripted(tmp_path, **settings) as daemon, MilterClient(daemon.address, seconds=60) as mta:
        mta.greet()
        endings: list[Ending] = []
        judging = threading.Thread(target=lambda: endings.append(mta.message(f"block {gate}")))
        judging.start()
        until(gate.with_suffix(".begun").exists, "the judge to begin")
        daemon.signal(signal.SIGTERM)
        try:
            until(lambda: refused_by(daemon), "new connections to be refused", 3)
            assert not path.exists()
        finally:
            gate.touch()
            judging.join(20)
        assert endings[0].answer.taken
        assert daemon.process.wait(20) == 0


def test_a_stop_is_bounded(tmp_path: Path):
    """A message that never ends does not keep the daemon alive beyond stop_seconds."""
    with scripted(tmp_path, stop_seconds=0.5) as daemon, MilterClient(daemon.address) as mta:
        mta.greet()
        assert mta.mail().taken
        assert mta.rcpt().taken
        assert daemon.stop(10) == 0


def test_a_second_sigterm_ends_at_once(tmp_path: Path):
    """Who asks twice does not want to wait."""
    with scripted(tmp_path, stop_seconds=600) as daemon, MilterClient(daemon.address) as mta:
        mta.greet()
        mta.mail()
        mta.rcpt()
        daemon.signal(signal.SIGTERM)
        daemon.logged("stopping")
        assert daemon.stop(10) == 0


def test_reload_serves_open_connections_on(tmp_path: Path):
    """A connection from before a reload is served until the MTA closes it, by the config it began with."""
    with scripted(tmp_path) as daemon, MilterClient(daemon.address) as old:
        old.greet()
        assert seen(old.message())["generation"] == "1"
        workers = set(daemon.workers())
        daemon.reload(_generation="2")
        with MilterClient(daemon.address) as new:
            new.greet()
            assert seen(new.message())["generation"] == "2"
        assert seen(old.message())["generation"] == "1"
        old.quit()
        until(lambda: not workers & set(daemon.workers()), "the old workers to leave")


def test_reload_is_said_to_be_done_when_no_old_worker_takes_a_connection(tmp_path: Path):
    """An old worker that has not heard of its end yet holds the word back; what connects after the word meets the new config."""
    with scripted(tmp_path) as daemon:
        old, other = daemon.workers()
        os.kill(old, signal.SIGSTOP)
        daemon.change(_generation="2")
        daemon.signal(signal.SIGHUP)
        until(lambda: other not in daemon.workers(), "the old worker that runs to leave")
        assert "reloaded:" not in daemon.log()
        os.kill(old, signal.SIGCONT)
        daemon.logged("reloaded:")
        for _ in range(8):
            with MilterClient(daemon.address) as mta:
                mta.greet()
                assert seen(mta.message())["generation"] == "2"


def test_a_worker_that_hangs_does_not_keep_a_reload_from_its_end(tmp_path: Path):
    """An old worker that gives no sign of life while it still takes connections is killed, and the reload is done."""
    with scripted(tmp_path, hang_seconds=1.0) as daemon:
        old = daemon.workers()[0]
        os.kill(old, signal.SIGSTOP)
        daemon.reload(_generation="2")
        daemon.logged(f"worker {old} hangs and is killed")


def test_reload_serves_a_connection_that_has_not_spoken_yet(tmp_path: Path):
    """A connection that was accepted before a reload and negotiates after it is served."""
    with scripted(tmp_path, workers=1) as daemon, MilterClient(daemon.address, negotiate=False) as mta:
        daemon.reload()
        mta.negotiate(ALL_ACTIONS, ALL_STEPS)
        mta.greet()
        assert mta.message().answer.taken


def test_reload_can_change_the_number_of_workers(tmp_path: Path):
    """After a reload there are as many workers as the new config says."""
    with scripted(tmp_path, workers=1) as daemon:
        daemon.reload(workers=3)
        until(lambda: len(daemon.workers()) == 3, "three workers")


def test_reload_of_a_wrong_config_keeps_the_old(tmp_path: Path):
    """A config that cannot be used is named in the log and changes nothing."""
    with scripted(tmp_path) as daemon:
        workers = daemon.workers()
        daemon.change(workers=0)
        daemon.signal(signal.SIGHUP)
        daemon.logged("reload failed, the old config stays: .*workers")
        assert daemon.workers() == workers
        daemon.reload(workers=2)


def test_reload_whose_workers_cannot_begin_keeps_the_old(tmp_path: Path):
    """A snapshot that builds but cannot serve is given up; the old workers never left."""
    with scripted(tmp_path) as daemon:
        workers = set(daemon.workers())
        daemon.change(_boot="fails")
        daemon.signal(signal.SIGHUP)
        daemon.logged(r"reload failed: a worker cannot begin")
        until(lambda: set(daemon.workers()) == workers, "the failed workers to be gone")
        with MilterClient(daemon.address) as mta:
            mta.greet()
            assert mta.message().answer.taken


def test_a_config_whose_workers_cannot_begin_ends_the_daemon(tmp_path: Path):
    """At the start a worker that cannot begin is not started again for ever."""
    code, said = refused(tmp_path, _boot="fails")
    assert code == 1
    assert "a worker cannot begin" in said


def test_reload_names_what_needs_a_restart(tmp_path: Path):
    """Settings of the socket stay as they are, and the log says so."""
    with scripted(tmp_path) as daemon:
        daemon.reload(listen="inet:127.0.0.1:1", socket_mode="0600", workers=1)
        daemon.logged(r"a restart is needed for a change of \[milter\] listen, socket_mode")
        with MilterClient(daemon.address) as mta:
            mta.greet()
            assert mta.message().answer.taken


def test_reload_under_load_drops_nothing(tmp_path: Path):
    """While mail flows on connections old and new, five reloads cost no message its answer."""
    with scripted(tmp_path) as daemon:
        stop, sent, lost = threading.Event(), [], []

        def flow() -> None:
            try:
                while not stop.is_set():
                    with MilterClient(daemon.address) as mta:
                        mta.greet()
                        for _ in range(5):
                            assert mta.message().answer.taken
                            sent.append(1)
                        mta.quit()
            except (OSError, AssertionError) as error:
                lost.append(error)

        flows = [threading.Thread(target=flow) for _ in range(6)]
        for thread in flows:
            thread.start()
        for generation in range(2, 7):
            daemon.reload(_generation=str(generation))
            begun = len(sent)
            until(lambda begun=begun: len(sent) > begun + 20 or lost, "mail to flow")
        stop.set()
        for thread in flows:
            thread.join(20)
        assert not lost
        until(lambda: len(daemon.workers()) == 2, "the old workers to leave")


def test_a_killed_worker_is_replaced(tmp_path: Path):
    """A worker that dies is replaced within a second or so, and mail goes on."""
    with scripted(tmp_path, workers=2) as daemon:
        victim = daemon.workers()[0]
        os.kill(victim, signal.SIGKILL)
        until(lambda: len(daemon.workers()) == 2 and victim not in daemon.workers(), "a new worker", 3)
        daemon.logged(rf"worker {victim} died: signal 9")
        with MilterClient(daemon.address) as mta:
            mta.greet()
            assert mta.message().answer.taken


def test_a_hanging_worker_is_replaced(tmp_path: Path):
    """A worker that gives no sign of life is killed, and a new one serves."""
    with scripted(tmp_path, workers=1, hang_seconds=1) as daemon:
        (victim,) = daemon.workers()
        os.kill(victim, signal.SIGSTOP)
        daemon.logged(f"worker {victim} hangs and is killed")
        with MilterClient(daemon.address) as mta:
            mta.greet()
            assert seen(mta.message())["pid"] != victim


def test_a_busy_worker_does_not_hang(tmp_path: Path):
    """A worker whose judge takes long gives signs of life all the same."""
    gate = tmp_path / "gate"
    own = pwd.getpwuid(os.geteuid()).pw_name
    with scripted(tmp_path, user=own, workers=1, hang_seconds=1) as daemon, MilterClient(daemon.address) as mta:
        mta.greet()
        endings: list[Ending] = []
        judging = threading.Thread(target=lambda: endings.append(mta.message(f"block {gate}")))
        judging.start()
        begun = until(gate.with_suffix(".begun").exists, "the judge to begin") and time.monotonic()
        until(lambda: time.monotonic() - begun > 2, "two seconds")
        gate.touch()
        judging.join(20)
        assert endings[0].answer.taken
        assert "hangs" not in daemon.log()


def test_a_worker_that_keeps_dying_is_started_ever_more_slowly(tmp_path: Path):
    """Mail that kills its worker costs a pause, not an endless storm of new processes; later mail is served."""
    with scripted(tmp_path, workers=1, restart_seconds=0.3) as daemon:
        for death in range(1, 4):
            with MilterClient(daemon.address) as mta:
                mta.greet()
                mta.mail()
                mta.rcpt()
                mta.headers([(b"Subject", b" die")])
                with suppress(OSError):
                    mta.end()
            daemon.logged("died: signal 9", death)
        with MilterClient(daemon.address) as mta:
            mta.greet()
            assert mta.message().answer.taken


def test_workers_end_when_the_supervisor_dies(tmp_path: Path):
    """Without a supervisor nobody would reload or stop them, so they finish and go."""
    with scripted(tmp_path) as daemon:
        workers = daemon.workers()
        daemon.signal(signal.SIGKILL)
        daemon.process.wait(10)
        until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers), "the workers to end")


def test_a_worker_retires_and_is_replaced_first(tmp_path: Path):
    """After its number of messages a worker gives way to a new one, and no message is lost over it."""
    with scripted(tmp_path, workers=1, max_messages_per_worker=20) as daemon:
        pids = set()
        for _ in range(60):
            with MilterClient(daemon.address) as mta:
                mta.greet()
                pids.add(seen(mta.message())["pid"])
                mta.quit()
            if len(pids) > 1:
                break
        else:
            until(lambda: daemon.workers() and daemon.workers()[0] not in pids, "another worker")
        until(lambda: len(daemon.workers()) == 1, "the retired worker to leave")
        assert "died" not in daemon.log()


def test_sigterm_to_a_worker_itself_loses_nothing(tmp_path: Path):
    """A service manager that signals every process of the group still lets open connections be served."""
    with scripted(tmp_path, workers=1) as daemon, MilterClient(daemon.address) as mta:
        mta.greet()
        mta.message()
        old = daemon.workers()
        os.kill(old[0], signal.SIGTERM)
        assert mta.message().answer.taken
        until(lambda: len(daemon.workers()) == 1 and mta.message().answer.taken, "messages taken meanwhile")
        mta.quit()
        until(lambda: daemon.workers() and daemon.workers() != old, "the worker to be replaced")


def test_reloads_asked_for_twice_at_once(tmp_path: Path):
    """A second SIGHUP during a reload is not lost: the newest config is in force in the end."""
    with scripted(tmp_path) as daemon:
        daemon.change(_generation="2")
        daemon.signal(signal.SIGHUP)
        daemon.change(_generation="3")
        daemon.signal(signal.SIGHUP)

        def newest() -> bool:
            with MilterClient(daemon.address) as mta:
                mta.greet()
                return seen(mta.message())["generation"] == "3"

        until(newest, "the newest config")
