"""What an evaluation reads, and that it scores as the live check does."""

from __future__ import annotations

import gzip
import io
import mailbox
import math
import tarfile
from itertools import chain
from pathlib import Path

import pytest

from gatepost.arrival.replay import ReplayError, Stored
from gatepost.checks.content.budget import logit_of
from gatepost.checks.content.classifier import ContentCheck
from gatepost.checks.content.family import Settings, build
from gatepost.evidence import Found
from gatepost.mail.envelope import Envelope
from gatepost.training.corpus import CorpusError
from gatepost.training.score import EVEN, score, score_all
from gatepost.training.sources import Letter, find_sources
from support.hostile import GROWING
from support.letters import invented, letter
from support.model import write_model

KEYS = [(source, unwanted) for source in (0, 1) for unwanted in (False, True)]


@pytest.fixture
def check(tmp_path: Path) -> ContentCheck:
    """Give a check with a model that knows two words."""
    return build(Settings(model=str(write_model(tmp_path / "model"))))


def put(place: Path, *messages: bytes) -> Path:
    """Write messages as files of a folder."""
    place.mkdir(parents=True, exist_ok=True)
    for number, message in enumerate(messages):
        (place / f"{number:03d}.eml").write_bytes(message)
    return place


def read(ham: list[Path], spam: list[Path], limit: int | None = None) -> dict[str, tuple[int, int]]:
    """Count ham and unwanted mail by the name of the source."""
    found = {}
    for number, source in enumerate(find_sources(ham, spam)):
        kinds = [one.unwanted for one in source.read(number, limit)]
        found[source.name] = (kinds.count(False), kinds.count(True))
    return found


def pack(path: Path, each: int = 3) -> Path:
    """Write a compressed pack with all three labels."""
    with tarfile.open(path, "w:xz") as archive:
        for label in ("ham", "spam", "phish"):
            for number in range(each):
                info = tarfile.TarInfo(f"{label}/{number}.eml")
                info.size = len(data := invented(label, number))
                archive.addfile(info, io.BytesIO(data))
    return path


def test_each_path_is_a_source(tmp_path: Path):
    """A folder, a Maildir and an mbox are a source each; single files are of the folder that they lie in."""
    folder = put(tmp_path / "folder", *(invented("ham", number) for number in range(3)))
    single = put(tmp_path / "single", *(invented("ham", number) for number in range(2)))
    box = mailbox.mbox(tmp_path / "old.mbox")
    place = mailbox.Maildir(tmp_path / "junk")
    for number in range(4):
        box.add(invented("ham", number))
        place.add(invented("spam", number))
    box.close()
    place.close()
    paths = [folder, *sorted(single.iterdir()), tmp_path / "old.mbox"]
    assert read(paths, [tmp_path / "junk"]) == {
        str(folder): (3, 0),
        str(single): (2, 0),
        str(tmp_path / "old.mbox"): (4, 0),
        str(tmp_path / "junk"): (0, 4),
    }


def test_a_pack_lends_what_it_is_asked_for(tmp_path: Path):
    """Given as ham a pack gives its ham, as spam its spam and phish, as both it is one source; a folder of packs too."""
    (tmp_path / "packs").mkdir()
    one = pack(tmp_path / "packs" / "train-one.tar.xz")
    put(tmp_path / "packs" / "two" / "ham", invented("ham", 1))
    assert read([one], []) == {"one": (3, 0)}
    assert read([], [one]) == {"one": (0, 6)}
    assert read([one], [one]) == {"one": (3, 6)}
    assert read([one.parent], [one]) == {"one": (3, 6), "two": (1, 0)}


def test_packs_of_one_name_are_told_apart(tmp_path: Path):
    """Two packs with the same file name in two folders are two sources."""
    for place in ("a", "b"):
        (tmp_path / place).mkdir()
        pack(tmp_path / place / "x.tar.xz")
    paths = [tmp_path / "a" / "x.tar.xz", tmp_path / "b" / "x.tar.xz"]
    assert read(paths, paths) == {"x": (3, 6), str(paths[1]): (3, 6)}


def test_a_maildir_is_mail_whatever_its_folders_are_called(tmp_path: Path):
    """A Maildir with a folder named `spam` inside is no pack: its own mail is what it was given as."""
    place = mailbox.Maildir(tmp_path / "mail")
    place.add(invented("ham", 1))
    place.close()
    put(tmp_path / "mail" / "spam", invented("ham", 2))
    assert read([tmp_path / "mail"], []) == {str(tmp_path / "mail"): (1, 0)}


