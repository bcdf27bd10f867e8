"""The door to the jail: whatever becomes of the process, every file is accounted for and the next message is served."""

import hashlib
import os
import signal
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from gatepost.checks.attachments import examine
from gatepost.checks.attachments.bounds import Settings
from gatepost.checks.attachments.item import Inspection, Member
from gatepost.checks.attachments.unpacker import JailedUnpacker, open_unpacker
from gatepost.checks.attachments.wire import Examined
from gatepost.mail.readings import Reading
from gatepost.world.jail.door import Answered, Crashed, FakeJail, Overdue, Unavailable
from gatepost.world.jail.live import LiveJail
from support import archives, bombs
from support.unpacking import all_words, in_place, look_into, words

FILES = [Reading(number, f"{number}.bin", "application/x", b"%d" % number) for number in (1, 2, 3)]


@pytest.fixture
def unpacker():
    """Give a live unpacker with one process."""
    unpacker = open_unpacker(Settings(jail_processes=1))
    yield unpacker
    unpacker.close()


def pid_of(unpacker) -> int:
    """Give the id of the process that waits for work."""
    look_into(b"%PDF-", unpacker=unpacker)
    return unpacker._jail._idle[0].pid


@pytest.mark.parametrize(
    ("ending", "code"),
    [
        (Crashed("x"), "attachment.error"),
        (Unavailable("x"), "attachment.error"),
        (Answered(b"nonsense"), "attachment.error"),
        (Overdue(1.0), "attachment.timeout"),
    ],
)
def test_files_that_nobody_looked_into_are_told_with_what_is_known(ending, code) -> None:
    """Type, size and hash come from the worker itself, and the finding says that it is no more."""
    unpacker = JailedUnpacker(FakeJail(examine.examine, [ending]), Settings())
    examined = unpacker.examine(FILES[:1], (), 5.0)
    (item,) = examined.items
    assert (item.part, item.path, item.declared, item.kind, item.size) == (1, ("1.bin",), "application/x", "text", 1)
    assert item.sha256 == hashlib.sha256(b"1").hexdigest()
    assert [finding.code for finding in item.findings] == [code]


def test_after_a_crash_each_file_is_given_by_itself() -> None:
    """One file that fells the process does not keep the others from being looked into."""
    jail = FakeJail(
        examine.examine, [Crashed("all"), Answered(_answer(1)), Crashed("the second"), Answered(_answer(3))]
    )
    examined = JailedUnpacker(jail, Settings()).examine(FILES, (), 5.0)
    assert {item.name: all_words(Examined((item,))) for item in examined.items} == {
        "1.bin": set(),
        "2.bin": {"error"},
        "3.bin": set(),
    }
    assert "the second" in examined.items[1].findings[0].detail


def _answer(number: int) -> bytes:
    from gatepost.checks.attachments.item import Item
    from gatepost.checks.attachments.wire import encode_answer

    return encode_answer(Examined((Item(number, (f"{number}.bin",), "", "text", 1, ""),)))


def test_nothing_is_asked_twice_when_nobody_can_answer() -> None:
    """A jail that is not to be had is not asked again for each file."""
    jail = FakeJail(examine.examine, [Unavailable("x")])
    JailedUnpacker(jail, Settings()).examine(FILES, (), 5.0)
    assert len(jail.requests) == 1


def test_no_files_no_process() -> None:
    """A message without files asks nobody."""
    jail = FakeJail(examine.examine)
    assert JailedUnpacker(jail, Settings()).examine((), (), 5.0) == Examined()
    assert not jail.requests


def test_a_killed_process_is_evidence_and_the_next_message_is_served(unpacker) -> None:
    """SIGKILL while it looks into files: told as an error of these, and of nobody else."""
    pid = pid_of(unpacker)
    found: list[Examined] = []
    work = threading.Thread(
        target=lambda: found.append(look_into(bombs.zeros_gzip() + os.urandom(1 << 20), "x.gz", (), unpacker))
    )
    os.kill(pid, signal.SIGSTOP)
    work.start()
    while unpacker._jail._places._value:
        os.sched_yield()
    os.kill(pid, signal.SIGKILL)
    work.join()
    assert all_words(found[0]) == {"error"}
    assert not all_words(look_into(archives.zipped(archives.HELLO), "x.zip", (), unpacker))


def test_a_stopped_process_is_a_timeout_and_the_next_message_is_served(unpacker) -> None:
    """SIGSTOP: told within the time for the message."""
    os.kill(pid_of(unpacker), signal.SIGSTOP)
    begin = time.monotonic()
    examined = look_into(archives.zipped(archives.HELLO), "x.zip", (), unpacker, seconds=0.5)
    assert time.monotonic() - begin < 1.5
    assert all_words(examined) == {"timeout"}
    assert not all_words(look_into(archives.zipped(archives.HELLO), "x.zip", (), unpacker))


def test_a_process_that_cannot_start_is_an_error() -> None:
    """A broken installation: each file says so, none is clean."""
    unpacker = JailedUnpacker(LiveJail(("-m", "gatepost.no_such_module"), Settings()), Settings())
    assert all_words(look_into(archives.zipped(archives.HELLO), "x.zip", (), unpacker)) == {"error"}


