"""Written records: whole messages come of them, the same every time, whatever the label says."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatepost.checks.content.text import read_text
from gatepost.mail.message import from_bytes
from gatepost.training.corpus import CorpusError, find_packs, read_pack
from gatepost.training.invented import Record, RecordError, as_text, build, read_records

_SHIPPED = Path(__file__).resolve().parents[2] / "models" / "invented"
_SOURCE = """%% ham newsletter en
From: Fjord Coffee <hello@fjordcoffee.example>
To: Maria <maria@customer.example>
Subject: New beans & a guide
Layout: newsletter

# The new harvest

It is here: [Huila](https://fjordcoffee.example/huila?a=1&b=2) <b>today</b>.

- washed
- natural

| beans | price |
| Huila | 12 |

[Try it](https://fjordcoffee.example/try)

%% spam loan de
From: x@y.example
Subject: Kredit
Layout: plain

Sofort Geld.
"""


def test_records_are_read_in_order():
    """Label, kind, language, fields and text of each record are as written."""
    first, second = read_records(_SOURCE)
    assert (first.label, first.kind, first.language, first.layout) == ("ham", "newsletter", "en", "newsletter")
    assert first.to == "Maria <maria@customer.example>"
    assert second == Record("spam", "loan", "de", "x@y.example", "Kredit", "plain", "Sofort Geld.\n")


def test_a_page_shows_what_the_record_says():
    """Words, links and table cells of the record are what a reader of the message sees; markup in it is text."""
    record = next(read_records(_SOURCE))
    reading = read_text(from_bytes(build(record)))
    for words in ("The new harvest", "It is here: Huila <b>today</b>.", "washed", "Huila 12", "Try it"):
        assert " ".join(words.split()) in " ".join(reading.text.split())
    assert {anchor.href for anchor in reading.anchors} >= {
        "https://fjordcoffee.example/huila?a=1&b=2",
        "https://fjordcoffee.example/try",
    }


def test_the_plain_form_names_the_links():
    """Where there is no page a link is its words and its address."""
    assert as_text("[Try it](https://a.example/)\n") == "Try it: https://a.example/\n"
    assert as_text("[https://a.example/](https://a.example/)") == "https://a.example/"


def test_a_report_is_built_as_mail_servers_build_them():
    """A text for people, a status for machines and what came back, without a defect; nothing of the latter is read as text."""
    source = "%% ham bounce en\nFrom: Mailer <mailer-daemon@mx.example>\nSubject: Undelivered\nLayout: report\n\nNo such usér {}.\n"
    for number in range(9):
        message = from_bytes(build(next(read_records(source.format(number)))))
        kinds = [part.content_type for part in message.mime.parts]
        assert kinds[:3] == ["multipart/report", "text/plain", "message/delivery-status"]
        assert kinds[3] in {"message/rfc822", "text/rfc822-headers"}
        assert not message.mime.defects
        assert read_text(message).text.strip() == f"No such user {number}."


def test_the_message_does_not_depend_on_the_label():
    """The same record as ham and as phish gives the same bytes, each time: a model cannot learn the layout."""
    record = next(read_records(_SOURCE))
    assert build(record) == build(replace(record, label="phish", kind="bank")) == build(record)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("%% mail newsletter en\nFrom: a@b.example\nSubject: x\n\ntext\n", "not `%% LABEL KIND LANGUAGE`"),
        ("%% ham newsletter en\nSubject: x\n\ntext\n", "From, Subject and a text are needed"),
        ("%% ham newsletter en\nFrom: a@b.example\nSubject: x\n\n\n", "From, Subject and a text are needed"),
        ("%% ham newsletter en\nFrom: a@b.example\nSubject: x\nLayout: poster\n\ntext\n", "no layout 'poster'"),
    ],
)
def test_a_record_that_is_not_whole_is_refused(tmp_path: Path, source: str, words: str):
    """One line names the file and says what is missing."""
    with pytest.raises(RecordError, match=words):
        list(read_records(source))
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "a-x.mail").write_text(source)
    with pytest.raises(CorpusError, match=r"a-x\.mail: "):
        list(read_pack(tmp_path / "pack"))


@settings(max_examples=150)
@given(st.text(max_size=300))
def test_any_text_is_read_or_refused(text: str):
    """Whatever a file holds, its records are read and built, or RecordError is raised."""
    try:
        for record in read_records("%% ham list en\nFrom: a@b.example\nSubject: s\nLayout: receipt\n\n" + text):
            assert build(record).count(b"\n") > 3
    except RecordError:
        pass


def test_the_shipped_records_are_a_pack():
    """All shipped records build messages that can be read, of all three labels and of many languages."""
    (pack,) = find_packs([_SHIPPED])
    samples = list(read_pack(pack))
    labels = Counter(sample.label for sample in samples)
    assert len(samples) >= 5_000
    assert min(labels[label] for label in ("ham", "spam", "phish")) >= 1_000
    assert len({sample.name for sample in samples}) == len(samples)
    assert all(from_bytes(sample.data).text(b"from") for sample in samples)
