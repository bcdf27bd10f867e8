"""`gatepost learn`: what it teaches counts at the next message, wherever the state is kept, and can be taken back."""

from __future__ import annotations

import json
import mailbox
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gatepost.arrival.replay import files
from gatepost.checks.content.lesson import JOURNAL
from gatepost.world.clock import FakeClock
from gatepost.world.state.door import StateUnavailableError
from gatepost.world.state.sqlite import SqliteState
from support.cli import gatepost
from support.letters import letter
from support.model import write_model
from support.redis_server import RedisServer
from support.slow_proxy import SlowProxy

Run = Callable[..., tuple[int, str, str]]
TEXT = "Buy our wonderful garden furniture today while the stock lasts, delivered to your very door next Tuesday"
DATA = letter("Offer", TEXT)
TWIN = letter("Offer", TEXT.replace("Tuesday", "Friday"))
OTHER = letter("Lunch", "Shall we meet at the usual place and talk about the new library roof and who pays for it")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """Give a running Redis for this module."""
    with RedisServer(tmp_path_factory.mktemp("redis")) as running:
        yield running


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a folder with three messages, and a state directory of its own."""
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    for name, data in (("one", DATA), ("twin", TWIN), ("other", OTHER)):
        (tmp_path / f"{name}.eml").write_bytes(data)
    return tmp_path


@pytest.fixture(params=["embedded", "sqlite", "redis"])
def config(request, place: Path, server: RedisServer) -> Path:
    """Give a config file for each place that state may be kept in."""
    server.command(b"FLUSHALL")
    urls = {"embedded": "", "sqlite": f"sqlite://{place}/named.db", "redis": server.url}
    return write_config(place, urls[request.param])


def write_config(place: Path, url: str, more: str = "") -> Path:
    """Write a config with a model of two words, silent about everything but state."""
    model = write_model(place / "model")
    file = place / "gatepost.toml"
    file.write_text(f'[classifier]\nmodel = "{model}"\n{more}\n[state]\nurl = "{url}"\ntimeout_seconds = 2.0\n')
    return file


def scanned(run: Run, config: Path, *files: Path, options: tuple[str, ...] = ()) -> list[dict]:
    """Scan messages and give their verdicts."""
    zone = config.with_name("zone.yaml")
    zone.write_text("{}\n")
    code, out, err = run("scan", "--json", "--dns-zone", zone, "--config", config, *options, *files)
    assert (code, err) == (0, "")
    return [json.loads(line) for line in out.splitlines()]


def odds(run: Run, config: Path, *files: Path) -> list[float]:
    """Give the spam probabilities of messages."""
    return [found["spam_probability"] for found in scanned(run, config, *files)]


def test_a_command_waits_for_a_slow_store(run: Run, place: Path, server: RedisServer) -> None:
    """Mail goes on without a store that takes 0.3 s for each answer; who teaches, looks or forgets has the time."""
    server.command(b"FLUSHALL")
    with SlowProxy(server.port) as proxy:
        config = write_config(place, f"redis://127.0.0.1:{proxy.port}/0")
        config.write_text(config.read_text().replace("timeout_seconds = 2.0", "timeout_seconds = 0.2"))
        proxy.delay = 0.3
        assert run("learn", "spam", place / "one.eml", "--config", config)[0] == 0
        code, out, _ = run("learn", "--list", "--json", "--config", config)
        assert (code, out.count('"id"')) == (0, 1)
        for word in ("show", "reset"):
            assert run("reputation", word, "shop.example", "--config", config)[0] == 0
        assert run("learn", "--undo", json.loads(out)["id"], "--config", config)[0] == 0


def test_many_labels_are_taken_back_a_few_at_a_time(run: Run, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All labels in one command, one of them twice: each is taken back once, and no exchange keeps the store for long."""
    config = write_config(place, f"sqlite://{place}/named.db")
    texts = [f"{TEXT} {number} {' '.join(f'w{number}x{more}' for more in range(30))}" for number in range(60)]
    for number, text in enumerate(texts):
        (place / f"{number}.eml").write_bytes(letter(f"Offer {number}", text))
    assert run("learn", "spam", *(place / f"{number}.eml" for number in range(60)), "--config", config)[0] == 0
    listed = [json.loads(line)["id"] for line in run("learn", "--list", "--json", "--config", config)[1].splitlines()]
    asked: list[int] = []
    exchange = SqliteState.exchange
    monkeypatch.setattr(SqliteState, "exchange", lambda self, asks: asked.append(len(asks)) or exchange(self, asks))
    code, out, err = run("learn", "--undo", *listed, listed[0], "--config", config)
    assert (code, out.count("taken back"), err) == (0, 60, "")
    assert sum(asked) >= 60
    assert max(asked) <= 200


