"""What every scanner promises, whichever engine is behind it: clamd, a real ICAP server, a command, the fake."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from gatepost.world.budget import allowance
from gatepost.world.clock import SystemClock
from gatepost.world.scanner.clamd import ClamdScanner
from gatepost.world.scanner.command import CommandScanner
from gatepost.world.scanner.door import Clean, Heuristic, Infected, OverLimit, Scan, Scanner, TimedOut, Unreachable
from gatepost.world.scanner.fake import FakeScanner
from gatepost.world.scanner.icap import IcapScanner
from gatepost.world.scanner.settings import Settings
from support.c_icap import CIcap
from support.clamd import EICAR, SUSPICIOUS, Clamd

MAX_BYTES = 512 * 1024
KINDS = ("fake", "clamd", "icap", "command")

pytestmark = pytest.mark.servers


@pytest.fixture(scope="module")
def clamd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clamd]:
    """Give a running clamd for this module."""
    with Clamd(tmp_path_factory.mktemp("clamd")) as running:
        yield running


@pytest.fixture(scope="module")
def icap(clamd: Clamd, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CIcap]:
    """Give a running c-icap in front of that clamd."""
    with CIcap(tmp_path_factory.mktemp("c-icap"), clamd.socket) as running:
        yield running


def clamscan(clamd: Clamd) -> tuple[str, ...]:
    """Give clamscan over the same database as a command."""
    return ("clamscan", f"--database={clamd.database}", "--detect-pua=yes", "--no-summary", "{file}")


@pytest.fixture(params=KINDS)
def scanner(request: pytest.FixtureRequest, clamd: Clamd, icap: CIcap) -> Scanner:
    """Give a scanner of each kind."""
    match request.param:
        case "clamd":
            return ClamdScanner(Settings(clamd=clamd.address, max_bytes=MAX_BYTES))
        case "icap":
            return IcapScanner(Settings(icap=icap.url, max_bytes=MAX_BYTES))
        case "command":
            return CommandScanner(Settings(command=clamscan(clamd), max_bytes=MAX_BYTES))
    answers: dict[bytes, Scan] = {
        EICAR: Infected("Eicar-Test-Signature.UNOFFICIAL"),
        SUSPICIOUS: Heuristic("PUA.Gatepost.Test.UNOFFICIAL"),
    }
    return FakeScanner(answers, max_bytes=MAX_BYTES)


def test_malware_suspicion_and_nothing_are_told_apart(scanner: Scanner) -> None:
    """The same three contents get the same three answers from every engine, the signature's name included."""
    assert scanner.scan(EICAR) == Infected("Eicar-Test-Signature.UNOFFICIAL")
    assert scanner.scan(b"a " + SUSPICIOUS) == Heuristic("PUA.Gatepost.Test.UNOFFICIAL")
    assert scanner.scan(bytes(range(256)) * 1_000) == Clean()
    assert scanner.scan(b"") == Clean()


def test_more_than_the_limit_is_not_asked_about(scanner: Scanner) -> None:
    """Past max_bytes the answer is OverLimit and names the limit, and at it the content is scanned."""
    assert scanner.max_bytes == MAX_BYTES
    if not isinstance(scanner, FakeScanner):
        assert scanner.scan(b"a" * (MAX_BYTES + 1)) == OverLimit("the limit of 524,288 bytes")
    assert scanner.scan(b"a" * MAX_BYTES) == Clean()


def test_it_says_what_it_is(scanner: Scanner) -> None:
    """A living engine has a place and a version, also as last heard."""
    (engine,) = scanner.engines()
    assert engine.place
    assert engine.version
    assert scanner.heard() == (engine,)


def test_answers_never_meet_between_threads(scanner: Scanner) -> None:
    """Scans at once each get their own answer."""
    answers: list[tuple[bool, bool]] = []

    def work(number: int) -> None:
        answers.append((number % 2 == 0, isinstance(scanner.scan(EICAR if number % 2 == 0 else b"fine"), Infected)))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 6
    assert all(bad == found for bad, found in answers)


@pytest.mark.parametrize("kind", ["clamd", "icap", "command"])
def test_nobody_there_is_unreachable(kind: str, tmp_path: Path) -> None:
    """A socket, a port and a program that are not there: Unreachable, and no version."""
    settings = Settings.model_validate(
        {
            "clamd": {"clamd": f"unix:{tmp_path}/none.sock"},
            "icap": {"icap": "icap://127.0.0.1:1/avscan"},
            "command": {"command": (f"{tmp_path}/none", "{file}")},
        }[kind]
    )
    made = {"clamd": ClamdScanner, "icap": IcapScanner, "command": CommandScanner}[kind](settings)
    assert isinstance(made.scan(b"x"), Unreachable)
    assert not any(engine.version for engine in made.engines())


@pytest.mark.parametrize("kind", ["clamd", "icap", "command"])
def test_a_message_without_time_is_not_clean(kind: str, clamd: Clamd, icap: CIcap) -> None:
    """When the message's time is up nothing is waited for, and the answer says so."""
    settings = Settings(clamd=clamd.address)
    made: Scanner = ClamdScanner(settings)
    if kind == "icap":
        made = IcapScanner(Settings(icap=icap.url))
    elif kind == "command":
        made = CommandScanner(Settings(command=clamscan(clamd)))
    with allowance(SystemClock(), 0.0):
        assert isinstance(made.scan(EICAR), TimedOut)
