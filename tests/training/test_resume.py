"""A training that stops anywhere goes on, and what comes out is what would have come out without the stop."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gatepost.training import workfolder
from gatepost.training.corpus import CorpusError, find_packs
from gatepost.training.shards import Shard
from gatepost.training.table import table_of
from gatepost.training.train import train_model
from gatepost.training.workfolder import opened, read_packs
from support.cli import COMMAND, gatepost, on_terminal
from support.letters import WORDS, invented, letter, write_packs
from support.waiting import until


class Told:
    """What a training told of its progress."""

    def __init__(self) -> None:
        self.news: list[tuple[str, int, int | None]] = []

    def __call__(self, stage: str, done: int, total: int | None = None) -> None:
        """Take the news."""
        self.news.append((stage, done, total))

    def reading(self) -> list[tuple[int, int | None]]:
        """Give what was told of reading alone."""
        return [(done, total) for stage, done, total in self.news if stage == workfolder.STAGE]


@pytest.fixture
def packs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Give two small packs, read in pieces of 20."""
    monkeypatch.setattr(workfolder, "PIECE", 20)
    return write_packs(tmp_path / "packs", each=15)


def read(packs: list[Path], work: Path, told: Told | None = None, *, fresh: bool = False) -> list[Shard]:
    """Read packs into a work folder."""
    with opened(work):
        return read_packs(packs, work, 1, told or Told(), fresh=fresh)


def content(shards: list[Shard]) -> list[tuple[str, bytes]]:
    """Give names and bytes of shards."""
    return [(shard.path.name, shard.path.read_bytes()) for shard in shards]


def files(work: Path) -> dict[Path, int]:
    """Give the shards of a work folder with the files that they are."""
    return {path: path.stat().st_ino for path in sorted(work.rglob("*.shard"))}