def test_the_limit_holds_for_each_source_and_kind(tmp_path: Path):
    """So many ham and so many unwanted messages of each source, the first ones."""
    folder = put(tmp_path / "folder", *(invented("ham", number) for number in range(5)))
    one = pack(tmp_path / "one.tar.xz")
    assert read([folder, one], [one], limit=2) == {str(folder): (2, 0), "one": (2, 2)}
    letters = next(iter(find_sources([folder], []))).read(0, 2)
    assert [one.stored.data for one in letters] == [invented("ham", 0), invented("ham", 1)]


@pytest.mark.parametrize(
    ("ham", "spam", "place"),
    [
        ("h", "h", "h"),
        ("md/cur", "md", "md/cur"),
        ("md", "md/cur", "md/cur"),
        ("./h/000.eml", "md/../h/000.eml", "h/000.eml"),
        ("h/000.eml", "h", "h/000.eml"),
        ("link", "h", "h"),
        ("around", "h", "h"),
        ("pack", "pack/ham", "pack/ham"),
        ("old.mbox", "./old.mbox", "old.mbox"),
        ("-", "-", "-"),
    ],
)
def test_no_mail_can_be_both(tmp_path: Path, ham: str, spam: str, place: str, monkeypatch: pytest.MonkeyPatch):
    """Mail given as ham and as spam, under whatever names, says nothing about its messages: refused in one line."""
    monkeypatch.chdir(tmp_path)
    put(tmp_path / "h", invented("ham", 1))
    put(tmp_path / "md" / "cur", invented("ham", 1))
    put(tmp_path / "md" / "new")
    put(tmp_path / "pack" / "ham", invented("ham", 1))
    put(tmp_path / "pack" / "spam", invented("spam", 1))
    (tmp_path / "old.mbox").write_bytes(b"From a Mon\n" + invented("ham", 1))
    (tmp_path / "link").symlink_to(tmp_path / "h")
    (tmp_path / "around").mkdir()
    (tmp_path / "around" / "link").symlink_to(tmp_path / "h")
    for one, other in ((ham, spam), (spam, ham)):
        if (one, other) != ("pack/ham", "pack"):  # as spam the pack lends what is no ham
            with pytest.raises(CorpusError) as caught:
                find_sources([Path(one)], [Path(other)])
            assert str(caught.value) == f"{tmp_path / place if place != '-' else place}: given as ham and as spam"
    assert read([Path("pack/ham")], [Path("pack")]) == {"pack": (0, 1), "pack/ham": (1, 0)}


