"""The online protocol: in order of arrival, each message predicted before it is learned, and nothing stored."""

from __future__ import annotations

import json
import mailbox
import tarfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest

from gatepost.checks.content.classifier import ContentCheck
from gatepost.checks.content.family import Settings, build
from gatepost.training.online import Online, in_order, natural, score_online, sites
from gatepost.training.sources import find_sources
from support.cli import gatepost
from support.letters import invented, letter
from support.model import write_model

Names = Callable[..., list[str]]


@pytest.fixture
def check(tmp_path: Path) -> ContentCheck:
    """Give a check whose model knows two words that no invented mail holds."""
    return build(Settings(model=str(write_model(tmp_path / "model", spam="zzspam", ham="zzham"))))


def put(folder: Path, names: dict[str, bytes]) -> Path:
    """Write message files."""
    folder.mkdir(parents=True)
    for name, data in names.items():
        (folder / name).write_bytes(data)
    return folder


def order(ham: list[Path], spam: list[Path], limit: int | None = None) -> list[str]:
    """Give the file names in the order in which an evaluation meets them."""
    sources = find_sources(ham, spam)
    found = [letter.stored.name for site in sites(sources) for letter in in_order(site, limit)]
    return [name.rpartition("/")[2] for name in found]


def test_files_come_in_order_of_their_names(tmp_path: Path) -> None:
    """Ham and spam mix by file name, numbers by value, wherever the files lie; the limit is of each kind."""
    ham = put(tmp_path / "in", {name: letter("a", "b") for name in ("inmail.2", "inmail.10", "inmail.101")})
    spam = put(tmp_path / "junk", {name: letter("a", "b") for name in ("inmail.1", "inmail.9", "inmail.100")})
    every = ["inmail.1", "inmail.2", "inmail.9", "inmail.10", "inmail.100", "inmail.101"]
    assert order([ham], [spam]) == every
    assert order([ham], [spam], 2) == every[:4]
    assert order([ham / "inmail.2", ham / "inmail.10"], [spam], 2) == every[:4]


def test_a_pack_keeps_its_order(tmp_path: Path) -> None:
    """A folder goes by file name over its labels; an archive as it was packed; each pack is a site of its own."""
    pack = tmp_path / "train-x"
    put(pack / "ham", {"00002.eml": letter("a", "b"), "00004.eml": letter("a", "b")})
    put(pack / "spam", {"00001.eml": letter("a", "b")})
    put(pack / "phish", {"00003.eml": letter("a", "b")})
    assert order([pack], [pack]) == ["00001.eml", "00002.eml", "00003.eml", "00004.eml"]
    assert order([pack], []) == ["00002.eml", "00004.eml"]
    archive = tmp_path / "train-y.tar.xz"
    with tarfile.open(archive, "w:xz") as made:
        for name in ("spam/9.eml", "ham/3.eml", "spam/1.eml"):
            member = tarfile.TarInfo(name)
            data = letter("a", "b")
            member.size = len(data)
            made.addfile(member, BytesIO(data))
    assert order([archive], [archive]) == ["9.eml", "3.eml", "1.eml"]
    assert [len(site) for site in sites(find_sources([archive, pack], [archive, pack]))] == [1, 1]


def test_ham_of_one_pack_and_spam_of_another_are_one_site(tmp_path: Path) -> None:
    """Packs that lend one kind each learn from one another; one that lends both stays by itself."""
    ham = put(tmp_path / "a" / "ham", {"1": letter("a", "b"), "3": letter("a", "b")}).parent
    spam = put(tmp_path / "b" / "spam", {"2": letter("a", "b")}).parent
    both = put(tmp_path / "c" / "ham", {"4": letter("a", "b")}).parent
    put(both / "spam", {"5": letter("a", "b")})
    assert order([ham], [spam]) == ["1", "2", "3"]
    found = sites(find_sources([ham, both], [both, spam]))
    assert [[source.name for _, source in site] for site in found] == [["c"], ["a", "b"]]


