"""The virus check: which views it scans, and how it tells infected, suspicious, clean, skipped and error apart."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatepost.checks.virus.check import CODES, VirusCheck
from gatepost.checks.virus.family import Settings, build, open_scanner
from gatepost.evidence import Evidence, Found, Status
from gatepost.mail import limits
from gatepost.mail.envelope import Envelope
from gatepost.mail.message import Inner, Message, from_bytes
from gatepost.world.scanner.door import (
    Encrypted,
    Heuristic,
    Infected,
    OverLimit,
    Reloading,
    Scan,
    ScanFailed,
    Scanner,
    TimedOut,
    Unreachable,
)
from gatepost.world.scanner.fake import FakeScanner
from support.clamd import EICAR, SUSPICIOUS, TESTFILES, Clamd

BAD = b"MALWARE"


def look(scanner: Scanner | None, message: Message, **options: int) -> list[Evidence]:
    """Run the check; sees to it that each code is documented and all evidence names one status."""
    scanners = [scanner] if scanner else []
    said = list(VirusCheck(*scanners, **options).run(Envelope(), message, Found()))
    assert all(item.code in CODES and item.code.startswith("virus.") for item in said)
    assert len({item.facts["virus.status"] for item in said}) == 1
    return said


def codes(said: list[Evidence]) -> list[str]:
    """Give the codes alone."""
    return [item.code for item in said]


def part(content: bytes, encoding: bytes = b"base64", kind: bytes = b"application/zip") -> bytes:
    """Make one body part."""
    body = base64.encodebytes(content) if encoding == b"base64" else content
    return b"Content-Type: %b\r\nContent-Transfer-Encoding: %b\r\n\r\n%b" % (kind, encoding, body)


def mail(*parts: bytes) -> Message:
    """Make a well-formed multipart message."""
    body = b"".join(b"--cut\r\n%b\r\n" % item for item in parts)
    return from_bytes(b'From: a@b.example\r\nContent-Type: multipart/mixed; boundary="cut"\r\n\r\n%b--cut--\r\n' % body)


PLAIN = part(b"hello", b"7bit", b"text/plain")


def test_a_plain_message_is_scanned_once() -> None:
    """Text that stands in the raw bytes as it is gains nothing from a second scan."""
    scanner = FakeScanner()
    said = look(scanner, mail(PLAIN))
    assert codes(said) == ["virus.clean"]
    assert said[0].status is Status.PASS
    assert said[0].facts == {"virus.status": "clean", "virus.engine": "fake scanner"}
    assert len(scanner.scanned) == 1


def test_an_encoded_part_is_scanned_decoded() -> None:
    """What only shows after decoding is found, with its name in the facts."""
    said = look(FakeScanner({BAD: Infected("Win.Bad")}), mail(PLAIN, part(BAD)))
    assert codes(said) == ["virus.infected"]
    assert said[0].status is Status.FAIL
    assert said[0].facts == {
        "virus.status": "infected",
        "virus.signature": "Win.Bad",
        "virus.engine": "fake scanner",
        "virus.found-by": "fake",
    }


def test_an_unencoded_attachment_is_scanned_by_itself() -> None:
    """A signature may be anchored at the start of the file."""
    scanner = FakeScanner()
    look(scanner, mail(PLAIN, part(b"PK-content", b"binary")))
    assert b"PK-content" in scanner.scanned[1:]


@pytest.mark.parametrize(
    "headers",
    [
        b"Content-Transfer-Encoding: 7bit\r\nContent-Transfer-Encoding: base64\r\n",
        b"Content-Transfer-Encoding: base64\r\nContent-Transfer-Encoding: 7bit\r\n",
        b"Content-Transfer-Encoding: x-unknown\r\n",
        b"Content-Transfer-Encoding: BASE64 (comment)\r\n",
    ],
)
def test_an_ambiguous_encoding_is_scanned_every_way(headers: bytes) -> None:
    """Clients differ in which encoding they believe; malware under either is found."""
    message = from_bytes(
        b"From: a@b.example\r\nContent-Type: application/zip\r\n" + headers + b"\r\n" + base64.b64encode(BAD) + b"\r\n"
    )
    assert codes(look(FakeScanner({BAD: Infected("Win.Bad")}), message)) == ["virus.infected"]


@pytest.mark.parametrize(
    ("answer", "code", "status", "word", "degraded"),
    [
        (Infected("X"), "virus.infected", Status.FAIL, "infected", ""),
        (Heuristic("PUA.X"), "virus.heuristic", Status.POLICY, "clean", ""),
        (Encrypted("Heuristics.Encrypted.Zip"), "virus.encrypted", Status.POLICY, "skipped", ""),
        (OverLimit("a limit"), "virus.limit", Status.PERMERROR, "error", ""),
        (ScanFailed("boom"), "virus.error", Status.TEMPERROR, "error", "virus"),
        (Reloading("busy"), "virus.reloading", Status.TEMPERROR, "error", "virus"),
        (TimedOut("slow"), "virus.timeout", Status.TEMPERROR, "error", "virus"),
        (Unreachable("gone"), "virus.unreachable", Status.TEMPERROR, "error", "virus"),
    ],
)
@pytest.mark.parametrize("where", ["raw", "part"])
def test_each_answer_has_its_code(
    answer: Scan, code: str, status: Status, word: str, degraded: str, where: str
) -> None:
    """Only a message scanned whole is clean; trouble is degraded and never clean, on the raw message or on a part."""
    message = mail(PLAIN, part(BAD)) if where == "part" else mail(part(BAD, b"7bit", b"text/plain"))
    (said,) = look(FakeScanner({BAD: answer}), message)
    assert (said.code, said.status, said.facts["virus.status"], said.degraded) == (code, status, word, degraded)


ENCODED = base64.b64encode(BAD)
PADDED = b"\r\n".join(base64.b64encode(BAD[start : start + 4]) for start in range(0, len(BAD), 4))
INNER = b"--in\r\nContent-Type: application/zip\r\nContent-Transfer-Encoding: base64\r\n\r\n%b\r\n--in--\r\n" % ENCODED


@pytest.mark.parametrize(
    "hidden",
    [
        pytest.param(part(PADDED, b"base64 "), id="padding in the middle"),
        pytest.param(part(b"=\r\n" + ENCODED, b"BASE64"), id="padding at the start"),
        pytest.param(part(b"MAL=  \r\nWARE", b"quoted-printable"), id="white space after a soft line break"),
        pytest.param(part(base64.b64encode(b"-" * 60 + BAD), b"7bit"), id="base64 not declared"),
        pytest.param(
            part(base64.b64encode(INNER), b"base64 ", b"multipart/mixed; boundary=in"), id="multipart in base64"
        ),
        pytest.param(part(ENCODED, b"x-base64"), id="unknown encoding"),
    ],
)
def test_what_some_client_would_open_is_scanned(hidden: bytes) -> None:
    """Each known gap between two readers of an encoding is read both ways."""
    assert codes(look(FakeScanner({BAD: Infected("Win.Bad")}), mail(PLAIN, hidden))) == ["virus.infected"]


@given(
    content=st.binary(max_size=300),
    encoding=st.sampled_from(
        [b"base64", b"quoted-printable", b"7bit", b"x", b"base64\r\nContent-Transfer-Encoding: 7bit"]
    ),
    kind=st.sampled_from([b"text/plain", b"application/zip", b"multipart/mixed; boundary=in", b"message/rfc822", b"?"]),
)
@settings(max_examples=150)
def test_any_part_is_read_a_handful_of_ways(content: bytes, encoding: bytes, kind: bytes) -> None:
    """Whatever stands in a part: nothing raises, nothing is read twice, and no view is longer than the part."""
    scanner = FakeScanner()
    message = mail(part(content, encoding + b" ", kind))
    look(scanner, message)
    contents = scanner.scanned[1:]
    assert len(contents) == len(set(contents))
    assert all(len(data) <= len(message.body) for data in contents)


def test_an_ordinary_attachment_is_read_one_way() -> None:
    """Well-formed mail costs one scan per encoded part and one for the whole."""
    scanner = FakeScanner()
    look(scanner, mail(PLAIN, part(b"GIF89a" * 100), part(b"caf=C3=A9\r\n", b"quoted-printable", b"text/plain")))
    assert len(scanner.scanned) == 3


def test_an_infection_outweighs_what_else_was_said() -> None:
    """A suspicion, a limit or an error on the raw message does not stop the search in its parts."""
    for first in (Heuristic("PUA.X"), Encrypted("Heuristics.Encrypted.Zip"), OverLimit("a limit"), ScanFailed("boom")):
        scanner = FakeScanner({BAD: Infected("Win.Bad"), b"hello": first})
        assert codes(look(scanner, mail(PLAIN, part(BAD)))) == ["virus.infected"]


def test_a_suspicion_beside_trouble_keeps_both() -> None:
    """A suspicion in one part and an error on another are two findings with one status: error."""
    scanner = FakeScanner({b"hello": Heuristic("PUA.X"), BAD: Unreachable("gone")})
    said = look(scanner, mail(PLAIN, part(BAD)))
    assert codes(said) == ["virus.heuristic", "virus.unreachable"]
    assert said[0].facts["virus.status"] == "error"


def test_a_dead_scanner_is_asked_once_per_message() -> None:
    """After one Unreachable the parts are not tried: the message would only wait longer."""
    scanner = FakeScanner(down=True)
    assert codes(look(scanner, mail(PLAIN, part(b"a"), part(b"b")))) == ["virus.unreachable"]
    assert len(scanner.scanned) == 1


def test_more_parts_than_the_limit_are_not_called_clean() -> None:
    """Past the limit the scan stops and says so."""
    scanner = FakeScanner()
    message = mail(*(part(b"file %d" % number) for number in range(limits.VIRUS_PARTS + 1)))
    assert codes(look(scanner, message)) == ["virus.skipped"]
    assert len(scanner.scanned) == 1 + limits.VIRUS_PARTS
    assert codes(look(FakeScanner(), mail(part(b"a"), part(b"b")), max_parts=1)) == ["virus.skipped"]
    assert codes(look(FakeScanner(), mail(part(b"a"), part(b"a")), max_parts=1)) == ["virus.clean"]


def test_a_cut_message_is_not_called_clean() -> None:
    """Of a truncated message only the beginning was seen; malware in it is still found."""
    cut = from_bytes(b"From: a@b.example\r\n\r\nhello\r\n", cut=True)
    assert codes(look(FakeScanner(), cut)) == ["virus.skipped"]
    assert codes(look(FakeScanner({b"hello": Infected("X")}), cut)) == ["virus.infected"]


def test_a_structure_that_stays_closed_is_not_called_clean() -> None:
    """Nesting past the limit is not opened, so nobody has seen what is inside."""
    message = b"hello\r\n"
    for _ in range(limits.MIME_DEPTH + 2):
        message = b"Content-Type: message/rfc822\r\n\r\n" + message
    assert codes(look(FakeScanner(), from_bytes(message))) == ["virus.skipped"]


def test_parts_that_decode_to_too_much_are_not_called_clean(monkeypatch: pytest.MonkeyPatch) -> None:
    """Encoded messages inside encoded messages may decode to more than is kept; what came back cut was not scanned."""
    message = mail(PLAIN, part(b"a" * 100), part(b"b" * 100))
    message.mime.parts[0]._allowance.left = 150
    assert codes(look(FakeScanner(), message)) == ["virus.skipped"]


def test_a_part_whose_header_is_not_read_is_not_clean() -> None:
    """A type and an encoding behind more fields than are read leave a part closed, which is skipped."""
    fields = b"X: y\r\n" * (limits.PART_HEADER_FIELDS + 1)
    assert codes(look(FakeScanner(), mail(fields + part(b"a")))) == ["virus.skipped"]


def test_no_scanner_is_said() -> None:
    """A site without clamd gets `skipped`, not `clean` and not `error`."""
    (said,) = look(None, mail(PLAIN))
    assert (said.code, said.degraded) == ("virus.skipped", "")
    assert open_scanner(Settings()) is None


def two(first: FakeScanner, second: FakeScanner, message: Message) -> list[Evidence]:
    """Run the check with two engines."""
    first.name, second.name = "clamd", "icap"
    return list(VirusCheck(first, second).run(Envelope(), message, Found()))


def test_two_engines_see_every_view() -> None:
    """What only the second one knows is found, and named; both see the raw message and the parts."""
    first, second = FakeScanner(), FakeScanner({BAD: Infected("Other.Bad")})
    (said,) = two(first, second, mail(PLAIN, part(BAD)))
    assert (said.code, said.facts["virus.found-by"]) == ("virus.infected", "icap")
    assert len(first.scanned) == len(second.scanned) == 2


def test_one_engine_that_is_away_leaves_the_other_at_work() -> None:
    """A message that one of two engines did not scan is not clean; it is asked once, the other one about every part."""
    first, second = FakeScanner(down=True), FakeScanner()
    (said,) = two(first, second, mail(PLAIN, part(b"a"), part(b"b")))
    assert (said.code, said.facts["virus.status"], said.degraded) == ("virus.unreachable", "error", "virus")
    assert "clamd" in said.detail
    assert (len(first.scanned), len(second.scanned)) == (1, 3)
    (found,) = two(FakeScanner(down=True), FakeScanner({BAD: Infected("X")}), mail(PLAIN, part(BAD)))
    assert found.code == "virus.infected"


def test_what_other_checks_laid_open_is_scanned() -> None:
    """A decrypted file is scanned after the parts, named by where it was found, once, and within the same limit."""
    scanner = FakeScanner({BAD: OverLimit("a limit")})
    message = mail(PLAIN, part(b"a"))
    message.lay_open((Inner("mail.zip > a.exe", BAD), Inner("text only"), Inner("twice", BAD), Inner("same", b"a")))
    (said,) = look(scanner, message)
    assert scanner.scanned[1:] == [b"a", BAD]
    assert "mail.zip > a.exe" in said.detail
    assert codes(look(FakeScanner(), message, max_parts=1)) == ["virus.skipped"]


def test_an_encrypted_file_is_not_clean() -> None:
    """Where nobody could read a file, finding nothing is not clean; malware beside it is still found."""
    sealed = Found((Evidence("attachment", "attachment.encrypted"),))
    (said,) = VirusCheck(FakeScanner()).run(Envelope(), mail(PLAIN, part(b"a")), sealed)
    assert (said.code, said.facts["virus.status"]) == ("virus.skipped", "skipped")
    assert "encrypted" in said.detail
    (infected,) = VirusCheck(FakeScanner({BAD: Infected("X")})).run(Envelope(), mail(PLAIN, part(BAD)), sealed)
    assert infected.code == "virus.infected"


@pytest.mark.parametrize("word", ["unopened", "limit", "bomb", "timeout", "error"])
def test_a_file_that_was_not_opened_is_not_clean(word: str) -> None:
    """Where content was not handed to the scanner, because it was too much or its packing is not known, nothing found is not clean."""
    closed = Found((Evidence("attachment", f"attachment.{word}"),))
    (said,) = VirusCheck(FakeScanner()).run(Envelope(), mail(PLAIN, part(b"a")), closed)
    assert (said.code, said.facts["virus.status"]) == ("virus.skipped", "skipped")


def test_it_comes_after_the_check_that_lays_open() -> None:
    """Where the line-up has an attachment check before it, it comes after that; else after none."""
    (alone,) = build(Settings(), [])
    (behind,) = build(Settings(), [], earlier=["dkim", "attachment"])
    assert (alone.after, behind.after) == (frozenset(), {"attachment"})


@pytest.fixture(scope="module")
def clamd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clamd]:
    """Give a running clamd for this module."""
    with Clamd(tmp_path_factory.mktemp("clamd")) as running:
        yield running


@pytest.mark.servers
def test_with_a_real_clamd(clamd: Clamd, tmp_path: Path) -> None:
    """The test file is found in the open and in base64, well-formed or not; a clean mail is clean; a dead clamd is an error."""
    wanted = Settings(clamd=clamd.address)
    (check,) = build(wanted, [open_scanner(wanted)])
    plain = from_bytes(b"From: a@b.example\r\nContent-Type: text/plain\r\n\r\n" + EICAR + b"\r\n")
    encoded = mail(PLAIN, part(EICAR))
    broken = from_bytes(
        b"Content-Type: multipart/mixed; boundary=cut\r\nContent-Type: text/plain\r\n\r\n--cut\r\n" + part(EICAR)
    )
    doubtful = mail(PLAIN, part(SUSPICIOUS))
    cases = (
        (plain, "virus.infected"),
        (encoded, "virus.infected"),
        (broken, "virus.infected"),
        (doubtful, "virus.heuristic"),
        (mail(PLAIN, part(b"nice")), "virus.clean"),
    )
    for message, code in cases:
        assert [item.code for item in check.run(Envelope(), message, Found())] == [code]
    (gone,) = build(wanted, [open_scanner(Settings(clamd=f"unix:{tmp_path}/none.sock"))])
    assert [item.degraded for item in gone.run(Envelope(), plain, Found())] == ["virus"]


@pytest.mark.servers
def test_every_container_of_debians_test_files(clamd: Clamd) -> None:
    """Each file of clamav-testfiles is found as an attachment, in base64 as mail clients send it; there is no exception."""
    wanted = Settings(clamd=clamd.address)
    (check,) = build(wanted, [open_scanner(wanted)])
    files = sorted(TESTFILES.iterdir())
    assert len(files) >= 40
    missed = []
    for file in files:
        message = mail(PLAIN, part(file.read_bytes(), kind=b'application/octet-stream; name="%b"' % file.name.encode()))
        if [item.code for item in check.run(Envelope(), message, Found())] != ["virus.infected"]:
            missed.append(file.name)
    assert missed == []
