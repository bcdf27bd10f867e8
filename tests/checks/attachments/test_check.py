"""The check `attachment`: which parts are files, what is reported of them, what is laid open."""

from __future__ import annotations

import hashlib
from email.message import EmailMessage

import pytest

from gatepost.checks.attachments.family import CODES, Settings, build
from gatepost.checks.attachments.inspect import inspect_file
from gatepost.checks.attachments.item import Finding, Item
from gatepost.checks.attachments.unpacker import FakeUnpacker
from gatepost.checks.attachments.wire import Examined
from gatepost.evidence import Evidence, Found, Status
from gatepost.mail import file_limits
from gatepost.mail.address import parse_path
from gatepost.mail.envelope import Direction, Envelope
from gatepost.mail.message import Inner, Message, from_bytes
from support import files

DIGEST = hashlib.sha256(b"x").hexdigest()


def letter(name: str = "tool.exe", content: bytes = files.PROGRAM) -> Message:
    """Give a message with one file."""
    message = EmailMessage()
    message["From"] = "a@sender.example"
    message.set_content("See the file.")
    message.add_attachment(content, maintype="application", subtype="octet-stream", filename=name)
    return from_bytes(bytes(message))


def report(
    *items: Item,
    message: Message | None = None,
    envelope: Envelope | None = None,
    examined: Examined | None = None,
    **settings: object,
) -> list[Evidence]:
    """Give what the check reports when the jail has found these files."""
    *_, check = build(Settings.model_validate(settings), FakeUnpacker(examined or Examined(items)))
    return list(check.run(envelope or Envelope(), message or letter(), Found()))


def item(*path: str, kind: str = "text", findings: tuple[Finding, ...] = (), sha256: str = DIGEST) -> Item:
    """Give a file of part 3."""
    return Item(3, path, "", kind, 10, sha256, findings)


def found(evidence: list[Evidence], code: str) -> Evidence:
    """Give the evidence of a code."""
    return next(each for each in evidence if each.code == f"attachment.{code}")


def asked(message: bytes) -> list[str]:
    """Give the names of the files that the check gives to the jail."""
    unpacker = FakeUnpacker()
    *_, check = build(Settings(), unpacker)
    assert list(check.run(Envelope(), from_bytes(message), Found())) == []
    return [reading.name for files_, _ in unpacker.asked for reading in files_]


BODIES = [
    b"Subject: x\n\nHello\n",
    b"Content-Type: text/html\nContent-Transfer-Encoding: base64\n\nPGh0bWw+PHA+aGVsbG88L3A+PC9odG1sPg==\n",
    b"Content-Type: text/plain\nContent-Transfer-Encoding: quoted-printable\n\nHello=20you\n",
    b"Content-Type: text/plain\n\n",
]


@pytest.mark.parametrize("message", BODIES)
def test_what_the_message_says_is_no_file(message: bytes) -> None:
    """The text of a message is not looked into, however it is encoded, and nothing is reported."""
    assert asked(message) == []


FILES = [
    b'Content-Type: text/plain; name="a.txt"\n\nHello\n',
    b"Content-Type: text/html\nContent-Disposition: attachment\nContent-Transfer-Encoding: base64\n\nPGh0bWw+PHA+aGVsbG88L3A+PC9odG1sPg==\n",
    b"Content-Type: image/png\nContent-Transfer-Encoding: base64\n\niVBORw0KGgo=\n",
    b"Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\nUEsDBBQAAAAIAA==\n",
]


@pytest.mark.parametrize("message", FILES)
def test_files_are_found_whatever_they_are_declared_as(message: bytes) -> None:
    """A name, a disposition, a type other than text, and bytes that are no text each make a file."""
    assert len(asked(message)) == 1


def test_each_file_is_written_down() -> None:
    """Path, hash, type and size of every file stand in the evidence, up to a limit."""
    evidence = report(item("papers.zip", kind="zip"), item("papers.zip", "a.txt"))
    facts = [each.facts for each in evidence if each.code == "attachment.file"]
    assert facts[1] == {"file": "papers.zip > a.txt", "sha256": DIGEST, "kind": "text", "size": "10", "part": "3"}
    many = report(*(item(f"{number}.txt") for number in range(file_limits.FILES_TOLD + 20)))
    assert len([each for each in many if each.code == "attachment.file"]) == file_limits.FILES_TOLD


