"""What is remembered of scans: the same attachment once, a new database forgets, and no trouble is ever remembered."""

from __future__ import annotations

import base64
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.checks.virus.check import VirusCheck
from gatepost.checks.virus.recall import Memory, decode, encode
from gatepost.evidence import Found
from gatepost.mail import limits
from gatepost.mail.envelope import Envelope
from gatepost.mail.message import Message, from_bytes
from gatepost.world.clock import FakeClock
from gatepost.world.scanner.door import (
    Clean,
    Encrypted,
    Heuristic,
    Infected,
    OverLimit,
    Reloading,
    Scan,
    ScanFailed,
    TimedOut,
    Unreachable,
)
from gatepost.world.scanner.fake import FakeScanner
from gatepost.world.state.door import Answer, Ask, Put, StateUnavailableError
from gatepost.world.state.memory import MemoryState


class Watched(MemoryState):
    """A store that keeps what it was asked, and may be away."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(clock)
        self.asked: list[Sequence[Ask]] = []
        self.away = False

    def exchange(self, asks: Sequence[Ask]) -> list[Answer]:
        """Keep it, and answer."""
        self.asked.append(asks)
        if self.away:
            raise StateUnavailableError("away")
        return super().exchange(asks)


@pytest.fixture
def clock() -> FakeClock:
    """Give a clock that stands still."""
    return FakeClock()


@pytest.fixture
def store(clock: FakeClock) -> Watched:
    """Give an empty store."""
    return Watched(clock)


def mail(*contents: bytes, subject: bytes = b"hello") -> Message:
    """Give a message with attachments."""
    parts = (
        b"--cut\r\nContent-Type: application/zip\r\nContent-Transfer-Encoding: base64\r\n\r\n%b\r\n"
        % base64.encodebytes(content)
        for content in contents
    )
    head = b'Subject: %b\r\nContent-Type: multipart/mixed; boundary="cut"\r\n\r\n' % subject
    return from_bytes(head + b"".join(parts) + b"--cut--\r\n")


def codes(check: VirusCheck, message: Message) -> list[str]:
    """Run the check and give its codes."""
    return [item.code for item in check.run(Envelope(), message, Found())]


def test_the_same_attachment_is_scanned_once(store: Watched) -> None:
    """The second message with an attachment has only itself scanned; what was found is found again."""
    scanner = FakeScanner({b"evil": Infected("X"), b"odd": Heuristic("PUA.X")}, database="1")
    check = VirusCheck(scanner, memory=Memory(store, 60))
    for content, code in ((b"fine", "virus.clean"), (b"odd", "virus.heuristic"), (b"evil", "virus.infected")):
        scanner.scanned.clear()
        assert codes(check, mail(content, subject=b"one")) == [code]
        assert codes(check, mail(content, subject=b"two")) == [code]
        assert scanner.scanned.count(content) == 1
        assert len(scanner.scanned) == 3


def test_a_message_costs_one_round_trip_at_most(store: Watched) -> None:
    """All parts are asked for at once, what was learned before is written with it, and text alone asks nothing."""
    check = VirusCheck(FakeScanner(database="1"), memory=Memory(store, 60))
    for number in range(3):
        codes(check, mail(b"a", b"b", b"c%d" % number))
    assert len(store.asked) == 3
    assert [sum(isinstance(ask, Put) for ask in asks) for asks in store.asked] == [0, 3, 1]
    codes(check, from_bytes(b"Subject: x\r\n\r\nhello\r\n"))
    assert len(store.asked) == 3


def test_a_new_database_forgets(store: Watched) -> None:
    """What an older database called clean is scanned anew."""
    scanner = FakeScanner(database="1")
    check = VirusCheck(scanner, memory=Memory(store, 60))
    assert codes(check, mail(b"evil")) == codes(check, mail(b"evil")) == ["virus.clean"]
    scanner.database = "2"
    scanner.answers[b"evil"] = Infected("X")
    assert codes(check, mail(b"evil")) == ["virus.infected"]


def test_its_time_is_over_some_day(store: Watched, clock: FakeClock) -> None:
    """After remember_seconds a content is scanned again."""
    scanner = FakeScanner(database="1")
    check = VirusCheck(scanner, memory=Memory(store, 60))
    for _ in range(2):
        codes(check, mail(b"fine"))
    clock.advance(61)
    codes(check, mail(b"fine"))
    assert scanner.scanned.count(b"fine") == 2


@pytest.mark.parametrize(
    "answer",
    [
        Unreachable("x"), Reloading("x"), TimedOut("x"), ScanFailed("x"), OverLimit("x"), Encrypted("Heuristics.Encrypted.Zip"),
    ],
)  # fmt: skip
def test_trouble_and_gaps_are_not_remembered(answer: Scan, store: Watched) -> None:
    """Only what a scanner said of a content that it read is remembered."""
    scanner = FakeScanner({b"evil": answer}, database="1")
    check = VirusCheck(scanner, memory=Memory(store, 60))
    codes(check, mail(b"evil"))
    scanner.answers[b"evil"] = Infected("X")
    assert codes(check, mail(b"evil")) == ["virus.infected"]
    assert not [ask for asks in store.asked for ask in asks if isinstance(ask, Put)]


def test_without_identity_nothing_is_remembered(store: Watched) -> None:
    """An engine that does not name its database, one that is down, and a site that wants none: no question at all."""
    for check in (
        VirusCheck(FakeScanner(), memory=Memory(store, 60)),
        VirusCheck(FakeScanner(database="1", down=True), memory=Memory(store, 60)),
        VirusCheck(FakeScanner(database="1"), memory=Memory(store, 0)),
        VirusCheck(FakeScanner(database="1")),
    ):
        codes(check, mail(b"a"))
        codes(check, mail(b"a"))
    assert store.asked == []


def test_two_engines_are_remembered_apart(store: Watched) -> None:
    """One engine's answer does not stand for the other's."""
    first, second = FakeScanner(database="1"), FakeScanner({b"evil": Infected("X")}, database="1", name="icap")
    assert codes(VirusCheck(first, memory=Memory(store, 60)), mail(b"evil")) == ["virus.clean"]
    check = VirusCheck(first, second, memory=Memory(store, 60))
    assert codes(check, mail(b"evil")) == ["virus.infected"]


def test_a_store_that_is_away_costs_nothing_but_the_memory(store: Watched) -> None:
    """Everything is scanned, and the verdict is whole."""
    store.away = True
    scanner = FakeScanner(database="1")
    check = VirusCheck(scanner, memory=Memory(store, 60))
    for _ in range(2):
        assert codes(check, mail(b"a")) == ["virus.clean"]
    assert scanner.scanned.count(b"a") == 2


def test_the_store_sees_hashes_alone(store: Watched) -> None:
    """No name, no text, no content of the mail is written."""
    check = VirusCheck(FakeScanner(database="1"), memory=Memory(store, 60))
    for _ in range(2):
        codes(check, mail(b"secret content", subject=b"secret subject"))
    assert "secret" not in repr(store.asked)


def test_large_mail_is_not_held_in_memory_for_the_memory(store: Watched) -> None:
    """Past VIRUS_REMEMBERED_BYTES parts are scanned one by one, and none is left out."""
    scanner = FakeScanner(database="1")
    big = limits.VIRUS_REMEMBERED_BYTES // 2 + 1
    check = VirusCheck(scanner, memory=Memory(store, 60))
    assert codes(check, mail(b"1" * big, b"2" * big, b"3", b"4")) == ["virus.clean"]
    assert len(scanner.scanned) == 5
    assert len(store.asked[0]) == 2


@given(st.text(min_size=1, max_size=limits.VIRUS_SIGNATURE_CHARACTERS))
def test_what_is_remembered_comes_back(name: str) -> None:
    """Each answer that is remembered is read as it was."""
    for scan in (Clean(), Infected(name), Heuristic(name)):
        try:
            data = encode(scan)
        except UnicodeEncodeError:
            continue
        assert decode(data) == scan


@given(st.binary(max_size=1_000))
def test_nonsense_in_the_store_is_no_answer(data: bytes) -> None:
    """Whatever stands in the store: it is read as one of the three answers or as none, and only one byte means Clean."""
    found = decode(data)
    assert found is None or isinstance(found, Clean | Infected | Heuristic)
    assert (found == Clean()) == (data == b"c")