def test_an_inbox_and_its_junk_are_apart(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    """A Maildir given as ham and its junk folder as spam: nothing is both, and only other folders are said to be left out."""
    for place, label in (("", "ham"), (".Junk", "spam"), (".Sent", "ham")):
        put(tmp_path / "Maildir" / place / "cur", invented(label, 1), invented(label, 2))
        put(tmp_path / "Maildir" / place / "new")
    box = tmp_path / "Maildir"
    assert read([box], [box / ".Junk"]) == {str(box): (2, 0), str(box / ".Junk"): (0, 2)}
    (record,) = caplog.records
    assert record.getMessage().endswith(f": {box / '.Sent'}")


def test_a_message_counts_once(tmp_path: Path):
    """Whatever paths lead to a message, it is of one source; one that has nothing of its own is none."""
    folder = put(tmp_path / "h", *(invented("ham", number) for number in range(3)))
    more = put(folder / "sub", invented("ham", 4))
    put(tmp_path / "pack" / "ham", invented("ham", 5))
    ham = tmp_path / "pack" / "ham"
    assert read([folder, *sorted(folder.iterdir())], []) == {str(folder): (4, 0)}
    assert read([more, folder], []) == {str(more): (1, 0), str(folder): (3, 0)}
    assert read([ham, tmp_path / "pack", *ham.iterdir()], []) == {"pack": (1, 0)}
    assert read([tmp_path / "pack", tmp_path / "h" / ".." / "pack"], []) == {"pack": (1, 0)}


def test_an_archive_among_mail_hides_nothing(tmp_path: Path):
    """A folder with messages and a pack is both; with packs and notes alone it is a folder of packs."""
    folder = put(tmp_path / "h", *(invented("ham", number) for number in range(3)))
    pack(folder / "train-x.tar.xz")
    put(folder / "y" / "ham", invented("ham", 1))
    assert read([folder], []) == {"x": (3, 0), "y": (1, 0), str(folder): (3, 0)}
    packs = put(tmp_path / "packs")
    pack(packs / "train-z.tar.xz")
    (packs / "INDEX.md").write_text("# what is here\n")
    assert read([packs], []) == {"z": (3, 0)}


def test_compressed_mailboxes_are_sources(tmp_path: Path):
    """A rotated mbox is a source of its own, known to hold an unknown number of messages."""
    (tmp_path / "old.mbox.gz").write_bytes(gzip.compress(b"From a Mon\n" + invented("ham", 1)))
    (source,) = find_sources([tmp_path / "old.mbox.gz"], [])
    assert source.files() is None
    assert [letter.stored.data for letter in source.read(0, None)] == [invented("ham", 1)]


def test_a_path_that_is_not_there_is_known_before_reading(tmp_path: Path):
    """Counting the files of a source finds missing paths, packs too."""
    for name in ("nowhere", "nowhere.tar.xz", "nowhere.mbox"):
        with pytest.raises(ReplayError, match="no such file"):
            find_sources([tmp_path / name], [])[0].files()


def test_scores_are_those_of_the_live_check(check: ContentCheck):
    """The probability is the one in the live check's evidence, and mail is called spam exactly where it says spam."""
    texts = ("viagra", "minutes", "viagra minutes", "viagra viagra offer", "nothing known", "minutes of the meeting")
    for message in chain((letter("Hi", text) for text in texts), (invented("spam", number) for number in range(20))):
        stored = Stored("x", message, cut=False)
        logit, probability, broken = score(check, stored)
        live = check.run(Envelope(), stored.message(), Found())[0]
        assert not broken
        assert f"{probability:.4f}" == live.facts["probability"]
        assert (live.code in {"content.spam", "content.phish"}) == (probability >= check.spam_from)
        assert probability == pytest.approx(1 / (1 + math.exp(-logit)))


def test_mail_without_text_is_never_marked(check: ContentCheck):
    """Where the live check says content.none the message ranks where no points are given, below every mark."""
    stored = Stored("x", b"From: a@example.org\n\n", cut=False)
    assert check.run(Envelope(), stored.message(), Found())[0].code == "content.none"
    logit, probability, broken = score(check, stored)
    assert logit == EVEN < logit_of(0.5)
    assert math.isnan(probability)
    assert not broken


def test_a_message_that_breaks_the_check_does_not_stop_the_run(
    check: ContentCheck, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    """It is counted, named in the log in one line, and the next one is scored."""
    from gatepost.training import score as module

    def explode(message: object) -> object:
        raise ZeroDivisionError("for\nnothing")

    monkeypatch.setattr(module, "extract", explode)
    found = score_all(check, [Letter(0, unwanted=True, stored=Stored("a\nb", b"", cut=False))], 1, 1, lambda _: None)
    assert found[0][1].broken == 1
    assert list(found[0][1].logits) == [EVEN]
    assert len(caplog.records) == 1
    assert "\n" not in caplog.records[0].getMessage()


@pytest.mark.parametrize("jobs", [1, 2])
def test_processes_change_nothing(check: ContentCheck, jobs: int):
    """Scores come by source and in order, whatever the number of processes; progress adds up to the messages."""
    texts = [letter("Hi", f"{'viagra' if number % 3 else 'minutes'} {number}") for number in range(200)]
    letters = [
        Letter(number % 2, number % 3 > 0, Stored(str(number), text, cut=False)) for number, text in enumerate(texts)
    ]
    done: list[int] = []
    found = score_all(check, iter(letters), 2, jobs, done.append)
    want = [[score(check, one.stored)[0] for one in letters if (one.source, one.unwanted) == key] for key in KEYS]
    assert [list(found[source][unwanted].logits) for source, unwanted in KEYS] == want
    assert sum(done) == 200


@pytest.mark.parametrize("name", sorted(GROWING))
def test_hostile_mail_is_scored_too(check: ContentCheck, name: str):
    """Mail made to break parsers has a score, or none, and never an error."""
    assert not score(check, Stored(name, GROWING[name][1](200), cut=False))[2]