def test_learning_counts_at_once_and_undoing_leaves_nothing(run: Run, config: Path, place: Path) -> None:
    """A reported message and its twin become spam, other mail does not move; undone, all is as before."""
    files = [place / f"{name}.eml" for name in ("one", "twin", "other")]
    before = odds(run, config, *files)
    code, out, err = run("learn", "spam", files[0], "--config", config)
    assert (code, err) == (0, "")
    name = out.split()[-1]
    assert out == f"learned as spam: {name}\n"
    after = scanned(run, config, *files)
    assert [found["spam_probability"] > 0.95 for found in after] == [True, True, False]
    assert after[2]["spam_probability"] == before[2]
    assert after[0]["class"] == "spam"
    (content,) = [item for item in after[0]["evidence"] if item["check"] == "content"]
    assert content["facts"]["site"].endswith("(local labels: 1 spam, 0 ham)")
    assert run("learn", "--undo", name, "--config", config) == (0, f"{name}  taken back\n", "")
    assert odds(run, config, *files) == before


def test_another_label_replaces_the_first(run: Run, config: Path, place: Path) -> None:
    """Reported as spam and then as ham it is ham, and stands in the list once, with its last label."""
    run("learn", "spam", place / "one.eml", "--config", config)
    code, out, _ = run("learn", "ham", "--json", place / "one.eml", "--config", config)
    told = json.loads(out)
    assert (code, told["label"], told["again"], told["file"]) == (0, "ham", True, str(place / "one.eml"))
    assert odds(run, config, place / "one.eml")[0] < 0.2
    code, out, err = run("learn", "--list", "--json", "--config", config)
    assert [json.loads(line)["label"] for line in out.splitlines()] == ["ham"]
    code, out, err = run("learn", "--list", "--config", config)
    assert out.startswith(f"{told['id']}  ham  ")
    assert err == "1 labels: 1 ham, 0 spam, 0 phish\n"


def test_all_forms_of_mail_are_learned(run: Run, place: Path) -> None:
    """Files, a folder, an mbox and standard input; copies count once; what has no text is left out and counted."""
    config = write_config(place, "")
    box = mailbox.mbox(place / "junk.mbox")
    for number in range(60):
        # Letters only: numbers do not tell words apart.
        name = f"{chr(97 + number // 10)}{chr(107 + number % 10)}" * 2
        box.add(letter("Offer", f"The {name} of our many offers: sale of {name}s and more {name}ware"))
    box.close()
    folder = place / "folder"
    folder.mkdir()
    (folder / "a").write_bytes(DATA)
    (folder / "b").write_bytes(DATA)
    (folder / "c").write_bytes(b"\n")
    code, out, err = run("learn", "spam", place / "junk.mbox", folder, "--config", config)
    assert (code, err) == (0, "")
    assert out == "learned as spam: 61 new, 1 known before, 1 without text left out\n"
    done = gatepost("learn", "phish", "-", "--config", config, stdin=OTHER)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("learned as phish: ")
    _, _, err = run("learn", "--list", "--config", config)
    assert err == "62 labels: 0 ham, 61 spam, 1 phish\n"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ((), 2, "nothing to learn"),
        (("junk", "one.eml"), 2, "'junk' is no label"),
        (("spam",), 2, "no PATH to learn as spam"),
        (("spam", "nowhere.eml"), 2, "no such file"),
        (("--undo", "zz"), 2, "'zz' is no id"),
        (("--undo",), 2, "nothing to learn"),
        (("--list", "spam"), 2, "stands alone"),
        (("--undo", "0" * 20), 1, "there is no such label"),
        (("spam", "empty.eml"), 1, "no message with text"),
    ],
)
def test_what_cannot_be_done_is_one_line(run: Run, place: Path, arguments, code: int, words: str) -> None:
    """Wrong usage exits 2, what failed exits 1, each with one clear line."""
    (place / "empty.eml").write_bytes(b"\n")
    given = [str(place / each) if each.endswith(".eml") else each for each in arguments]
    ended, _, err = run("learn", *given, "--config", write_config(place, ""))
    assert (ended, err.count("\n")) == (code, 1)
    assert words in err


