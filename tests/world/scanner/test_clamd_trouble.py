"""What becomes of a scan when clamd is killed, stopped, reloading, slow, over its limits, or one of several."""

from __future__ import annotations

import io
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from gatepost.world.budget import allowance
from gatepost.world.clock import FakeClock, SystemClock
from gatepost.world.scanner.clamd import ClamdScanner
from gatepost.world.scanner.clamd_conf import UNLIMITED, read_conf
from gatepost.world.scanner.door import (
    Clean,
    Encrypted,
    Infected,
    OverLimit,
    Reloading,
    Scan,
    TimedOut,
    Unreachable,
)
from gatepost.world.scanner.settings import Settings
from support.clamd import EICAR, SLOW, Clamd
from support.waiting import until

NOWHERE = "unix:/nonexistent/clamd.sock"
DAY = 86_400.0

pytestmark = pytest.mark.servers


@pytest.fixture(scope="module")
def clamd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clamd]:
    """Give a running clamd for this module."""
    with Clamd(tmp_path_factory.mktemp("clamd"), options="AlertEncrypted yes\nAlertExceedsMax yes\n") as running:
        yield running


def test_a_killed_clamd_and_a_stopped_one_are_told_apart(tmp_path: Path) -> None:
    """Nobody listening is refused; a stopped process is named as stopped, and costs no message its time twice."""
    with Clamd(tmp_path) as clamd:
        scanner = ClamdScanner(Settings(clamd=clamd.address, timeout_seconds=0.3), FakeClock())
        clamd.freeze()
        assert scanner.scan(b"x") == Unreachable("the process of clamd is stopped")
        assert scanner.scan(b"x") == Unreachable("the process of clamd is stopped; not tried again yet")
        clamd.thaw()
        clamd.kill()
        killed = ClamdScanner(Settings(clamd=clamd.address))
        assert killed.scan(b"x") == Unreachable("No such file or directory")
        tcp = ClamdScanner(Settings(clamd=clamd.tcp_address))
        assert tcp.scan(b"x") == Unreachable("Connection refused")


def test_a_reload_that_stops_the_answers_is_called_so(tmp_path: Path) -> None:
    """With ConcurrentDatabaseReload no clamd takes no command while it reloads; afterwards it scans with the new database."""
    with Clamd(tmp_path, options="ConcurrentDatabaseReload no\nIdleTimeout 4\n") as clamd:
        clock = FakeClock()
        scanner = ClamdScanner(Settings(clamd=clamd.address, timeout_seconds=0.3), clock)
        assert scanner.scan(b"x") == Clean()
        clamd.reload()
        assert isinstance(scanner.scan(EICAR), Reloading)
        assert isinstance(scanner.scan(EICAR), Reloading), "while it is left alone, too"

        def again() -> Scan:
            clock.advance(5.0)
            return scanner.scan(EICAR)

        until(lambda: isinstance(again(), Infected), "clamd to have reloaded")


def test_a_reload_that_cannot_be_seen_is_known_by_the_database(tmp_path: Path) -> None:
    """Over TCP no process shows: with clamd.conf at hand silence after the database changed is a reload, later it is not."""
    with Clamd(tmp_path, options="ConcurrentDatabaseReload no\nIdleTimeout 60\n") as clamd:
        given = Settings(clamd=clamd.tcp_address, clamd_conf=str(clamd.conf), timeout_seconds=0.3)
        assert ClamdScanner(given).scan(b"x") == Clean()
        clamd.reload()
        changed = clamd.database.stat().st_mtime
        assert isinstance(ClamdScanner(given, FakeClock(changed + 60)).scan(EICAR), Reloading)
        assert isinstance(ClamdScanner(given, FakeClock(changed + 3_600)).scan(EICAR), Unreachable)
        blind = given.model_copy(update={"clamd_conf": ""})
        assert isinstance(ClamdScanner(blind, FakeClock(changed + 60)).scan(EICAR), Unreachable)


def test_a_reload_beside_the_scans_does_not_show(tmp_path: Path) -> None:
    """With the default, ConcurrentDatabaseReload yes, scans go on while the new database is read."""
    with Clamd(tmp_path) as clamd:
        scanner = ClamdScanner(Settings(clamd=clamd.address, timeout_seconds=2.0))
        assert clamd.say(b"nRELOAD\n").startswith(b"RELOADING")
        assert isinstance(scanner.scan(EICAR), Infected)


def test_a_slow_scan_is_no_absence(tmp_path: Path) -> None:
    """A file that keeps clamd busy past the time limit is TimedOut; clamd answers PING and is asked on, without a pause."""
    with Clamd(tmp_path) as clamd:
        scanner = ClamdScanner(Settings(clamd=clamd.address, timeout_seconds=0.2), FakeClock())
        assert scanner.scan(SLOW) == TimedOut("clamd did not finish in time")
        assert isinstance(scanner.scan(EICAR), Infected)


def test_the_next_one_answers_when_the_first_is_away(clamd: Clamd, tmp_path: Path) -> None:
    """A missing clamd and a stopped one are passed over, within the message's time; each is left alone for a while."""
    with Clamd(tmp_path) as frozen:
        scanner = ClamdScanner(Settings(clamd=(NOWHERE, frozen.address, clamd.address)))
        frozen.freeze()
        with allowance(SystemClock(), 1.0):
            assert isinstance(scanner.scan(EICAR), Infected)
        begin = time.monotonic()
        assert isinstance(scanner.scan(EICAR), Infected)
        assert time.monotonic() - begin < 0.5, "those that are away are not waited for again"
        frozen.thaw()