def test_a_code_is_reported_once() -> None:
    """However many files have a finding, its evidence names the first and counts the others."""
    macro = Finding("attachment.macro", "holds macros")
    evidence = report(*(item(f"{number}.doc", kind="ole", findings=(macro,)) for number in range(500)))
    assert found(evidence, "macro").detail == "0.doc holds macros (and 499 more like it)."
    assert len(evidence) <= file_limits.FILES_TOLD + 1


def test_every_name_of_a_file_is_judged() -> None:
    """Where clients differ over what an attached file is called, the worst of its names counts; a file inside has its own."""
    two = from_bytes(
        b'Content-Type: image/png; name="setup.exe"\nContent-Disposition: attachment; filename="view.png"\n\nMZ\n'
    )
    attached = Item(1, ("view.png",), "image/png", "text", 10, DIGEST, ())
    assert found(report(attached, message=two), "executable")
    inside = Item(1, ("view.png", "a.txt"), "", "text", 10, DIGEST, ())
    assert not [each for each in report(inside, message=two) if each.code == "attachment.executable"]


def test_names_are_judged_in_sealed_archives_too() -> None:
    """Of a file whose content nobody can read the name is known, and says enough."""
    evidence = report(item("sealed.zip", "invoice.pdf.exe", kind="", sha256=""))
    assert {"attachment.executable", "attachment.double-extension", "attachment.hold"} <= {
        each.code for each in evidence
    }


def test_trouble_is_temporary_and_never_clean() -> None:
    """What could not be looked into is told as such, and names what did not answer."""
    for word in ("error", "timeout"):
        evidence = report(
            item("a.pdf", kind="pdf", findings=(Finding(f"attachment.{word}", "could not be looked into"),))
        )
        assert found(evidence, word).status is Status.TEMPERROR
        assert found(evidence, word).degraded == "attachment"


def test_what_concerns_the_whole_message_is_told() -> None:
    """A limit that no single file reached is evidence as well."""
    evidence = report(
        examined=Examined((item("a.zip"),), (), (Finding("attachment.limit", "holds more than is opened"),))
    )
    assert found(evidence, "limit").detail == "The message holds more than is opened."


def test_the_inside_is_laid_open_for_those_who_come_after() -> None:
    """Text and links are handed on, and the hash of every file, once."""
    message, other = letter(), hashlib.sha256(b"y").hexdigest()
    inner = Inner("a.pdf", text="minutes", urls=("https://example.org/",), sha256=DIGEST)
    report(
        message=message,
        examined=Examined((item("a.pdf"), item("b.pdf", sha256=other), item("c.pdf", sha256=other)), (inner,)),
    )
    assert message.inner == (inner, Inner("b.pdf", sha256=other)) or message.inner[1].sha256 == other
    assert len(message.inner) == 2


def test_an_allowed_file_is_not_judged() -> None:
    """Nothing else counts about a file of the list, nor about what is inside of it; its neighbours are judged."""
    program = hashlib.sha256(files.PROGRAM).hexdigest()
    items = (
        item("setup.zip", kind="zip"),
        item("setup.zip", "a.exe", kind="pe", sha256=program),
        item("b.exe", kind="pe", sha256=program),
    )
    evidence = report(*items, allowed_sha256=[DIGEST])
    assert found(evidence, "executable").detail.startswith("b.exe ")
    assert "more like it" not in found(evidence, "executable").detail
    assert found(evidence, "allowed-hash").facts["file"] == "setup.zip"


def test_an_allowed_file_excuses_no_other_of_its_name() -> None:
    """Two entries of an archive may have one name: what lies inside of the one that is not allowed is judged."""
    other = hashlib.sha256(b"another").hexdigest()
    items = (
        item("all.zip", kind="zip", sha256=other),
        item("all.zip", "a.zip", kind="zip"),
        item("all.zip", "a.zip", "good.exe", kind="pe", sha256=other),
        item("all.zip", "a.zip", kind="zip", sha256=other),
        item("all.zip", "a.zip", "evil.exe", kind="pe", sha256=other),
    )
    evidence = report(*items, allowed_sha256=[DIGEST])
    assert found(evidence, "executable").detail.startswith("all.zip > a.zip > evil.exe ")