def test_files_that_move_or_break_meanwhile_stop_nothing(
    run: Run, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A message that a mail reader renamed is learned, one that is gone is counted, one that cannot be read is named: exit 1."""
    box, config = place / "Maildir", write_config(place, "")
    for folder in ("cur", "new", "tmp"):
        (box / folder).mkdir(parents=True)
    words = ("garden", "kitchen", "bathroom", "cellar")
    for number, word in enumerate(words):
        (box / "new" / f"{number}.host").write_bytes(
            letter("Offer", f"Wonderful {word} furniture while the stock lasts")
        )

    def rearranged(paths: list[Path]) -> list[Path]:
        found = list(files(paths))
        (box / "new" / "0.host").rename(box / "cur" / "0.host:2,S")
        (box / "new" / "1.host").unlink()
        (box / "new" / "2.host").unlink()
        (box / "new" / "2.host").mkdir()
        return found

    with monkeypatch.context() as patch:
        patch.setattr("gatepost.service.cli.reading.files", rearranged)
        code, out, err = run("learn", "spam", box, "--config", config)
    assert code == 1
    assert out == (
        "learned as spam: 2 new, 0 known before, 1 files gone before they were read, 1 files that cannot be read\n"
    )
    first, second = err.splitlines()
    assert first == f"gatepost learn: {box / 'new' / '2.host'}: cannot be read: Is a directory"
    assert second == "gatepost learn: left out, as they were gone before they were read: 1 files"
    # As a shell names them that listed the folder before the reader renamed one.
    code, out, _ = run("learn", "spam", box / "new" / "0.host", box / "new" / "3.host", "--config", config)
    assert (code, out) == (0, "learned as spam: 0 new, 2 known before\n")


def test_what_was_learned_before_the_store_went_is_said(run: Run, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the store goes away in the middle, the number of messages that it had taken by then is told."""
    box = mailbox.mbox(place / "junk.mbox")
    for number in range(60):
        box.add(letter("Offer", f"Wonderful {chr(97 + number // 10)}{chr(107 + number % 10)}furniture in our shop"))
    box.close()
    taught = []

    def once(*arguments: object) -> None:
        taught.append(arguments)
        if len(taught) > 5:
            raise StateUnavailableError("gone")

    monkeypatch.setattr("gatepost.service.cli.learn.teach", once)
    code, _, err = run("learn", "spam", place / "junk.mbox", "--config", write_config(place, ""))
    assert (code, err.splitlines()) == (
        1,
        [
            "gatepost learn: 50 messages were learned as spam before the store went away",
            "gatepost learn: the state store does not answer: gone",
        ],
    )


@pytest.mark.parametrize(
    "arguments", [("learn", "spam", "one.eml"), ("learn", "--list"), ("learn", "--undo", "0" * 20)]
)
def test_a_store_that_is_away_is_one_line(tmp_path: Path, place: Path, arguments: tuple[str, ...]) -> None:
    """What is said of it is about this command, not about a worker that goes on."""
    (tmp_path / "r").mkdir()
    with RedisServer(tmp_path / "r") as server:
        config = write_config(place, server.url)
    given = [str(place / each) if each.endswith(".eml") else each for each in arguments]
    done = gatepost(*given, "--config", config)
    assert (done.code, done.out, done.err.count("\n")) == (1, "", 1)
    assert done.err.startswith("gatepost learn: the state store does not answer: redis at ")


def test_a_store_that_is_away_is_said(run: Run, tmp_path: Path, place: Path) -> None:
    """Nothing is learned into thin air: exit 1 and one line; scanning goes on without the labels and says so."""
    (tmp_path / "r").mkdir()
    with RedisServer(tmp_path / "r") as server:
        config = write_config(place, server.url)
        assert run("learn", "spam", place / "one.eml", "--config", config)[0] == 0
        server.kill()
        code, _, err = run("learn", "spam", place / "one.eml", "--config", config)
        assert code == 1
        assert "the state store does not answer" in err.splitlines()[-1]
        code, out, _ = run("scan", "--json", "--no-network", "--config", config, place / "one.eml")
        assert code == 0
        zone = place / "zone.yaml"
        zone.write_text("{}\n")
        code, out, _ = run("scan", "--json", "--dns-zone", zone, "--config", config, place / "one.eml")
        found = json.loads(out)
        assert (code, found["degraded"]) == (0, ["state"])
        server.start()
        assert run("learn", "spam", place / "one.eml", "--config", config)[0] == 0


def test_scanning_only_reads(run: Run, place: Path) -> None:
    """Without a state file scanning makes none; with one it learns nothing, whatever the verdict was."""
    config = write_config(place, "")
    odds(run, config, place / "one.eml")
    assert not (place / "state").exists()
    run("learn", "spam", place / "one.eml", "--config", config)
    for _ in range(3):
        odds(run, config, place / "one.eml", place / "twin.eml", place / "other.eml")
    state = SqliteState(place / "state" / "state.sqlite", FakeClock())
    assert len(state.changes(JOURNAL).entries) == 1
    state.close()


def test_a_hostile_store_teaches_nothing(run: Run, place: Path) -> None:
    """Records that somebody else wrote are not listed and move no message."""
    config = write_config(place, f"sqlite://{place}/named.db")
    before = odds(run, config, place / "one.eml")
    run("learn", "spam", place / "one.eml", "--config", config)
    state = SqliteState(place / "named.db", FakeClock())
    with state._transaction("BEGIN IMMEDIATE") as connection:
        connection.execute("UPDATE entries SET data = ?", (b"\xff" * 999,))
        connection.execute("INSERT INTO entries VALUES ('lessons', 99, 'x', 'text')")
        connection.execute("INSERT INTO entries VALUES ('lessons', 98, 12, 3.5)")
    state.close()
    assert run("learn", "--list", "--config", config)[1] == ""
    code, out, _ = run("scan", "--json", "--config", config, place / "one.eml")
    assert code == 0
    assert json.loads(out)["spam_probability"] == before[0]


def test_the_weight_switches_it_off(run: Run, place: Path) -> None:
    """With `site_weight = 0` what was learned stays in the store and moves nothing."""
    config = write_config(place, "", "site_weight = 0")
    before = odds(run, config, place / "one.eml")
    assert run("learn", "spam", place / "one.eml", "--config", config)[0] == 0
    assert odds(run, config, place / "one.eml") == before
