"""Start the real daemon as its own process, speak to it, and stop it by its process id."""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from support.model import write_model
from support.waiting import free_port, until

_GATEPOST = (sys.executable, "-P", "-m", "gatepost.service.cli.main")
_SCRIPTED = Path(__file__).with_name("scripted_daemon.py")


class Daemon:
    """A running supervisor: `address` as the config writes it, its log, and for a real one its config and state folder."""

    def __init__(self, process: subprocess.Popen[bytes], address: str, log: Path) -> None:
        self.process = process
        self.address = address
        self._log = log
        self.settings_file = log.with_suffix(".json")
        self.config_file = log.with_name("gatepost.toml")
        self.state = log.with_name("state")

    @property
    def pid(self) -> int:
        """The supervisor's process id."""
        return self.process.pid

    def log(self) -> str:
        """Give all it logged so far."""
        return self._log.read_text(errors="replace")

    def logged(self, pattern: str, times: int = 1) -> None:
        """Wait until a pattern stands in the log so many times."""
        until(lambda: len(re.findall(pattern, self.log())) >= times, f"{pattern!r} in the log:\n{self.log()}")

    def workers(self) -> list[int]:
        """Give the process ids of its living children."""
        found = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return [int(pid) for pid in found]

    def signal(self, number: signal.Signals) -> None:
        """Send the supervisor a signal."""
        os.kill(self.pid, number)

    def change(self, **settings: object) -> None:
        """Rewrite the settings file of a scripted daemon; a SIGHUP makes it read them."""
        given = json.loads(self.settings_file.read_text())
        self.settings_file.write_text(json.dumps({**given, **settings}))

    def reload(self, **settings: object) -> None:
        """Reload, with changed settings for a scripted daemon, and wait until the new workers serve."""
        before = len(re.findall("reloaded:", self.log()))
        if settings:
            self.change(**settings)
        self.signal(signal.SIGHUP)
        self.logged("reloaded:", before + 1)

    def stop(self, seconds: float = 30.0) -> int:
        """Ask it to stop and give its exit code."""
        self.signal(signal.SIGTERM)
        return self.process.wait(seconds)


class LogReader:
    """Reads a daemon's log from a small pipe and writes what it reads into the log file; can be made to stop reading."""

    def __init__(self) -> None:
        self._reading = threading.Event()
        self._reading.set()
        self.stall, self.go_on = self._reading.clear, self._reading.set

    @contextmanager
    def into(self, log: Path) -> Iterator[int]:
        """Give the end of the pipe to write to; reads on until nobody has it any more."""
        reader, writer = os.pipe()
        fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
        log.touch()
        pump = threading.Thread(target=self._pump, args=(reader, log))
        pump.start()
        try:
            yield writer
        finally:
            os.close(writer)

    def _pump(self, reader: int, log: Path) -> None:
        with log.open("ab", buffering=0) as file, open(reader, "rb", buffering=0) as pipe:
            while self._reading.wait() and (data := pipe.read(3_000)):
                file.write(data)


@contextmanager
def running(
    command: Sequence[str | Path], address: str, log: Path, *, reader: LogReader | None = None, **options: object
) -> Iterator[Daemon]:
    """Run a command that ends up saying `listening on`; whatever happens, end it and its workers afterwards.

    With a `reader` its standard error is a pipe instead of the log file.
    """
    with reader.into(log) if reader else log.open("wb") as sink:
        process = subprocess.Popen([*map(str, command)], stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, **options)  # type: ignore[call-overload]
    daemon = Daemon(process, address, log)
    try:
        until(
            lambda: "listening on" in daemon.log() or process.poll() is not None,
            f"the daemon to listen: {daemon.log()}",
        )
        assert process.poll() is None, f"the daemon ended with {process.returncode}: {daemon.log()}"
        yield daemon
    finally:
        if process.poll() is None:
            workers = daemon.workers()
            process.send_signal(signal.SIGTERM)
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            until(lambda: not any(map(_alive, workers)), "the workers to end")


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@contextmanager
def gatepost(
    config: str,
    *,
    dns: str = "",
    clamd: str = "",
    virus: str = "",
    milter: str = "",
    model: str = "",
    listen: str = "",
    program: Sequence[str | Path] = _GATEPOST,
    reader: LogReader | None = None,
) -> Iterator[Daemon]:
    """Run `gatepost run` as it ships on a free loopback port or at `listen`, its state in a directory of its own.

    `config` is TOML for the tables other than [milter], [dns], [virus] and [classifier] (whose further settings may stand at
    its beginning). `virus` and `milter` hold further settings of [virus] and [milter]. Without a `model` the shipped one is used, or a tiny one where none is installed yet.
    """
    # The workers may be another account than ours, which could not pass the directories pytest makes.
    place = Path(tempfile.mkdtemp(prefix="gatepost-"))
    place.chmod(0o755)
    address = listen or f"inet:127.0.0.1:{free_port()}"
    tables = f"""
[milter]
listen = "{address}"
workers = 2
authserv_id = "mx.recipient.example"
{milter}
[dns]
servers = {json.dumps([dns] if dns else ["127.0.0.1:1"])}
[virus]
clamd = "{clamd}"
{virus}
[classifier]
model = "{model or _model(place)}"
{config}
"""
    (place / "gatepost.toml").write_text(tables)
    command = [*program, "run", "--config", place / "gatepost.toml"]
    state = place / "state"
    state.mkdir()
    try:
        with running(
            command, address, place / "daemon.log", reader=reader, env={**os.environ, "STATE_DIRECTORY": str(state)}
        ) as daemon:
            yield daemon
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _model(place: Path) -> str:
    shipped = Path(__file__).resolve().parents[2] / "models"
    return "base" if list(shipped.glob("base-*")) else str(write_model(place / "model"))


def settings_in(directory: Path, settings: Mapping[str, object]) -> tuple[Path, str]:
    """Write the settings of a scripted daemon; gives the file and its address, by default a free loopback port."""
    given = {"listen": f"inet:127.0.0.1:{free_port()}", "workers": 2, **settings}
    path = directory / "daemon.json"
    path.write_text(json.dumps(given))
    return path, str(given["listen"])


@contextmanager
def scripted(directory: Path, *, environment: Mapping[str, str] | None = None, **settings: object) -> Iterator[Daemon]:
    """Run the daemon with the judge of scripted_daemon.py; its files lie in `directory`."""
    path, address = settings_in(directory, settings)
    command = [sys.executable, "-P", _SCRIPTED, path]
    with running(command, address, directory / "daemon.log", env={**os.environ, **(environment or {})}) as daemon:
        yield daemon


def refused(directory: Path, **settings: object) -> tuple[int, str]:
    """Run a scripted daemon that shall not start; gives its exit code and what it said."""
    path, _ = settings_in(directory, settings)
    done = subprocess.run(
        [sys.executable, "-P", _SCRIPTED, path], capture_output=True, timeout=30, check=False, text=True
    )
    return done.returncode, done.stderr
