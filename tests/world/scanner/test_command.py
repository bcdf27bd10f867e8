"""A command as a scanner: what its exit codes mean, and that it cannot run away with time, memory, output or processes."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

import pytest
from pydantic import ValidationError

from gatepost.world.scanner.command import OUTPUT_BYTES, CommandScanner
from gatepost.world.scanner.door import Clean, Heuristic, Infected, Scan, ScanFailed, TimedOut, Unreachable
from gatepost.world.scanner.settings import Settings
from support.waiting import until


def scanner(script: str, **given: object) -> CommandScanner:
    """Give a scanner over a Python script that finds the file as sys.argv[1]."""
    head = "import os, sys, time; data = open(sys.argv[1], 'rb').read()\n"
    return CommandScanner(
        Settings.model_validate({"command": (sys.executable, "-c", head + script, "{file}"), **given})
    )


@pytest.mark.parametrize(
    ("script", "scan"),
    [
        ("sys.exit(0)", Clean()),
        ("print(sys.argv[1] + ': Worm.X FOUND'); sys.exit(1)", Infected("Worm.X")),
        ("print('a: PUA.Odd FOUND', file=sys.stderr); sys.exit(1)", Heuristic("PUA.Odd")),
        ("sys.exit(1)", ScanFailed("the scan command named no signature")),
        ("sys.exit(2)", ScanFailed("the scan command ended with exit code 2")),
        ("sys.exit(127)", Unreachable("the scan command cannot be started (exit code 127)")),
        ("os.kill(os.getpid(), 11)", ScanFailed("the scan command was ended by signal 11")),
        ("sys.exit(0 if data == b'what is scanned' else 2)", Clean()),
        ("sys.exit(0 if sys.stdin.read() == '' and len(os.environ) < 5 else 2)", Clean()),
    ],
)
def test_exit_codes_have_their_meaning(script: str, scan: Scan) -> None:
    """Clean, infected with a name, and everything else, which is never clean; it gets the file and little else."""
    assert scanner(script).scan(b"what is scanned") == scan


def test_what_an_exit_code_means_is_a_setting() -> None:
    """Other conventions than clamscan's: code 3 for malware, no name, 13 for clean."""
    given = {"command_infected": (3,), "command_clean": (13,), "command_signature": ""}
    assert scanner("sys.exit(3)", **given).scan(b"x") == Infected("malware that the command did not name")
    assert scanner("sys.exit(13)", **given).scan(b"x") == Clean()
    assert isinstance(scanner("sys.exit(0)", **given).scan(b"x"), ScanFailed)
    named = {"command_signature": r"^name=(\S+)$"}
    assert scanner("print('name=Worm.Y'); sys.exit(1)", **named).scan(b"x") == Infected("Worm.Y")


def test_no_shell_reads_the_words() -> None:
    """Words reach the command as they stand, whatever a shell would make of them."""
    given = Settings(command=(sys.executable, "-c", "import sys; sys.exit(0 if sys.argv[2] == '$(exit 2); *' else 2)", "{file}", "$(exit 2); *"))  # fmt: skip
    assert CommandScanner(given).scan(b"x") == Clean()


def test_a_command_that_does_not_end_is_killed_with_its_children(tmp_path: Path) -> None:
    """Past the time limit nothing of it is left, not even what it started and left behind."""
    note = tmp_path / "pid"
    fork = f"pid = os.fork()\nif pid == 0: time.sleep(60)\nopen({str(note)!r}, 'w').write(str(pid))\n"
    begin = time.monotonic()
    assert scanner(fork + "time.sleep(60)", timeout_seconds=1.0).scan(b"x") == TimedOut(
        "the scan command did not finish in time"
    )
    assert time.monotonic() - begin < 5.0
    assert scanner(fork + "os.close(1); os.close(2)", timeout_seconds=1.0).scan(b"x") == TimedOut("the scan command did not finish in time")  # fmt: skip
    until(lambda: _over(int(note.read_text())), "the child to end")


def _over(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def test_a_command_stays_within_its_memory() -> None:
    """What asks for more memory than it may have fails, and that is an error."""
    greedy = scanner("x = bytearray(2_000_000_000); sys.exit(0)", command_memory=512 * 1024 * 1024)
    assert isinstance(greedy.scan(b"x"), ScanFailed)


def test_endless_output_is_not_kept() -> None:
    """A command that prints without end is read to a bound and costs its time limit; a name after the bound is not found."""
    assert isinstance(scanner("while True: print('x' * 1000)", timeout_seconds=0.5).scan(b"x"), TimedOut)
    late = f"print('x' * {OUTPUT_BYTES}); print('a: Worm.X FOUND'); sys.exit(1)"
    assert scanner(late).scan(b"x") == ScanFailed("the scan command named no signature")


def test_only_so_many_run_at_once() -> None:
    """Who gets no place in time is TimedOut, and the places come back."""
    slow = scanner("time.sleep(0.6 if data == b'slow' else 0); sys.exit(0)", command_processes=1, timeout_seconds=2.0)
    answers: list[Scan] = []
    first = threading.Thread(target=lambda: answers.append(slow.scan(b"slow")))
    first.start()
    until(lambda: not slow._places._value, "the place to be taken")  # type: ignore[attr-defined]
    slow._settings = slow._settings.model_copy(update={"timeout_seconds": 0.1})
    assert slow.scan(b"x") == TimedOut("every place for the scan command is taken")
    first.join()
    assert answers == [Clean()]
    slow._settings = slow._settings.model_copy(update={"timeout_seconds": 5.0})
    assert slow.scan(b"x") == Clean()


def test_the_file_is_gone_afterwards(tmp_path: Path) -> None:
    """The content lies in a private file while it is scanned, and nowhere later."""
    note = tmp_path / "name"
    scanner(f"open({str(note)!r}, 'w').write(sys.argv[1] + ' ' + oct(os.stat(sys.argv[1]).st_mode & 0o777))").scan(b"x")
    file, mode = note.read_text().split()
    assert mode == "0o600"
    assert not Path(file).exists()


@pytest.mark.parametrize(
    "given",
    [
        {"command": ("/usr/bin/scanner",)},
        {"command": ("{file}",)},
        {"command": ("/usr/bin/scanner", "{file}"), "icap": "icap://x/y"},
        {"command": ("/usr/bin/scanner", "{file}"), "command_signature": "("},
        {"command": ("/usr/bin/scanner", "{file}"), "command_signature": "FOUND"},
        {"command": ("/usr/bin/scanner", "{file}"), "command_infected": (256,)},
    ],
)
def test_what_cannot_work_is_a_config_error(given: dict) -> None:
    """No place for the file, two second engines, an expression without a group or that is none, impossible codes."""
    with pytest.raises(ValidationError):
        Settings.model_validate(given)
