"""The check `mime`: it holds what readers differ over, says what is odd, and leaves honest mail alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gatepost.checks.attachments import family as attachment
from gatepost.checks.attachments.ambiguity import CODES, MimeCheck
from gatepost.checks.virus.family import Settings, build, open_scanner
from gatepost.decision.decide import decide
from gatepost.decision.policy import Policy
from gatepost.evidence import Evidence, Found
from gatepost.mail.envelope import Direction, Envelope
from gatepost.mail.message import Message, from_bytes
from gatepost.verdict import Accept, Quarantine
from support import archives
from support.broken_mime import family
from support.clamd import EICAR, Clamd
from support.mime_pieces import CTE, MIXED, TEXT, TYPE, attached, b64, body, message, zipped
from support.unpacking import all_words, in_place, look_into


def look(data: bytes) -> list[Evidence]:
    """Run the check on a message; sees to it that each code is documented."""
    said = list(MimeCheck().run(Envelope(), from_bytes(data), Found()))
    assert all(item.code in CODES for item in said)
    return said


def codes(data: bytes) -> list[str]:
    """Give the codes alone."""
    return [item.code for item in look(data)]


@pytest.fixture(scope="module")
def clamd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clamd]:
    """Give a running clamd for this module."""
    with Clamd(tmp_path_factory.mktemp("clamd")) as running:
        yield running


@pytest.mark.servers
@pytest.mark.parametrize("packed", [False, True], ids=["bare", "zipped"])
def test_every_trick_is_found_or_held(clamd: Clamd, packed: bool) -> None:
    """Each message of the family that hides the test file is infected to a real clamd, or ambiguous and so held."""
    settings = Settings(clamd=clamd.address)
    scanner = open_scanner(settings)
    assert scanner is not None
    (virus,) = build(settings, [scanner])
    names, missed = set(), []
    for case in family(zipped(EICAR) if packed else EICAR):
        hidden = from_bytes(case.data)
        names.add(case.name)
        found = [*virus.run(Envelope(), hidden, Found()), *MimeCheck().run(Envelope(), hidden, Found())]
        if not {"virus.infected", "mime.ambiguous"} & {item.code for item in found}:
            missed.append(case.name)
    assert not missed
    assert len(names) >= 500


@pytest.mark.servers
def test_every_trick_in_an_attached_message_is_found_or_held(clamd: Clamd) -> None:
    """A message that is attached as a file, of no declared type, is read in as many ways as one that was received."""
    settings, attachments = Settings(clamd=clamd.address), attachment.Settings()
    scanner = open_scanner(settings)
    assert scanner is not None
    (virus,) = build(settings, [scanner])
    *_, files = attachment.build(attachments, in_place())
    missed = []
    for case in family(EICAR):
        part = b'Content-Type: application/octet-stream; name="a.eml"\r\n' + CTE + b"base64\r\n\r\n" + b64(case.data)
        outer = from_bytes(message(MIXED, body(TEXT, part)))
        found = Found(tuple(files.run(Envelope(), outer, Found())))
        said = {item.code for item in (*found.items, *virus.run(Envelope(), outer, found))}
        if not {"virus.infected", "attachment.ambiguous-mail"} & said:
            missed.append(case.name)
    assert not missed


def test_an_ambiguous_message_within_an_archive_is_held() -> None:
    """What clients differ over counts as well where the message is in a file, and a well-formed one is nothing remarkable."""
    fields = CTE + b"base64\r\n" + CTE + b"7bit\r\n"
    odd = attached(fields, b64(b"anything at all, it need not be known"))
    assert "ambiguous-mail" in all_words(look_into(archives.zipped({"a.eml": odd}), "a.zip"))
    plain = attached(CTE + b"base64\r\n", b64(b"anything at all, it need not be known"))
    assert not all_words(look_into(archives.zipped({"a.eml": plain}), "a.zip"))


def test_the_family_is_honest_where_it_says_so() -> None:
    """What the family writes without a trick is not ambiguous: the check answers to the trick, not to the file."""
    honest = {case.name: case.data for case in family(b"a file like any other" * 20)}
    for name in (
        "base64/plain", "base64/lines-of-75", "quoted_printable/plain", "type_field/plain", "type_field/quoted", "type_field/folded",
        "type_field/folded-parameter", "delimiters/missing-end", "delimiters/text-before-first", "delimiters/spaces-behind",
        "nested/plain", "nested/message", "nested/message-multipart", "nested/digest", "nested/ten-deep", "encoding_field/base64-no-space",
        "base64/text-behind", "base64/no-padding", "old_encodings/uuencode-in-text-plain", "old_encodings/tnef-as-ms-tnef",
    ):  # fmt: skip
        assert "mime.ambiguous" not in codes(honest[name]), name


def test_an_ambiguous_message_is_held() -> None:
    """By default it is quarantined on its way in, for a person to look at, and the reason names the part."""
    data = attached(CTE + b"base64\r\n" + CTE + b"7bit\r\n", b64(b"anything at all, it need not be known"))
    (said,) = look(data)
    assert said.code == "mime.ambiguous"
    assert "part 3" in said.detail
    assert said.facts == {"mime.kinds": "structure"}
    verdict = decide(Policy(), Direction.INBOUND, [said])
    assert isinstance(verdict.outcome, Quarantine)
    assert decide(Policy(), Direction.OUTBOUND, [said]).outcome == Accept()


def test_what_is_odd_alone_is_said_and_not_held() -> None:
    """A missing end, content elsewhere and two names each have a code of their own, and force nothing."""
    odd = {
        message(MIXED, b"--foo\r\n" + TEXT): "mime.sloppy",
        message(
            b"Content-Type: message/external-body; access-type=x-y\r\n", b"Content-Type: a/b\r\n\r\n"
        ): "mime.external",
        message(
            MIXED, body(TEXT, b"Content-Type: image/png; name=a.png\r\n" + TYPE.partition(b"\r\n")[2] + b"\r\nx")
        ): "mime.names",
    }
    for data, code in odd.items():
        assert codes(data) == [code]
        assert decide(Policy(), Direction.INBOUND, look(data)).outcome == Accept()


def test_a_fragment_is_told_apart_and_held() -> None:
    """A part of a message that only the reader's client sees whole is `mime.partial`, and ambiguous."""
    data = message(
        b'Content-Type: message/partial; id="x"; number=1; total=3\r\n', b"Subject: x\r\n\r\nfirst third\r\n"
    )
    assert codes(data) == ["mime.partial", "mime.ambiguous"]


def test_plain_mail_gives_no_evidence() -> None:
    """A message whose structure is well formed is not spoken of."""
    assert look(message(MIXED, body(TEXT, TYPE + CTE + b"base64\r\n\r\n" + b64(b"file" * 100)))) == []
    assert look(message(b"", b"hello\r\n")) == []


def test_many_differences_make_one_sentence() -> None:
    """However much is ambiguous, the evidence is one, and its sentence stays short."""
    part = TYPE + CTE + b"base64\r\n" + CTE + b"7bit\r\n\r\n" + b64(b"anything at all, it need not be known")
    (said,) = look(message(MIXED, body(*[part] * 40)))
    assert " more." in said.detail
    assert said.facts == {"mime.kinds": "structure limit"}
    assert len(said.detail) < 600


def test_the_check_reads_nothing_of_others() -> None:
    """It needs no other evidence, so it may run at any place."""
    check = MimeCheck()
    assert (check.name, check.after) == ("mime", frozenset())
    assert isinstance(from_bytes(b""), Message)
    assert list(check.run(Envelope(), from_bytes(b""), Found())) == []