def test_what_is_read_is_not_read_again(packs: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The second time no message is read, and everything counts at once."""
    first = content(read(packs, tmp_path / "work"))
    told = Told()
    monkeypatch.setattr(workfolder, "read_pack", lambda path: pytest.fail(f"{path} was read again"))
    assert content(read(packs, tmp_path / "work", told)) == first
    assert told.reading() == [(90, 90)]


@pytest.mark.parametrize("loss", ["deleted", "cut", "flipped", "foreign"])
def test_a_lost_piece_alone_is_read_again(packs: list[Path], tmp_path: Path, loss: str):
    """A piece that is missing or damaged comes back as it was; the others are not touched."""
    work = tmp_path / "work"
    first = content(read(packs, work))
    before = files(work)
    victim = sorted(before)[1]
    if loss == "deleted":
        victim.unlink()
    elif loss == "cut":
        os.truncate(victim, victim.stat().st_size - 1)
    else:
        data = bytearray(victim.read_bytes())
        data[-5] ^= 1
        victim.write_bytes(b"not ours" if loss == "foreign" else data)
    (victim.parent / "000007.tmp").write_bytes(b"half a shard")
    told = Told()
    assert content(read(packs, work, told)) == first
    assert told.reading()[0] == (70, 90)
    assert told.reading()[-1] == (90, 90)
    assert not list(work.rglob("*.tmp"))
    after = files(work)
    assert {path: inode for path, inode in after.items() if path != victim} == {
        path: inode for path, inode in before.items() if path != victim
    }


@pytest.mark.parametrize("change", ["new message", "other bytes", "manifest", "code"])
def test_other_mail_or_code_is_read_anew(
    packs: list[Path], tmp_path: Path, change: str, monkeypatch: pytest.MonkeyPatch
):
    """A pack that changed is read again and its old shards go; a pack that did not stays; other code reads all again."""
    work = tmp_path / "work"
    read(packs, work)
    before = files(work)
    if change == "new message":
        (packs[0] / "ham" / "new.eml").write_bytes(letter("New", "garden soup"))
    elif change == "other bytes":
        (packs[0] / "ham" / "00003.eml").write_bytes(letter("Other", "casino"))
    elif change == "manifest":
        (packs[0] / "MANIFEST.tsv").write_text("file\tlabel\tyear\tneardup_group\nham/00003.eml\tham\t2021\tx\n")
    else:
        monkeypatch.setattr(workfolder, "_code", lambda: b"other code")
    read(packs, work)
    kept = {path.parent.name[:3] for path, inode in files(work).items() if before.get(path) == inode}
    assert kept == (set() if change == "code" else {"two"})
    assert len(list(work.glob("one-*"))) == 1


def test_another_training_s_packs_stay(packs: list[Path], tmp_path: Path):
    """Training on one pack alone keeps what was read of the other."""
    read(packs, tmp_path / "work")
    before = files(tmp_path / "work")
    read(packs[:1], tmp_path / "work")
    assert files(tmp_path / "work") == before


def test_fresh_reads_everything(packs: list[Path], tmp_path: Path):
    """With `fresh` no shard is trusted; what comes out is the same."""
    first = content(read(packs, tmp_path / "work"))
    told = Told()
    assert content(read(packs, tmp_path / "work", told, fresh=True)) == first
    assert told.reading()[0] == (0, 90)


def test_a_pack_that_changes_meanwhile_is_refused(packs: list[Path], tmp_path: Path):
    """Mail that comes while the pack is read would be in no shard or in the wrong one: it says so."""

    class Meddles(Told):
        def __call__(self, stage: str, done: int, total: int | None = None) -> None:
            super().__call__(stage, done, total)
            (packs[0] / "ham" / "late.eml").write_bytes(letter("Late", "soup") + b"x" * done)

    with pytest.raises(CorpusError, match="changed while it was read"):
        read(packs, tmp_path / "work", Meddles())


def test_archives_and_mbox_files_are_counted_or_not(tmp_path: Path):
    """The end of an archive is known beforehand, that of an mbox file is not."""
    place = write_packs(tmp_path / "packs", each=3)[0]
    shutil.make_archive(str(tmp_path / "train-x"), "gztar", place)
    told = Told()
    read([tmp_path / "train-x.tar.gz"], tmp_path / "work", told)
    assert told.reading()[-1] == (9, 9)
    box = tmp_path / "mine"
    box.mkdir()
    (box / "ham.mbox").write_bytes(b"From a\nSubject: x\n\nsoup\n\nFrom b\nSubject: y\n\ngarden\n")
    told = Told()
    read([box], tmp_path / "work", told)
    assert told.reading()[-1] == (2, None)


def test_one_training_at_a_time(tmp_path: Path):
    """A work folder in use is refused; the process that used it being killed frees it."""
    holds = (
        "import sys, time\nfrom pathlib import Path\nfrom gatepost.training.workfolder import opened\n"
        "with opened(Path(sys.argv[1])):\n    print('held', flush=True)\n    sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", holds, tmp_path / "work"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(CorpusError, match="another training is using it"), opened(tmp_path / "work"):
            pass
        other.kill()
    with opened(tmp_path / "work") as work:
        assert work == tmp_path / "work"


def test_a_work_folder_is_the_owners_alone(packs: list[Path], tmp_path: Path):
    """Nobody else may read what a folder says of private mail."""
    read(packs, tmp_path / "work")
    folders = [tmp_path / "work", *(path.parent for path in files(tmp_path / "work"))]
    assert {path.stat().st_mode & 0o077 for path in folders} == {0}


def test_the_default_folder_is_the_caches(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """XDG's cache folder where it is set to a whole path, else the home's."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert workfolder.default_folder() == tmp_path / "gatepost" / "train"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert workfolder.default_folder() == tmp_path / "home" / ".cache" / "gatepost" / "train"


def model(folder: Path) -> dict[str, bytes]:
    """Give the files of a model."""
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir())}