@pytest.mark.parametrize(
    "parameter",
    [
        b"filename*=utf-8''invoice.js%00.txt",
        b"filename*=utf-8''invoice.js%0A.txt",
        b"filename*=utf-8''invoice.js%01",
        b'filename="invoice.js::$DATA"',
        b"filename='invoice.js'",
        b'filename="invoice.js/"',
        b"filename=my invoice.js",
    ],
)
def test_what_systems_make_of_a_name_is_judged(parameter: bytes) -> None:
    """Control characters, streams, quotes and spaces hide no extension of an attached file."""
    mail = from_bytes(b"Content-Type: a/b\r\nContent-Disposition: attachment; " + parameter + b"\r\n\r\nx\r\n")
    attached = Item(1, (mail.mime.parts[0].filename,), "a/b", "text", 10, DIGEST, ())
    assert found(report(attached, message=mail), "script")


@pytest.mark.parametrize("name", ["invoice.js\0.txt", "invoice.js:x"])
def test_what_systems_make_of_a_name_in_an_archive_is_judged(name: str) -> None:
    """The same holds of a name inside of an archive."""
    assert found(report(item("a.zip", kind="zip"), item("a.zip", name)), "script")


@pytest.mark.parametrize("kind", [b"application/hta", b"text/javascript"])
def test_an_unnamed_script_is_known_by_its_type(kind: bytes) -> None:
    """A client gives a file without a name the extension of its type: one that runs is a script, and never the body."""
    mail = b"Content-Type: " + kind + b"\r\n\r\nalert(1)\r\n"
    assert asked(mail) == [""]
    assert found(report(Item(1, ("",), kind.decode(), "text", 10, DIGEST, ()), message=from_bytes(mail)), "script")


def test_a_blocked_file_is_refused() -> None:
    """A file of the list is refused whatever it is, in both directions."""
    for direction in Direction:
        evidence = report(item("a.txt"), envelope=Envelope(direction=direction), blocked_sha256=[DIGEST.upper()])
        assert {"attachment.blocked-hash", "attachment.reject"} <= {each.code for each in evidence}


def test_the_sentence_says_for_whose_sake() -> None:
    """Where one recipient's domain is stricter than the rest, the evidence names it."""
    recipients = tuple(filter(None, map(parse_path, (b"a@b.example", b"c@strict.example"))))
    rules = {"strict.example": {".txt": "reject"}}
    evidence = report(item("a.txt"), envelope=Envelope(recipients=recipients), domains=rules)
    assert found(evidence, "reject").detail == "a.txt: refused by the rule for .txt of recipients in strict.example."


def test_a_name_that_cannot_be_changed_holds_the_message() -> None:
    """Where the wish to strip a name cannot be carried out, the message is held instead: of mail that is not edited, too."""
    rules = {"attachment.executable": "strip"}
    program = item("tool.exe", kind="pe")
    strippable = report(program, policy=rules)
    assert found(strippable, "strip").facts == {"parts": "3"}
    assert not any(each.code == "attachment.hold" for each in strippable)
    cut = Message(letter().headers, letter().body, truncated=True)
    for evidence in (
        report(program, message=cut, policy=rules),
        report(program, envelope=Envelope(direction=Direction.OUTBOUND), outbound=rules),
    ):
        assert "cannot be changed" in found(evidence, "hold").detail


def test_every_finding_of_the_inspectors_is_a_known_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is cut short says so, by a code that has a meaning."""
    for name, value in {
        "MARKUP_BYTES": 10,
        "PDF_OBJECTS": 1,
        "OFFICE_PARTS": 1,
        "RTF_BYTES": 10,
        "COMPOUND_STREAMS": 0,
    }.items():
        monkeypatch.setattr(file_limits, name, value)
    cut = {
        "html": b"<html><p>more than ten bytes",
        "pdf": files.pdf(),
        "ooxml": files.docx(),
        "rtf": files.rtf(),
        "ole": files.doc(),
    }
    for kind, data in cut.items():
        codes = {finding.code for finding in inspect_file(kind, "a", data).findings}
        assert "attachment.partial" in codes, kind
        assert codes <= set(CODES)