def test_the_interpreter_of_the_jail_finds_its_program(unpacker) -> None:
    """What is started is our own interpreter, in isolated mode, as a program of its own session."""
    command = Path(f"/proc/{pid_of(unpacker)}/cmdline").read_bytes().split(b"\0")
    assert command[1:4] == [b"-I", b"-m", b"gatepost.checks.attachments.examine"]


@pytest.fixture
def slow(monkeypatch):
    """Let the inspector take for ever over files that are called slow, as a library that goes on after any exception."""

    def inspect(kind, name, data, passwords=()):
        while name == "slow":
            with suppress(Exception):
                time.sleep(60)
        return Inspection()

    monkeypatch.setattr(examine, "inspect_file", inspect)


def test_what_was_found_in_time_is_given(slow, monkeypatch) -> None:
    """Time that runs out costs the file at hand, not those before it; those that were not reached say so, by name at least."""
    data = archives.zipped({"first": b"1", "slow": b"2", "third": b"3"})
    files = [Reading(1, "a.zip", "", data), Reading(2, "b.txt", "", b"text")]
    monkeypatch.setattr(examine, "_SHARE", 2)
    examined = in_place().examine(files, (), 0.3)
    assert {item.path: words(item) for item in examined.items} == {
        ("a.zip",): set(),
        ("a.zip", "first"): set(),
        ("a.zip", "slow"): {"timeout"},
        ("a.zip", "third"): {"timeout"},
        ("b.txt",): {"timeout"},
    }


def test_slow_files_leave_time_to_tell_the_rest(slow) -> None:
    """However many files are slow, what comes behind them is unpacked and told, if not looked into."""
    files = {f"{number}/run.exe": b"MZ" for number in range(3)}
    data = archives.written({"slow": b"1", **files}, "ustar", "gzip")
    many = [Reading(part, "a.tgz", "", data + bytes(part)) for part in range(1, 9)]
    examined = in_place().examine(many, (), 1.0)
    last = [item for item in examined.items if item.part == 8]
    assert [item.path[-1] for item in last] == ["a.tgz", "slow", *files]
    assert all("timeout" in words(item) and item.kind for item in last)


def test_a_slow_file_costs_no_other_its_turn(slow, monkeypatch) -> None:
    """Of several files one has a share of the time, however often that happens; the others are looked into."""
    monkeypatch.setattr(examine, "_RESERVE", 0)
    files = [Reading(part, "a.zip", "", archives.zipped({"slow": b"%d" % part, "run.exe": b"3"})) for part in (1, 2)]
    examined = in_place().examine([*files, Reading(3, "slow", "", b"5"), Reading(4, "b.txt", "", b"text")], (), 1.0)
    found = [(item.part, item.path[-1], words(item)) for item in examined.items]
    assert found == [
        *(
            each
            for part in (1, 2)
            for each in ((part, "a.zip", set()), (part, "slow", {"timeout"}), (part, "run.exe", set()))
        ),
        (3, "slow", {"timeout"}),
        (4, "b.txt", set()),
    ]
    assert all(item.kind for item in examined.items)


def test_an_inspector_that_fails_costs_its_own_file(monkeypatch) -> None:
    """Whatever a library raises is a finding of the file that it was given."""

    def inspect(kind, name, data, passwords=()):
        raise {"a": RuntimeError, "b": MemoryError, "c": RecursionError}.get(name, KeyError)

    monkeypatch.setattr(examine, "inspect_file", inspect)
    examined = look_into(archives.zipped({"a": b"1", "b": b"2", "c": b"3"}), "x.zip")
    assert [words(item) for item in examined.items] == [{"error"}, {"error"}, {"limit"}, {"error"}]


def test_files_that_an_inspector_finds_are_opened_in_their_turn(monkeypatch) -> None:
    """What is embedded in a document is a file like any other, under the same limits."""

    def inspect(kind, name, data, passwords=()):
        members = (Member("in.zip", archives.zipped(archives.HELLO)),) if name == "doc" else ()
        return Inspection(
            text="said" if members else "", urls=("http://x.example/",) if members else (), members=members
        )

    monkeypatch.setattr(examine, "inspect_file", inspect)
    examined = look_into(b"%PDF-1.4", "doc")
    assert [item.path for item in examined.items] == [("doc",), ("doc", "in.zip"), ("doc", "in.zip", "hello.txt")]
    assert (examined.inner[0].text, examined.inner[0].urls) == ("said", ("http://x.example/",))


def test_threads_are_served_side_by_side() -> None:
    """Several messages of one worker are looked into at the same time, each with its own answer."""
    unpacker = open_unpacker(Settings(jail_processes=2))
    found: dict[int, Examined] = {}

    def work(number: int) -> None:
        found[number] = look_into(archives.zipped({f"{number}.txt": b"x" * number}), "x.zip", (), unpacker)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    unpacker.close()
    assert {number: examined.items[1].size for number, examined in found.items()} == {n: n for n in range(1, 9)}
