"""What is attached is judged like text where the message says little, and not where it speaks for itself."""

from __future__ import annotations

import pytest

from gatepost.checks.content.classifier import ContentCheck
from gatepost.checks.content.enclosed import CODES, LITTLE, EnclosedCheck
from gatepost.checks.content.family import Settings, build
from gatepost.evidence import Evidence, Found
from gatepost.mail.envelope import Envelope
from gatepost.mail.message import Inner, Message, from_bytes
from support.model import write_model

SPAM = "viagra for everybody, viagra for the whole family"


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> ContentCheck:
    """Give a content check with a tiny model that knows one word for spam."""
    return build(Settings(model=str(write_model(tmp_path_factory.mktemp("model") / "model"))))


def letter(text: str = "See attached.") -> Message:
    """Give a message with a text of its own."""
    return from_bytes(
        f"From: Ann <a@sender.example>\nSubject: hello\nDate: Sun, 01 Nov 2026 12:00:00 +0000\n\n{text}\n".encode()
    )


def run(content: ContentCheck, message: Message, *inner: Inner) -> list[Evidence]:
    """Give what is said of a message in which this was laid open."""
    message.lay_open(inner)
    return list(EnclosedCheck(content).run(Envelope(), message, Found()))


def test_spam_in_a_file_is_told_like_spam_in_the_text(content: ContentCheck) -> None:
    """The same words give the same opinion, told apart by its code, and the sentence says where they stand."""
    (found,) = run(content, letter(), Inner("offer.pdf", text=SPAM))
    (own,) = content.run(Envelope(), letter(SPAM), Found())  # as if it had been written into the message
    assert found.code in CODES
    assert own.code == found.code.replace("attached", "content")
    assert "What is attached (offer.pdf)" in found.detail
    assert found.facts["attached.probability"] == own.facts["probability"]
    assert not {"class", "probability"} & set(found.facts)


def test_a_message_that_speaks_for_itself_is_judged_by_that(content: ContentCheck) -> None:
    """Beside a text of some length what is attached is no opinion about the message."""
    assert run(content, letter("word " * LITTLE), Inner("offer.pdf", text=SPAM)) == []


@pytest.mark.parametrize("inner", [(), (Inner("a.bin", sha256="0" * 64),), (Inner("a.txt", text="viagra"),)])
def test_next_to_nothing_is_no_opinion(content: ContentCheck, inner: tuple[Inner, ...]) -> None:
    """Without attached text, or with a word of it, nothing is said."""
    assert run(content, letter(), *inner) == []


def test_only_what_speaks_against_a_message_is_told(content: ContentCheck) -> None:
    """A harmless document recommends nobody: anybody can attach one."""
    assert (
        run(
            content,
            letter(),
            Inner("minutes.pdf", text="the minutes of our meeting with the schedule and the agenda " * 3),
        )
        == []
    )


def test_links_of_a_file_without_text_are_judged(content: ContentCheck, monkeypatch: pytest.MonkeyPatch) -> None:
    """A code in a picture says nothing but where it leads: that is read, and each link once."""
    read: list[bytes] = []
    monkeypatch.setattr("gatepost.checks.content.enclosed.extract", lambda message: read.append(message.body))
    monkeypatch.setattr(ContentCheck, "finding", lambda *_: Evidence("content", "content.none"))
    link = "https://login.attacker.example/verify"
    run(content, letter(), Inner("code.png", text=link, urls=(link, "https://other.example/")))
    assert read[0].split() == [link.encode(), b"https://other.example/"]