@pytest.fixture(scope="module")
def mail(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give four packs of enough mail to be caught reading, and to have a model fitted on."""
    folder = tmp_path_factory.mktemp("mail")
    for number in range(4):
        for label in WORDS:
            place = folder / f"train-{number}" / label
            place.mkdir(parents=True)
            for each in range(60):
                (place / f"{each:05d}.eml").write_bytes(invented(label, each, seed=number))
    return folder


@pytest.fixture(scope="module")
def expected(mail: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Give the model that a training without any stop makes, in one process, from a folder of its own."""
    out = tmp_path_factory.mktemp("expected") / "mine"
    train_model(find_packs([mail]), out, 2611, 1, Told())
    return model(out)


def _start(mail: Path, tmp_path: Path, jobs: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        # A test run in the background of a shell would hand on that interrupts are ignored.
        ["env", "--default-signal=INT", COMMAND, *_arguments(mail, tmp_path, jobs)],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )


def _arguments(mail: Path, tmp_path: Path, jobs: int) -> list[str]:
    return ["train", f"--packs={mail}", f"--out={tmp_path / 'mine'}", f"--work={tmp_path / 'work'}", f"--jobs={jobs}"]


def _session(leader: int) -> list[int]:
    """Give the living processes of a session."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == leader and fields[0] != "Z":
            found.append(int(stat.parent.name))
    return found


@pytest.mark.parametrize(("jobs", "when"), [(1, "*.shard"), (4, "*.shard"), (2, "fits/*/*")])
def test_killed_and_started_again_gives_the_same_model(
    jobs: int, when: str, mail: Path, expected: dict[str, bytes], tmp_path: Path
):
    """Killed without warning while it reads or fits, the same command gives the same bytes, and leaves no process."""
    with _start(mail, tmp_path, jobs) as process:
        until(lambda: len(list((tmp_path / "work").rglob(when))) >= 2, "two finished pieces of work", 90)
        process.kill()
        process.wait()
        until(lambda: not _session(process.pid), "its processes to end")
    assert not (tmp_path / "mine").exists()
    before = files(tmp_path / "work")
    done = gatepost(*_arguments(mail, tmp_path, 2))
    assert done.code == 0, done.err
    assert model(tmp_path / "mine") == expected
    assert len(before) >= 2
    assert before.items() <= files(tmp_path / "work").items()
    assert not (tmp_path / "work" / "fits").exists()


def test_an_interrupt_says_how_to_go_on(mail: Path, tmp_path: Path):
    """Ctrl-C ends with exit code 130 and one line that names the folder, and no process stays."""
    with _start(mail, tmp_path, 2) as process:
        assert process.stderr is not None
        # The first line comes before the first message is read: it cannot be through by then.
        assert process.stderr.readline().startswith(b"work folder: ")
        os.killpg(process.pid, signal.SIGINT)
        said = process.stderr.read().decode()
        assert process.wait(90) == 130
        assert not _session(process.pid)
    assert said.splitlines()[-1] == (
        f"gatepost train: interrupted; the same command goes on with what is in {tmp_path / 'work'}"
    )
    assert "Traceback" not in said


def test_quick_gives_the_same_model_with_less_beside_it(mail: Path, expected: dict[str, bytes], tmp_path: Path):
    """Without the comparisons weights and calibration are the same; the card leaves their tables out."""
    done = gatepost(*_arguments(mail, tmp_path, 2), "--quick")
    assert done.code == 0, done.err
    quick = model(tmp_path / "mine")
    assert {name for name in quick if quick[name] == expected[name]} == {"weights.npz", "features.json"}
    assert b"## What it does with packs it never saw" in expected["card.md"]
    assert b"## What it does with packs it never saw" not in quick["card.md"]
    assert re.search(r"^reading mail: 720$", done.err, re.MULTILINE)
    assert re.search(r"^work folder: .*work \(keeps 0\.\d MB for the next training\)$", done.err, re.MULTILINE)


def test_a_terminal_shows_bars_and_drawing_is_told(mail: Path, tmp_path: Path):
    """On a terminal each stage has a bar with its end; with too much mail it says what was left aside."""
    done = on_terminal(*_arguments(mail, tmp_path, 2), "--quick", "--max-rows=300")
    assert done.code == 0, done.out
    assert "720/720" in done.out
    assert "5/5" in done.out
    assert "learned from 300 messages; 420 more were not drawn" in done.out


def test_the_table_is_the_same_however_it_was_read(packs: list[Path], tmp_path: Path):
    """One process or three, in one go or in two: the same rows in the same order."""
    found = []
    for jobs in (1, 3):
        with opened(tmp_path / str(jobs)) as work:
            found.append(read_packs(packs, work, jobs, Told()))
    assert content(found[0]) == content(found[1])
    assert table_of(found[0]).groups.tolist() == table_of(found[1]).groups.tolist()