def test_an_archive_packed_by_kind_is_mixed(tmp_path: Path) -> None:
    """All ham in front of all spam is no order of arrival: both come in proportion, each in its own order, to the limit."""
    archive = tmp_path / "train-z.tar.xz"
    with tarfile.open(archive, "w:xz") as made:
        for name in (*(f"ham/{number}.eml" for number in "123456"), "phish/8.eml", "spam/7.eml"):
            member = tarfile.TarInfo(name)
            member.size = len(letter("a", "b"))
            made.addfile(member, BytesIO(letter("a", "b")))
    names = [f"{number}.eml" for number in (1, 2, 8, 3, 4, 5, 7, 6)]
    assert order([archive], [archive]) == names
    assert order([archive], [archive], 2) == ["1.eml", "8.eml", "2.eml", "7.eml"]
    assert order([archive], []) == [f"{number}.eml" for number in range(1, 7)]


def test_mailboxes_take_turns(tmp_path: Path) -> None:
    """Messages of mbox files have no names to sort by: one of each in turn."""
    for name, count in (("ham", 3), ("spam", 2)):
        box = mailbox.mbox(tmp_path / name)
        for _ in range(count):
            box.add(letter("a", "b"))
        box.close()
    assert order([tmp_path / "ham"], [tmp_path / "spam"]) == ["ham:1", "spam:1", "ham:2", "spam:2", "ham:3"]


def test_names_sort_as_people_sort_them() -> None:
    """Numbers by value and before letters, and no name breaks it."""
    names = ["b1", "a10", "a9", "a", "", "9" * 40, "10", "9"]
    assert sorted(names, key=natural) == ["", "9", "10", "9" * 40, "a", "a9", "a10", "b1"]


@pytest.fixture
def mail(tmp_path: Path) -> tuple[Path, Path]:
    """Give two folders of invented mail whose names mix."""
    ham = put(tmp_path / "h", {f"{number:04d}": invented("ham", number) for number in range(0, 120, 2)})
    spam = put(tmp_path / "s", {f"{number:04d}": invented("spam", number) for number in range(1, 120, 2)})
    return ham, spam


@pytest.mark.parametrize("jobs", [1, 2])
def test_it_learns_on_the_way(check: ContentCheck, mail: tuple[Path, Path], jobs: int) -> None:
    """The first message is the model's alone; later ones are told apart by what came before; jobs change nothing."""
    sources = find_sources([mail[0]], [mail[1]])
    done: list[int] = []
    found = score_online(check, sources, Online(1.0, 1, 1.0), None, jobs, done.append)
    (ham, _), (_, spam) = found.sides
    assert ham.logits[0] == 0.0
    assert found.labels == [60, 60]
    assert sum(done) == 120
    assert max(ham.logits[30:]) < min(spam.logits[30:])
    assert found == score_online(check, sources, Online(1.0, 1, 1.0), None, 1, done.append)


def test_a_share_of_the_labels(check: ContentCheck, mail: tuple[Path, Path]) -> None:
    """A share is drawn by its seed, the same every time; none of them leaves the model as it is."""
    sources = find_sources([mail[0]], [mail[1]])

    def run(share: float, seed: int):
        return score_online(check, sources, Online(share, seed, 1.0), None, 1, lambda _: None)

    assert run(0.25, 1) == run(0.25, 1) != run(0.25, 2)
    assert 15 < sum(run(0.25, 1).labels) < 45
    assert set(run(0.0, 1).sides[0][0].logits) == {0.0}


def test_the_command_says_that_it_is_online(mail: tuple[Path, Path], tmp_path: Path) -> None:
    """Title and JSON name the protocol and the labels given; nothing is stored; what does not go together is refused."""
    model = write_model(tmp_path / "model", spam="zzspam", ham="zzham")
    given = ("evaluate", "--ham", mail[0], "--spam", mail[1], "--model", str(model), "--online")
    state = {"STATE_DIRECTORY": str(tmp_path / "state")}
    done = gatepost(*given, "--json", "--labels-share", "0.5", "--seed", "7", env=state)
    assert (done.code, done.err) == (0, "")
    found = json.loads(done.out)
    assert found["online"] == {"labels_share": 0.5, "seed": 7, "learned": found["online"]["learned"]}
    assert 30 < sum(found["online"]["learned"].values()) < 90
    assert found["total"]["1-auc"] < 0.3
    assert not (tmp_path / "state").exists()
    shown = gatepost(*given, env=state)
    assert "online: each message predicted, then learned (60 ham and 60 unwanted labels given)" in " ".join(
        shown.out.split()
    )
    assert gatepost(*given, "--attacks", "leet").err == "gatepost evaluate: --online does not go with --attacks\n"
    assert gatepost(*given[:-1], "--labels-share", "0.5").code == 2
