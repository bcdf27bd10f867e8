"""The installed `gatepost` command, run as people run it."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

COMMAND = Path(sys.executable).with_name("gatepost")
_SECONDS = 120


@dataclass(frozen=True)
class Ran:
    """What a command did: its exit code, what it wrote, and the most memory it held, in bytes (0: not measured)."""

    code: int
    out: str
    err: str
    peak: int = 0


def gatepost(*arguments: str | Path, stdin: bytes = b"", env: dict[str, str] | None = None) -> Ran:
    """Run the command without a terminal."""
    done = subprocess.run(
        [COMMAND, *arguments],
        input=stdin,
        capture_output=True,
        env={**_environment(), **(env or {})},
        timeout=_SECONDS,
        check=False,
    )
    return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())


_MEASURED = """
import atexit, resource, sys
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[1]), int(sys.argv[1])))
from gatepost.service.cli.main import main
# Not ru_maxrss: that begins with what the parent held when it forked.
atexit.register(lambda: print(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")), file=sys.stderr))
sys.argv = ["gatepost", *sys.argv[2:]]
main()
"""


def measured(*arguments: str | Path, address_space: int) -> Ran:
    """Run the command with an address space of so many bytes, and measure how much memory it really held."""
    # One thread for linear algebra: each of its threads would reserve address space that nobody uses.
    environment = {**_environment(), "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-c", _MEASURED, str(address_space), *arguments]
    done = subprocess.run(command, capture_output=True, env=environment, timeout=_SECONDS, check=False)
    err, _, peak = done.stderr.decode().rpartition("VmHWM:")
    return Ran(done.returncode, done.stdout.decode(), err, int(peak.split()[0]) * 1024 if peak else 0)


def on_terminal(*arguments: str | Path) -> Ran:
    """Run the command on a pseudo-terminal, eighty columns wide; standard error goes there too."""
    parent, child = pty.openpty()
    environment = {**_environment(), "TERM": "xterm-256color", "COLUMNS": "120"}
    with subprocess.Popen(
        [COMMAND, *map(str, arguments)],
        stdin=child,
        stdout=child,
        stderr=child,
        env=environment,
        start_new_session=True,
    ) as process:
        os.close(child)
        out = b""
        try:
            while piece := os.read(parent, 65536):
                out += piece
        except OSError:
            pass  # EIO: the last writer closed the terminal
        finally:
            os.close(parent)
        process.wait(_SECONDS)
    return Ran(process.returncode, out.decode("utf-8", "replace"), "")


def _environment() -> dict[str, str]:
    """Give the environment without what makes rich or typer behave as if there were a terminal."""
    hidden = {"FORCE_COLOR", "NO_COLOR", "COLUMNS", "LINES", "TERM", "CI", "GITHUB_ACTIONS", "PY_COLORS"}
    return {name: value for name, value in os.environ.items() if name not in hidden}