def test_when_none_answers_the_first_trouble_is_told(clamd: Clamd) -> None:
    """Several that are away are one trouble: that of the first."""
    scanner = ClamdScanner(Settings(clamd=(NOWHERE, "tcp:127.0.0.1:1")))
    assert scanner.scan(b"x") == Unreachable("No such file or directory")
    assert [engine.version for engine in scanner.engines()] == ["", ""]
    # An answer about the message is an answer: the next one is not asked for another.
    one = ClamdScanner(Settings(clamd=(clamd.address, NOWHERE)))
    assert isinstance(one.scan(b"a" * (5 * 1024 * 1024)), OverLimit)


def test_rotation_shares_the_load(clamd: Clamd, tmp_path: Path) -> None:
    """With clamd_rotate each scan begins with the next one; all are asked."""
    with Clamd(tmp_path) as second:
        scanner = ClamdScanner(Settings(clamd=(clamd.address, second.address), clamd_rotate=True))
        for _ in range(4):
            assert isinstance(scanner.scan(EICAR), Infected)
        until(lambda: second.log.read_text().count("FOUND") == 2, "two of the four scans at the second clamd")


def test_what_is_encrypted_and_what_is_over_a_limit_have_their_own_answers(clamd: Clamd) -> None:
    """With AlertEncrypted and AlertExceedsMax clamd tells both by heuristic names, which are neither virus nor suspicion."""
    assert isinstance(ClamdScanner(Settings(clamd=clamd.address)).scan(encrypted_zip()), Encrypted)


def encrypted_zip() -> bytes:
    """Give a ZIP archive with one stored member that its header calls encrypted (APPNOTE 4.4.4, bit 0)."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("secret.txt", b"twelve bytes of header, then what nobody can read")
    data = bytearray(packed.getvalue())
    data[6] |= 1
    central = data.find(b"PK\x01\x02")
    data[central + 8] |= 1
    return bytes(data)


def test_the_longest_stream_is_found_by_announcing_lengths(clamd: Clamd, tmp_path: Path) -> None:
    """StreamMaxLength is learned to a kilobyte without sending anything; where the length wanted is taken, that is all."""
    (server,) = ClamdScanner(Settings(clamd=clamd.address)).servers
    assert server.stream_limit(1024 * 1024) == 1024 * 1024
    found = server.stream_limit(64 * 1024 * 1024)
    assert found is not None
    assert 4 * 1024 * 1024 - 1024 <= found <= 4 * 1024 * 1024
    (away,) = ClamdScanner(Settings(clamd=NOWHERE)).servers
    assert away.stream_limit(1024) is None


def test_the_version_tells_the_database_and_its_age(tmp_path: Path) -> None:
    """The daily database's number identifies it, its date gives its age; a new one shows within a minute."""
    clamd = Clamd(tmp_path)
    made = float(int(time.time() - 5 * DAY))
    clamd.publish(27_500, made)
    with clamd:
        clock = FakeClock()
        scanner = ClamdScanner(Settings(clamd=clamd.address), clock)
        (engine,) = scanner.heard()
        assert "/27500/" in engine.database
        assert engine.made is not None
        assert abs(engine.made - made) < DAY
        clamd.publish(27_501, made + DAY)
        clamd.say(b"nRELOAD\n")
        until(lambda: "/27501/" in scanner.engines()[0].version, "the new database")
        clock.advance(61.0)
        assert "/27501/" in scanner.heard()[0].database


def test_what_clamd_leaves_unread_without_a_word_is_not_sent(tmp_path: Path) -> None:
    """A file past MaxFileSize gets OK unless AlertExceedsMax is set: where clamd.conf says so, that is our limit."""
    lines = "MaxFileSize 1M\n"
    with Clamd(tmp_path, options=lines) as clamd:
        blind = ClamdScanner(Settings(clamd=clamd.address, clamd_conf=""))
        data = EICAR + b" " * 1_500_000
        assert blind.scan(data) == Clean(), "this is why"
        scanner = ClamdScanner(Settings(clamd=clamd.address, clamd_conf=str(clamd.conf)))
        assert scanner.max_bytes == 1024 * 1024
        assert scanner.scan(data) == OverLimit("the limit of 1,048,576 bytes")
        clamd.kill()
        clamd.conf.write_text(clamd.conf.read_text() + "AlertExceedsMax yes\n")
        clamd.start()
        telling = ClamdScanner(Settings(clamd=clamd.address, clamd_conf=str(clamd.conf)))
        assert telling.max_bytes == Settings().max_bytes
        assert isinstance(telling.scan(data), OverLimit)


def test_only_the_config_of_our_clamd_is_believed(tmp_path: Path) -> None:
    """A clamd.conf counts when it names the one socket that is asked; sizes are read with their units, 0 is no limit."""
    conf = tmp_path / "clamd.conf"
    conf.write_text(
        "# a comment\nLocalSocket /run/x.ctl\nTCPSocket 3310\nStreamMaxLength 10M\nMaxFileSize 512k\nMaxScanSize 0\nExample\n"
    )
    found = read_conf(str(conf), ["unix:/run/x.ctl"])
    assert found is not None
    assert (found.file, found.whole, found.tells, found.blocks) == (512 * 1024, UNLIMITED, False, False)
    assert found.database == "/var/lib/clamav"
    assert found.unread_beyond == 512 * 1024
    assert read_conf(str(conf), ["tcp:127.0.0.1:3310"]) == found
    for addresses in (["unix:/run/y.ctl"], ["tcp:127.0.0.1:3311"], ["tcp:192.0.2.1:3310"], ["unix:/run/x.ctl"] * 2, []):
        assert read_conf(str(conf), addresses) is None
    for path in ("", str(tmp_path / "none"), str(tmp_path), "\0"):
        assert read_conf(path, ["unix:/run/x.ctl"]) is None
